//! Firing rates of integrate-and-fire neurons with noisy input, and self-consistent rates of networks of such neurons.
//!
//! Noise is defined as in Brunel 2000: tau dV/dt = −(V − mu) + sigma √tau ξ(t). The free membrane potential (V without
//! threshold) then has the variance sigma²/2. Rates above 10⁻³⁰⁰ Hz have a relative error of at most 10⁻¹¹. Weak noise
//! and distant thresholds cause no overflow: the integrand e^(u²)(1 + erf u) is computed as erfcx(−u), because the
//! product would be 0·∞ for very negative u.
//!
//! Siegert's formula is exact for white noise in continuous time. A simulation differs from it in two known ways:
//! synapses filter the noise, and the threshold is tested only at the points of the time grid. Each has the effect of a
//! shift of threshold and reset (`colour_shift`, `grid_shift`).
use super::numeric::{integrate, root};
use super::single::LifNeuron;

/// 1/√π
const FRAC_1_SQRT_PI: f64 = 0.564_189_583_547_756_3;

/// The scaled complementary error function e^(x²) erfc(x), with a relative error of at most 10⁻¹⁵; +∞ for x below
/// −26.6.
///
/// For 0 ≤ x ≤ 10 it is computed as the product, with x² in twice the precision, so that e^(x²) keeps all digits. For
/// x > 10 it is the asymptotic series (Abramowitz and Stegun 7.1.23), whose smallest term is about e^(−100) at x = 10
/// and smaller above. For x < 0 it is 2 e^(x²) − erfcx(−x).
pub fn erfcx(x: f64) -> f64 {
    if x < 0.0 {
        2.0 * exp_square(x) - erfcx(-x)
    } else if x <= 10.0 {
        exp_square(x) * libm::erfc(x)
    } else {
        let ratio = -0.5 / x / x;
        let (mut term, mut sum, mut odd) = (1.0, 0.0, 1.0);
        while f64::abs(term) > 1e-17 {
            sum += term;
            term *= odd * ratio;
            odd += 2.0;
        }
        // For x = NaN the loop ends after one term.
        if x.is_nan() { x } else { FRAC_1_SQRT_PI / x * sum }
    }
}

/// e^(x²). The square of the upper half of the digits of x is exact; the lower half enters as a correction.
fn exp_square(x: f64) -> f64 {
    let high = f64::from_bits(x.to_bits() & 0xFFFF_FFFF_F800_0000);
    let main = libm::exp(high * high);
    if main.is_finite() { main + main * libm::expm1((x - high) * (x + high)) } else { main }
}

/// Shift of both limits of Siegert's integral, dimensionless, for noise filtered by exponential synapses with time
/// constant `tau_s` (ms) on a membrane with time constant `tau` (ms): (alpha/2) √(tau_s/tau), alpha = √2 |ζ(1/2)|
/// (Fourcaud and Brunel 2002). Valid to first order in √(tau_s/tau).
pub fn colour_shift(tau_s: f64, tau: f64) -> f64 {
    /// |ζ(1/2)|
    const ZETA_HALF: f64 = 1.460_354_508_809_587;
    0.5 * std::f64::consts::SQRT_2 * ZETA_HALF * (tau_s / tau).sqrt()
}

/// Shift of both limits of Siegert's integral, dimensionless, for a threshold that is tested only every `dt` (ms), on a
/// membrane with time constant `tau` (ms): |ζ(1/2)|/√(2π) √(dt/tau) = 0.5826 √(dt/tau) (Broadie, Glasserman and Kou
/// 1997).
pub fn grid_shift(dt: f64, tau: f64) -> f64 {
    0.582_597_157_939_010_7 * (dt / tau).sqrt()
}

/// The input of a neuron in the diffusion approximation, as in tau dV/dt = −(V − mu) + sigma √tau ξ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Diffusion {
    /// Mean of the free membrane potential in mV: the resting potential plus the mean drive.
    pub mu: f64,
    /// Amplitude of the noise in mV. The free membrane potential has the variance sigma²/2.
    pub sigma: f64,
}

/// Independent Poisson inputs with equal weight and rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoissonInput {
    /// Number of inputs per neuron.
    pub count: f64,
    /// Jump of V per spike in mV. For an exponential current with peak w: w tau_s/C.
    pub weight: f64,
    /// Rate of each input in Hz.
    pub rate: f64,
}

/// The diffusion approximation of Poisson inputs to a membrane with time constant `tau` (ms) and resting potential
/// `rest` (mV): mu = rest + tau Σ K J ν, sigma² = tau Σ K J² ν, with count K, weight J and rate ν of each input (Brunel
/// 2000, equations 4 and 5).
pub fn diffusion(tau: f64, rest: f64, inputs: &[PoissonInput]) -> Diffusion {
    let seconds = tau * 1e-3;
    let (mut mean, mut variance) = (0.0, 0.0);
    for input in inputs {
        mean += input.count * input.weight * input.rate;
        variance += input.count * input.weight * input.weight * input.rate;
    }
    Diffusion { mu: rest + seconds * mean, sigma: (seconds * variance).sqrt() }
}

