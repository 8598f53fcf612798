//! Single neurons under constant drive: firing rate, rheobase, membrane potential without threshold.
//!
//! Rates are 0 at and below the rheobase. Above it they are exact (LIF, QIF) or have a relative error of at most 10⁻¹²
//! (EIF). They hold for continuous time; [`LifNeuron::rate_on_grid`] is the rate of a simulation with spikes on a time
//! grid.
use super::numeric::integrate;

/// Milliseconds per second: intervals are in ms, rates in Hz.
const MS_PER_S: f64 = 1000.0;

/// V(t) in mV of a passive membrane, tau dV/dt = −(V − rest) + drive, with V(0) = `v0`. `v0`, `rest` and `drive` (R·I)
/// are in mV, `tau` and `t` in ms.
pub fn membrane_voltage(v0: f64, rest: f64, drive: f64, tau: f64, t: f64) -> f64 {
    // `expm1` computes e^(−t/tau) − 1 without cancellation, so the result keeps all digits for small t.
    v0 - libm::expm1(-t / tau) * (rest + drive - v0)
}

/// A leaky integrate-and-fire neuron, tau dV/dt = −(V − rest) + R·I (Lapicque 1907; Gerstner et al. 2014, ch. 1.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LifNeuron {
    /// Membrane time constant in ms.
    pub tau: f64,
    /// Resting potential in mV.
    pub rest: f64,
    /// Reset potential in mV.
    pub reset: f64,
    /// Threshold in mV.
    pub threshold: f64,
    /// Absolute refractory period in ms.
    pub refractory: f64,
}

impl LifNeuron {
    /// The rheobase as drive R·I in mV: threshold − rest. Only a larger drive makes the neuron spike.
    pub fn rheobase(&self) -> f64 {
        self.threshold - self.rest
    }

    /// Time in ms from the voltage `v0` (mV) to the threshold under the drive R·I (mV): tau ln((rest + RI − v0)/(rest +
    /// RI − threshold)). Infinite if the drive does not exceed the rheobase, 0 if `v0` is at or above the threshold.
    pub fn time_to_threshold(&self, v0: f64, drive: f64) -> f64 {
        let excess = drive - self.rheobase();
        if v0 >= self.threshold {
            0.0
        } else if excess > 0.0 {
            self.tau * libm::log1p((self.threshold - v0) / excess)
        } else {
            f64::INFINITY
        }
    }

    /// Rate in Hz under the constant drive R·I (mV): 1/(t_ref + tau ln((rest + RI − reset)/(rest + RI − threshold))).
    pub fn rate(&self, drive: f64) -> f64 {
        MS_PER_S / (self.refractory + self.time_to_threshold(self.reset, drive))
    }

    /// Rate in Hz under the constant drive R·I (mV) of a simulated neuron whose V is exact at the points of a time grid
    /// with step `dt` (ms), and which spikes only at these points. The interspike interval is dt·⌈t/dt⌉ + t_ref, where
    /// t is the time from reset to threshold. `refractory` is not rounded to the grid and should be a multiple of `dt`.
    pub fn rate_on_grid(&self, drive: f64, dt: f64) -> f64 {
        MS_PER_S / (self.refractory + dt * (self.time_to_threshold(self.reset, drive) / dt).ceil())
    }
}

/// An exponential integrate-and-fire neuron, tau dV/dt = −(V − rest) + slope e^((V − threshold)/slope) + R·I
/// (Fourcaud-Trocmé et al. 2003).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EifNeuron {
    /// Membrane time constant in ms.
    pub tau: f64,
    /// Resting potential of the leak in mV.
    pub rest: f64,
    /// Reset potential in mV.
    pub reset: f64,
    /// Rheobase threshold in mV: the voltage at which tau dV/dt is smallest.
    pub threshold: f64,
    /// Slope factor Delta in mV.
    pub slope: f64,
    /// Voltage in mV at which the neuron spikes.
    pub peak: f64,
    /// Absolute refractory period in ms.
    pub refractory: f64,
}

impl EifNeuron {
    /// The rheobase as drive R·I in mV: threshold − rest − slope. Only a larger drive makes the neuron fire
    /// repetitively.
    pub fn rheobase(&self) -> f64 {
        self.threshold - self.rest - self.slope
    }

