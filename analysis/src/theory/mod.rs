//! Closed-form solutions and mean-field theory that a simulation must reproduce.
//!
//! - `single`: firing rates of single neurons under constant drive
//! - `siegert`: firing rates of neurons with noisy input, and self-consistent rates of networks of such neurons
//! - `psp`: postsynaptic potentials
//! - `oscillation`: onset of oscillations in a rate model with delay
//!
//! The tests compare simulations with these results; users can do the same with their networks.
//!
//! Units are ms, mV, pA, pF and Hz. A drive is R·I in mV. No function panics. Parameters must be physically meaningful
//! (positive times, reset below threshold); others are not refused, but give NaN, 0, an infinity or a meaningless
//! number. Integrals have a relative error of at most 10⁻¹², so the theory is never the cause of a disagreement with a
//! simulation.
mod numeric;
pub mod oscillation;
pub mod psp;
pub mod siegert;
pub mod single;

pub use oscillation::{Onset, oscillation_onset};
pub use psp::{psp_alpha, psp_delta, psp_exponential, psp_exponential_peak_time};
pub use siegert::{
    Diffusion, PoissonInput, colour_shift, diffusion, erfcx, grid_shift, self_consistent_rate, siegert_rate,
};
pub use single::{EifNeuron, LifNeuron, membrane_voltage, qif_period};
