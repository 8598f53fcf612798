//! Synapses that have their weight in common: 2 bytes each, for the target.

use super::ring::{Ring, SHARD};
use super::segments::{Parts, Segment, batches, head, positions};
use lapicque_models::numerics::accumulate::Sum;
use lapicque_models::vector::{Instructions, Kernel, dispatch, prefetch_range};
use std::ops::Range;

/// Slots from which on counting may pay: the sums then no longer fit the first-level cache beside the rest.
pub(super) const COUNTED: usize = 8192;
/// Synapses per slot that are counted in one round: few enough that a byte rarely overflows.
pub(super) const COUNTED_TIMES: usize = 64;

/// The synapses of one table onto one shard, all of the same weight.
#[derive(Debug)]
pub struct ConstantSynapses {
    /// Slot in the shard of each synapse.
    pub targets: Vec<u16>,
    /// Weight in quanta.
    pub weight: i32,
}

impl ConstantSynapses {
    /// Calls `f` with slot and weight of the synapses at these positions.
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

/// Adds segments. Loops are spelled out, and small functions inlined by force: a function that is not inlined would be
/// compiled without the vector instructions that [`dispatch`] has chosen.
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
        let input = ring.row(tick);
        for batch in batches(due, 2) {
            for &segment in batch {
                prefetch_range(targets, head(segment));
            }
            for &segment in batch {
                add_constant(&targets[positions(segment)], *weight, input);
            }
        }
    }
}

/// Counts in one byte how often each target comes, then adds the weight that many times to each sum.
#[inline(always)]
fn count_and_add<S: Sum>(targets: &[u16], weight: i32, due: &[Segment], ring: &mut Ring<S>, tick: u64) {
    let synapses = COUNTED_TIMES * ring.slots();
    let mut counted = ring.counted(tick);
    for round in (Parts { left: due, synapses }) {
        let mut synapses = 0;
        for batch in batches(round, 2) {
            for &segment in batch {
                prefetch_range(targets, head(segment));
            }
            for &segment in batch {
                count(&targets[positions(segment)], counted.counts);
                synapses += u64::from(segment.1 - segment.0);
            }
        }
        if !counted.add(weight, synapses) {
            for &segment in round {
                counted.add_each(&targets[positions(segment)], weight);
            }
        }
    }
}

/// Whether counting is quicker than adding to the sums one by one: from half a synapse per slot on. Counts are bytes and
/// stay in the first-level cache. With 50 000 and 100 000 neurons (bench `growth`) a quarter and an eighth of a synapse per
/// slot were no quicker, and one synapse per slot was slower.
#[inline(always)]
pub(super) fn worth_counting(due: &[Segment], slots: usize) -> bool {
    slots >= COUNTED && 2 * due.iter().map(|(start, end)| (end - start) as usize).sum::<usize>() > slots
}

/// Calls `f` with each item, eight in a row, which a compiler unrolls.
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
