//! Closed forms and mean-field theory: what a simulation must reproduce.
//!
//! Holds the firing rates of single neurons under constant drive (`single`), of neurons under noise and of
//! self-consistent networks of them (`siegert`), postsynaptic potentials (`psp`) and the onset of oscillations of a
//! delayed rate model (`oscillation`). Tests compare simulations with these; users may do the same with their networks.
//!
//! Guarantees: units are ms, mV, pA, pF and Hz throughout; drives are R·I in mV. No function panics; parameters are
//! taken as physical (positive times, reset below threshold), others give NaN, 0, an infinity or a number without
//! meaning. Integrals are computed to 10⁻¹² relative, so that the theory is never the reason of a discrepancy.
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
pub use single::{Eif, Lif, membrane_voltage, qif_period};
