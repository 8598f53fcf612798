//! Random numbers: tests against their distributions, and golden bits.
//!
//! Seeds are fixed. Each statistical check fails for a correct program with probability 1e-6 (`FALSE_ALARM`). The file
//! has about 150 checks, so one change of the streams in 7000 makes a correct program fail. To renew golden bits, copy
//! what the failing test prints, and raise STREAM_VERSION.
use super::*;
use crate::numerics::goodness_of_fit::{
    FALSE_ALARM, binomial_cells, chi_square, kolmogorov_smirnov, two_sided, uniformity,
};

fn stream(test: u64) -> Stream {
    Stream::new(20_250_101, Purpose::Degree, [test, 0])
}

fn normal_cdf(z: f64) -> f64 {
    let tail = |z: f64| 0.5 * libm::erfc(z / std::f64::consts::SQRT_2);
    if z < 0.0 { tail(-z) } else { 1.0 - tail(z) }
}

/// How often each number occurs in `draws` draws. Cell 0 counts `first` and all smaller numbers, the last cell all
/// larger numbers.
fn counts(draws: usize, first: u64, cells: usize, mut draw: impl FnMut() -> u64) -> Vec<u64> {
    let mut counts = vec![0; cells];
    for _ in 0..draws {
        let k = draw();
        counts[((k.saturating_sub(first)) as usize).min(cells - 1)] += 1;
    }
    counts
}

/// Probabilities of the numbers `first` to `last`, from the ratio P(x + 1)/P(x). No digits cancel, however large the
/// numbers.
fn cells_by_ratio(first: u64, last: u64, mode: u64, ratio: impl Fn(f64) -> f64) -> Vec<f64> {
    let mode = mode.clamp(first, last);
    let mut weights = vec![1.0; (last - first + 1) as usize];
    for x in mode..last {
        weights[(x + 1 - first) as usize] = weights[(x - first) as usize] * ratio(x as f64);
    }
    for x in (first..mode).rev() {
        weights[(x - first) as usize] = weights[(x + 1 - first) as usize] / ratio(x as f64);
    }
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| w / sum).collect()
}

#[test]
fn binomial_numbers_have_their_distribution() {
    let grid = [
        (1, 0.5),
        (2, 1e-3),
        (5, 0.1),
        (20, 0.3),
        (20, 0.49999),
        (20, 0.7),
        (100, 0.0999),
        (100, 0.1), // the smallest n·p that is drawn by rejection
        (100, 0.11),
        (100, 0.9),
        (1000, 0.01),
        (1000, 0.5),
        (1000, 0.999),
        (12_500, 0.1),
        (1_000_000, 1e-5),
        (1_000_000, 0.3),
        (4_000_000_000, 2.5e-9),
        (4_000_000_000, 1e-6),
        (300_000_000, 0.5),
    ];
    for (i, (n, p)) in grid.into_iter().enumerate() {
        let mut stream = stream(i as u64);
        let (mean, sd) = (n as f64 * p, (n as f64 * p * (1.0 - p)).sqrt());
        if sd > 1000.0 {
            // Each number is too rare for a cell. The distribution is nearly normal: its skewness is below 0.001.
            let mut sample: Vec<f64> = (0..200_000).map(|_| (stream.binomial(n, p) as f64 - mean) / sd).collect();
            let chance = kolmogorov_smirnov(&mut sample, normal_cdf);
            assert!(chance > FALSE_ALARM, "n = {n}, p = {p}: {chance:e}");
            continue;
        }
        let first = (mean - 8.0 * sd - 2.0).max(0.0) as u64;
        let last = ((mean + 8.0 * sd + 5.0) as u64).min(n);
        let ratio = |k: f64| (n as f64 - k) / (k + 1.0) * (p / (1.0 - p));
        let cells = cells_by_ratio(first, last, mean as u64, ratio);
        let seen = counts(200_000, first, cells.len(), || stream.binomial(n, p));
        let chance = chi_square(&seen, &cells);
        assert!(chance > FALSE_ALARM, "n = {n}, p = {p}: {chance:e}");
    }
}

#[test]
fn binomial_numbers_are_certain_for_p_0_and_1() {
    let mut stream = stream(100);
    for n in [0, 1, 7, 1_000_000_000_000] {
        assert_eq!(stream.binomial(n, 0.0), 0);
        assert_eq!(stream.binomial(n, -0.0), 0);
        assert_eq!(stream.binomial(n, 1.0), n);
    }
    for _ in 0..1000 {
        assert_eq!(stream.binomial(1_000_000, 1e-300), 0);
        assert_eq!(stream.binomial(1_000_000, 1.0 - f64::EPSILON / 2.0), 1_000_000);
    }
}

