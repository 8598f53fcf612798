//! Tests that recorded data are kept when a run is killed or fails, and that files of other programs are not replaced.

use super::*;
use crate::record::RecordError;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

#[test]
fn a_new_recorder_creates_a_valid_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.h5");
    let recorder = Recorder::create(&path, &plan(10, 0), Provenance::default(), false).unwrap();
    let reader = Reader::open(&path).unwrap();
    assert_eq!((reader.state().as_str(), reader.reached_ms()), ("running", Some(0.0)));
    assert_eq!(reader.spike_attributes("E").unwrap().count, 0);
    drop(recorder);
    assert_eq!(Reader::open(&path).unwrap().state(), "interrupted");
}

#[test]
fn a_dropped_recorder_keeps_the_batches_it_received() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.h5");
    let plan = plan(100, 0);
    let mut recorder = Recorder::create(&path, &plan, Provenance::default(), false).unwrap();
    recorder.push(made_batch(&plan, 0, 60)).unwrap();
    drop(recorder);
    assert_eq!(spikes_in_file(&path, "E"), expected_spikes(&plan, 0, 0, 60));
    assert_eq!(Reader::open(&path).unwrap().spike_attributes("E").unwrap().t_stop_ms, 60.0 * 0.1);
}

#[test]
fn files_of_other_programs_are_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.h5");
    let create = |force| Recorder::create(&path, &spikes_only(10, 0), Provenance::default(), force);
    fs::write(&path, "precious").unwrap();
    let error = create(false).unwrap_err();
    assert_eq!(error, RecordError::NotWrittenByLapicque { path: path.clone() });
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    hdf5::File::create(&path).unwrap().new_attr::<u32>().create("answer").unwrap();
    assert_eq!(create(false).unwrap_err(), error);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no working file is left");
    create(true).unwrap();
    create(false).unwrap();
    assert!(Reader::open(&path).is_ok());
}

#[test]
fn directories_and_devices_are_refused_as_outputs() {
    let directory = tempfile::tempdir().unwrap();
    let create = |path: &Path| Recorder::create(path, &spikes_only(10, 0), Provenance::default(), true).unwrap_err();
    let error = create(directory.path());
    assert!(matches!(error, RecordError::NotAFile { .. }) && error.to_string().contains("run.h5"), "{error}");
    fs::write(directory.path().join("file"), "").unwrap();
    let error = create(&directory.path().join("file/run.h5"));
    assert!(matches!(error, RecordError::File { .. }), "{error}");
    if cfg!(unix) {
        assert!(create(Path::new("/dev/null")).to_string().contains("device"));
    }
}

#[cfg(unix)]
#[test]
fn an_output_that_is_a_link_replaces_the_target_of_the_link() {
    let directory = tempfile::tempdir().unwrap();
    let (target, link) = (directory.path().join("elsewhere/run.h5"), directory.path().join("run.h5"));
    record(&target, &plan(10, 0), 10);
    std::os::unix::fs::symlink(&target, &link).unwrap();
    record(&link, &plan(20, 0), 10);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(Reader::open(&target).unwrap().reached_ms(), Some(2.0));
}

#[test]
fn two_runs_cannot_write_the_same_output() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.h5");
    let create = || Recorder::create(&path, &spikes_only(10, 0), Provenance::default(), true);
    let first = create().unwrap();
    assert_eq!(create().unwrap_err(), RecordError::InUse { path: path.clone() });
    first.finish(State::Complete, &[], 0, 10).unwrap();
    drop(create().unwrap());
    drop(create().unwrap());
}