/// Rate ν in Hz of a LIF neuron with white noise (Siegert 1951; Brunel 2000, equation 21):
/// 1/ν = t_ref + tau √π ∫ e^(u²)(1 + erf u) du from (reset − mu)/sigma to (threshold − mu)/sigma. `shift` is added to
/// both limits: 0, [`colour_shift`] or [`grid_shift`]. For sigma = 0 the result is the rate under constant drive.
pub fn siegert_rate(lif: &LifNeuron, input: Diffusion, shift: f64) -> f64 {
    /// Above this upper limit the integrand overflows, and the rate is below 10⁻³⁰⁰ Hz.
    const LARGEST_LIMIT: f64 = 26.6;
    if input.sigma == 0.0 {
        return lif.rate(input.mu - lif.rest);
    }
    let lower = (lif.reset - input.mu) / input.sigma + shift;
    let upper = (lif.threshold - input.mu) / input.sigma + shift;
    if upper > LARGEST_LIMIT {
        return 0.0;
    }
    // erfcx(−u) = e^(u²)(1 + erf u).
    let integral = integrate(&|u: f64| erfcx(-u), lower, upper);
    1000.0 / (lif.refractory + lif.tau / FRAC_1_SQRT_PI * integral)
}

/// The self-consistent rate in Hz of a network of equal LIF neurons: the lowest rate ν with ν = Siegert(input(ν)).
///
/// `input` returns the diffusion approximation of the whole input, external and recurrent, if every neuron fires at the
/// given rate (Hz). `shift` is as in [`siegert_rate`]. The function tries rates from 10⁻⁹ to 10⁷ Hz in steps of 5 %
/// until Siegert(input(ν)) ≤ ν, and then computes the rate to the last digit by bisection. Two solutions within one
/// step are missed. `None` if there is no solution up to 10⁷ Hz, as for runaway excitation without refractory period.
pub fn self_consistent_rate(lif: &LifNeuron, shift: f64, input: impl Fn(f64) -> Diffusion) -> Option<f64> {
    /// Lowest rate to try, in Hz (one spike in 30 years). If the solution is lower, the rate without recurrent input is
    /// returned.
    const LOWEST: f64 = 1e-9;
    /// Ratio of two rates that are tried one after the other.
    const STEP: f64 = 1.05;
    /// Highest rate to try, in Hz.
    const HIGHEST: f64 = 1e7;
    let output_minus_input_rate = |rate: f64| siegert_rate(lif, input(rate), shift) - rate;
    if output_minus_input_rate(LOWEST) <= 0.0 {
        return Some(siegert_rate(lif, input(0.0), shift));
    }
    let mut low = LOWEST;
    while low < HIGHEST {
        let high = low * STEP;
        if output_minus_input_rate(high) <= 0.0 {
            return Some(root(&output_minus_input_rate, low, high));
        }
        low = high;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erfcx_is_accurate_everywhere() {
        // x, e^(x²) erfc(x): mpmath at 400 bits.
        let table = [
            (-26.0, 7.657724931490568e293),
            (-5.0, 144009798674.66104),
            (-1.0, 5.008980080762283),
            (-0.001, 1.0011293799198486),
            (0.0, 1.0),
            (1e-9, 0.9999999988716208),
            (0.1, 0.8964569799691267),
            (0.5, 0.6156903441929259),
            (0.84, 0.47560041951241155),
            (0.85, 0.47232650017023253),
            (1.0, 0.427583576155807),
            (1.24, 0.3699218652084566),
            (1.26, 0.3657453272507993),
            (2.0, 0.25539567631050575),
            (5.0, 0.11070463773306863),
            (9.99, 0.05619664070685882),
            (10.01, 0.056085454355001924),
            (26.0, 0.021683584850562907),
            (30.0, 0.01879588886141675),
            (1e3, 0.0005641893014533876),
            (1e10, 5.641895835477563e-11),
            (1e200, 5.641895835477563e-201),
        ];
        for (x, exact) in table {
            let value = erfcx(x);
            assert!((value / exact - 1.0).abs() < 1e-15, "erfcx({x}) = {value:e}");
        }
        assert!(erfcx(f64::NAN).is_nan());
        assert_eq!((erfcx(f64::INFINITY), erfcx(f64::NEG_INFINITY)), (0.0, f64::INFINITY));
    }

    fn lif(tau: f64, reset: f64, threshold: f64) -> LifNeuron {
        LifNeuron { tau, rest: 0.0, reset, threshold, refractory: 2.0 }
    }

    #[test]
    fn siegert_rates_agree_with_reference_values() {
        let rate = siegert_rate(&lif(10.0, 0.0, 15.0), Diffusion { mu: 15.0, sigma: 1.5f64.sqrt() }, 0.0);
        assert!((rate - 27.1095934379).abs() < 5e-11, "{rate}");
        for (mu, sigma, expected, half_digit) in
            [(5.0, 50.0, 99.13761, 5e-6), (15.0, 2.9, 3.758481, 5e-7), (40.0, 0.9, 112.01116, 5e-6)]
        {
            let rate = siegert_rate(&lif(10.0, 0.0, 20.0), Diffusion { mu, sigma }, 0.0);
            assert!((rate - expected).abs() <= half_digit, "{mu} {sigma}: {rate}");
        }
    }

    #[test]
    fn siegert_rates_are_accurate_at_all_magnitudes() {
        // mu, sigma, rate: mpmath at 30 digits.
        let table = [
            (0.0, 2.0, 1.044113154084624e-41),
            (0.0, 1.0, 1.079164690849399e-171),
            (0.0, 0.8, 2.5937956281522728e-269),
            (18.0, 5.0, 19.620289762510453),
            (25.0, 0.25, 41.73421050670214),
            (22.0, 0.5, 26.634926823114045),
        ];
        for (mu, sigma, exact) in table {
            let rate = siegert_rate(&lif(20.0, 10.0, 20.0), Diffusion { mu, sigma }, 0.0);
            assert!((rate / exact - 1.0).abs() < 1e-12, "{mu} {sigma}: {rate:e} {:e}", rate / exact - 1.0);
        }
    }

    #[test]
    fn without_noise_the_siegert_rate_is_the_rate_under_constant_drive() {
        let neuron = lif(20.0, 10.0, 20.0);
        assert_eq!(siegert_rate(&neuron, Diffusion { mu: 30.0, sigma: 0.0 }, 0.0), neuron.rate(30.0));
        let weak = siegert_rate(&neuron, Diffusion { mu: 30.0, sigma: 1e-5 }, 0.0);
        assert!((weak / neuron.rate(30.0) - 1.0).abs() < 1e-9, "{weak}");
        assert_eq!(siegert_rate(&neuron, Diffusion { mu: 0.0, sigma: 0.1 }, 0.0), 0.0);
    }

    /// Model A of Brunel 2000. The expected mean-field rates were computed independently of this project.
    #[test]
    fn self_consistent_rates_of_brunel_model_a() {
        let neuron = lif(20.0, 10.0, 20.0);
        for (g, eta, expected, half_digit) in
            [(3.0, 2.0, 327.0, 0.5), (6.0, 4.0, 55.84, 5e-3), (5.0, 2.0, 37.95, 5e-3), (4.5, 0.9, 6.52, 5e-3)]
        {
            let input = |rate: f64| {
                let inputs = [
                    PoissonInput { count: 1000.0, weight: 0.1, rate: eta * 10.0 },
                    PoissonInput { count: 1000.0, weight: 0.1, rate },
                    PoissonInput { count: 250.0, weight: -0.1 * g, rate },
                ];
                diffusion(20.0, 0.0, &inputs)
            };
            let rate = self_consistent_rate(&neuron, 0.0, input);
            assert!(rate.is_some_and(|rate| (rate - expected).abs() <= half_digit), "g {g}, eta {eta}: {rate:?}");
        }
    }

    /// The network of `configs/all_to_all.toml`, in continuous time and on its time grid of 0.1 ms.
    #[test]
    fn self_consistent_rates_of_the_all_to_all_network() {
        let neuron = lif(20.0, 10.0, 20.0);
        let input = |rate: f64| Diffusion { mu: 18.0 - 10.0 * 0.02 * rate, sigma: 5.0 };
        for (shift, expected) in [(0.0, 11.555), (grid_shift(0.1, 20.0), 11.158)] {
            let rate = self_consistent_rate(&neuron, shift, input);
            assert!(rate.is_some_and(|rate| (rate - expected).abs() <= 5e-4), "shift {shift}: {rate:?}");
        }
    }

    #[test]
    fn a_silent_network_has_rate_0_and_a_runaway_network_has_none() {
        let silent = |rate: f64| Diffusion { mu: 0.1 * rate, sigma: 0.1 };
        assert_eq!(self_consistent_rate(&lif(20.0, 10.0, 20.0), 0.0, silent), Some(0.0));
        let neuron = LifNeuron { refractory: 0.0, ..lif(20.0, 10.0, 20.0) };
        let runaway = |rate: f64| Diffusion { mu: 25.0 + rate, sigma: 1.0 };
        assert_eq!(self_consistent_rate(&neuron, 0.0, runaway), None);
    }

    #[test]
    fn shifts_have_the_published_constants() {
        // colour_shift: alpha = √2 |ζ(1/2)| = 2.0652531522 (mpmath). grid_shift: 0.5826.
        assert!((colour_shift(1.0, 4.0) - 2.0652531522 / 4.0).abs() < 1e-10);
        assert!((grid_shift(1.0, 4.0) - 0.5826 / 2.0).abs() < 2e-6);
    }
}
