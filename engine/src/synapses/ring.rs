//! Input sums of one shard: one sum per slot, for the current step and for the few steps after it to which a band of
//! delays adds ahead of time.
//!
//! Sums are whole numbers of quanta. A sum of integers does not depend on the order of addition.

use lapicque_models::columns::BLOCK;
use lapicque_models::numerics::accumulate::{Sum, SumBlock};
use lapicque_models::vector::ROWS;

/// Slots of a shard at most: a 16-bit index into a row needs no bounds check.
pub const SHARD: usize = 1 << 16;
/// Bytes of a cache line.
const LINE_BYTES: usize = 64;
/// Most steps that rows add to ahead of time.
pub const DEEPEST: usize = ROWS;

/// The shard of a tile's slot, and the slot within it. A shard has 2^`shard_bits` slots.
#[inline(always)]
pub fn shard_of(slot: u32, shard_bits: u32) -> (usize, u32) {
    ((slot >> shard_bits) as usize, slot & ((1 << shard_bits) - 1))
}

/// Sums of one shard for a power of two of steps.
pub struct Ring<S> {
    sums: Vec<S>,
    /// Where the first row starts: at the beginning of a cache line.
    first: usize,
    slots: usize,
    depth: usize,
    /// How often a weight is to be added to each sum: zero between two uses.
    counts: Box<[u8; SHARD]>,
}

/// Sums of a step, to which a weight is added by counting how often.
pub struct Counted<'a, S> {
    /// Times to be added to each sum.
    pub counts: &'a mut [u8; SHARD],
    sums: &'a mut [S],
}

impl<S: Sum> Counted<'_, S> {
    /// Adds `weight` as often as it was counted, and begins anew. False, and nothing is added, if a count has overflowed:
    /// then all counts together are less than the number `counted`, by 256 for each time.
    #[inline(always)]
    pub fn add(&mut self, weight: i32, counted: u64) -> bool {
        let counts = &mut self.counts[..self.sums.len()];
        // Sums of 256 bytes fit 16 bits, which are four times as many to a vector as 64.
        let part = |counts: &[u8]| u64::from(counts.iter().map(|&count| u16::from(count)).sum::<u16>());
        if counts.chunks(256).map(part).sum::<u64>() != counted {
            counts.fill(0);
            return false;
        }
        for (sum, count) in self.sums.iter_mut().zip(counts) {
            sum.add_many(weight, u32::from(*count));
            *count = 0;
        }
        true
    }

    /// Adds `weight` once for each target.
    pub fn add_each(&mut self, targets: &[u16], weight: i32) {
        for &target in targets {
            self.sums[usize::from(target)].add(weight);
        }
    }
}

impl<S: Sum> Ring<S> {
    /// A ring of `depth` steps (a power of two) for `slots` slots.
    pub fn new(slots: usize, depth: usize) -> Self {
        debug_assert!(depth.is_power_of_two() && slots <= SHARD);
        // Behind the last row there is room for a whole array, so that every row can be looked at as one.
        let sums = vec![S::default(); (depth - 1) * slots + SHARD + LINE_BYTES];
        // Slots are whole blocks, so that every row starts as the first does.
        let first = sums.as_ptr().align_offset(LINE_BYTES).min(LINE_BYTES);
        Ring { sums, first, slots, depth, counts: Box::new([0; SHARD]) }
    }

    /// First sum of the step that ends at `tick`.
    #[inline(always)]
    fn start(&self, tick: u64) -> usize {
        self.first + (tick as usize & (self.depth - 1)) * self.slots
    }

    /// The sums of the step that ends at `tick`.
    #[inline(always)]
    pub fn row(&mut self, tick: u64) -> &mut [S; SHARD] {
        let start = self.start(tick);
        let Some(row) = self.sums[start..].first_chunk_mut() else {
            unreachable!("behind the last row there is room for a whole array")
        };
        row
    }

    /// The sums of the step that ends at `tick`, and a count for each.
    #[inline(always)]
    pub fn counted(&mut self, tick: u64) -> Counted<'_, S> {
        let start = self.start(tick);
        let sums = &mut self.sums[start..start + self.slots];
        Counted { counts: &mut self.counts, sums }
    }

    /// Some sums of the step that ends at `tick`.
    #[inline(always)]
    pub fn part(&mut self, tick: u64, slots: std::ops::Range<usize>) -> &mut [S] {
        let start = self.start(tick);
        &mut self.sums[start + slots.start..start + slots.end]
    }

    /// The sums of `blocks` blocks from each of some slots on in the step that ends at `tick`; none twice.
    #[inline(always)]
    pub fn blocks<const N: usize>(&mut self, tick: u64, firsts: [u32; N], blocks: usize) -> [&mut [SumBlock<S>]; N] {
        let start = self.start(tick);
        let Ok(rows) = self.sums.get_disjoint_mut(firsts.map(|first| {
            let first = start + first as usize;
            first..first + blocks * BLOCK
        })) else {
            unreachable!("blocks lie in the ring, and no two overlap")
        };
        rows.map(|row| row.as_chunks_mut().0.as_chunks_mut().0)
    }

    /// All sums, and where the rows of the steps that end at `tick`, `tick` + 1, … start in them.
    #[inline(always)]
    pub fn ahead(&mut self, tick: u64) -> (&mut [S], [u32; DEEPEST]) {
        let starts = std::array::from_fn(|after| self.start(tick + after as u64) as u32);
        (&mut self.sums, starts)
    }

    /// Number of slots.
    #[inline(always)]
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Bytes held for slots.
    pub fn bytes(&self) -> usize {
        self.depth * self.slots * size_of::<S>() + self.counts.len()
    }
}
