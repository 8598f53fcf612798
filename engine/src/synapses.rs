//! Synapses of one tile: how they are stored. How spikes are delivered through them is in `delivery.rs`.
//!
//! A synapse is stored at its target's tile, in the row of its source. A row is cut into segments by delay, each sorted
//! by target.
//!
//! Where every synapse has a weight of its own, a segment holds a band of 2^k delays and its synapses are added to the
//! sums of the next 2^k steps: longer segments, so fewer jumps in memory. How wide a band is follows from the caches
//! (`Options::ring_bytes`): one delay is the pure deferred scheme, all of them the pure ring buffer.
//!
//! Weights are whole numbers of quanta. Projections of one source population share a table where they can: those with
//! individual weights, and those that have weight (in quanta) and delay in common, which then cost no bytes: those are
//! stored as bits where connections are dense (`bits.rs`), and all-to-all without any.

use crate::bits::Bits;
use std::ops::Range;

/// Fields of a packed synapse, from the low bits: distance to the target before it in its segment, delay within the
/// band, signed weight. A distance of [`Code::farthest`] is a filler: it moves on by that much and adds nothing.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// Bits of the distance, at least 2.
    pub gap_bits: u32,
    /// log2 of the delays in a band.
    pub band_bits: u32,
}

impl Code {
    /// What is left when weights of up to `largest` quanta and `band_bits` are in.
    pub fn new(largest: i32, band_bits: u32) -> Option<Code> {
        let weight_bits = 33 - largest.unsigned_abs().leading_zeros();
        let gap_bits = 32u32.checked_sub(weight_bits + band_bits)?.min(16);
        (gap_bits >= 2).then_some(Code { gap_bits, band_bits })
    }

    /// The distance of fillers; synapses are nearer.
    #[inline(always)]
    pub fn farthest(self) -> u32 {
        (1 << self.gap_bits) - 1
    }

    /// Fillers needed before a synapse at distance `gap`.
    #[inline(always)]
    pub fn fillers(self, gap: u32) -> u32 {
        if gap < self.farthest() { 0 } else { gap / self.farthest() }
    }

    /// Puts a synapse, and the fillers before it, into `codes` from place `at` on; returns the place behind it.
    #[inline(always)]
    pub fn put(self, codes: &mut [u32], mut at: usize, mut gap: u32, delay: u32, weight: i32) -> usize {
        while gap >= self.farthest() {
            codes[at] = self.farthest();
            at += 1;
            gap -= self.farthest();
        }
        codes[at] = gap | delay << self.gap_bits | (weight << (self.gap_bits + self.band_bits)) as u32;
        at + 1
    }

    /// (gap, delay within the band, weight).
    #[inline(always)]
    pub fn unpack(self, code: u32) -> (u32, u32, i32) {
        let band = (1 << self.band_bits) - 1;
        let weight = code as i32 >> (self.gap_bits + self.band_bits);
        (code & self.farthest(), code >> self.gap_bits & band, weight)
    }
}

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
    /// Weights of their own, packed with the distance to the target before: 4 bytes per synapse, and the fillers.
    Packed {
        /// Synapses and fillers.
        codes: Vec<u32>,
        /// Their fields.
        code: Code,
        /// Number of fillers.
        fillers: usize,
    },
}

impl Rows {
    /// Number of synapses.
    pub fn len(&self) -> usize {
        match self {
            Rows::Constant { targets, .. } | Rows::Individual { targets, .. } => targets.len(),
            Rows::Packed { codes, fillers, .. } => codes.len() - fillers,
        }
    }

    /// log2 of the delays in a segment.
    pub fn band_bits(&self) -> u32 {
        if let Rows::Packed { code, .. } = self { code.band_bits } else { 0 }
    }

