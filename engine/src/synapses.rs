//! Synapses of one tile: storage, and delivery of the spikes that are due.
//!
//! A synapse is stored at its target's tile, in the row of its source. A row is cut into segments by delay, each sorted
//! by target. When the first delay of a row is over, each of its segments is put on the list of the step in which its
//! delays begin: a row is read once, not once for each segment. When that step comes, the tile adds just the segments on
//! its list into the sums of its inputs ("deferred delivery").
//!
//! Where every synapse has a weight of its own, a segment holds a band of 2^k delays and its synapses are added to the
//! sums of the next 2^k steps: longer segments, so fewer jumps in memory. How wide a band is follows from the caches
//! (`Options::ring_bytes`): one delay is the pure deferred scheme, all of them the pure ring buffer.
//!
//! Inputs are summed in whole numbers of quanta, so that no order of addition can show in the result. Projections of
//! one source population share a table where they can: those with individual weights, and those that have weight (in
//! quanta) and delay in common, which then cost no bytes: those are stored as bits where connections are dense
//! (`bits.rs`), and all-to-all without any.

use crate::bits::Bits;
use crate::history::History;
use crate::ring::{DEEPEST, Ring, SHARD, Sum};
use lapicque_models::vector::{Kernel, dispatch, prefetch, prefetch_range};
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

/// Segments of a table that are due.
#[derive(Debug)]
pub struct Due {
    /// First synapse of each segment and the one behind its last, for this step and those to come: a power of two.
    steps: Vec<Vec<(u32, u32)>>,
    /// Stamp of the last spikes listed.
    listed: u64,
}

impl Due {
    /// Empty lists for a table.
    pub fn new(table: &Table) -> Due {
        let steps = (table.bands << table.rows.band_bits()).next_power_of_two();
        Due { steps: vec![Vec::new(); steps as usize], listed: 0 }
    }

    #[inline(always)]
    fn at(&mut self, tick: u64) -> &mut Vec<(u32, u32)> {
        let mask = self.steps.len() - 1;
        &mut self.steps[tick as usize & mask]
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.steps.iter().map(|step| size_of::<(u32, u32)>() * step.capacity()).sum()
    }
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
    /// Adds what is due at `tick`. `due` has an entry for each table.
    pub fn deliver<S: Sum>(&self, tick: u64, history: &History, due: &mut [Due], ring: &mut Ring<S>) {
        for (table, due) in self.tables.iter().zip(due) {
            table.list(tick, history, due);
            table.deliver(tick, due, ring);
        }
        self.bits.iter().for_each(|bits| bits.deliver(tick, history, ring));
    }

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

/// Bytes of synapses that are asked for at a time, before any of them is added.
///
/// A core has few buffers for cache lines under way, and a line from main memory holds one for long: sums, which miss the
/// first-level cache too, then wait for a buffer. So memory is read in a phase of its own, into the second-level cache;
/// 1.8 ns per event instead of 3.6 in a small program (benches/README.md).
const BATCH: usize = 48 << 10;

/// Slots from which on sums do not fit the first-level cache together with what else is in it.
const COUNTED: usize = 8192;
/// Synapses per slot that are counted at a time: so few that a byte rarely overflows.
const COUNTED_TIMES: usize = 64;

/// How many of the segments `due`, from the first on, hold `synapses` synapses or more together.
#[inline(always)]
fn first(due: &[(u32, u32)], synapses: usize) -> usize {
    let mut sum = 0;
    for (i, &(start, end)) in due.iter().enumerate() {
        sum += (end - start) as usize;
        if sum >= synapses {
            return i + 1;
        }
    }
    due.len()
}

/// The part of a segment that is asked for: behind it the CPU sees that it is a stream.
#[inline(always)]
fn head((start, end): (u32, u32)) -> Range<usize> {
    start as usize..end.min(start.saturating_add(BATCH as u32 / 4)) as usize
}

/// Adds the segments that are due. Loops are spelled out, and small functions inlined by force: what is not inlined
/// would be compiled without the instructions that [`dispatch`] has chosen.
struct Deliver<'a, S> {
    rows: &'a Rows,
    due: &'a [(u32, u32)],
    ring: &'a mut Ring<S>,
    tick: u64,
}

impl<S: Sum> Kernel for Deliver<'_, S> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Deliver { rows, mut due, ring, tick } = self;
        match rows {
            Rows::Constant { targets, weight } if worth_counting(due, ring.slots()) => {
                let slots = ring.slots();
                let mut counted = ring.counted(tick);
                while !due.is_empty() {
                    let (round, later) = due.split_at(first(due, COUNTED_TIMES * slots));
                    due = later;
                    let (mut left, mut synapses) = (round, 0);
                    while !left.is_empty() {
                        let (now, later) = left.split_at(first(left, BATCH / 2));
                        left = later;
                        for &segment in now {
                            prefetch_range(targets, head(segment));
                        }
                        for &(start, end) in now {
                            count(&targets[start as usize..end as usize], counted.counts);
                            synapses += u64::from(end - start);
                        }
                    }
                    if !counted.add(*weight, synapses) {
                        for &(start, end) in round {
                            counted.add_each(&targets[start as usize..end as usize], *weight);
                        }
                    }
                }
            }
            Rows::Constant { targets, weight } => {
                let Some(input) = ring.row(tick) else { return };
                while !due.is_empty() {
                    let (now, later) = due.split_at(first(due, BATCH / 2));
                    due = later;
                    for &segment in now {
                        prefetch_range(targets, head(segment));
                    }
                    for &(start, end) in now {
                        add_constant(&targets[start as usize..end as usize], *weight, input);
                    }
                }
            }
            Rows::Individual { targets, weights } => {
                let Some(input) = ring.row(tick) else { return };
                while !due.is_empty() {
                    let (now, later) = due.split_at(first(due, BATCH / 6));
                    due = later;
                    for &segment in now {
                        prefetch_range(targets, head(segment));
                        prefetch_range(weights, head(segment));
                    }
                    for &(start, end) in now {
                        let segment = start as usize..end as usize;
                        for (&target, &weight) in targets[segment.clone()].iter().zip(&weights[segment]) {
                            input[target as usize].add(weight);
                        }
                    }
                }
            }
            Rows::Packed { codes, code, .. } => {
                let (sums, starts) = ring.ahead(tick);
                while !due.is_empty() {
                    let (now, later) = due.split_at(first(due, BATCH / 4));
                    due = later;
                    for &segment in now {
                        prefetch_range(codes, head(segment));
                    }
                    for &(start, end) in now {
                        add_packed(&codes[start as usize..end as usize], *code, &starts, sums);
                    }
                }
            }
        }
    }
}

