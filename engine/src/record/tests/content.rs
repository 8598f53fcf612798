//! Tests of the contents of the file.

use super::*;
use crate::record::{PopulationSummary, RecordError};
use lapicque_analysis::recording::{Contents, PopulationStatistics, ReadError, compare};
use std::time::{Duration, SystemTime};

/// The statistics that a reader must find, from those that the recorder returned.
fn statistics(summary: &PopulationSummary) -> PopulationStatistics {
    let PopulationSummary { name, size, spikes, rate_hz, cv_isi } = summary.clone();
    PopulationStatistics { name, size, spikes, rate_hz, cv_isi }
}

#[test]
fn a_reader_gets_back_everything_that_was_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deep/er/run.h5");
    let plan = plan(1000, 0);
    let summary = record(&path, &plan, 7);
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.spike_populations().unwrap(), ["E", "I"]);
    for (index, name) in ["E", "I"].into_iter().enumerate() {
        let spikes = reader.spikes(name).unwrap();
        let wanted = expected_spikes(&plan, index, 0, 1000);
        assert!(wanted.len() > 100);
        let times: Vec<f64> = wanted.iter().map(|spike| spike.0 as f64 * 0.1).collect();
        assert_eq!(spikes.times_ms, times, "times are tick × dt, one multiplication");
        assert_eq!(spikes.neurons, wanted.iter().map(|spike| spike.1).collect::<Vec<_>>());
        assert_eq!(summary.populations[index].spikes, wanted.len() as u64);
    }
    let attributes = reader.spike_attributes("E").unwrap();
    assert_eq!((attributes.size, attributes.dt_ms), (4, 0.1));
    assert_eq!(attributes.recorded.as_slice(), std::slice::from_ref(&(0..4)));
    assert_eq!((attributes.t_start_ms, attributes.t_stop_ms), (0.0, 100.0));
    assert_eq!(reader.traces().unwrap(), [("E".to_string(), "exc.i".to_string()), ("E".to_string(), "v".to_string())]);
    for (index, (variable, units)) in [("v", "mV"), ("exc.i", "pA")].into_iter().enumerate() {
        let trace = reader.trace("E", variable).unwrap();
        assert_eq!((trace.attributes.rows, trace.attributes.units.as_str()), (501, units));
        assert_eq!((trace.attributes.start_ms, trace.attributes.interval_ms), (0.0, 0.2));
        assert_eq!(trace.attributes.node_ids, [1, 2]);
        let wanted: Vec<f64> = (0..=500).flat_map(|row| [value(2 * row, 1, index), value(2 * row, 2, index)]).collect();
        assert_eq!(trace.values, wanted);
    }
    assert_eq!(reader.state(), "complete");
    assert_eq!(reader.wall_seconds(), [("build".to_string(), 0.5), ("simulate".to_string(), 1.5)]);
    let written: Vec<_> = summary.populations.iter().map(statistics).collect();
    assert_eq!(reader.populations().unwrap(), written);
    let files = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(files, 1, "no working file is left");
}

#[test]
fn a_reader_gets_back_the_provenance() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.h5");
    let long = "# a comment: µ\n".repeat(20_000);
    let provenance = Provenance {
        config: long.clone(),
        config_resolved: "resolved".to_string(),
        overrides: vec!["parameters.g=6".to_string(), "simulation.seed=2".to_string()],
        seed: u64::MAX,
        git_commit: Some("abc123".to_string()),
        rustc: "1.95".to_string(),
        vector_set: "portable".to_string(),
        threads: 3,
        started: SystemTime::UNIX_EPOCH + Duration::from_secs(1_709_210_096),
        ..Provenance::default()
    };
    let recorder = Recorder::create(&path, &spikes_only(10, 0), provenance, false).unwrap();
    recorder.finish(State::Complete, &[], 12, 10).unwrap();
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.provenance_text("config"), Some(long));
    assert_eq!(reader.provenance_text("started").as_deref(), Some("2024-02-29T12:34:56Z"));
    assert_eq!(reader.provenance_text("git_commit").as_deref(), Some("abc123"));
    assert_eq!(reader.provenance_number("seed"), Some(u64::MAX));
    assert_eq!(reader.provenance_number("peak_memory_bytes"), Some(12));
    assert_eq!(reader.overrides(), ["parameters.g=6", "simulation.seed=2"]);
    let contents = Contents::read(&reader).unwrap();
    assert_eq!((contents.state.as_str(), contents.reached_ms), ("complete", 1.0));
    let spikes = &contents.spikes[0];
    assert_eq!((spikes.population.as_str(), spikes.attributes.count, spikes.attributes.t_stop_ms), ("E", 0, 1.0));
    assert_eq!(contents.origin.git_commit.as_deref(), Some("abc123"));
    assert_eq!(contents.origin.vector_set.as_deref(), Some("portable"));
    assert_eq!(contents.origin.overrides, ["parameters.g=6", "simulation.seed=2"]);
}

