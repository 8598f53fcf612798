//! Segments of rows that are due in a step, and how they are cut into parts that are read from memory together.

use std::ops::Range;

/// A segment: the position of its first synapse and the position after its last. Where synapses are packed, positions
/// are numbers of lines.
pub(super) type Segment = (u32, u32);

/// Bytes of synapses that are requested from memory before the first of them is added.
///
/// A core can wait for a limited number of cache lines at a time, and waits long for a cache line from main memory.
/// Sums miss the first-level cache too, so they would wait behind the synapses. So the synapses of a part are first
/// brought into the second-level cache, then added. A small test program took half the time this way
/// (benches/notebook.md).
const PART_BYTES: usize = 48 << 10;

/// Cuts a list of segments into parts of at least `synapses` synapses each; the last may have fewer.
pub(super) struct Parts<'a> {
    /// The segments that are not yet in a part.
    pub remaining: &'a [Segment],
    /// Smallest number of synapses in a part.
    pub synapses: usize,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [Segment];
    #[inline(always)]
    fn next(&mut self) -> Option<&'a [Segment]> {
        if self.remaining.is_empty() {
            return None;
        }
        let (mut end, mut sum) = (0, 0);
        while end < self.remaining.len() && sum < self.synapses {
            sum += (self.remaining[end].1 - self.remaining[end].0) as usize;
            end += 1;
        }
        let (part, remaining) = self.remaining.split_at(end);
        self.remaining = remaining;
        Some(part)
    }
}

/// Cuts a list of segments into parts of about [`PART_BYTES`] bytes of synapses.
#[inline(always)]
pub(super) fn parts_to_prefetch(due: &[Segment], bytes_per_synapse: usize) -> Parts<'_> {
    Parts { remaining: due, synapses: PART_BYTES / bytes_per_synapse }
}

/// The positions of the first synapses of a segment, which are requested ahead. By the end of these the CPU has
/// recognised that memory is read in sequence, and it reads the rest ahead by itself.
#[inline(always)]
pub(super) fn head((start, end): Segment) -> Range<usize> {
    start as usize..end.min(start.saturating_add(PART_BYTES as u32 / 4)) as usize
}

/// The positions of a segment's synapses.
#[inline(always)]
pub(super) fn positions((start, end): Segment) -> Range<usize> {
    start as usize..end as usize
}
