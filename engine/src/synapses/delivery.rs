//! Delivery of spikes through the rows of a tile's tables into its input sums ("deferred delivery").
//!
//! A spike's row has several segments, each with its own delay or band of delays. When the shortest delay of the table
//! has passed since the spike, each segment of the row is put on a list: the list of its shard and of the step in which
//! the segment's delay ends, or the first delay of its band. In that step the segment is **due**: the tile adds exactly
//! the segments on the lists of the step, shard by shard. So a row is looked up once, not once per delay.

use super::history::History;
use super::packed;
use super::ring::Ring;
use super::segments::Segment;
use super::table::{ShardSynapses, SynapseTable};
use lapicque_models::numerics::accumulate::Sum;
use lapicque_models::vector::{Instructions, Kernel, dispatch, prefetch, prefetch_range};
use std::ops::RangeInclusive;

/// Segments of one table that are due now or later: one list for each shard and for each step from the current one on.
#[derive(Debug)]
pub struct DueLists {
    /// Segments of synapses that are not packed.
    segments: Vec<Vec<Segment>>,
    /// Numbers of the lines of packed synapses.
    lines: Vec<LineList>,
    /// Number of steps for which there are lists, a power of two.
    steps: usize,
    /// Stamp of the last spikes whose segments were put on lists.
    listed: u64,
}

/// A list of line numbers. Its memory is reused from step to step. The alignment keeps this struct within one cache
/// line.
#[derive(Clone, Debug, Default)]
#[repr(align(32))]
struct LineList {
    lines: Vec<u32>,
    /// Number of items in use. The items after them are old.
    used: u32,
}

impl LineList {
    /// Appends the lines of a segment, which are few. Writes eight numbers at once, even if fewer are needed: the end
    /// of a loop over the exact number would be mispredicted.
    #[inline(always)]
    fn append(&mut self, (start, end): Segment) {
        let (mut at, wanted) = (self.used, self.used + (end - start));
        // Prefetches the next cache line of the list, which the next segments will need.
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

    /// The line numbers on the list.
    #[inline(always)]
    fn get(&self) -> &[u32] {
        &self.lines[..self.used as usize]
    }

    /// Bytes held by the line numbers.
    fn bytes(&self) -> usize {
        size_of::<u32>() * self.lines.capacity()
    }
}

/// Number of spikes whose rows are requested from memory ahead: about as many cache lines as a core can wait for at a
/// time.
const SPIKES_AHEAD: usize = 8;

/// Requests the starts of the segments of a source's rows in all shards from memory.
#[inline(always)]
fn request_row(table: &SynapseTable, source: u32) {
    let first = source as usize * table.segments();
    prefetch_range(&table.starts, first..first + 2 * table.segments() + 1 - table.bands as usize);
}

/// Puts each segment of a row on the list of its step: the first segment on the list of step `first`, each further
/// segment on the list 2^`band_bits` steps later.
#[inline(always)]
fn list_segments<L>(
    lists: &mut [L],
    first: usize,
    band_bits: u32,
    (mut start, ends): (u32, impl Iterator<Item = u32>),
    append: impl Fn(&mut L, Segment),
) {
    let (mask, mut step) = (lists.len() - 1, first);
    for end in ends {
        if let Some(list) = lists.get_mut(step & mask) {
            append(list, (start, end));
        }
        step += 1 << band_bits;
        start = end;
    }
}

impl DueLists {
    /// Empty lists for a table.
    pub fn new(table: &SynapseTable) -> DueLists {
        let steps = (table.bands << table.band_bits()).next_power_of_two() as usize;
        let lists = steps * table.shards.len();
        DueLists { segments: vec![Vec::new(); lists], lines: vec![LineList::default(); lists], steps, listed: 0 }
    }

    /// Index of the list of `shard` for the step that ends at `tick`.
    #[inline(always)]
    fn index(&self, shard: usize, tick: u64) -> usize {
        shard * self.steps + (tick as usize & (self.steps - 1))
    }

