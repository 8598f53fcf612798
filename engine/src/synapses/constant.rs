//! Synapses with one common weight: 2 bytes each, for the target.

use super::ring::{Ring, SHARD_SLOTS};
use super::segments::{Parts, Segment, head, parts_to_prefetch, positions};
use lapicque_models::numerics::accumulate::Sum;
use lapicque_models::vector::{Instructions, Kernel, dispatch, prefetch_range};
use std::ops::Range;

/// Smallest number of slots for which counting may be faster. The sums of more slots do not fit the first-level cache
/// together with the other data.
pub(super) const MIN_SLOTS_TO_COUNT: usize = 8192;
/// Synapses per slot that are counted in one round: few enough that the count of a slot, a byte, rarely overflows.
pub(super) const COUNTED_PER_SLOT: usize = 64;

/// The synapses of one table onto one shard, all of the same weight.
#[derive(Debug)]
pub struct ConstantSynapses {
    /// Slot in the shard of each synapse.
    pub targets: Vec<u16>,
    /// Weight in quanta.
    pub weight: i32,
}

impl ConstantSynapses {
    /// Calls `f` with slot and weight in quanta of the synapses at these positions.
    pub fn each(&self, positions: Range<usize>, f: &mut dyn FnMut(u16, i32)) {
        self.targets[positions].iter().for_each(|&target| f(target, self.weight));
    }

    /// Adds segments to the sums of the step that ends at `tick`.
    pub(super) fn deliver<S: Sum>(&self, due: &[Segment], ring: &mut Ring<S>, tick: u64) {
        dispatch(Add { synapses: self, due, ring, tick });
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        2 * self.targets.capacity()
    }
}

/// Adds segments. Its loops are written out, and its small functions are `inline(always)`: a function that is not
/// inlined would be compiled without the vector instructions that [`dispatch`] has chosen.
struct Add<'a, S> {
    synapses: &'a ConstantSynapses,
    due: &'a [Segment],
    ring: &'a mut Ring<S>,
    tick: u64,
}

impl<S: Sum> Kernel for Add<'_, S> {
    type Output = ();
    #[inline(always)]
    fn run(self, _: impl Instructions) {
        let Add { synapses: ConstantSynapses { targets, weight }, due, ring, tick } = self;
        if worth_counting(due, ring.slots()) {
            return count_and_add(targets, *weight, due, ring, tick);
        }
        let sums = ring.step_sums(tick);
        for part in parts_to_prefetch(due, 2) {
            for &segment in part {
                prefetch_range(targets, head(segment));
            }
            for &segment in part {
                add_constant(&targets[positions(segment)], *weight, sums);
            }
        }
    }
}

/// Counts the synapses of each target in one byte, then adds the weight that many times to each sum. If a byte
/// overflows, adds the synapses of that round one by one instead.
#[inline(always)]
fn count_and_add<S: Sum>(targets: &[u16], weight: i32, due: &[Segment], ring: &mut Ring<S>, tick: u64) {
    let synapses = COUNTED_PER_SLOT * ring.slots();
    let mut sums = ring.sums_with_counts(tick);
    for round in (Parts { remaining: due, synapses }) {
        let mut synapses = 0;
        for part in parts_to_prefetch(round, 2) {
            for &segment in part {
                prefetch_range(targets, head(segment));
            }
            for &segment in part {
                count(&targets[positions(segment)], sums.counts);
                synapses += u64::from(segment.1 - segment.0);
            }
        }
        if !sums.add_counted(weight, synapses) {
            for &segment in round {
                sums.add_one_by_one(&targets[positions(segment)], weight);
            }
        }
    }
}

/// Whether to count the synapses of each target instead of adding them one by one: for more than half a synapse per
/// slot. Counts are bytes and stay in the first-level cache. With 50 000 and 100 000 neurons (bench `growth`),
/// thresholds of a quarter and an eighth of a synapse per slot were no faster, and a threshold of one synapse per slot
/// was slower.
#[inline(always)]
pub(super) fn worth_counting(due: &[Segment], slots: usize) -> bool {
    slots >= MIN_SLOTS_TO_COUNT && 2 * due.iter().map(|(start, end)| (end - start) as usize).sum::<usize>() > slots
}

/// Calls `f` with each item. The inner loop has a fixed length of eight, so that the compiler unrolls it.
#[inline(always)]
fn for_each_unrolled<T: Copy>(all: &[T], mut f: impl FnMut(T)) {
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

/// Increments the count of each target. Counts wrap around.
#[inline(always)]
fn count(targets: &[u16], counts: &mut [u8; SHARD_SLOTS]) {
    for_each_unrolled(targets, |target| counts[usize::from(target)] = counts[usize::from(target)].wrapping_add(1));
}

/// Adds the weight to the sum of each target.
#[inline(always)]
fn add_constant<S: Sum>(targets: &[u16], weight: i32, sums: &mut [S; SHARD_SLOTS]) {
    for_each_unrolled(targets, |target| sums[usize::from(target)].add(weight));
}
