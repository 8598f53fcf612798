//! Alpha current receptor.

use crate::membranes::Response;
use crate::page::{DefaultValue, Dimension, Field, Page, Range, Role, Variable};
use crate::parameters::{ParameterError, Parameters};
use crate::receptors::{Arrival, ReceptorModel};
use crate::vector::Instructions;

/// Page of the alpha receptor.
pub static PAGE: Page = Page {
    name: "alpha",
    role: Role::Receptor,
    summary: "an event of weight w causes a current w (t/tau) e^{1−t/tau}, whose peak is w at t = tau",
    text: "dx/dt = −x/tau, dI/dt = x − I/tau; an event adds w e/tau to x.\n\
           Integrated exactly: over a step I → e^{−dt/tau} (I + dt x), x → e^{−dt/tau} x. A linear membrane gets the\n\
           exact effect of I over the step, a nonlinear membrane the exact mean of I over the step.\n\
           Postsynaptic potential on a linear membrane, a = 1/tau − 1/tau_m:\n\
           w e/(tau C) [(e^{−t/tau_m} − e^{−t/tau})/a² − t e^{−t/tau}/a].\n\
           Source: W. Rall, J. Neurophysiol. 30 (1967); S. Rotter & M. Diesmann, Biol. Cybern. 81 (1999).",
    fields: &[Field {
        name: "tau",
        symbol: "tau_s",
        dimension: Dimension::Time,
        default: DefaultValue::Required,
        range: Range::Positive,
        meaning: "time from an event to the peak of its current",
    }],
    variables: &[
        Variable { name: "i", dimension: Dimension::Drive, meaning: "the current", starts_from: None },
        Variable {
            name: "x",
            dimension: Dimension::Drive,
            meaning: "tau times the x of the equations",
            starts_from: None,
        },
    ],
};

/// The alpha current receptor. Its second variable is tau·x, which has the unit of a current.
pub struct Alpha;

impl ReceptorModel for Alpha {
    type Constants = [f64; 4];
    type State = [f64; 2];
    const PAGE: &'static Page = &PAGE;
    const DRIVES: bool = true;
    const JUMPS: bool = false;

    fn constants(p: &Parameters, response: &Response, dt: f64) -> Result<[f64; 4], ParameterError> {
        let tau = p.get("tau")?;
        Ok([libm::exp(-dt / tau), dt / tau, response.exponential(tau, dt), response.alpha(tau, dt) / tau])
    }
    #[inline(always)]
    fn arrive<I: Instructions>(_: [f64; 4], [i, x]: [f64; 2], events: Arrival<I>) -> [f64; 2] {
        [i, events.add_to(x, std::f64::consts::E)]
    }
    #[inline(always)]
    fn step([decay, rise, from_i, from_x]: [f64; 4], [i, x]: [f64; 2]) -> ([f64; 2], f64) {
        let drive = i * from_i + x * from_x;
        let next_i = decay * (i + rise * x);
        ([next_i, decay * x], drive)
    }
}
