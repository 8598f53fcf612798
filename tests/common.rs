//! Small networks for tests of single neurons.

use lapicque_engine::plan::Network;
use lapicque_engine::plan::Value;

/// Parameters of a model, in the engine's units.
pub fn values<const N: usize>(parameters: [(&'static str, f64); N]) -> [(&'static str, Value); N] {
    parameters.map(|(name, value)| (name, Value::Constant(value)))
}

/// Steps, neurons, times of a recorded trace of one neuron and all its spikes.
pub struct Trace {
    /// Value at tick 0, 1, 2, …
    pub rows: Vec<f64>,
    /// Ticks of spikes.
    pub spikes: Vec<u64>,
}

/// Runs a network whose first population, "N", has one neuron, and returns variable `variable` at every step.
pub fn trace(mut network: Network, variable: &str, duration: f64) -> Trace {
    network.trace("N", 1, &[variable], 1).unwrap();
    let batch = network.build(1).unwrap().run_for(duration).unwrap();
    Trace { rows: batch.samples[0].clone(), spikes: batch.spikes[0].ticks.clone() }
}

/// Ticks at which neuron 0 of the first population spikes.
pub fn spikes(network: Network, duration: f64) -> Vec<u64> {
    network.build(1).unwrap().run_for(duration).unwrap().spikes[0].ticks.clone()
}

/// Makes the input added last a pulse at these ticks.
pub fn pulse_at(network: &mut Network, ticks: &[u64]) {
    network.plan_mut().inputs.last_mut().unwrap().times = ticks.iter().map(|tick| tick - 1).collect();
}

/// Asserts that two numbers agree to a relative tolerance.
#[track_caller]
pub fn assert_close(got: f64, expected: f64, relative: f64, what: &str) {
    let error = (got - expected).abs() / expected.abs().max(f64::MIN_POSITIVE);
    assert!(error <= relative, "{what}: got {got}, expected {expected}, relative error {error:.2e} > {relative:.0e}");
}
