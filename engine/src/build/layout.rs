//! Assigns neurons to tiles. Gives each (receptor, neuron) of a tile a slot, the place of its input sum.
//!
//! A tile has a share of every population. Shares are cut at multiples of [`BLOCK`] neurons, because the random streams
//! of inputs are keyed by block. If a tile gets too few or too many neurons of one population, the next population
//! corrects the difference. So all tiles have about the same number of neurons, within about one block.
//!
//! A tile with many slots has several shards of at most 2^16 slots, so that synapses name a slot with 16 bits. A shard
//! has fewer slots if in-degrees are very large.

use crate::plan::Projection;
use lapicque_models::columns::BLOCK;
use std::ops::Range;

/// The share of one population in one tile.
#[derive(Clone, Debug)]
pub struct Share {
    /// Indices of the neurons in the population.
    pub neurons: Range<u32>,
    /// First slot of each receptor, a multiple of [`BLOCK`].
    pub slots: Vec<u32>,
}

impl Share {
    /// Number of neurons.
    pub fn len(&self) -> usize {
        self.neurons.len()
    }

    /// Number of blocks; the last block may have fewer neurons than the others.
    pub fn blocks(&self) -> usize {
        self.len().div_ceil(BLOCK)
    }
}

/// Neurons and slots of one tile.
#[derive(Clone, Debug)]
pub struct TileLayout {
    /// The tile's share of each population.
    pub shares: Vec<Share>,
    /// Number of slots, a multiple of [`BLOCK`].
    pub slots: u32,
}

/// The targets of a projection that lie in a share. May be empty.
pub fn targets_in(projection: &Projection, share: &Share) -> Range<u32> {
    let (to, own) = (&projection.to.neurons, &share.neurons);
    let start = to.start.max(own.start);
    start..to.end.min(own.end).max(start)
}

/// Slot of the first of `targets`, the targets of a projection that lie in a share.
pub fn first_slot(projection: &Projection, share: &Share, targets: &Range<u32>) -> u32 {
    share.slots[projection.receptor] + (targets.start - share.neurons.start)
}

/// Divides populations, given as (size, number of receptors), into `tiles` tiles.
pub fn layout(populations: &[(u32, usize)], tiles: usize) -> Vec<TileLayout> {
    let mut result: Vec<TileLayout> = (0..tiles).map(|_| TileLayout { shares: Vec::new(), slots: 0 }).collect();
    // Neurons of all populations so far, and for each tile how many of them lie in this tile or a tile before it.
    let (mut total, mut up_to) = (0, vec![0; tiles]);
    for &(size, receptors) in populations {
        let blocks = u64::from(size).div_ceil(BLOCK as u64);
        let first_neuron = |block: u64| (block * BLOCK as u64).min(u64::from(size)) as u32;
        total += u64::from(size);
        let mut start = 0;
        for (t, (tile, up_to)) in result.iter_mut().zip(&mut up_to).enumerate() {
            // This population's share ends where this tile and those before it have (t + 1)/tiles of all neurons.
            let wanted = (total * (t as u64 + 1) / tiles as u64).saturating_sub(*up_to);
            let end = ((wanted + BLOCK as u64 / 2) / BLOCK as u64).clamp(start, blocks);
            let end = if t + 1 == tiles { blocks } else { end };
            *up_to += u64::from(first_neuron(end));
            let neurons = first_neuron(start)..first_neuron(end);
            let slots_per_receptor = ((end - start) * BLOCK as u64) as u32;
            let slots = (0..receptors as u32).map(|r| tile.slots + r * slots_per_receptor).collect();
            tile.slots += receptors as u32 * slots_per_receptor;
            tile.shares.push(Share { neurons, slots });
            start = end;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_cover_every_population_once_and_are_balanced() {
        let populations = [(20683, 1), (5834, 1), (21915, 2), (5479, 0), (4850, 1), (1065, 3), (14395, 1), (1, 1)];
        for tiles in [1, 2, 3, 8, 64] {
            let layout = layout(&populations, tiles);
            for (p, &(size, receptors)) in populations.iter().enumerate() {
                let mut next = 0;
                for tile in &layout {
                    let share = &tile.shares[p];
                    assert_eq!(share.neurons.start, next);
                    assert!(share.neurons.start.is_multiple_of(BLOCK as u32) || share.neurons.is_empty());
                    assert_eq!(share.slots.len(), receptors);
                    next = share.neurons.end;
                }
                assert_eq!(next, size);
            }
            let neurons: Vec<usize> = layout.iter().map(|t| t.shares.iter().map(Share::len).sum()).collect();
            let (least, most) = (neurons.iter().min().unwrap(), neurons.iter().max().unwrap());
            assert!(most - least <= 2 * BLOCK, "{tiles} tiles: {neurons:?}");
        }
    }
}
