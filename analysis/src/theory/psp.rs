//! Postsynaptic potentials: the response of a linear membrane to one spike.
//!
//! Differences of exponentials are written with φ functions. The results are therefore accurate also if the time
//! constants of synapse and membrane are equal or nearly equal, and no time causes an overflow. Before the arrival of
//! the spike the potential is 0. Peaks follow Rotter and Diesmann 1999. In all formulas, a = 1/tau_s − 1/tau_m.
use lapicque_models::numerics::math::{phi1, phi2};

/// Voltage in mV at `t` ms after arrival of one delta spike of `weight` mV: weight e^(−t/tau_m), `tau_m` in ms.
pub fn psp_delta(weight: f64, tau_m: f64, t: f64) -> f64 {
    if t < 0.0 { 0.0 } else { weight * libm::exp(-t / tau_m) }
}

/// Voltage in mV at `t` ms after arrival of one spike that adds the current weight e^(−t/tau_s) (`weight` in pA,
/// `capacitance` in pF, `tau_m` and `tau_s` in ms): weight/(C a) (e^(−t/tau_m) − e^(−t/tau_s)).
pub fn psp_exponential(weight: f64, capacitance: f64, tau_m: f64, tau_s: f64, t: f64) -> f64 {
    if t < 0.0 {
        return 0.0;
    }
    // With the slower exponential as a factor, the argument of φ₁ is never positive, so φ₁ ≤ 1.
    let x = rate_difference(tau_m, tau_s).abs() * t;
    weight / capacitance * t * libm::exp(-t / tau_m.max(tau_s)) * phi1(-x)
}

/// Time from arrival to the peak of [`psp_exponential`], in ms: ln(tau_m/tau_s)/a, or tau_m if both time constants (in
/// ms) are equal.
pub fn psp_exponential_peak_time(tau_m: f64, tau_s: f64) -> f64 {
    let excess = (tau_m - tau_s) / tau_s;
    if excess == 0.0 { tau_m } else { tau_m * libm::log1p(excess) / excess }
}

/// Voltage in mV at `t` ms after arrival of one spike that adds the current weight (t/tau_s) e^(1 − t/tau_s):
/// weight e/(tau_s C) [(e^(−t/tau_m) − e^(−t/tau_s))/a² − t e^(−t/tau_s)/a]. `weight` in pA is the peak of the current,
/// which is at t = tau_s. `capacitance` is in pF, times are in ms.
pub fn psp_alpha(weight: f64, capacitance: f64, tau_m: f64, tau_s: f64, t: f64) -> f64 {
    if t < 0.0 {
        return 0.0;
    }
    let x = rate_difference(tau_m, tau_s) * t;
    let shape =
        if x < -2.0 { libm::exp(-t / tau_s) * (libm::expm1(x) - x) / x / x } else { libm::exp(-t / tau_m) * phi2(x) };
    weight * std::f64::consts::E / (tau_s * capacitance) * t * t * shape
}

/// a = 1/tau_s − 1/tau_m in 1/ms, in a form that avoids cancellation.
fn rate_difference(tau_m: f64, tau_s: f64) -> f64 {
    (tau_m - tau_s) / tau_m / tau_s
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_of_the_microcircuit_gives_a_peak_of_1_mv() {
        let peak = psp_exponential(585.39, 250.0, 10.0, 0.5, psp_exponential_peak_time(10.0, 0.5));
        // The published weight 585.39 is rounded to five digits.
        assert!((peak - 1.0).abs() < 0.005 / 585.39, "{peak}");
    }

    #[test]
    fn potentials_agree_with_the_textbook_formulas() {
        for (tau_m, tau_s) in [(10.0, 0.5), (10.0, 2.0), (5.0, 20.0), (1.0, 100.0)] {
            let a = 1.0 / tau_s - 1.0 / tau_m;
            for t in [0.01, 0.3, 1.0, 7.0, 40.0] {
                let (m, s) = (libm::exp(-t / tau_m), libm::exp(-t / tau_s));
                let exponential = 3.0 / (250.0 * a) * (m - s);
                let alpha = 3.0 * std::f64::consts::E / (tau_s * 250.0) * ((m - s) / (a * a) - t * s / a);
                let scale = 3.0 / 250.0 * t;
                assert!((psp_exponential(3.0, 250.0, tau_m, tau_s, t) - exponential).abs() < 1e-13 * scale);
                let error = (psp_alpha(3.0, 250.0, tau_m, tau_s, t) - alpha).abs();
                assert!(error < 1e-10 * scale, "{tau_m} {tau_s} {t}: {error}");
            }
        }
    }

    #[test]
    fn potentials_are_smooth_through_equal_time_constants() {
        let tau = 10.0;
        for t in [0.1, 5.0, 80.0] {
            let decay = libm::exp(-t / tau);
            let equal = (3.0 / 250.0 * t * decay, 3.0 * std::f64::consts::E / (tau * 250.0) * 0.5 * t * t * decay);
            let at = |s| (psp_exponential(3.0, 250.0, tau, s, t), psp_alpha(3.0, 250.0, tau, s, t));
            let (exponential, alpha) = at(tau);
            assert!((exponential / equal.0 - 1.0).abs() < 1e-15 && (alpha / equal.1 - 1.0).abs() < 1e-15);
            for d in [1e-15, 1e-12, 1e-9, 1e-6, 1e-4] {
                // The first-order change cancels in the mean of both sides. The remaining change is of order d².
                let (low, high) = (at(tau * (1.0 - d)), at(tau * (1.0 + d)));
                let bound = 100.0 * d * d + 1e-14;
                assert!(((low.0 + high.0) / (2.0 * equal.0) - 1.0).abs() < bound, "exponential at {d}, {t}");
                assert!(((low.1 + high.1) / (2.0 * equal.1) - 1.0).abs() < bound, "alpha at {d}, {t}");
            }
        }
        assert_eq!(psp_exponential_peak_time(tau, tau), tau);
        assert!((psp_exponential_peak_time(tau, tau * (1.0 + 1e-9)) - tau).abs() < 1e-7);
    }

    #[test]
    fn potentials_are_finite_at_late_times_and_zero_before_arrival() {
        for (tau_m, tau_s) in [(10.0, 0.1), (0.1, 10.0)] {
            for t in [1e3, 1e5, 1e9] {
                let (e, a) = (psp_exponential(1.0, 1.0, tau_m, tau_s, t), psp_alpha(1.0, 1.0, tau_m, tau_s, t));
                assert!(e.is_finite() && a.is_finite() && e >= 0.0 && a >= 0.0, "{tau_m} {tau_s} {t}: {e} {a}");
            }
        }
        assert_eq!(psp_exponential(1.0, 1.0, 10.0, 2.0, -1.0), 0.0);
        assert_eq!(psp_alpha(1.0, 1.0, 10.0, 2.0, -1.0), 0.0);
        assert_eq!((psp_delta(2.0, 10.0, -1e-9), psp_delta(2.0, 10.0, 0.0)), (0.0, 2.0));
    }
}
