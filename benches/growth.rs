//! How do time and memory grow with the size of a network, its rate, and the numbers of threads and tiles? The network
//! is Brunel's (g = 5, 1000 excitatory and 250 inhibitory synapses per neuron). A synapse takes 2 bytes; where a bit
//! for each pair of neurons takes less, that is used. Every run prints one line of a Markdown table.
//!
//! ```text
//! cargo bench --bench growth                                         three short sweeps: size, rate, threads and tiles
//! cargo bench --bench growth -- --neurons 1e3,1e4,1e5,1e6             one sweep: every combination of the lists
//! cargo bench --bench growth -- --neurons 4e6 --measure 100           5e9 synapses, about 11 GB
//! ```
//! Options that take a list: `--neurons`, `--eta` (external rate divided by the rate that reaches threshold),
//! `--threads`, `--tiles` (0 means one per thread). Options that take a number: `--warm-up` and `--measure` (ms of
//! model time), `--seed`.
//!
//! Columns: `RTF` is wall time over model time. `CPU` is the processor time of all threads over model time: compare
//! this one on a busy machine. `ns per event` is all processor time, with updates and Poisson input, per synaptic
//! event. `spikes` is the number of spikes and a hash over (step, neuron). It must not depend on threads or tiles.
//! Every run has its own process, so that `peak MB` is the memory of this run alone.

mod common {
    pub mod brunel;
}

use common::brunel::brunel;
use lapicque_engine::memory::peak_memory;
use lapicque_engine::run::Epoch;
use lapicque_engine::run::{Options, Simulation};
use rustix::time::{ClockId, clock_gettime};
use std::error::Error;
use std::ops::ControlFlow;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

type Fallible<T> = Result<T, Box<dyn Error>>;

const HEADER: &str = "\
| neurons | synapses | eta | threads | tiles | build s | build CPU s | RTF | CPU | rate Hz | events | ns per event \
| bytes per synapse | peak MB | spikes |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|";

/// The settings of one run. Times in ms.
#[derive(Clone, Copy, Debug)]
struct Row {
    neurons: u32,
    eta: f64,
    threads: usize,
    tiles: usize,
    warm_up: f64,
    measure: f64,
    seed: u64,
}

/// A sweep: runs for all combinations of the lists.
struct Sweep {
    neurons: Vec<f64>,
    eta: Vec<f64>,
    threads: Vec<f64>,
    tiles: Vec<f64>,
    warm_up: f64,
    measure: f64,
    seed: f64,
}

impl Sweep {
    fn new() -> Sweep {
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get()) as f64;
        Sweep {
            neurons: vec![12_500.0],
            eta: vec![2.0],
            threads: vec![threads],
            tiles: vec![0.0],
            warm_up: 100.0,
            measure: 300.0,
            seed: 1.0,
        }
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for &neurons in &self.neurons {
            for &eta in &self.eta {
                for &threads in &self.threads {
                    rows.extend(self.tiles.iter().map(|&tiles| Row {
                        neurons: neurons as u32,
                        eta,
                        threads: threads as usize,
                        tiles: tiles as usize,
                        warm_up: self.warm_up,
                        measure: self.measure,
                        seed: self.seed as u64,
                    }));
                }
            }
        }
        rows
    }
}

/// Processor time of this process so far, all threads together.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Number and hash of the spikes of a run, in the order of (step, population, neuron).
struct Spikes {
    count: u64,
    hash: u64,
    populations: usize,
}

