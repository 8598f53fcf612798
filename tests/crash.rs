//! Runs that do not reach their end: killed, interrupted, disk full, or an output that cannot be written.
//!
//! The network emits about four million spikes per second of model time. Noise decides their order, so no two stretches
//! of a run are alike. Each file is compared, value by value, with the file of an undisturbed run.

use crate::program::{Running, end, lapicque, names, run, succeed, write};
use lapicque_analysis::recording::Reader;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Two populations that fire at several hundred Hz.
const BUSY: &str = r#"
[simulation]
duration = "1 s"
[population.E]
size = 6000
neuron = { kind = "lif", tau_m = "20 ms", v_threshold = "20 mV", v_reset = "10 mV", t_ref = "0.5 ms" }
receptor.syn = { kind = "exponential", tau = "2 ms" }
[population.I]
like = "E"
size = 2000
[input.drive]
kind = "white_noise"
to = ["E", "I"]
mean = "90 mV"
sigma = "20 mV"
[projection.inhibition]
from = "I"
to = "E"
rule = { fixed_in_degree = 4 }
weight = "-0.5 mV"
delay = "1 ms"
[record]
from = "2 ms"
flush = "1 ms"
activity = { bin = "0.5 ms" }
traces = [{ population = "E", variables = ["v", "syn.i"], neurons = "10..30", every = "0.2 ms" }]
"#;

/// The contents of a file.
struct Recording {
    /// Time up to which the file is complete, ms.
    until: f64,
    /// For each population: bits of the times, neurons.
    spikes: Vec<(Vec<u64>, Vec<u64>)>,
    /// For each population: spike counts, bits of the rates.
    activity: Vec<(Vec<u32>, Vec<u64>)>,
    /// For each traced variable: bits of the values.
    traces: Vec<Vec<u64>>,
}

const POPULATIONS: [&str; 2] = ["E", "I"];
/// Start of the recording, ms.
const FROM: f64 = 2.0;
/// Width of the bins of the activity, ms.
const BIN: f64 = 0.5;
/// Interval between two rows of a trace, ms.
const EVERY: f64 = 0.2;
/// Number of traced neurons.
const TRACED: usize = 20;

fn bits(values: Vec<f64>) -> Vec<u64> {
    values.into_iter().map(f64::to_bits).collect()
}

fn read(path: &Path) -> Recording {
    let reader = Reader::open(path).unwrap_or_else(|e| panic!("the file does not open: {e}"));
    let until = reader.reached_ms().unwrap();
    for name in POPULATIONS {
        let attributes = reader.spike_attributes(name).unwrap();
        assert_eq!((attributes.t_start_ms, attributes.t_stop_ms), (FROM, until.max(FROM)));
    }
    let spikes = POPULATIONS.map(|name| reader.spikes(name).unwrap());
    let activity = POPULATIONS.map(|name| reader.activity(name).unwrap());
    let traces = ["v", "syn.i"].map(|variable| reader.trace("E", variable).unwrap());
    Recording {
        until,
        spikes: spikes.into_iter().map(|s| (bits(s.times_ms), s.neurons)).collect(),
        activity: activity.into_iter().map(|a| (a.spike_count, bits(a.rate_hz))).collect(),
        traces: traces.into_iter().map(|t| bits(t.values)).collect(),
    }
}

