//! What does a random number cost? Measures processor time per Poisson count, for means from 0.01 to 20 per step, and
//! per normal deviate of white noise. A count with a mean above 5 takes several draws. Every vector instruction set of
//! this CPU is measured. `thrpt` is counts or deviates per second.
//!
//! `cargo bench --bench draws`

mod common {
    pub mod clock;
    pub mod draws;
    pub mod levels;
    pub mod pages;
}

use common::clock::CpuTime;
use common::draws::{DT, Draws};
use common::levels::at_each_level;
use criterion::{BenchmarkId, Criterion, Throughput};
use lapicque_models::inputs::{InputModel, Poisson, WhiteNoise};
use std::time::Duration;

const NEURONS: usize = 4096;

fn draws(c: &mut Criterion<CpuTime>) {
    let mut group = c.benchmark_group("poisson");
    group.throughput(Throughput::Elements(NEURONS as u64));
    for mean in [0.01, 0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 20.0] {
        at_each_level(|level| {
            let mut source = Draws::new(NEURONS, Poisson::PAGE, &[("rate", mean / (1e-3 * DT)), ("weight", 0.1)]);
            group.bench_function(BenchmarkId::new(format!("mean {mean}"), level.name()), |b| b.iter(|| source.step()));
        });
    }
    group.finish();
    let mut group = c.benchmark_group("white_noise");
    group.throughput(Throughput::Elements(NEURONS as u64));
    at_each_level(|level| {
        let mut source = Draws::new(NEURONS, WhiteNoise::PAGE, &[("mean", 1.0), ("sigma", 1.0)]);
        group.bench_function(level.name(), |b| b.iter(|| source.step()));
    });
}

fn main() {
    let mut criterion = Criterion::default()
        .with_measurement(CpuTime)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(500))
        .sample_size(30)
        .configure_from_args();
    draws(&mut criterion);
    criterion.final_summary();
}
