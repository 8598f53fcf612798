//! Resolves the tree of a file into a [`Plan`]: `[parameters]` and `[simulation]` first, then populations, inputs,
//! projections and records.

use super::context::{Context, Section, list};
use super::inputs::{self, SimulationSettings};
use super::keys::{self, ValueKind};
use super::problem::{Problem, nearest};
use super::tree::{ConfigTexts, Origin, TomlTable};
use super::{parameters, populations, projections, record};
use crate::plan::{Plan, WeightStorage};
use lapicque_models::page::Page;

/// Resolves a tree into a plan. The error lists all problems, in the order of the file.
pub(crate) fn resolve(root: &TomlTable, texts: &ConfigTexts, models: &[&'static Page]) -> Result<Plan, Vec<Problem>> {
    let mut cx = Context::new(texts, models);
    let plan = plan(&mut cx, root);
    match plan {
        Some(plan) if !cx.has_problems() => Ok(plan),
        _ => {
            if !cx.has_problems() {
                // Every function that returns `None` should have reported a problem. If one did not, that is a bug.
                let message = "the configuration cannot be resolved".to_string();
                cx.report(Origin::TOP, "", String::new(), message, Some("please report this as a bug".to_string()));
            }
            Err(cx.into_problems())
        }
    }
}

fn plan(cx: &mut Context, root: &TomlTable) -> Option<Plan> {
    let known: Vec<&str> = keys::TOP.iter().map(|(name, _)| *name).collect();
    for entry in root.entries.iter().filter(|e| !known.contains(&e.key.as_str()) || e.key == "base") {
        match entry.key.as_str() {
            "base" => {
                let message = "base can only be given at the top of a file, not by --set".to_string();
                cx.report_value(&entry.node, "base", message, None);
            }
            key => cx.report_unknown(entry, key, "table", &known),
        }
    }
    parameters::resolve(cx, root);
    let simulation = Simulation::read(cx, root);
    let settings = SimulationSettings { dt: simulation.dt.unwrap_or(f64::NAN), seed: simulation.seed.unwrap_or(1) };
    let populations = populations::resolve(cx, root);
    let inputs = inputs::resolve(cx, root, &populations, &settings);
    let projections = projections::resolve(cx, root, &populations, settings.dt);
    let record = record::resolve(cx, root, &populations, simulation.steps, settings.dt);
    Some(Plan {
        dt: simulation.dt?,
        steps: simulation.steps?,
        seed: simulation.seed?,
        wiring_seed: simulation.wiring_seed?,
        state_seed: simulation.state_seed?,
        weights: simulation.weights?,
        populations: populations.into_list()?,
        inputs,
        projections,
        record: record?,
    })
}

/// The values of `[simulation]`; `None` where a value is wrong, which has been reported.
#[derive(Default)]
struct Simulation {
    dt: Option<f64>,
    steps: Option<u64>,
    seed: Option<u64>,
    wiring_seed: Option<u64>,
    state_seed: Option<u64>,
    weights: Option<WeightStorage>,
}

impl Simulation {
    fn read(cx: &mut Context, root: &TomlTable) -> Self {
        let empty = TomlTable::default();
        let (table, origin) = match root.get("simulation") {
            Some(entry) => match cx.table(&entry.node, "simulation") {
                Some(table) => (table, entry.origin),
                None => return Simulation::default(),
            },
            None => (&empty, Origin::TOP),
        };
        let section = Section { path: "simulation", table, origin, keys: keys::SIMULATION };
        cx.check_keys(&section, &[]);
        let dt = cx.quantity_of(&section, "dt").flatten();
        let duration = cx.quantity_of(&section, "duration").flatten();
        let steps = duration.zip(dt).and_then(|(duration, dt)| {
            let steps = cx.steps(section.node("duration"), &section, "duration", duration, dt)?;
            if steps == 0 {
                let message = format!("the duration is shorter than one step, dt = {dt} ms");
                cx.report(origin, "simulation.duration", String::new(), message, None);
            }
            Some(steps)
        });
        let seed = cx.whole_number_of(&section, "seed").flatten();
        let mut seed_or_default = |key: &str| match cx.whole_number_of(&section, key) {
            Some(given) => given.or(seed),
            None => None,
        };
        let (wiring_seed, state_seed) = (seed_or_default("wiring_seed"), seed_or_default("state_seed"));
        let weights = weights(cx, &section);
        Simulation { dt, steps, seed, wiring_seed, state_seed, weights }
    }
}

fn weights(cx: &mut Context, section: &Section) -> Option<WeightStorage> {
    let Some(node) = section.node("weights") else { return Some(WeightStorage::default()) };
    let words = keys::SIMULATION.iter().find_map(|key| match key.value_kind {
        ValueKind::Word(words) if key.name == "weights" => Some(words),
        _ => None,
    })?;
    let path = section.path_of("weights");
    match cx.text(node, &path, "\"full\" or \"compact\"")? {
        "full" => Some(WeightStorage::Full),
        "compact" => Some(WeightStorage::Compact),
        wrong => {
            let remedy = nearest(wrong, words.iter().copied()).map(|word| format!("did you mean \"{word}\"?"));
            cx.report_value(
                node,
                &path,
                format!("unknown storage of weights {}; {}", node.show(), list(words)),
                remedy,
            );
            None
        }
    }
}
