//! Counted or added one by one: the sums are those of the synapses.

use super::*;
use crate::synapses::ConstantSynapses;
use crate::synapses::constant::{COUNTED, COUNTED_TIMES, worth_counting};
use lapicque_models::numerics::random::{Purpose, Stream};

/// However many spikes there are, and however often a source has the same target: counted or added at once.
#[test]
fn constant_weights_are_added_as_often_as_they_come() {
    const SOURCES: u32 = 600;
    let slots = COUNTED + 512;
    let mut stream = Stream::new(7, Purpose::Partner, [0, 0]);
    for (most, weight) in [(1, 3), (4, -7), (300, 1 << 16)] {
        let (mut targets, mut starts) = (Vec::new(), vec![0]);
        for source in 0..SOURCES {
            let first = targets.len();
            targets.extend((0..100).map(|_| stream.below(slots as u64) as u16));
            if source == 17 {
                let target = targets[first];
                targets.extend(std::iter::repeat_n(target, most - 1));
            }
            targets[first..].sort_unstable();
            if most == 1 {
                let mut row = targets.split_off(first);
                row.dedup();
                targets.extend(row);
            }
            starts.push(targets.len() as u32);
        }
        let rows = ShardSynapses::Constant(ConstantSynapses { targets, weight });
        let tables = [SynapseTable { population: 0, first_delay: 3, bands: 1, starts, shards: vec![rows] }];
        let table = &tables[0];
        let mut counted = Vec::new();
        for spiking in [1, 20, 85, 86, 254, 255, 256, 10 * SOURCES] {
            let mut history = History::new(16);
            let spikes = history.at_mut(10);
            spikes.neurons.extend((0..spiking).map(|i| i % SOURCES));
            spikes.ends.push(spiking);
            let mut expected = vec![0i64; slots];
            table.each(&mut |source, _, slot, delay, weight| {
                assert_eq!(delay, 3);
                let times = spiking / SOURCES + u32::from(source < spiking % SOURCES);
                expected[usize::from(slot)] += i64::from(weight) * i64::from(times);
            });
            let (mut narrow, mut wide) = (Ring::<i32>::new(slots, 1), Ring::<i64>::new(slots, 1));
            let mut due = [DueLists::new(table), DueLists::new(table)];
            due.iter_mut().for_each(|due| due.list(table, 13, &history));
            counted.push(worth_counting(&due[0].segments[due[0].at(0, 13)], slots));
            let (first, second) = due.split_at_mut(1);
            deliver(&tables, 0, 13, first, &mut narrow);
            deliver(&tables, 0, 13, second, &mut wide);
            let narrow: Vec<i64> = narrow.part(13, 0..slots).iter().map(|&sum| i64::from(sum)).collect();
            assert_eq!((&narrow[..], wide.part(13, 0..slots)), (&expected[..], &mut expected.clone()[..]), "{spiking}");
        }
        // Both ways were taken, the last in more than one round; 300 of the same target are more than a byte holds.
        assert!(!counted[0] && counted[7] && 10 * 100 * SOURCES as usize > COUNTED_TIMES * slots);
    }
}
