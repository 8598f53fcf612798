//! Helpers for tests of single neurons.

use lapicque_engine::plan::Network;
use lapicque_engine::plan::Value;
use lapicque_models::vector::{self, Level};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Constant parameters of a model, in the engine's units.
pub fn values<const N: usize>(parameters: [(&'static str, f64); N]) -> [(&'static str, Value); N] {
    parameters.map(|(name, value)| (name, Value::Constant(value)))
}

/// One variable of one neuron over time, and the neuron's spikes.
pub struct Trace {
    /// Value at tick 0, 1, 2, …
    pub values: Vec<f64>,
    /// Ticks of the spikes.
    pub spikes: Vec<u64>,
}

/// Runs a network for `duration` ms. Its first population must be "N", with one neuron. Records `variable` of this
/// neuron at every step.
pub fn trace(mut network: Network, variable: &str, duration: f64) -> Trace {
    network.trace("N", 1, &[variable], 1).unwrap();
    let batch = network.build(1).unwrap().run_for(duration).unwrap();
    Trace { values: batch.samples[0].clone(), spikes: batch.spikes[0].ticks.clone() }
}

/// Runs a network for `duration` ms and returns the ticks of all spikes of the first population.
pub fn spikes(network: Network, duration: f64) -> Vec<u64> {
    network.build(1).unwrap().run_for(duration).unwrap().spikes[0].ticks.clone()
}

/// Sets the times of the charge pulses of the input that was added last: V jumps at these ticks.
pub fn pulse_at(network: &mut Network, ticks: &[u64]) {
    // A pulse at tick k acts at the end of step k − 1. The plan stores this step.
    network.plan_mut().inputs.last_mut().unwrap().times = ticks.iter().map(|tick| tick - 1).collect();
}

/// Asserts that two numbers agree to a relative tolerance.
#[track_caller]
pub fn assert_close(got: f64, expected: f64, relative: f64, what: &str) {
    let error = (got - expected).abs() / expected.abs().max(f64::MIN_POSITIVE);
    assert!(error <= relative, "{what}: got {got}, expected {expected}, relative error {error:.2e} > {relative:.0e}");
}

/// Permission to force a vector instruction set. The set holds for the whole process, and tests run in parallel, so only
/// one test at a time may hold this. Dropping it restores the set that was in use.
pub struct ForcedLevels {
    initial: Level,
    _only_one: MutexGuard<'static, ()>,
}

impl ForcedLevels {
    /// Waits until no other test forces instruction sets.
    pub fn begin() -> ForcedLevels {
        static ONLY_ONE: Mutex<()> = Mutex::new(());
        let only_one = ONLY_ONE.lock().unwrap_or_else(PoisonError::into_inner);
        ForcedLevels { initial: vector::level(), _only_one: only_one }
    }
}

impl Drop for ForcedLevels {
    fn drop(&mut self) {
        vector::force(self.initial);
    }
}
