//! Packed synapses: each has its own weight and takes one 32-bit word of a cache line.
//!
//! A segment of a row starts at a new line and occupies whole lines. So no line belongs to two segments, and every line
//! takes the same time to add: the loop over its 15 words has a fixed length, and its end is never mispredicted.
//!
//! The low 16 bits of the first word of a line are a slot. Each word after it is a synapse: the distance of its slot
//! from the slot of the synapse before (the **gap**), its delay within the band and its weight (see [`WordLayout`]). A
//! gap too large for its bits is bridged by **fillers**: words that advance the slot and add no weight.
//!
//! Words after the last synapse of a segment are zero: they add 0 to the slot of the last synapse. In this
//! last line, the first word has, from bit 16 on, the number of words in use after it. In all other lines these bits
//! are 0, and all 15 words are in use.

use super::ring::{MAX_BAND, Ring, SHARD_SLOTS};
use lapicque_models::numerics::accumulate::Sum;
use lapicque_models::vector::{Instructions, Kernel, advise_huge_pages, dispatch, prefetch};
use std::ops::Range;

/// Number of words in a line.
pub const LINE_WORDS: usize = 16;
/// [`LINE_WORDS`] as a `u32`, the type of word positions.
const LINE_WORDS_U32: u32 = LINE_WORDS as u32;

/// A line of packed synapses.
pub type Line = [u32; LINE_WORDS];

/// How many bits each field of a word has. From the low bits up: gap, delay within the band, signed weight in quanta. A
/// word whose gap is [`WordLayout::filler_gap`] is a filler.
#[derive(Clone, Copy, Debug)]
pub struct WordLayout {
    /// Bits of the gap, at least 2 and at most 16.
    pub gap_bits: u32,
    /// Bits of the delay within the band: log2 of the number of delays in a band.
    pub band_bits: u32,
}

/// The place of the next synapse of a segment, while the segment is counted or filled.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// Number of the next word. The first words of lines are counted too. In storage that is not packed: number of the
    /// next synapse.
    pub at: u32,
    /// Slot of the synapse before.
    pub last_slot: u32,
}

impl WordLayout {
    /// The layout for weights of at most `largest` quanta in absolute value. The gap gets the bits that the weight and
    /// the delay do not need, at most 16. `None` if these are fewer than 2.
    pub fn new(largest: i32, band_bits: u32) -> Option<WordLayout> {
        let weight_bits = 33 - largest.unsigned_abs().leading_zeros();
        let gap_bits = 32u32.checked_sub(weight_bits + band_bits)?.min(16);
        (gap_bits >= 2).then_some(WordLayout { gap_bits, band_bits })
    }

    /// The gap of a filler, the largest number that `gap_bits` bits hold. The gap of a synapse is smaller.
    #[inline(always)]
    pub fn filler_gap(self) -> u32 {
        (1 << self.gap_bits) - 1
    }

    /// Advances `place` past a synapse onto `slot`. Returns the number of the synapse's word and its gap. The gap is 0
    /// if the word is the first synapse of a line.
    ///
    /// The only branch is the one for fillers, which are rare. Nearly every place is read from main memory, and the CPU
    /// reads several of them at a time. A branch misprediction would discard these reads.
    #[inline(always)]
    pub fn advance(self, place: &mut Place, slot: u32) -> (u32, u32) {
        let mut gap = slot.wrapping_sub(place.last_slot);
        if gap >= self.filler_gap() {
            let (fillers, word) = (gap / self.filler_gap(), place.at % LINE_WORDS_U32);
            // If the fillers and the synapse do not fit into the current line, a new line starts.
            if word == 0 || word.saturating_add(fillers) >= LINE_WORDS_U32 {
                place.at = place.at.next_multiple_of(LINE_WORDS_U32);
            } else {
                place.at += fillers;
                gap -= fillers * self.filler_gap();
            }
        }
        // 1 if the synapse is the first of a line, otherwise 0.
        let starts_line = u32::from(place.at.is_multiple_of(LINE_WORDS_U32));
        let word = place.at + starts_line;
        *place = Place { at: word + 1, last_slot: slot };
        (word, gap * (1 - starts_line))
    }

    /// Writes the next synapse of a segment at `place`, with the fillers before it, and advances `place`. `delay` is
    /// the delay within the band in steps, `weight` is in quanta.
    #[inline(always)]
    pub fn write(self, words: &mut [u32], place: &mut Place, slot: u32, delay: u32, weight: i32) {
        let Place { at, last_slot } = *place;
        let (word, gap) = self.advance(place, slot);
        // Fillers up to the synapse, or up to the end of the line if the synapse starts a new one.
        if slot.wrapping_sub(last_slot) >= self.filler_gap() && at % LINE_WORDS_U32 != 0 {
            words[at as usize..word as usize].fill(self.filler_gap());
        }
        // In a new line the slot is written into the word before the synapse. Otherwise `starts_line` is 0: the slot is
        // written into the synapse's own word, and the synapse overwrites it.
        let starts_line = u32::from(word % LINE_WORDS_U32 == 1);
        words[(word - starts_line) as usize] = slot;
        words[word as usize] = gap | delay << self.gap_bits | (weight << (self.gap_bits + self.band_bits)) as u32;
    }
}

/// The packed synapses of one table onto one shard.
#[derive(Debug)]
pub struct PackedSynapses {
    words: Vec<u32>,
    /// Index in `words` of the first line, which is aligned to a cache line.
    first: usize,
    /// The fields of a word.
    pub layout: WordLayout,
    /// Number of synapses.
    pub synapses: usize,
}

impl PackedSynapses {
    /// Memory for whole lines with `words` words together, filled with zeros, that will hold `synapses` synapses.
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

