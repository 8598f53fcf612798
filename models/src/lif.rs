//! Leaky integrate-and-fire neuron.

use crate::membrane::{Membrane, Response};
use crate::page::{Default, Dimension, Field, Page, ParameterError, Parameters, Range, Role};
use crate::passive::{CAPACITANCE, LEAK, POTENTIAL, REST, TAU_M, leak_constants, leak_response};

/// Potential after a spike.
pub(crate) const RESET: Field = Field {
    name: "v_reset",
    symbol: "V_r",
    dimension: Dimension::Voltage,
    default: Default::Required,
    range: Range::Finite,
    meaning: "potential after a spike, held during the refractory time",
};
/// Refractory time.
pub(crate) const REFRACTORY: Field = Field {
    name: "t_ref",
    symbol: "t_ref",
    dimension: Dimension::Time,
    default: Default::Value(0.0),
    range: Range::NonNegative,
    meaning: "absolute refractory time, rounded to the nearest step; 0 is allowed",
};

/// Page of the LIF neuron.
pub static PAGE: Page = Page {
    name: "lif",
    role: Role::Membrane,
    summary: "leaky integrate-and-fire",
    text: "tau_m dV/dt = −(V − E_L) + R I, or C dV/dt = −g_L (V − E_L) + I; V ≥ v_threshold is a spike: V → v_reset, held\n\
           for t_ref. Integrated exactly on the grid; spikes lie on the grid.\n\
           Rate under constant input: 1/(t_ref + tau_m ln((E_L + RI − v_reset)/(E_L + RI − v_threshold))).\n\
           Source: L. Lapicque, J. Physiol. Pathol. Gén. 9 (1907); scheme: S. Rotter & M. Diesmann, Biol. Cybern. 81 (1999).",
    fields: &[
        TAU_M,
        CAPACITANCE,
        LEAK,
        REST,
        Field {
            name: "v_threshold",
            symbol: "theta",
            dimension: Dimension::Voltage,
            default: Default::Required,
            range: Range::Finite,
            meaning: "threshold of the potential",
        },
        RESET,
        REFRACTORY,
    ],
    variables: &[POTENTIAL],
};

/// The LIF neuron.
pub struct Lif;

impl Membrane for Lif {
    type Constants = [f64; 4];
    type State = [f64; 1];
    const PAGE: &'static Page = &PAGE;

    fn constants(p: &Parameters, dt: f64) -> Result<[f64; 4], ParameterError> {
        let [decay, rest] = leak_constants(p, dt)?;
        let (threshold, reset) = (p.get("v_threshold")?, p.get("v_reset")?);
        if reset >= threshold {
            return Err(ParameterError::new(
                "v_reset",
                format!(
                    "v_reset = {reset} mV must lie below v_threshold = {threshold} mV, else the neuron fires without end"
                ),
            ));
        }
        Ok([decay, rest, threshold, reset])
    }
    fn response(p: &Parameters) -> Result<Response, ParameterError> {
        leak_response(p)
    }
    #[inline(always)]
    fn pull([_, rest, ..]: [f64; 4]) -> f64 {
        rest
    }
    #[inline(always)]
    fn advance([decay, ..]: [f64; 4], [v]: [f64; 1], drive: f64) -> [f64; 1] {
        [v * decay + drive]
    }
    #[inline(always)]
    fn fires([_, _, threshold, _]: [f64; 4], [v]: [f64; 1]) -> bool {
        v >= threshold
    }
    #[inline(always)]
    fn reset([.., reset]: [f64; 4], _: [f64; 1]) -> [f64; 1] {
        [reset]
    }
    fn refractory_time(p: &Parameters) -> Result<f64, ParameterError> {
        p.get("t_ref")
    }
}
