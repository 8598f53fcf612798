//! Tests of statistics and activity against values calculated by hand.

use super::*;

#[test]
fn statistics_agree_with_a_calculation_by_hand() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.h5");
    let mut recorder = Recorder::create(&path, &spikes_only(1000, 0), Provenance::default(), false).unwrap();
    // Neuron 0 of E: ten spikes with alternating intervals of 10 and 30 ticks, five of 10 and four of 30. Their mean is
    // 170/9, their variance (5·100 + 4·900)/9 − (170/9)² = 8000/81. Neuron 1: ten spikes with intervals of 20 ticks.
    // Neuron 2: nine spikes, which is too few for a CV.
    let mut spikes = Vec::new();
    let mut tick = 5;
    for index in 0..10 {
        spikes.push((tick, 0));
        spikes.push((3 + 20 * index, 1));
        if index < 9 {
            spikes.push((4 + 7 * index * index, 2));
        }
        tick += if index % 2 == 0 { 10 } else { 30 };
    }
    spikes.sort_unstable();
    for some_spikes in spikes.chunks(4) {
        recorder.push(batch(some_spikes[some_spikes.len() - 1].0, some_spikes, &[])).unwrap();
    }
    let summary = recorder.finish(State::Complete, &[], 0, 1000).unwrap();
    let e = &summary.populations[0];
    assert_eq!((e.name.as_str(), e.size, e.spikes), ("E", 4, 29));
    assert_eq!(e.rate_hz, 29.0 / (4.0 * 0.1));
    let cv_of_neuron_0 = (8000.0_f64 / 81.0).sqrt() / (170.0 / 9.0);
    let cv = e.cv_isi.unwrap();
    assert!((cv - (cv_of_neuron_0 + 0.0) / 2.0).abs() < 1e-15, "{cv}");
    assert_eq!(summary.populations[1].cv_isi, None);
    assert_eq!(summary.populations[1].rate_hz, 0.0);
}

#[test]
fn statistics_do_not_depend_on_the_division_into_batches() {
    let directory = tempfile::tempdir().unwrap();
    let plan = plan(3000, 500);
    let undivided = record(&directory.path().join("a.h5"), &plan, 3000);
    for length in [1, 13, 999] {
        let divided = record(&directory.path().join("b.h5"), &plan, length);
        assert_eq!(divided.populations, undivided.populations);
        assert!(undivided.populations[0].cv_isi.is_some());
        assert!(
            lapicque_analysis::recording::compare(directory.path().join("a.h5"), directory.path().join("b.h5"))
                .unwrap()
                .is_none()
        );
    }
}

#[test]
fn spikes_at_the_end_of_a_bin_belong_to_that_bin() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.h5");
    let mut recorder = Recorder::create(&path, &spikes_only(28, 10), Provenance::default(), false).unwrap();
    // The bins are (10, 15], (15, 20] and (20, 25]. The bin (25, 30] is incomplete at the end of the run.
    recorder.push(batch(10, &[(10, 0)], &[])).unwrap();
    recorder.push(batch(15, &[(11, 0), (15, 0), (15, 1)], &[])).unwrap();
    recorder.push(batch(24, &[(20, 2)], &[(16, 0)])).unwrap();
    recorder.push(batch(28, &[(25, 2), (26, 1)], &[(26, 1)])).unwrap();
    recorder.finish(State::Complete, &[], 0, 28).unwrap();
    let reader = Reader::open(&path).unwrap();
    let e = reader.activity("E").unwrap();
    assert_eq!(e.spike_count, [3, 1, 1]);
    assert_eq!(e.rate_hz, [3, 1, 1].map(|count| f64::from(count) / (4.0 * (5.0 * 0.1) * 1e-3)));
    assert_eq!((e.attributes.bin_ms, e.attributes.t_start_ms, e.attributes.size), (0.5, 1.0, 4));
    assert_eq!(reader.activity("I").unwrap().spike_count, [0, 1, 0]);
}

#[test]
fn activity_agrees_with_the_spikes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.h5");
    let plan = plan(5003, 17);
    record(&path, &plan, 31);
    let reader = Reader::open(&path).unwrap();
    for (index, name) in ["E", "I"].into_iter().enumerate() {
        let counts = reader.activity(name).unwrap().spike_count;
        assert_eq!(counts.len(), (5003 - 17) / 5);
        let mut wanted = vec![0; counts.len()];
        for (tick, _) in expected_spikes(&plan, index, 17, 5003) {
            if let Some(bin) = wanted.get_mut(((tick - 17 - 1) / 5) as usize) {
                *bin += 1;
            }
        }
        assert_eq!(counts, wanted);
    }
}
