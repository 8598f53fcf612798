//! `lapicque run`: builds and simulates a network with a progress bar, writes the output file, prints a summary.

use crate::command_error::CommandError;
use crate::configuration::Configuration;
use crate::output::{print, warn};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lapicque_engine::config::Loaded;
use lapicque_engine::memory::peak_memory;
use lapicque_engine::record::{Provenance, RecordError, Recorder, ReservedOutput, State, Summary};
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
    /// The output file; default: out/NAME.h5 for a configuration NAME.toml.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace an existing file even if lapicque did not write it.
    #[arg(long)]
    force: bool,
    /// Number of worker threads; default: all cores. The results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print one JSON object to stdout instead of the table; no progress bar.
    #[arg(long)]
    json: bool,
    /// Print neither progress bar nor table.
    #[arg(long)]
    quiet: bool,
}

/// Time between two updates of the progress bar. At each update the current batch is sent to the recorder.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(50);
/// Interrupts up to this time after the first interrupt are taken as its repetitions and ignored.
const SECOND_INTERRUPT_AFTER: Duration = Duration::from_millis(500);
/// Number of spikes at which a batch is sent to the recorder before the next update of the progress bar.
const FULL_BATCH_SPIKES: usize = 1 << 17;

/// Observes the run: sends batches to the recorder, updates the progress bar, and stops the run after an interrupt or
/// an error of the recorder.
struct RunObserver<'a> {
    recorder: &'a mut Recorder,
    record_error: Option<RecordError>,
    interrupted: &'a AtomicBool,
    /// Results that are not yet sent to the recorder.
    batch: Batch,
    /// Number of populations.
    populations: usize,
    /// Number of spikes sent to the recorder.
    spikes: u64,
    bar: &'a ProgressBar,
    dt: f64,
    /// Steps of the whole run.
    steps: u64,
    start: Instant,
    last_update: Instant,
}

impl RunObserver<'_> {
    fn send_batch(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        self.spikes += batch.spikes.iter().map(|s| s.ticks.len() as u64).sum::<u64>();
        if batch.until > 0 && self.record_error.is_none() {
            self.record_error = self.recorder.push(batch).err();
        }
    }

    fn update_bar(&self, tick: u64) {
        let (model, wall) = (tick as f64 * self.dt * 1e-3, self.start.elapsed().as_secs_f64());
        self.bar.set_message(format!(
            "{model:.2} of {} s of model time, {:.3} × real time, {} spikes",
            self.steps as f64 * self.dt * 1e-3,
            wall / model,
            self.spikes
        ));
        self.bar.set_position(tick);
    }
}