/// Whether it is quicker to count how often each target comes, in a byte that stays in the first-level cache, and to add
/// the weight that often behind, than to add to the sums at once. To add the counts takes as long as half an event for
/// each slot.
#[inline(always)]
fn worth_counting(due: &[(u32, u32)], slots: usize) -> bool {
    slots >= COUNTED && 2 * due.iter().map(|(start, end)| (end - start) as usize).sum::<usize>() > slots
}

#[inline(always)]
fn count(targets: &[u16], counts: &mut [u8; SHARD]) {
    let (eights, rest) = targets.as_chunks::<8>();
    for eight in eights {
        for target in eight {
            counts[*target as usize] = counts[*target as usize].wrapping_add(1);
        }
    }
    for &target in rest {
        counts[target as usize] = counts[target as usize].wrapping_add(1);
    }
}

#[inline(always)]
fn add_constant<S: Sum>(targets: &[u16], weight: i32, input: &mut [S; SHARD]) {
    let (eights, rest) = targets.as_chunks::<8>();
    for eight in eights {
        for target in eight {
            input[*target as usize].add(weight);
        }
    }
    for &target in rest {
        input[target as usize].add(weight);
    }
}

#[inline(always)]
fn add_packed<S: Sum>(codes: &[u32], code: Code, starts: &[u32; DEEPEST], sums: &mut [S]) {
    let (farthest, band, shift) = (code.farthest(), (1u8 << code.band_bits) - 1, code.gap_bits + code.band_bits);
    let mut target = 0;
    for &word in codes {
        target += word & farthest;
        let row = starts[((word >> code.gap_bits) as u8 & band) as usize & (DEEPEST - 1)];
        // Codes lead nowhere else; the check is what safe code pays.
        if let Some(sum) = sums.get_mut((row + target) as usize) {
            sum.add(word as i32 >> shift);
        }
    }
}

impl Table {
    /// Lists the segments of the spikes whose first delay is over at `tick`. Called for every step in turn.
    pub fn list(&self, tick: u64, history: &History, due: &mut Due) {
        let last = tick.saturating_sub(u64::from(self.first_delay));
        for stamp in due.listed + 1..=last {
            let spikes = history.at(stamp).of(self.population);
            for (i, &source) in spikes.iter().enumerate() {
                if let Some(&later) = spikes.get(i + 8) {
                    prefetch(&self.starts, later as usize * self.bands as usize);
                }
                let first = source as usize * self.bands as usize;
                let (mut start, mut tick) = (self.starts[first], stamp + u64::from(self.first_delay));
                for &end in &self.starts[first + 1..=first + self.bands as usize] {
                    if start < end {
                        due.at(tick).push((start, end));
                    }
                    (start, tick) = (end, tick + (1 << self.rows.band_bits()));
                }
            }
        }
        due.listed = last;
    }

    /// Adds what is due at `tick`, and empties its list.
    pub fn deliver<S: Sum>(&self, tick: u64, due: &mut Due, ring: &mut Ring<S>) {
        let due = due.at(tick);
        if !due.is_empty() {
            dispatch(Deliver { rows: &self.rows, due, ring, tick });
            due.clear();
        }
    }

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
    /// Adds what is due at `tick` into the shards' rings, of 2^`bits` slots each.
    pub fn deliver<S: Sum>(&self, tick: u64, history: &History, rings: &mut [Ring<S>], bits: u32) {
        let delay = u64::from(self.delay);
        if delay >= tick || self.slots.is_empty() {
            return;
        }
        let spikes = history.at(tick - delay).of(self.population);
        let first = spikes.partition_point(|&s| s < self.sources.start);
        let last = spikes.partition_point(|&s| s < self.sources.end);
        let spikes = &spikes[first..last];
        if spikes.is_empty() {
            return;
        }
        let mut slot = self.slots.start;
        while slot < self.slots.end {
            let (shard, within) = ((slot >> bits) as usize, (slot & ((1 << bits) - 1)) as usize);
            let len = ((1usize << bits) - within).min((self.slots.end - slot) as usize);
            for sum in rings[shard].part(tick, within..within + len) {
                sum.add_many(self.weight, spikes.len() as u32);
            }
            slot += len as u32;
        }
        if let Some(first) = self.no_autapses {
            for &s in spikes {
                let slot = u64::from(self.slots.start) + u64::from(s.wrapping_sub(first));
                if s >= first && slot < u64::from(self.slots.end) {
                    let (shard, within) = ((slot >> bits) as usize, (slot & ((1 << bits) - 1)) as usize);
                    rings[shard].part(tick, within..within + 1)[0].add(self.weight.wrapping_neg());
                }
            }
        }
    }

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
