//! What does an epoch cost apart from the kernels? Measures epochs of an almost empty network: two neurons that do not
//! fire, with one synapse each and a delay of one step. So the workers exchange spikes after every step. With 1 and 2
//! threads. `wall` is elapsed time. `cpu` is the processor time of all threads, including threads that spin while they
//! wait.
//!
//! Before that the program counts memory allocations while a network of 1000 neurons runs, for each call of 1000 steps.
//! Each call allocates a few times to start the workers. Buffers grow when more spikes come at once than ever before.
//!
//! `cargo bench --bench epoch`. On a machine of two cores any other busy process distorts the result.

mod common {
    pub mod brunel;
    pub mod clock;
}

use common::brunel::brunel;
use common::clock::CpuTime;
use criterion::measurement::{Measurement, WallTime};
use criterion::{Criterion, Throughput};
use lapicque_engine::error::BuildError;
use lapicque_engine::plan::Network;
use lapicque_engine::plan::{Rule, Value};
use lapicque_engine::run::Epoch;
use lapicque_engine::run::Simulation;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::ops::ControlFlow;
use std::time::Duration;

#[global_allocator]
static MEMORY: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Epochs per call: so many that the start of the workers is negligible in comparison.
const EPOCHS: u64 = 10_000;

fn build(threads: usize) -> Result<Simulation, BuildError> {
    let mut network = Network::new(0.1, 1);
    network.population("N", 2, "passive", &[("tau_m", Value::Constant(20.0))])?;
    network.receptor("N", "synapse", "delta", &[])?;
    network.project("N", "N", "synapse", Rule::OneToOne, 1.0, 0.1)?;
    network.build(threads)
}

fn epoch<M: Measurement + 'static>(c: &mut Criterion<M>, measurement: &str) {
    let mut group = c.benchmark_group(format!("{measurement}/{EPOCHS} epochs"));
    group.throughput(Throughput::Elements(EPOCHS));
    for threads in [1, 2] {
        let mut simulation = build(threads).expect("the network builds");
        group.bench_function(format!("{threads} threads"), |b| {
            b.iter(|| {
                let nothing = &mut |_: &Epoch<'_>| ControlFlow::Continue(());
                simulation.run(EPOCHS, nothing).expect("the network runs");
            });
        });
    }
}

fn criterion<M: Measurement + 'static>(measurement: M) -> Criterion<M> {
    Criterion::default()
        .with_measurement(measurement)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .sample_size(20)
        .configure_from_args()
}

/// Prints the number of memory allocations of each call.
fn allocations() {
    for threads in [1, 2] {
        let network = brunel(1000, 2.0, 0.1, 1).and_then(|network| network.build(threads));
        let mut simulation = network.expect("the network builds");
        let counts = [15, 1000, 1000, 1000, 1000].map(|steps| {
            let region = Region::new(MEMORY);
            let nothing = &mut |_: &Epoch<'_>| ControlFlow::Continue(());
            simulation.run(steps, nothing).expect("the network runs");
            let change = region.change();
            (steps, change.allocations + change.reallocations)
        });
        println!("{threads} threads, (steps, allocations) of each call: {counts:?}");
    }
}

fn main() {
    allocations();
    epoch(&mut criterion(WallTime), "wall");
    let mut last = criterion(CpuTime);
    epoch(&mut last, "cpu");
    last.final_summary();
}
