//! Checks of a plan by the models themselves. The page of a model gives the range of each field. Conditions between
//! fields, such as a reset below the threshold, are known only to the constructor of the model.
//!
//! This file calls the constructors for every population and every input of a plan. Where the parameters are the same
//! for all neurons it checks one neuron; where parameters are drawn it checks every neuron. A refusal becomes a problem
//! with the line of the field at fault.

use super::load::Loaded;
use super::problem::{ConfigError, Problem};
use super::tree::{Content, Node, TomlTable};
use crate::build::{self, Share};
use crate::error::BuildError;
use crate::plan::{Model, Value};
use lapicque_models::list::Models;

/// At most this many neurons of a population are checked here. The builder checks all neurons.
const MAX_NEURONS: u32 = 1 << 22;

impl Loaded {
    /// Checks that the models accept their parameters. The error lists the refusals with their lines. Inputs are
    /// checked only if all populations are accepted.
    pub fn check_models(&self, models: &Models) -> Result<(), ConfigError> {
        let mut problems: Vec<Problem> = Vec::new();
        for (index, population) in self.plan.populations.iter().enumerate() {
            let share = neurons_to_check(
                population.size,
                has_drawn_values(&population.neuron) || receptors_have_drawn_values(self, index),
            );
            if let Err(error) = build::neurons(&self.plan, models, index, &share, false) {
                add_unless_same_place(&mut problems, self.at_population(&population.name, &error));
            }
        }
        if !problems.is_empty() {
            return Err(ConfigError { problems });
        }
        for (index, input) in self.plan.inputs.iter().enumerate() {
            let population = &self.plan.populations[input.to.population];
            let all = has_drawn_values(&input.model) || has_drawn_values(&population.neuron);
            let mut share = neurons_to_check(population.size, all);
            if !all {
                share.neurons = input.to.neurons.start..input.to.neurons.start + 1;
            }
            if let Err(error) = build::stimulus(&self.plan, models, 1.0, index, &share) {
                let table = self.root.node("input").and_then(|node| child(node, &input.name));
                add_unless_same_place(&mut problems, self.problem(table, &format!("input.{}", input.name), &error));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(ConfigError { problems }) }
    }

    /// The refusal of a population by its models. Its place is the field at fault, in the population's own table or in
    /// the table of the population named by `like`.
    fn at_population(&self, name: &str, error: &BuildError) -> Problem {
        let field = field_at_fault(error);
        let definition = |name: &str| self.root.node("population").and_then(|node| child(node, name));
        let mut current = name.to_string();
        let mut found = None;
        // A chain of `like` cannot be longer than the list of populations, because circles have been refused.
        for _ in 0..=self.plan.populations.len() {
            let Some(table) = definition(&current) else { break };
            let neuron = child(table, "neuron");
            if neuron.is_some() && (found.is_none() || neuron.and_then(|n| child(n, field)).is_some()) {
                found = neuron.map(|node| (node, format!("population.{current}.neuron")));
                if neuron.and_then(|n| child(n, field)).is_some() {
                    break;
                }
            }
            match child(table, "like").map(|node| &node.content) {
                Some(Content::Text(next)) => current.clone_from(next),
                _ => break,
            }
        }
        match found {
            Some((node, path)) => self.problem(Some(node), &path, error),
            None => self.problem(definition(name), &format!("population.{name}"), error),
        }
    }

    /// A refusal as a problem: at the field at fault if `table` has it, else at `table`.
    fn problem(&self, table: Option<&Node>, path: &str, error: &BuildError) -> Problem {
        let at = table.and_then(|node| child(node, field_at_fault(error)));
        let path = if at.is_some() { format!("{path}.{}", field_at_fault(error)) } else { path.to_string() };
        let message = match error {
            BuildError::Parameter { source: refusal, .. } => refusal.message.clone(),
            other => other.to_string(),
        };
        let origin = at.or(table).map_or(super::tree::Origin::TOP, |node| node.origin);
        let given = at.map_or(String::new(), Node::show);
        Problem { place: self.texts.place(origin), path, given, message, remedy: None }
    }
}

/// Adds a problem unless there is one at the same place. Populations can share the lines of their definition through
/// `like`, and all targets of an input share the lines of the input. Each would report the same problem again.
fn add_unless_same_place(problems: &mut Vec<Problem>, problem: Problem) {
    if !problems.iter().any(|p| p.place == problem.place) {
        problems.push(problem);
    }
}

/// The field at fault; empty if the error names no field.
fn field_at_fault(error: &BuildError) -> &str {
    match error {
        BuildError::Parameter { source: refusal, .. } => &refusal.field,
        _ => "",
    }
}

/// The value of a key if `node` is a table.
fn child<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let Content::Table(table) = &node.content else { return None };
    TomlTable::node(table, key)
}

fn has_drawn_values(model: &Model) -> bool {
    model.values.iter().any(|value| matches!(value, Some(Value::Drawn { .. })))
}

fn receptors_have_drawn_values(loaded: &Loaded, population: usize) -> bool {
    loaded.plan.populations[population].receptors.iter().any(|receptor| has_drawn_values(&receptor.model))
}

/// The first neuron of a population, or all neurons up to [`MAX_NEURONS`].
fn neurons_to_check(size: u32, all: bool) -> Share {
    Share { neurons: 0..if all { size.min(MAX_NEURONS) } else { 1 }, slots: Vec::new() }
}
