//! What a network will need before it is built: synapses and memory.

use super::groups::stores_no_targets;
use super::quantum::ROUNDING;
use crate::error::BuildError;
use crate::plan::{Plan, Projection, Rule, Sampler, Value, WeightStorage};

/// Estimate of one projection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProjectionEstimate {
    /// Synapses: exact where the rule fixes the number, else expected.
    pub synapses: f64,
    /// Bytes of storage.
    pub bytes: f64,
}

/// Synapses of a projection: exact, or expected where the rule draws the number.
pub fn projection(plan: &Plan, projection: &Projection) -> ProjectionEstimate {
    let n = |s: &crate::plan::Selection| f64::from(s.neurons.end - s.neurons.start);
    let (from, to) = (n(&projection.from), n(&projection.to));
    let itself = if projection.autapses || projection.from.population != projection.to.population {
        0.0
    } else {
        let (a, b) = (&projection.from.neurons, &projection.to.neurons);
        f64::from(a.end.min(b.end).saturating_sub(a.start.max(b.start)))
    };
    let synapses = match projection.rule {
        Rule::AllToAll => from * to - itself,
        Rule::ErdosRenyi(p) => p * (from * to - itself),
        Rule::FixedInDegree(k) => f64::from(k) * to,
        Rule::FixedOutDegree(k) => f64::from(k) * from,
        Rule::FixedTotalNumber(k) => k as f64,
        Rule::OneToOne if itself > 0.0 && projection.from.neurons.start == projection.to.neurons.start => 0.0,
        Rule::OneToOne => to,
    };
    let bytes_per_synapse = match projection.weight {
        _ if stores_no_targets(projection) => 0.0,
        Value::Constant(_) => 2.0,
        // Measured on the full microcircuit: 4.92, the index of the rows left aside.
        Value::Drawn { .. } if packs(plan, projection) => 4.9,
        Value::Drawn { .. } => 6.0,
    };
    ProjectionEstimate { synapses, bytes: synapses * bytes_per_synapse }
}

/// Whether the weights of a projection leave room for targets in 32 bits, as far as can be told before building: how
/// far the targets of a row lie apart is not known yet.
fn packs(plan: &Plan, projection: &Projection) -> bool {
    let weight = Sampler::weight(projection.weight);
    let finest = ROUNDING * weight.mean().abs();
    plan.weights == WeightStorage::Compact || weight.largest() <= finest * f64::from(1 << 22)
}

/// Estimate of a whole network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Neurons.
    pub neurons: u64,
    /// Synapses.
    pub synapses: f64,
    /// Bytes at the peak.
    pub bytes: f64,
}

impl Estimate {
    /// The error for a machine of `have` bytes of memory, on which the network does not fit.
    pub fn too_large(&self, have: u64) -> BuildError {
        BuildError::Memory {
            need_mb: (self.bytes / 1e6) as u64,
            have_mb: have / 1_000_000,
            synapses: self.synapses as u64,
            neurons: self.neurons,
        }
    }
}

/// Estimate for `tiles` tiles.
pub fn estimate(plan: &Plan, tiles: usize) -> Estimate {
    let neurons: u64 = plan.populations.iter().map(|p| u64::from(p.size)).sum();
    let mut sum = Estimate { neurons, synapses: 0.0, bytes: 0.0 };
    let mut rows = vec![0.0f64; plan.populations.len()];
    for p in &plan.projections {
        let one = projection(plan, p);
        sum.synapses += one.synapses;
        sum.bytes += one.bytes;
        if !stores_no_targets(p) {
            // The index has an entry for each source, shard of 65 536 slots and delay, at most.
            let (low, high) = Sampler::delay(p.delay, plan.dt).bounds();
            let delays = f64::from(Sampler::steps(high) - Sampler::steps(low) + 1);
            let row = &mut rows[p.from.population];
            *row = row.max(delays);
        }
    }
    let slots: f64 = plan.populations.iter().map(|p| f64::from(p.size) * p.receptors.len() as f64).sum();
    let shards = (slots / 65536.0).max(tiles as f64).ceil();
    for (population, delays) in plan.populations.iter().zip(rows) {
        let columns = 3 + 2 * population.receptors.len() + population.neuron.page.variables.len();
        let parameters = population.neuron.values.iter().filter(|v| matches!(v, Some(Value::Drawn { .. }))).count();
        sum.bytes += f64::from(population.size) * (8 * (columns + 4 * parameters.min(1))) as f64;
        sum.bytes += f64::from(population.size) * delays * 4.0 * shards;
    }
    sum.bytes += 3e7 + tiles as f64 * 1e6;
    sum
}
