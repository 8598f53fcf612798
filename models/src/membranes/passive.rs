//! Passive membrane: a leaky integrator that never spikes.

use super::leak::{CAPACITANCE, LEAK, POTENTIAL, REST, TAU_M, leak_constants, leak_response};
use super::{MembraneModel, Response};
use crate::page::{Page, Role};
use crate::parameters::{ParameterError, Parameters};

/// Page of the passive membrane.
pub static PAGE: Page = Page {
    name: "passive",
    role: Role::Membrane,
    summary: "leaky membrane that never spikes",
    text: "tau_m dV/dt = −(V − E_L) + R I, or C dV/dt = −g_L (V − E_L) + I.\n\
           Integrated exactly: over a step V → e^{−dt/tau_m} V + (1 − e^{−dt/tau_m}) E_L + the exact effect of all\n\
           currents.",
    fields: &[TAU_M, CAPACITANCE, LEAK, REST],
    variables: &[POTENTIAL],
};

/// The passive membrane.
pub struct Passive;

impl MembraneModel for Passive {
    type Constants = [f64; 2];
    type State = [f64; 1];
    const PAGE: &'static Page = &PAGE;

    fn constants(p: &Parameters, dt: f64) -> Result<[f64; 2], ParameterError> {
        leak_constants(p, dt)
    }
    fn response(p: &Parameters) -> Result<Response, ParameterError> {
        leak_response(p)
    }
    #[inline(always)]
    fn rest_drive([_, rest]: [f64; 2]) -> f64 {
        rest
    }
    #[inline(always)]
    fn advance([decay, _]: [f64; 2], [v]: [f64; 1], drive: f64) -> [f64; 1] {
        [v * decay + drive]
    }
    #[inline(always)]
    fn fires(_: [f64; 2], _: [f64; 1]) -> bool {
        false
    }
    #[inline(always)]
    fn reset(_: [f64; 2], state: [f64; 1]) -> [f64; 1] {
        state
    }
    fn refractory_time(_: &Parameters) -> Result<f64, ParameterError> {
        Ok(0.0)
    }
}
