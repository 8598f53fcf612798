//! Dense connections with one weight and one delay: one bit for each pair of a source neuron and a slot.
//!
//! Where at least one pair in 16 is connected, a bit per pair takes less memory than 16 bits per synapse.
//!
//! Delivery counts, for each slot, how many connected neurons spiked, and adds the weight that many times. A row has
//! one bit per slot. The rows of all neurons that spiked are added with carry-save adders, 512 slots at a time (Harley
//! and Seal; see Muła, Kurz & Lemire 2018, doi:10.1093/comjnl/bxx046). The result is the count of each slot in binary.
//! It lies in a few **planes**: plane k has bit k of the counts of all 512 slots.

use super::history::History;
use super::ring::Ring;
use lapicque_models::numerics::accumulate::Sum;
use lapicque_models::vector::{Instructions, Kernel, advise_huge_pages, dispatch, prefetch_range};
use std::ops::Range;

/// Words of 32 bits in a cache line.
const WORDS: usize = 16;
/// Slots in a cache line.
const SLOTS: usize = 32 * WORDS;
/// Number of planes: 8 bits hold counts up to [`ROWS_AT_A_TIME`].
const PLANES: usize = 8;
/// Number of rows added at a time: few enough to fit the second-level cache.
const ROWS_AT_A_TIME: usize = 128;

/// One cache line of a row, or of a plane: one bit for each of [`SLOTS`] slots. Slot s is bit s / [`WORDS`] of word
/// s % [`WORDS`]. So the same bit of all words belongs to [`WORDS`] neighbouring slots, which fill vector registers.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct CacheLine([u32; WORDS]);

/// All bits 0: no connection.
const EMPTY: CacheLine = CacheLine([0; WORDS]);

/// The connections of one source population in one shard.
#[derive(Debug)]
pub struct BitMatrix {
    /// Number of the shard in its tile.
    pub shard: usize,
    /// Source population.
    pub population: usize,
    /// Delay in steps.
    pub delay: u32,
    /// Weight in quanta.
    pub weight: i32,
    /// Slot of the first bit of a row, a multiple of [`SLOTS`].
    first_slot: usize,
    /// Cache lines in a row.
    row_length: usize,
    /// The rows of all source neurons, one after the other.
    cache_lines: Vec<CacheLine>,
}

/// Cache line in its row, word, and mask of the bit of a slot, counted from the first slot of the row.
#[inline(always)]
fn bit_of(slot: usize) -> (usize, usize, u32) {
    (slot / SLOTS, slot % WORDS, 1 << (slot % SLOTS / WORDS))
}

/// The cache lines that hold `slots`, if slot 0 is the first bit of cache line 0.
fn cache_lines_of(slots: &Range<u32>) -> Range<usize> {
    slots.start as usize / SLOTS..(slots.end as usize).div_ceil(SLOTS)
}

impl BitMatrix {
    /// Bytes of a row for `slots`.
    pub fn row_bytes(slots: &Range<u32>) -> usize {
        cache_lines_of(slots).len() * size_of::<CacheLine>()
    }

    /// A matrix without connections, from `sources` neurons to `slots` of shard number `shard`. `delay` is in steps,
    /// `weight` in quanta.
    pub fn new(shard: usize, population: usize, delay: u32, weight: i32, sources: usize, slots: &Range<u32>) -> Self {
        let (first_slot, row_length) = (cache_lines_of(slots).start * SLOTS, cache_lines_of(slots).len());
        let mut cache_lines = vec![EMPTY; sources * row_length];
        advise_huge_pages(&mut cache_lines);
        BitMatrix { shard, population, delay, weight, first_slot, row_length, cache_lines }
    }

