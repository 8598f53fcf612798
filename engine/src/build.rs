//! Building: from a plan to tiles with neurons, inputs and synapses, in parallel and without a second copy of the
//! synapses.
//!
//! 1. Every tile learns the in-degrees of its targets; from their maxima follow the quanta of the receptors.
//! 2. Every tile builds its tables (`tables.rs`): one pass over all draws counts the synapses of each (source, delay), a
//!    second pass makes the same draws again and puts every synapse in its place.
//!
//! What is drawn depends on (seed, projection, target) alone, so the network is the same for any number of tiles.

use crate::error::BuildError;
use crate::layout::{Share, TileLayout, layout};
use crate::loads::{Rounding, add_inputs, merge, of_tile, summing};
use crate::plan::{Input, Plan, Projection, Receptor, Rule, Value, WeightStorage};
use crate::quantum::Load;
use crate::ring::SHARD;
use crate::sampler::Sampler;
use crate::synapses::{Dense, Synapses};
use crate::tables::TableBuilder;
use crate::wiring::{Degrees, Wiring};
use lapicque_models::columns::BLOCK;
use lapicque_models::list::Models;
use lapicque_models::sum::to_quanta;
use rayon::prelude::*;
use std::ops::Range;

/// What all tiles share.
pub struct Blueprint {
    /// Layout of each tile.
    pub layouts: Vec<TileLayout>,
    /// Quantum of each receptor of each population.
    pub quanta: Vec<Vec<f64>>,
    /// Quanta that inputs may bring to each of them in a step.
    pub room: Vec<Vec<f64>>,
    /// How coarse the quanta are.
    pub rounding: Rounding,
    /// Whether inputs are summed in 64 bits.
    pub wide: bool,
    /// Whether events move the potential at once, for each receptor of each population.
    pub jumps: Vec<Vec<bool>>,
    /// Whether no spike moves a potential at once: spikes of a step then need not be known when the next one begins.
    pub late: bool,
    /// log2 of the slots of a shard.
    pub bits: u32,
    /// Delays in a band; 0 for as many as suit rows and tile.
    pub band: u32,
}

impl Blueprint {
    /// Shards of a tile.
    pub fn shards(&self, tile: &TileLayout) -> usize {
        (tile.slots as usize).div_ceil(1 << self.bits)
    }

    /// Quantum of the weights of an input; 1 where it acts on the membrane.
    pub fn quantum(&self, input: &Input) -> f64 {
        input.receptor.map_or(1.0, |receptor| self.quanta[input.to.population][receptor])
    }
}

/// In-degrees of one tile: per projection, for the targets of the tile.
pub type TileDegrees = Vec<Degrees>;

/// The targets of a projection that a share holds.
pub fn targets_in(projection: &Projection, share: &Share) -> Range<u32> {
    let (to, mine) = (&projection.to.neurons, &share.neurons);
    let start = to.start.max(mine.start);
    start..to.end.min(mine.end).max(start)
}

/// Slot of the first of `targets`.
pub fn first_slot(projection: &Projection, share: &Share, targets: &Range<u32>) -> u32 {
    share.slots[projection.receptor] + (targets.start - share.neurons.start)
}

/// Whether a projection is stored without targets.
pub fn is_dense(projection: &Projection) -> bool {
    let constant = |v: &Value| matches!(v, Value::Constant(_));
    projection.rule == Rule::AllToAll && constant(&projection.weight) && constant(&projection.delay)
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
    crate::check::plan(plan)?;
    let sizes: Vec<_> = plan.populations.iter().map(|p| (p.size, p.receptors.len())).collect();
    let tile = &layout(&sizes, 1)[0];
    let degrees = tile_degrees(plan, tile);
    let count = |(p, degrees): (&Projection, &Degrees)| degrees.total(p.to.neurons.len());
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
    groups: Vec<Group>,
    degrees: Vec<TileDegrees>,
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
    let mut bits = SHARD.trailing_zeros();
    while bits > BLOCK.trailing_zeros() && degree * f64::from(1u32 << bits) > f64::from(u32::MAX) {
        bits -= 1;
    }
    let synapses = loads.clone();
    add_inputs(plan, models, &mut loads)?;
    let compact = plan.weights == WeightStorage::Compact;
    let (wide, rounding) = summing(plan, &loads);
    let quanta: Vec<Vec<f64>> =
        loads.iter().map(|p| p.iter().map(|load| load.quantum(wide, compact)).collect()).collect();
    let rooms = |(loads, quanta): (&Vec<Load>, &Vec<f64>)| {
        loads.iter().zip(quanta).map(|(load, &quantum)| load.room(quantum, wide)).collect()
    };
    let room = synapses.iter().zip(&quanta).map(rooms).collect();
    let jumps: Vec<Vec<bool>> =
        plan.populations.iter().map(|p| p.receptors.iter().map(|r| jumps(models, r)).collect()).collect();
    let late = !plan.projections.iter().any(|p| jumps[p.to.population][p.receptor]);
    let blueprint = Blueprint { rounding, layouts, quanta, room, wide, jumps, late, bits, band };
    let groups = groups(plan, &blueprint.quanta);
    Ok(Preparation { blueprint, groups, degrees })
}

