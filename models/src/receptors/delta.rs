//! Delta receptor: an event makes V jump.

use crate::membranes::Response;
use crate::page::{Page, Role};
use crate::parameters::{ParameterError, Parameters};
use crate::receptors::{Arrival, ReceptorModel};
use crate::vector::Instructions;

/// Page of the delta receptor.
pub static PAGE: Page = Page {
    name: "delta",
    role: Role::Receptor,
    summary: "an event of weight w (mV) makes V jump by w",
    text: "V → V + w at the end of the step in which the event arrives, after the leak. A refractory neuron loses the\n\
           event.\n\
           Postsynaptic potential on a linear membrane: w e^{−t/tau_m}.",
    fields: &[],
    variables: &[],
};

/// The delta receptor.
pub struct Delta;

impl ReceptorModel for Delta {
    type Constants = [f64; 0];
    type State = [f64; 0];
    const PAGE: &'static Page = &PAGE;
    const DRIVES: bool = false;
    const JUMPS: bool = true;

    fn constants(_: &Parameters, _: &Response, _: f64) -> Result<[f64; 0], ParameterError> {
        Ok([])
    }
    #[inline(always)]
    fn arrive<I: Instructions>(_: [f64; 0], state: [f64; 0], _: Arrival<I>) -> [f64; 0] {
        state
    }
    #[inline(always)]
    fn step(_: [f64; 0], state: [f64; 0]) -> ([f64; 0], f64) {
        (state, 0.0)
    }
}
