//! The synapses of one source population in one tile, in rows.

use super::constant::ConstantSynapses;
use super::individual::IndividualSynapses;
use super::packed::PackedSynapses;
use super::segments::Segment;
use std::ops::Range;

/// The synapses of one table onto one shard, in one of three storages.
#[derive(Debug)]
pub enum ShardSynapses {
    /// All synapses have the same weight.
    Constant(ConstantSynapses),
    /// Each synapse has its own weight; not packed.
    Individual(IndividualSynapses),
    /// Each synapse has its own weight; packed.
    Packed(PackedSynapses),
}

impl ShardSynapses {
    /// Number of synapses.
    pub fn len(&self) -> usize {
        match self {
            ShardSynapses::Constant(synapses) => synapses.targets.len(),
            ShardSynapses::Individual(synapses) => synapses.targets.len(),
            ShardSynapses::Packed(synapses) => synapses.synapses,
        }
    }

    /// log2 of the number of delays in a segment.
    pub fn band_bits(&self) -> u32 {
        if let ShardSynapses::Packed(packed) = self { packed.layout.band_bits } else { 0 }
    }

    /// Number of synapses of a segment.
    fn count(&self, segment: Range<usize>) -> usize {
        if let ShardSynapses::Packed(packed) = self { packed.count(segment) } else { segment.len() }
    }

    /// Calls `f` with slot, delay within the band in steps, and weight in quanta of every synapse of a segment. A
    /// segment is a range of synapses, or of lines where synapses are packed.
    pub fn each(&self, segment: Range<usize>, f: &mut dyn FnMut(u16, u32, i32)) {
        match self {
            ShardSynapses::Constant(synapses) => synapses.each(segment, &mut |slot, weight| f(slot, 0, weight)),
            ShardSynapses::Individual(synapses) => synapses.each(segment, &mut |slot, weight| f(slot, 0, weight)),
            ShardSynapses::Packed(packed) => packed.each(segment, f),
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        match self {
            ShardSynapses::Constant(synapses) => synapses.bytes(),
            ShardSynapses::Individual(synapses) => synapses.bytes(),
            ShardSynapses::Packed(packed) => packed.bytes(),
        }
    }
}

/// Synapses of one source population in one tile: a row per source neuron.
#[derive(Debug)]
pub struct SynapseTable {
    /// Source population.
    pub population: usize,
    /// Shortest delay of the rows, in steps.
    pub first_delay: u32,
    /// Number of segments of a source's row in a shard: one for each band of delays.
    pub bands: u32,
    /// Start of the segment of each (source, shard, band), in this order of nesting. Counted in synapses of its shard,
    /// or in lines where synapses are packed. The starts of all segments of one source lie together. A row ends where
    /// the row of the next source starts, so the list has entries for one source more than there are.
    pub starts: Vec<u32>,
    /// The synapses onto each shard of the tile. In a shard, they lie source by source.
    pub shards: Vec<ShardSynapses>,
}

impl SynapseTable {
    /// Number of segments of a source in all shards together.
    #[inline(always)]
    pub fn segments(&self) -> usize {
        self.shards.len() * self.bands as usize
    }

    /// Start and end of the row of a source in a shard.
    #[inline(always)]
    fn bounds(&self, source: u32, shard: usize) -> Segment {
        let first = source as usize * self.segments() + shard * self.bands as usize;
        (self.starts[first], self.starts[first + self.segments()])
    }

    /// Start of the first segment of the row of a source in a shard, and the ends of all its segments.
    #[inline(always)]
    pub fn row(&self, source: u32, shard: usize) -> (u32, impl Iterator<Item = u32>) {
        let first = source as usize * self.segments() + shard * self.bands as usize;
        let (start, end) = self.bounds(source, shard);
        let ends = &self.starts[first + 1..first + self.bands as usize];
        (start, ends.iter().copied().chain([end]))
    }

    /// log2 of the number of delays in a band.
    #[inline(always)]
    pub fn band_bits(&self) -> u32 {
        self.shards.first().map_or(0, ShardSynapses::band_bits)
    }

    /// Number of source neurons.
    fn sources(&self) -> u32 {
        (self.starts.len() / self.segments() - 1) as u32
    }

    /// Adds the number of synapses of every source neuron to its item in `degrees`.
    pub fn add_degrees(&self, degrees: &mut [u64]) {
        for (shard, synapses) in self.shards.iter().enumerate() {
            for (source, degree) in (0..self.sources()).zip(&mut *degrees) {
                let (start, end) = self.bounds(source, shard);
                *degree += synapses.count(start as usize..end as usize) as u64;
            }
        }
    }

    /// The longest delay that the bands cover, in steps: an upper bound of the delays of the synapses.
    pub fn last_delay(&self) -> u32 {
        self.first_delay + (self.bands << self.band_bits()) - 1
    }

    /// Calls `f` with source neuron, shard, slot in the shard, delay in steps and weight in quanta of every synapse.
    pub fn each(&self, f: &mut dyn FnMut(u32, usize, u16, u32, i32)) {
        for (shard, synapses) in self.shards.iter().enumerate() {
            for source in 0..self.sources() {
                let (mut start, ends) = self.row(source, shard);
                for (band, end) in (0..).zip(ends) {
                    let first = self.first_delay + (band << synapses.band_bits());
                    synapses.each(start as usize..end as usize, &mut |slot, delay, weight| {
                        f(source, shard, slot, first + delay, weight);
                    });
                    start = end;
                }
            }
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.shards.iter().map(ShardSynapses::bytes).sum::<usize>() + 4 * self.starts.capacity()
    }
}
