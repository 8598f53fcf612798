//! Delivery gives the expected sums, whether the synapses of a target are counted or added one by one.

use super::*;
use crate::synapses::ConstantSynapses;
use crate::synapses::constant::{COUNTED_PER_SLOT, MIN_SLOTS_TO_COUNT, worth_counting};
use lapicque_models::numerics::random::{Purpose, Stream};

/// For few and many spikes, and for a source with up to 300 synapses onto the same target.
#[test]
fn a_common_weight_is_added_once_per_synapse() {
    const SOURCES: u32 = 600;
    let slots = MIN_SLOTS_TO_COUNT + 512;
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
            counted.push(worth_counting(&due[0].segments[due[0].index(0, 13)], slots));
            let (first, second) = due.split_at_mut(1);
            deliver(&tables, 0, 13, first, &mut narrow);
            deliver(&tables, 0, 13, second, &mut wide);
            let narrow: Vec<i64> = narrow.slot_sums(13, 0..slots).iter().map(|&sum| i64::from(sum)).collect();
            assert_eq!(
                (&narrow[..], wide.slot_sums(13, 0..slots)),
                (&expected[..], &mut expected.clone()[..]),
                "{spiking}"
            );
        }
        // The first case adds one by one, the last counts in more than one round. 300 synapses overflow a byte.
        assert!(!counted[0] && counted[7] && 10 * 100 * SOURCES as usize > COUNTED_PER_SLOT * slots);
    }
}