impl Recording {
    /// Asserts that this recording holds exactly the values of `whole` up to the time `self.until`. Returns the number
    /// of spikes.
    #[track_caller]
    fn assert_is_beginning_of(&self, whole: &Recording) -> usize {
        let until = self.until;
        assert!(until <= whole.until, "the reference ends before {until} ms");
        let mut count = 0;
        for ((times, neurons), (all_times, all_neurons)) in self.spikes.iter().zip(&whole.spikes) {
            let expected = all_times.partition_point(|time| f64::from_bits(*time) <= until);
            assert_eq!((times.len(), neurons.len()), (expected, expected), "number of spikes up to {until} ms");
            let equal = *times == all_times[..expected] && *neurons == all_neurons[..expected];
            assert!(equal, "different spikes up to {until} ms");
            count += expected;
        }
        let intervals = |width: f64| ((until - FROM).max(0.0) / width + 1e-6).floor() as usize;
        for ((counts, rates), (all_counts, all_rates)) in self.activity.iter().zip(&whole.activity) {
            let expected = intervals(BIN);
            assert_eq!((counts.len(), rates.len()), (expected, expected), "number of bins up to {until} ms");
            let equal = *counts == all_counts[..expected] && *rates == all_rates[..expected];
            assert!(equal, "different activity up to {until} ms");
        }
        for (values, all_values) in self.traces.iter().zip(&whole.traces) {
            let expected = if until < FROM { 0 } else { TRACED * (intervals(EVERY) + 1) };
            assert_eq!(values.len(), expected, "number of traced values up to {until} ms");
            assert!(*values == all_values[..expected], "different traces up to {until} ms");
        }
        count
    }
}

/// The inode of a file. Every flush replaces the output by a new file, so its inode changes.
fn inode(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|metadata| metadata.ino())
}

/// Waits until `done` is true. Fails if the run ends first or a minute passes. `what` names the awaited event.
#[track_caller]
fn wait_for(running: &mut Running, what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(running.is_running(), "the run ended before {what}");
        assert!(began.elapsed() < Duration::from_secs(60), "no {what} within a minute");
        std::thread::yield_now();
    }
}

/// A random number, uniform from 0 to 1 (SplitMix64).
fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// Starts a run of `busy.toml` on two threads. The output is `run.h5`.
fn start(folder: &Path, extra: &[&str]) -> Running {
    let mut arguments = vec!["run", "busy.toml", "--out", "run.h5", "--quiet", "--threads", "2"];
    arguments.extend(extra);
    Running::start(&mut lapicque(folder, &arguments))
}

/// A flush completes `.run.h5.part` and renames it to the output. Then it copies the output to `.run.h5.next` and
/// renames the copy to `.run.h5.part`. So a killed run died inside a flush if it leaves a `.next` or no `.part`. The
/// test looks for these files once the run is dead. Before each kill it waits for a random time. In two of three
/// attempts it then waits until a `.next` appears, so that the kill hits a flush.
#[test]
fn runs_killed_at_50_random_times_keep_exactly_the_spikes_up_to_the_last_flush() {
    const KILLS: usize = 50;
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    write(folder, "busy.toml", BUSY);
    let began = Instant::now();
    succeed(folder, &["run", "busy.toml", "--out", "reference.h5", "--quiet", "--threads", "2"]);
    let wall_time = began.elapsed().as_secs_f64();
    let reference = read(&folder.join("reference.h5"));
    let output = folder.join("run.h5");
    let (part, next) = (folder.join(".run.h5.part"), folder.join(".run.h5.next"));
    let (mut seed, mut kills, mut inside, mut attempts) = (50, 0, 0, 0);
    let (mut furthest, mut most) = (0.0_f64, 0);
    while kills < KILLS || inside * 3 < kills {
        attempts += 1;
        assert!(attempts < 5 * KILLS, "{kills} kills, {inside} of them inside a flush, in {attempts} attempts");
        let before = inode(&output);
        let mut run = start(folder, &[]);
        wait_for(&mut run, "the first file", || inode(&output).is_some_and(|now| Some(now) != before));
        let delay = Duration::from_secs_f64(0.6 * wall_time * uniform(&mut seed));
        let began = Instant::now();
        while began.elapsed() < delay && run.is_running() {
            std::thread::yield_now();
        }
        if attempts % 3 != 0 {
            while !next.exists() && run.is_running() {
                std::hint::spin_loop();
            }
        }
        if !run.is_running() {
            continue; // the run ended before it could be killed
        }
        run.kill();
        assert_eq!(run.wait(), -1);
        if Reader::open(&output).unwrap().state() != "running" {
            continue; // the run had already written its final file
        }
        kills += 1;
        inside += usize::from(next.exists() || !part.exists());
        let killed = read(&output);
        most = most.max(killed.assert_is_beginning_of(&reference));
        furthest = furthest.max(killed.until);
    }
    println!("{kills} kills, {inside} inside a flush; the furthest file reached {furthest} ms with {most} spikes");
    assert!(most > 10_000, "the largest file has only {most} spikes");
    // The files that killed runs left behind do not disturb the next run.
    succeed(folder, &["run", "busy.toml", "--out", "run.h5", "--quiet"]);
    assert_eq!(
        read(&output).assert_is_beginning_of(&reference),
        reference.spikes.iter().map(|s| s.0.len()).sum::<usize>()
    );
    assert_eq!(names(folder), ["busy.toml", "reference.h5", "run.h5"]);
}