impl Observer for RunObserver<'_> {
    fn epoch(&mut self, epoch: &Epoch<'_>) -> ControlFlow<()> {
        epoch.append_to(&mut self.batch, self.populations);
        let full = self.batch.spikes.iter().map(|s| s.ticks.len()).sum::<usize>() >= FULL_BATCH_SPIKES;
        if full || self.last_update.elapsed() >= PROGRESS_INTERVAL {
            self.last_update = Instant::now();
            self.send_batch();
            self.update_bar(*epoch.ticks.end());
            if self.record_error.is_some() || self.interrupted.load(Ordering::Relaxed) {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

fn progress_bar(arguments: &Arguments, steps: u64) -> ProgressBar {
    let target =
        if arguments.quiet || arguments.json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {msg}, {eta} left");
    ProgressBar::with_draw_target(Some(steps), target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The output file if `--out` is not given: out/NAME.h5 for a configuration NAME.toml.
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

/// Handles Ctrl-C and SIGTERM.
///
/// Before `recording` is set, while the network is built, there are no data to keep: an interrupt ends the process at
/// once. Afterwards the first interrupt sets the returned flag, which ends the run cleanly. An interrupt more than
/// [`SECOND_INTERRUPT_AFTER`] later ends the process at once. Earlier repetitions are ignored, because one key press
/// can raise two signals: the terminal sends one, and a parent process may forward its own.
fn handle_signals(recording: &Arc<AtomicBool>) -> Result<Arc<AtomicBool>, CommandError> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let (flag, recording) = (Arc::clone(&interrupted), Arc::clone(recording));
    let mut first_interrupt = None;
    ctrlc::set_handler(move || {
        flag.store(true, Ordering::Relaxed);
        if !recording.load(Ordering::Relaxed)
            || first_interrupt.get_or_insert_with(Instant::now).elapsed() > SECOND_INTERRUPT_AFTER
        {
            std::process::exit(130);
        }
    })
    .map_err(|e| CommandError::failed(format!("cannot handle Ctrl-C: {e}")))?;
    Ok(interrupted)
}

/// Runs `lapicque run`.
pub fn run(arguments: &Arguments) -> Result<ExitCode, CommandError> {
    let started = SystemTime::now();
    let models = Models::standard();
    let loaded = arguments.configuration.load(&models)?;
    let options = Options { models, ..Options::default() };
    let options = Options { threads: arguments.threads.map_or(options.threads, usize::from), ..options };
    let config = &arguments.configuration.config;
    let output = arguments.out.clone().unwrap_or_else(|| default_output(config));
    if output.canonicalize().is_ok_and(|output| config.canonicalize().is_ok_and(|config| output == config)) {
        return Err(CommandError::invalid_input(format!(
            "the output {} is the configuration itself: choose another output with --out",
            output.display()
        )));
    }
    let recording = Arc::new(AtomicBool::new(false));
    let interrupted = handle_signals(&recording)?;
    let reserved_output = ReservedOutput::new(&output, arguments.force).map_err(CommandError::failed)?;
    let mut phase_start = Instant::now();
    let mut end_phase = || std::mem::replace(&mut phase_start, Instant::now()).elapsed().as_secs_f64();
    let mut simulation = Simulation::new(loaded.plan.clone(), options)?;
    let build_s = end_phase();
    warn(simulation.rounding_warning());
    let provenance = provenance(&loaded, simulation.threads(), started);
    recording.store(true, Ordering::Relaxed);
    let mut recorder = reserved_output.start_recording(simulation.plan(), &provenance).map_err(CommandError::failed)?;
    let bar = progress_bar(arguments, loaded.plan.steps);
    // Creating the output file belongs neither to the build nor to the simulation.
    end_phase();
    let mut observer = RunObserver {
        recorder: &mut recorder,
        record_error: None,
        interrupted: &interrupted,
        batch: Batch::default(),
        populations: loaded.plan.populations.len(),
        spikes: 0,
        bar: &bar,
        dt: loaded.plan.dt,
        steps: loaded.plan.steps,
        start: Instant::now(),
        last_update: Instant::now(),
    };
    let result = simulation.run(loaded.plan.steps, &mut observer);
    observer.send_batch();
    let record_error = observer.record_error.take();
    let simulate_s = end_phase();
    bar.finish_and_clear();
    result.map_err(CommandError::failed)?;
    if let Some(error) = record_error {
        return Err(CommandError::failed(error));
    }
    let complete = simulation.tick() == loaded.plan.steps;
    let state = if complete { State::Complete } else { State::Interrupted };
    let peak = peak_memory().unwrap_or(0);
    let phases = [("build", build_s), ("simulate", simulate_s)];
    let summary = recorder.finish(state, &phases, peak, simulation.tick()).map_err(CommandError::failed)?;
    let report = Report { simulation: &simulation, summary: &summary, build_s, simulate_s, peak };
    if arguments.json {
        print(&format!("{}\n", report.json()))?;
    } else if !arguments.quiet {
        print(&report.table())?;
    }
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::from(130) })
}

/// Rounds a time to nine decimals: tick × dt may print as 0.30000000000000004 instead of 0.3.
fn round_to_nine_decimals(time: f64) -> f64 {
    (time * 1e9).round() / 1e9
}

/// Figures for the summary of a run, printed as a table or as JSON.
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
            round_to_nine_decimals(summary.t_start_ms),
            round_to_nine_decimals(summary.t_stop_ms)
        );
        let (model, wall) = (self.model_s(), self.simulate_s);
        text += &format!("build     {:.2} s\n", self.build_s);
        text += &format!(
            "simulate  {wall:.2} s of wall time for {} s of model time: {:.3} × real time\n",
            round_to_nine_decimals(model),
            wall / model
        );
        text += &format!("memory    {:.0} MB at the peak\n", self.peak as f64 / 1e6);
        if summary.state == State::Interrupted {
            text += &format!("interrupted at {} ms\n", round_to_nine_decimals(self.simulation.time()));
        }
        text + &format!("output    {}\n", summary.file.display())
    }
}
