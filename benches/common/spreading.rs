//! A network in which nearly all time goes into the delivery of spikes: 4000 neurons that fire at about 200 Hz project
//! onto 16 384 that only leak. Each row holds 2000 synapses, as in a cortical microcircuit cut for two threads.

use lapicque_engine::error::BuildError;
use lapicque_engine::network::Network;
use lapicque_engine::plan::{Rule, Value, WeightStorage};
use lapicque_engine::simulation::Simulation;

/// How synapses are stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Storage {
    /// One weight, one delay: 2 bytes per synapse.
    Constant,
    /// 32-bit weights, delays spread over about 40 steps: 6 bytes per synapse.
    Individual,
    /// The same with 16-bit weights: 4 bytes per synapse.
    Compact,
    /// Every source to every target with one weight and delay: no bytes.
    AllToAll,
}

/// Builds it; `scale` multiplies the number of sources, of targets and of synapses per row.
pub fn spreading(storage: Storage, scale: f64) -> Result<Simulation, BuildError> {
    let size = |n: f64| (n * scale).round() as u32;
    let fixed = Value::Constant;
    let mut network = Network::new(0.1, 1);
    let lif = [("tau_m", 20.0), ("v_threshold", 20.0), ("v_reset", 10.0), ("t_ref", 2.0)].map(|(k, v)| (k, fixed(v)));
    network.population("S", size(4000.0), "lif", &lif)?;
    network.initial("S", "v", Value::uniform(10.0, 20.0))?;
    network.input("drive", "S", None, "white_noise", &[("mean", fixed(80.0)), ("sigma", fixed(5.0))])?;
    network.population("T", size(16384.0), "passive", &[("tau_m", fixed(20.0))])?;
    network.receptor("T", "synapse", "delta", &[])?;
    let (rule, weight, delay) = match storage {
        Storage::Constant => (Rule::FixedOutDegree(size(2000.0)), fixed(0.1), fixed(1.5)),
        Storage::AllToAll => (Rule::AllToAll, fixed(0.1), fixed(1.5)),
        Storage::Individual | Storage::Compact => {
            let drawn = (Value::normal(0.1, 0.01), Value::normal(1.5, 0.75));
            (Rule::FixedOutDegree(size(2000.0)), drawn.0, drawn.1)
        }
    };
    network.project("S", "T", "synapse", rule, weight, delay)?;
    if storage == Storage::Compact {
        network.plan_mut().weights = WeightStorage::Compact;
    }
    network.build(1)
}
