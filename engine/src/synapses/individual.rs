//! Synapses that each have their own weight and are not packed: 6 bytes each, for target and weight.

use super::ring::Ring;
use super::segments::{Segment, head, parts_to_prefetch, positions};
use lapicque_models::numerics::accumulate::Sum;
use lapicque_models::vector::{Instructions, Kernel, dispatch, prefetch_range};
use std::ops::Range;

/// The synapses of one table onto one shard, each with its own weight.
#[derive(Debug)]
pub struct IndividualSynapses {
    /// Slot in the shard of each synapse.
    pub targets: Vec<u16>,
    /// Weight of each synapse in quanta.
    pub weights: Vec<i32>,
}

impl IndividualSynapses {
    /// Calls `f` with slot and weight in quanta of the synapses at these positions.
    pub fn each(&self, positions: Range<usize>, f: &mut dyn FnMut(u16, i32)) {
        let weights = &self.weights[positions.clone()];
        self.targets[positions].iter().zip(weights).for_each(|(&target, &weight)| f(target, weight));
    }

    /// Adds segments to the sums of the step that ends at `tick`.
    pub(super) fn deliver<S: Sum>(&self, due: &[Segment], ring: &mut Ring<S>, tick: u64) {
        dispatch(Add { synapses: self, due, ring, tick });
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        2 * self.targets.capacity() + 4 * self.weights.capacity()
    }
}

/// Adds segments.
struct Add<'a, S> {
    synapses: &'a IndividualSynapses,
    due: &'a [Segment],
    ring: &'a mut Ring<S>,
    tick: u64,
}

impl<S: Sum> Kernel for Add<'_, S> {
    type Output = ();
    #[inline(always)]
    fn run(self, _: impl Instructions) {
        let Add { synapses: IndividualSynapses { targets, weights }, due, ring, tick } = self;
        let sums = ring.step_sums(tick);
        for part in parts_to_prefetch(due, 6) {
            for &segment in part {
                prefetch_range(targets, head(segment));
                prefetch_range(weights, head(segment));
            }
            for &segment in part {
                let positions = positions(segment);
                for (&target, &weight) in targets[positions.clone()].iter().zip(&weights[positions]) {
                    sums[target as usize].add(weight);
                }
            }
        }
    }
}