    /// Finishes all segments, once all synapses are written. `ends` has the place after the last synapse of each
    /// segment, in the order in which segments are stored. Writes the number of words in use into the last line of each
    /// segment. Turns each `at` from a number of words into a number of lines: the end of the segment.
    pub fn finish_segments(&mut self, ends: &mut [Place]) {
        // First word after the previous segment.
        let mut start = 0;
        for Place { at, .. } in ends {
            if *at > start {
                let (line, used) = ((*at - 1) & !(LINE_WORDS_U32 - 1), (*at - 1) % LINE_WORDS_U32);
                self.words_mut()[line as usize] |= used << 16;
            }
            start = at.next_multiple_of(LINE_WORDS_U32);
            *at = start / LINE_WORDS_U32;
        }
    }

    /// For each of these lines: the slot in its first word, and the words in use after it.
    fn used_words(&self, lines: Range<usize>) -> impl Iterator<Item = (u32, &[u32])> {
        self.lines()[lines].iter().map(|[first, words @ ..]| match first >> 16 {
            0 => (*first, &words[..]),
            used => (first & 0xffff, &words[..used as usize]),
        })
    }

    /// Calls `f` with slot, delay within the band in steps, and weight in quanta of every synapse of these lines.
    pub fn each(&self, lines: Range<usize>, f: &mut dyn FnMut(u16, u32, i32)) {
        let (layout, band_mask) = (self.layout, (1 << self.layout.band_bits) - 1);
        for (mut slot, words) in self.used_words(lines) {
            for &word in words {
                let gap = word & layout.filler_gap();
                slot += gap;
                if gap < layout.filler_gap() {
                    f(
                        slot as u16,
                        word >> layout.gap_bits & band_mask,
                        word as i32 >> (layout.gap_bits + layout.band_bits),
                    );
                }
            }
        }
    }

    /// Number of synapses in these lines.
    pub fn count(&self, lines: Range<usize>) -> usize {
        let filler = self.layout.filler_gap();
        let count = |(_, words): (u32, &[u32])| words.iter().filter(|&&word| word & filler != filler).count();
        self.used_words(lines).map(count).sum()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        4 * self.words.capacity()
    }
}

/// How the synapses of a line are added to input sums. This is a trait, because a closure is not always inlined.
pub trait AddLine {
    /// Adds the synapses of a line.
    fn add(&mut self, line: &Line);
}

/// Adds synapses to the sums of one step: the delay is the same for all synapses of a segment.
pub struct AddToStep<'a, S, I> {
    /// The vector instructions to use.
    pub with: I,
    /// The fields of a word.
    pub layout: WordLayout,
    /// The sums of the step.
    pub sums: &'a mut [S; SHARD_SLOTS],
}

impl<S: Sum, I: Instructions> AddLine for AddToStep<'_, S, I> {
    #[inline(always)]
    fn add(&mut self, line: &Line) {
        S::add_line(self.with, self.sums, line, self.layout.gap_bits);
    }
}

/// Adds synapses to the sums of several steps: each synapse of a band has its own delay.
pub struct AddToBand<'a, S, I> {
    /// The vector instructions to use.
    pub with: I,
    /// The fields of a word.
    pub layout: WordLayout,
    /// All sums of the ring.
    pub sums: &'a mut [S],
    /// Index in `sums` of the first sum of each step. The first item is for the first step of the band.
    pub starts: [u32; MAX_BAND],
}

impl<S: Sum, I: Instructions> AddLine for AddToBand<'_, S, I> {
    #[inline(always)]
    fn add(&mut self, line: &Line) {
        S::add_line_in_band(self.with, self.sums, &self.starts, line, self.layout.gap_bits, self.layout.band_bits);
    }
}

/// Lines of one table onto one shard that are due in a step: all packed synapses, and the numbers of the lines due.
pub(super) type DueLines<'a> = (&'a PackedSynapses, &'a [u32]);

/// Adds the due lines of all tables onto one shard to the sums of the step that ends at `tick`. Lines of a band of
/// delays are added to the sums of that step and of the steps after it.
pub(super) fn deliver<'a, S: Sum>(due: impl Iterator<Item = DueLines<'a>> + Clone, ring: &mut Ring<S>, tick: u64) {
    dispatch(AddDueLines { due, ring, tick });
}

/// How many lines ahead of the one being added are requested from memory. With fewer, a line would be needed before it
/// has arrived. More lines would evict each other, and the neurons' state, from the caches.
const LINES_AHEAD: usize = 24;

/// Adds the lines that are due. All lines take about the same time to add. So for each line added one line ahead is
/// requested, which keeps memory and arithmetic busy at the same time.
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
                let mut to = AddToStep { with, layout: packed.layout, sums: ring.step_sums(tick) };
                add_lines(packed.lines(), list, &mut ahead, &mut to);
            } else {
                let (sums, starts) = ring.all_sums(tick);
                add_lines(
                    packed.lines(),
                    list,
                    &mut ahead,
                    &mut AddToBand { with, layout: packed.layout, starts, sums },
                );
            }
        }
    }
}

/// Walks through the due lines of all tables, [`LINES_AHEAD`] lines ahead of the one being added.
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

/// Adds each line of a list. For each line added, requests one line ahead.
#[inline(always)]
fn add_lines<'a, I>(lines: &[Line], list: &[u32], ahead: &mut LinesAhead<'a, I>, to: &mut impl AddLine)
where
    I: Iterator<Item = DueLines<'a>>,
{
    for four in list.chunks(4) {
        four.iter().try_for_each(|_| ahead.request());
        for &line in four {
            if let Some(line) = lines.get(line as usize) {
                to.add(line);
            }
        }
    }
}

#[cfg(test)]
mod tests;
