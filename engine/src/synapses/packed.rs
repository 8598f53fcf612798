//! Synapses with weights of their own, packed into cache lines.
//!
//! Every segment of a row starts at a line of its own and fills whole lines: no line is asked for twice, and each is as
//! much work as any other, in a loop without an end that a CPU could guess wrong.
//!
//! The first word of a line is the slot that it starts from. Synapses and fillers follow (see [`WordLayout`]). Words behind the
//! last synapse of a segment are zero, which adds nothing to the slot reached; how many words of that line are in use is
//! written into its first word, from bit 16 on.

use super::ring::{DEEPEST, Ring, SHARD};
use lapicque_models::numerics::accumulate::Sum;
use lapicque_models::vector::{Instructions, Kernel, advise_huge_pages, dispatch, prefetch};
use std::ops::Range;

/// Words of a line.
pub const LINE_WORDS: usize = 16;
/// The same number, for arithmetic with words.
const LINE_WORDS_U32: u32 = LINE_WORDS as u32;

/// A cache line.
pub type Line = [u32; LINE_WORDS];

/// Fields of a word, from the low bits: distance to the target before, delay within the band, signed weight. A distance of
/// [`WordLayout::farthest`] is a filler: it moves on by that much and adds nothing.
#[derive(Clone, Copy, Debug)]
pub struct WordLayout {
    /// Bits of the distance, at least 2.
    pub gap_bits: u32,
    /// log2 of the delays in a band.
    pub band_bits: u32,
}

/// Where the next synapse of a segment goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// Word, the first words of lines counted too.
    pub at: u32,
    /// Slot of the synapse before.
    pub last: u32,
}

impl WordLayout {
    /// What is left when weights of up to `largest` quanta and `band_bits` are in.
    pub fn new(largest: i32, band_bits: u32) -> Option<WordLayout> {
        let weight_bits = 33 - largest.unsigned_abs().leading_zeros();
        let gap_bits = 32u32.checked_sub(weight_bits + band_bits)?.min(16);
        (gap_bits >= 2).then_some(WordLayout { gap_bits, band_bits })
    }

    /// The distance of fillers; synapses are nearer.
    #[inline(always)]
    pub fn farthest(self) -> u32 {
        (1 << self.gap_bits) - 1
    }

    /// Moves `place` behind a synapse onto `slot`; returns the word it takes and its distance there, 0 in a new line.
    ///
    /// No branch but for fillers, which are rare: a CPU that guesses wrong here, where nearly every place comes from main
    /// memory, forgets all others that it waits for.
    #[inline(always)]
    pub fn pass(self, place: &mut Place, slot: u32) -> (u32, u32) {
        let mut gap = slot.wrapping_sub(place.last);
        if gap >= self.farthest() {
            let (fillers, word) = (gap / self.farthest(), place.at % LINE_WORDS_U32);
            if word == 0 || word.saturating_add(fillers) >= LINE_WORDS_U32 {
                place.at = place.at.next_multiple_of(LINE_WORDS_U32);
            } else {
                place.at += fillers;
                gap -= fillers * self.farthest();
            }
        }
        let new = u32::from(place.at.is_multiple_of(LINE_WORDS_U32));
        let word = place.at + new;
        *place = Place { at: word + 1, last: slot };
        (word, gap * (1 - new))
    }

    /// Puts the next synapse of a segment into its place.
    #[inline(always)]
    pub fn put(self, words: &mut [u32], place: &mut Place, slot: u32, delay: u32, weight: i32) {
        let Place { at, last } = *place;
        let (word, gap) = self.pass(place, slot);
        if slot.wrapping_sub(last) >= self.farthest() && at % LINE_WORDS_U32 != 0 {
            words[at as usize..word as usize].fill(self.farthest());
        }
        // In a new line the slot goes before the synapse; else the synapse takes its place again.
        let new = u32::from(word % LINE_WORDS_U32 == 1);
        words[(word - new) as usize] = slot;
        words[word as usize] = gap | delay << self.gap_bits | (weight << (self.gap_bits + self.band_bits)) as u32;
    }
}

/// Lines of one table in one shard.
#[derive(Debug)]
pub struct PackedSynapses {
    words: Vec<u32>,
    /// Word at which the first line starts: the beginning of a cache line.
    first: usize,
    /// Fields of the words.
    pub layout: WordLayout,
    /// Synapses in all lines.
    pub synapses: usize,
}

impl PackedSynapses {
    /// Room for lines of so many words in all.
    pub fn new(words: usize, layout: WordLayout, synapses: usize) -> PackedSynapses {
        let mut words = vec![0; words + LINE_WORDS];
        advise_huge_pages(&mut words);
        let first = words.as_ptr().align_offset(LINE_WORDS * size_of::<u32>()).min(LINE_WORDS);
        PackedSynapses { words, first, layout, synapses }
    }

    /// All lines.
    #[inline(always)]
    pub fn lines(&self) -> &[Line] {
        self.words[self.first..].as_chunks().0
    }

    /// The words of all lines.
    #[inline(always)]
    pub fn words_mut(&mut self) -> &mut [u32] {
        &mut self.words[self.first..]
    }

    /// Ends segments once all synapses are in their places: turns the words behind their last ones into lines.
    pub fn end(&mut self, ends: &mut [Place]) {
        let mut before = 0;
        for Place { at, .. } in ends {
            if *at > before {
                let (line, used) = ((*at - 1) & !(LINE_WORDS_U32 - 1), (*at - 1) % LINE_WORDS_U32);
                self.words_mut()[line as usize] |= used << 16;
            }
            before = at.next_multiple_of(LINE_WORDS_U32);
            *at = before / LINE_WORDS_U32;
        }
    }

