//! Delivery of the spikes that are due, through the synapses of one tile into the sums of its inputs.
//!
//! When the first delay of a row is over, each of its segments is put on the list of its shard and of the step in which
//! its delays begin: a row is looked up once, not once for each segment. When that step comes, the tile adds just the
//! segments on its lists into the sums of its inputs, shard by shard ("deferred delivery").
//!
//! Inputs are summed in whole numbers of quanta, so that no order of addition can show in the result.

use crate::history::History;
use crate::packed::{AddLine, InBand, InStep, Line, Packed};
use crate::ring::{Ring, SHARD, place};
use crate::synapses::{Dense, Rows, Synapses, Table};
use lapicque_models::sum::Sum;
use lapicque_models::vector::{Instructions, Kernel, dispatch, prefetch, prefetch_range};
use std::ops::{Range, RangeInclusive};

/// What is due of a table, in one list for each shard and for each step from this one on. A list is of segments, or of
/// lines where synapses are packed.
#[derive(Debug)]
pub struct Due {
    /// First synapse of each segment and the one behind its last.
    segments: Vec<Vec<(u32, u32)>>,
    /// Lines of each segment.
    lines: Vec<List>,
    /// Steps for which there are lists, a power of two.
    steps: usize,
    /// Stamp of the last spikes listed.
    listed: u64,
}

impl Due {
    /// Empty lists for a table.
    pub fn new(table: &Table) -> Due {
        let steps = (table.bands << table.band_bits()).next_power_of_two() as usize;
        let lists = steps * table.shards.len();
        Due { segments: vec![Vec::new(); lists], lines: vec![List::default(); lists], steps, listed: 0 }
    }

    /// The lists of `shard` at `tick`.
    #[inline(always)]
    fn at(&self, shard: usize, tick: u64) -> usize {
        shard * self.steps + (tick as usize & (self.steps - 1))
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let segments: usize = self.segments.iter().map(|list| size_of::<(u32, u32)>() * list.capacity()).sum();
        segments + self.lines.iter().map(List::bytes).sum::<usize>()
    }
}

/// A list of lines that is filled again and again, and on one cache line itself.
#[derive(Clone, Debug, Default)]
#[repr(align(32))]
struct List {
    lines: Vec<u32>,
    /// Those from here on are left from an earlier time.
    used: u32,
}

impl List {
    /// Lists the lines of a segment, which are few: eight at once, so that there is nothing to guess.
    #[inline(always)]
    fn put(&mut self, (start, end): (u32, u32)) {
        let (mut at, wanted) = (self.used, self.used + (end - start));
        // The cache line behind the end, which was last in use when the list was this long before.
        prefetch(&self.lines, wanted as usize + 16);
        let mut line = start;
        loop {
            match self.lines.get_mut(at as usize..at as usize + 8) {
                Some(eight) => {
                    eight.copy_from_slice(&std::array::from_fn::<u32, 8, _>(|i| line.wrapping_add(i as u32)))
                }
                None => {
                    self.grow();
                    continue;
                }
            }
            (at, line) = (at + 8, line + 8);
            if at >= wanted {
                break;
            }
        }
        self.used = wanted;
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        self.lines.resize((2 * self.lines.len()).max(64), 0);
    }

    /// Those listed.
    #[inline(always)]
    fn get(&self) -> &[u32] {
        &self.lines[..self.used as usize]
    }

    /// Bytes held by lines.
    fn bytes(&self) -> usize {
        size_of::<u32>() * self.lines.capacity()
    }
}

/// Puts each segment of a row on the list of its step: `first` for the first, 2^`band_bits` later for each of the others.
#[inline(always)]
fn list<L>(
    lists: &mut [L],
    first: usize,
    band_bits: u32,
    (mut start, ends): (u32, impl Iterator<Item = u32>),
    put: impl Fn(&mut L, (u32, u32)),
) {
    let (mask, mut at) = (lists.len() - 1, first);
    for end in ends {
        if let Some(list) = lists.get_mut(at & mask) {
            put(list, (start, end));
        }
        at += 1 << band_bits;
        start = end;
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
    fn run(self, _: impl Instructions) {
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
            Rows::Packed(_) => unreachable!("packed rows of all tables are added together"),
        }
    }
}

/// Lines that are asked for before one is added: those that come from main memory meanwhile. More would drive each other
/// and the neurons' state from the caches.
const LINES_AHEAD: usize = 24;

/// Adds the packed lines of all tables that are due in a shard. Lines all take as long, so that they are asked for at the
/// pace at which others are added, and memory and sums are busy at the same time.
struct DeliverPacked<'a, S> {
    tables: &'a [Table],
    due: &'a [Due],
    shard: usize,
    ring: &'a mut Ring<S>,
    tick: u64,
}

