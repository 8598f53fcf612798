//! Which tile owns which neurons, and where the inputs of each receptor lie.
//!
//! A tile is a share of every population, cut at blocks of [`BLOCK`] neurons, because random inputs are keyed by block.
//! What a cut leaves uneven in one population the next one makes up for, so that all tiles have about the same number of
//! neurons, within a block or so.
//!
//! Within a tile every (population, receptor, neuron of the share) is a slot. Synapses store slots as 16 bits within a
//! shard of 2^16 slots (fewer where in-degrees are very large): how many shards a tile has is its own business.

use crate::plan::Projection;
use lapicque_models::columns::BLOCK;
use std::ops::Range;

/// The share of one population in one tile.
#[derive(Clone, Debug)]
pub struct Share {
    /// Neurons of the population.
    pub neurons: Range<u32>,
    /// First slot of each receptor, a multiple of [`BLOCK`].
    pub slots: Vec<u32>,
}

impl Share {
    /// Number of neurons.
    pub fn len(&self) -> usize {
        self.neurons.len()
    }

    /// Blocks of the share.
    pub fn blocks(&self) -> usize {
        self.len().div_ceil(BLOCK)
    }
}

/// The shares of one tile and the number of its slots.
#[derive(Clone, Debug)]
pub struct TileLayout {
    /// One per population.
    pub shares: Vec<Share>,
    /// Slots, a multiple of [`BLOCK`].
    pub slots: u32,
}

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

/// Lays out `tiles` tiles for populations of (size, number of receptors).
pub fn layout(populations: &[(u32, usize)], tiles: usize) -> Vec<TileLayout> {
    let mut result: Vec<TileLayout> = (0..tiles).map(|_| TileLayout { shares: Vec::new(), slots: 0 }).collect();
    // Neurons of the populations so far, and those of them in each tile and the tiles before it.
    let (mut all, mut up_to) = (0, vec![0; tiles]);
    for &(size, receptors) in populations {
        let blocks = u64::from(size).div_ceil(BLOCK as u64);
        let neuron = |block: u64| (block * BLOCK as u64).min(u64::from(size)) as u32;
        all += u64::from(size);
        let mut start = 0;
        for (t, (tile, up_to)) in result.iter_mut().zip(&mut up_to).enumerate() {
            let wanted = (all * (t as u64 + 1) / tiles as u64).saturating_sub(*up_to);
            let end = ((wanted + BLOCK as u64 / 2) / BLOCK as u64).clamp(start, blocks);
            let end = if t + 1 == tiles { blocks } else { end };
            *up_to += u64::from(neuron(end));
            let share = neuron(start)..neuron(end);
            let room = ((end - start) * BLOCK as u64) as u32;
            let slots = (0..receptors as u32).map(|r| tile.slots + r * room).collect();
            tile.slots += receptors as u32 * room;
            tile.shares.push(Share { neurons: share, slots });
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
