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
    summary: "exponential integrate-and-fire neuron",
    text: "tau_m dV/dt = −(V − E_L) + delta_T e^{(V − v_T)/delta_T} + R I, or C dV/dt = −g_L (V − E_L) +\n\
           g_L delta_T e^{(V − v_T)/delta_T} + I; V ≥ v_peak is a spike: V → v_reset, held for t_ref.\n\
           Scheme: Strang splitting, order 2. A step is half a step of leak and currents, a whole step of the\n\
           exponential term, and half a step of leak and currents; each part is integrated exactly. The exponential\n\
           term gives V → V − delta_T ln(1 − (dt/tau_m) e^{(V − v_T)/delta_T}). If V diverges in this part or\n\
           reaches v_peak, V is set to v_peak. Currents enter by their exact mean over the step.\n\
           Rheobase: R I = v_T − E_L − delta_T.\n\
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
            meaning: "soft threshold: potential where the slope of the instantaneous I-V curve is 0",
        },
        Field {
            name: "delta_T",
            symbol: "Delta_T",
            dimension: Dimension::Voltage,
            default: DefaultValue::Required,
            range: Range::Positive,
            meaning: "sharpness of the spike onset: the smaller, the sharper",
        },
        Field {
            name: "v_peak",
            symbol: "V_peak",
            dimension: Dimension::Voltage,
            default: DefaultValue::Required,
            range: Range::Finite,
            meaning: "potential at which a spike is registered",
        },
        RESET,
        REFRACTORY,
    ],
    variables: &[POTENTIAL],
};

/// The EIF neuron.
pub struct Eif;

impl MembraneModel for Eif {
    // Decay over half a step, effect of E_L in half a step (mV), factor of the drive in half a step, dt/tau, delta_T,
    // 1/delta_T, v_T, v_peak, v_reset.
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
        // The drive is the integral of I/C over the step, so I/C has the mean drive/dt. Half a step of leak with this
        // mean current adds drive/dt · tau · (1 − e^{−dt/(2 tau)}) to V.
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
        [decay, rest, gain, ratio, delta, inverse_delta, v_t, peak, _]: [f64; 9],
        [v]: [f64; 1],
        drive: f64,
    ) -> [f64; 1] {
        // Half a step of leak and currents.
        let half_drive = rest + gain * drive;
        let before = v * decay + half_drive;
        let bounded = if before < peak { before } else { peak };
        // A step of the exponential term. The argument of the logarithm is 0 or less if V diverges within the step.
        let argument = 1.0 - ratio * math::exp((bounded - v_t) * inverse_delta);
        const SMALLEST: f64 = 1e-300;
        let risen = bounded - delta * math::ln(if argument > SMALLEST { argument } else { SMALLEST });
        // Half a step of leak and currents.
        let after = risen * decay + half_drive;
        [if argument > SMALLEST && risen < peak { after } else { peak }]
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