impl<S: Sum> Kernel for DeliverPacked<'_, S> {
    type Output = ();
    #[inline(always)]
    fn run(self, with: impl Instructions) {
        let DeliverPacked { tables, due, shard, ring, tick } = self;
        let all = tables.iter().zip(due).filter_map(|(table, due)| match &table.shards[shard] {
            Rows::Packed(packed) => Some((packed, due.lines[due.at(shard, tick)].get())),
            _ => None,
        });
        let mut ahead = Ahead { tables: all.clone(), lines: &[], list: [].iter() };
        (0..LINES_AHEAD).try_for_each(|_| ahead.ask());
        for (packed, list) in all {
            if packed.code.band_bits == 0 {
                let mut to = InStep { with, code: packed.code, row: ring.row(tick) };
                add_lines(packed.lines(), list, &mut ahead, &mut to);
            } else {
                let (sums, starts) = ring.ahead(tick);
                add_lines(packed.lines(), list, &mut ahead, &mut InBand { with, code: packed.code, starts, sums });
            }
        }
    }
}

/// Goes through the lines of all tables ahead of those that are added.
struct Ahead<'a, I> {
    tables: I,
    lines: &'a [Line],
    list: std::slice::Iter<'a, u32>,
}

impl<'a, I: Iterator<Item = (&'a Packed, &'a [u32])>> Ahead<'a, I> {
    /// Asks for the next line, if there is one.
    #[inline(always)]
    fn ask(&mut self) -> Option<()> {
        loop {
            if let Some(&line) = self.list.next() {
                prefetch(self.lines, line as usize);
                return Some(());
            }
            let (packed, list) = self.tables.next()?;
            (self.lines, self.list) = (packed.lines(), list.iter());
        }
    }
}

/// Adds each line of a list, and asks for as many ahead.
#[inline(always)]
fn add_lines<'a, I>(lines: &[Line], list: &[u32], ahead: &mut Ahead<'a, I>, to: &mut impl AddLine)
where
    I: Iterator<Item = (&'a Packed, &'a [u32])>,
{
    for some in list.chunks(4) {
        some.iter().try_for_each(|_| ahead.ask());
        for &line in some {
            if let Some(line) = lines.get(line as usize) {
                to.add(line);
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
        dispatch(ListSpikes { table: self, tick, history, due });
    }
}

/// Lists segments; see [`Table::list`].
struct ListSpikes<'a> {
    table: &'a Table,
    tick: u64,
    history: &'a History,
    due: &'a mut Due,
}

impl Kernel for ListSpikes<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self, _: impl Instructions) {
        let ListSpikes { table, tick, history, due } = self;
        for stamp in table.stamps(tick, due) {
            let spikes = history.at(stamp).of(table.population);
            for (i, &source) in spikes.iter().enumerate() {
                if let Some(&later) = spikes.get(i + ASKED_AHEAD) {
                    table.ask(later);
                }
                for (shard, rows) in table.shards.iter().enumerate() {
                    let lists = shard * due.steps..(shard + 1) * due.steps;
                    let first = (stamp + u64::from(table.first_delay)) as usize;
                    let segments = table.row(source, shard);
                    match rows {
                        Rows::Packed(packed) => {
                            list(&mut due.lines[lists], first, packed.code.band_bits, segments, List::put);
                        }
                        _ => list(&mut due.segments[lists], first, 0, segments, |list: &mut Vec<_>, (start, end)| {
                            if start < end {
                                list.push((start, end));
                            }
                        }),
                    }
                }
            }
            due.listed = stamp;
        }
    }
}

/// Adds what is due in `shard` at `tick`, and empties its lists. `due` has an entry for each table.
pub fn deliver<S: Sum>(tables: &[Table], shard: usize, tick: u64, due: &mut [Due], ring: &mut Ring<S>) {
    let mut packed = false;
    for (table, due) in tables.iter().zip(&mut *due) {
        let list = due.at(shard, tick);
        packed |= due.lines[list].used > 0;
        let segments = &mut due.segments[list];
        if !segments.is_empty() {
            dispatch(Deliver { rows: &table.shards[shard], due: segments, ring, tick });
            segments.clear();
        }
    }
    if packed {
        dispatch(DeliverPacked { tables, due, shard, ring, tick });
        for due in due {
            let list = due.at(shard, tick);
            due.lines[list].used = 0;
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
            deliver(&self.tables, shard, tick, due, ring);
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