    /// Calls `f` with slot, delay within the band and weight of every synapse of a segment.
    pub fn each(&self, segment: Range<usize>, f: &mut dyn FnMut(u16, u32, i32)) {
        match self {
            Rows::Constant { targets, weight } => targets[segment].iter().for_each(|&t| f(t, 0, *weight)),
            Rows::Individual { targets, weights } => {
                targets[segment.clone()].iter().zip(&weights[segment]).for_each(|(&t, &w)| f(t, 0, w));
            }
            Rows::Packed { codes, code, .. } => {
                let mut target = 0;
                for &word in &codes[segment] {
                    let (gap, delay, weight) = code.unpack(word);
                    target += gap;
                    if gap < code.farthest() {
                        f(target as u16, delay, weight);
                    }
                }
            }
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        match self {
            Rows::Constant { targets, .. } => 2 * targets.capacity(),
            Rows::Individual { targets, weights } => 2 * targets.capacity() + 4 * weights.capacity(),
            Rows::Packed { codes, .. } => 4 * codes.capacity(),
        }
    }
}

/// Rows of one source population in one shard.
#[derive(Debug)]
pub struct Table {
    /// Source population.
    pub population: usize,
    /// First delay of the rows, in steps.
    pub first_delay: u32,
    /// Segments of a row, one for each delay or band of delays.
    pub bands: u32,
    /// Start of the segment of (source, band), and the end of the last.
    pub starts: Vec<u32>,
    /// Synapses.
    pub rows: Rows,
}

/// The synapses onto the slots of one shard of a tile.
#[derive(Debug, Default)]
pub struct Shard {
    /// Rows of targets.
    pub tables: Vec<Table>,
    /// Dense connections.
    pub bits: Vec<Bits>,
}

impl Shard {
    /// Steps that its ring must span.
    pub fn depth(&self) -> usize {
        1 << self.tables.iter().map(|table| table.rows.band_bits()).max().unwrap_or(0)
    }

    /// Shortest and longest delay, in steps.
    pub fn delays(&self) -> Option<(u32, u32)> {
        let tables = self.tables.iter().map(|t| (t.first_delay, t.last_delay()));
        tables.chain(self.bits.iter().map(|b| (b.delay, b.delay))).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// Adds the number of synapses of every neuron of every population to `degrees`.
    pub fn add_degrees(&self, degrees: &mut [Vec<u64>]) {
        self.tables.iter().for_each(|table| table.add_degrees(&mut degrees[table.population]));
        self.bits.iter().for_each(|bits| bits.add_degrees(&mut degrees[bits.population]));
    }

    /// Calls `f` with source population, source, slot, weight in quanta and delay in steps of every synapse.
    pub fn each(&self, f: &mut dyn FnMut(usize, u32, u16, i32, u32)) {
        for table in &self.tables {
            table.each(&mut |source, slot, delay, weight| f(table.population, source, slot, weight, delay));
        }
        for bits in &self.bits {
            bits.each(&mut |source, slot| f(bits.population, source, slot, bits.weight, bits.delay));
        }
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
    /// Adds the number of synapses of every source to `degrees`.
    pub fn add_degrees(&self, degrees: &mut [u64]) {
        for (row, degree) in self.starts.windows(self.bands as usize + 1).step_by(self.bands as usize).zip(degrees) {
            let row = row[0] as usize..row[self.bands as usize] as usize;
            *degree += row.len() as u64;
            if let Rows::Packed { codes, code, .. } = &self.rows {
                let farthest = code.farthest();
                *degree -= codes[row].iter().filter(|&code| code & farthest == farthest).count() as u64;
            }
        }
    }

    /// Longest delay of the rows, in steps, or a little more.
    pub fn last_delay(&self) -> u32 {
        self.first_delay + (self.bands << self.rows.band_bits()) - 1
    }

    /// Calls `f` with source, slot, delay in steps and weight of every synapse.
    pub fn each(&self, f: &mut dyn FnMut(u32, u16, u32, i32)) {
        for (cell, ends) in self.starts.windows(2).enumerate() {
            let (source, band) = (cell as u32 / self.bands, cell as u32 % self.bands);
            let first = self.first_delay + (band << self.rows.band_bits());
            self.rows.each(ends[0] as usize..ends[1] as usize, &mut |slot, delay, weight| {
                f(source, slot, first + delay, weight);
            });
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.rows.bytes() + 4 * self.starts.capacity()
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
}

#[cfg(test)]
mod tests;