    /// Stamps of the spikes whose segments are to be put on lists at `tick`.
    #[inline(always)]
    fn stamps(&self, table: &SynapseTable, tick: u64) -> RangeInclusive<u64> {
        self.listed + 1..=tick.saturating_sub(u64::from(table.first_delay))
    }

    /// Requests from memory the rows that [`DueLists::list`] reads first at `tick`.
    pub fn request_rows(&self, table: &SynapseTable, tick: u64, history: &History) {
        for stamp in self.stamps(table, tick) {
            let spikes = history.at(stamp).of(table.population).iter();
            spikes.take(SPIKES_AHEAD).for_each(|&source| request_row(table, source));
        }
    }

    /// Puts the segments of all spikes whose shortest delay ends at `tick` on lists. To be called for every step in
    /// turn.
    pub fn list(&mut self, table: &SynapseTable, tick: u64, history: &History) {
        dispatch(ListSpikes { table, tick, history, due: self });
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let segments: usize = self.segments.iter().map(|list| size_of::<Segment>() * list.capacity()).sum();
        segments + self.lines.iter().map(LineList::bytes).sum::<usize>()
    }
}

/// See [`DueLists::list`].
struct ListSpikes<'a> {
    table: &'a SynapseTable,
    tick: u64,
    history: &'a History,
    due: &'a mut DueLists,
}

impl Kernel for ListSpikes<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self, _: impl Instructions) {
        let ListSpikes { table, tick, history, due } = self;
        for stamp in due.stamps(table, tick) {
            let spikes = history.at(stamp).of(table.population);
            for (i, &source) in spikes.iter().enumerate() {
                if let Some(&later) = spikes.get(i + SPIKES_AHEAD) {
                    request_row(table, later);
                }
                for (shard, synapses) in table.shards.iter().enumerate() {
                    let lists = shard * due.steps..(shard + 1) * due.steps;
                    let first = (stamp + u64::from(table.first_delay)) as usize;
                    let row = table.row(source, shard);
                    match synapses {
                        ShardSynapses::Packed(packed) => {
                            let band_bits = packed.layout.band_bits;
                            list_segments(&mut due.lines[lists], first, band_bits, row, LineList::append);
                        }
                        _ => {
                            list_segments(&mut due.segments[lists], first, 0, row, |list: &mut Vec<_>, (start, end)| {
                                if start < end {
                                    list.push((start, end));
                                }
                            })
                        }
                    }
                }
            }
            due.listed = stamp;
        }
    }
}

/// Adds the segments that are due in `shard` in the step that ends at `tick`, and empties their lists. `due` has an
/// item for each table.
pub(super) fn deliver<S: Sum>(
    tables: &[SynapseTable],
    shard: usize,
    tick: u64,
    due: &mut [DueLists],
    ring: &mut Ring<S>,
) {
    let mut any_packed = false;
    for (table, due) in tables.iter().zip(&mut *due) {
        let list = due.index(shard, tick);
        any_packed |= due.lines[list].used > 0;
        let segments = &mut due.segments[list];
        if !segments.is_empty() {
            match &table.shards[shard] {
                ShardSynapses::Constant(synapses) => synapses.deliver(segments, ring, tick),
                ShardSynapses::Individual(synapses) => synapses.deliver(segments, ring, tick),
                ShardSynapses::Packed(_) => unreachable!("packed synapses are listed by their lines"),
            }
            segments.clear();
        }
    }
    if any_packed {
        let lines = tables.iter().zip(&*due).filter_map(|(table, due)| match &table.shards[shard] {
            ShardSynapses::Packed(packed) => Some((packed, due.lines[due.index(shard, tick)].get())),
            _ => None,
        });
        packed::deliver(lines, ring, tick);
        for due in due {
            let list = due.index(shard, tick);
            due.lines[list].used = 0;
        }
    }
}

#[cfg(test)]
mod tests;
