//! Tests of the comparison of recordings and of SONATA reports.

use super::*;
use crate::record::{Report, ReportFile};
use lapicque_analysis::recording::{Difference, ReadError, compare};
use std::path::PathBuf;

/// Records the given spikes (tick, neuron) of E and I up to tick 100 and returns the path of the file.
fn file(directory: &Path, name: &str, e: &[(u64, u32)], i: &[(u64, u32)]) -> PathBuf {
    let path = directory.join(name);
    let mut recorder = Recorder::create(&path, &spikes_only(100, 0), Provenance::default(), false).unwrap();
    recorder.push(batch(100, e, i)).unwrap();
    recorder.finish(State::Complete, &[], 0, 100).unwrap();
    path
}

#[test]
fn compare_finds_the_first_difference_in_time() {
    let directory = tempfile::tempdir().unwrap();
    let a = file(directory.path(), "a.h5", &[(10, 1), (50, 2), (60, 0)], &[(40, 0)]);
    let same = file(directory.path(), "b.h5", &[(10, 1), (50, 2), (60, 0)], &[(40, 0)]);
    assert_eq!(compare(&a, &same).unwrap(), Difference::None);
    let message =
        |e: &[(u64, u32)], i: &[(u64, u32)]| compare(&a, file(directory.path(), "c.h5", e, i)).unwrap().to_string();
    let e = [(10, 1), (50, 2), (60, 0)];
    assert_eq!(message(&e[..2], &[(40, 0)]), "spikes of population \"E\": at 6 ms neuron 0 spikes in A only");
    assert_eq!(
        message(&[(10, 1), (49, 3), (50, 2), (60, 0)], &[(40, 0)]),
        // In binary, 49 · 0.1 may differ from 4.9 in the last bit.
        "spikes of population \"E\": at 4.9 ms neuron 3 spikes in B only".replace("4.9", &(49.0 * 0.1).to_string())
    );
    assert_eq!(
        message(&[(10, 1), (50, 2)], &[(40, 1)]),
        "spikes of population \"I\": at 4 ms neuron 0 spikes in A only"
    );
    assert_eq!(message(&[(10, 0), (10, 1)], &[]), "spikes of population \"E\": at 1 ms neuron 0 spikes in B only");
}

#[test]
fn compare_finds_differences_of_activity_and_traces() {
    let directory = tempfile::tempdir().unwrap();
    let (a, b) = (directory.path().join("a.h5"), directory.path().join("b.h5"));
    let mut without_spikes = plan(100, 0);
    without_spikes.record.spikes.clear();
    record(&a, &without_spikes, 10);
    let mut recorder = Recorder::create(&b, &without_spikes, Provenance::default(), false).unwrap();
    let mut changed = made_batch(&without_spikes, 0, 100);
    // Two neurons are traced every two ticks: value 61 is at tick 60, value 63 at tick 62.
    changed.samples[1][61] += 1e-12;
    changed.samples[0][63] = -0.0;
    changed.spikes[1].ticks.clear();
    changed.spikes[1].neurons.clear();
    recorder.push(changed).unwrap();
    recorder.finish(State::Complete, &[], 0, 100).unwrap();
    // The activity of I differs from the bin of its first spike on.
    let first = expected_spikes(&without_spikes, 1, 0, 100)[0].0;
    let message = compare(&a, &b).unwrap();
    if first <= 60 {
        assert!(message.to_string().starts_with("activity of population \"I\": at "), "{message}");
    }
    let mut only_traces = without_spikes.clone();
    only_traces.record.activity_bin = None;
    for (path, change) in [(&a, 0.0), (&b, 1e-12)] {
        let mut recorder = Recorder::create(path, &only_traces, Provenance::default(), false).unwrap();
        let mut changed = made_batch(&only_traces, 0, 100);
        changed.samples[1][61] += change;
        recorder.push(changed).unwrap();
        recorder.finish(State::Complete, &[], 0, 100).unwrap();
    }
    let Difference::Value { of, time_ms, neuron, how } = compare(&a, &b).unwrap() else { panic!("no difference") };
    assert_eq!((of.as_str(), time_ms, neuron), ("trace of exc.i of population \"E\"", 30.0 * 0.2, Some(2)));
    assert!(how.contains("pA in A"), "{how}");
}

