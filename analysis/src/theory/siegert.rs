//! Firing rates of integrate-and-fire neurons in noise, and self-consistent rates of networks of them.
//!
//! The noise convention is that of Brunel 2000: tau dV/dt = −(V − mu) + sigma √tau ξ(t), so that sigma²/2 is the variance
//! of the free voltage. Guarantees: rates to 10⁻¹¹ relative wherever they exceed 10⁻³⁰⁰ Hz, without overflow from weak
//! noise (the integrand is erfcx, which is of order one where e^(u²)(1 + erf u) is 0·∞) or from distant thresholds.
//!
//! Siegert's formula is exact for white noise in continuous time. A simulation differs from it in two known ways, both a
//! shift of threshold and reset: synapses that filter the noise (`colour_shift`) and a threshold that is only looked at on
//! a grid (`grid_shift`).
use super::numeric::{integrate, root};
use super::single::Lif;

/// 1/√π
const FRAC_1_SQRT_PI: f64 = 0.564_189_583_547_756_3;

/// e^(x²) erfc(x), without unit, to 10⁻¹⁵ relative; +∞ below −26.6.
///
/// For 0 ≤ x ≤ 10 the product, with x² carried to double length so that the exponential keeps all digits; above, the
/// asymptotic series (Abramowitz and Stegun 7.1.23), whose smallest term there is e^(−100); below 0, reflection.
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
        // NaN ends the loop at once.
        if x.is_nan() { x } else { FRAC_1_SQRT_PI / x * sum }
    }
}

/// e^(x²): the upper half of the digits of x is squared exactly, the rest enters as a correction.
fn exp_square(x: f64) -> f64 {
    let high = f64::from_bits(x.to_bits() & 0xFFFF_FFFF_F800_0000);
    let main = libm::exp(high * high);
    if main.is_finite() { main + main * libm::expm1((x - high) * (x + high)) } else { main }
}

/// Shift of both limits of Siegert's integral, without unit, for exponential synapses of time constant `tau_s` on a
/// membrane `tau` (ms): (alpha/2) √(tau_s/tau), alpha = √2 |ζ(1/2)| (Fourcaud and Brunel 2002), to first order in
/// √(tau_s/tau).
pub fn colour_shift(tau_s: f64, tau: f64) -> f64 {
    /// |ζ(1/2)|
    const ZETA_HALF: f64 = 1.460_354_508_809_587;
    0.5 * std::f64::consts::SQRT_2 * ZETA_HALF * (tau_s / tau).sqrt()
}

/// Shift of both limits of Siegert's integral, without unit, for a threshold that is compared only every `dt` (ms) on a
/// membrane `tau` (ms): |ζ(1/2)|/√(2π) √(dt/tau) = 0.5826 √(dt/tau) (Broadie, Glasserman and Kou 1997).
pub fn grid_shift(dt: f64, tau: f64) -> f64 {
    0.582_597_157_939_010_7 * (dt / tau).sqrt()
}

/// The input of a neuron in the diffusion approximation, tau dV/dt = −(V − mu) + sigma √tau ξ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Diffusion {
    /// Mean of the free voltage, mV (the resting potential plus the mean drive).
    pub mu: f64,
    /// Amplitude of the noise, mV; the free voltage has variance sigma²/2.
    pub sigma: f64,
}

/// Independent Poisson inputs of one kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoissonInput {
    /// Number of inputs per neuron.
    pub count: f64,
    /// Jump of the voltage per spike, mV (for an exponential current of peak w: w tau_s/C).
    pub weight: f64,
    /// Rate of each input, Hz.
    pub rate: f64,
}

/// The diffusion approximation of Poisson inputs to a membrane of time constant `tau` (ms) and resting potential `rest`
/// (mV): mu = rest + tau Σ K J ν, sigma² = tau Σ K J² ν (Brunel 2000, equations 4 and 5).
pub fn diffusion(tau: f64, rest: f64, inputs: &[PoissonInput]) -> Diffusion {
    let seconds = tau * 1e-3;
    let (mut mean, mut variance) = (0.0, 0.0);
    for input in inputs {
        mean += input.count * input.weight * input.rate;
        variance += input.count * input.weight * input.weight * input.rate;
    }
    Diffusion { mu: rest + seconds * mean, sigma: (seconds * variance).sqrt() }
}