    /// tau dV/dt in mV at the voltage `v` (mV) under the drive R·I (mV).
    ///
    /// Computed as (drive − rheobase) + slope (e^x − 1 − x), x = (v − threshold)/slope, where the second term is never
    /// negative. Near the rheobase, the form in the definition of the model would lose the digits of drive − rheobase
    /// by cancellation.
    fn tau_dv_dt(&self, v: f64, drive: f64) -> f64 {
        let x = (v - self.threshold) / self.slope;
        let convex = if x.abs() < 0.01 {
            x * x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x * (1.0 / 120.0 + x * (1.0 / 720.0 + x / 5040.0)))))
        } else {
            libm::expm1(x) - x
        };
        (drive - self.rheobase()) + self.slope * convex
    }

    /// Interspike interval in ms under the constant drive R·I (mV): t_ref + tau ∫ dV/(tau dV/dt) from reset to peak.
    /// Infinite if V stops at a fixed point below the peak. NaN unless reset < peak and slope > 0.
    pub fn interval(&self, drive: f64) -> f64 {
        if !(self.reset < self.peak && self.slope > 0.0) {
            return f64::NAN;
        }
        let reset_above_fixed_points = self.reset > self.threshold && self.tau_dv_dt(self.reset, drive) > 0.0;
        if drive > self.rheobase() || reset_above_fixed_points {
            // V changes most slowly at the threshold, so the integrand has its peak there. The integral is split at it.
            let slowest = self.threshold.max(self.reset).min(self.peak);
            let integrand = |v: f64| 1.0 / self.tau_dv_dt(v, drive);
            let time = integrate(&integrand, self.reset, slowest) + integrate(&integrand, slowest, self.peak);
            self.refractory + self.tau * time
        } else {
            f64::INFINITY
        }
    }

    /// Rate in Hz under the constant drive R·I (mV). At and below the rheobase the rate is 0, unless the reset lies
    /// above the unstable fixed point of V.
    pub fn rate(&self, drive: f64) -> f64 {
        MS_PER_S / self.interval(drive)
    }
}