impl Spikes {
    fn add(&mut self, epoch: &Epoch<'_>) -> ControlFlow<()> {
        for tick in epoch.ticks.clone() {
            let step = epoch.spikes(tick);
            for p in 0..self.populations {
                for &neuron in step.of(p) {
                    // FNV-1a, word by word.
                    for word in [tick, p as u64, u64::from(neuron)] {
                        self.hash = (self.hash ^ word).wrapping_mul(0x0000_0100_0000_01B3);
                    }
                    self.count += 1;
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// Builds and runs a network, and prints the line of the table.
fn run_row(row: Row) -> Fallible<()> {
    let (wall, before) = (Instant::now(), cpu());
    let plan = brunel(row.neurons, row.eta, 1.0, row.seed)?.plan_mut().clone();
    let options = Options { threads: row.threads, tiles: row.tiles, ..Options::default() };
    let mut simulation = Simulation::new(plan, options)?;
    let (build, build_cpu) = (wall.elapsed(), cpu() - before);
    let mut spikes = Spikes { count: 0, hash: 0xCBF2_9CE4_8422_2325, populations: simulation.plan().populations.len() };
    let steps = |ms: f64| (ms / 0.1).round() as u64;
    simulation.run(steps(row.warm_up), &mut |_: &Epoch<'_>| ControlFlow::Continue(()))?;
    let events = simulation.synaptic_events();
    let (wall, before) = (Instant::now(), cpu());
    simulation.run(steps(row.measure), &mut |epoch: &Epoch<'_>| spikes.add(epoch))?;
    let (wall, cpu) = (wall.elapsed().as_secs_f64(), (cpu() - before).as_secs_f64());
    let (events, model) = (simulation.synaptic_events() - events, row.measure * 1e-3);
    println!(
        "| {} | {} | {} | {} | {} | {:.2} | {:.2} | {:.3} | {:.3} | {:.2} | {} | {:.3} | {:.2} | {} | {} {:016x} |",
        row.neurons,
        simulation.synapses(),
        row.eta,
        row.threads,
        row.tiles.max(row.threads),
        build.as_secs_f64(),
        build_cpu.as_secs_f64(),
        wall / model,
        cpu / model,
        spikes.count as f64 / f64::from(row.neurons) / model,
        events,
        cpu * 1e9 / events as f64,
        simulation.bytes().0 as f64 / simulation.synapses() as f64,
        peak_memory().map_or("?".into(), |bytes| (bytes / 1_000_000).to_string()),
        spikes.count,
        spikes.hash,
    );
    Ok(())
}

/// Runs every row of a sweep in its own process.
fn sweep(title: &str, sweep: &Sweep) -> Fallible<()> {
    println!("\n### {title}\n\n{HEADER}");
    for row in sweep.rows() {
        let numbers = [
            ("--neurons", f64::from(row.neurons)),
            ("--eta", row.eta),
            ("--threads", row.threads as f64),
            ("--tiles", row.tiles as f64),
            ("--warm-up", row.warm_up),
            ("--measure", row.measure),
            ("--seed", row.seed as f64),
        ];
        let arguments = numbers.iter().flat_map(|(name, value)| [name.to_string(), value.to_string()]);
        let status = Command::new(std::env::current_exe()?).arg("--row").args(arguments).status()?;
        if !status.success() {
            println!("| {} | failed: {status} |", row.neurons);
        }
    }
    Ok(())
}

/// Reads the arguments. Returns the sweep, whether any option was given, and whether this process runs a single row.
fn arguments() -> Fallible<(Sweep, bool, bool)> {
    let (mut sweep, mut given, mut row) = (Sweep::new(), false, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--bench" => continue, // added by cargo
            "--row" => {
                row = true;
                continue;
            }
            _ => {}
        }
        let text = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        let list = text.split(',').map(|x| x.trim().parse::<f64>()).collect::<Result<Vec<_>, _>>();
        let list = list.map_err(|_| format!("{name} = \"{text}\": give numbers separated by commas"))?;
        given = true;
        match name.as_str() {
            "--neurons" => sweep.neurons = list,
            "--eta" => sweep.eta = list,
            "--threads" => sweep.threads = list,
            "--tiles" => sweep.tiles = list,
            "--warm-up" => sweep.warm_up = list[0],
            "--measure" => sweep.measure = list[0],
            "--seed" => sweep.seed = list[0],
            _ => {
                let known = "--neurons, --eta, --threads, --tiles, --warm-up, --measure, --seed";
                return Err(format!("unknown argument {name}; the known arguments are {known}").into());
            }
        }
    }
    Ok((sweep, given, row))
}

fn run() -> Fallible<()> {
    let (asked, given, row) = arguments()?;
    if row {
        return asked.rows().first().map_or(Ok(()), |&row| run_row(row));
    }
    if given {
        return sweep("Growth", &asked);
    }
    sweep("Size", &Sweep { neurons: vec![1e3, 3e3, 1e4, 3e4], ..Sweep::new() })?;
    sweep("Rate", &Sweep { eta: vec![0.9, 1.1, 1.5, 2.0, 3.0, 4.0], ..Sweep::new() })?;
    sweep("Threads and tiles", &Sweep { threads: vec![1.0, 2.0], tiles: vec![0.0, 4.0, 16.0, 64.0], ..Sweep::new() })
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("growth: {error}");
            ExitCode::FAILURE
        }
    }
}
