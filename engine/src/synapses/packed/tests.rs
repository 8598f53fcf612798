//! Packed synapses are read back and delivered unchanged.

use super::*;
use crate::synapses::delivery::deliver;
use crate::synapses::{DueLists, History, ShardSynapses, SynapseTable};

/// Slot, delay within the band, weight.
type Synapse = (u16, u32, i32);

/// Packs segments. Returns the packed synapses and the line where each segment ends.
fn pack(layout: WordLayout, segments: &[Vec<Synapse>]) -> (PackedSynapses, Vec<u32>) {
    let mut ends = Vec::new();
    let mut at = 0u32;
    for segment in segments {
        let mut place = Place { at, last_slot: 0 };
        for &(slot, ..) in segment {
            layout.advance(&mut place, u32::from(slot));
        }
        ends.push(place);
        at = place.at.next_multiple_of(LINE_WORDS_U32);
    }
    let mut rows = PackedSynapses::new(at as usize, layout, segments.iter().map(Vec::len).sum());
    let mut at = 0;
    for (segment, end) in segments.iter().zip(&ends) {
        let mut place = Place { at, last_slot: 0 };
        for &(slot, delay, weight) in segment {
            layout.write(rows.words_mut(), &mut place, u32::from(slot), delay, weight);
        }
        assert_eq!((place.at, place.last_slot), (end.at, end.last_slot));
        at = end.at.next_multiple_of(LINE_WORDS_U32);
    }
    rows.finish_segments(&mut ends);
    (rows, ends.iter().map(|end| end.at).collect())
}

/// A segment with the first and the last slot, gaps just below and above that of a filler, equal slots, and weights of
/// 0, 1, -1 and ± `largest`.
fn synapses(layout: WordLayout, largest: i32) -> Vec<Synapse> {
    let filler = layout.filler_gap() as u16;
    let mut slot = 0u16;
    let mut all = vec![(0, 0, 0), (0, 0, largest)];
    for (i, step) in
        [0, 1, filler - 1, filler, filler.saturating_add(1), filler.saturating_mul(2), 3000].into_iter().enumerate()
    {
        slot = slot.saturating_add(step);
        let weight = [largest, -largest, 0, 1, -1][i % 5];
        all.push((slot, i as u32 & ((1 << layout.band_bits) - 1), weight));
    }
    all.push((u16::MAX, (1 << layout.band_bits) - 1, -largest));
    all
}

/// Segments that end at each word of a line. Their gaps need one filler, several fillers or none.
fn segments(layout: WordLayout, largest: i32) -> Vec<Vec<Synapse>> {
    let filler = layout.filler_gap() as usize;
    let mut all = vec![synapses(layout, largest)];
    for length in 0..=33 {
        for (step, others) in [(filler, 1), (3 * filler, 0), (1, 0)] {
            let slot = |i: usize| (i * others + i / 7 * step).min(usize::from(u16::MAX)) as u16;
            all.push(
                (0..length).map(|i| (slot(i), 0, if i % 3 == 0 { 0 } else { -(i as i32).min(largest) })).collect(),
            );
        }
    }
    all
}

fn layouts() -> impl Iterator<Item = (WordLayout, i32)> {
    let all = [1, 1000, 32_767, 500_000, 4_000_000].into_iter().flat_map(|l| (0..7).map(move |band| (l, band)));
    all.filter_map(|(largest, band)| Some((WordLayout::new(largest, band)?, largest)))
}

#[test]
fn packed_synapses_are_read_back_unchanged() {
    assert!(layouts().count() > 25);
    for (layout, largest) in layouts() {
        let expected = segments(layout, largest);
        let (rows, ends) = pack(layout, &expected);
        let mut start = 0;
        for (expected, &end) in expected.iter().zip(&ends) {
            let (lines, mut found) = (start as usize..end as usize, Vec::new());
            assert!(lines.len() >= expected.len().div_ceil(LINE_WORDS - 1));
            rows.each(lines.clone(), &mut |slot, delay, weight| found.push((slot, delay, weight)));
            assert_eq!(&found, expected, "{layout:?}");
            assert_eq!(rows.count(lines), expected.len());
            start = end;
        }
        assert!(rows.lines().as_ptr().addr().is_multiple_of(64));
    }
    assert!(WordLayout::new(i32::MAX, 0).is_none() && WordLayout::new(1 << 28, 2).is_none());
}

/// Each synapse of a band is added in the step in which its own delay ends.
#[test]
fn packed_synapses_are_delivered_at_their_delays() {
    for (layout, largest) in layouts().filter(|c| c.0.band_bits <= 3) {
        let mut all = segments(layout, largest);
        all.retain(|segment| !segment.is_empty());
        for delay in 0..1 << layout.band_bits {
            all.push((0..40).map(|i| (i * 1500, delay, 7)).collect());
        }
        let (rows, ends) = pack(layout, &all);
        // Neuron 1 of 3 spikes at tick 20. All the segments above together are the segment of its second band.
        let end = ends.last().copied().unwrap_or_default();
        let shards = vec![ShardSynapses::Packed(rows)];
        let starts = vec![0, 0, 0, 0, end, end, end, end];
        let tables = [SynapseTable { population: 0, first_delay: 2, bands: 2, starts, shards }];
        let mut history = History::new(64);
        let spikes = history.at_mut(20);
        spikes.neurons.push(1);
        spikes.ends.push(1);
        let (mut narrow, mut wide) = (Ring::<i32>::new(SHARD_SLOTS, 8), Ring::<i64>::new(SHARD_SLOTS, 8));
        let mut due = [DueLists::new(&tables[0]), DueLists::new(&tables[0])];
        let first = 20 + 2 + (1 << layout.band_bits);
        for tick in 21..first + 8 {
            let [one, two] = &mut due;
            one.list(&tables[0], tick, &history);
            two.list(&tables[0], tick, &history);
            deliver(&tables, 0, tick, std::slice::from_mut(one), &mut narrow);
            deliver(&tables, 0, tick, std::slice::from_mut(two), &mut wide);
            let mut sums = vec![0; SHARD_SLOTS];
            for (slot, delay, weight) in all.iter().flatten() {
                if first + u64::from(*delay) == tick {
                    sums[usize::from(*slot)] += weight;
                }
            }
            assert_eq!(narrow.slot_sums(tick, 0..SHARD_SLOTS), sums, "{layout:?}, tick {tick}");
            assert!(wide.slot_sums(tick, 0..SHARD_SLOTS).iter().zip(&sums).all(|(&wide, &sum)| wide == i64::from(sum)));
            narrow.slot_sums(tick, 0..SHARD_SLOTS).fill(0);
            wide.slot_sums(tick, 0..SHARD_SLOTS).fill(0);
        }
        let mut degrees = [0; 3];
        tables[0].add_degrees(&mut degrees);
        assert_eq!(degrees, [0, all.iter().flatten().count() as u64, 0]);
    }
}
