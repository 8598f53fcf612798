//! Closed loop: runs the simulation in stretches of 10 ms and adjusts an input after each stretch.
//!
//! A slow controller raises or lowers the rate of the external input of an inhibitory network, until the neurons fire
//! at 10 Hz on average.
//!
//! `cargo run --release --example closed_loop`

use lapicque_engine::plan::Network;
use lapicque_engine::plan::{Rule, Value};

const NEURONS: u32 = 1000;
const TARGET_HZ: f64 = 10.0;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let value = Value::Constant;
    let mut network = Network::new(0.1, 7);
    let neuron =
        [("tau_m", 20.0), ("v_threshold", 20.0), ("v_reset", 10.0), ("t_ref", 2.0)].map(|(k, v)| (k, value(v)));
    network.population("I", NEURONS, "lif", &neuron)?;
    network.receptor("I", "synapse", "delta", &[])?;
    network.initial("I", "v", Value::uniform(0.0, 20.0))?;
    let mut external_rate = 8e3;
    let external = [("rate", value(external_rate)), ("weight", value(0.1))];
    network.input("external", "I", Some("synapse"), "poisson", &external)?;
    network.project("I", "I", "synapse", Rule::ErdosRenyi(0.1), -0.2, 2.0)?;
    let mut simulation = network.build(2)?;
    let mut smoothed_rate = 0.0;
    for stretch in 1..=400 {
        let spikes = simulation.run_for(10.0)?.spikes.remove(0);
        let rate = spikes.ticks.len() as f64 / f64::from(NEURONS) / 0.01;
        smoothed_rate += 0.1 * (rate - smoothed_rate);
        external_rate = (external_rate + 20.0 * (TARGET_HZ - smoothed_rate)).clamp(0.0, 40e3);
        simulation.set_input("external", "rate", value(external_rate))?;
        if stretch % 50 == 0 {
            let time = simulation.time() * 1e-3;
            println!("{time:4.1} s: {smoothed_rate:5.2} Hz at an external rate of {external_rate:.0} Hz");
        }
    }
    if (smoothed_rate - TARGET_HZ).abs() > 1.0 {
        return Err(format!("the rate did not settle: {smoothed_rate:.2} Hz instead of {TARGET_HZ} Hz").into());
    }
    Ok(())
}
