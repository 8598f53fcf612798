//! Passive membrane: a leaky integrator that never fires.

use crate::membrane::{Leak, Membrane, Response};
use crate::page::{Default, Dimension, Field, Page, ParameterError, Parameters, Range, Role, Variable};

/// Membrane time constant; voltage form, or with C.
pub(crate) const TAU_M: Field = Field {
    name: "tau_m",
    symbol: "tau_m",
    dimension: Dimension::Time,
    default: Default::Absent,
    range: Range::Positive,
    meaning: "membrane time constant; alone it means the voltage form, where currents are given as R·I in mV",
};
/// Membrane capacitance.
pub(crate) const CAPACITANCE: Field = Field {
    name: "C",
    symbol: "C",
    dimension: Dimension::Capacitance,
    default: Default::Absent,
    range: Range::Positive,
    meaning: "membrane capacitance, with g_L or tau_m; currents are then given in pA",
};
/// Leak conductance.
pub(crate) const LEAK: Field = Field {
    name: "g_L",
    symbol: "g_L",
    dimension: Dimension::Conductance,
    default: Default::Absent,
    range: Range::Positive,
    meaning: "leak conductance, with C: tau_m = C/g_L",
};
/// Resting potential.
pub(crate) const REST: Field = Field {
    name: "E_L",
    symbol: "E_L",
    dimension: Dimension::Voltage,
    default: Default::Value(0.0),
    range: Range::Finite,
    meaning: "resting potential",
};
/// The membrane potential as a variable.
pub(crate) const POTENTIAL: Variable =
    Variable { name: "v", dimension: Dimension::Voltage, meaning: "membrane potential", starts_from: Some("E_L") };

/// Page of the passive membrane.
pub static PAGE: Page = Page {
    name: "passive",
    role: Role::Membrane,
    summary: "leaky integrator without threshold",
    text: "tau_m dV/dt = −(V − E_L) + R I, or C dV/dt = −g_L (V − E_L) + I.\n\
           Integrated exactly on the grid: V → e^{−dt/tau_m} V + (1 − e^{−dt/tau_m}) E_L + the exact effect of all currents.",
    fields: &[TAU_M, CAPACITANCE, LEAK, REST],
    variables: &[POTENTIAL],
};

/// The passive membrane.
pub struct Passive;

/// Decay over a step, and the part of the resting potential that replaces what decayed.
pub(crate) fn leak_constants(p: &Parameters, dt: f64) -> Result<[f64; 2], ParameterError> {
    let tau = Leak::new(p)?.tau;
    Ok([libm::exp(-dt / tau), -libm::expm1(-dt / tau) * p.get("E_L")?])
}

/// Response of a linear leaky membrane.
pub(crate) fn leak_response(p: &Parameters) -> Result<Response, ParameterError> {
    let leak = Leak::new(p)?;
    Ok(Response { tau: leak.tau, tau_leak: leak.tau, per_charge: leak.per_charge(), per_voltage: 1.0 / leak.tau })
}

impl Membrane for Passive {
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
    fn pull([_, rest]: [f64; 2]) -> f64 {
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
