//! A network that spends nearly all time on the delivery of spikes. A few neurons fire at about 200 Hz under a constant
//! current. They project onto passive neurons.

use lapicque_engine::error::BuildError;
use lapicque_engine::plan::Network;
use lapicque_engine::plan::{Rule, Value, WeightStorage};

/// How synapses are stored.
#[derive(Clone, Copy, Debug)]
pub enum Storage {
    /// All synapses have the same weight and delay: 2 bytes per synapse, or 1 bit per pair of neurons, or no memory at
    /// all with all-to-all connections.
    Constant,
    /// Each synapse has its own weight (full or compact) and its own delay, spread over about 40 steps. Packed.
    Individual(WeightStorage),
}

/// The network with these numbers of sources and targets.
pub fn spreading(sources: u32, targets: u32, rule: Rule, storage: Storage) -> Result<Network, BuildError> {
    let fixed = Value::Constant;
    let mut network = Network::new(0.1, 1);
    let lif = [("tau_m", 20.0), ("v_threshold", 20.0), ("v_reset", 10.0), ("t_ref", 2.0)].map(|(k, v)| (k, fixed(v)));
    network.population("S", sources, "lif", &lif)?;
    network.initial("S", "v", Value::uniform(10.0, 20.0))?;
    network.input("drive", "S", None, "current", &[("amplitude", fixed(80.0))])?;
    network.population("T", targets, "passive", &[("tau_m", fixed(20.0))])?;
    network.receptor("T", "synapse", "delta", &[])?;
    let (weight, delay) = match storage {
        Storage::Constant => (fixed(0.1), fixed(1.5)),
        Storage::Individual(weights) => {
            network.plan_mut().weights = weights;
            (Value::normal(0.1, 0.01), Value::normal(1.5, 0.75))
        }
    };
    network.project("S", "T", "synapse", rule, weight, delay)?;
    Ok(network)
}
