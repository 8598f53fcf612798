//! A neuron model defined outside of lapicque's crates: the quadratic integrate-and-fire neuron. Compares its period
//! with the closed form.
//!
//! A membrane model consists of a page, constants, and the equations of one neuron over one step. The page defines the
//! configuration keys, units, error messages and variables to record. The engine provides receptors, inputs, threads
//! and recording.
//!
//! `cargo run --release --example own_model`

use lapicque_analysis::theory::qif_period;
use lapicque_engine::plan::Network;
use lapicque_engine::plan::Value;
use lapicque_models::list::Models;
use lapicque_models::membranes::{MembraneModel, Response};
use lapicque_models::page::{DefaultValue, Dimension, Field, Page, Range, Role, Variable};
use lapicque_models::parameters::{ParameterError, Parameters};

struct Qif;

static PAGE: Page = Page {
    name: "qif",
    role: Role::Membrane,
    summary: "quadratic integrate-and-fire",
    text: "tau dV/dt = V² + I in units of 1 mV; V ≥ v_peak is a spike: V → v_reset. Scheme: Heun, order 2.\n\
           Period: tau (atan(v_peak/√I) − atan(v_reset/√I))/√I. Source: B. Ermentrout, Neural Comput. 8 (1996).",
    fields: &[
        field("tau", Dimension::Time, Range::Positive, "time constant"),
        field("v_peak", Dimension::Voltage, Range::Positive, "potential that counts as a spike"),
        field("v_reset", Dimension::Voltage, Range::Finite, "potential after a spike"),
    ],
    variables: &[Variable {
        name: "v",
        dimension: Dimension::Voltage,
        meaning: "membrane potential",
        starts_from: Some("v_reset"),
    }],
};

const fn field(name: &'static str, dimension: Dimension, range: Range, meaning: &'static str) -> Field {
    Field { name, symbol: name, dimension, default: DefaultValue::Required, range, meaning }
}

impl MembraneModel for Qif {
    type Constants = [f64; 3];
    type State = [f64; 1];
    const PAGE: &'static Page = &PAGE;

    fn constants(p: &Parameters, dt: f64) -> Result<[f64; 3], ParameterError> {
        Ok([dt / p.get("tau")?, p.get("v_peak")?, p.get("v_reset")?])
    }
    fn response(p: &Parameters) -> Result<Response, ParameterError> {
        // The equation is not linear in V, so the drive of a step is the integral of the current, ∫ I ds / tau (see
        // Response).
        let tau = p.get("tau")?;
        Ok(Response { tau: f64::INFINITY, tau_leak: tau, per_charge: 1.0 / tau, per_voltage: 1.0 / tau })
    }
    #[inline(always)]
    fn advance([h, peak, _]: [f64; 3], [v]: [f64; 1], drive: f64) -> [f64; 1] {
        let first = h * v * v + drive;
        let guess = v + first;
        let second = h * guess * guess + drive;
        let next = v + 0.5 * (first + second);
        [if next < peak { next } else { peak }]
    }
    #[inline(always)]
    fn fires([_, peak, _]: [f64; 3], [v]: [f64; 1]) -> bool {
        v >= peak
    }
    #[inline(always)]
    fn reset([.., reset]: [f64; 3], _: [f64; 1]) -> [f64; 1] {
        [reset]
    }
    fn refractory_time(_: &Parameters) -> Result<f64, ParameterError> {
        Ok(0.0)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let value = Value::Constant;
    let mut network = Network::with_models(1e-4, 1, Models::standard().with_membrane::<Qif>());
    let neuron = [("tau", 1.0), ("v_peak", 10.0), ("v_reset", -10.0)].map(|(k, v)| (k, value(v)));
    network.population("N", 1, "qif", &neuron)?;
    network.input("drive", "N", None, "current", &[("amplitude", value(1.0))])?;
    let spikes = network.build(1)?.run_for(30.0)?.spikes.remove(0).ticks;
    let period = (spikes[spikes.len() - 1] - spikes[0]) as f64 * 1e-4 / (spikes.len() - 1) as f64;
    let exact = qif_period(1.0, -10.0, 10.0);
    println!("period {period:.4} ms, closed form {exact:.4} ms");
    if (period - exact).abs() > 2e-4 {
        return Err("the period differs from the closed form".into());
    }
    Ok(())
}
