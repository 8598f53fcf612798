//! A network in Rust: Brunel's excitatory-inhibitory network (2000) at a fifth of its size. Runs half a second and
//! prints the firing rates after the first 100 ms.
//!
//! `cargo run --release --example hello`

use lapicque_engine::plan::Network;
use lapicque_engine::plan::{Rule, Value};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let value = Value::Constant;
    let neuron =
        [("tau_m", 20.0), ("v_threshold", 20.0), ("v_reset", 10.0), ("t_ref", 2.0)].map(|(k, v)| (k, value(v)));
    let mut network = Network::new(0.1, 1);
    for (name, size) in [("E", 2000), ("I", 500)] {
        network.population(name, size, "lif", &neuron)?;
        network.receptor(name, "synapse", "delta", &[])?;
        network.initial(name, "v", Value::uniform(0.0, 20.0))?;
        // 1000 external neurons of 20 Hz each are one Poisson input of 20 kHz. V jumps by 0.1 mV per spike.
        network.input(
            "external",
            name,
            Some("synapse"),
            "poisson",
            &[("rate", value(20e3)), ("weight", value(0.1))],
        )?;
    }
    for target in ["E", "I"] {
        network.project("E", target, "synapse", Rule::FixedInDegree(200), 0.5, 1.5)?;
        network.project("I", target, "synapse", Rule::FixedInDegree(50), -2.5, 1.5)?;
    }
    let mut simulation = network.build(2)?;
    simulation.run_for(100.0)?;
    let batch = simulation.run_for(400.0)?;
    for (spikes, population) in batch.spikes.iter().zip(&simulation.plan().populations) {
        let rate = spikes.ticks.len() as f64 / f64::from(population.size) / 0.4;
        println!("{}: {} spikes, {rate:.1} Hz", population.name, spikes.ticks.len());
    }
    Ok(())
}
