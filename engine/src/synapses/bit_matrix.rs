//! Dense connections of one weight and one delay, one bit for each pair of a source and a slot.
//!
//! Where a sixteenth or more of all pairs are connected, a bit per pair is smaller than 16 bits per synapse, and spikes
//! are counted for hundreds of targets at a time: the rows of all neurons that spiked are added bit by bit with
//! carry-save adders (Harley and Seal; see Muła, Kurz & Lemire 2018, doi:10.1093/comjnl/bxx046), which leaves, for
//! every target, its number of spikes in binary, one bit of it in each of a few planes.

use super::history::History;
use super::ring::Ring;
use lapicque_models::numerics::accumulate::Sum;
use lapicque_models::vector::{Instructions, Kernel, advise_huge_pages, dispatch, prefetch_range};
use std::ops::Range;

/// Words of a line.
const LINE_WORDS: usize = 16;
/// Slots of a line.
const LINE_SLOTS: usize = 32 * LINE_WORDS;
/// Planes: enough for the rows that are counted at a time.
const PLANES: usize = 8;
/// Rows counted at a time; what they hold fits the second-level cache.
const ROWS_AT_A_TIME: usize = 128;

/// One cache line of a row. Slot s is bit s / [`LINE_WORDS`] of word s % [`LINE_WORDS`]: the same bit of all words is a vector of
/// neighbours.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line([u32; LINE_WORDS]);

/// Nothing connected.
const EMPTY: Line = Line([0; LINE_WORDS]);

/// The connections of one source population in one shard.
#[derive(Debug)]
pub struct BitMatrix {
    /// Shard of the tile.
    pub shard: usize,
    /// Source population.
    pub population: usize,
    /// Delay in steps.
    pub delay: u32,
    /// Weight in quanta.
    pub weight: i32,
    /// First slot, a multiple of [`LINE_SLOTS`].
    first: usize,
    /// Lines of a row.
    width: usize,
    /// Rows of all sources.
    lines: Vec<Line>,
}

/// Line, word and bit of a slot.
#[inline(always)]
fn place(at: usize) -> (usize, usize, u32) {
    (at / LINE_SLOTS, at % LINE_WORDS, 1 << (at % LINE_SLOTS / LINE_WORDS))
}

/// Lines from the one with the first of `slots` to the one with the last.
fn span(slots: &Range<u32>) -> Range<usize> {
    slots.start as usize / LINE_SLOTS..(slots.end as usize).div_ceil(LINE_SLOTS)
}

impl BitMatrix {
    /// Bytes of a row for `slots`.
    pub fn row_bytes(slots: &Range<u32>) -> usize {
        span(slots).len() * size_of::<Line>()
    }

    /// No connection yet, of `sources` neurons to `slots` of shard `shard`.
    pub fn new(shard: usize, population: usize, delay: u32, weight: i32, sources: usize, slots: &Range<u32>) -> Self {
        let (first, width) = (span(slots).start * LINE_SLOTS, span(slots).len());
        let mut lines = vec![EMPTY; sources * width];
        advise_huge_pages(&mut lines);
        BitMatrix { shard, population, delay, weight, first, width, lines }
    }

    /// Connects a pair; false if it was connected already.
    #[inline(always)]
    pub fn connect(&mut self, source: usize, slot: usize) -> bool {
        let (line, word, bit) = place(slot - self.first);
        let word = &mut self.lines[source * self.width + line].0[word];
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Disconnects all.
    pub fn clear(&mut self) {
        self.lines.fill(EMPTY);
    }

    /// Adds what is due at `tick`.
    pub fn deliver<S: Sum>(&self, tick: u64, history: &History, ring: &mut Ring<S>) {
        if u64::from(self.delay) < tick {
            let spikes = history.at(tick - u64::from(self.delay)).of(self.population);
            for spikes in spikes.chunks(ROWS_AT_A_TIME) {
                dispatch(Count { matrix: self, spikes, sums: &mut ring.row(tick)[self.first..] });
            }
        }
    }

    /// Calls `f` with source and slot of every connection.
    pub fn each(&self, f: &mut dyn FnMut(u32, u16)) {
        for (source, row) in self.lines.chunks(self.width).enumerate() {
            for at in 0..self.width * LINE_SLOTS {
                let (line, word, bit) = place(at);
                if row[line].0[word] & bit != 0 {
                    f(source as u32, (self.first + at) as u16);
                }
            }
        }
    }

    /// Adds the number of connections of every source to `degrees`.
    pub fn add_degrees(&self, degrees: &mut [u64]) {
        for (row, degree) in self.lines.chunks(self.width).zip(degrees) {
            *degree += row.iter().flat_map(|line| line.0).map(|word| u64::from(word.count_ones())).sum::<u64>();
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.lines[..])
    }
}

/// Adds the rows of up to [`ROWS_AT_A_TIME`] neurons that spiked.
struct Count<'a, S> {
    matrix: &'a BitMatrix,
    spikes: &'a [u32],
    /// From the first slot on.
    sums: &'a mut [S],
}

