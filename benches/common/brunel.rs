//! Brunel's network of excitatory and inhibitory neurons (2000, model A, g = 5) with any number of neurons: 1000
//! excitatory and 250 inhibitory synapses per neuron, constant weights, delay 1.5 ms.

use lapicque_engine::error::BuildError;
use lapicque_engine::plan::Network;
use lapicque_engine::plan::{Rule, Value};

/// The network with `neurons` neurons. The external rate is `eta` times the rate that reaches threshold. The in-degrees
/// are 1000 · `degree` and 250 · `degree`. Weights are 0.1 mV / `degree`, so that the mean input does not depend on
/// `degree`.
pub fn brunel(neurons: u32, eta: f64, degree: f64, seed: u64) -> Result<Network, BuildError> {
    let fixed = Value::Constant;
    let mut network = Network::new(0.1, seed);
    let lif = [("tau_m", 20.0), ("v_threshold", 20.0), ("v_reset", 10.0), ("t_ref", 2.0)].map(|(k, v)| (k, fixed(v)));
    let excitatory = neurons / 5 * 4;
    let weight = 0.1 / degree;
    for (name, size) in [("E", excitatory), ("I", neurons - excitatory)] {
        network.population(name, size, "lif", &lif)?;
        network.receptor(name, "synapse", "delta", &[])?;
        network.initial(name, "v", Value::uniform(0.0, 20.0))?;
        // Spikes of 1000 · degree external neurons at 10 Hz each bring the mean potential to the threshold of 20 mV.
        let external = [("rate", fixed(eta * 1e4 * degree)), ("weight", fixed(weight))];
        network.input("external", name, Some("synapse"), "poisson", &external)?;
    }
    let count = |n: f64| (n * degree).round() as u32;
    for target in ["E", "I"] {
        network.project("E", target, "synapse", Rule::FixedInDegree(count(1000.0)), weight, 1.5)?;
        network.project("I", target, "synapse", Rule::FixedInDegree(count(250.0)), -5.0 * weight, 1.5)?;
    }
    Ok(network)
}
