//! What a membrane is, and how currents reach it.
//!
//! A membrane model is a type that implements [`Membrane`]: a page, derived constants, and the equations of one neuron
//! over one step. The loop over neurons, refractory time, receptors and threads are not its business.

mod eif;
mod leak;
mod lif;
mod passive;

pub use eif::Eif;
pub use leak::Leak;
pub use lif::Lif;
pub use passive::Passive;

use crate::columns::Columns;
use crate::numerics::math::{phi1, phi2};
use crate::page::Page;
use crate::parameters::{ParameterError, Parameters};

/// A membrane model.
pub trait MembraneModel: Send + Sync + 'static {
    /// Constants derived from the parameters, one set per neuron.
    type Constants: Columns;
    /// State variables, in the order of the page; the membrane potential (mV) comes first.
    type State: Columns;
    /// Documentation and interface.
    const PAGE: &'static Page;

    /// Checks the parameters of one neuron and derives its constants. `dt` in ms.
    fn constants(parameters: &Parameters, dt: f64) -> Result<Self::Constants, ParameterError>;
    /// How currents act on the potential.
    fn response(parameters: &Parameters) -> Result<Response, ParameterError>;
    /// What a step adds to V at its end besides currents, in mV: part of the drive. −0 is what changes no drive, not even 0.
    #[inline(always)]
    fn rest_drive(_constants: Self::Constants) -> f64 {
        -0.0
    }
    /// The state one step later. `drive` (mV) is what the step's currents add to V at its end by [`Response`], and
    /// [`Membrane::rest_drive`].
    fn advance(constants: Self::Constants, state: Self::State, drive: f64) -> Self::State;
    /// The state one step later during the refractory time; all variables are held unless a model says otherwise.
    #[inline(always)]
    fn refractory(_constants: Self::Constants, state: Self::State, _drive: f64) -> Self::State {
        state
    }
    /// Whether this state is a spike.
    fn fires(constants: Self::Constants, state: Self::State) -> bool;
    /// The state after a spike.
    fn reset(constants: Self::Constants, state: Self::State) -> Self::State;
    /// Refractory time in ms, rounded by the engine to the nearest step.
    fn refractory_time(parameters: &Parameters) -> Result<f64, ParameterError>;
}

/// How a current acts on the potential of a membrane over one step.
///
/// A linear membrane is integrated exactly: the drive of a current I(s) over a step is ∫ e^{−(dt−s)/tau} I(s) ds / C. A
/// nonlinear one gets the plain integral ∫ I(s) ds / C and spreads it over its step: that is tau = ∞ here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Response {
    /// Time constant of a linear membrane in ms; ∞ for a nonlinear one.
    pub tau: f64,
    /// Time constant of the leak in ms, which scales white noise.
    pub tau_leak: f64,
    /// mV per unit of current and ms: 1/C (pA), or 1/tau where currents are given as voltages R·I.
    pub per_charge: f64,
    /// mV per mV of R·I and ms: 1/tau of the leak.
    pub per_voltage: f64,
}

impl Response {
    /// Drive in mV of a unit current held over a step.
    pub fn held(&self, dt: f64) -> f64 {
        self.per_charge * dt * phi1(-dt / self.tau)
    }

    /// Drive in mV of R·I = 1 mV held over a step.
    pub fn held_voltage(&self, dt: f64) -> f64 {
        self.per_voltage * dt * phi1(-dt / self.tau)
    }

    /// Drive in mV of a current e^{−s/tau_s}: ∫ e^{−(dt−s)/tau − s/tau_s} ds, smooth through tau = tau_s.
    pub fn exponential(&self, tau_s: f64, dt: f64) -> f64 {
        let x = (1.0 / tau_s - 1.0 / self.tau) * dt;
        // The same twice; of a receptor much faster than a step one factor of the first would overflow.
        let (decay, mean) = if x < 1.0 { (dt / tau_s, phi1(x)) } else { (dt / self.tau, phi1(-x)) };
        self.per_charge * dt * libm::exp(-decay) * mean
    }

    /// Drive in mV of a current s·e^{−s/tau_s}, smooth through tau = tau_s.
    pub fn alpha(&self, tau_s: f64, dt: f64) -> f64 {
        let x = (1.0 / tau_s - 1.0 / self.tau) * dt;
        // The same twice; of a membrane much faster than a step one factor of the first would overflow.
        let (decay, mean) =
            if x > -1.0 { (dt / self.tau, phi2(x)) } else { (dt / tau_s, (libm::exp(x) - 1.0 - x) / x / x) };
        self.per_charge * dt * dt * libm::exp(-decay) * mean
    }

    /// Standard deviation in mV of what white noise of 1 mV (tau V' = … + sigma √tau xi) adds to V in a step.
    pub fn noise(&self, dt: f64) -> f64 {
        if self.tau.is_finite() {
            libm::sqrt(-libm::expm1(-2.0 * dt / self.tau) / 2.0)
        } else {
            libm::sqrt(dt / self.tau_leak)
        }
    }
}
