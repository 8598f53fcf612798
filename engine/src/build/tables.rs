//! The table of one group of projections in one tile: how its synapses are stored, counted and put in their places.

use super::blueprint::Blueprint;
use super::groups::ProjectionGroup;
use super::layout::{TileLayout, first_slot, targets_in};
use super::wiring::{Bundle, TileDegrees, Wiring};
use crate::error::BuildError;
use crate::plan::{Plan, Sampler};
use crate::synapses::{
    BitMatrix, ConstantSynapses, DEEPEST, IndividualSynapses, LINE_WORDS, PackedSynapses, Place, ShardSynapses,
    SynapseTable, WordLayout, shard_of,
};
use lapicque_models::numerics::accumulate::to_quanta;
use lapicque_models::numerics::random::Purpose;
use lapicque_models::vector::{advise_huge_pages, prefetch};
use std::ops::Range;

/// Builds what one group has in one tile.
pub struct TableBuilder<'a> {
    /// The network.
    pub plan: &'a Plan,
    /// What all tiles share.
    pub blueprint: &'a Blueprint,
    /// The tile.
    pub tile: &'a TileLayout,
    /// In-degrees of its targets.
    pub degrees: &'a TileDegrees,
    /// The group.
    pub group: &'a ProjectionGroup,
    /// Shards of the tile.
    pub shards: usize,
}

/// How a group's synapses are stored.
#[derive(Clone, Copy)]
enum Storage {
    Constant(i32),
    Individual,
    Packed(WordLayout),
}

impl Storage {
    fn band_bits(self) -> u32 {
        if let Storage::Packed(layout) = self { layout.band_bits } else { 0 }
    }
}

/// The segments of one shard, by (source, band): first the number of their synapses or words, later the place of the
/// next synapse. Targets come in the order of their slots, so that only the cells and rows of one shard need be near.
struct Cells {
    cells: Vec<Place>,
    synapses: usize,
}

impl Cells {
    fn new(sources: usize, bands: usize) -> Cells {
        Cells { cells: vec![Place::default(); sources * bands], synapses: 0 }
    }

    /// Fills the last line of each segment with nothing; returns the words of all.
    fn fill_lines(&mut self) -> u64 {
        self.cells.iter_mut().for_each(|cell| cell.at = cell.at.next_multiple_of(LINE_WORDS as u32));
        self.cells.iter().map(|cell| u64::from(cell.at)).sum()
    }
}

/// A table while it is filled.
struct Filling {
    first_delay: u32,
    bands: usize,
    /// Rows of each shard, and the places of their next synapses.
    shards: Vec<(ShardSynapses, Vec<Place>)>,
}

/// One bundle's synapses onto the tile, with slots and delays.
struct Placed<'a> {
    bundle: &'a Bundle,
    delays: &'a [f64],
    targets: Range<u32>,
    /// Slot of the first of `targets`.
    slot: u32,
}

impl Placed<'_> {
    /// Source and delay in steps of a synapse of the bundle, whether its target is one of ours or not.
    #[inline(always)]
    fn source_and_delay(&self, i: usize) -> Option<(usize, u32)> {
        Some((*self.bundle.sources.get(i)? as usize, Sampler::steps(*self.delays.get(i)?)))
    }

    /// (position in the bundle, source, slot, delay in steps) of each synapse.
    fn each(&self) -> impl Iterator<Item = (usize, usize, u32, u32)> + '_ {
        let bundle = self.bundle;
        let all = bundle.sources.iter().zip(&bundle.targets).zip(self.delays).enumerate();
        all.filter(|(_, ((_, t), _))| self.targets.contains(t)).map(|(i, ((&source, &target), &delay))| {
            (i, source as usize, self.slot + (target - self.targets.start), Sampler::steps(delay))
        })
    }
}

