//! Numerical integration and root finding for the theory.
//!
//! Both end after a limited number of steps, and return NaN only if the function does. Integration is adaptive: an
//! interval is halved until the Gauss and the Kronrod rule agree. The integrand is positive, so if every part has a
//! relative error of 10⁻¹², the integral has too. A rule with fixed nodes would miss the narrow peak of 1/(dV/dt) of an
//! EIF neuron just above its rheobase.

/// The non-negative nodes of the 15-point Kronrod rule on [−1, 1]. The second, fourth, sixth and eighth are nodes of
/// the 7-point Gauss rule (Piessens et al. 1983, QUADPACK).
const NODES: [f64; 8] = [
    0.991_455_371_120_812_6,
    0.949_107_912_342_758_5,
    0.864_864_423_359_769_1,
    0.741_531_185_599_394_4,
    0.586_087_235_467_691_1,
    0.405_845_151_377_397_2,
    0.207_784_955_007_898_47,
    0.0,
];
/// Weights of the Kronrod rule, one per node.
const KRONROD: [f64; 8] = [
    0.022_935_322_010_529_224,
    0.063_092_092_629_978_56,
    0.104_790_010_322_250_18,
    0.140_653_259_715_525_92,
    0.169_004_726_639_267_9,
    0.190_350_578_064_785_4,
    0.204_432_940_075_298_9,
    0.209_482_141_084_727_82,
];
/// Weights of the Gauss rule, one for every second node.
const GAUSS: [f64; 4] =
    [0.129_484_966_168_869_7, 0.279_705_391_489_276_64, 0.381_830_050_505_118_9, 0.417_959_183_673_469_4];

/// An interval is not halved further if the relative difference between the two rules is at most this. The value of the
/// Kronrod rule is used; its relative error is then about the difference to the power of 3/2.
const TOLERANCE: f64 = 1e-11;
/// Largest number of halvings in one integral. Afterwards the remaining intervals are accepted as they are. A smooth
/// integrand needs about a hundred halvings. The limit is for integrands whose rounding errors exceed the tolerance.
const MAX_HALVINGS: u32 = 10_000;

/// The integral of `f` ≥ 0 from `a` to `b`.
pub(super) fn integrate(f: &impl Fn(f64) -> f64, a: f64, b: f64) -> f64 {
    let mut halvings_left = MAX_HALVINGS;
    integrate_interval(f, a, b, &mut halvings_left)
}

fn integrate_interval(f: &impl Fn(f64) -> f64, a: f64, b: f64, halvings_left: &mut u32) -> f64 {
    let (centre, half) = (0.5 * (a + b), 0.5 * (b - a));
    let (mut kronrod, mut gauss) = (0.0, 0.0);
    for (i, (node, weight)) in NODES.iter().zip(KRONROD).enumerate() {
        let value = if i == 7 { f(centre) } else { f(centre - half * node) + f(centre + half * node) };
        kronrod += weight * value;
        if i % 2 == 1 {
            gauss += GAUSS[i / 2] * value;
        }
    }
    let agrees = (kronrod - gauss).abs() <= TOLERANCE * kronrod.abs() + f64::MIN_POSITIVE;
    if agrees || *halvings_left == 0 || !kronrod.is_finite() {
        kronrod * half
    } else {
        *halvings_left -= 1;
        integrate_interval(f, a, centre, halvings_left) + integrate_interval(f, centre, b, halvings_left)
    }
}

/// A root of `f` between `low` and `high`, accurate to the last digit of an f64 (bisection). `f` must have different
/// signs at `low` and `high`.
pub(super) fn root(f: &impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let increases = f(low) < 0.0;
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high || middle.is_nan() {
            return middle;
        }
        if (f(middle) < 0.0) == increases {
            low = middle;
        } else {
            high = middle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_interval_is_exact_for_polynomials_up_to_degree_22() {
        for n in 0..=22 {
            let value = integrate_interval(&|x: f64| x.powi(n), 0.0, 1.0, &mut 0);
            assert!((value * f64::from(n + 1) - 1.0).abs() < 4e-15, "degree {n}: {value}");
        }
    }

    #[test]
    fn a_peak_of_width_1e_8_is_integrated() {
        let width = 1e-8;
        let value = integrate(&|x: f64| width / (x * x + width * width), 0.0, 1.0);
        assert!((value / libm::atan(1.0 / width) - 1.0).abs() < 1e-13, "{value}");
    }

    #[test]
    fn a_root_is_accurate_to_the_last_digit() {
        assert!((root(&|x: f64| x * x - 2.0, 0.0, 2.0) - 2f64.sqrt()).abs() <= 2.3e-16);
        assert!((root(&|x: f64| 2.0 - x * x, 0.0, 2.0) - 2f64.sqrt()).abs() <= 2.3e-16);
    }
}
