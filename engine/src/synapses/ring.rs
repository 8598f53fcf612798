//! Input sums of one shard: one sum per slot, for the current step and for the next few steps. A band of delays adds to
//! the sums of those next steps ahead of time.
//!
//! Sums are whole numbers of quanta. A sum of integers does not depend on the order of addition.

use lapicque_models::columns::BLOCK;
use lapicque_models::numerics::accumulate::{Sum, SumBlock};
use lapicque_models::vector::BAND_STEPS;

/// Largest number of slots in a shard. A 16-bit index into an array of this length needs no bounds check.
pub const SHARD_SLOTS: usize = 1 << 16;
/// Bytes of a cache line.
const LINE_BYTES: usize = 64;
/// Largest number of delays in a band, and so of steps to whose sums a segment adds.
pub const MAX_BAND: usize = BAND_STEPS;

/// The shard of a tile's slot, and the number of the slot within the shard. A shard has 2^`shard_bits` slots.
#[inline(always)]
pub fn shard_of(slot: u32, shard_bits: u32) -> (usize, u32) {
    ((slot >> shard_bits) as usize, slot & ((1 << shard_bits) - 1))
}

/// Input sums of one shard for the current and the next steps.
pub struct Ring<S> {
    /// All sums, step after step.
    sums: Vec<S>,
    /// Index in `sums` of the first sum, which is aligned to a cache line.
    first: usize,
    /// Number of slots.
    slots: usize,
    /// Number of steps, a power of two.
    depth: usize,
    /// Scratch memory of [`SumsWithCounts`], zero between two uses.
    counts: Box<[u8; SHARD_SLOTS]>,
}

/// The sums of one step, and for each sum how many times one common weight is still to be added to it.
pub struct SumsWithCounts<'a, S> {
    /// One count per sum. A count wraps around from 255 to 0.
    pub counts: &'a mut [u8; SHARD_SLOTS],
    sums: &'a mut [S],
}

impl<S: Sum> SumsWithCounts<'_, S> {
    /// Adds `weight` to each sum as many times as its count says, and sets all counts to zero. `synapses` is the number
    /// of synapses counted. If counts have wrapped around, they add up to 256 less than `synapses` for each time.
    /// Then nothing is added, and the result is false.
    #[inline(always)]
    pub fn add_counted(&mut self, weight: i32, synapses: u64) -> bool {
        let counts = &mut self.counts[..self.sums.len()];
        // The sum of 256 counts fits 16 bits. A vector register holds four times as many numbers of 16 bits as of 64
        // bits.
        let sum = |counts: &[u8]| u64::from(counts.iter().map(|&count| u16::from(count)).sum::<u16>());
        if counts.chunks(256).map(sum).sum::<u64>() != synapses {
            counts.fill(0);
            return false;
        }
        for (sum, count) in self.sums.iter_mut().zip(counts) {
            sum.add_many(weight, u32::from(*count));
            *count = 0;
        }
        true
    }

    /// Adds `weight` once for each target, without counts.
    pub fn add_one_by_one(&mut self, targets: &[u16], weight: i32) {
        for &target in targets {
            self.sums[usize::from(target)].add(weight);
        }
    }
}

impl<S: Sum> Ring<S> {
    /// A ring of `depth` steps (a power of two) for `slots` slots.
    pub fn new(slots: usize, depth: usize) -> Self {
        debug_assert!(depth.is_power_of_two() && slots <= SHARD_SLOTS);
        // The memory after the last step's sums lets every step's sums be read as an array of SHARD_SLOTS.
        let sums = vec![S::default(); (depth - 1) * slots + SHARD_SLOTS + LINE_BYTES];
        // The number of slots is a multiple of BLOCK. So the sums of every step start at a cache line if the first ones
        // do.
        let first = sums.as_ptr().align_offset(LINE_BYTES).min(LINE_BYTES);
        Ring { sums, first, slots, depth, counts: Box::new([0; SHARD_SLOTS]) }
    }

    /// Index in `sums` of the first sum of the step that ends at `tick`.
    #[inline(always)]
    fn start(&self, tick: u64) -> usize {
        self.first + (tick as usize & (self.depth - 1)) * self.slots
    }

    /// The sums of the step that ends at `tick`. Only the first [`Ring::slots`] belong to the step.
    #[inline(always)]
    pub fn step_sums(&mut self, tick: u64) -> &mut [S; SHARD_SLOTS] {
        let start = self.start(tick);
        let Some(sums) = self.sums[start..].first_chunk_mut() else {
            unreachable!("`new` allocates SHARD_SLOTS sums after the start of the last step")
        };
        sums
    }

    /// The sums of the step that ends at `tick`, with a count for each, which is zero.
    #[inline(always)]
    pub fn sums_with_counts(&mut self, tick: u64) -> SumsWithCounts<'_, S> {
        let start = self.start(tick);
        let sums = &mut self.sums[start..start + self.slots];
        SumsWithCounts { counts: &mut self.counts, sums }
    }

    /// The sums of a range of slots in the step that ends at `tick`.
    #[inline(always)]
    pub fn slot_sums(&mut self, tick: u64, slots: std::ops::Range<usize>) -> &mut [S] {
        let start = self.start(tick);
        &mut self.sums[start + slots.start..start + slots.end]
    }

    /// For each of `first_slots`: the sums of `blocks` blocks from this slot on, in the step that ends at `tick`. The
    /// ranges must not overlap.
    #[inline(always)]
    pub fn blocks<const N: usize>(
        &mut self,
        tick: u64,
        first_slots: [u32; N],
        blocks: usize,
    ) -> [&mut [SumBlock<S>]; N] {
        let start = self.start(tick);
        let Ok(ranges) = self.sums.get_disjoint_mut(first_slots.map(|slot| {
            let first = start + slot as usize;
            first..first + blocks * BLOCK
        })) else {
            unreachable!("blocks lie in the ring, and no two overlap")
        };
        ranges.map(|sums| sums.as_chunks_mut().0.as_chunks_mut().0)
    }

    /// All sums, and the index of the first sum of the steps that end at `tick`, `tick` + 1, …
    #[inline(always)]
    pub fn all_sums(&mut self, tick: u64) -> (&mut [S], [u32; MAX_BAND]) {
        let starts = std::array::from_fn(|after| self.start(tick + after as u64) as u32);
        (&mut self.sums, starts)
    }

    /// Number of slots.
    #[inline(always)]
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Bytes held by sums and counts.
    pub fn bytes(&self) -> usize {
        self.depth * self.slots * size_of::<S>() + self.counts.len()
    }
}
