//! All-to-all connections with one weight and one delay: no target is stored.

use super::history::History;
use super::ring::{Ring, shard_of};
use lapicque_models::numerics::accumulate::Sum;
use std::ops::Range;

/// Every source neuron onto every slot of a range, with one weight and one delay.
#[derive(Clone, Debug)]
pub struct AllToAll {
    /// Source population.
    pub population: usize,
    /// The neurons of the source population that project.
    pub sources: Range<u32>,
    /// Delay in steps.
    pub delay: u32,
    /// Weight in quanta.
    pub weight: i32,
    /// Slots of the targets in this tile.
    pub slots: Range<u32>,
    /// Where autapses are excluded and source and target population are the same: the neuron of the first slot. `None`
    /// elsewhere.
    pub no_autapses: Option<u32>,
}

impl AllToAll {
    /// Adds the spikes whose delay ends at `tick` to the rings of the shards, which have 2^`shard_bits` slots each:
    /// adds the weight times the number of spikes to every slot, then subtracts the weight for every autapse.
    pub fn deliver<S: Sum>(&self, tick: u64, history: &History, rings: &mut [Ring<S>], shard_bits: u32) {
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
            let (shard, within) = shard_of(slot, shard_bits);
            let len = ((1 << shard_bits) - within).min(self.slots.end - slot);
            for sum in rings[shard].slot_sums(tick, within as usize..(within + len) as usize) {
                sum.add_many(self.weight, spikes.len() as u32);
            }
            slot += len;
        }
        if let Some(first) = self.no_autapses {
            for &s in spikes {
                let slot = u64::from(self.slots.start) + u64::from(s.wrapping_sub(first));
                if s >= first && slot < u64::from(self.slots.end) {
                    let (shard, within) = shard_of(slot as u32, shard_bits);
                    rings[shard].step_sums(tick)[within as usize].add(self.weight.wrapping_neg());
                }
            }
        }
    }

    /// Adds the number of synapses of every source neuron to its item in `degrees`.
    pub fn add_degrees(&self, degrees: &mut [u64]) {
        let slots = self.slots.end - self.slots.start;
        for source in self.sources.clone() {
            let own = self.no_autapses.is_some_and(|first| (first..first + slots).contains(&source));
            degrees[source as usize] += u64::from(slots) - u64::from(own);
        }
    }

    /// Calls `f` with source population, source neuron, slot, weight in quanta and delay in steps of every synapse.
    pub fn each(&self, f: &mut dyn FnMut(usize, u32, u32, i32, u32)) {
        for source in self.sources.clone() {
            for slot in self.slots.clone() {
                if self.no_autapses.is_none_or(|first| first + (slot - self.slots.start) != source) {
                    f(self.population, source, slot, self.weight, self.delay);
                }
            }
        }
    }
}
