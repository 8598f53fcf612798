//! Builds the synapses of one group of projections in one tile.
//!
//! All random draws are made twice. The first pass counts the synapses of every segment. Then memory is allocated and
//! the start of every segment is known. The second pass makes the same draws again and writes the synapses. So synapses
//! are never held twice.

use super::blueprint::Blueprint;
use super::groups::ProjectionGroup;
use super::layout::{TileLayout, first_slot, targets_in};
use super::wiring::{DrawnPairs, TileDegrees, Wiring};
use crate::error::BuildError;
use crate::plan::{Plan, Sampler};
use crate::synapses::{
    BitMatrix, ConstantSynapses, IndividualSynapses, LINE_WORDS, MAX_BAND, PackedSynapses, Place, ShardSynapses,
    SynapseTable, WordLayout, shard_of,
};
use lapicque_models::numerics::accumulate::to_quanta;
use lapicque_models::numerics::random::Purpose;
use lapicque_models::vector::{advise_huge_pages, prefetch};
use std::ops::Range;

/// Builds the synapses of one group of projections in one tile.
pub struct TableBuilder<'a> {
    /// The plan of the network.
    pub plan: &'a Plan,
    /// Decisions that are the same for all tiles.
    pub blueprint: &'a Blueprint,
    /// The tile.
    pub tile: &'a TileLayout,
    /// In-degrees of the targets in the tile.
    pub degrees: &'a TileDegrees,
    /// The group of projections.
    pub group: &'a ProjectionGroup,
    /// Number of shards of the tile.
    pub shards: usize,
}

/// How the synapses of a group are stored.
#[derive(Clone, Copy)]
enum Storage {
    /// All with this weight in quanta.
    Constant(i32),
    /// Each with its weight, unpacked.
    Individual,
    /// Each with its weight, packed.
    Packed(WordLayout),
}

impl Storage {
    /// log2 of the number of delays in a band.
    fn band_bits(self) -> u32 {
        if let Storage::Packed(layout) = self { layout.band_bits } else { 0 }
    }
}

/// The segments of one shard while synapses are counted. Each shard has its own array: targets are drawn in the order
/// of their slots (except with `fixed_out_degree`), so only the segments and rows of one shard need to be in the
/// caches.
struct ShardSegments {
    /// For each (source, band): [`Place::at`] counts the synapses of the segment so far, or the words if they are
    /// packed.
    segments: Vec<Place>,
    /// Number of synapses of all segments.
    synapses: usize,
}

impl ShardSegments {
    fn new(sources: usize, bands: usize) -> ShardSegments {
        ShardSegments { segments: vec![Place::default(); sources * bands], synapses: 0 }
    }

    /// Rounds the number of words of each segment up to whole lines. Returns the number of words of all segments.
    fn round_up_to_lines(&mut self) -> u64 {
        self.segments.iter_mut().for_each(|segment| segment.at = segment.at.next_multiple_of(LINE_WORDS as u32));
        self.segments.iter().map(|segment| u64::from(segment.at)).sum()
    }
}

/// A table while its synapses are written.
struct PartialTable {
    /// Shortest delay of the first band, in steps.
    first_delay: u32,
    /// Number of bands.
    bands: usize,
    /// For each shard: the synapses, and for each (source, band) the place of the segment's next synapse.
    shards: Vec<(ShardSynapses, Vec<Place>)>,
}

/// Connected pairs with their delays, and where their targets lie in the tile.
struct DrawnSynapses<'a> {
    /// Pairs of source and target. Some targets may lie in other tiles.
    pairs: &'a DrawnPairs,
    /// Delay of each pair in steps, not yet rounded.
    delays: &'a [f64],
    /// Targets of the projection in this tile.
    targets: Range<u32>,
    /// Slot of the first of `targets`.
    first_slot: u32,
}

