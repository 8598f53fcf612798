//! The interface of receptor models: an event becomes a current, or a jump of V.

mod alpha;
mod delta;
mod exponential;

pub use alpha::Alpha;
pub use delta::Delta;
pub use exponential::Exponential;

use crate::columns::Columns;
use crate::membranes::Response;
use crate::page::Page;
use crate::parameters::{ParameterError, Parameters};
use crate::vector::Instructions;

/// The sum of the weights of all events that arrive at one receptor of one neuron in one step.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<I> {
    /// Instructions to add with.
    pub with: I,
    /// The sum as a number of quanta.
    pub quanta: f64,
    /// The quantum, in the unit of the weights. It is a power of two, so that a product with it is exact.
    pub quantum: f64,
}

impl<I: Instructions> Arrival<I> {
    /// `x` plus `factor` times the sum of the weights.
    #[inline(always)]
    pub fn add_to(self, x: f64, factor: f64) -> f64 {
        self.with.add_exact_product(x, factor * self.quanta, self.quantum)
    }
}

/// A receptor model.
pub trait ReceptorModel: Send + Sync + 'static {
    /// Constants derived from the parameters and the membrane's response.
    type Constants: Columns;
    /// State variables, in the order of the page.
    type State: Columns;
    /// Documentation and interface.
    const PAGE: &'static Page;
    /// Whether the receptor adds to the drive of the membrane.
    const DRIVES: bool;
    /// Whether an event makes V jump. Such a receptor has no variables.
    const JUMPS: bool;

    /// Checks the parameters of one neuron and derives its constants. `response` is the membrane's, `dt` the step in
    /// ms.
    fn constants(parameters: &Parameters, response: &Response, dt: f64) -> Result<Self::Constants, ParameterError>;
    /// The state after events have arrived.
    fn arrive<I: Instructions>(constants: Self::Constants, state: Self::State, events: Arrival<I>) -> Self::State;
    /// Advances the state by one step. Returns the state at the end of the step, without the events that arrive at that
    /// time, and the drive (mV) of the membrane in this step. The drive follows from the state at the beginning of the
    /// step.
    fn step(constants: Self::Constants, state: Self::State) -> (Self::State, f64);
}