#[test]
fn hypergeometric_numbers_have_their_distribution() {
    let grid: [(u64, u64, u64); 17] = [
        (2, 1, 1),
        (10, 5, 5),
        (10, 9, 9),
        (50, 12, 20),
        (50, 13, 20), // the smallest `marked` that is drawn by rejection
        (26, 13, 13),
        (30, 13, 29),
        (100, 50, 50),
        (1000, 14, 14),
        (1000, 13, 500),
        (1000, 986, 986),
        (10_000, 5000, 100),
        (10_000, 100, 9000),
        (4_000_000, 2_000_000, 300),
        (4_000_000, 1_999_000, 200_000),
        (1 << 40, 1 << 39, 1000),
        (1 << 40, 1 << 39, 1 << 30),
    ];
    for (i, (total, marked, draws)) in grid.into_iter().enumerate() {
        let mut stream = stream(200 + i as u64);
        let (n, m, k) = (total as f64, marked as f64, draws as f64);
        let mean = k * m / n;
        let sd = (mean * (1.0 - m / n) * (n - k) / (n - 1.0)).sqrt();
        let (least, most) = ((marked + draws).saturating_sub(total), marked.min(draws));
        if sd > 1000.0 {
            let draw = |_| (stream.hypergeometric(total, marked, draws) as f64 - mean) / sd;
            let mut sample: Vec<f64> = (0..200_000).map(draw).collect();
            let chance = kolmogorov_smirnov(&mut sample, normal_cdf);
            assert!(chance > FALSE_ALARM, "{draws} of {total} with {marked} marked: {chance:e}");
            continue;
        }
        let first = ((mean - 8.0 * sd - 2.0).max(0.0) as u64).max(least);
        let last = ((mean + 8.0 * sd + 2.0) as u64).min(most);
        let ratio = |x: f64| (m - x) * (k - x) / ((x + 1.0) * (n - m - k + x + 1.0));
        let cells = cells_by_ratio(first, last, mean as u64, ratio);
        let seen = counts(200_000, first, cells.len(), || {
            let x = stream.hypergeometric(total, marked, draws);
            assert!((least..=most).contains(&x), "{x} of {draws} of {total} with {marked} marked");
            x
        });
        let chance = chi_square(&seen, &cells);
        assert!(chance > FALSE_ALARM, "{draws} of {total} with {marked} marked: {chance:e}");
    }
}

#[test]
fn hypergeometric_numbers_are_certain_if_all_or_none_are_marked_or_drawn() {
    let mut stream = stream(300);
    for (total, marked, draws, expected) in
        [(0, 0, 0, 0), (5, 0, 3, 0), (5, 5, 3, 3), (5, 3, 5, 3), (5, 3, 0, 0), (1 << 40, 1 << 40, 77, 77)]
    {
        assert_eq!(stream.hypergeometric(total, marked, draws), expected);
    }
}

#[test]
fn numbers_below_n_are_uniform_and_all_occur() {
    for n in [1, 2, 3, 7, 64, 100, 1000] {
        let mut stream = stream(400 + n);
        let mut seen = vec![0; n as usize];
        for _ in 0..200_000 {
            seen[stream.below(n) as usize] += 1;
        }
        let chance = uniformity(&seen);
        assert!(chance > FALSE_ALARM, "below {n}: {chance:e}");
    }
    // Numbers of more than 32 bits: the highest and the lowest bits of numbers below 3·2^40.
    let (mut stream, n) = (stream(499), 3u64 << 40);
    let mut high = [0; 3];
    let mut low = vec![0; 256];
    for _ in 0..100_000 {
        let x = stream.below(n);
        high[(x >> 40) as usize] += 1;
        low[(x & 255) as usize] += 1;
    }
    assert!(uniformity(&high) > FALSE_ALARM && uniformity(&low) > FALSE_ALARM);
}

