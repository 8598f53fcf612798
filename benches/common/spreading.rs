//! A network in which nearly all time goes into the delivery of spikes: a few neurons that fire at about 200 Hz, driven
//! by a constant current, project onto neurons that only leak.

use lapicque_engine::error::BuildError;
use lapicque_engine::plan::Network;
use lapicque_engine::plan::{Rule, Value, WeightStorage};

/// How synapses are stored: what can be chosen of it.
#[derive(Clone, Copy, Debug)]
pub enum Storage {
    /// One weight, one delay: 2 bytes per synapse, or 1 bit for each pair of neurons, or nothing for all to all.
    Constant,
    /// Weights of their own, delays spread over about 40 steps: packed, full or compact.
    Individual(WeightStorage),
}

/// The network of so many sources and targets.
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
