//! Decisions made before any synapse is drawn: in which tile each neuron lies, where its input sums lie, and the
//! quantum of the weights onto each receptor.

use super::groups::{ProjectionGroup, group_projections};
use super::layout::{TileLayout, layout};
use super::quantum::WeightBounds;
use super::weight_bounds::{
    WeightRounding, add_inputs, merge_tiles, most_events, sum_width_and_rounding, tile_weight_bounds, typical_weight,
};
use super::wiring::{InDegrees, TileDegrees, tile_degrees};
use crate::error::BuildError;
use crate::plan::{Input, Plan, Projection, Receptor, WeightStorage, check};
use crate::synapses::SHARD_SLOTS;
use lapicque_models::columns::BLOCK;
use lapicque_models::list::Models;
use rayon::prelude::*;

/// Largest rounding, as a fraction of the weight, that is accepted for an input changed while the network runs.
const LARGEST_ROUNDING_OF_CHANGES: f64 = 1e-3;

/// Decisions that are the same for all tiles.
pub struct Blueprint {
    /// Neurons and slots of each tile.
    pub layouts: Vec<TileLayout>,
    /// Quantum of each receptor of each population.
    pub quanta: Vec<Vec<f64>>,
    /// Number of quanta that inputs can add in a step before a sum overflows, for each receptor of each population.
    pub headroom: Vec<Vec<f64>>,
    /// How much weights are rounded.
    pub rounding: WeightRounding,
    /// Whether inputs are summed in 64 bits instead of 32.
    pub wide: bool,
    /// Whether an event makes V jump, for each receptor of each population.
    pub jumps: Vec<Vec<bool>>,
    /// Whether no synaptic event makes V jump. Then an event that arrives at the end of a step acts from the next step
    /// on, and may be delivered after the neurons have been updated.
    pub no_jumps: bool,
    /// log2 of the number of slots in a shard.
    pub shard_bits: u32,
    /// Number of delays in a band. 0: chosen for each table from the length of its rows and the size of the tile.
    pub band: u32,
}

impl Blueprint {
    /// Number of shards of a tile.
    pub fn shards(&self, tile: &TileLayout) -> usize {
        (tile.slots as usize).div_ceil(1 << self.shard_bits)
    }

    /// Quantum of the weights of an input. 1 for an input onto the membrane.
    pub fn quantum(&self, input: &Input) -> f64 {
        input.receptor.map_or(1.0, |receptor| self.quanta[input.to.population][receptor])
    }
}

/// Numbers of synapses and rounding of weights, known before the synapses are built.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Exact number of synapses of each projection of the plan.
    pub synapses: Vec<u64>,
    /// How much weights are rounded.
    pub rounding: WeightRounding,
    /// Whether inputs are summed in 64 bits, because in-degrees or events of inputs are very large.
    pub wide: bool,
}

/// Counts the synapses of a plan and finds how much weights are rounded, without building the synapses.
pub fn preview(plan: &Plan, models: &Models) -> Result<Preview, BuildError> {
    check(plan)?;
    let sizes: Vec<_> = plan.populations.iter().map(|p| (p.size, p.receptors.len())).collect();
    let tile = &layout(&sizes, 1)[0];
    let degrees = tile_degrees(plan, tile);
    let count = |(p, degrees): (&Projection, &InDegrees)| degrees.total(p.to.neurons.len());
    let synapses = plan.projections.iter().zip(&degrees).map(count).collect();
    let mut bounds = merge_tiles(plan, vec![tile_weight_bounds(plan, tile, &degrees)]);
    add_inputs(plan, models, &mut bounds)?;
    let (wide, rounding) = sum_width_and_rounding(plan, &bounds);
    Ok(Preview { synapses, rounding, wide })
}

/// What the synapses of every tile are built from.
pub struct Preparation {
    /// Decisions that are the same for all tiles.
    pub blueprint: Blueprint,
    /// Groups of projections that share a table.
    pub groups: Vec<ProjectionGroup>,
    /// In-degrees of the targets in each tile.
    pub degrees: Vec<TileDegrees>,
}

