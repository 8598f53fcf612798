//! `lapicque run`: builds, runs with a progress bar, writes the file, prints a summary.

use crate::configuration::Configuration;
use crate::failure::Failure;
use crate::output::{print, warn};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lapicque_engine::config::Loaded;
use lapicque_engine::memory::peak_memory;
use lapicque_engine::record::{Claim, Provenance, RecordError, Recorder, State, Summary};
use lapicque_engine::run::{Batch, Epoch, Observer, Options, Simulation};
use lapicque_models::list::Models;
use lapicque_models::numerics::random::STREAM_VERSION;
use lapicque_models::vector;
use serde_json::json;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Arguments of `run`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    configuration: Configuration,
    /// The output; out/NAME.h5 if not given.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace an output that lapicque did not write.
    #[arg(long)]
    force: bool,
    /// Worker threads; all cores if not given. Never changes a result.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print one JSON object on stdout instead of the table.
    #[arg(long)]
    json: bool,
    /// No progress, no table.
    #[arg(long)]
    quiet: bool,
}

/// Time between two updates of the progress bar. At each, the batch so far goes to the writer.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(50);
/// Shortest time between two interrupts that count as two.
const SECOND_INTERRUPT_AFTER: Duration = Duration::from_millis(500);
/// Spikes at which a batch goes to the writer before that time.
const BATCH: usize = 1 << 17;

/// Watches the run: hands batches to the recorder, moves the bar, obeys an interrupt.
struct Watch<'a> {
    recorder: &'a mut Recorder,
    failed: Option<RecordError>,
    interrupted: &'a AtomicBool,
    batch: Batch,
    populations: usize,
    spikes: u64,
    bar: &'a ProgressBar,
    dt: f64,
    steps: u64,
    start: Instant,
    last: Instant,
}

impl Watch<'_> {
    fn push(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        self.spikes += batch.spikes.iter().map(|s| s.ticks.len() as u64).sum::<u64>();
        if batch.until > 0 && self.failed.is_none() {
            self.failed = self.recorder.push(batch).err();
        }
    }

    fn show(&self, tick: u64) {
        let (model, wall) = (tick as f64 * self.dt * 1e-3, self.start.elapsed().as_secs_f64());
        self.bar.set_message(format!(
            "{model:.2} of {} s, {:.3} × real time, {} spikes",
            self.steps as f64 * self.dt * 1e-3,
            wall / model,
            self.spikes
        ));
        self.bar.set_position(tick);
    }
}

impl Observer for Watch<'_> {
    fn epoch(&mut self, epoch: &Epoch<'_>) -> ControlFlow<()> {
        epoch.append_to(&mut self.batch, self.populations);
        let full = self.batch.spikes.iter().map(|s| s.ticks.len()).sum::<usize>() >= BATCH;
        if full || self.last.elapsed() >= PROGRESS_INTERVAL {
            self.last = Instant::now();
            self.push();
            self.show(*epoch.ticks.end());
            if self.failed.is_some() || self.interrupted.load(Ordering::Relaxed) {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

fn bar(arguments: &Arguments, steps: u64) -> ProgressBar {
    let target =
        if arguments.quiet || arguments.json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {msg}, {eta} left");
    ProgressBar::with_draw_target(Some(steps), target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Where the output goes by default.
fn default_output(config: &Path) -> PathBuf {
    Path::new("out").join(config.with_extension("h5").file_name().unwrap_or_default())
}

fn provenance(loaded: &Loaded, threads: usize, started: SystemTime) -> Provenance {
    Provenance {
        config: loaded.text.clone(),
        config_resolved: loaded.resolved.clone(),
        overrides: loaded.overrides.clone(),
        seed: loaded.plan.seed,
        git_commit: option_env!("LAPICQUE_COMMIT").map(str::to_string),
        rustc: option_env!("LAPICQUE_RUSTC").unwrap_or_default().to_string(),
        vector_set: vector::level().name().to_string(),
        threads: threads as u64,
        started,
        random_streams: STREAM_VERSION,
        ..Provenance::default()
    }
}

/// Watches for Ctrl-C and SIGTERM. While `recording`, the first one raises the flag returned, which asks for a clean end. One
/// that comes later than [`SECOND_INTERRUPT_AFTER`] ends the process at once; a key press can raise two in quick
/// succession, where a parent process passes its own on. Before recording, while the network is built, there is nothing to
/// keep, and the first one ends the process.
fn watch_signals(recording: &Arc<AtomicBool>) -> Result<Arc<AtomicBool>, Failure> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let (flag, recording) = (Arc::clone(&interrupted), Arc::clone(recording));
    let mut first = None;
    ctrlc::set_handler(move || {
        flag.store(true, Ordering::Relaxed);
        if !recording.load(Ordering::Relaxed)
            || first.get_or_insert_with(Instant::now).elapsed() > SECOND_INTERRUPT_AFTER
        {
            std::process::exit(130);
        }
    })
    .map_err(|e| Failure::run(format!("cannot watch for Ctrl-C: {e}")))?;
    Ok(interrupted)
}

/// Runs a configuration.
pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let started = SystemTime::now();
    let models = Models::standard();
    let loaded = arguments.configuration.load(&models)?;
    let options = Options { models, ..Options::default() };
    let options = Options { threads: arguments.threads.map_or(options.threads, usize::from), ..options };
    let config = &arguments.configuration.config;
    let output = arguments.out.clone().unwrap_or_else(|| default_output(config));
    if output.canonicalize().is_ok_and(|output| config.canonicalize().is_ok_and(|config| output == config)) {
        return Err(Failure::input(format!("the output {} is the configuration itself", output.display())));
    }
    let recording = Arc::new(AtomicBool::new(false));
    let interrupted = watch_signals(&recording)?;
    let claim = Claim::new(&output, arguments.force).map_err(Failure::run)?;
    let mut clock = Instant::now();
    let mut phase = || std::mem::replace(&mut clock, Instant::now()).elapsed().as_secs_f64();
    let mut simulation = Simulation::new(loaded.plan.clone(), options)?;
    let build_s = phase();
    warn(simulation.rounding_warning());
    let origin = provenance(&loaded, simulation.threads(), started);
    recording.store(true, Ordering::Relaxed);
    let mut recorder = claim.record(simulation.plan(), &origin).map_err(Failure::run)?;
    let bar = bar(arguments, loaded.plan.steps);
    phase();
    let mut watch = Watch {
        recorder: &mut recorder,
        failed: None,
        interrupted: &interrupted,
        batch: Batch::default(),
        populations: loaded.plan.populations.len(),
        spikes: 0,
        bar: &bar,
        dt: loaded.plan.dt,
        steps: loaded.plan.steps,
        start: Instant::now(),
        last: Instant::now(),
    };
    let ran = simulation.run(loaded.plan.steps, &mut watch);
    watch.push();
    let failed = watch.failed.take();
    let simulate_s = phase();
    bar.finish_and_clear();
    ran.map_err(Failure::run)?;
    if let Some(error) = failed {
        return Err(Failure::run(error));
    }
    let complete = simulation.tick() == loaded.plan.steps;
    let state = if complete { State::Complete } else { State::Interrupted };
    let peak = peak_memory().unwrap_or(0);
    let phases = [("build", build_s), ("simulate", simulate_s)];
    let summary = recorder.finish(state, &phases, peak, simulation.tick()).map_err(Failure::run)?;
    let report = Report { simulation: &simulation, summary: &summary, build_s, simulate_s, peak };
    if arguments.json {
        print(&format!("{}\n", report.json()))?;
    } else if !arguments.quiet {
        print(&report.table())?;
    }
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::from(130) })
}

/// A time without the last digits that a multiple of a decimal fraction has.
fn tidy(time: f64) -> f64 {
    (time * 1e9).round() / 1e9
}

/// What a run came to.
struct Report<'a> {
    simulation: &'a Simulation,
    summary: &'a Summary,
    build_s: f64,
    simulate_s: f64,
    peak: u64,
}

