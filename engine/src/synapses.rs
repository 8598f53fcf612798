//! Synapses of one tile: how they are stored. How spikes are delivered through them is in `delivery.rs`.
//!
//! A synapse is stored at its target's tile, in the row of its source. A row is cut into segments by delay, each sorted
//! by target.
//!
//! Where every synapse has a weight of its own, it is packed into cache lines (`packed.rs`). Where rows are short, a
//! segment holds a band of 2^k delays then, and its synapses are added to the sums of the next 2^k steps, so that lines
//! are filled: one delay is the pure deferred scheme, all of them the pure ring buffer.
//!
//! Weights are whole numbers of quanta. Projections of one source population share a table where they can: those with
//! individual weights, and those that have weight (in quanta) and delay in common, which then cost no bytes: those are
//! stored as bits where connections are dense (`bits.rs`), and all-to-all without any.

use crate::bits::Bits;
use crate::packed::Packed;
use std::ops::Range;

/// Targets and weights of one table in one shard.
#[derive(Debug)]
pub enum Rows {
    /// One weight for all: 2 bytes per synapse.
    Constant {
        /// Slot in the shard of each synapse.
        targets: Vec<u16>,
        /// Weight in quanta.
        weight: i32,
    },
    /// Weights of their own where they or the distances do not fit 32 bits together: 6 bytes per synapse.
    Individual {
        /// Slot in the shard of each synapse.
        targets: Vec<u16>,
        /// Weights in quanta.
        weights: Vec<i32>,
    },
    /// Weights of their own, packed with the distance to the target before: 4 bytes per synapse, and what lines need.
    Packed(Packed),
}

impl Rows {
    /// Number of synapses.
    pub fn len(&self) -> usize {
        match self {
            Rows::Constant { targets, .. } | Rows::Individual { targets, .. } => targets.len(),
            Rows::Packed(packed) => packed.synapses,
        }
    }

    /// log2 of the delays in a segment.
    pub fn band_bits(&self) -> u32 {
        if let Rows::Packed(packed) = self { packed.code.band_bits } else { 0 }
    }

    /// Calls `f` with slot, delay within the band and weight of every synapse of a segment, which are places of synapses,
    /// or lines where they are packed.
    pub fn each(&self, segment: Range<usize>, f: &mut dyn FnMut(u16, u32, i32)) {
        match self {
            Rows::Constant { targets, weight } => targets[segment].iter().for_each(|&t| f(t, 0, *weight)),
            Rows::Individual { targets, weights } => {
                targets[segment.clone()].iter().zip(&weights[segment]).for_each(|(&t, &w)| f(t, 0, w));
            }
            Rows::Packed(packed) => packed.each(segment, f),
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        match self {
            Rows::Constant { targets, .. } => 2 * targets.capacity(),
            Rows::Individual { targets, weights } => 2 * targets.capacity() + 4 * weights.capacity(),
            Rows::Packed(packed) => packed.bytes(),
        }
    }
}

/// Rows of one source population in one tile.
#[derive(Debug)]
pub struct Table {
    /// Source population.
    pub population: usize,
    /// First delay of the rows, in steps.
    pub first_delay: u32,
    /// Segments of a source's row in a shard, one for each delay or band of delays.
    pub bands: u32,
    /// Start of the segment of (source, shard, band) in the rows of the shard, counted in synapses, or in lines where they
    /// are packed: one look finds a source's segments in all
    /// shards. A row ends where that of the next source starts, so there is one source more.
    pub starts: Vec<u32>,
    /// Synapses onto each shard of the tile, source by source.
    pub shards: Vec<Rows>,
}

/// The synapses of one tile.
#[derive(Debug, Default)]
pub struct Synapses {
    /// Rows of targets.
    pub tables: Vec<Table>,
    /// Connections stored as bits.
    pub bits: Vec<Bits>,
    /// All-to-all connections without stored targets.
    pub dense: Vec<Dense>,
}

impl Synapses {
    /// Steps that the rings must span.
    pub fn depth(&self) -> usize {
        1 << self.tables.iter().map(Table::band_bits).max().unwrap_or(0)
    }