#[test]
fn uniform_numbers_fill_their_interval() {
    let mut stream = stream(500);
    let mut sample: Vec<f64> = (0..1_000_000).map(|_| stream.uniform()).collect();
    assert!(sample.iter().all(|x| (0.0..1.0).contains(x)));
    assert!(kolmogorov_smirnov(&mut sample, |x| x) > FALSE_ALARM);
    let mut open: Vec<f64> = (0..1_000_000).map(|_| stream.open_uniform()).collect();
    assert!(open.iter().all(|&x| x > 0.0 && x < 1.0));
    assert!(kolmogorov_smirnov(&mut open, |x| x) > FALSE_ALARM);
}

/// Checks a sample of standard normal deviates: moments 1 to 6, the tails beyond 4 and 5, the bound, the distribution.
fn check_normal(what: &str, sample: &mut [f64]) {
    let n = sample.len() as f64;
    // E z^2k = (2k − 1)!!, so var z^k = (2k − 1)!! − (E z^k)². Listed are k, E z^k and E z^2k.
    for (k, mean, second) in
        [(1, 0.0, 1.0), (2, 1.0, 3.0), (3, 0.0, 15.0), (4, 3.0, 105.0), (5, 0.0, 945.0), (6, 15.0, 10_395.0)]
    {
        let moment = sample.iter().map(|z| z.powi(k)).sum::<f64>() / n;
        let z = (moment - mean) / ((second - mean * mean) / n).sqrt();
        assert!(two_sided(z) > FALSE_ALARM, "{what}: moment {k} is {moment}, {z} sd off");
    }
    for bound in [4.0, 5.0] {
        let p = 2.0 * normal_cdf(-bound);
        let seen = sample.iter().filter(|z| z.abs() > bound).count() as u64;
        let cells = [seen, sample.len() as u64 - seen];
        let chance = chi_square(&cells, &[p, 1.0 - p]);
        assert!(chance > FALSE_ALARM, "{what}: {seen} deviates beyond {bound}, {} expected", p * n);
    }
    assert!(sample.iter().all(|z| z.abs() <= NORMAL_BOUND), "{what}: beyond the bound");
    let chance = kolmogorov_smirnov(sample, normal_cdf);
    assert!(chance > FALSE_ALARM, "{what}: {chance:e}");
}

#[test]
fn normal_deviates_of_lanes_are_normal() {
    let mut lanes = Lanes::new(1, Purpose::Noise, [600, 0]);
    let mut sample: Vec<f64> = (0..500_000).flat_map(|_| lanes.normals().map(f64::from)).collect();
    check_normal("lanes", &mut sample);
}

#[test]
fn normal_deviates_of_a_stream_are_normal() {
    let mut stream = stream(601);
    let mut sample: Vec<f64> = (0..4_000_000).map(|_| stream.normal()).collect();
    check_normal("stream", &mut sample);
}

#[test]
fn the_largest_normal_deviate_is_below_its_bound() {
    let largest = (0..1024).map(|angle| normal_pair(0, angle << 22).0.abs()).fold(0.0, f32::max);
    assert!((6.76..=NORMAL_BOUND).contains(&f64::from(largest)), "{largest}");
    assert_eq!(normal_pair(u32::MAX, 12345 << 16), (0.0, 0.0));
}

/// The largest absolute correlation of all pairs of columns, in standard deviations.
fn largest_correlation(columns: &[Vec<f64>]) -> f64 {
    let mut largest: f64 = 0.0;
    for (i, a) in columns.iter().enumerate() {
        for b in &columns[..i] {
            let sum: f64 = a.iter().zip(b).map(|(x, y)| x * y).sum();
            largest = largest.max((sum / (a.len() as f64).sqrt()).abs());
        }
    }
    largest
}

#[test]
fn lanes_are_independent_of_each_other_of_other_identities_and_of_earlier_numbers() {
    let identities = [(1, Purpose::Noise, [0, 0]), (2, Purpose::Noise, [0, 0]), (1, Purpose::Poisson, [0, 0])];
    let others = [(1, Purpose::Noise, [1, 0]), (1, Purpose::Noise, [0, 1])];
    let mut columns = vec![Vec::new(); 5 * 2 * LANES];
    let lag = 7;
    let mut lagged = vec![Vec::new(); 2 * LANES];
    for (i, (seed, purpose, identity)) in identities.into_iter().chain(others).enumerate() {
        let mut lanes = Lanes::new(seed, purpose, identity);
        for step in 0..20_000 + lag {
            let z = lanes.normals().map(f64::from);
            for (l, z) in z.into_iter().enumerate() {
                if step < 20_000 {
                    columns[i * 2 * LANES + l].push(z);
                }
                if i == 0 && step >= lag {
                    lagged[l].push(z);
                }
            }
        }
    }
    columns.extend(lagged);
    let pairs = columns.len() as f64 * (columns.len() as f64 - 1.0) / 2.0;
    let z = largest_correlation(&columns);
    assert!(two_sided(z) > FALSE_ALARM / pairs, "a pair is correlated: {z} sd");
    // The two deviates of a pair have the same radius. Their squares must not be correlated either.
    let squares: Vec<Vec<f64>> =
        columns[..2 * LANES].iter().map(|c| c.iter().map(|z| (z * z - 1.0) / 2f64.sqrt()).collect()).collect();
    let z = largest_correlation(&squares);
    assert!(two_sided(z) > FALSE_ALARM / 496.0, "squares of a pair are correlated: {z} sd");
}