/// Sum and carry of three bits, in every place.
#[inline(always)]
fn add(a: &Line, b: &Line, c: &Line) -> (Line, Line) {
    let (mut sum, mut carry) = (EMPTY, EMPTY);
    for w in 0..LINE_WORDS {
        let either = a.0[w] ^ b.0[w];
        sum.0[w] = either ^ c.0[w];
        carry.0[w] = (a.0[w] & b.0[w]) | (either & c.0[w]);
    }
    (sum, carry)
}

impl<S: Sum> Kernel for Count<'_, S> {
    type Output = ();
    #[inline(always)]
    fn run(self, _: impl Instructions) {
        let Count { matrix, spikes, sums } = self;
        let (width, weight, lines) = (matrix.width, matrix.weight, &matrix.lines[..]);
        for &spike in spikes {
            let start = spike as usize * width;
            prefetch_range(lines, start..start + width);
        }
        let used = (spikes.len().ilog2() + 1) as usize;
        for (column, sums) in sums.chunks_mut(LINE_SLOTS).take(width).enumerate() {
            let mut planes = [EMPTY; PLANES];
            let (eights, rest) = spikes.as_chunks::<8>();
            for eight in eights {
                let row = |i: usize| lines[eight[i] as usize * width + column];
                let (ones, a) = add(&planes[0], &row(0), &row(1));
                let (ones, b) = add(&ones, &row(2), &row(3));
                let (twos, c) = add(&planes[1], &a, &b);
                let (ones, a) = add(&ones, &row(4), &row(5));
                let (ones, b) = add(&ones, &row(6), &row(7));
                let (twos, d) = add(&twos, &a, &b);
                let (fours, mut carry) = add(&planes[2], &c, &d);
                (planes[0], planes[1], planes[2]) = (ones, twos, fours);
                for plane in &mut planes[3..used.max(3)] {
                    (*plane, carry) = add(plane, &carry, &EMPTY);
                }
            }
            for &spike in rest {
                let mut carry = lines[spike as usize * width + column];
                for plane in &mut planes[..used] {
                    (*plane, carry) = add(plane, &carry, &EMPTY);
                }
            }
            for (bit, sums) in sums.as_chunks_mut::<LINE_WORDS>().0.iter_mut().enumerate() {
                let mut counts = [0u32; LINE_WORDS];
                for plane in planes[..used].iter().rev() {
                    for (count, word) in counts.iter_mut().zip(plane.0) {
                        *count = 2 * *count + (word >> bit & 1);
                    }
                }
                // A copy: the compiler cannot know that the sums do not overlap with what it reads.
                let mut now = *sums;
                for (sum, count) in now.iter_mut().zip(counts) {
                    sum.add_many(weight, count);
                }
                *sums = now;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synapses::SHARD;
    use lapicque_models::numerics::random::{Purpose, Stream};

    /// Any number of spikes gives every target the weight times the connected among them.
    #[test]
    fn spikes_are_counted() {
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
                let mut expected = vec![0i32; SHARD];
                for (source, slot) in &pairs {
                    if spikes.neurons.contains(source) {
                        expected[usize::from(*slot)] += weight;
                    }
                }
                let mut ring = Ring::<i32>::new(SHARD, 1);
                bits.deliver(13, &history, &mut ring);
                assert_eq!(ring.part(13, 0..SHARD), expected, "{n} spikes, {slots:?}");
            }
            bits.clear();
            assert!(bits.connect(3, slots.start as usize));
        }
    }
}