/// A run that a signal interrupts leaves the same file as a run whose duration is the time reached.
fn ends_cleanly_on(signal: &str) {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    write(folder, "busy.toml", BUSY);
    let output = folder.join("run.h5");
    let mut run = start(folder, &["--duration", "1000 s"]);
    wait_for(&mut run, "a flush", || Reader::open(&output).is_ok_and(|r| r.reached_ms().is_some_and(|t| t > 5.0)));
    run.signal(signal);
    assert_eq!(run.wait(), 130);
    let reached = Reader::open(&output).unwrap().reached_ms().unwrap();
    assert_eq!(Reader::open(&output).unwrap().state(), "interrupted");
    assert!(succeed(folder, &["info", "run.h5"]).contains(&format!("interrupted at {reached} ms")));
    assert_eq!(names(folder), ["busy.toml", "run.h5"]);
    let duration = format!("{reached} ms");
    succeed(folder, &["run", "busy.toml", "--out", "short.h5", "--quiet", "--duration", &duration]);
    read(&output).assert_is_beginning_of(&read(&folder.join("short.h5")));
    assert!(succeed(folder, &["diff", "run.h5", "short.h5"]).contains("no difference"));
}

#[test]
fn ctrl_c_ends_a_run_with_130_and_a_complete_file() {
    ends_cleanly_on("INT");
}

#[test]
fn sigterm_ends_a_run_with_130_and_a_complete_file() {
    ends_cleanly_on("TERM");
}

#[test]
fn ctrl_c_while_the_network_is_built_ends_at_once_and_leaves_no_output() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    write(folder, "busy.toml", BUSY);
    // Building this network takes some minutes.
    let rule = "projection.inhibition.rule={ fixed_in_degree = 60000 }";
    let mut run = start(folder, &["--set", rule, "--set", "population.E.size=20000"]);
    wait_for(&mut run, "the lock file", || folder.join(".run.h5.lock").exists());
    run.signal("INT");
    assert_eq!(run.wait(), 130);
    assert!(!folder.join("run.h5").exists());
}

/// The limit `ulimit -f` on the size of a file makes a write fail as a full disk does, with another system message.
#[test]
fn a_full_disk_is_a_clear_error_and_all_data_up_to_the_last_flush_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    write(folder, "busy.toml", BUSY);
    let mut limited = Command::new("bash");
    limited.current_dir(folder).args(["-c", "trap '' XFSZ; ulimit -f 16384; exec \"$@\"", "bash"]);
    limited.arg(env!("CARGO_BIN_EXE_lapicque"));
    limited.args(["run", "busy.toml", "--out", "run.h5", "--duration", "1000 s", "--quiet"]);
    let ended = end(&mut limited);
    assert_eq!(ended.code, 1, "{}", ended.err);
    assert!(ended.err.contains("File too large") && ended.err.contains("make room"), "{}", ended.err);
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    let kept = read(&folder.join("run.h5"));
    assert!(kept.until > FROM, "nothing was kept: {}", ended.err);
    assert!(ended.err.contains(&format!("run.h5 keeps everything up to {} ms", kept.until)), "{}", ended.err);
    assert_eq!(names(folder), ["busy.toml", "run.h5"]);
    let duration = format!("{} ms", kept.until);
    succeed(folder, &["run", "busy.toml", "--out", "short.h5", "--quiet", "--duration", &duration]);
    assert!(succeed(folder, &["diff", "run.h5", "short.h5"]).contains("no difference"));
}