    /// Connects a source neuron to a slot of the shard. Returns false if they were connected already.
    #[inline(always)]
    pub fn connect(&mut self, source: usize, slot: usize) -> bool {
        let (cache_line, word, bit) = bit_of(slot - self.first_slot);
        let word = &mut self.cache_lines[source * self.row_length + cache_line].0[word];
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Removes all connections.
    pub fn clear(&mut self) {
        self.cache_lines.fill(EMPTY);
    }

    /// Adds the weight to the sums of the step that ends at `tick`, once for each connection of each neuron that spiked
    /// `delay` steps before.
    pub fn deliver<S: Sum>(&self, tick: u64, history: &History, ring: &mut Ring<S>) {
        if u64::from(self.delay) < tick {
            let spikes = history.at(tick - u64::from(self.delay)).of(self.population);
            for spikes in spikes.chunks(ROWS_AT_A_TIME) {
                dispatch(AddSpikes { matrix: self, spikes, sums: &mut ring.step_sums(tick)[self.first_slot..] });
            }
        }
    }

    /// Calls `f` with source neuron and slot of every connection.
    pub fn each(&self, f: &mut dyn FnMut(u32, u16)) {
        for (source, row) in self.cache_lines.chunks(self.row_length).enumerate() {
            for slot in 0..self.row_length * SLOTS {
                let (cache_line, word, bit) = bit_of(slot);
                if row[cache_line].0[word] & bit != 0 {
                    f(source as u32, (self.first_slot + slot) as u16);
                }
            }
        }
    }

    /// Adds the number of connections of every source neuron to its item in `degrees`.
    pub fn add_degrees(&self, degrees: &mut [u64]) {
        for (row, degree) in self.cache_lines.chunks(self.row_length).zip(degrees) {
            *degree +=
                row.iter().flat_map(|cache_line| cache_line.0).map(|word| u64::from(word.count_ones())).sum::<u64>();
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.cache_lines[..])
    }
}

/// Delivers the spikes of up to [`ROWS_AT_A_TIME`] neurons.
struct AddSpikes<'a, S> {
    matrix: &'a BitMatrix,
    /// The neurons that spiked.
    spikes: &'a [u32],
    /// Input sums, from the first slot of a row on.
    sums: &'a mut [S],
}

/// A carry-save adder: for every slot, adds three bits and returns the two bits of the result, (sum, carry).
#[inline(always)]
fn carry_save_add(a: &CacheLine, b: &CacheLine, c: &CacheLine) -> (CacheLine, CacheLine) {
    let (mut sum, mut carry) = (EMPTY, EMPTY);
    for w in 0..WORDS {
        let one_of_two = a.0[w] ^ b.0[w];
        sum.0[w] = one_of_two ^ c.0[w];
        carry.0[w] = (a.0[w] & b.0[w]) | (one_of_two & c.0[w]);
    }
    (sum, carry)
}