    /// The words of each of some lines that are in use, and the slot that they start from.
    fn used(&self, lines: Range<usize>) -> impl Iterator<Item = (u32, &[u32])> {
        self.lines()[lines].iter().map(|[first, words @ ..]| match first >> 16 {
            0 => (*first, &words[..]),
            used => (first & 0xffff, &words[..used as usize]),
        })
    }

    /// Calls `f` with slot, delay within the band and weight of every synapse of some lines.
    pub fn each(&self, lines: Range<usize>, f: &mut dyn FnMut(u16, u32, i32)) {
        let (layout, band) = (self.layout, (1 << self.layout.band_bits) - 1);
        for (mut slot, words) in self.used(lines) {
            for &word in words {
                let gap = word & layout.farthest();
                slot += gap;
                if gap < layout.farthest() {
                    f(slot as u16, word >> layout.gap_bits & band, word as i32 >> (layout.gap_bits + layout.band_bits));
                }
            }
        }
    }

    /// Synapses of some lines.
    pub fn count(&self, lines: Range<usize>) -> usize {
        let farthest = self.layout.farthest();
        let count = |(_, words): (u32, &[u32])| words.iter().filter(|&&word| word & farthest != farthest).count();
        self.used(lines).map(count).sum()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        4 * self.words.capacity()
    }
}

/// Where lines are added to. No closure: those are not always inlined.
pub trait AddLine {
    /// Adds the synapses of a line.
    fn add(&mut self, line: &Line);
}

/// The sums of the one step in which synapses are due.
pub struct InStep<'a, S, I> {
    /// What adds them.
    pub with: I,
    /// How they are packed.
    pub layout: WordLayout,
    /// The sums.
    pub row: &'a mut [S; SHARD],
}

impl<S: Sum, I: Instructions> AddLine for InStep<'_, S, I> {
    #[inline(always)]
    fn add(&mut self, line: &Line) {
        S::add_line(self.with, self.row, line, self.layout.gap_bits);
    }
}

/// The sums of the steps in which the synapses of a band are due.
pub struct InBand<'a, S, I> {
    /// What adds them.
    pub with: I,
    /// How they are packed.
    pub layout: WordLayout,
    /// All sums.
    pub sums: &'a mut [S],
    /// Where those of each step start, from this one on.
    pub starts: [u32; DEEPEST],
}

impl<S: Sum, I: Instructions> AddLine for InBand<'_, S, I> {
    #[inline(always)]
    fn add(&mut self, line: &Line) {
        S::add_line_in_rows(self.with, self.sums, &self.starts, line, self.layout.gap_bits, self.layout.band_bits);
    }
}

/// The lines of one table that are due in a step: all lines of its shard, and the numbers of those that are due.
pub(super) type DueLines<'a> = (&'a PackedSynapses, &'a [u32]);

/// Adds the lines of all tables that are due in a shard to the sums of the step that ends at `tick` and, for bands of
/// delays, of the steps after it.
pub(super) fn deliver<'a, S: Sum>(due: impl Iterator<Item = DueLines<'a>> + Clone, ring: &mut Ring<S>, tick: u64) {
    dispatch(AddDueLines { due, ring, tick });
}

/// Lines that are requested from memory before one is added: those that arrive in the meantime. More would push each
/// other, and the neurons' state, out of the caches.
const LINES_AHEAD: usize = 24;

/// Adds the lines that are due. All lines take about equally long to add, so each line added requests one line ahead:
/// memory and arithmetic are busy at the same time.
struct AddDueLines<'r, I, S> {
    due: I,
    ring: &'r mut Ring<S>,
    tick: u64,
}

impl<'a, I: Iterator<Item = DueLines<'a>> + Clone, S: Sum> Kernel for AddDueLines<'_, I, S> {
    type Output = ();
    #[inline(always)]
    fn run(self, with: impl Instructions) {
        let AddDueLines { due, ring, tick } = self;
        let mut ahead = LinesAhead { tables: due.clone(), lines: &[], list: [].iter() };
        (0..LINES_AHEAD).try_for_each(|_| ahead.request());
        for (packed, list) in due {
            if packed.layout.band_bits == 0 {
                let mut to = InStep { with, layout: packed.layout, row: ring.row(tick) };
                add_lines(packed.lines(), list, &mut ahead, &mut to);
            } else {
                let (sums, starts) = ring.ahead(tick);
                add_lines(packed.lines(), list, &mut ahead, &mut InBand { with, layout: packed.layout, starts, sums });
            }
        }
    }
}

/// Walks through the lines of all tables, ahead of those that are added.
struct LinesAhead<'a, I> {
    tables: I,
    lines: &'a [Line],
    list: std::slice::Iter<'a, u32>,
}

impl<'a, I: Iterator<Item = DueLines<'a>>> LinesAhead<'a, I> {
    /// Requests the next line from memory, if there is one.
    #[inline(always)]
    fn request(&mut self) -> Option<()> {
        loop {
            if let Some(&line) = self.list.next() {
                prefetch(self.lines, line as usize);
                return Some(());
            }
            let (packed, list) = self.tables.next()?;
            (self.lines, self.list) = (packed.lines(), list.iter());
        }
    }
}

/// Adds each line of a list, and requests as many lines ahead.
#[inline(always)]
fn add_lines<'a, I>(lines: &[Line], list: &[u32], ahead: &mut LinesAhead<'a, I>, to: &mut impl AddLine)
where
    I: Iterator<Item = DueLines<'a>>,
{
    for some in list.chunks(4) {
        some.iter().try_for_each(|_| ahead.request());
        for &line in some {
            if let Some(line) = lines.get(line as usize) {
                to.add(line);
            }
        }
    }
}

#[cfg(test)]
mod tests;