#[test]
fn a_directory_that_cannot_be_written_is_a_clear_error_before_the_simulation_starts() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    write(folder, "busy.toml", BUSY);
    let closed = folder.join("closed");
    std::fs::create_dir(&closed).unwrap();
    let mut permissions = std::fs::metadata(&closed).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o555);
    std::fs::set_permissions(&closed, permissions).unwrap();
    // Root can write into a read-only directory, but cannot create a file in /proc.
    let root = std::fs::metadata(folder).unwrap().uid() == 0;
    let output = if root { "/proc/run.h5" } else { "closed/run.h5" };
    let ended = run(folder, &["run", "busy.toml", "--out", output, "--duration", "1000 s"]);
    assert_eq!(ended.code, 1, "{}", ended.err);
    let start = format!("error: cannot create {}", if root { "/proc/" } else { "closed/" });
    assert!(ended.err.starts_with(&start) && ended.err.lines().count() == 1, "{}", ended.err);
    assert_eq!(ended.out, "");
}

#[test]
fn a_file_that_lapicque_did_not_write_is_replaced_only_with_force() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    write(folder, "busy.toml", BUSY);
    write(folder, "notes.h5", "my notes\n");
    let foreign = hdf5::File::create(folder.join("foreign.h5")).unwrap();
    foreign.create_group("data").unwrap();
    foreign.close().unwrap();
    for name in ["notes.h5", "foreign.h5"] {
        let before = std::fs::read(folder.join(name)).unwrap();
        let arguments = ["run", "busy.toml", "--duration", "10 ms", "--quiet", "--out", name];
        let ended = run(folder, &arguments);
        assert_eq!(ended.code, 1);
        assert!(ended.err.contains(name) && ended.err.contains("was not written by lapicque"), "{}", ended.err);
        assert!(ended.err.contains("--force"), "{}", ended.err);
        assert_eq!(std::fs::read(folder.join(name)).unwrap(), before);
        let forced = run(folder, &[&arguments[..], &["--force"]].concat());
        assert_eq!(forced.code, 0, "{}", forced.err);
        assert_eq!(read(&folder.join(name)).until, 10.0);
        // A file that lapicque wrote is replaced without --force.
        succeed(folder, &arguments);
    }
    assert_eq!(names(folder), ["busy.toml", "foreign.h5", "notes.h5"]);
}

#[test]
fn a_directory_is_refused_as_output() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    write(folder, "busy.toml", BUSY);
    std::fs::create_dir(folder.join("results")).unwrap();
    for force in [&[][..], &["--force"]] {
        let ended = run(folder, &[&["run", "busy.toml", "--duration", "10 ms", "--out", "results"], force].concat());
        assert_eq!(ended.code, 1);
        assert!(ended.err.contains("results is a directory: name a file"), "{}", ended.err);
        assert_eq!(names(folder), ["busy.toml", "results"]);
    }
}

#[test]
fn two_runs_cannot_write_one_output_at_the_same_time() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    write(folder, "busy.toml", BUSY);
    let mut first = start(folder, &["--duration", "1000 s"]);
    wait_for(&mut first, "the first file", || folder.join("run.h5").exists());
    let second = run(folder, &["run", "busy.toml", "--out", "run.h5", "--duration", "10 ms", "--force"]);
    assert_eq!(second.code, 1);
    assert!(second.err.contains("run.h5 is being written by another run"), "{}", second.err);
    assert!(first.is_running());
    first.signal("TERM");
    assert_eq!(first.wait(), 130);
    assert_eq!(Reader::open(folder.join("run.h5")).unwrap().state(), "interrupted");
}
