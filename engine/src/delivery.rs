//! Delivery of the spikes that are due, through the synapses of one tile into the sums of its inputs.
//!
//! When the first delay of a row is over, each of its segments is put on the list of its shard and of the step in which
//! its delays begin: a row is looked up once, not once for each segment. When that step comes, the tile adds just the
//! segments on its lists into the sums of its inputs, shard by shard ("deferred delivery").
//!
//! Inputs are summed in whole numbers of quanta, so that no order of addition can show in the result.

use crate::history::History;
use crate::ring::{DEEPEST, Ring, SHARD, Sum, place};
use crate::synapses::{Code, Dense, Rows, Synapses, Table};
use lapicque_models::vector::{Kernel, dispatch, prefetch_range};
use std::ops::{Range, RangeInclusive};

/// Segments of a table that are due.
#[derive(Debug)]
pub struct Due {
    /// For each shard: first synapse of each segment and the one behind its last, for this step and those to come.
    lists: Vec<Vec<(u32, u32)>>,
    /// Steps for which there are lists, a power of two.
    steps: usize,
    /// Stamp of the last spikes listed.
    listed: u64,
}

impl Due {
    /// Empty lists for a table.
    pub fn new(table: &Table) -> Due {
        let steps = (table.bands << table.band_bits()).next_power_of_two() as usize;
        Due { lists: vec![Vec::new(); steps * table.shards.len()], steps, listed: 0 }
    }

    /// What is due in `shard` at `tick`.
    #[inline(always)]
    fn at(&mut self, shard: usize, tick: u64) -> &mut Vec<(u32, u32)> {
        &mut self.lists[shard * self.steps + (tick as usize & (self.steps - 1))]
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.lists.iter().map(|list| size_of::<(u32, u32)>() * list.capacity()).sum()
    }
}

/// Bytes of synapses that are asked for at a time, before any of them is added.
///
/// A core has few buffers for cache lines under way, and a line from main memory holds one for long: sums, which miss the
/// first-level cache too, then wait for a buffer. So memory is read in a phase of its own, into the second-level cache;
/// half the time in a small program (benches/README.md).
const BATCH: usize = 48 << 10;

/// Spikes whose rows are looked up before: about as many lines as a core can wait for at a time.
const ASKED_AHEAD: usize = 8;

/// Slots from which on sums do not fit the first-level cache together with what else is in it.
const COUNTED: usize = 8192;
/// Synapses per slot that are counted at a time: so few that a byte rarely overflows.
const COUNTED_TIMES: usize = 64;

/// Cuts a list of segments into parts of `synapses` synapses or a little more.
struct Parts<'a> {
    left: &'a [(u32, u32)],
    synapses: usize,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [(u32, u32)];
    #[inline(always)]
    fn next(&mut self) -> Option<&'a [(u32, u32)]> {
        if self.left.is_empty() {
            return None;
        }
        let (mut end, mut sum) = (0, 0);
        while end < self.left.len() && sum < self.synapses {
            sum += (self.left[end].1 - self.left[end].0) as usize;
            end += 1;
        }
        let (part, left) = self.left.split_at(end);
        self.left = left;
        Some(part)
    }
}

