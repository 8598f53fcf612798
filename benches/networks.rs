//! How long does a whole small network take? Measures the time for 100 ms of model time, after 200 ms that are not
//! measured. Uses all threads. Spikes are collected but not written. The real-time factor is the measured time divided
//! by 100 ms. `wall` is elapsed time. `cpu` is the processor time of all threads together: compare this one on a busy
//! machine.
//!
//! `cargo bench --bench networks`; `LAPICQUE_THREADS=1` sets the threads.

mod common {
    pub mod clock;
}

use common::clock::CpuTime;
use criterion::Criterion;
use criterion::measurement::{Measurement, WallTime};
use lapicque_engine::config;
use lapicque_engine::run::{Options, Simulation};
use lapicque_models::list::Models;
use std::path::Path;
use std::time::Duration;

const CONFIGS: [&str; 5] = ["brunel_ai", "cuba", "inhibitory_oscillation", "microcircuit_tenth", "eif_ei"];
const WARM_UP_MS: f64 = 200.0;
const MEASURED_MS: f64 = 100.0;

fn build(name: &str) -> Result<Simulation, Box<dyn std::error::Error>> {
    let mut options = Options::default();
    if let Ok(threads) = std::env::var("LAPICQUE_THREADS") {
        options.threads = threads.parse()?;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs").join(name).with_extension("toml");
    let loaded = config::load(&path, &[], &Models::standard().pages())?;
    let mut simulation = Simulation::new(loaded.plan, options)?;
    simulation.run_for(WARM_UP_MS)?;
    Ok(simulation)
}

fn networks<M: Measurement + 'static>(c: &mut Criterion<M>, measurement: &str) {
    for name in CONFIGS {
        let mut simulation = None;
        c.bench_function(&format!("{measurement}/{name}/100 ms"), |b| {
            let simulation = simulation.get_or_insert_with(|| build(name).expect("the configuration runs"));
            b.iter(|| simulation.run_for(MEASURED_MS).expect("the network runs"));
        });
    }
}

fn criterion<M: Measurement + 'static>(measurement: M) -> Criterion<M> {
    Criterion::default()
        .with_measurement(measurement)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(3))
        .sample_size(10)
        .configure_from_args()
}

fn main() {
    networks(&mut criterion(WallTime), "wall");
    let mut last = criterion(CpuTime);
    networks(&mut last, "cpu");
    last.final_summary();
}