impl DrawnSynapses<'_> {
    /// Source and delay in steps of pair `i`, even if its target lies in another tile. `None` after the last pair.
    #[inline(always)]
    fn source_and_delay(&self, i: usize) -> Option<(usize, u32)> {
        Some((*self.pairs.sources.get(i)? as usize, Sampler::steps(*self.delays.get(i)?)))
    }

    /// (index of the pair, source, slot, delay in steps) of each synapse onto this tile.
    fn each(&self) -> impl Iterator<Item = (usize, usize, u32, u32)> + '_ {
        let pairs = self.pairs;
        let all = pairs.sources.iter().zip(&pairs.targets).zip(self.delays).enumerate();
        all.filter(|(_, ((_, t), _))| self.targets.contains(t)).map(|(i, ((&source, &target), &delay))| {
            (i, source as usize, self.first_slot + (target - self.targets.start), Sampler::steps(delay))
        })
    }
}

impl TableBuilder<'_> {
    /// Draws connections and delays of all projections of the group, in order. Calls `f` with the index of the
    /// projection and the synapses, some synapses at a time.
    fn draw_synapses(&self, f: &mut dyn FnMut(usize, DrawnSynapses<'_>)) {
        let (mut pairs, mut delays) = (DrawnPairs::default(), Vec::new());
        for &index in &self.group.members {
            let projection = &self.plan.projections[index];
            let share = &self.tile.shares[projection.to.population];
            let targets = targets_in(projection, share);
            if targets.is_empty() {
                continue;
            }
            let first_slot = first_slot(projection, share, &targets);
            let sampler = Sampler::delay(projection.delay, self.plan.dt);
            let wiring = Wiring::new(projection, index, self.plan.wiring_seed);
            wiring.draw_pairs(targets.clone(), &self.degrees[index], &mut pairs, &mut |pairs| {
                delays.resize(pairs.sources.len(), 0.0);
                sampler.fill(self.plan.wiring_seed, Purpose::Delay, pairs.identity, &mut delays);
                f(index, DrawnSynapses { pairs, delays: &delays, targets: targets.clone(), first_slot });
            });
        }
    }

    /// Shortest and longest delay that the group can draw, in steps.
    fn delay_range(&self) -> (u32, u32) {
        let range = |&index: &usize| {
            let (low, high) = Sampler::delay(self.plan.projections[index].delay, self.plan.dt).bounds();
            (Sampler::steps(low), Sampler::steps(high))
        };
        let union = |a: (u32, u32), b: (u32, u32)| (a.0.min(b.0), a.1.max(b.1));
        self.group.members.iter().map(range).reduce(union).unwrap_or((1, 1))
    }

    /// Largest |weight| that the group can draw, in quanta.
    fn largest_weight(&self) -> i32 {
        let largest_of = |&index: &usize| {
            let projection = &self.plan.projections[index];
            let quantum = self.blueprint.quanta[projection.to.population][projection.receptor];
            to_quanta(Sampler::weight(projection.weight).largest(), 1.0 / quantum)
        };
        self.group.members.iter().map(largest_of).max().unwrap_or(0)
    }

    /// Builds the table of the group.
    pub fn build(&self) -> Result<SynapseTable, BuildError> {
        let (shortest, longest) = self.delay_range();
        if let Some(weight) = self.group.weight {
            let shards = self.count(Storage::Constant(weight), shortest, longest)?;
            return self.fill(shards, Storage::Constant(weight), shortest);
        }
        let delays_per_band = self.delays_per_band(shortest, longest);
        if let Some(layout) = WordLayout::new(self.largest_weight(), delays_per_band.trailing_zeros()) {
            let mut shards = self.count(Storage::Packed(layout), shortest, longest)?;
            let words: u64 = shards.iter_mut().map(ShardSegments::round_up_to_lines).sum();
            let synapses: usize = shards.iter().map(|shard| shard.synapses).sum();
            // The smaller storage is used. Packed synapses take 4 bytes a word, others 6 bytes a synapse; both need 4
            // bytes for the start of each segment. Packed storage leaves words empty at the end of short segments.
            // Unpacked storage has one segment for each delay.
            let packed_segments = shards.iter().map(|shard| shard.segments.len() as u64).sum::<u64>();
            let unpacked_segments = (self.sources() * self.shards) as u64 * u64::from(longest - shortest + 1);
            if 4 * (words + packed_segments) <= 6 * synapses as u64 + 4 * unpacked_segments {
                return self.fill(shards, Storage::Packed(layout), shortest);
            }
        }
        self.fill(self.count(Storage::Individual, shortest, longest)?, Storage::Individual, shortest)
    }

    /// Number of delays in a band, a power of two: large enough that a segment has [`MIN_SEGMENT_SYNAPSES`] synapses on
    /// average, but not so large that the ring of the tile exceeds [`MAX_RING_BYTES`]. With one delay in each band,
    /// every synapse is added in the step in which its event arrives. Where rows are short and the tile is small, one
    /// band may have all delays: the ring is then an ordinary ring buffer of all delays.
    fn delays_per_band(&self, shortest: u32, longest: u32) -> u32 {
        let delays = longest - shortest + 1;
        if self.blueprint.band > 0 {
            return self.blueprint.band.min(delays).next_power_of_two().min(MAX_BAND as u32);
        }
        let synapses = |&index: &usize| {
            let projection = &self.plan.projections[index];
            let targets = targets_in(projection, &self.tile.shares[projection.to.population]);
            self.degrees[index].total(targets.len())
        };
        let synapses: u64 = self.group.members.iter().map(synapses).sum();
        let wanted = MIN_SEGMENT_SYNAPSES * u64::from(delays) * (self.sources() * self.shards) as u64 / synapses.max(1);
        let bytes_per_step = self.tile.slots as usize * if self.blueprint.wide { 8 } else { 4 };
        let fits = 1 << (MAX_RING_BYTES / bytes_per_step.max(1)).max(1).ilog2().min(MAX_BAND.trailing_zeros());
        (wanted.clamp(1, u64::from(delays)) as u32).next_power_of_two().min(fits)
    }

    /// Number of neurons of the source population.
    fn sources(&self) -> usize {
        self.plan.populations[self.group.population].size as usize
    }

    /// First pass: counts the synapses of every segment, or the words if they are packed.
    fn count(&self, storage: Storage, shortest: u32, longest: u32) -> Result<Vec<ShardSegments>, BuildError> {
        let bands = (((longest - shortest) >> storage.band_bits()) + 1) as usize;
        if self.sources().checked_mul(bands).is_none_or(|n| n > 1 << 33) {
            let (sources, delays) = (self.sources(), longest - shortest + 1);
            return Err(too_large(&format!(
                "{sources} sources with {delays} different delays are too many; bound the delays (min, max)"
            )));
        }
        let shard_bits = self.blueprint.shard_bits;
        let mut shards: Vec<ShardSegments> =
            (0..self.shards).map(|_| ShardSegments::new(self.sources(), bands)).collect();
        self.draw_synapses(&mut |_, drawn| {
            for (i, source, slot, delay) in drawn.each() {
                let (shard, slot) = shard_of(slot, shard_bits);
                let shard = &mut shards[shard];
                if let Some((source, delay)) = drawn.source_and_delay(i + SYNAPSES_AHEAD) {
                    let band = (delay - shortest) >> storage.band_bits();
                    prefetch(&shard.segments, source * bands + band as usize);
                }
                let segment =
                    &mut shard.segments[source * bands + ((delay - shortest) >> storage.band_bits()) as usize];
                shard.synapses += 1;
                match storage {
                    Storage::Packed(layout) => _ = layout.advance(segment, slot),
                    _ => segment.at += 1,
                }
            }
        });
        Ok(shards)
    }

    /// Second pass: makes the same draws again and writes every synapse.
    fn fill(&self, shards: Vec<ShardSegments>, storage: Storage, shortest: u32) -> Result<SynapseTable, BuildError> {
        let mut partial = self.allocate(shards, storage, shortest)?;
        let PartialTable { first_delay, bands, shards } = &mut partial;
        let shard_bits = self.blueprint.shard_bits;
        let mut weights = Vec::new();
        self.draw_synapses(&mut |index, drawn| {
            let projection = &self.plan.projections[index];
            let per_quantum = 1.0 / self.blueprint.quanta[projection.to.population][projection.receptor];
            if self.group.weight.is_none() {
                weights.resize(drawn.delays.len(), 0.0);
                Sampler::weight(projection.weight).fill(
                    self.plan.wiring_seed,
                    Purpose::Weight,
                    drawn.pairs.identity,
                    &mut weights,
                );
            }
            // Nearly every access here misses the caches. Prefetching places of segments made the build of the full
            // microcircuit a third faster. Prefetching also the synapses at these places made it a tenth slower
            // again.
            for (i, source, slot, delay) in drawn.each() {
                let (shard, slot) = shard_of(slot, shard_bits);
                let delay = delay - *first_delay;
                let (rows, segments) = &mut shards[shard];
                if let Some((source, delay)) = drawn.source_and_delay(i + SYNAPSES_AHEAD) {
                    // The delay of a target in another tile may be shorter than `first_delay`.
                    let band = delay.wrapping_sub(*first_delay) >> storage.band_bits();
                    prefetch(segments, source * *bands + band as usize);
                }
                let segment = &mut segments[source * *bands + (delay >> storage.band_bits()) as usize];
                match rows {
                    ShardSynapses::Constant(ConstantSynapses { targets, .. }) => {
                        targets[segment.at as usize] = slot as u16
                    }
                    ShardSynapses::Individual(IndividualSynapses { targets, weights: stored }) => {
                        targets[segment.at as usize] = slot as u16;
                        stored[segment.at as usize] = to_quanta(weights[i], per_quantum);
                    }
                    ShardSynapses::Packed(packed) => {
                        let layout = packed.layout;
                        let delay = delay & ((1 << layout.band_bits) - 1);
                        layout.write(packed.words_mut(), segment, slot, delay, to_quanta(weights[i], per_quantum));
                        continue;
                    }
                }
                segment.at += 1;
            }
        });
        Ok(self.finish(partial))
    }

    /// Weight in quanta, delay in steps, and for each shard the slots from the first to the last target, if the group
    /// is to be stored as bit matrices. `None` if weights or delays differ, if there is no synapse, or if one bit
    /// for each pair of neurons takes more memory than 16 bits for each synapse.
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

    /// Builds a bit matrix for each shard. A bit counts one synapse, so a table holds the second and further synapses
    /// of each pair; `None` if no pair has more than one synapse.
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
        let mut matrices: Vec<_> = slots.iter().enumerate().map(new).collect();
        let mut shards: Vec<ShardSegments> = (0..self.shards).map(|_| ShardSegments::new(self.sources(), 1)).collect();
        self.connect(&mut matrices, &mut |shard, source, _| shards[shard].segments[source].at += 1);
        if shards.iter().flat_map(|shard| &shard.segments).all(|segment| segment.at == 0) {
            return Ok((matrices, None));
        }
        let mut partial = self.allocate(shards, Storage::Constant(weight), delay)?;
        matrices.iter_mut().flatten().for_each(BitMatrix::clear);
        self.connect(&mut matrices, &mut |shard, source, slot| {
            let (rows, segments) = &mut partial.shards[shard];
            if let ShardSynapses::Constant(ConstantSynapses { targets, .. }) = rows {
                targets[segments[source].at as usize] = slot;
            }
            segments[source].at += 1;
        });
        Ok((matrices, Some(self.finish(partial))))
    }

    /// Sets the bit of every synapse. If the bit is set already, calls `f` with shard, source and slot of the synapse.
    fn connect(&self, matrices: &mut [Option<BitMatrix>], f: &mut dyn FnMut(usize, usize, u16)) {
        let shard_bits = self.blueprint.shard_bits;
        self.draw_synapses(&mut |_, drawn| {
            for (_, source, slot, _) in drawn.each() {
                let (shard, slot) = shard_of(slot, shard_bits);
                if !matrices[shard].as_mut().is_some_and(|matrix| matrix.connect(source, slot as usize)) {
                    f(shard, source, slot as u16);
                }
            }
        });
    }

    /// Allocates a table for the counted synapses and sets the place of each segment to its start. Empty bands before
    /// the first and after the last synapse are left out. `shortest`: shortest delay of the first band counted, in
    /// steps.
    fn allocate(
        &self,
        mut shards: Vec<ShardSegments>,
        storage: Storage,
        shortest: u32,
    ) -> Result<PartialTable, BuildError> {
        let sources = self.sources();
        let bands = shards.first().map_or(1, |shard| shard.segments.len() / sources);
        let is_used = |band: usize| {
            shards.iter().any(|shard| shard.segments.iter().skip(band).step_by(bands).any(|segment| segment.at > 0))
        };
        let low = (0..bands).find(|&band| is_used(band)).unwrap_or(0);
        let high = (low..bands).rev().find(|&band| is_used(band)).unwrap_or(low);
        let kept = high - low + 1;
        if kept < bands {
            for ShardSegments { segments, .. } in &mut shards {
                for s in 0..sources {
                    segments.copy_within(s * bands + low..s * bands + high + 1, s * kept);
                }
                segments.truncate(sources * kept);
                segments.shrink_to_fit();
            }
        }
        let allocate = |ShardSegments { mut segments, synapses }| {
            let n = starts_from_counts(&mut segments).ok_or_else(|| too_large(TOO_MANY))? as usize;
            let rows = match storage {
                Storage::Constant(weight) => {
                    ShardSynapses::Constant(ConstantSynapses { targets: huge_page_vec(n), weight })
                }
                Storage::Individual => ShardSynapses::Individual(IndividualSynapses {
                    targets: huge_page_vec(n),
                    weights: huge_page_vec(n),
                }),
                Storage::Packed(layout) => ShardSynapses::Packed(PackedSynapses::new(n, layout, synapses)),
            };
            Ok((rows, segments))
        };
        let shards = shards.into_iter().map(allocate).collect::<Result<_, BuildError>>()?;
        Ok(PartialTable { first_delay: shortest + ((low as u32) << storage.band_bits()), bands: kept, shards })
    }

    /// Completes a table after all synapses have been written. The place of each segment is then its end, which is the
    /// start of the next segment.
    fn finish(&self, partial: PartialTable) -> SynapseTable {
        let PartialTable { first_delay, bands, mut shards } = partial;
        for (rows, segments) in &mut shards {
            if let ShardSynapses::Packed(packed) = rows {
                packed.finish_segments(segments);
            }
        }
        let segments_per_source = shards.len() * bands;
        let mut starts = vec![0; (self.sources() + 1) * segments_per_source];
        for (shard, (_, segments)) in shards.iter().enumerate() {
            for (segment, end) in segments.iter().enumerate() {
                let next = segment + 1;
                starts[next / bands * segments_per_source + shard * bands + next % bands] = end.at;
            }
        }
        let shards = shards.into_iter().map(|(rows, _)| rows).collect();
        SynapseTable { population: self.group.population, first_delay, bands: bands as u32, starts, shards }
    }
}

