//! Common parts of leaky membranes: fields of their pages, the leak, and its exact integration over a step.

use super::Response;
use crate::page::{DefaultValue, Dimension, Field, Range, Variable};
use crate::parameters::{ParameterError, Parameters};

/// Membrane time constant: alone (voltage form) or with C.
pub(super) const TAU_M: Field = Field {
    name: "tau_m",
    symbol: "tau_m",
    dimension: Dimension::Time,
    default: DefaultValue::Absent,
    range: Range::Positive,
    meaning: "membrane time constant; without C the membrane is in voltage form: currents are given as R·I in mV",
};
/// Membrane capacitance.
pub(super) const CAPACITANCE: Field = Field {
    name: "C",
    symbol: "C",
    dimension: Dimension::Capacitance,
    default: DefaultValue::Absent,
    range: Range::Positive,
    meaning: "membrane capacitance, needs g_L or tau_m; currents are then given in pA",
};
/// Leak conductance.
pub(super) const LEAK: Field = Field {
    name: "g_L",
    symbol: "g_L",
    dimension: Dimension::Conductance,
    default: DefaultValue::Absent,
    range: Range::Positive,
    meaning: "leak conductance, needs C: tau_m = C/g_L",
};
/// Resting potential.
pub(super) const REST: Field = Field {
    name: "E_L",
    symbol: "E_L",
    dimension: Dimension::Voltage,
    default: DefaultValue::Value(0.0),
    range: Range::Finite,
    meaning: "resting potential",
};
/// The membrane potential as a variable.
pub(super) const POTENTIAL: Variable =
    Variable { name: "v", dimension: Dimension::Voltage, meaning: "membrane potential", starts_from: Some("E_L") };

/// Potential after a spike.
pub(super) const RESET: Field = Field {
    name: "v_reset",
    symbol: "V_r",
    dimension: Dimension::Voltage,
    default: DefaultValue::Required,
    range: Range::Finite,
    meaning: "potential after a spike, held during the refractory time",
};
/// Refractory time.
pub(super) const REFRACTORY: Field = Field {
    name: "t_ref",
    symbol: "t_ref",
    dimension: Dimension::Time,
    default: DefaultValue::Value(0.0),
    range: Range::NonNegative,
    meaning: "absolute refractory time, rounded to the nearest step; 0 is allowed",
};

/// The leak of a membrane. The user gives tau_m (voltage form), C and tau_m, or C and g_L.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leak {
    /// Time constant in ms.
    pub tau: f64,
    /// Capacitance in pF. `None` in voltage form, where currents are given as R·I in mV.
    pub capacitance: Option<f64>,
}

impl Leak {
    /// Reads `tau_m`, `C` and `g_L`. Accepts `tau_m` alone, `C` with `tau_m`, or `C` with `g_L`, and refuses the rest.
    pub fn new(p: &Parameters) -> Result<Leak, ParameterError> {
        match (p.optional("tau_m"), p.optional("C"), p.optional("g_L")) {
            (Some(tau), capacitance, None) => Ok(Leak { tau, capacitance }),
            (None, Some(c), Some(g)) => Ok(Leak { tau: c / g, capacitance: Some(c) }),
            (Some(_), _, Some(_)) => Err(ParameterError::new(
                "g_L",
                "tau_m and g_L are both given: give tau_m alone, C and tau_m, or C and g_L",
            )),
            (None, Some(_), None) => Err(ParameterError::new("C", "C needs g_L or tau_m: give one of them too")),
            (None, None, Some(_)) => Err(ParameterError::new("g_L", "g_L needs C: give C too")),
            (None, None, None) => {
                Err(ParameterError::new("tau_m", "tau_m is missing: give tau_m, C and tau_m, or C and g_L"))
            }
        }
    }

    /// 1/C in mV per pA·ms; 1/tau in voltage form. See [`Response::per_charge`].
    pub fn per_charge(&self) -> f64 {
        1.0 / self.capacitance.unwrap_or(self.tau)
    }
}

/// e^{−dt/tau} and (1 − e^{−dt/tau}) E_L (mV). A step without input takes V to e^{−dt/tau} V + (1 − e^{−dt/tau}) E_L.
pub(super) fn leak_constants(p: &Parameters, dt: f64) -> Result<[f64; 2], ParameterError> {
    let tau = Leak::new(p)?.tau;
    Ok([libm::exp(-dt / tau), -libm::expm1(-dt / tau) * p.get("E_L")?])
}

/// Response of a linear leaky membrane.
pub(super) fn leak_response(p: &Parameters) -> Result<Response, ParameterError> {
    let leak = Leak::new(p)?;
    Ok(Response { tau: leak.tau, tau_leak: leak.tau, per_charge: leak.per_charge(), per_voltage: 1.0 / leak.tau })
}