/// Rate in Hz of a LIF neuron in white noise (Siegert 1951; Brunel 2000, equation 21):
/// 1/ν = t_ref + tau √π ∫ e^(u²)(1 + erf u) du from (reset − mu)/sigma to (threshold − mu)/sigma, both limits moved up by
/// `shift` (0, `colour_shift` or `grid_shift`, without unit). For sigma = 0 the rate under the constant drive.
pub fn siegert_rate(lif: &Lif, input: Diffusion, shift: f64) -> f64 {
    /// Beyond this limit the integrand overflows and the rate is below 10⁻³⁰⁰ Hz.
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

/// The lowest rate in Hz at which a network of equal LIF neurons is consistent with its own input: ν = Siegert(input(ν)).
///
/// `input` gives the diffusion approximation of all input, external and recurrent, when every neuron fires at the given
/// rate (Hz); `shift` as in [`siegert_rate`]. The rates from 0 to 1/t_ref are scanned in steps of 5 % for the first
/// crossing, which is then bisected to the last place; two crossings within one step are missed. `None` if there is no
/// crossing up to 10⁷ Hz, as with runaway excitation without refractoriness.
pub fn self_consistent_rate(lif: &Lif, shift: f64, input: impl Fn(f64) -> Diffusion) -> Option<f64> {
    /// Where the scan begins, Hz: below it a rate is taken as 0 (one spike in 30 years).
    const LOWEST: f64 = 1e-9;
    const STEP: f64 = 1.05;
    const HIGHEST: f64 = 1e7;
    let excess = |rate: f64| siegert_rate(lif, input(rate), shift) - rate;
    if excess(LOWEST) <= 0.0 {
        return Some(siegert_rate(lif, input(0.0), shift));
    }
    let mut low = LOWEST;
    while low < HIGHEST {
        let high = low * STEP;
        if excess(high) <= 0.0 {
            return Some(root(&excess, low, high));
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

    fn lif(tau: f64, reset: f64, threshold: f64) -> Lif {
        Lif { tau, rest: 0.0, reset, threshold, refractory: 2.0 }
    }

    #[test]
    fn siegert_rates_of_the_reference() {
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
    fn siegert_rates_keep_their_accuracy_at_all_magnitudes() {
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
    fn without_noise_it_is_the_rate_under_constant_drive() {
        let neuron = lif(20.0, 10.0, 20.0);
        assert_eq!(siegert_rate(&neuron, Diffusion { mu: 30.0, sigma: 0.0 }, 0.0), neuron.rate(30.0));
        let weak = siegert_rate(&neuron, Diffusion { mu: 30.0, sigma: 1e-5 }, 0.0);
        assert!((weak / neuron.rate(30.0) - 1.0).abs() < 1e-9, "{weak}");
        assert_eq!(siegert_rate(&neuron, Diffusion { mu: 0.0, sigma: 0.1 }, 0.0), 0.0);
    }

    /// Model A of Brunel 2000: rates of the mean field as listed in the reference.
    #[test]
    fn self_consistent_rates_of_brunel_model_a() {
        let neuron = lif(20.0, 10.0, 20.0);
        for (g, eta, expected, half_digit) in
            [(3.0, 2.0, 327.0, 0.5), (6.0, 4.0, 55.84, 5e-3), (5.0, 2.0, 37.95, 5e-3), (4.5, 0.9, 6.52, 5e-3)]
        {
            let input = |rate: f64| {
                let kinds = [
                    PoissonInput { count: 1000.0, weight: 0.1, rate: eta * 10.0 },
                    PoissonInput { count: 1000.0, weight: 0.1, rate },
                    PoissonInput { count: 250.0, weight: -0.1 * g, rate },
                ];
                diffusion(20.0, 0.0, &kinds)
            };
            let rate = self_consistent_rate(&neuron, 0.0, input);
            assert!(rate.is_some_and(|rate| (rate - expected).abs() <= half_digit), "g {g}, eta {eta}: {rate:?}");
        }
    }

    /// The all-to-all network of the reference, in continuous time and on its grid of 0.1 ms.
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
    fn a_silent_network_and_a_runaway_network_are_told_apart() {
        let silent = |rate: f64| Diffusion { mu: 0.1 * rate, sigma: 0.1 };
        assert_eq!(self_consistent_rate(&lif(20.0, 10.0, 20.0), 0.0, silent), Some(0.0));
        let neuron = Lif { refractory: 0.0, ..lif(20.0, 10.0, 20.0) };
        let runaway = |rate: f64| Diffusion { mu: 25.0 + rate, sigma: 1.0 };
        assert_eq!(self_consistent_rate(&neuron, 0.0, runaway), None);
    }

    #[test]
    fn shifts_have_their_constants() {
        // alpha = √2 |ζ(1/2)| = 2.0652531522 (mpmath), and 0.5826.
        assert!((colour_shift(1.0, 4.0) - 2.0652531522 / 4.0).abs() < 1e-10);
        assert!((grid_shift(1.0, 4.0) - 0.5826 / 2.0).abs() < 2e-6);
    }
}
