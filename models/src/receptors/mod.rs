//! What a receptor is: how an event becomes a current, or a jump of the potential.

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

/// What arrives at one receptor of one neuron: a sum of weights, as a number of quanta.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<I> {
    /// How numbers are added.
    pub with: I,
    /// Quanta.
    pub number: f64,
    /// One of them: a power of two, so that no product with it is rounded.
    pub quantum: f64,
}

impl<I: Instructions> Arrival<I> {
    /// `x` plus `factor` times the sum of weights.
    #[inline(always)]
    pub fn add_to(self, x: f64, factor: f64) -> f64 {
        self.with.add_exact_product(x, factor * self.number, self.quantum)
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
    /// Whether it adds to the drive of the membrane.
    const DRIVES: bool;
    /// Whether its events move the potential at once. Such a receptor has no variables.
    const JUMPS: bool;

    /// Checks the parameters of one neuron and derives its constants. `dt` in ms.
    fn constants(parameters: &Parameters, response: &Response, dt: f64) -> Result<Self::Constants, ParameterError>;
    /// The state once events have arrived.
    fn arrive<I: Instructions>(constants: Self::Constants, state: Self::State, events: Arrival<I>) -> Self::State;
    /// One step: the state at its end, before events arrive there, and the drive in mV that the state at its beginning
    /// gives the membrane.
    fn step(constants: Self::Constants, state: Self::State) -> (Self::State, f64);
}