#[test]
fn files_that_are_not_recordings_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let assert_refused = |path: &Path, words: &str| {
        let error = Reader::open(path).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(&path.display().to_string()), "{error}");
    };
    let path = directory.path().join("run.h5");
    assert_refused(directory.path(), "it is a directory");
    assert_refused(&path, "there is no such file");
    std::fs::write(&path, "t,neuron\n").unwrap();
    assert_refused(&path, "not an HDF5 file");
    hdf5::File::create(&path).unwrap().close().unwrap();
    assert_refused(&path, "another program");
    let file = hdf5::File::create(&path).unwrap();
    crate::record::hdf::set_text_attribute(&file, "format", "lapicque/9").unwrap();
    file.close().unwrap();
    assert_refused(&path, "its format is lapicque/9");
}

#[test]
fn spikes_at_the_start_of_the_recording_are_not_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.h5");
    let mut recorder = Recorder::create(&path, &spikes_only(30, 10), Provenance::default(), false).unwrap();
    recorder.push(batch(9, &[(9, 0)], &[])).unwrap();
    recorder.push(batch(11, &[(10, 1), (11, 2)], &[])).unwrap();
    recorder.push(batch(30, &[(30, 3)], &[])).unwrap();
    let summary = recorder.finish(State::Complete, &[], 0, 30).unwrap();
    assert_eq!(spikes_in_file(&path, "E"), [(11, 2), (30, 3)]);
    assert_eq!(summary.populations[0].spikes, 2);
    assert_eq!((summary.t_start_ms, summary.t_stop_ms), (1.0, 3.0));
}

#[test]
fn only_spikes_of_selected_neurons_are_written_but_all_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.h5");
    let mut plan = spikes_only(10, 0);
    let of = |neurons| Selection { population: 0, neurons };
    plan.record.spikes = vec![of(3..4), of(0..1), of(0..1)];
    let mut recorder = Recorder::create(&path, &plan, Provenance::default(), false).unwrap();
    recorder.push(batch(10, &[(1, 0), (1, 1), (1, 2), (1, 3)], &[(2, 0)])).unwrap();
    let summary = recorder.finish(State::Complete, &[], 0, 10).unwrap();
    assert_eq!(spikes_in_file(&path, "E"), [(1, 0), (1, 3)]);
    assert_eq!(summary.populations.iter().map(|p| p.spikes).collect::<Vec<_>>(), [4, 1]);
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.spike_attributes("E").unwrap().recorded, [0..1, 3..4]);
    assert_eq!(reader.activity("E").unwrap().spike_count, [4, 0]);
    let error = reader.spikes("I").unwrap_err();
    assert!(matches!(error, ReadError::Missing { .. }) && error.to_string().contains("it holds \"E\""), "{error}");
}

#[test]
fn silent_populations_and_empty_batches_are_accepted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.h5");
    let mut recorder = Recorder::create(&path, &spikes_only(20, 0), Provenance::default(), false).unwrap();
    recorder.push(Batch::default()).unwrap();
    recorder.push(Batch { until: 10, ..Batch::default() }).unwrap();
    let summary = recorder.finish(State::Interrupted, &[], 0, 12).unwrap();
    assert_eq!(summary.t_stop_ms, 12.0 * 0.1);
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.spikes("I").unwrap(), Default::default());
    assert_eq!(reader.activity("I").unwrap().spike_count, [0, 0]);
    assert_eq!(reader.state(), "interrupted");
}

