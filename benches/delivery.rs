//! What does a synaptic event cost? Measures processor time per event for each storage of synapses, on one thread
//! (`thrpt` is events per second). Delivery dominates: each target receives about ten events per step. The update of
//! the targets is counted too, but is only a few percent of the time. The network is in `common/spreading.rs`.
//!
//! The second part, `ring`, measures how wide the bands of delays should be, for several sizes of a tile.
//!
//! `cargo bench --bench delivery`

mod common {
    pub mod clock;
    pub mod spreading;
}

use common::clock::{CpuTime, cpu};
use common::spreading::{Storage, spreading};
use criterion::{Criterion, Throughput};
use lapicque_engine::plan::{Rule, WeightStorage};
use lapicque_engine::run::Epoch;
use lapicque_engine::run::{Options, Simulation};
use std::ops::ControlFlow;
use std::time::Duration;

const SOURCES: u32 = 4000;
const TARGETS: u32 = 16_384;
/// Synapses per row: as many as in a cortical microcircuit on two threads.
const ROW: u32 = 2000;
/// Synapses per row that are too few for a bit matrix.
const SPARSE: u32 = 500;
/// Synaptic events per iteration of criterion.
const EVENTS: u64 = 1_000_000;
/// Steps between two readings of the number of events.
const STEPS: u64 = 15;

/// Runs some steps and returns the number of synaptic events.
fn run(simulation: &mut Simulation, steps: u64) -> u64 {
    let before = simulation.synaptic_events();
    simulation.run(steps, &mut |_: &Epoch<'_>| ControlFlow::Continue(())).expect("the network runs");
    simulation.synaptic_events() - before
}

/// Processor time of `iterations · EVENTS` events. Runs until at least this number is delivered, then scales the time
/// to exactly this number.
fn time(simulation: &mut Simulation, iterations: u64) -> Duration {
    let (start, wanted, mut events) = (cpu(), iterations * EVENTS, 0);
    while events < wanted {
        events += run(simulation, STEPS);
    }
    (cpu() - start).mul_f64(wanted as f64 / events as f64)
}

fn delivery(c: &mut Criterion<CpuTime>) {
    let mut group = c.benchmark_group("delivery");
    group.throughput(Throughput::Elements(EVENTS));
    let row = Rule::FixedOutDegree(ROW);
    for (name, rule, storage) in [
        ("constant weight and delay, 2 bytes", Rule::FixedOutDegree(SPARSE), Storage::Constant),
        ("constant weight and delay, dense, 1 bit for each pair", row, Storage::Constant),
        ("individual weights and delays, packed", row, Storage::Individual(WeightStorage::Full)),
        ("compact weights, individual delays, packed", row, Storage::Individual(WeightStorage::Compact)),
        ("all to all, 0 bytes", Rule::AllToAll, Storage::Constant),
    ] {
        let mut simulation = None;
        group.bench_function(name, |b| {
            let simulation = simulation.get_or_insert_with(|| {
                let network = spreading(SOURCES, TARGETS, rule, storage);
                let mut simulation = network.and_then(|network| network.build(1)).expect("the network builds");
                run(&mut simulation, 200);
                simulation
            });
            b.iter_custom(|iterations| time(simulation, iterations));
        });
    }
}

/// How wide should bands of delays be? Each case is a tile with `targets` slots and rows of `row` synapses.
fn ring(c: &mut Criterion<CpuTime>) {
    for (targets, row) in
        [(1024, 128), (4096, 200), (4096, 512), (16_384, 500), (16_384, 2000), (38_400, 500), (38_400, 2000)]
    {
        let mut group = c.benchmark_group(format!("ring/{targets} slots, rows of {row}"));
        group.throughput(Throughput::Elements(EVENTS));
        for band in [0, 1, 2, 4, 8, 16, 32, 64] {
            let mut simulation = None;
            let name = if band == 0 { "by rule".into() } else { format!("{band} steps") };
            group.bench_function(name, |b| {
                let simulation = simulation.get_or_insert_with(|| {
                    let options = Options { threads: 1, band, ..Options::default() };
                    let storage = Storage::Individual(WeightStorage::Full);
                    let rule = Rule::FixedOutDegree(row);
                    let mut network = spreading(8_000_000 / row, targets, rule, storage).expect("the network is right");
                    let mut simulation =
                        Simulation::new(network.plan_mut().clone(), options).expect("the network builds");
                    run(&mut simulation, 200);
                    simulation
                });
                b.iter_custom(|iterations| time(simulation, iterations));
            });
        }
    }
}

fn main() {
    let mut criterion = Criterion::default()
        .with_measurement(CpuTime)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(3))
        .sample_size(20)
        .configure_from_args();
    delivery(&mut criterion);
    ring(&mut criterion);
    criterion.final_summary();
}