/// Whether events of a receptor move the potential at once. Of a model that is not in the list nothing will be built.
fn jumps(models: &Models, receptor: &Receptor) -> bool {
    models.receptor(receptor.model.page).is_some_and(|entry| entry.jumps)
}

impl Preparation {
    /// Builds the synapses of a tile.
    pub fn synapses(&self, plan: &Plan, tile: usize) -> Result<Synapses, BuildError> {
        tile_synapses(plan, &self.blueprint, &self.groups, &self.blueprint.layouts[tile], &self.degrees[tile])
    }
}

fn tile_degrees(plan: &Plan, tile: &TileLayout) -> TileDegrees {
    let of = |(index, projection): (usize, &Projection)| {
        let targets = targets_in(projection, &tile.shares[projection.to.population]);
        if targets.is_empty() {
            Degrees::Same(0)
        } else {
            Wiring::new(projection, index, plan.wiring_seed).degrees(targets)
        }
    };
    plan.projections.iter().enumerate().map(of).collect()
}

/// Projections that share a table. No two reach the same receptor of the same neuron, and they are in the order of
/// slots, so that the targets of a row ascend.
pub struct Group {
    /// Source population.
    pub population: usize,
    /// Weight in quanta, where all synapses have the same.
    pub weight: Option<i32>,
    /// Delay in steps, where all weights are the same and all delays too.
    pub delay: Option<u32>,
    /// Indices of the projections.
    pub members: Vec<usize>,
}

fn quanta_of(projection: &Projection, quanta: &[Vec<f64>]) -> Option<i32> {
    let quantum = quanta[projection.to.population][projection.receptor];
    Sampler::weight(projection.weight).constant().map(|w| to_quanta(w, 1.0 / quantum))
}

fn groups(plan: &Plan, quanta: &[Vec<f64>]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let overlap = |a: usize, b: usize| {
        let (a, b) = (&plan.projections[a], &plan.projections[b]);
        let (x, y) = (&a.to.neurons, &b.to.neurons);
        (a.to.population, a.receptor) == (b.to.population, b.receptor) && x.start < y.end && y.start < x.end
    };
    for (index, projection) in plan.projections.iter().enumerate().filter(|(_, p)| !is_dense(p)) {
        let weight = quanta_of(projection, quanta);
        let steps = Sampler::delay(projection.delay, plan.dt).constant().map(Sampler::steps);
        let delay = weight.and(steps);
        let population = projection.from.population;
        let same = |g: &&mut Group| {
            g.population == population
                && g.weight == weight
                && g.delay == delay
                && !g.members.iter().any(|&other| overlap(index, other))
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.members.push(index),
            None => groups.push(Group { population, weight, delay, members: vec![index] }),
        }
    }
    for group in &mut groups {
        let to = |&i: &usize| (&plan.projections[i].to, plan.projections[i].receptor);
        group.members.sort_by_key(|i| {
            let (to, receptor) = to(i);
            (to.population, receptor, to.neurons.start)
        });
    }
    groups
}

fn tile_synapses(
    plan: &Plan,
    blueprint: &Blueprint,
    groups: &[Group],
    tile: &TileLayout,
    degrees: &TileDegrees,
) -> Result<Synapses, BuildError> {
    let mut result = Synapses::default();
    for group in groups {
        let builder = TableBuilder { plan, blueprint, tile, degrees, group, shards: blueprint.shards(tile) };
        let table = match builder.dense_slots() {
            Some((weight, delay, slots)) => {
                let (bits, table) = builder.build_bits(weight, delay, &slots)?;
                result.bits.extend(bits.into_iter().flatten());
                table
            }
            None => Some(builder.build()?),
        };
        result.tables.extend(table.filter(|table| table.shards.iter().any(|rows| rows.len() > 0)));
    }
    for projection in plan.projections.iter().filter(|p| is_dense(p)) {
        let share = &tile.shares[projection.to.population];
        let targets = targets_in(projection, share);
        if targets.is_empty() {
            continue;
        }
        let first = first_slot(projection, share, &targets);
        let same = projection.from.population == projection.to.population;
        result.dense.push(Dense {
            population: projection.from.population,
            sources: projection.from.neurons.clone(),
            delay: Sampler::delay(projection.delay, plan.dt).constant().map_or(1, Sampler::steps),
            weight: quanta_of(projection, &blueprint.quanta).unwrap_or(0),
            slots: first..first + targets.len() as u32,
            no_autapses: (same && !projection.autapses).then_some(targets.start),
        });
    }
    Ok(result)
}
