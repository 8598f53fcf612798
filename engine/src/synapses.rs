//! Synapses of one tile: storage, and delivery of the spikes that are due.
//!
//! A synapse is stored at its target's tile, in the row of its source; a row is sorted by delay, then by projection and
//! target. At each step the tile walks, for each delay d, the neurons that spiked d steps before, and adds just that
//! segment of their rows into the input array ("deferred, delay-bucketed delivery"): there is no ring buffer. In a
//! prototype on another machine (EPYC, see `AHEAD` for this engine) the full cortical microcircuit took 0.95–1.06 ns of
//! CPU time per event so, and 4.4–5.3 with a ring buffer whose [delay][target] array does not fit the cache.
//!
//! Inputs are summed in whole numbers of quanta, so that no order of addition can show in the result. Projections of
//! one source population share a table where they can: those with individual weights, and those that have weight (in
//! quanta) and delay in common, which then cost no bytes. All-to-all with one weight and delay stores no targets.

use crate::history::History;
use lapicque_models::vector::prefetch_range;
use std::ops::Range;

/// Slots of a shard at most, and length of its input array: a 16-bit index needs no bounds check.
pub const SHARD: usize = 1 << 16;

/// Input sums of one shard: 32 bits, or 64 where in-degrees are so large that 32 would make the quantum coarse.
pub trait Sum: Copy + Default + Send + Sync + 'static {
    /// Adds a weight.
    fn add(&mut self, weight: i32);
    /// Adds a weight several times.
    fn add_many(&mut self, weight: i32, times: u32);
    /// The value in quanta.
    fn value(self) -> f64;
}

impl Sum for i32 {
    #[inline(always)]
    fn add(&mut self, weight: i32) {
        *self = self.wrapping_add(weight);
    }
    #[inline(always)]
    fn add_many(&mut self, weight: i32, times: u32) {
        *self = self.wrapping_add(weight.wrapping_mul(times as i32));
    }
    #[inline(always)]
    fn value(self) -> f64 {
        f64::from(self)
    }
}

impl Sum for i64 {
    #[inline(always)]
    fn add(&mut self, weight: i32) {
        *self = self.wrapping_add(i64::from(weight));
    }
    #[inline(always)]
    fn add_many(&mut self, weight: i32, times: u32) {
        *self = self.wrapping_add(i64::from(weight).wrapping_mul(i64::from(times)));
    }
    #[inline(always)]
    fn value(self) -> f64 {
        self as f64
    }
}

/// Weights of a table, in quanta.
#[derive(Clone, Debug)]
pub enum Weights {
    /// One for all.
    Constant(i32),
    /// One per synapse.
    Individual(Vec<i32>),
}

/// Targets and weights of one table in one shard.
#[derive(Debug)]
pub enum Rows {
    /// 16-bit targets, weights apart.
    Split {
        /// Slot in the shard of each synapse.
        targets: Vec<u16>,
        /// Weights.
        weights: Weights,
    },
    /// Target in the low, weight in the high 16 bits.
    Packed(Vec<u32>),
}

impl Rows {
    /// Number of synapses.
    pub fn len(&self) -> usize {
        match self {
            Rows::Split { targets, .. } => targets.len(),
            Rows::Packed(rows) => rows.len(),
        }
    }

    /// Slot and weight of one synapse.
    pub fn get(&self, i: usize) -> (u16, i32) {
        match self {
            Rows::Split { targets, weights: Weights::Constant(w) } => (targets[i], *w),
            Rows::Split { targets, weights: Weights::Individual(w) } => (targets[i], w[i]),
            Rows::Packed(rows) => (rows[i] as u16, rows[i] as i32 >> 16),
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        match self {
            Rows::Split { targets, weights: Weights::Constant(_) } => 2 * targets.capacity(),
            Rows::Split { targets, weights: Weights::Individual(w) } => 2 * targets.capacity() + 4 * w.capacity(),
            Rows::Packed(rows) => 4 * rows.capacity(),
        }
    }
}

/// Rows of one source population in one shard.
#[derive(Debug)]
pub struct Table {
    /// Source population.
    pub population: usize,
    /// First delay of the rows, in steps.
    pub first_delay: u32,
    /// Number of delays.
    pub delays: u32,
    /// Start of the segment of (source, delay), and the end of the last.
    pub starts: Vec<u32>,
    /// Synapses.
    pub rows: Rows,
}

/// All-to-all with one weight and one delay: no targets are stored.
#[derive(Clone, Debug)]
pub struct Dense {
    /// Source population.
    pub population: usize,
    /// Its neurons that project.
    pub sources: Range<u32>,
    /// Delay in steps.
    pub delay: u32,
    /// Weight in quanta.
    pub weight: i32,
    /// Slots of the targets in this tile.
    pub slots: Range<u32>,
    /// Where a neuron is not its own target: first target neuron of `slots` in the same population.
    pub no_autapses: Option<u32>,
}

/// How many segments before its turn a segment is asked for. Rows lie in main memory, hundreds of nanoseconds away. On
/// the full microcircuit (2 threads, Xeon of 2 MiB L2 per core) 4, 6 and 8 gave the same real-time factor, 1.8; 20 gave
/// 2.05; asking for just the first lines of a segment, 6 ahead, 2.15; asking in the step before, 2.45.
const AHEAD: usize = 8;
/// Longest part of a segment that is asked for, in synapses; behind it the CPU sees a stream.
const LONGEST: u32 = 1024;

impl Table {
    /// Adds what is due at `tick` into `input`. `due` is scratch.
    pub fn deliver<S: Sum>(
        &self,
        tick: u64,
        history: &History,
        due: &mut Vec<(u32, u32)>,
        input: &mut [S; SHARD],
    ) -> u64 {
        due.clear();
        for d in 0..self.delays {
            let delay = u64::from(self.first_delay + d);
            if delay >= tick {
                break;
            }
            for &source in history.at(tick - delay).of(self.population) {
                let segment = source as usize * self.delays as usize + d as usize;
                due.push((self.starts[segment], self.starts[segment + 1]));
            }
        }
        let mut events = 0;
        for (i, &(start, end)) in due.iter().enumerate() {
            if let Some(&(start, end)) = due.get(i + AHEAD) {
                self.ask_for(start, end);
            }
            events += u64::from(end - start);
            self.add(start as usize..end as usize, input);
        }
        events
    }