impl TableBuilder<'_> {
    /// Makes all draws of the group, in order, and hands them out bundle by bundle with the projection's index.
    fn visit(&self, f: &mut dyn FnMut(usize, Placed<'_>)) {
        let (mut bundle, mut delays) = (Bundle::default(), Vec::new());
        for &index in &self.group.members {
            let projection = &self.plan.projections[index];
            let share = &self.tile.shares[projection.to.population];
            let targets = targets_in(projection, share);
            if targets.is_empty() {
                continue;
            }
            let slot = first_slot(projection, share, &targets);
            let sampler = Sampler::delay(projection.delay, self.plan.dt);
            let wiring = Wiring::new(projection, index, self.plan.wiring_seed);
            wiring.visit(targets.clone(), &self.degrees[index], &mut bundle, &mut |bundle| {
                delays.resize(bundle.sources.len(), 0.0);
                sampler.fill(self.plan.wiring_seed, Purpose::Delay, bundle.identity, &mut delays);
                f(index, Placed { bundle, delays: &delays, targets: targets.clone(), slot });
            });
        }
    }

    /// Smallest and largest delay that the group can draw, in steps.
    fn delay_range(&self) -> (u32, u32) {
        let range = |&index: &usize| {
            let (low, high) = Sampler::delay(self.plan.projections[index].delay, self.plan.dt).bounds();
            (Sampler::steps(low), Sampler::steps(high))
        };
        let both = |a: (u32, u32), b: (u32, u32)| (a.0.min(b.0), a.1.max(b.1));
        self.group.members.iter().map(range).reduce(both).unwrap_or((1, 1))
    }

    /// Largest |weight| of the group, in quanta.
    fn largest(&self) -> i32 {
        let of = |&index: &usize| {
            let projection = &self.plan.projections[index];
            let quantum = self.blueprint.quanta[projection.to.population][projection.receptor];
            to_quanta(Sampler::weight(projection.weight).largest(), 1.0 / quantum)
        };
        self.group.members.iter().map(of).max().unwrap_or(0)
    }

    /// The table of the group.
    pub fn build(&self) -> Result<SynapseTable, BuildError> {
        let (first, last) = self.delay_range();
        if let Some(weight) = self.group.weight {
            return self.fill(self.count(Storage::Constant(weight), first, last)?, Storage::Constant(weight), first);
        }
        let steps = self.band(first, last);
        if let Some(layout) = WordLayout::new(self.largest(), steps.trailing_zeros()) {
            let mut cells = self.count(Storage::Packed(layout), first, last)?;
            let words: u64 = cells.iter_mut().map(Cells::fill_lines).sum();
            let synapses: usize = cells.iter().map(|shard| shard.synapses).sum();
            // Whichever takes fewer bytes with its index: of short rows lines stay empty, but one delay has hardly a synapse.
            let places = cells.iter().map(|shard| shard.cells.len() as u64).sum::<u64>();
            let unpacked = (self.sources() * self.shards) as u64 * u64::from(last - first + 1);
            if 4 * (words + places) <= 6 * synapses as u64 + 4 * unpacked {
                return self.fill(cells, Storage::Packed(layout), first);
            }
        }
        self.fill(self.count(Storage::Individual, first, last)?, Storage::Individual, first)
    }

    /// Delays in a band: as few as fill some lines, as far as the ring of the tile may be deep. One delay is the pure
    /// deferred scheme; where rows are short, as in a small tile, all of them are the ring-buffer scheme.
    fn band(&self, first: u32, last: u32) -> u32 {
        let delays = last - first + 1;
        if self.blueprint.band > 0 {
            return self.blueprint.band.min(delays).next_power_of_two().min(DEEPEST as u32);
        }
        let synapses = |&index: &usize| {
            let projection = &self.plan.projections[index];
            let targets = targets_in(projection, &self.tile.shares[projection.to.population]);
            self.degrees[index].total(targets.len())
        };
        let synapses: u64 = self.group.members.iter().map(synapses).sum();
        let wanted = SEGMENT * u64::from(delays) * (self.sources() * self.shards) as u64 / synapses.max(1);
        let bytes = self.tile.slots as usize * if self.blueprint.wide { 8 } else { 4 };
        let fit = 1 << (RING_BYTES / bytes.max(1)).max(1).ilog2().min(DEEPEST.trailing_zeros());
        (wanted.clamp(1, u64::from(delays)) as u32).next_power_of_two().min(fit)
    }

    /// Source neurons.
    fn sources(&self) -> usize {
        self.plan.populations[self.group.population].size as usize
    }

    /// First pass: counts the synapses, and fillers, of every segment.
    fn count(&self, storage: Storage, first: u32, last: u32) -> Result<Vec<Cells>, BuildError> {
        let bands = (((last - first) >> storage.band_bits()) + 1) as usize;
        if self.sources().checked_mul(bands).is_none_or(|n| n > 1 << 33) {
            let (sources, delays) = (self.sources(), last - first + 1);
            return Err(too_large(&format!(
                "{sources} sources with {delays} different delays are too many; bound the delays (min, max)"
            )));
        }
        let shard_bits = self.blueprint.shard_bits;
        let mut shards: Vec<Cells> = (0..self.shards).map(|_| Cells::new(self.sources(), bands)).collect();
        self.visit(&mut |_, placed| {
            for (i, source, slot, delay) in placed.each() {
                let (shard, slot) = shard_of(slot, shard_bits);
                let shard = &mut shards[shard];
                if let Some((source, delay)) = placed.source_and_delay(i + AHEAD) {
                    let band = (delay - first) >> storage.band_bits();
                    prefetch(&shard.cells, source * bands + band as usize);
                }
                let cell = &mut shard.cells[source * bands + ((delay - first) >> storage.band_bits()) as usize];
                shard.synapses += 1;
                match storage {
                    Storage::Packed(layout) => _ = layout.pass(cell, slot),
                    _ => cell.at += 1,
                }
            }
        });
        Ok(shards)
    }

    /// Second pass: makes the same draws again and puts every synapse in its place.
    fn fill(&self, cells: Vec<Cells>, storage: Storage, first: u32) -> Result<SynapseTable, BuildError> {
        let mut filling = self.allocate(cells, storage, first)?;
        let Filling { first_delay, bands, shards } = &mut filling;
        let shard_bits = self.blueprint.shard_bits;
        let mut weights = Vec::new();
        self.visit(&mut |index, placed| {
            let projection = &self.plan.projections[index];
            let per_quantum = 1.0 / self.blueprint.quanta[projection.to.population][projection.receptor];
            if self.group.weight.is_none() {
                weights.resize(placed.delays.len(), 0.0);
                Sampler::weight(projection.weight).fill(
                    self.plan.wiring_seed,
                    Purpose::Weight,
                    placed.bundle.identity,
                    &mut weights,
                );
            }
            // Nearly every access here misses the cache. To ask for cells ahead took a third off the build of the full
            // microcircuit; to ask for the words that they lead to, too, put a tenth on again.
            for (i, source, slot, delay) in placed.each() {
                let (shard, slot) = shard_of(slot, shard_bits);
                let delay = delay - *first_delay;
                let (rows, cells) = &mut shards[shard];
                if let Some((source, delay)) = placed.source_and_delay(i + AHEAD) {
                    // Targets of other tiles may have delays of their own.
                    let band = delay.wrapping_sub(*first_delay) >> storage.band_bits();
                    prefetch(cells, source * *bands + band as usize);
                }
                let cell = &mut cells[source * *bands + (delay >> storage.band_bits()) as usize];
                match rows {
                    ShardSynapses::Constant(ConstantSynapses { targets, .. }) => {
                        targets[cell.at as usize] = slot as u16
                    }
                    ShardSynapses::Individual(IndividualSynapses { targets, weights: stored }) => {
                        targets[cell.at as usize] = slot as u16;
                        stored[cell.at as usize] = to_quanta(weights[i], per_quantum);
                    }
                    ShardSynapses::Packed(packed) => {
                        let layout = packed.layout;
                        let delay = delay & ((1 << layout.band_bits) - 1);
                        layout.put(packed.words_mut(), cell, slot, delay, to_quanta(weights[i], per_quantum));
                        continue;
                    }
                }
                cell.at += 1;
            }
        });
        Ok(self.finish(filling))
    }

    /// Weight, delay, and in each shard the slots from the first to the last target, of a group whose connections take
    /// no more room as one bit for each pair of neurons than as 16 bits for each synapse.
    pub fn bit_matrix_slots(&self) -> Option<(i32, u32, Vec<Range<u32>>)> {
        let (weight, delay) = (self.group.weight?, self.group.delay?);
        let shard_bits = self.blueprint.shard_bits;
        let mut slots: Vec<Range<u32>> = vec![0..0; self.shards];
        let mut synapses = 0;
        for &index in &self.group.members {
            let projection = &self.plan.projections[index];
            let share = &self.tile.shares[projection.to.population];
            let targets = targets_in(projection, share);
            synapses += self.degrees[index].total(targets.len());
            let first = first_slot(projection, share, &targets);
            let last = first + targets.len() as u32;
            for (shard, slots) in slots.iter_mut().enumerate() {
                let (start, end) =
                    ((shard as u32) << shard_bits, ((shard as u64 + 1) << shard_bits).min(u64::from(u32::MAX)) as u32);
                let (start_here, end_here) = (first.max(start), last.min(end));
                if start_here < end_here {
                    let (start, end) = (start_here - start, end_here - start);
                    *slots = if slots.end == 0 { start..end } else { slots.start.min(start)..slots.end.max(end) };
                }
            }
        }
        let bytes = slots.iter().map(|s| (self.sources() * BitMatrix::row_bytes(s)) as u64).sum::<u64>();
        (0 < synapses && bytes <= 2 * synapses).then_some((weight, delay, slots))
    }

    /// Builds one bit for each pair of neurons, and a table with those synapses that are a pair's second or later.
    pub fn build_bit_matrices(
        &self,
        weight: i32,
        delay: u32,
        slots: &[Range<u32>],
    ) -> Result<(Vec<Option<BitMatrix>>, Option<SynapseTable>), BuildError> {
        let population = self.group.population;
        let new = |(shard, slots): (usize, &Range<u32>)| {
            (slots.end > 0).then(|| BitMatrix::new(shard, population, delay, weight, self.sources(), slots))
        };
        let mut pairs: Vec<_> = slots.iter().enumerate().map(new).collect();
        let mut shards: Vec<Cells> = (0..self.shards).map(|_| Cells::new(self.sources(), 1)).collect();
        self.connect(&mut pairs, &mut |shard, source, _| shards[shard].cells[source].at += 1);
        if shards.iter().flat_map(|shard| &shard.cells).all(|cell| cell.at == 0) {
            return Ok((pairs, None));
        }
        let mut filling = self.allocate(shards, Storage::Constant(weight), delay)?;
        pairs.iter_mut().flatten().for_each(BitMatrix::clear);
        self.connect(&mut pairs, &mut |shard, source, slot| {
            let (rows, cells) = &mut filling.shards[shard];
            if let ShardSynapses::Constant(ConstantSynapses { targets, .. }) = rows {
                targets[cells[source].at as usize] = slot;
            }
            cells[source].at += 1;
        });
        Ok((pairs, Some(self.finish(filling))))
    }

    /// Connects the pair of every synapse; calls `f` with shard, source and slot of those that find theirs connected.
    fn connect(&self, pairs: &mut [Option<BitMatrix>], f: &mut dyn FnMut(usize, usize, u16)) {
        let shard_bits = self.blueprint.shard_bits;
        self.visit(&mut |_, placed| {
            for (_, source, slot, _) in placed.each() {
                let (shard, slot) = shard_of(slot, shard_bits);
                if !pairs[shard].as_mut().is_some_and(|matrix| matrix.connect(source, slot as usize)) {
                    f(shard, source, slot as u16);
                }
            }
        });
    }

    /// A table with room for the synapses counted, and its cells set for filling. Unused bands at both ends go.
    fn allocate(&self, mut shards: Vec<Cells>, storage: Storage, first: u32) -> Result<Filling, BuildError> {
        let sources = self.sources();
        let bands = shards.first().map_or(1, |shard| shard.cells.len() / sources);
        let used = |band: usize| {
            shards.iter().any(|shard| shard.cells.iter().skip(band).step_by(bands).any(|cell| cell.at > 0))
        };
        let low = (0..bands).find(|&band| used(band)).unwrap_or(0);
        let high = (low..bands).rev().find(|&band| used(band)).unwrap_or(low);
        let kept = high - low + 1;
        if kept < bands {
            for Cells { cells, .. } in &mut shards {
                for s in 0..sources {
                    cells.copy_within(s * bands + low..s * bands + high + 1, s * kept);
                }
                cells.truncate(sources * kept);
                cells.shrink_to_fit();
            }
        }
        let allocate = |Cells { mut cells, synapses }| {
            let n = places(&mut cells).ok_or_else(|| too_large(TOO_MANY))? as usize;
            let rows = match storage {
                Storage::Constant(weight) => ShardSynapses::Constant(ConstantSynapses { targets: large(n), weight }),
                Storage::Individual => {
                    ShardSynapses::Individual(IndividualSynapses { targets: large(n), weights: large(n) })
                }
                Storage::Packed(layout) => ShardSynapses::Packed(PackedSynapses::new(n, layout, synapses)),
            };
            Ok((rows, cells))
        };
        let shards = shards.into_iter().map(allocate).collect::<Result<_, BuildError>>()?;
        Ok(Filling { first_delay: first + ((low as u32) << storage.band_bits()), bands: kept, shards })
    }

    /// A table whose cells were filled: every cell moved to its end, which is the next one's start.
    fn finish(&self, filling: Filling) -> SynapseTable {
        let Filling { first_delay, bands, mut shards } = filling;
        for (rows, cells) in &mut shards {
            if let ShardSynapses::Packed(packed) = rows {
                packed.end(cells);
            }
        }
        let segments = shards.len() * bands;
        let mut starts = vec![0; (self.sources() + 1) * segments];
        for (shard, (_, cells)) in shards.iter().enumerate() {
            for (cell, end) in cells.iter().enumerate() {
                let next = cell + 1;
                starts[next / bands * segments + shard * bands + next % bands] = end.at;
            }
        }
        let shards = shards.into_iter().map(|(rows, _)| rows).collect();
        SynapseTable { population: self.group.population, first_delay, bands: bands as u32, starts, shards }
    }
}