/// How many synapses ahead the place of the segment is prefetched. Nearly every place must come from main memory.
const SYNAPSES_AHEAD: usize = 16;
/// Synapses that a segment should have on average. With fewer, a large part of the lines would be empty.
const MIN_SEGMENT_SYNAPSES: u64 = 40;
/// Largest size in bytes of the input sums of a tile in all steps of its rings; one step is always kept. The sums share
/// the second-level cache with the neurons' state and the synapses prefetched. `benches/delivery.rs` shows from which
/// size on wider bands no longer make delivery faster.
const MAX_RING_BYTES: usize = 768 << 10;

/// Replaces the count of each segment by the segment's start: the sum of all counts before. Returns the sum of all
/// counts, or `None` if the sum needs more than 32 bits.
fn starts_from_counts(segments: &mut [Place]) -> Option<u32> {
    let mut sum = 0u32;
    for segment in segments {
        let count = segment.at;
        *segment = Place { at: sum, last_slot: 0 };
        sum = sum.checked_add(count)?;
    }
    Some(sum)
}

const TOO_MANY: &str = "more than 4e9 synapses in one shard";

fn too_large(what: &str) -> BuildError {
    BuildError::Invalid(format!("{what}; use more threads, or fewer synapses"))
}

/// A vector of zeros, if possible on 2 MiB pages of memory.
fn huge_page_vec<T: Clone + std::default::Default>(n: usize) -> Vec<T> {
    let mut v = vec![T::default(); n];
    advise_huge_pages(&mut v);
    v
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_synapses_than_32_bits_can_number_are_refused() {
        let segments = |counts: [u32; 3]| counts.map(|at| Place { at, last_slot: 9 });
        let mut fit = segments([2, u32::MAX - 5, 3]);
        assert_eq!(starts_from_counts(&mut fit), Some(u32::MAX));
        assert_eq!(fit.map(|segment| (segment.at, segment.last_slot)), [(0, 0), (2, 0), (u32::MAX - 3, 0)]);
        assert_eq!(starts_from_counts(&mut segments([2, u32::MAX - 5, 4])), None);
    }
}