    /// Adds one segment.
    #[inline(always)]
    fn add<S: Sum>(&self, segment: Range<usize>, input: &mut [S; SHARD]) {
        match &self.rows {
            Rows::Split { targets, weights: Weights::Constant(weight) } => {
                let (eights, rest) = targets[segment].as_chunks::<8>();
                for eight in eights {
                    for target in eight {
                        input[*target as usize].add(*weight);
                    }
                }
                for &target in rest {
                    input[target as usize].add(*weight);
                }
            }
            Rows::Split { targets, weights: Weights::Individual(weights) } => {
                let (eights, rest) = targets[segment.clone()].as_chunks::<8>();
                let (eight_weights, rest_weights) = weights[segment].as_chunks::<8>();
                for (eight, weights) in eights.iter().zip(eight_weights) {
                    for (target, weight) in eight.iter().zip(weights) {
                        input[*target as usize].add(*weight);
                    }
                }
                for (&target, &weight) in rest.iter().zip(rest_weights) {
                    input[target as usize].add(weight);
                }
            }
            Rows::Packed(rows) => {
                let (eights, rest) = rows[segment].as_chunks::<8>();
                for row in eights.as_flattened().iter().chain(rest) {
                    input[(row & 0xFFFF) as usize].add(*row as i32 >> 16);
                }
            }
        }
    }

    /// Asks the CPU for synapses `start..end`.
    #[inline(always)]
    fn ask_for(&self, start: u32, end: u32) {
        let range = start as usize..end.min(start.saturating_add(LONGEST)) as usize;
        match &self.rows {
            Rows::Split { targets, weights: Weights::Constant(_) } => prefetch_range(targets, range),
            Rows::Split { targets, weights: Weights::Individual(weights) } => {
                prefetch_range(targets, range.clone());
                prefetch_range(weights, range);
            }
            Rows::Packed(rows) => prefetch_range(rows, range),
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.rows.bytes() + 4 * self.starts.capacity()
    }
}

impl Dense {
    /// Adds what is due at `tick` into the shards' inputs, of 2^`bits` slots each.
    pub fn deliver<S: Sum>(&self, tick: u64, history: &History, inputs: &mut [Box<[S; SHARD]>], bits: u32) -> u64 {
        let delay = u64::from(self.delay);
        if delay >= tick || self.slots.is_empty() {
            return 0;
        }
        let spikes = history.at(tick - delay).of(self.population);
        let first = spikes.partition_point(|&s| s < self.sources.start);
        let last = spikes.partition_point(|&s| s < self.sources.end);
        let spikes = &spikes[first..last];
        if spikes.is_empty() {
            return 0;
        }
        let mut events = 0;
        let mut slot = self.slots.start;
        while slot < self.slots.end {
            let (shard, within) = ((slot >> bits) as usize, (slot & ((1 << bits) - 1)) as usize);
            let len = ((1usize << bits) - within).min((self.slots.end - slot) as usize);
            for sum in &mut inputs[shard][within..within + len] {
                sum.add_many(self.weight, spikes.len() as u32);
            }
            events += (len * spikes.len()) as u64;
            slot += len as u32;
        }
        if let Some(first) = self.no_autapses {
            for &s in spikes {
                let slot = u64::from(self.slots.start) + u64::from(s.wrapping_sub(first));
                if s >= first && slot < u64::from(self.slots.end) {
                    let (shard, within) = ((slot >> bits) as usize, (slot & ((1 << bits) - 1)) as usize);
                    inputs[shard][within].add(self.weight.wrapping_neg());
                    events -= 1;
                }
            }
        }
        events
    }
}