/// Synapses whose cells are asked for before one is looked at: each is a line from main memory.
const AHEAD: usize = 16;
/// Synapses of a row that a band has on average at least, if the ring may be that deep: with fewer, lines stay empty.
const SEGMENT: u64 = 40;
/// Most bytes of a tile's input sums, those of one step at least. They share the second-level cache with the neurons'
/// state and the synapses read ahead: `benches/delivery.rs` shows where wider bands stop to pay.
const RING_BYTES: usize = 768 << 10;

/// Turns numbers of synapses into places of the first; returns the number of all, if 32 bits hold it.
fn places(cells: &mut [Place]) -> Option<u32> {
    let mut sum = 0u32;
    for cell in cells {
        let n = cell.at;
        *cell = Place { at: sum, last: 0 };
        sum = sum.checked_add(n)?;
    }
    Some(sum)
}

const TOO_MANY: &str = "more than 4e9 synapses in one shard";

fn too_large(what: &str) -> BuildError {
    BuildError::Invalid(format!("{what}; use more threads, or fewer synapses"))
}

fn large<T: Clone + std::default::Default>(n: usize) -> Vec<T> {
    let mut v = vec![T::default(); n];
    advise_huge_pages(&mut v);
    v
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_synapses_than_32_bits_can_number_are_refused() {
        let cells = |counts: [u32; 3]| counts.map(|at| Place { at, last: 9 });
        let mut fit = cells([2, u32::MAX - 5, 3]);
        assert_eq!(places(&mut fit), Some(u32::MAX));
        assert_eq!(fit.map(|cell| (cell.at, cell.last)), [(0, 0), (2, 0), (u32::MAX - 3, 0)]);
        assert_eq!(places(&mut cells([2, u32::MAX - 5, 4])), None);
    }
}