/// Parts of `bytes` bytes per synapse that are asked for at a time.
#[inline(always)]
fn batches(due: &[(u32, u32)], bytes: usize) -> Parts<'_> {
    Parts { left: due, synapses: BATCH / bytes }
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
        let Deliver { rows, due, ring, tick } = self;
        match rows {
            Rows::Constant { targets, weight } if worth_counting(due, ring.slots()) => {
                count_and_add(targets, *weight, due, ring, tick);
            }
            Rows::Constant { targets, weight } => {
                let input = ring.row(tick);
                for now in batches(due, 2) {
                    for &segment in now {
                        prefetch_range(targets, head(segment));
                    }
                    for &(start, end) in now {
                        add_constant(&targets[start as usize..end as usize], *weight, input);
                    }
                }
            }
            Rows::Individual { targets, weights } => {
                let input = ring.row(tick);
                for now in batches(due, 6) {
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
                for now in batches(due, 4) {
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

/// Counts how often each target comes, in rounds, and adds the weight that often behind each.
#[inline(always)]
fn count_and_add<S: Sum>(targets: &[u16], weight: i32, due: &[(u32, u32)], ring: &mut Ring<S>, tick: u64) {
    let synapses = COUNTED_TIMES * ring.slots();
    let mut counted = ring.counted(tick);
    for round in (Parts { left: due, synapses }) {
        let mut synapses = 0;
        for now in batches(round, 2) {
            for &segment in now {
                prefetch_range(targets, head(segment));
            }
            for &(start, end) in now {
                count(&targets[start as usize..end as usize], counted.counts);
                synapses += u64::from(end - start);
            }
        }
        if !counted.add(weight, synapses) {
            for &(start, end) in round {
                counted.add_each(&targets[start as usize..end as usize], weight);
            }
        }
    }
}

/// Whether it is quicker to count how often each target comes, in a byte that stays in the first-level cache, and to add
/// the weight that often behind, than to add to the sums at once: from half a synapse per slot on. With 50 000 and 100 000
/// neurons (`growth`) a quarter and an eighth were no quicker, and one was slower.
#[inline(always)]
fn worth_counting(due: &[(u32, u32)], slots: usize) -> bool {
    slots >= COUNTED && 2 * due.iter().map(|(start, end)| (end - start) as usize).sum::<usize>() > slots
}

/// Calls `f` with each of `all`, by eights: a compiler unrolls that.
#[inline(always)]
fn each<T: Copy>(all: &[T], mut f: impl FnMut(T)) {
    let (eights, rest) = all.as_chunks::<8>();
    for eight in eights {
        for &one in eight {
            f(one);
        }
    }
    for &one in rest {
        f(one);
    }
}

#[inline(always)]
fn count(targets: &[u16], counts: &mut [u8; SHARD]) {
    each(targets, |target| counts[usize::from(target)] = counts[usize::from(target)].wrapping_add(1));
}

#[inline(always)]
fn add_constant<S: Sum>(targets: &[u16], weight: i32, input: &mut [S; SHARD]) {
    each(targets, |target| input[usize::from(target)].add(weight));
}

#[inline(always)]
fn add_packed<S: Sum>(codes: &[u32], code: Code, starts: &[u32; DEEPEST], sums: &mut [S]) {
    let (farthest, band, shift) = (code.farthest(), (1u8 << code.band_bits) - 1, code.gap_bits + code.band_bits);
    let mut target = 0;
    each(codes, |word| {
        target += word & farthest;
        let row = starts[((word >> code.gap_bits) as u8 & band) as usize & (DEEPEST - 1)];
        // Codes lead nowhere else; the check is what safe code pays.
        if let Some(sum) = sums.get_mut((row + target) as usize) {
            sum.add(word as i32 >> shift);
        }
    });
}

impl Table {
    /// Asks for the starts of a row's segments.
    #[inline(always)]
    fn ask(&self, source: u32) {
        let first = source as usize * self.segments();
        prefetch_range(&self.starts, first..first + 2 * self.segments() + 1 - self.bands as usize);
    }

    /// Stamps of the spikes to be listed at `tick`.
    #[inline(always)]
    fn stamps(&self, tick: u64, due: &Due) -> RangeInclusive<u64> {
        due.listed + 1..=tick.saturating_sub(u64::from(self.first_delay))
    }

    /// Asks for what [`Table::list`] reads first at `tick`.
    pub fn ask_ahead(&self, tick: u64, history: &History, due: &Due) {
        for stamp in self.stamps(tick, due) {
            history.at(stamp).of(self.population).iter().take(ASKED_AHEAD).for_each(|&source| self.ask(source));
        }
    }

    /// Lists the segments of the spikes whose first delay is over at `tick`. Called for every step in turn.
    pub fn list(&self, tick: u64, history: &History, due: &mut Due) {
        for stamp in self.stamps(tick, due) {
            let spikes = history.at(stamp).of(self.population);
            for (i, &source) in spikes.iter().enumerate() {
                if let Some(&later) = spikes.get(i + ASKED_AHEAD) {
                    self.ask(later);
                }
                for shard in 0..self.shards.len() {
                    let mut tick = stamp + u64::from(self.first_delay);
                    for band in 0..self.bands {
                        let (start, end) = self.segment(source, shard, band);
                        if start < end {
                            due.at(shard, tick).push((start, end));
                        }
                        tick += 1 << self.band_bits();
                    }
                }
            }
            due.listed = stamp;
        }
    }

    /// Adds what is due in `shard` at `tick`, and empties its list.
    pub fn deliver<S: Sum>(&self, shard: usize, tick: u64, due: &mut Due, ring: &mut Ring<S>) {
        let due = due.at(shard, tick);
        if !due.is_empty() {
            dispatch(Deliver { rows: &self.shards[shard], due, ring, tick });
            due.clear();
        }
    }
}

impl Synapses {
    /// Adds what is due at `tick`. `due` has an entry for each table, `rings` for each shard, of 2^`bits` slots.
    pub fn deliver<S: Sum>(&self, tick: u64, history: &History, due: &mut [Due], rings: &mut [Ring<S>], bits: u32) {
        for (table, due) in self.tables.iter().zip(&*due) {
            table.ask_ahead(tick, history, due);
        }
        for (table, due) in self.tables.iter().zip(&mut *due) {
            table.list(tick, history, due);
        }
        for (shard, ring) in rings.iter_mut().enumerate() {
            for (table, due) in self.tables.iter().zip(&mut *due) {
                table.deliver(shard, tick, due, ring);
            }
        }
        self.bits.iter().for_each(|pairs| pairs.deliver(tick, history, &mut rings[pairs.shard]));
        self.dense.iter().for_each(|dense| dense.deliver(tick, history, rings, bits));
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
            let (shard, within) = place(slot, bits);
            let len = ((1 << bits) - within).min(self.slots.end - slot);
            for sum in rings[shard].part(tick, within as usize..(within + len) as usize) {
                sum.add_many(self.weight, spikes.len() as u32);
            }
            slot += len;
        }
        if let Some(first) = self.no_autapses {
            for &s in spikes {
                let slot = u64::from(self.slots.start) + u64::from(s.wrapping_sub(first));
                if s >= first && slot < u64::from(self.slots.end) {
                    let (shard, within) = place(slot as u32, bits);
                    rings[shard].row(tick)[within as usize].add(self.weight.wrapping_neg());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
