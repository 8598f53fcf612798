//! Onset of oscillations in a rate model with delayed inhibition, tau dr/dt = −r + F(−J r(t − delay)).
//!
//! This is the mechanism of the fast oscillation of Brunel and Hakim 1999. Frequency and critical coupling are accurate
//! to the last digits of an f64.
use super::numeric::root;

/// The onset of oscillations: the first instability as the coupling grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Onset {
    /// Frequency of the oscillation, in Hz.
    pub frequency: f64,
    /// Critical effective coupling J_c = √(1 + omega² tau²), dimensionless. Above it the oscillation grows.
    pub coupling: f64,
}

/// The first instability for the time constant `tau` (ms) and the delay `delay` (ms): omega tau = −tan(omega delay)
/// with omega·delay in (π/2, π), J_c = √(1 + omega² tau²) (Gerstner et al. 2014, ch. 15). NaN unless both times are
/// positive.
pub fn oscillation_onset(tau: f64, delay: f64) -> Onset {
    if !(tau > 0.0 && delay > 0.0) {
        return Onset { frequency: f64::NAN, coupling: f64::NAN };
    }
    let ratio = tau / delay;
    // The condition for phase = omega·delay, multiplied by cos(phase), so that it has no poles.
    let condition = |phase: f64| phase * ratio * libm::cos(phase) + libm::sin(phase);
    let omega = root(&condition, std::f64::consts::FRAC_PI_2, std::f64::consts::PI) / delay;
    Onset { frequency: 1000.0 * omega / std::f64::consts::TAU, coupling: libm::hypot(1.0, omega * tau) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn onsets_agree_with_reference_values() {
        for (delay, frequency, coupling) in [(2.0, 134.381, 8.5024), (5.0, 58.461, 3.8069)] {
            let onset = oscillation_onset(10.0, delay);
            assert!((onset.frequency - frequency).abs() < 5e-4, "{onset:?}");
            assert!((onset.coupling - coupling).abs() < 5e-5, "{onset:?}");
        }
        assert!(oscillation_onset(10.0, 0.0).frequency.is_nan());
    }
}
