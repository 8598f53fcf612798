//! Leaky integrate-and-fire neuron.

use super::leak::{CAPACITANCE, LEAK, POTENTIAL, REFRACTORY, RESET, REST, TAU_M, leak_constants, leak_response};
use super::{MembraneModel, Response};
use crate::page::{DefaultValue, Dimension, Field, Page, Range, Role};
use crate::parameters::{ParameterError, Parameters};

/// Page of the LIF neuron.
pub static PAGE: Page = Page {
    name: "lif",
    role: Role::Membrane,
    summary: "leaky integrate-and-fire neuron",
    text: "tau_m dV/dt = −(V − E_L) + R I, or C dV/dt = −g_L (V − E_L) + I; V ≥ v_threshold is a spike: V → v_reset, held\n\
           for t_ref. Integrated exactly over each step; spikes lie on the grid of steps.\n\
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
            default: DefaultValue::Required,
            range: Range::Finite,
            meaning: "spike threshold",
        },
        RESET,
        REFRACTORY,
    ],
    variables: &[POTENTIAL],
};

/// The LIF neuron.
pub struct Lif;

impl MembraneModel for Lif {
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
    fn rest_drive([_, rest, ..]: [f64; 4]) -> f64 {
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
