//! What only a model itself can refuse, such as a reset above the threshold, told with its line like everything else.
//!
//! Pages say what each field may be; how fields go together is known to the constructors. They are called here with
//! every population and input of a plan: one neuron of it where all are the same, all where parameters are drawn.

use super::load::Loaded;
use super::problem::{ConfigError, Problem};
use super::tree::{Content, Node, TomlTable};
use crate::build::{self, Share};
use crate::error::BuildError;
use crate::plan::{Model, Value};
use lapicque_models::list::Models;

/// More neurons than this are not tried out here; the builder still does.
const MOST_NEURONS: u32 = 1 << 22;

impl Loaded {
    /// Asks the models whether they take their parameters.
    pub fn check_models(&self, models: &Models) -> Result<(), ConfigError> {
        let mut problems: Vec<Problem> = Vec::new();
        for (index, population) in self.plan.populations.iter().enumerate() {
            let share = share(population.size, drawn(&population.neuron) || drawn_receptors(self, index));
            if let Err(error) = build::neurons(&self.plan, models, index, &share, false) {
                add(&mut problems, self.at_population(&population.name, &error));
            }
        }
        if !problems.is_empty() {
            return Err(ConfigError { problems });
        }
        for (index, input) in self.plan.inputs.iter().enumerate() {
            let population = &self.plan.populations[input.to.population];
            let all = drawn(&input.model) || drawn(&population.neuron);
            let mut share = share(population.size, all);
            if !all {
                share.neurons = input.to.neurons.start..input.to.neurons.start + 1;
            }
            if let Err(error) = build::stimulus(&self.plan, models, 1.0, index, &share) {
                let table = self.root.node("input").and_then(|node| inner(node, &input.name));
                add(&mut problems, self.problem(table, &format!("input.{}", input.name), &error));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(ConfigError { problems }) }
    }

    /// The refusal of a population's models, at the field that is to blame: its own, or that of the one it is `like`.
    fn at_population(&self, name: &str, error: &BuildError) -> Problem {
        let field = field(error);
        let of = |name: &str| self.root.node("population").and_then(|node| inner(node, name));
        let mut current = name.to_string();
        let mut found = None;
        // A chain of `like` is no longer than the populations; circles were refused.
        for _ in 0..=self.plan.populations.len() {
            let Some(table) = of(&current) else { break };
            let neuron = inner(table, "neuron");
            if neuron.is_some() && (found.is_none() || neuron.and_then(|n| inner(n, field)).is_some()) {
                found = neuron.map(|node| (node, format!("population.{current}.neuron")));
                if neuron.and_then(|n| inner(n, field)).is_some() {
                    break;
                }
            }
            match inner(table, "like").map(|node| &node.content) {
                Some(Content::Text(next)) => current.clone_from(next),
                _ => break,
            }
        }
        match found {
            Some((node, path)) => self.problem(Some(node), &path, error),
            None => self.problem(of(name), &format!("population.{name}"), error),
        }
    }

    fn problem(&self, table: Option<&Node>, path: &str, error: &BuildError) -> Problem {
        let at = table.and_then(|node| inner(node, field(error)));
        let path = if at.is_some() { format!("{path}.{}", field(error)) } else { path.to_string() };
        let message = match error {
            BuildError::Parameter { source, .. } => source.message.clone(),
            other => other.to_string(),
        };
        let origin = at.or(table).map_or(super::tree::Origin::TOP, |node| node.origin);
        let given = at.map_or(String::new(), Node::show);
        Problem { place: self.sources.place(origin), path, given, message, remedy: None }
    }
}

/// Populations like each other, and the parts of one input, share their lines.
fn add(problems: &mut Vec<Problem>, problem: Problem) {
    if !problems.iter().any(|p| p.place == problem.place) {
        problems.push(problem);
    }
}

fn field(error: &BuildError) -> &str {
    match error {
        BuildError::Parameter { source, .. } => &source.field,
        _ => "",
    }
}

fn inner<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let Content::Table(table) = &node.content else { return None };
    TomlTable::node(table, key)
}

fn drawn(model: &Model) -> bool {
    model.values.iter().any(|value| matches!(value, Some(Value::Drawn { .. })))
}

fn drawn_receptors(loaded: &Loaded, population: usize) -> bool {
    loaded.plan.populations[population].receptors.iter().any(|receptor| drawn(&receptor.model))
}

fn share(size: u32, all: bool) -> Share {
    Share { neurons: 0..if all { size.min(MOST_NEURONS) } else { 1 }, slots: Vec::new() }
}