impl<S: Sum> Kernel for AddSpikes<'_, S> {
    type Output = ();
    #[inline(always)]
    fn run(self, _: impl Instructions) {
        let AddSpikes { matrix, spikes, sums } = self;
        let (row_length, weight, cache_lines) = (matrix.row_length, matrix.weight, &matrix.cache_lines[..]);
        for &spike in spikes {
            let start = spike as usize * row_length;
            prefetch_range(cache_lines, start..start + row_length);
        }
        // Number of planes that hold a count of all spikes.
        let planes_used = (spikes.len().ilog2() + 1) as usize;
        for (column, sums) in sums.chunks_mut(SLOTS).take(row_length).enumerate() {
            let mut planes = [EMPTY; PLANES];
            let (eights, rest) = spikes.as_chunks::<8>();
            // Eight rows at a time: a tree of adders adds them to the planes of the ones, twos and fours. The carry,
            // which counts eights, goes into the higher planes.
            for eight in eights {
                let row = |i: usize| cache_lines[eight[i] as usize * row_length + column];
                let (ones, a) = carry_save_add(&planes[0], &row(0), &row(1));
                let (ones, b) = carry_save_add(&ones, &row(2), &row(3));
                let (twos, c) = carry_save_add(&planes[1], &a, &b);
                let (ones, a) = carry_save_add(&ones, &row(4), &row(5));
                let (ones, b) = carry_save_add(&ones, &row(6), &row(7));
                let (twos, d) = carry_save_add(&twos, &a, &b);
                let (fours, mut carry) = carry_save_add(&planes[2], &c, &d);
                (planes[0], planes[1], planes[2]) = (ones, twos, fours);
                for plane in &mut planes[3..planes_used.max(3)] {
                    (*plane, carry) = carry_save_add(plane, &carry, &EMPTY);
                }
            }
            // The remaining rows, one at a time: 1 is added to the count of each connected slot.
            for &spike in rest {
                let mut carry = cache_lines[spike as usize * row_length + column];
                for plane in &mut planes[..planes_used] {
                    (*plane, carry) = carry_save_add(plane, &carry, &EMPTY);
                }
            }
            // The counts of 16 neighbouring slots at a time are read from the planes, highest bit first.
            for (bit, sums) in sums.as_chunks_mut::<WORDS>().0.iter_mut().enumerate() {
                let mut counts = [0u32; WORDS];
                for plane in planes[..planes_used].iter().rev() {
                    for (count, word) in counts.iter_mut().zip(plane.0) {
                        *count = 2 * *count + (word >> bit & 1);
                    }
                }
                // Works on a copy: the compiler cannot know that the sums do not overlap with the planes.
                let mut copy = *sums;
                for (sum, count) in copy.iter_mut().zip(counts) {
                    sum.add_many(weight, count);
                }
                *sums = copy;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synapses::SHARD_SLOTS;
    use lapicque_models::numerics::random::{Purpose, Stream};

    /// For 0 to 600 spikes: the sum of a slot is the weight times the number of spikes of neurons connected to it.
    #[test]
    fn each_slot_receives_the_weight_once_per_connected_spike() {
        const SOURCES: usize = 600;
        let mut stream = Stream::new(1, Purpose::Partner, [0, 0]);
        for (slots, weight) in [(0..512, 1), (700..1900, -7), (65_000..65_536, 1 << 20)] {
            let mut bits = BitMatrix::new(0, 0, 3, weight, SOURCES, &slots);
            let mut pairs = Vec::new();
            for source in 0..SOURCES {
                for slot in slots.clone().filter(|_| stream.uniform() < 0.3) {
                    assert!(bits.connect(source, slot as usize) && !bits.connect(source, slot as usize));
                    pairs.push((source as u32, slot as u16));
                }
            }
            let mut found = Vec::new();
            bits.each(&mut |source, slot| found.push((source, slot)));
            assert_eq!(found, pairs);
            let mut degrees = vec![0; SOURCES];
            bits.add_degrees(&mut degrees);
            assert_eq!(degrees.iter().sum::<u64>(), pairs.len() as u64);
            for n in [0, 1, 2, 3, 7, 8, 9, 15, 16, 31, 32, 127, 128, 129, 255, 256, 257, SOURCES] {
                let mut history = History::new(4);
                let spikes = history.at_mut(10);
                spikes.neurons.extend((0..SOURCES as u32).filter(|s| (s * 7) % SOURCES as u32 >= (SOURCES - n) as u32));
                spikes.ends.push(spikes.neurons.len() as u32);
                let mut expected = vec![0i32; SHARD_SLOTS];
                for (source, slot) in &pairs {
                    if spikes.neurons.contains(source) {
                        expected[usize::from(*slot)] += weight;
                    }
                }
                let mut ring = Ring::<i32>::new(SHARD_SLOTS, 1);
                bits.deliver(13, &history, &mut ring);
                assert_eq!(ring.slot_sums(13, 0..SHARD_SLOTS), expected, "{n} spikes, {slots:?}");
            }
            bits.clear();
            assert!(bits.connect(3, slots.start as usize));
        }
    }
}