#[test]
fn working_files_of_a_killed_run_are_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.h5");
    for name in [".run.h5.part", ".run.h5.next", ".run.h5.lock"] {
        fs::write(directory.path().join(name), "left behind").unwrap();
    }
    record(&path, &plan(100, 0), 10);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_deleted_working_file_is_an_error_and_the_output_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.h5");
    let plan = plan(100, 0);
    let mut recorder = Recorder::create(&path, &plan, Provenance::default(), false).unwrap();
    fs::remove_file(directory.path().join(".run.h5.part")).unwrap();
    recorder.push(made_batch(&plan, 0, 100)).unwrap();
    let error = recorder.finish(State::Complete, &[], 0, 100).unwrap_err();
    assert!(matches!(&error, RecordError::WriteFailed { kept_until_ms: 0.0, .. }), "{error}");
    assert_eq!(Reader::open(&path).unwrap().state(), "running");
}

#[test]
fn an_error_of_the_writer_thread_is_returned_by_push() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.h5");
    let mut recorder = Recorder::create(&path, &spikes_only(100, 0), Provenance::default(), false).unwrap();
    let began = Instant::now();
    let error = loop {
        match recorder.push(batch(10, &[(11, 0)], &[])) {
            Err(error) => break error,
            Ok(()) => assert!(began.elapsed() < Duration::from_secs(60)),
        }
    };
    assert!(matches!(error, RecordError::Batch { .. }), "{error}");
    assert!(matches!(recorder.push(Batch::default()), Err(RecordError::Ended { .. })));
    assert!(matches!(recorder.finish(State::Complete, &[], 0, 10), Err(RecordError::Ended { .. })));
}

/// Asserts that a file can be opened and contains exactly what the artificial network produced up to the file's
/// `reached_ms`. Returns this time in ticks.
fn assert_complete(path: &Path, plan: &Plan) -> u64 {
    let reader = Reader::open(path).unwrap();
    let until = (reader.reached_ms().unwrap() / 0.1).round() as u64;
    let from = plan.record.from;
    for (index, name) in ["E", "I"].into_iter().enumerate() {
        assert_eq!(spikes_in_file(path, name), expected_spikes(plan, index, from, until.max(from)));
        assert_eq!(reader.spike_attributes(name).unwrap().t_stop_ms, until.max(from) as f64 * 0.1);
        assert_eq!(reader.activity_attributes(name).unwrap().bins, until.saturating_sub(from) / 5);
    }
    for (index, variable) in plan.record.traces.iter().flat_map(|trace| &trace.variables).enumerate() {
        // The first row comes with the first batch. If the run was killed before it, the file has no rows.
        let rows = until.checked_sub(from).filter(|_| until > 0).map_or(0, |ticks| ticks / 2 + 1);
        let wanted: Vec<f64> =
            (0..rows).flat_map(|row| [1, 2].map(|neuron| value(from + 2 * row, neuron, index))).collect();
        assert_eq!(reader.trace("E", variable).unwrap().values, wanted);
    }
    until
}

/// The recorder flushes without pause while another thread copies the output repeatedly. Every copy must be complete.
#[test]
fn the_output_is_complete_at_every_moment() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.h5");
    let mut plan = plan(u64::MAX >> 20, 50);
    plan.record.flush_s = 0.0;
    let mut recorder = Recorder::create_with_pause_factor(&path, &plan, &Provenance::default(), false, 0).unwrap();
    let done = AtomicBool::new(false);
    let mut reached = 0;
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let copy = directory.path().join("copy.h5");
            let mut seen = Vec::new();
            while !done.load(Ordering::Relaxed) {
                // The copy is of one version: an open file stays the same even if another file is renamed to its path.
                fs::copy(&path, &copy).unwrap();
                seen.push(assert_complete(&copy, &plan));
            }
            seen
        });
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(2) {
            recorder.push(made_batch(&plan, reached, reached + 40)).unwrap();
            reached += 40;
        }
        recorder.finish(State::Interrupted, &[], 0, reached).unwrap();
        done.store(true, Ordering::Relaxed);
        let mut seen = watcher.join().unwrap();
        assert!(seen.is_sorted());
        seen.dedup();
        assert!(seen.len() > 10, "the copies had only these times: {seen:?}");
    });
    assert_eq!(assert_complete(&path, &plan), reached);
}

