//! The interface of membrane models, and the response of a membrane to currents.
//!
//! A membrane model is a type that implements [`MembraneModel`]. It gives a page, constants derived from the
//! parameters, and the equations of one neuron over one step. The loop over neurons, the refractory time, receptors and
//! threads belong to other modules.

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
    /// State variables, in the order of the page. The membrane potential V (mV) comes first.
    type State: Columns;
    /// Documentation and interface.
    const PAGE: &'static Page;

    /// Checks the parameters of one neuron and derives its constants. `dt` is the step in ms.
    fn constants(parameters: &Parameters, dt: f64) -> Result<Self::Constants, ParameterError>;
    /// How a current acts on V over one step.
    fn response(parameters: &Parameters) -> Result<Response, ParameterError>;
    /// The part of the drive (mV) that comes from the resting potential, not from currents. The default is -0.0,
    /// because x + (-0.0) is x for every x, also for x = 0.0 and -0.0.
    #[inline(always)]
    fn rest_drive(_constants: Self::Constants) -> f64 {
        -0.0
    }
    /// The state one step later. `drive` (mV) is the sum of [`MembraneModel::rest_drive`] and of the effect of all
    /// currents on V at the end of the step, as given by [`Response`].
    fn advance(constants: Self::Constants, state: Self::State, drive: f64) -> Self::State;
    /// The state one step later during the refractory time. By default all variables keep their values.
    #[inline(always)]
    fn refractory(_constants: Self::Constants, state: Self::State, _drive: f64) -> Self::State {
        state
    }
    /// Whether the neuron spikes in this state.
    fn fires(constants: Self::Constants, state: Self::State) -> bool;
    /// The state after a spike.
    fn reset(constants: Self::Constants, state: Self::State) -> Self::State;
    /// Refractory time in ms. The engine rounds it to the nearest step.
    fn refractory_time(parameters: &Parameters) -> Result<f64, ParameterError>;
}

/// How a current acts on the membrane potential over one step.
///
/// The drive is the change of V (mV) that the current causes by the end of the step. A linear membrane is integrated
/// exactly: the drive of a current I(s) is ∫ e^{−(dt−s)/tau} I(s) ds / C. A nonlinear membrane gets the integral
/// ∫ I(s) ds / C, which is the same formula with tau = ∞, and spreads it over the step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Response {
    /// Time constant of a linear membrane in ms; ∞ for a nonlinear membrane.
    pub tau: f64,
    /// Time constant of the leak in ms. It scales white noise.
    pub tau_leak: f64,
    /// 1/C, in mV per pA·ms. For a membrane in voltage form, where currents are given as R·I: 1/tau, in mV per mV·ms.
    pub per_charge: f64,
    /// Effect of a current given as R·I: 1/tau of the leak, in mV per mV·ms.
    pub per_voltage: f64,
}

impl Response {
    /// Drive in mV of a current of 1 (pA, or mV in voltage form) held over a step of `dt` ms.
    pub fn held(&self, dt: f64) -> f64 {
        self.per_charge * dt * phi1(-dt / self.tau)
    }

    /// Drive in mV of R·I = 1 mV held over a step of `dt` ms.
    pub fn held_voltage(&self, dt: f64) -> f64 {
        self.per_voltage * dt * phi1(-dt / self.tau)
    }

    /// Drive in mV of a current e^{−s/tau_s}: ∫ e^{−(dt−s)/tau − s/tau_s} ds / C. Accurate at and near tau = tau_s.
    pub fn exponential(&self, tau_s: f64, dt: f64) -> f64 {
        let x = (1.0 / tau_s - 1.0 / self.tau) * dt;
        // Both forms are equal. The first would overflow for a receptor whose time constant is much shorter than a
        // step.
        let (decay, mean) = if x < 1.0 { (dt / tau_s, phi1(x)) } else { (dt / self.tau, phi1(-x)) };
        self.per_charge * dt * libm::exp(-decay) * mean
    }

    /// Drive in mV of a current s·e^{−s/tau_s}, with s in ms. Accurate at and near tau = tau_s.
    pub fn alpha(&self, tau_s: f64, dt: f64) -> f64 {
        let x = (1.0 / tau_s - 1.0 / self.tau) * dt;
        // Both forms are equal. The first would overflow for a membrane whose time constant is much shorter than a
        // step.
        let (decay, mean) =
            if x > -1.0 { (dt / self.tau, phi2(x)) } else { (dt / tau_s, (libm::exp(x) - 1.0 - x) / x / x) };
        self.per_charge * dt * dt * libm::exp(-decay) * mean
    }

    /// Standard deviation, in mV, of what white noise with sigma = 1 mV adds to V in a step. White noise of strength
    /// sigma means tau dV/dt = … + sigma √tau xi(t).
    pub fn noise(&self, dt: f64) -> f64 {
        if self.tau.is_finite() {
            libm::sqrt(-libm::expm1(-2.0 * dt / self.tau) / 2.0)
        } else {
            libm::sqrt(dt / self.tau_leak)
        }
    }
}
