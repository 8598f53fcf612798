//! Exponential current receptor.

use crate::membranes::Response;
use crate::page::{DefaultValue, Dimension, Field, Page, Range, Role, Variable};
use crate::parameters::{ParameterError, Parameters};
use crate::receptors::{Arrival, ReceptorModel};
use crate::vector::Instructions;

/// Page of the exponential receptor.
pub static PAGE: Page = Page {
    name: "exponential",
    role: Role::Receptor,
    summary: "an event of weight w adds w to a current that decays with tau",
    text: "dI/dt = −I/tau; an event adds w to I. It acts on the membrane from the next step on.\n\
           Integrated exactly: over a step I → e^{−dt/tau} I. A linear membrane gets the exact effect of I over the\n\
           step, a nonlinear membrane the exact mean of I over the step.\n\
           Postsynaptic potential on a linear membrane, a = 1/tau − 1/tau_m: w/(C a) (e^{−t/tau_m} − e^{−t/tau}).\n\
           Source: S. Rotter & M. Diesmann, Biol. Cybern. 81 (1999).",
    fields: &[Field {
        name: "tau",
        symbol: "tau_s",
        dimension: Dimension::Time,
        default: DefaultValue::Required,
        range: Range::Positive,
        meaning: "decay time constant of the current",
    }],
    variables: &[Variable { name: "i", dimension: Dimension::Drive, meaning: "the current", starts_from: None }],
};

/// The exponential current receptor.
pub struct Exponential;

impl ReceptorModel for Exponential {
    type Constants = [f64; 2];
    type State = [f64; 1];
    const PAGE: &'static Page = &PAGE;
    const DRIVES: bool = true;
    const JUMPS: bool = false;

    fn constants(p: &Parameters, response: &Response, dt: f64) -> Result<[f64; 2], ParameterError> {
        let tau = p.get("tau")?;
        Ok([libm::exp(-dt / tau), response.exponential(tau, dt)])
    }
    #[inline(always)]
    fn arrive<I: Instructions>(_: [f64; 2], [i]: [f64; 1], events: Arrival<I>) -> [f64; 1] {
        [events.add_to(i, 1.0)]
    }
    #[inline(always)]
    fn step([decay, coupling]: [f64; 2], [i]: [f64; 1]) -> ([f64; 1], f64) {
        ([i * decay], i * coupling)
    }
}