impl Report<'_> {
    fn model_s(&self) -> f64 {
        self.simulation.time() * 1e-3
    }

    fn json(&self) -> serde_json::Value {
        let population = |p: &lapicque_engine::record::PopulationSummary| {
            let values = json!({ "size": p.size, "spikes": p.spikes, "rate_hz": p.rate_hz, "cv_isi": p.cv_isi });
            (p.name.clone(), values)
        };
        json!({
            "neurons": self.simulation.neurons(),
            "synapses": self.simulation.synapses(),
            "threads": self.simulation.threads(),
            "vector_set": vector::level().name(),
            "dt_ms": self.simulation.plan().dt,
            "model_time_s": self.model_s(),
            "build_s": self.build_s,
            "simulate_s": self.simulate_s,
            "realtime_factor": self.simulate_s / self.model_s(),
            "synaptic_events": self.simulation.synaptic_events(),
            "peak_memory_bytes": self.peak,
            "output": self.summary.file,
            "populations": self.summary.populations.iter().map(population).collect::<serde_json::Map<_, _>>(),
        })
    }

    fn table(&self) -> String {
        let summary = self.summary;
        let width = summary.populations.iter().map(|p| p.name.chars().count()).max().unwrap_or(0).max(10);
        let mut text =
            format!("{:width$}  {:>9}  {:>12}  {:>9}  {:>6}\n", "population", "neurons", "spikes", "rate Hz", "CV");
        for p in &summary.populations {
            let cv = p.cv_isi.map_or("-".to_string(), |cv| format!("{cv:.3}"));
            text += &format!("{:width$}  {:>9}  {:>12}  {:>9.3}  {cv:>6}\n", p.name, p.size, p.spikes, p.rate_hz);
        }
        let (neurons, synapses) = (self.simulation.neurons(), self.simulation.synapses());
        text += &format!(
            "\n{neurons} neurons, {synapses} synapses; statistics from {} to {} ms\n",
            tidy(summary.t_start_ms),
            tidy(summary.t_stop_ms)
        );
        let (model, wall) = (self.model_s(), self.simulate_s);
        text += &format!("build     {:.2} s\n", self.build_s);
        text +=
            &format!("simulate  {wall:.2} s for {} s of model time: {:.3} × real time\n", tidy(model), wall / model);
        text += &format!("memory    {:.0} MB at most\n", self.peak as f64 / 1e6);
        if summary.state == State::Interrupted {
            text += &format!("interrupted at {} ms\n", tidy(self.simulation.time()));
        }
        text + &format!("output    {}\n", summary.file.display())
    }
}
