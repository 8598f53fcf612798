//! Builds the synapses of one tile and chooses how they are stored.

use super::blueprint::Preparation;
use super::groups::{constant_weight, stores_no_targets};
use super::layout::{first_slot, targets_in};
use super::tables::TableBuilder;
use crate::error::BuildError;
use crate::plan::{Plan, Sampler};
use crate::synapses::{AllToAll, TileSynapses};

/// Builds the synapses of tile number `tile`.
pub fn tile_synapses(plan: &Plan, preparation: &Preparation, tile: usize) -> Result<TileSynapses, BuildError> {
    let Preparation { blueprint, groups, degrees } = preparation;
    let (tile, degrees) = (&blueprint.layouts[tile], &degrees[tile]);
    let mut result = TileSynapses::default();
    for group in groups {
        let builder = TableBuilder { plan, blueprint, tile, degrees, group, shards: blueprint.shards(tile) };
        let table = match builder.bit_matrix_slots() {
            Some((weight, delay, slots)) => {
                let (matrices, table) = builder.build_bit_matrices(weight, delay, &slots)?;
                result.bit_matrices.extend(matrices.into_iter().flatten());
                table
            }
            None => Some(builder.build()?),
        };
        result.tables.extend(table.filter(|table| table.shards.iter().any(|synapses| synapses.len() > 0)));
    }
    for projection in plan.projections.iter().filter(|p| stores_no_targets(p)) {
        let share = &tile.shares[projection.to.population];
        let targets = targets_in(projection, share);
        if targets.is_empty() {
            continue;
        }
        let first = first_slot(projection, share, &targets);
        let recurrent = projection.from.population == projection.to.population;
        result.all_to_all.push(AllToAll {
            population: projection.from.population,
            sources: projection.from.neurons.clone(),
            delay: Sampler::delay(projection.delay, plan.dt).constant().map_or(1, Sampler::steps),
            weight: constant_weight(projection, &blueprint.quanta).unwrap_or(0),
            slots: first..first + targets.len() as u32,
            no_autapses: (recurrent && !projection.autapses).then_some(targets.start),
        });
    }
    Ok(result)
}
