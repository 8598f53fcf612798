//! Packed synapses come back, and are delivered, as they were.

use super::*;
use crate::delivery::Due;
use crate::history::History;
use crate::ring::{Ring, SHARD};

/// Slot, delay within the band, weight.
type Synapse = (u16, u32, i32);

fn packed(code: Code, synapses: &[Synapse]) -> Rows {
    let (mut codes, mut at, mut last, mut fillers) = (vec![0; 1 << 16], 0, 0, 0);
    for &(slot, delay, weight) in synapses {
        let gap = u32::from(slot) - last;
        let start = at;
        at = code.put(&mut codes, at, gap, delay, weight);
        assert_eq!(at - start, 1 + code.fillers(gap) as usize);
        fillers += at - start - 1;
        last = u32::from(slot);
    }
    codes.truncate(at);
    Rows::Packed { codes, code, fillers }
}

/// Nearest and farthest slots, distances around the farthest, equal slots, extreme and zero weights.
fn synapses(code: Code, largest: i32) -> Vec<Synapse> {
    let far = code.farthest() as u16;
    let mut slot = 0u16;
    let mut all = vec![(0, 0, 0), (0, 0, largest)];
    for (i, step) in [0, 1, far - 1, far, far.saturating_add(1), far.saturating_mul(2), 3000].into_iter().enumerate() {
        slot = slot.saturating_add(step);
        let weight = [largest, -largest, 0, 1, -1][i % 5];
        all.push((slot, i as u32 & ((1 << code.band_bits) - 1), weight));
    }
    all.push((u16::MAX, (1 << code.band_bits) - 1, -largest));
    all
}

fn codes() -> impl Iterator<Item = (Code, i32)> {
    let all = [1, 1000, 32_767, 500_000, 4_000_000].into_iter().flat_map(|l| (0..7).map(move |band| (l, band)));
    all.filter_map(|(largest, band)| Some((Code::new(largest, band)?, largest)))
}

#[test]
fn packed_synapses_come_back_as_they_were() {
    assert!(codes().count() > 25);
    for (code, largest) in codes() {
        let (expected, mut found) = (synapses(code, largest), Vec::new());
        let rows = packed(code, &expected);
        rows.each(0..expected.len() + rows_fillers(&rows), &mut |slot, delay, weight| {
            found.push((slot, delay, weight))
        });
        assert_eq!(found, expected, "{code:?}");
        assert_eq!(rows.len(), expected.len());
    }
    assert!(Code::new(i32::MAX, 0).is_none() && Code::new(1 << 28, 2).is_none());
}

fn rows_fillers(rows: &Rows) -> usize {
    if let Rows::Packed { fillers, .. } = rows { *fillers } else { 0 }
}

/// A band adds each of its delays at its own step.
#[test]
fn what_is_delivered_is_what_is_stored() {
    for (code, largest) in codes().filter(|c| c.0.band_bits <= 3) {
        let expected = synapses(code, largest);
        let rows = packed(code, &expected);
        let all = (expected.len() + rows_fillers(&rows)) as u32;
        // Neuron 1 of 3 spikes at tick 20; its synapses are in the second of two bands.
        let table = Table {
            population: 0,
            first_delay: 2,
            bands: 2,
            starts: vec![0, 0, 0, 0, all, all, all, all],
            shards: vec![rows],
        };
        let mut history = History::new(64);
        let spikes = history.at_mut(20);
        spikes.neurons.push(1);
        spikes.ends.push(1);
        let mut ring = Ring::<i32>::new(SHARD, 8);
        let mut due = Due::new(&table);
        let first = 20 + 2 + (1 << code.band_bits);
        for tick in 21..first + 8 {
            table.list(tick, &history, &mut due);
            table.deliver(0, tick, &mut due, &mut ring);
            let mut sums = vec![0; SHARD];
            for (slot, delay, weight) in &expected {
                if first + u64::from(*delay) == tick {
                    sums[usize::from(*slot)] += weight;
                }
            }
            assert_eq!(ring.part(tick, 0..SHARD), sums, "{code:?}, tick {tick}");
            ring.part(tick, 0..SHARD).fill(0);
        }
        let mut degrees = [0; 3];
        table.add_degrees(&mut degrees);
        assert_eq!(degrees, [0, expected.len() as u64, 0]);
    }
}
