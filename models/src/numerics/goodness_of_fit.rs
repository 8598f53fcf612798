//! Statistical tests of samples against distributions.
//!
//! Each test returns a p-value: the probability that a sample of the claimed distribution deviates at least as much.
//! Samples come from fixed seeds, so a test always passes or always fails. [`FALSE_ALARM`] is the chance that a test of
//! a correct program fails after the random streams have been changed. The integration tests use this file too.

/// A test fails if its p-value is below this. So this is its chance to fail although the claim is true.
pub const FALSE_ALARM: f64 = 1e-6;

/// Smallest expected count in a cell of a chi-square test. Smaller cells are joined with their neighbours.
const LEAST_EXPECTED: f64 = 20.0;

/// ln Γ(x) for x > 0, to 10⁻¹³ relative. Recurrence up to x ≥ 16, then Stirling's series.
pub fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut product) = (x, 1.0);
    while x < 16.0 {
        product *= x;
        x += 1.0;
    }
    let inverse = 1.0 / (x * x);
    let series = (1.0 / 12.0 - inverse * (1.0 / 360.0 - inverse * (1.0 / 1260.0 - inverse / 1680.0))) / x;
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series - product.ln()
}

/// P(X ≥ x) of a chi-square variable: the regularised upper incomplete gamma function Q(dof/2, x/2).
pub fn chi_square_tail(x: f64, dof: f64) -> f64 {
    let (a, x) = (0.5 * dof, 0.5 * x);
    if x <= 0.0 {
        return 1.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        while term > 1e-16 * sum {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        return 1.0 - front * sum;
    }
    // Continued fraction by Lentz's method.
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1e300, 1.0 / b);
    let mut h = d;
    for i in 1..100_000 {
        let an = -f64::from(i) * (f64::from(i) - a);
        b += 2.0;
        d = 1.0 / (an * d + b);
        c = b + an / c;
        h *= c * d;
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    front * h
}

/// Chi-square test of counts per cell against the probabilities of the cells, which sum to 1.
pub fn chi_square(observed: &[u64], probabilities: &[f64]) -> f64 {
    assert_eq!(observed.len(), probabilities.len());
    let n = observed.iter().sum::<u64>() as f64;
    let sum: f64 = probabilities.iter().sum();
    assert!((sum - 1.0).abs() < 1e-6, "probabilities sum to {sum}");
    let mut cells: Vec<(f64, f64)> = Vec::new();
    let (mut seen, mut expected) = (0.0, 0.0);
    for (&o, &p) in observed.iter().zip(probabilities) {
        assert!(p > 0.0 || o == 0, "{o} events of probability 0");
        seen += o as f64;
        expected += n * p;
        if expected >= LEAST_EXPECTED {
            cells.push((seen, expected));
            (seen, expected) = (0.0, 0.0);
        }
    }
    if let Some(last) = cells.last_mut() {
        last.0 += seen;
        last.1 += expected;
    }
    if cells.len() < 2 {
        return 1.0;
    }
    let statistic = cells.iter().map(|(o, e)| (o - e) * (o - e) / e).sum();
    chi_square_tail(statistic, cells.len() as f64 - 1.0)
}

/// Chi-square test of counts per cell against equal probabilities.
pub fn uniformity(observed: &[u64]) -> f64 {
    chi_square(observed, &vec![1.0 / observed.len() as f64; observed.len()])
}

/// Kolmogorov-Smirnov test of a sample against a continuous distribution function, with Stephens' correction.
pub fn kolmogorov_smirnov(sample: &mut [f64], cdf: impl Fn(f64) -> f64) -> f64 {
    sample.sort_unstable_by(f64::total_cmp);
    let n = sample.len() as f64;
    let distance = |(i, &x): (usize, &f64)| {
        let p = cdf(x);
        (p - i as f64 / n).max((i as f64 + 1.0) / n - p)
    };
    let d = sample.iter().enumerate().map(distance).fold(0.0, f64::max);
    let t = d * (n.sqrt() + 0.12 + 0.11 / n.sqrt());
    if t < 0.3 {
        return 1.0;
    }
    let term = |k: i32| 2.0 * f64::from(1 - 2 * ((k + 1) % 2)) * (-2.0 * f64::from(k * k) * t * t).exp();
    (1..100).map(term).sum::<f64>().clamp(0.0, 1.0)
}

/// Probability that a standard normal deviate is at least as far from 0 as `z`, on either side.
pub fn two_sided(z: f64) -> f64 {
    chi_square_tail(z * z, 1.0)
}

/// Probabilities of the binomial numbers 0 to `last`; one more cell for all larger numbers.
pub fn binomial_cells(n: u64, p: f64, last: u64) -> Vec<f64> {
    let nf = n as f64;
    let ln_choose = |k: f64| ln_gamma(nf + 1.0) - ln_gamma(k + 1.0) - ln_gamma(nf - k + 1.0);
    with_tail((0..=last.min(n)).map(|k| {
        let k = k as f64;
        (ln_choose(k) + k * p.ln() + (nf - k) * (-p).ln_1p()).exp()
    }))
}

/// Probabilities of the Poisson numbers 0 to `last`; one more cell for all larger numbers.
pub fn poisson_cells(mean: f64, last: u64) -> Vec<f64> {
    with_tail((0..=last).map(|k| (k as f64 * mean.ln() - mean - ln_gamma(k as f64 + 1.0)).exp()))
}

/// Appends the cell that makes the sum 1.
fn with_tail(cells: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut cells: Vec<f64> = cells.collect();
    cells.push((1.0 - cells.iter().sum::<f64>()).max(0.0));
    cells
}

mod tests {
    use super::*;

    #[test]
    fn p_values_equal_published_tables() {
        // Abramowitz and Stegun, table 26.8; and the two-sided probability of 5 standard deviations.
        for (x, dof, p) in [(3.841458821, 1.0, 0.05), (18.307038053, 10.0, 0.05), (149.449253, 100.0, 0.001)] {
            assert!((chi_square_tail(x, dof) / p - 1.0).abs() < 1e-6, "{x} {dof}");
        }
        assert!((two_sided(5.0) / 5.733_031_437_583_878e-7 - 1.0).abs() < 1e-9);
        assert!((ln_gamma(0.5) - 0.5 * std::f64::consts::PI.ln()).abs() < 1e-13);
        assert!((ln_gamma(101.0) - 363.739_375_555_563_5).abs() < 1e-10);
        // Smirnov 1948: 1.3581 is the 5 % point of the limiting distribution.
        let mut sample: Vec<f64> = (0..10_000).map(|i| (f64::from(i) + 0.5) / 10_000.0 + 0.013_5).collect();
        assert!((kolmogorov_smirnov(&mut sample, |x| x.clamp(0.0, 1.0)) - 0.05).abs() < 0.003);
    }
}