#[test]
fn every_bit_of_every_lane_is_set_half_of_the_time() {
    let mut lanes = Lanes::new(3, Purpose::Poisson, [0, 0]);
    let (mut set, n) = (vec![0u64; 32 * LANES], 20_000);
    for _ in 0..n {
        for (l, bits) in lanes.next().into_iter().enumerate() {
            for bit in 0..32 {
                set[32 * l + bit] += u64::from(bits >> bit & 1);
            }
        }
    }
    for (i, &set) in set.iter().enumerate() {
        let z = (set as f64 - 0.5 * f64::from(n)) / (0.25 * f64::from(n)).sqrt();
        assert!(two_sided(z) > FALSE_ALARM / 512.0, "bit {} of lane {}: {z} sd", i % 32, i / 32);
    }
}

#[test]
fn keys_of_neighbouring_identities_differ_and_have_balanced_bits() {
    // Keys of a grid of seeds, purposes and identities. All must differ, and each bit must be set half of the time.
    let mut keys = Vec::new();
    for seed in 0..8 {
        for purpose in [Purpose::Degree, Purpose::Partner, Purpose::Noise] {
            for a in 0..64 {
                for b in 0..64 {
                    keys.push(key(seed, purpose, [a, b]));
                }
            }
        }
    }
    for bit in 0..64 {
        let set = keys.iter().filter(|&k| k >> bit & 1 == 1).count() as f64;
        let z = (set - 0.5 * keys.len() as f64) / (0.25 * keys.len() as f64).sqrt();
        assert!(two_sided(z) > FALSE_ALARM / 64.0, "bit {bit}: {z} sd");
    }
    let n = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), n);
}

#[test]
fn successive_uniform_numbers_are_independent() {
    // How many of a hundred successive uniform numbers are below 0.3 is a binomial number.
    let mut stream = stream(700);
    let cells = binomial_cells(100, 0.3, 70);
    let seen = counts(50_000, 0, cells.len(), || (0..100).filter(|_| stream.uniform() < 0.3).count() as u64);
    assert!(chi_square(&seen, &cells) > FALSE_ALARM);
}

#[test]
fn streams_have_their_golden_bits() {
    let mut stream = Stream::new(1, Purpose::Partner, [2, 3]);
    let scalar = [
        key(1, Purpose::Partner, [2, 3]),
        stream.bits(),
        stream.uniform().to_bits(),
        stream.open_uniform().to_bits(),
        stream.below(1_000_000),
        u64::from(stream.normal_pair().0.to_bits()),
        stream.binomial(20, 0.2),
        stream.binomial(1_000_000, 0.3),
        stream.hypergeometric(100, 12, 30),
        stream.hypergeometric(1_000_000, 300_000, 1000),
    ];
    let mut lanes = Lanes::new(1, Purpose::Noise, [2, 3]);
    let bits = lanes.next();
    let z = lanes.normals().map(f32::to_bits);
    let vector = [bits[0], bits[1], bits[15], z[0], z[1], z[16], z[31]];
    assert_eq!((scalar.as_slice(), vector.as_slice()), (GOLDEN.as_slice(), GOLDEN_LANES.as_slice()));
}

/// The bits since stream version 1. Later versions left these bits unchanged.
const GOLDEN: [u64; 10] = [
    14470482473036845853,
    895478709381798942,
    4598274158980105238,
    4597153236372966028,
    328805,
    3214963417,
    3,
    298743,
    3,
    290,
];
const GOLDEN_LANES: [u32; 7] = [1168730707, 496801966, 4237713124, 1034367019, 3203673224, 1011773396, 1070008693];