/// Assigns neurons to tiles, draws the in-degrees and chooses the quanta. `band`: number of delays in a band, 0 to
/// choose it for each table.
pub fn prepare(plan: &Plan, models: &Models, tiles: usize, band: u32) -> Result<Preparation, BuildError> {
    let sizes: Vec<_> = plan.populations.iter().map(|p| (p.size, p.receptors.len())).collect();
    let layouts = layout(&sizes, tiles);
    let degrees: Vec<TileDegrees> = layouts.par_iter().map(|tile| tile_degrees(plan, tile)).collect();
    let bounds: Vec<Vec<Vec<WeightBounds>>> =
        layouts.par_iter().zip(&degrees).map(|(tile, degrees)| tile_weight_bounds(plan, tile, degrees)).collect();
    let mut bounds = merge_tiles(plan, bounds);
    let in_degree = bounds.iter().flatten().map(|b| b.in_degree).fold(0.0, f64::max);
    // The synapses of a shard are numbered with 32 bits. So a shard has fewer slots if in-degrees are very large.
    let mut shard_bits = SHARD_SLOTS.trailing_zeros();
    while shard_bits > BLOCK.trailing_zeros() && in_degree * f64::from(1u32 << shard_bits) > f64::from(u32::MAX) {
        shard_bits -= 1;
    }
    let without_inputs = bounds.clone();
    add_inputs(plan, models, &mut bounds)?;
    let compact = plan.weights == WeightStorage::Compact;
    let (wide, rounding) = sum_width_and_rounding(plan, &bounds);
    let quanta: Vec<Vec<f64>> =
        bounds.iter().map(|p| p.iter().map(|bounds| bounds.quantum(wide, compact)).collect()).collect();
    let headrooms = |(bounds, quanta): (&Vec<WeightBounds>, &Vec<f64>)| {
        bounds.iter().zip(quanta).map(|(bounds, &quantum)| bounds.headroom(quantum, wide)).collect()
    };
    let headroom = without_inputs.iter().zip(&quanta).map(headrooms).collect();
    let jumps: Vec<Vec<bool>> =
        plan.populations.iter().map(|p| p.receptors.iter().map(|r| makes_v_jump(models, r)).collect()).collect();
    let no_jumps = !plan.projections.iter().any(|p| jumps[p.to.population][p.receptor]);
    let blueprint = Blueprint { rounding, layouts, quanta, headroom, wide, jumps, no_jumps, shard_bits, band };
    let groups = group_projections(plan, &blueprint.quanta);
    Ok(Preparation { blueprint, groups, degrees })
}

/// Whether an event of a receptor makes V jump. False for a model that is not in the list; such a network is refused
/// later.
fn makes_v_jump(models: &Models, receptor: &Receptor) -> bool {
    models.receptor(receptor.model.page).is_some_and(|entry| entry.jumps)
}

/// Refuses a change of an input if the sums at its receptor could overflow, or if its weight would be rounded too much.
/// The quantum was chosen when the network was built and stays the same. All inputs onto the receptor are counted.
pub fn check_headroom(plan: &Plan, models: &Models, blueprint: &Blueprint, changed: &Input) -> Result<(), BuildError> {
    let (population, Some(receptor)) = (changed.to.population, changed.receptor) else { return Ok(()) };
    let quantum = blueprint.quanta[population][receptor];
    let (mut quanta_needed, mut weights_fit) = (0.0, true);
    for (index, input) in plan.inputs.iter().enumerate() {
        if (input.to.population, input.receptor) == (population, Some(receptor))
            && let Some((most, weight)) = most_events(plan, models, index)?
        {
            quanta_needed += most * (weight.largest() / quantum + 0.5);
            weights_fit &= weight.largest() / quantum < f64::from(i32::MAX);
            let rounding = 0.5 * quantum / typical_weight(&weight);
            if rounding.is_finite() && rounding > LARGEST_ROUNDING_OF_CHANGES.max(blueprint.rounding.largest) {
                return Err(BuildError::Invalid(format!(
                    "input {}: its weight is so much smaller than the weights the network was built with that {:.1} % \
                     would be lost by rounding; build the network with this weight",
                    input.name,
                    100.0 * rounding
                )));
            }
        }
    }
    if weights_fit && quanta_needed <= blueprint.headroom[population][receptor] {
        return Ok(());
    }
    Err(BuildError::Invalid(format!(
        "input {}: its events may sum up to more than the network was built for; build the network with the largest \
         rate and weight that will be used",
        changed.name
    )))
}
