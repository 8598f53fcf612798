//! Estimates how many synapses and how much memory a network will have, before it is built.

use super::groups::stores_no_targets;
use super::quantum::LARGEST_ROUNDING;
use crate::error::BuildError;
use crate::plan::{Plan, Projection, Rule, Sampler, Value, WeightStorage};

/// Estimate of one projection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProjectionEstimate {
    /// Number of synapses: exact if the rule fixes the number, else the expected number.
    pub synapses: f64,
    /// Memory of the synapses in bytes.
    pub bytes: f64,
}

/// Estimates number and memory of the synapses of a projection.
pub fn estimate_projection(plan: &Plan, projection: &Projection) -> ProjectionEstimate {
    let size = |s: &crate::plan::Selection| f64::from(s.neurons.end - s.neurons.start);
    let (from, to) = (size(&projection.from), size(&projection.to));
    let autapses_excluded = if projection.autapses || projection.from.population != projection.to.population {
        0.0
    } else {
        let (a, b) = (&projection.from.neurons, &projection.to.neurons);
        f64::from(a.end.min(b.end).saturating_sub(a.start.max(b.start)))
    };
    let synapses = match projection.rule {
        Rule::AllToAll => from * to - autapses_excluded,
        Rule::ErdosRenyi(p) => p * (from * to - autapses_excluded),
        Rule::FixedInDegree(k) => f64::from(k) * to,
        Rule::FixedOutDegree(k) => f64::from(k) * from,
        Rule::FixedTotalNumber(k) => k as f64,
        Rule::OneToOne if autapses_excluded > 0.0 && projection.from.neurons.start == projection.to.neurons.start => {
            0.0
        }
        Rule::OneToOne => to,
    };
    let bytes_per_synapse = match projection.weight {
        _ if stores_no_targets(projection) => 0.0,
        Value::Constant(_) => 2.0,
        // Measured on the full microcircuit: 4.92, without the starts of the segments.
        Value::Drawn { .. } if can_be_packed(plan, projection) => 4.9,
        Value::Drawn { .. } => 6.0,
    };
    ProjectionEstimate { synapses, bytes: synapses * bytes_per_synapse }
}

/// Whether weight and target of each synapse of a projection will probably fit in 32 bits. The distance between the
/// targets of a row also matters, but is not known before the network is built.
fn can_be_packed(plan: &Plan, projection: &Projection) -> bool {
    let weight = Sampler::weight(projection.weight);
    let quantum = LARGEST_ROUNDING * weight.mean().abs();
    plan.weights == WeightStorage::Compact || weight.largest() <= quantum * f64::from(1 << 22)
}

/// Estimate of a whole network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Number of neurons.
    pub neurons: u64,
    /// Number of synapses.
    pub synapses: f64,
    /// Largest memory during building and running, in bytes.
    pub bytes: f64,
}

impl Estimate {
    /// The error for a network that does not fit into the memory of the machine, `have` bytes.
    pub fn too_large(&self, have: u64) -> BuildError {
        BuildError::Memory {
            need_mb: (self.bytes / 1e6) as u64,
            have_mb: have / 1_000_000,
            synapses: self.synapses as u64,
            neurons: self.neurons,
        }
    }
}

/// Estimates a whole network, divided into `tiles` tiles.
pub fn estimate(plan: &Plan, tiles: usize) -> Estimate {
    let neurons: u64 = plan.populations.iter().map(|p| u64::from(p.size)).sum();
    let mut sum = Estimate { neurons, synapses: 0.0, bytes: 0.0 };
    // For each source population: largest number of different delays, in steps, that one of its projections can have.
    let mut row_delays = vec![0.0f64; plan.populations.len()];
    for p in &plan.projections {
        let estimate = estimate_projection(plan, p);
        sum.synapses += estimate.synapses;
        sum.bytes += estimate.bytes;
        if !stores_no_targets(p) {
            // A table stores at most one start of a segment for each (source, shard of 65 536 slots, delay).
            let (low, high) = Sampler::delay(p.delay, plan.dt).bounds();
            let delays = f64::from(Sampler::steps(high) - Sampler::steps(low) + 1);
            let row_delays = &mut row_delays[p.from.population];
            *row_delays = row_delays.max(delays);
        }
    }
    let slots: f64 = plan.populations.iter().map(|p| f64::from(p.size) * p.receptors.len() as f64).sum();
    let shards = (slots / 65536.0).max(tiles as f64).ceil();
    for (population, delays) in plan.populations.iter().zip(row_delays) {
        // Columns of 8 bytes for each neuron, four more if parameters of the membrane are drawn.
        let columns = 3 + 2 * population.receptors.len() + population.neuron.page.variables.len();
        let drawn_parameters =
            population.neuron.values.iter().filter(|v| matches!(v, Some(Value::Drawn { .. }))).count();
        sum.bytes += f64::from(population.size) * (8 * (columns + 4 * drawn_parameters.min(1))) as f64;
        sum.bytes += f64::from(population.size) * delays * 4.0 * shards;
    }
    // The program itself, and a fixed part for each tile.
    sum.bytes += 3e7 + tiles as f64 * 1e6;
    sum
}
