//! Tests of recording and reading, with batches of an artificial network.

mod compare;
mod content;
mod numbers;
mod safety;

use super::{Provenance, Recorder, State, Summary};
use crate::plan::{Model, Plan, Population, Receptor, Record, Selection, Trace, Value, WeightStorage};
use crate::run::{Batch, PopulationSpikes};
use lapicque_analysis::recording::Reader;
use lapicque_models::page::{
    DefaultValue as FieldDefault, Dimension, Field, Page, Range as FieldRange, Role, Variable,
};
use std::path::Path;

static MEMBRANE: Page = Page {
    name: "membrane",
    role: Role::Membrane,
    summary: "",
    text: "",
    fields: &[Field {
        name: "c_m",
        symbol: "C",
        dimension: Dimension::Capacitance,
        default: FieldDefault::Absent,
        range: FieldRange::Positive,
        meaning: "capacitance",
    }],
    variables: &[Variable { name: "v", dimension: Dimension::Voltage, meaning: "potential", starts_from: None }],
};

static RECEPTOR: Page = Page {
    name: "exponential",
    role: Role::Receptor,
    summary: "",
    text: "",
    fields: &[],
    variables: &[Variable { name: "i", dimension: Dimension::Drive, meaning: "current", starts_from: None }],
};

/// A plan with steps of 0.1 ms. Population E has 4 neurons with a capacitance, population I has 3 neurons without a
/// capacitance; both have a receptor "exc". Recorded are all spikes, the activity in bins of 5 steps, and v and exc.i
/// of neurons 1..3 of E every 2 steps.
fn plan(steps: u64, from: u64) -> Plan {
    let population = |name: &str, size, capacitance: Option<f64>| Population {
        name: name.to_string(),
        size,
        neuron: Model { page: &MEMBRANE, values: vec![capacitance.map(Value::Constant)] },
        receptors: vec![Receptor { name: "exc".to_string(), model: Model { page: &RECEPTOR, values: Vec::new() } }],
        initial: Vec::new(),
    };
    let all = |population, size| Selection { population, neurons: 0..size };
    Plan {
        dt: 0.1,
        steps,
        seed: 1,
        wiring_seed: 2,
        state_seed: 3,
        weights: WeightStorage::Full,
        populations: vec![population("E", 4, Some(250.0)), population("I", 3, None)],
        inputs: Vec::new(),
        projections: Vec::new(),
        record: Record {
            from,
            spikes: vec![all(0, 4), all(1, 3)],
            activity_bin: Some(5),
            traces: vec![Trace {
                of: Selection { population: 0, neurons: 1..3 },
                variables: vec!["v".to_string(), "exc.i".to_string()],
                every: 2,
            }],
            compress: false,
            flush_s: 3600.0,
        },
    }
}

/// The same plan without traces, for tests whose batches contain only spikes.
fn spikes_only(steps: u64, from: u64) -> Plan {
    let mut plan = plan(steps, from);
    plan.record.traces.clear();
    plan
}

fn population_spikes(spikes: &[(u64, u32)]) -> PopulationSpikes {
    PopulationSpikes {
        ticks: spikes.iter().map(|spike| spike.0).collect(),
        neurons: spikes.iter().map(|spike| spike.1).collect(),
    }
}

/// A batch with the given spikes (tick, neuron) of E and I.
fn batch(until: u64, e: &[(u64, u32)], i: &[(u64, u32)]) -> Batch {
    Batch { until, spikes: vec![population_spikes(e), population_spikes(i)], samples: Vec::new() }
}

/// Whether a neuron of the artificial network spikes at `tick`. The probability is about 1/20.
fn spikes_at(tick: u64, neuron: u32, size: u32) -> bool {
    let mixed = (tick * u64::from(size) + u64::from(neuron)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 32).is_multiple_of(20)
}

/// The value of a variable of the artificial network.
fn value(tick: u64, neuron: u32, variable: usize) -> f64 {
    (tick as f64 + 0.1 * f64::from(neuron)).sin() + variable as f64
}

/// The batch that the artificial network produces in the ticks after `after` up to `until`. Row 0 of the traces belongs
/// to the first batch (`after` = 0).
fn made_batch(plan: &Plan, after: u64, until: u64) -> Batch {
    let mut made = Batch { until, ..Batch::default() };
    for population in &plan.populations {
        let mut spikes = PopulationSpikes::default();
        for tick in after + 1..=until {
            for neuron in (0..population.size).filter(|&neuron| spikes_at(tick, neuron, population.size)) {
                spikes.ticks.push(tick);
                spikes.neurons.push(neuron);
            }
        }
        made.spikes.push(spikes);
    }
    for trace in &plan.record.traces {
        for (index, _) in trace.variables.iter().enumerate() {
            let first = if after == 0 { 0 } else { after + 1 };
            let sampled_ticks = (first..=until)
                .filter(|&tick| tick >= plan.record.from && (tick - plan.record.from).is_multiple_of(trace.every));
            made.samples.push(
                sampled_ticks
                    .flat_map(|tick| trace.of.neurons.clone().map(move |neuron| value(tick, neuron, index)))
                    .collect(),
            );
        }
    }
    made
}

/// Records the artificial network in batches of `length` ticks.
fn record(path: &Path, plan: &Plan, length: u64) -> Summary {
    let mut recorder = Recorder::create(path, plan, Provenance::default(), false).unwrap();
    let mut reached = 0;
    while reached < plan.steps {
        let until = (reached + length).min(plan.steps);
        recorder.push(made_batch(plan, reached, until)).unwrap();
        reached = until;
    }
    recorder.finish(State::Complete, &[("build", 0.5), ("simulate", 1.5)], 1 << 20, plan.steps).unwrap()
}

/// The spikes of a population in a file, as (tick, neuron).
fn spikes_in_file(path: &Path, population: &str) -> Vec<(u64, u64)> {
    let spikes = Reader::open(path).unwrap().spikes(population).unwrap();
    spikes.times_ms.iter().map(|time| (time / 0.1).round() as u64).zip(spikes.neurons).collect()
}

/// The spikes of the artificial network in the ticks after `after` up to `until`, as (tick, neuron).
fn expected_spikes(plan: &Plan, population: usize, after: u64, until: u64) -> Vec<(u64, u64)> {
    let size = plan.populations[population].size;
    (after + 1..=until)
        .flat_map(|tick| (0..size).filter(move |&n| spikes_at(tick, n, size)).map(move |n| (tick, u64::from(n))))
        .collect()
}