#[test]
fn ticks_above_32_bits_are_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.h5");
    let from = 1_u64 << 33;
    let mut plan = spikes_only(from + 10, from);
    plan.record.activity_bin = Some(4);
    let mut recorder = Recorder::create(&path, &plan, Provenance::default(), false).unwrap();
    recorder.push(batch(from + 9, &[(from + 4, 0), (from + 5, 0)], &[])).unwrap();
    let summary = recorder.finish(State::Complete, &[], 0, from + 10).unwrap();
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.spikes("E").unwrap().times_ms, [(from + 4) as f64 * 0.1, (from + 5) as f64 * 0.1]);
    assert_eq!(reader.activity("E").unwrap().spike_count, [1, 1]);
    assert_eq!(summary.populations[0].rate_hz, 2.0 / (4.0 * (10.0 * 0.1) * 1e-3));
}

#[test]
fn traces_of_100_000_neurons_are_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.h5");
    let mut plan = plan(2, 0);
    plan.populations[0].size = 100_000;
    plan.record.traces[0].of.neurons = 0..100_000;
    record(&path, &plan, 1);
    let trace = Reader::open(&path).unwrap().trace("E", "v").unwrap();
    assert_eq!(trace.attributes.node_ids.len(), 100_000, "attributes may exceed 64 KiB");
    assert_eq!(trace.values[199_999], value(2, 99_999, 0));
}

#[test]
fn compressed_files_hold_the_same_values() {
    let directory = tempfile::tempdir().unwrap();
    let (uncompressed, compressed) = (directory.path().join("a.h5"), directory.path().join("b.h5"));
    let mut plan = plan(2000, 0);
    record(&uncompressed, &plan, 100);
    plan.record.compress = true;
    record(&compressed, &plan, 100);
    assert!(compare(&uncompressed, &compressed).unwrap().is_none());
}

#[test]
fn plans_that_cannot_be_recorded_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.h5");
    let assert_refused = |change: fn(&mut Plan), words: &str| {
        let mut plan = plan(10, 0);
        change(&mut plan);
        let error = Recorder::create(&path, &plan, Provenance::default(), false).unwrap_err();
        assert!(matches!(error, RecordError::Plan { .. }) && error.to_string().contains(words), "{error}");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "no file is created");
    };
    assert_refused(|plan| plan.populations[0].name = "a/b".to_string(), "\"a/b\"");
    assert_refused(|plan| plan.populations[0].name = "I".to_string(), "two populations");
    assert_refused(|plan| plan.record.traces[0].variables.push("v".to_string()), "two traces");
    assert_refused(|plan| plan.record.traces[0].variables.push("w".to_string()), "it has \"v\", \"exc.i\"");
    assert_refused(|plan| plan.record.traces[0].every = 0, "interval");
    assert_refused(|plan| plan.record.activity_bin = Some(0), "bin");
    assert_refused(|plan| plan.record.spikes[1].neurons = 0..4, "neurons 0..3");
    assert_refused(|plan| plan.record.spikes[1].population = 2, "the plan has 2");
}

#[test]
fn batches_that_break_the_rules_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let assert_refused = |bad: Batch, words: &str| {
        let path = directory.path().join("run.h5");
        let mut recorder = Recorder::create(&path, &plan(100, 0), Provenance::default(), false).unwrap();
        let plan = plan(100, 0);
        recorder.push(made_batch(&plan, 0, 50)).unwrap();
        let _ = recorder.push(bad);
        let error = recorder.finish(State::Complete, &[], 0, 100).unwrap_err();
        assert!(matches!(error, RecordError::Batch { .. }) && error.to_string().contains(words), "{error}");
    };
    let rows = || vec![vec![0.0; 10], vec![0.0; 10]];
    let with_samples = |e: &[(u64, u32)], until| Batch { samples: rows(), ..batch(until, e, &[]) };
    assert_refused(with_samples(&[(52, 0), (51, 0)], 60), "out of order");
    assert_refused(with_samples(&[(52, 1), (52, 1)], 60), "out of order");
    assert_refused(with_samples(&[(50, 0)], 49), "ended at tick 50");
    assert_refused(with_samples(&[(61, 0)], 60), "after the end of the batch");
    assert_refused(with_samples(&[(51, 4)], 60), "4 neurons");
    assert_refused(
        Batch { samples: rows(), spikes: vec![population_spikes(&[])], until: 60 },
        "spikes of 1 populations",
    );
    assert_refused(batch(60, &[], &[]), "needs 31 rows");
    assert_refused(Batch { samples: vec![vec![0.0; 10], vec![0.0; 9]], ..batch(60, &[], &[]) }, "exc.i");
}