/// Starts one of the ignored tests below in its own process. `limit` is the argument of `ulimit -f`, which limits the
/// size of files.
#[cfg(unix)]
fn child(test: &str, path: &Path, limit: &str) -> std::process::Child {
    Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f $2; exec \"$0\" --exact \"$1\" --ignored --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .arg(format!("record::tests::safety::{test}"))
        .arg(limit)
        .env("LAPICQUE_TEST_OUTPUT", path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The run that [`killed_runs_leave_complete_files`] kills. It flushes without pause and never ends.
#[test]
#[ignore = "started and killed by killed_runs_leave_complete_files"]
fn child_that_is_killed() {
    let Some(path) = std::env::var_os("LAPICQUE_TEST_OUTPUT") else { return };
    let mut plan = plan(u64::MAX >> 20, 0);
    plan.record.flush_s = 0.0;
    let mut recorder =
        Recorder::create_with_pause_factor(Path::new(&path), &plan, &Provenance::default(), false, 0).unwrap();
    for step in 0.. {
        recorder.push(made_batch(&plan, 40 * step, 40 * (step + 1))).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn killed_runs_leave_complete_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.h5");
    let plan = plan(u64::MAX >> 20, 0);
    let mut furthest = 0;
    for round in 0..20_u64 {
        let mut run = child("child_that_is_killed", &path, "unlimited");
        std::thread::sleep(Duration::from_millis(60 + 37 * round % 90));
        run.kill().unwrap();
        run.wait().unwrap();
        if path.exists() {
            furthest = furthest.max(assert_complete(&path, &plan));
        }
    }
    assert!(furthest > 0, "every run was killed before its first flush");
    let finished = super::plan(100, 0);
    record(&path, &finished, 10);
    assert_eq!(assert_complete(&path, &finished), 100);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no working file is left");
}

/// The run that [`a_full_disk_is_an_error_and_the_output_is_kept`] starts with a limit on file sizes.
#[test]
#[ignore = "started by a_full_disk_is_an_error_and_the_output_is_kept"]
fn child_that_fills_the_disk() {
    let Some(path) = std::env::var_os("LAPICQUE_TEST_OUTPUT") else { return };
    let mut plan = spikes_only(u64::MAX >> 20, 0);
    plan.record.flush_s = 0.0;
    let mut recorder =
        Recorder::create_with_pause_factor(Path::new(&path), &plan, &Provenance::default(), false, 0).unwrap();
    let mut reached = 0;
    let error = loop {
        match recorder.push(made_batch(&plan, reached, reached + 10_000)) {
            Ok(()) => reached += 10_000,
            Err(error) => break error,
        }
    };
    println!("reached {reached}: {error}");
    assert!(matches!(&error, RecordError::WriteFailed { kept_until_ms, .. } if *kept_until_ms > 0.0), "{error}");
    assert!(matches!(recorder.finish(State::Complete, &[], 0, reached), Err(RecordError::Ended { .. })));
}

/// A limit on the file size stands in for a full disk, because a write fails in both cases. The recorder must return an
/// error with the message of the operating system and must not hang. HDF5 must print nothing. The output must keep the
/// data of the last flush.
#[cfg(unix)]
#[test]
fn a_full_disk_is_an_error_and_the_output_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.h5");
    let mut child = child("child_that_fills_the_disk", &path, "8192");
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > Duration::from_secs(120) {
            child.kill().unwrap();
            panic!("the recorder hangs on a full disk");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(!stderr.contains("HDF5-DIAG"), "{stderr}");
    assert!(stdout.contains("File too large"), "the message of the operating system is missing: {stdout}");
    assert!(assert_complete(&path, &spikes_only(u64::MAX >> 20, 0)) > 0);
    assert_eq!(Reader::open(&path).unwrap().state(), "running");
    record(&path, &super::plan(100, 0), 10);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no working file is left");
}
