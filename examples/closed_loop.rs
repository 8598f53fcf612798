//! Closed loop: runs the engine in stretches of 10 ms and steers an input from the activity of the last stretch.
//!
//! A slow controller turns the rate of the external input of an inhibitory network up or down until its neurons fire at
//! 10 Hz on average.
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
    let mut external = 8e3;
    network.input("external", "I", Some("synapse"), "poisson", &[("rate", value(external)), ("weight", value(0.1))])?;
    network.project("I", "I", "synapse", Rule::ErdosRenyi(0.1), -0.2, 2.0)?;
    let mut simulation = network.build(2)?;
    let mut smooth = 0.0;
    for stretch in 1..=400 {
        let spikes = simulation.run_for(10.0)?.spikes.remove(0);
        let rate = spikes.ticks.len() as f64 / f64::from(NEURONS) / 0.01;
        smooth += 0.1 * (rate - smooth);
        external = (external + 20.0 * (TARGET_HZ - smooth)).clamp(0.0, 40e3);
        simulation.set_input("external", "rate", value(external))?;
        if stretch % 50 == 0 {
            println!("{:4.1} s: {smooth:5.2} Hz at an external rate of {external:.0} Hz", simulation.time() * 1e-3);
        }
    }
    if (smooth - TARGET_HZ).abs() > 1.0 {
        return Err(format!("the loop did not settle: {smooth:.2} Hz instead of {TARGET_HZ} Hz").into());
    }
    Ok(())
}
