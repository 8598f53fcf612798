//! What does it cost to build a synapse? Measures processor time per synapse for every connection rule, with constant
//! and with drawn weights and delays, with and without multapses (`thrpt` is synapses per second). One thread, about a
//! million synapses. The time includes the build of the populations.
//!
//! `cargo bench --bench network_build`

mod common {
    pub mod clock;
}

use common::clock::CpuTime;
use criterion::{Criterion, Throughput};
use lapicque_engine::error::BuildError;
use lapicque_engine::plan::Network;
use lapicque_engine::plan::{Rule, Value, WeightStorage};
use lapicque_engine::run::Simulation;
use std::time::Duration;

const NEURONS: u32 = 4000;
const DEGREE: u32 = 250;

/// What is built.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    rule: Rule,
    drawn: bool,
    multapses: bool,
    weights: WeightStorage,
}

fn build(case: Case) -> Result<Simulation, BuildError> {
    let fixed = Value::Constant;
    let mut network = Network::new(0.1, 1);
    // A million one-to-one synapses need a million neurons.
    let size = if case.rule == Rule::OneToOne { NEURONS * DEGREE } else { NEURONS };
    for name in ["A", "B"] {
        network.population(name, size, "passive", &[("tau_m", fixed(20.0))])?;
        network.receptor(name, "synapse", "delta", &[])?;
    }
    let (weight, delay) = match case.drawn {
        true => (Value::normal(1.0, 0.1), Value::normal(1.5, 0.75)),
        false => (fixed(1.0), fixed(1.5)),
    };
    network.project("A", "B", "synapse", case.rule, weight, delay)?;
    network.plan_mut().weights = case.weights;
    network.plan_mut().projections[0].multapses = case.multapses;
    network.build(1)
}

fn network_build(c: &mut Criterion<CpuTime>) {
    let total = u64::from(NEURONS) * u64::from(DEGREE);
    let probability = f64::from(DEGREE) / f64::from(NEURONS);
    let plain = |name, rule| Case { name, rule, drawn: false, multapses: true, weights: WeightStorage::Full };
    let cases = [
        plain("all_to_all", Rule::AllToAll),
        Case { drawn: true, ..plain("all_to_all, drawn", Rule::AllToAll) },
        plain("erdos_renyi", Rule::ErdosRenyi(probability)),
        plain("fixed_in_degree", Rule::FixedInDegree(DEGREE)),
        Case { multapses: false, ..plain("fixed_in_degree, no multapses", Rule::FixedInDegree(DEGREE)) },
        Case { drawn: true, ..plain("fixed_in_degree, drawn", Rule::FixedInDegree(DEGREE)) },
        Case {
            drawn: true,
            weights: WeightStorage::Compact,
            ..plain("fixed_in_degree, drawn, compact", Rule::FixedInDegree(DEGREE))
        },
        plain("fixed_out_degree", Rule::FixedOutDegree(DEGREE)),
        Case { multapses: false, ..plain("fixed_out_degree, no multapses", Rule::FixedOutDegree(DEGREE)) },
        plain("fixed_total_number", Rule::FixedTotalNumber(total)),
        Case { drawn: true, ..plain("fixed_total_number, drawn", Rule::FixedTotalNumber(total)) },
        Case { multapses: false, ..plain("fixed_total_number, no multapses", Rule::FixedTotalNumber(total)) },
        plain("one_to_one", Rule::OneToOne),
    ];
    let mut group = c.benchmark_group("build");
    for case in cases {
        let synapses = build(case).expect("the network builds").synapses();
        group.throughput(Throughput::Elements(synapses));
        group.bench_function(case.name, |b| b.iter_with_large_drop(|| build(case).expect("the network builds")));
    }
}

fn main() {
    let mut criterion = Criterion::default()
        .with_measurement(CpuTime)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(2))
        .sample_size(10)
        .configure_from_args();
    network_build(&mut criterion);
    criterion.final_summary();
}