#[test]
fn compare_finds_different_contents_and_lengths() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let full = plan(100, 0);
    record(&at("a.h5"), &full, 10);
    let mut other = full.clone();
    other.record.spikes.pop();
    record(&at("b.h5"), &other, 10);
    assert_eq!(
        compare(at("a.h5"), at("b.h5")).unwrap().to_string(),
        "spikes of populations: A holds \"E\", \"I\", B holds \"E\""
    );
    let mut other = full.clone();
    other.dt = 0.2;
    record(&at("b.h5"), &other, 10);
    assert!(compare(at("a.h5"), at("b.h5")).unwrap().to_string().contains("grid step in ms: 0.1 in A, 0.2 in B"));
    record(&at("b.h5"), &plan(90, 0), 10);
    let message = compare(at("a.h5"), at("b.h5")).unwrap().to_string();
    assert!(message.contains("in A only") || message.contains("B has ended"), "{message}");
    let (a, b) = (file(directory.path(), "a.h5", &[], &[]), at("b.h5"));
    let recorder = Recorder::create(&b, &spikes_only(100, 0), Provenance::default(), false).unwrap();
    recorder.finish(State::Interrupted, &[], 0, 99).unwrap();
    assert!(!compare(&a, &b).unwrap().is_none(), "the files are complete up to different times");
    assert!(matches!(compare(&a, at("none.h5")), Err(ReadError::File { .. })));
}

#[test]
fn files_longer_than_the_read_buffer_are_compared_to_their_end() {
    let directory = tempfile::tempdir().unwrap();
    let long = |name: &str, last: u32| {
        let path = directory.path().join(name);
        let mut recorder = Recorder::create(&path, &spikes_only(300_000, 0), Provenance::default(), false).unwrap();
        let mut spikes: Vec<(u64, u32)> = (1..300_000).map(|tick| (tick, 0)).collect();
        spikes.push((300_000, last));
        recorder.push(batch(300_000, &spikes, &[])).unwrap();
        recorder.finish(State::Complete, &[], 0, 300_000).unwrap();
        path
    };
    let message = compare(long("a.h5", 1), long("b.h5", 2)).unwrap().to_string();
    assert_eq!(message, "spikes of population \"E\": at 30000 ms neuron 1 spikes in A only");
}

#[test]
fn a_sonata_report_holds_the_values_of_one_variable() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("report.h5");
    let report = Report {
        population: "E",
        variable: "exc.i",
        units: "pA",
        node_ids: &[1, 2],
        rows: 41,
        start_ms: 2.0,
        interval_ms: 0.2,
    };
    let values: Vec<f64> = (0..=40).flat_map(|row| [1, 2].map(|neuron| value(20 + 2 * row, neuron, 1))).collect();
    // The second report replaces the first.
    for _ in 0..2 {
        let mut file = ReportFile::create(&output, report, false).unwrap();
        values.chunks(20).for_each(|rows| file.append(rows).unwrap());
        file.finish().unwrap();
    }
    let file = hdf5::File::open(&output).unwrap();
    let data = file.dataset("report/E/data").unwrap();
    assert_eq!(data.shape(), [41, 2]);
    assert_eq!(data.read_raw::<f32>().unwrap(), values.iter().map(|&v| v as f32).collect::<Vec<_>>());
    let list = |name: &str| file.dataset(&format!("report/E/mapping/{name}")).unwrap();
    assert_eq!(list("node_ids").read_raw::<u64>().unwrap(), [1, 2]);
    assert_eq!(list("index_pointers").read_raw::<u64>().unwrap(), [0, 1, 2]);
    assert_eq!(list("index_pointer").read_raw::<u64>().unwrap(), [0, 1, 2]);
    assert_eq!(list("time").read_raw::<f64>().unwrap(), [2.0, 2.0 + 41.0 * 0.2, 0.2]);
    assert!(Reader::open(&output).unwrap_err().to_string().contains("SONATA report"));
}