/// Interspike interval of the quadratic integrate-and-fire neuron dV/dt = V² + I, with I = `current`, from `reset` to
/// `peak`, all dimensionless (Ermentrout and Kopell 1986): (atan(peak/√I) − atan(reset/√I))/√I. From −V_p to V_p this
/// is 2 atan(V_p/√I)/√I. Infinite for I ≤ 0.
pub fn qif_period(current: f64, reset: f64, peak: f64) -> f64 {
    if current > 0.0 {
        let root = current.sqrt();
        (libm::atan(peak / root) - libm::atan(reset / root)) / root
    } else {
        f64::INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(value: f64, expected: f64, tolerance: f64) {
        assert!((value - expected).abs() <= tolerance, "{value} instead of {expected} ± {tolerance}");
    }

    #[test]
    fn lif_rates_agree_with_neuronal_dynamics() {
        let lif = LifNeuron { tau: 8.0, rest: -70.0, reset: -65.0, threshold: -50.0, refractory: 2.0 };
        assert_close(lif.rheobase() / 10.0, 2.0, 0.0); // nA through 10 MΩ
        let table =
            [(2.0, 0.0), (2.1, 41.355279), (2.5, 76.392123), (3.0, 107.177393), (5.0, 190.704278), (10.0, 296.313675)];
        for (current, rate) in table {
            assert_close(lif.rate(10.0 * current), rate, 5e-7);
        }
        assert_eq!(lif.rate(10.0), 0.0);
    }

    #[test]
    fn lif_rates_agree_with_the_normalised_neuron() {
        let lif = LifNeuron { tau: 20.0, rest: 0.0, reset: 0.0, threshold: 1.0, refractory: 2.0 };
        assert_close(lif.rate(1.1), 20.01685, 5e-6);
        assert_close(lif.rate(2.0), 63.04, 5e-3);
        assert_close(lif.rate(5.0), 154.73, 5e-3);
    }

    #[test]
    fn threshold_times_agree_with_nest_to_the_last_digit() {
        // 1000 pA into 250 pF with tau 10 ms: R·I = 40 mV.
        let lif = LifNeuron { tau: 10.0, rest: 0.0, reset: 0.0, threshold: 15.0, refractory: 0.0 };
        assert_close(lif.time_to_threshold(0.0, 40.0), 4.700036292457356, 2e-15);
        assert_close(membrane_voltage(0.0, 0.0, 40.0, 10.0, 5.0), 15.738773611494663, 4e-15);
    }

    #[test]
    fn step_response_agrees_with_nest() {
        let lif = LifNeuron { tau: 10.0, rest: -70.0, reset: -70.0, threshold: -55.0, refractory: 2.0 };
        let voltage = |t| membrane_voltage(-70.0, -70.0, 40.0, 10.0, t);
        assert_close(voltage(0.1), -69.602, 5e-4);
        assert_close(voltage(0.5), -68.0492, 5e-5);
        assert_close(voltage(4.7), -55.0001, 5e-5);
        assert_close(1000.0 / lif.rate_on_grid(40.0, 0.1) - 2.0, 4.8, 1e-12);
        for dt in [0.1, 0.2, 0.5, 1.0] {
            assert_close(1000.0 / lif.rate_on_grid(58.0, dt) - 2.0, 3.0, 1e-12); // 1450 pA
        }
    }

    #[test]
    fn the_rate_on_a_fine_grid_is_the_rate_in_continuous_time() {
        let lif = LifNeuron { tau: 8.0, rest: -70.0, reset: -65.0, threshold: -50.0, refractory: 2.0 };
        assert_close(lif.rate_on_grid(30.0, 1e-7), lif.rate(30.0), 2e-6);
        assert_eq!(lif.rate_on_grid(20.0, 0.1), 0.0);
    }

    /// The neuron whose rates were computed independently of this project. R is 20 MΩ, currents are in nA.
    const EIF: EifNeuron =
        EifNeuron { tau: 12.0, rest: -65.0, reset: -60.0, threshold: -55.0, slope: 2.0, peak: -30.0, refractory: 0.0 };

    #[test]
    fn eif_rates_agree_with_independently_computed_rates() {
        assert_close(EIF.rheobase() / 20.0, 0.4, 1e-15);
        for (current, rate) in [(0.45, 17.179294), (0.5, 27.318855), (1.0, 106.534768)] {
            assert_close(EIF.rate(20.0 * current), rate, 5e-7);
        }
        assert_eq!(EIF.rate(8.0), 0.0);
        assert_eq!(EIF.rate(0.0), 0.0);
    }

    #[test]
    fn eif_rates_agree_with_high_precision_quadrature() {
        // R·I in mV and rate in Hz, computed with mpmath at 30 digits.
        for (drive, exact) in [(8.000001, 0.013265502203030224), (8.001, 0.4220494778887576), (8.1, 4.501442944220362)]
        {
            let rate = EIF.rate(drive);
            assert!((rate / exact - 1.0).abs() < 1e-12, "{drive}: {rate} {:e}", rate / exact - 1.0);
        }
    }

    #[test]
    fn eif_rate_just_above_rheobase_follows_the_square_root() {
        // The limit at the saddle-node bifurcation: 1/T → √(2·excess/slope)/(2π tau). At an excess of 1e-10 mV the
        // relative deviation from it is about 1e-4.
        let excess = 1e-10;
        let limit = 1000.0 * (2.0 * excess / EIF.slope).sqrt() / (2.0 * std::f64::consts::PI * EIF.tau);
        let rate = EIF.rate(EIF.rheobase() + excess);
        assert!((rate / limit - 1.0).abs() < 1e-4, "{rate} {limit}");
    }

    #[test]
    fn eif_with_small_slope_is_a_lif() {
        let eif = EifNeuron { slope: 1e-4, ..EIF };
        let lif = LifNeuron { tau: 12.0, rest: -65.0, reset: -60.0, threshold: -55.0, refractory: 0.0 };
        let (a, b) = (eif.rate(20.0), lif.rate(20.0));
        assert!((a / b - 1.0).abs() < 1e-3, "{a} {b}");
    }

    #[test]
    fn an_eif_with_reset_above_the_unstable_fixed_point_fires_below_rheobase() {
        let eif = EifNeuron { reset: -50.0, ..EIF };
        assert!(eif.rate(0.0) > 0.0);
        assert_eq!(EifNeuron { reset: -54.9, ..EIF }.rate(0.0), 0.0);
    }

    #[test]
    fn qif_period_agrees_with_a_reference_value() {
        assert_close(qif_period(1.0, -10.0, 10.0), 2.9422553486, 5e-11);
        assert_eq!(qif_period(0.0, -10.0, 10.0), f64::INFINITY);
    }
}
