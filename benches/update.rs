//! What does a step of a neuron cost? Measures processor time per neuron and step (`thrpt` is neuron steps per second).
//! Every membrane of the standard list runs without receptor, with each receptor, and with two receptors of each kind
//! that does not make V jump. There are three variants: fused, staged, and fused from integer input sums. The fused
//! variant runs with every vector instruction set of this CPU, the others with the widest.
//!
//! `cargo bench --bench update`, or `… -- lif/exponential` for some of them. The state of the 4096 neurons fits into
//! the L2 cache.

mod common {
    pub mod clock;
    pub mod levels;
    pub mod pages;
    pub mod population;
}

use common::clock::CpuTime;
use common::levels::at_each_level;
use common::population::Population;
use criterion::{BenchmarkId, Criterion, Throughput};
use lapicque_models::list::Models;
use lapicque_models::page::{Page, Role};
use lapicque_models::vector::{self, Level};
use std::time::Duration;

const NEURONS: usize = 4096;
/// Steps before the measurement; enough for the first spikes.
const WARM_UP: usize = 1000;

/// The lists of receptors to measure.
fn combinations(models: &Models) -> Vec<Vec<&'static Page>> {
    let mut all = vec![Vec::new()];
    for page in models.pages().into_iter().filter(|p| p.role == Role::Receptor) {
        all.push(vec![page]);
        if models.receptor(page).is_some_and(|r| !r.jumps) {
            all.push(vec![page, page]);
        }
    }
    all
}

fn update(c: &mut Criterion<CpuTime>) {
    let models = Models::standard();
    for membrane in models.pages().into_iter().filter(|p| p.role == Role::Membrane) {
        for receptors in combinations(&models) {
            let names: Vec<_> = receptors.iter().map(|p| p.name).collect();
            let names = if names.is_empty() { "none".to_string() } else { names.join("+") };
            let mut group = c.benchmark_group(format!("{}/{names}", membrane.name));
            group.throughput(Throughput::Elements(NEURONS as u64));
            let mut bench = |path: &str, fuse: bool, level: Level| {
                let mut population = Population::new(NEURONS, membrane, &receptors, fuse);
                (0..WARM_UP).for_each(|_| {
                    population.step();
                });
                group.bench_function(BenchmarkId::new(path, level.name()), |b| b.iter(|| population.step()));
            };
            at_each_level(|level| bench("fused", true, level));
            bench("staged", false, vector::level());
            let mut population = Population::new(NEURONS, membrane, &receptors, true);
            if population.step_from_sums().is_some() {
                let id = BenchmarkId::new("sums", vector::level().name());
                group.bench_function(id, |b| b.iter(|| population.step_from_sums()));
            }
        }
    }
}

fn main() {
    let mut criterion = Criterion::default()
        .with_measurement(CpuTime)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(500))
        .sample_size(30)
        .configure_from_args();
    update(&mut criterion);
    criterion.final_summary();
}
