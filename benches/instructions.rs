//! Has a kernel, the delivery or the time loop become slower? Counts instructions under valgrind, because other load on
//! the machine does not change their number. The expected counts are in `instructions.json`. `instructions.py` compares
//! them.
//!
//! `make instructions` compares the counts (a step of `make check`). `make instructions-baseline` replaces the expected
//! counts.
//!
//! Valgrind cannot run AVX-512, although it shows the program the features of the real CPU. So every kernel is counted
//! with two instruction sets chosen by [`vector::force`]: portable and AVX2. A kernel is counted from entry to return
//! of its function in this file. A network runs on a thread of the engine. There everything is counted from the call of
//! [`counted`] to the end of the process. The observer calls [`counted`] in the middle of the run.

#![allow(missing_docs)] // the macros of gungraun write items without documentation

mod common {
    pub mod brunel;
    pub mod draws;
    pub mod pages;
    pub mod population;
    pub mod spreading;
}

use common::brunel::brunel;
use common::draws::Draws;
use common::population::Population;
use common::spreading::{Storage, spreading};
use gungraun::prelude::*;
use gungraun::{Callgrind, EntryPoint};
use lapicque_engine::plan::{Rule, WeightStorage};
use lapicque_engine::run::Epoch;
use lapicque_engine::run::Simulation;
use lapicque_models::inputs::{InputModel, Poisson, WhiteNoise};
use lapicque_models::membranes::{Eif, Lif, MembraneModel};
use lapicque_models::page::Page;
use lapicque_models::receptors::{Delta, Exponential, ReceptorModel};
use lapicque_models::vector::{self, Level};
use std::hint::black_box;
use std::ops::ControlFlow;

const NEURONS: usize = 1024;
/// Steps before the count.
const WARM_UP: usize = 300;
/// Steps counted.
const STEPS: usize = 50;

/// Chooses the instruction set. If the CPU lacks AVX2, another set runs; `instructions.py` ignores these counts.
fn force(level: Level) {
    if !vector::force(level) {
        eprintln!("this CPU lacks {}", level.name());
    }
}

fn population(level: Level, membrane: &Page, receptors: &[&'static Page]) -> Population {
    force(level);
    let mut population = Population::new(NEURONS, membrane, receptors, true);
    (0..WARM_UP).for_each(|_| {
        population.step();
    });
    population
}

fn lif_delta(level: Level) -> Population {
    population(level, Lif::PAGE, &[Delta::PAGE])
}

fn lif_exponential(level: Level) -> Population {
    population(level, Lif::PAGE, &[Exponential::PAGE, Exponential::PAGE])
}

fn eif_exponential(level: Level) -> Population {
    population(level, Eif::PAGE, &[Exponential::PAGE, Exponential::PAGE])
}

fn lif_staged(level: Level) -> Population {
    population(level, Lif::PAGE, &[Delta::PAGE, Exponential::PAGE])
}

#[library_benchmark]
#[bench::lif_delta_portable(args = (Level::Portable), setup = lif_delta)]
#[bench::lif_delta_avx2(args = (Level::Avx2), setup = lif_delta)]
#[bench::lif_exponential_portable(args = (Level::Portable), setup = lif_exponential)]
#[bench::lif_exponential_avx2(args = (Level::Avx2), setup = lif_exponential)]
#[bench::lif_staged_portable(args = (Level::Portable), setup = lif_staged)]
#[bench::lif_staged_avx2(args = (Level::Avx2), setup = lif_staged)]
#[bench::eif_exponential_portable(args = (Level::Portable), setup = eif_exponential)]
#[bench::eif_exponential_avx2(args = (Level::Avx2), setup = eif_exponential)]
fn update(mut population: Population) -> Population {
    (0..STEPS).for_each(|_| {
        black_box(population.step());
    });
    population
}

#[library_benchmark]
#[bench::lif_exponential_portable(args = (Level::Portable), setup = lif_exponential)]
#[bench::lif_exponential_avx2(args = (Level::Avx2), setup = lif_exponential)]
fn update_from_sums(mut population: Population) -> Population {
    (0..STEPS).for_each(|_| {
        black_box(population.step_from_sums());
    });
    population
}

fn draws(level: Level, page: &'static Page, parameters: &[(&str, f64)]) -> Draws {
    force(level);
    let mut draws = Draws::new(NEURONS, page, parameters);
    draws.step();
    draws
}

/// Poisson counts with a mean of two per step.
fn counts(level: Level) -> Draws {
    draws(level, Poisson::PAGE, &[("rate", 20e3), ("weight", 0.1)])
}

fn noise(level: Level) -> Draws {
    draws(level, WhiteNoise::PAGE, &[("mean", 1.0), ("sigma", 1.0)])
}

#[library_benchmark]
#[bench::poisson_portable(args = (Level::Portable), setup = counts)]
#[bench::poisson_avx2(args = (Level::Avx2), setup = counts)]
#[bench::noise_portable(args = (Level::Portable), setup = noise)]
#[bench::noise_avx2(args = (Level::Avx2), setup = noise)]
fn draw(mut draws: Draws) -> Draws {
    (0..STEPS).for_each(|_| draws.step());
    draws
}

/// The call of this function starts the count of a network.
#[inline(never)]
fn counted(tick: u64) {
    black_box(tick);
}

/// Runs 300 steps and counts about the last 180. The observer calls `counted` when it sees step 100, which is some
/// epochs after the step has run.
fn run(mut simulation: Simulation) -> Simulation {
    let mut before = true;
    let mut observer = |epoch: &Epoch<'_>| {
        if before && *epoch.ticks.end() >= 100 {
            before = false;
            counted(*epoch.ticks.end());
        }
        ControlFlow::Continue(())
    };
    simulation.run(300, &mut observer).expect("the network runs");
    simulation
}

/// A network with eight synapses from each source to each target, so that most counted instructions are delivery.
fn delivered(storage: Storage) -> Simulation {
    force(Level::Portable);
    let network = spreading(512, 512, Rule::FixedOutDegree(4096), storage);
    network.and_then(|network| network.build(1)).expect("the network builds")
}

fn small_network(level: Level) -> Simulation {
    force(level);
    brunel(1000, 2.0, 0.1, 1).and_then(|network| network.build(1)).expect("the network builds")
}

#[library_benchmark]
#[bench::constant(args = (Storage::Constant), setup = delivered)]
#[bench::individual(args = (Storage::Individual(WeightStorage::Full)), setup = delivered)]
#[bench::compact(args = (Storage::Individual(WeightStorage::Compact)), setup = delivered)]
fn delivery(simulation: Simulation) {
    std::mem::forget(run(simulation));
}

#[library_benchmark]
#[bench::brunel_portable(args = (Level::Portable), setup = small_network)]
#[bench::brunel_avx2(args = (Level::Avx2), setup = small_network)]
fn network(simulation: Simulation) {
    std::mem::forget(run(simulation));
}

library_benchmark_group!(name = kernels, benchmarks = [update, update_from_sums, draw]);

library_benchmark_group!(
    name = networks,
    config = LibraryBenchmarkConfig::default()
        .tool(Callgrind::with_args(["--zero-before=*instructions::counted*"]).entry_point(EntryPoint::None)),
    benchmarks = [delivery, network]
);

main!(
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = [kernels, networks]
);