    /// Shortest and longest delay, in steps.
    pub fn delays(&self) -> Option<(u32, u32)> {
        let tables = self.tables.iter().map(|t| (t.first_delay, t.last_delay()));
        let all = tables.chain(self.bits.iter().map(|b| (b.delay, b.delay)));
        all.chain(self.dense.iter().map(|d| (d.delay, d.delay))).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// Adds the number of synapses of every neuron of every population to `degrees`.
    pub fn add_degrees(&self, degrees: &mut [Vec<u64>]) {
        self.tables.iter().for_each(|table| table.add_degrees(&mut degrees[table.population]));
        self.bits.iter().for_each(|bits| bits.add_degrees(&mut degrees[bits.population]));
        self.dense.iter().for_each(|dense| dense.add_degrees(&mut degrees[dense.population]));
    }

    /// Calls `f` with source population, source, slot in the tile, weight in quanta and delay in steps of every synapse.
    /// A shard has 2^`bits` slots.
    pub fn each(&self, bits: u32, f: &mut dyn FnMut(usize, u32, u32, i32, u32)) {
        for table in &self.tables {
            table.each(&mut |source, shard, slot, delay, weight| {
                f(table.population, source, (shard as u32) << bits | u32::from(slot), weight, delay);
            });
        }
        for pairs in &self.bits {
            pairs.each(&mut |source, slot| {
                let slot = (pairs.shard as u32) << bits | u32::from(slot);
                f(pairs.population, source, slot, pairs.weight, pairs.delay);
            });
        }
        self.dense.iter().for_each(|dense| dense.each(f));
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.tables.iter().map(Table::bytes).chain(self.bits.iter().map(Bits::bytes)).sum()
    }
}

/// All-to-all with one weight and one delay: no targets are stored.
#[derive(Clone, Debug)]
pub struct Dense {
    /// Source population.
    pub population: usize,
    /// Its neurons that project.
    pub sources: Range<u32>,
    /// Delay in steps.
    pub delay: u32,
    /// Weight in quanta.
    pub weight: i32,
    /// Slots of the targets in this tile.
    pub slots: Range<u32>,
    /// Where a neuron is not its own target: first target neuron of `slots` in the same population.
    pub no_autapses: Option<u32>,
}

impl Table {
    /// Segments of a source in all shards.
    #[inline(always)]
    pub fn segments(&self) -> usize {
        self.shards.len() * self.bands as usize
    }

    /// Start and end of the row of a source in a shard: it ends where that of the next source starts.
    #[inline(always)]
    fn bounds(&self, source: u32, shard: usize) -> (u32, u32) {
        let first = source as usize * self.segments() + shard * self.bands as usize;
        (self.starts[first], self.starts[first + self.segments()])
    }

    /// Start of the first segment of that row, and the ends of all.
    #[inline(always)]
    pub fn row(&self, source: u32, shard: usize) -> (u32, impl Iterator<Item = u32>) {
        let first = source as usize * self.segments() + shard * self.bands as usize;
        let (start, end) = self.bounds(source, shard);
        let ends = &self.starts[first + 1..first + self.bands as usize];
        (start, ends.iter().copied().chain([end]))
    }

    /// log2 of the delays in a segment.
    #[inline(always)]
    pub fn band_bits(&self) -> u32 {
        self.shards.first().map_or(0, Rows::band_bits)
    }

    /// Source neurons.
    fn sources(&self) -> u32 {
        (self.starts.len() / self.segments() - 1) as u32
    }

    /// Adds the number of synapses of every source to `degrees`.
    pub fn add_degrees(&self, degrees: &mut [u64]) {
        for (shard, rows) in self.shards.iter().enumerate() {
            for (source, degree) in (0..self.sources()).zip(&mut *degrees) {
                let (start, end) = self.bounds(source, shard);
                let row = start as usize..end as usize;
                *degree += if let Rows::Packed(packed) = rows { packed.count(row) } else { row.len() } as u64;
            }
        }
    }

    /// Longest delay of the rows, in steps, or a little more.
    pub fn last_delay(&self) -> u32 {
        self.first_delay + (self.bands << self.band_bits()) - 1
    }

    /// Calls `f` with source, shard, slot in it, delay in steps and weight of every synapse.
    pub fn each(&self, f: &mut dyn FnMut(u32, usize, u16, u32, i32)) {
        for (shard, rows) in self.shards.iter().enumerate() {
            for source in 0..self.sources() {
                let (mut start, ends) = self.row(source, shard);
                for (band, end) in (0..).zip(ends) {
                    let first = self.first_delay + (band << rows.band_bits());
                    rows.each(start as usize..end as usize, &mut |slot, delay, weight| {
                        f(source, shard, slot, first + delay, weight);
                    });
                    start = end;
                }
            }
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.shards.iter().map(Rows::bytes).sum::<usize>() + 4 * self.starts.capacity()
    }
}

impl Dense {
    /// Adds the number of synapses of every source to `degrees`.
    pub fn add_degrees(&self, degrees: &mut [u64]) {
        let slots = self.slots.end - self.slots.start;
        for source in self.sources.clone() {
            let own = self.no_autapses.is_some_and(|first| (first..first + slots).contains(&source));
            degrees[source as usize] += u64::from(slots) - u64::from(own);
        }
    }

    /// Calls `f` with source population, source, slot, weight and delay of every synapse.
    fn each(&self, f: &mut dyn FnMut(usize, u32, u32, i32, u32)) {
        for source in self.sources.clone() {
            for slot in self.slots.clone() {
                if self.no_autapses.is_none_or(|first| first + (slot - self.slots.start) != source) {
                    f(self.population, source, slot, self.weight, self.delay);
                }
            }
        }
    }
}
