//! What a receptor is: how an event becomes a current, or a jump of the potential.

use crate::columns::Columns;
use crate::membrane::Response;
use crate::page::{Page, ParameterError, Parameters};

/// A receptor model.
pub trait Receptor: Send + Sync + 'static {
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
    /// The state once events have arrived, of which `events` is the sum of weights.
    fn arrive(constants: Self::Constants, state: Self::State, events: f64) -> Self::State;
    /// One step: the state at its end, before events arrive there, and the drive in mV that the state at its beginning
    /// gives the membrane.
    fn step(constants: Self::Constants, state: Self::State) -> (Self::State, f64);
}
