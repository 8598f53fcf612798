//! Exponential integrate-and-fire neuron.

use super::leak::{CAPACITANCE, LEAK, Leak, POTENTIAL, REFRACTORY, RESET, REST, TAU_M};
use super::{MembraneModel, Response};
use crate::numerics::math;
use crate::page::{DefaultValue, Dimension, Field, Page, Range, Role};
use crate::parameters::{ParameterError, Parameters};

/// Page of the EIF neuron.
pub static PAGE: Page = Page {
    name: "eif",
    role: Role::Membrane,
    summary: "exponential integrate-and-fire",
    text: "tau_m dV/dt = −(V − E_L) + delta_T e^{(V − v_T)/delta_T} + R I, or C dV/dt = −g_L (V − E_L) +\n\
           g_L delta_T e^{(V − v_T)/delta_T} + I; V ≥ v_peak is a spike: V → v_reset, held for t_ref.\n\
           Scheme: Strang splitting, order 2. The leak with the currents and the exponential term have exact flows each;\n\
           a step is half a leak, the exponential, half a leak. The flow of the exponential,\n\
           V → V − delta_T ln(1 − (dt/tau_m) e^{(V − v_T)/delta_T}), knows the blow-up: it ends at v_peak, never beyond.\n\
           Currents enter by their exact mean over the step. Rheobase: R I = v_T − E_L − delta_T.\n\
           Source: N. Fourcaud-Trocmé, D. Hansel, C. van Vreeswijk & N. Brunel, J. Neurosci. 23 (2003).",
    fields: &[
        TAU_M,
        CAPACITANCE,
        LEAK,
        REST,
        Field {
            name: "v_T",
            symbol: "V_T",
            dimension: Dimension::Voltage,
            default: DefaultValue::Required,
            range: Range::Finite,
            meaning: "soft threshold: where the slope of the instantaneous current vanishes",
        },
        Field {
            name: "delta_T",
            symbol: "Delta_T",
            dimension: Dimension::Voltage,
            default: DefaultValue::Required,
            range: Range::Positive,
            meaning: "sharpness of the spike's onset",
        },
        Field {
            name: "v_peak",
            symbol: "V_peak",
            dimension: Dimension::Voltage,
            default: DefaultValue::Required,
            range: Range::Finite,
            meaning: "potential at which the upstroke counts as a spike",
        },
        RESET,
        REFRACTORY,
    ],
    variables: &[POTENTIAL],
};

/// The EIF neuron.
pub struct Eif;

impl MembraneModel for Eif {
    // Decay over half a step, rest (mV), weight of the drive in half a step, dt/tau, Delta, 1/Delta, V_T, peak, reset.
    type Constants = [f64; 9];
    type State = [f64; 1];
    const PAGE: &'static Page = &PAGE;

    fn constants(p: &Parameters, dt: f64) -> Result<[f64; 9], ParameterError> {
        let tau = Leak::new(p)?.tau;
        let (rest, v_t, delta) = (p.get("E_L")?, p.get("v_T")?, p.get("delta_T")?);
        let (peak, reset) = (p.get("v_peak")?, p.get("v_reset")?);
        if reset >= peak || v_t >= peak {
            return Err(ParameterError::new(
                "v_peak",
                format!("v_peak = {peak} mV must lie above v_T = {v_t} mV and v_reset = {reset} mV"),
            ));
        }
        let half = -libm::expm1(-0.5 * dt / tau);
        // The drive is the integral of I/C over the step; half a step of exact leak with that mean current adds
        // drive/dt · tau · (1 − e^{−dt/2tau}).
        Ok([libm::exp(-0.5 * dt / tau), half * rest, half * tau / dt, dt / tau, delta, 1.0 / delta, v_t, peak, reset])
    }
    fn response(p: &Parameters) -> Result<Response, ParameterError> {
        let leak = Leak::new(p)?;
        Ok(Response {
            tau: f64::INFINITY,
            tau_leak: leak.tau,
            per_charge: leak.per_charge(),
            per_voltage: 1.0 / leak.tau,
        })
    }
    #[inline(always)]
    fn advance(
        [decay, rest, gain, ratio, delta, inverse, v_t, peak, _]: [f64; 9],
        [v]: [f64; 1],
        drive: f64,
    ) -> [f64; 1] {
        let pull = rest + gain * drive;
        let before = v * decay + pull;
        let bounded = if before < peak { before } else { peak };
        let left = 1.0 - ratio * math::exp((bounded - v_t) * inverse);
        // Nothing is left where the exponential blows up within the step.
        const NOTHING: f64 = 1e-300;
        let flown = bounded - delta * math::ln(if left > NOTHING { left } else { NOTHING });
        let after = flown * decay + pull;
        [if left > NOTHING && flown < peak { after } else { peak }]
    }
    #[inline(always)]
    fn fires([.., peak, _]: [f64; 9], [v]: [f64; 1]) -> bool {
        v >= peak
    }
    #[inline(always)]
    fn reset([.., reset]: [f64; 9], _: [f64; 1]) -> [f64; 1] {
        [reset]
    }
    fn refractory_time(p: &Parameters) -> Result<f64, ParameterError> {
        p.get("t_ref")
    }
}
