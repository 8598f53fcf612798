//! What is decided before any synapse is drawn: where neurons and inputs lie, and the quantum of the weights onto each
//! receptor.

use super::groups::{ProjectionGroup, groups};
use super::layout::{TileLayout, layout};
use super::loads::{Rounding, add_inputs, largest_events, merge, of_tile, summing, typical};
use super::quantum::Load;
use super::wiring::{InDegrees, TileDegrees, tile_degrees};
use crate::error::BuildError;
use crate::plan::{Input, Plan, Projection, Receptor, WeightStorage, check};
use crate::synapses::SHARD;
use lapicque_models::columns::BLOCK;
use lapicque_models::list::Models;
use rayon::prelude::*;

/// Largest rounding of the weight of an input that is changed while the network runs, relative to the weight.
const ROUNDING_LATER: f64 = 1e-3;

/// What all tiles share.
pub struct Blueprint {
    /// Layout of each tile.
    pub layouts: Vec<TileLayout>,
    /// Quantum of each receptor of each population.
    pub quanta: Vec<Vec<f64>>,
    /// Quanta that inputs may bring to each of them in a step.
    pub headroom: Vec<Vec<f64>>,
    /// How coarse the quanta are.
    pub rounding: Rounding,
    /// Whether inputs are summed in 64 bits.
    pub wide: bool,
    /// Whether events move the potential at once, for each receptor of each population.
    pub jumps: Vec<Vec<bool>>,
    /// Whether no spike moves a potential at once: spikes of a step then need not be known when the next one begins.
    pub no_jumps: bool,
    /// log2 of the slots of a shard.
    pub shard_bits: u32,
    /// Delays in a band; 0 for as many as suit rows and tile.
    pub band: u32,
}

impl Blueprint {
    /// Shards of a tile.
    pub fn shards(&self, tile: &TileLayout) -> usize {
        (tile.slots as usize).div_ceil(1 << self.shard_bits)
    }

    /// Quantum of the weights of an input; 1 where it acts on the membrane.
    pub fn quantum(&self, input: &Input) -> f64 {
        input.receptor.map_or(1.0, |receptor| self.quanta[input.to.population][receptor])
    }
}

/// What is known of the synapses before they are built.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Synapses of each projection of the plan, as they will be.
    pub synapses: Vec<u64>,
    /// How weights are rounded.
    pub rounding: Rounding,
    /// Whether inputs are summed in 64 bits, because in-degrees are very large.
    pub wide: bool,
}

/// Counts the synapses of a plan and finds how weights are rounded, without building them.
pub fn preview(plan: &Plan, models: &Models) -> Result<Preview, BuildError> {
    check(plan)?;
    let sizes: Vec<_> = plan.populations.iter().map(|p| (p.size, p.receptors.len())).collect();
    let tile = &layout(&sizes, 1)[0];
    let degrees = tile_degrees(plan, tile);
    let count = |(p, degrees): (&Projection, &InDegrees)| degrees.total(p.to.neurons.len());
    let synapses = plan.projections.iter().zip(&degrees).map(count).collect();
    let mut loads = merge(plan, vec![of_tile(plan, tile, &degrees)]);
    add_inputs(plan, models, &mut loads)?;
    let (wide, rounding) = summing(plan, &loads);
    Ok(Preview { synapses, rounding, wide })
}

/// All that is known before the synapses of any tile are built.
pub struct Preparation {
    /// Where everything lies, and the units of weights.
    pub blueprint: Blueprint,
    /// Projections by table.
    pub groups: Vec<ProjectionGroup>,
    /// In-degrees of each tile.
    pub degrees: Vec<TileDegrees>,
}

/// Lays out the tiles and finds the quanta.
pub fn prepare(plan: &Plan, models: &Models, tiles: usize, band: u32) -> Result<Preparation, BuildError> {
    let sizes: Vec<_> = plan.populations.iter().map(|p| (p.size, p.receptors.len())).collect();
    let layouts = layout(&sizes, tiles);
    let degrees: Vec<TileDegrees> = layouts.par_iter().map(|tile| tile_degrees(plan, tile)).collect();
    let loads: Vec<Vec<Vec<Load>>> =
        layouts.par_iter().zip(&degrees).map(|(tile, degrees)| of_tile(plan, tile, degrees)).collect();
    let mut loads = merge(plan, loads);
    let degree = loads.iter().flatten().map(|l| l.degree).fold(0.0, f64::max);
    let mut shard_bits = SHARD.trailing_zeros();
    while shard_bits > BLOCK.trailing_zeros() && degree * f64::from(1u32 << shard_bits) > f64::from(u32::MAX) {
        shard_bits -= 1;
    }
    let synapses = loads.clone();
    add_inputs(plan, models, &mut loads)?;
    let compact = plan.weights == WeightStorage::Compact;
    let (wide, rounding) = summing(plan, &loads);
    let quanta: Vec<Vec<f64>> =
        loads.iter().map(|p| p.iter().map(|load| load.quantum(wide, compact)).collect()).collect();
    let headrooms = |(loads, quanta): (&Vec<Load>, &Vec<f64>)| {
        loads.iter().zip(quanta).map(|(load, &quantum)| load.headroom(quantum, wide)).collect()
    };
    let headroom = synapses.iter().zip(&quanta).map(headrooms).collect();
    let jumps: Vec<Vec<bool>> =
        plan.populations.iter().map(|p| p.receptors.iter().map(|r| jumps(models, r)).collect()).collect();
    let no_jumps = !plan.projections.iter().any(|p| jumps[p.to.population][p.receptor]);
    let blueprint = Blueprint { rounding, layouts, quanta, headroom, wide, jumps, no_jumps, shard_bits, band };
    let groups = groups(plan, &blueprint.quanta);
    Ok(Preparation { blueprint, groups, degrees })
}

/// Whether events of a receptor move the potential at once. Of a model that is not in the list nothing will be built.
fn jumps(models: &Models, receptor: &Receptor) -> bool {
    models.receptor(receptor.model.page).is_some_and(|entry| entry.jumps)
}

/// Checks that the sums, whose quantum was chosen when the network was built, can hold the events of the changed input and
/// of all others onto the same receptor.
pub fn check_headroom(plan: &Plan, models: &Models, blueprint: &Blueprint, changed: &Input) -> Result<(), BuildError> {
    let (population, Some(receptor)) = (changed.to.population, changed.receptor) else { return Ok(()) };
    let quantum = blueprint.quanta[population][receptor];
    let (mut need, mut fits) = (0.0, true);
    for (index, input) in plan.inputs.iter().enumerate() {
        if (input.to.population, input.receptor) == (population, Some(receptor))
            && let Some((most, weight)) = largest_events(plan, models, index)?
        {
            need += most * (weight.largest() / quantum + 0.5);
            fits &= weight.largest() / quantum < f64::from(i32::MAX);
            let rounding = 0.5 * quantum / typical(&weight);
            if rounding.is_finite() && rounding > ROUNDING_LATER.max(blueprint.rounding.largest) {
                return Err(BuildError::Invalid(format!(
                    "input {}: its weight is so much smaller than those the network was built with that {:.1} % would be \
                     lost by rounding; build the network with it",
                    input.name,
                    100.0 * rounding
                )));
            }
        }
    }
    if fits && need <= blueprint.headroom[population][receptor] {
        return Ok(());
    }
    Err(BuildError::Invalid(format!(
        "input {}: its events may sum up to more than the network was built for; build it with the largest rate and weight \
         that will be used",
        changed.name
    )))
}
