//! Built networks, read back synapse by synapse: what every connection rule guarantees, and how random degrees,
//! partners, weights and delays are distributed.
//!
//! Seeds are fixed. Each statistical check fails for a correct program with probability 1e-6 (`FALSE_ALARM`). There are
//! about 60 checks, so a change of the random streams makes one fail wrongly once in 15 000 times.
use crate::goodness_of_fit::{
    FALSE_ALARM, binomial_cells, chi_square, chi_square_tail, kolmogorov_smirnov, two_sided, uniformity,
};
use crate::networks::configuration;
use lapicque_analysis::theory::erfcx;
use lapicque_engine::plan::Network;
use lapicque_engine::plan::{Rule, Selection, Value, WeightStorage};
use lapicque_engine::run::{Options, Simulation, Synapse};
use lapicque_models::list::Models;
use std::collections::HashMap;
use std::ops::Range;

/// Sizes of the populations A and B.
const SIZES: [u32; 2] = [1000, 700];

/// One projection and how it is built.
#[derive(Clone, Debug)]
struct Case {
    rule: Rule,
    /// Sources: index of the population (0 is A, 1 is B) and neurons.
    from: (usize, Range<u32>),
    /// Targets, in the same form.
    to: (usize, Range<u32>),
    autapses: bool,
    multapses: bool,
    weight: Value,
    delay: Value,
    storage: WeightStorage,
    seed: u64,
    tiles: usize,
}

impl Case {
    fn new(rule: Rule, from: (usize, Range<u32>), to: (usize, Range<u32>)) -> Self {
        Case {
            rule,
            from,
            to,
            autapses: true,
            multapses: true,
            weight: 1.0.into(),
            delay: 1.5.into(),
            storage: WeightStorage::Full,
            seed: 1,
            tiles: 2,
        }
    }

    fn simulation(&self) -> Simulation {
        let mut network = Network::new(0.1, self.seed);
        let sizes = [SIZES[0].max(self.from.1.end).max(self.to.1.end), SIZES[1]];
        for (name, size) in ["A", "B"].into_iter().zip(sizes) {
            network.population(name, size, "passive", &[("tau_m", 20.0.into())]).expect("a population");
            network.receptor(name, "syn", "exponential", &[("tau", 5.0.into())]).expect("a receptor");
        }
        network.project("A", "A", "syn", self.rule, self.weight, self.delay).expect("a projection");
        let plan = network.plan_mut();
        plan.weights = self.storage;
        let projection = &mut plan.projections[0];
        projection.from = Selection { population: self.from.0, neurons: self.from.1.clone() };
        projection.to = Selection { population: self.to.0, neurons: self.to.1.clone() };
        projection.autapses = self.autapses;
        projection.multapses = self.multapses;
        let options = Options { threads: 1, tiles: self.tiles, ..Options::default() };
        Simulation::new(plan.clone(), options).unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }

    fn synapses(&self) -> Vec<Synapse> {
        read(&self.simulation())
    }

    /// Number of pairs that are excluded because they would be autapses.
    fn excluded(&self) -> u64 {
        if self.autapses || self.from.0 != self.to.0 {
            return 0;
        }
        let (a, b) = (&self.from.1, &self.to.1);
        u64::from(a.end.min(b.end).saturating_sub(a.start.max(b.start)))
    }
}

/// All synapses of a simulation.
fn read(simulation: &Simulation) -> Vec<Synapse> {
    let mut all = Vec::new();
    simulation.each_synapse(|synapse| all.push(synapse));
    assert_eq!(all.len() as u64, simulation.synapses());
    all
}

/// Number of synapses of each neuron of `range`. `end` gives the source or the target of a synapse.
fn degrees(synapses: &[Synapse], range: &Range<u32>, end: fn(&Synapse) -> (usize, u32)) -> Vec<u64> {
    let mut degrees = vec![0; range.len()];
    for synapse in synapses {
        degrees[(end(synapse).1 - range.start) as usize] += 1;
    }
    degrees
}

fn in_degrees(synapses: &[Synapse], range: &Range<u32>) -> Vec<u64> {
    degrees(synapses, range, |s| s.target)
}

fn out_degrees(synapses: &[Synapse], range: &Range<u32>) -> Vec<u64> {
    degrees(synapses, range, |s| s.source)
}

/// Counts of the values 0, 1, 2, …; larger values are counted in the last cell.
fn histogram(values: &[u64], cells: usize) -> Vec<u64> {
    let mut histogram = vec![0; cells];
    for &v in values {
        histogram[(v as usize).min(cells - 1)] += 1;
    }
    histogram
}

/// Asserts that the p-value of a statistical check is above the significance level, the chance of a false alarm.
fn assert_p_value(what: &str, p_value: f64) {
    assert!(p_value > FALSE_ALARM, "{what}: p-value {p_value:e}");
}

/// Cumulative distribution function of the standard normal distribution.
fn normal_cdf(z: f64) -> f64 {
    let tail = |z: f64| 0.5 * (-0.5 * z * z).exp() * erfcx(z / std::f64::consts::SQRT_2);
    if z < 0.0 { tail(-z) } else { 1.0 - tail(z) }
}

/// A population and some of its neurons.
type Part = (usize, Range<u32>);

/// Sources and targets: two populations; one population onto itself; parts that overlap, touch or contain each other;
/// single neurons.
fn selections() -> Vec<(Part, Part)> {
    vec![
        ((0, 0..1000), (1, 0..700)),
        ((1, 100..600), (0, 250..999)),
        ((0, 0..1000), (0, 0..1000)),
        ((0, 100..500), (0, 300..800)),
        ((0, 300..800), (0, 100..500)),
        ((0, 0..500), (0, 500..1000)),
        ((0, 0..1000), (0, 400..410)),
        ((0, 400..410), (0, 0..1000)),
        ((0, 255..257), (0, 255..258)),
        ((0, 7..8), (0, 0..300)),
        ((0, 0..300), (0, 7..8)),
    ]
}

#[test]
fn every_rule_gives_its_degrees_and_totals_and_no_forbidden_synapse_on_every_selection() {
    for (from, to) in selections() {
        let (sources, targets) = (from.1.len() as u64, to.1.len() as u64);
        for (autapses, multapses) in [(true, true), (true, false), (false, true), (false, false)] {
            let overlap = from.0 == to.0 && from.1.start < to.1.end && to.1.start < from.1.end;
            // Without autapses a neuron that is both source and target has one partner less.
            let excluded = u64::from(!autapses && overlap);
            let (most_in, most_out) = (sources - excluded, targets - excluded);
            let base = Case { autapses, multapses, ..Case::new(Rule::AllToAll, from.clone(), to.clone()) };
            let pairs = sources * targets - base.excluded();
            let medium = |n: u64| if multapses { n.min(3) } else { n / 3 };
            let mut rules = vec![Rule::AllToAll, Rule::ErdosRenyi(0.0), Rule::ErdosRenyi(0.1), Rule::ErdosRenyi(1.0)];
            for n in [0, medium(most_in), most_in] {
                rules.push(Rule::FixedInDegree(n as u32));
            }
            for n in [0, medium(most_out), most_out] {
                rules.push(Rule::FixedOutDegree(n as u32));
            }
            for n in [0, 1, pairs / 7, pairs] {
                rules.push(Rule::FixedTotalNumber(n));
            }
            for rule in rules {
                let case = Case { rule, ..base.clone() };
                let synapses = case.synapses();
                let what = format!("{case:?}");
                let mut pairs_seen: HashMap<(u32, u32), u32> = HashMap::new();
                for s in &synapses {
                    assert_eq!((s.source.0, s.target.0), (from.0, to.0), "{what}");
                    assert!(from.1.contains(&s.source.1) && to.1.contains(&s.target.1), "{what}: {s:?}");
                    assert!(autapses || s.source != s.target, "{what}: a forbidden autapse {s:?}");
                    *pairs_seen.entry((s.source.1, s.target.1)).or_default() += 1;
                }
                let repeats = multapses
                    && matches!(rule, Rule::FixedInDegree(_) | Rule::FixedOutDegree(_) | Rule::FixedTotalNumber(_));
                assert!(repeats || pairs_seen.values().all(|&n| n == 1), "{what}: a forbidden multapse");
                let (ins, outs) = (in_degrees(&synapses, &to.1), out_degrees(&synapses, &from.1));
                match rule {
                    Rule::AllToAll => assert_eq!(synapses.len() as u64, pairs, "{what}"),
                    Rule::ErdosRenyi(1.0) => assert_eq!(synapses.len() as u64, pairs, "{what}"),
                    Rule::ErdosRenyi(0.0) => assert_eq!(synapses.len(), 0, "{what}"),
                    Rule::FixedInDegree(n) => assert!(ins.iter().all(|&k| k == u64::from(n)), "{what}"),
                    Rule::FixedOutDegree(n) => assert!(outs.iter().all(|&k| k == u64::from(n)), "{what}"),
                    Rule::FixedTotalNumber(n) => assert_eq!(synapses.len() as u64, n, "{what}"),
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn one_to_one_connects_the_ith_source_to_the_ith_target_without_forbidden_autapses() {
    for (from, to) in [((0, 0..700), (1, 0..700)), ((0, 100..400), (0, 150..450)), ((0, 3..900), (0, 3..900))] {
        for autapses in [true, false] {
            let case = Case { autapses, ..Case::new(Rule::OneToOne, from.clone(), to.clone()) };
            let mut pairs: Vec<_> = case.synapses().iter().map(|s| (s.source.1, s.target.1)).collect();
            pairs.sort_unstable();
            let expected: Vec<_> =
                from.1.clone().zip(to.1.clone()).filter(|(s, t)| autapses || from.0 != to.0 || s != t).collect();
            assert_eq!(pairs, expected, "{case:?}");
        }
    }
}

#[test]
fn erdos_renyi_degrees_are_binomial_on_both_sides_and_pairs_are_equally_likely() {
    for (autapses, to) in [(true, (1, 0..700)), (false, (0, 0..1000)), (false, (0, 200..600))] {
        let what = format!("autapses {autapses} to {to:?}");
        let (mut ins, mut outs, mut cells) = (Vec::new(), Vec::new(), vec![0u64; 100]);
        let (n, m) = (1000u64, to.1.len() as u64);
        for seed in 0..20 {
            let case = Case { autapses, seed, ..Case::new(Rule::ErdosRenyi(0.1), (0, 0..1000), to.clone()) };
            let synapses = case.synapses();
            ins.extend(in_degrees(&synapses, &to.1));
            let all = out_degrees(&synapses, &(0..1000));
            // Without autapses a source that is also a target has one target less. Only these sources are counted then.
            outs.extend(
                all.iter()
                    .enumerate()
                    .filter(|(s, _)| case.excluded() == 0 || to.1.contains(&(*s as u32)))
                    .map(|(_, &k)| k),
            );
            for s in &synapses {
                cells[(s.source.1 / 100 * 10) as usize + ((s.target.1 - to.1.start) * 10 / m as u32) as usize] += 1;
            }
        }
        let excluded = u64::from(!autapses);
        let expected = binomial_cells(n - excluded, 0.1, 200);
        assert_p_value(&format!("{what}: in-degrees"), chi_square(&histogram(&ins, expected.len()), &expected));
        let expected = binomial_cells(m - excluded, 0.1, 200);
        assert_p_value(&format!("{what}: out-degrees"), chi_square(&histogram(&outs, expected.len()), &expected));
        if autapses {
            // A cell holds 100 × 70 pairs. Its synapses in 20 networks are binomial: the variance is mean · (1 − p).
            let mean = 20.0 * 0.1 * (100 * m / 10) as f64;
            let statistic: f64 = cells.iter().map(|&c| (c as f64 - mean).powi(2) / (mean * 0.9)).sum();
            assert_p_value(&format!("{what}: pairs"), chi_square_tail(statistic, 100.0));
        }
    }
}

/// P-value of the degrees on the side that the rule does not fix. They come from `trials` draws of `k` out of n neurons
/// without replacement, so each draw contains a given neuron with probability k/n. The scaled sum of squared deviations
/// is chi-square with n − 1 degrees of freedom.
fn without_replacement(counts: &[u64], trials: f64, k: f64) -> f64 {
    let n = counts.len() as f64;
    let f = k / n;
    let mean = trials * f;
    let squares: f64 = counts.iter().map(|&c| (c as f64 - mean).powi(2)).sum();
    chi_square_tail(squares * (n - 1.0) / (n * trials * f * (1.0 - f)), n - 1.0)
}

#[test]
fn fixed_degrees_draw_the_other_side_uniformly() {
    for seed in 0..3 {
        let (a, b) = ((0, 0..1000), (1, 0..700));
        let case = Case { seed, ..Case::new(Rule::FixedInDegree(100), a.clone(), b.clone()) };
        assert_p_value("fixed in-degree with multapses", uniformity(&out_degrees(&case.synapses(), &a.1)));
        for k in [100, 800] {
            let single = Case { rule: Rule::FixedInDegree(k), multapses: false, ..case.clone() };
            let outs = out_degrees(&single.synapses(), &a.1);
            assert_p_value("fixed in-degree without multapses", without_replacement(&outs, 700.0, f64::from(k)));
        }
        let case = Case { rule: Rule::FixedOutDegree(100), ..case };
        assert_p_value("fixed out-degree with multapses", uniformity(&in_degrees(&case.synapses(), &b.1)));
        for k in [100, 600] {
            let single = Case { rule: Rule::FixedOutDegree(k), multapses: false, ..case.clone() };
            let ins = in_degrees(&single.synapses(), &b.1);
            assert_p_value("fixed out-degree without multapses", without_replacement(&ins, 1000.0, f64::from(k)));
        }
    }
}

#[test]
fn degrees_without_autapses_are_uniform_over_the_others() {
    // Within one population each neuron is excluded as its own partner. So every neuron is still chosen equally often.
    for seed in 0..3 {
        let a = (0, 0..1000);
        let case = Case { seed, autapses: false, ..Case::new(Rule::FixedInDegree(50), a.clone(), a.clone()) };
        assert_p_value("fixed in-degree", uniformity(&out_degrees(&case.synapses(), &a.1)));
        let case = Case { rule: Rule::FixedOutDegree(50), ..case };
        assert_p_value("fixed out-degree", uniformity(&in_degrees(&case.synapses(), &a.1)));
        let case = Case { rule: Rule::FixedTotalNumber(50_000), ..case };
        let synapses = case.synapses();
        assert_p_value("fixed total number, in", uniformity(&in_degrees(&synapses, &a.1)));
        assert_p_value("fixed total number, out", uniformity(&out_degrees(&synapses, &a.1)));
        // With the neurons in a circle, the distance from target to source is 1 to 999, all equally likely.
        let mut distances = vec![0; 999];
        for s in &synapses {
            distances[((s.source.1 + 1000 - s.target.1) % 1000 - 1) as usize] += 1;
        }
        assert_p_value("fixed total number, distances", uniformity(&distances));
    }
}

#[test]
fn a_fixed_total_number_is_multinomial_over_pairs() {
    let (a, b) = ((0, 0..1000), (1, 0..700));
    let n = 120_000;
    for seed in 0..3 {
        let case = Case { seed, ..Case::new(Rule::FixedTotalNumber(n), a.clone(), b.clone()) };
        let synapses = case.synapses();
        assert_p_value("in-degrees", uniformity(&in_degrees(&synapses, &b.1)));
        assert_p_value("out-degrees", uniformity(&out_degrees(&synapses, &a.1)));
        let mut cells = vec![0; 2500];
        for s in &synapses {
            cells[(s.source.1 / 20 * 50 + s.target.1 / 14) as usize] += 1;
        }
        assert_p_value("pairs", uniformity(&cells));
        // The number of synapses of a pair is binomial (practically Poisson) with mean n/(N M).
        let mut pairs: HashMap<(u32, u32), u64> = HashMap::new();
        for s in &synapses {
            *pairs.entry((s.source.1, s.target.1)).or_default() += 1;
        }
        let mut seen = histogram(&pairs.values().copied().collect::<Vec<_>>(), 8);
        seen[0] = 700_000 - pairs.len() as u64;
        assert_p_value("synapses per pair", chi_square(&seen, &binomial_cells(n, 1.0 / 700_000.0, 6)));
        // Without multapses a pair has at most one synapse. Degrees are hypergeometric: their variance is smaller by
        // the factor 1 − f, where f is the fraction of pairs that are connected.
        let single = Case { multapses: false, rule: Rule::FixedTotalNumber(350_000), ..case };
        let synapses = single.synapses();
        for (what, degrees) in [("in", in_degrees(&synapses, &b.1)), ("out", out_degrees(&synapses, &a.1))] {
            let mean = 350_000.0 / degrees.len() as f64;
            let squares: f64 = degrees.iter().map(|&k| (k as f64 - mean).powi(2)).sum();
            // Each of the n neurons has m of the N pairs. The covariance of their degrees is
            // f(1 − f) m (δ − 1/n) N/(N − 1). So the scaled sum of squares is chi-square with n − 1 degrees of freedom.
            let variance = mean * 0.5 * (700_000.0 / 699_999.0);
            assert_p_value(what, chi_square_tail(squares / variance, degrees.len() as f64 - 1.0));
            let p_value = chi_square_tail(squares / variance, degrees.len() as f64 - 1.0);
            assert!(p_value < 1.0 - FALSE_ALARM, "{what}: the variance of the degrees is too small");
        }
    }
}

/// The number of partners that successive neurons have in common, as a standard normal deviate. `sets` holds the sorted
/// partners of each neuron, `k` out of `n`. If they are drawn independently, the overlap of two neurons is
/// hypergeometric, and the overlaps of successive pairs of neurons are independent.
fn overlap(sets: &[Vec<u32>], n: f64, k: f64) -> f64 {
    let mut shared = 0usize;
    for pair in sets.windows(2) {
        shared += pair[0].iter().filter(|x| pair[1].binary_search(x).is_ok()).count();
    }
    let pairs = (sets.len() - 1) as f64;
    let variance = k * k / n * (1.0 - k / n) * (n - k) / (n - 1.0);
    (shared as f64 - pairs * k * k / n) / (pairs * variance).sqrt()
}

/// The sorted partners of each of `len` neurons. `ends` gives the neuron and the partner of a synapse.
fn partners(synapses: &[Synapse], len: u32, ends: fn(&Synapse) -> (u32, u32)) -> Vec<Vec<u32>> {
    let mut sets = vec![Vec::new(); len as usize];
    for s in synapses {
        let (neuron, partner) = ends(s);
        sets[neuron as usize].push(partner);
    }
    sets.iter_mut().for_each(|set| set.sort_unstable());
    sets
}

#[test]
fn neighbouring_neurons_draw_their_partners_independently() {
    for seed in 0..3 {
        let base = Case { seed, multapses: false, ..Case::new(Rule::FixedInDegree(100), (0, 0..1000), (1, 0..700)) };
        let z = overlap(&partners(&base.synapses(), 700, |s| (s.target.1, s.source.1)), 1000.0, 100.0);
        assert_p_value(&format!("targets with fixed in-degree: {z} sd"), two_sided(z));
        let case = Case { rule: Rule::FixedOutDegree(70), ..base.clone() };
        let z = overlap(&partners(&case.synapses(), 1000, |s| (s.source.1, s.target.1)), 700.0, 70.0);
        assert_p_value(&format!("sources with fixed out-degree: {z} sd"), two_sided(z));
        // The sources of the same target with two different seeds must be independent, too.
        let other = Case { seed: seed + 100, ..base.clone() };
        let (a, b) = (
            partners(&base.synapses(), 700, |s| (s.target.1, s.source.1)),
            partners(&other.synapses(), 700, |s| (s.target.1, s.source.1)),
        );
        let both: Vec<Vec<u32>> = a.into_iter().zip(b).flat_map(|(a, b)| [a, b]).collect();
        let z: Vec<f64> = both.chunks(2).map(|pair| overlap(pair, 1000.0, 100.0)).collect();
        let z = z.iter().sum::<f64>() / (z.len() as f64).sqrt();
        assert_p_value(&format!("two seeds: {z} sd"), two_sided(z));
    }
}

/// The weights of 70 000 synapses, and the relative rounding that the simulation reports for them.
fn weights(value: Value, storage: WeightStorage) -> (Vec<f64>, f64) {
    let case = Case { weight: value, storage, ..Case::new(Rule::FixedInDegree(100), (0, 0..1000), (1, 0..700)) };
    let simulation = case.simulation();
    (read(&simulation).iter().map(|s| s.weight).collect(), simulation.weight_rounding())
}

#[test]
fn weights_follow_their_distribution_and_never_change_sign() {
    let normal = |mean: f64, sd: f64| move |x: f64| normal_cdf((x - mean) / sd);
    let lognormal = |mean: f64, sd: f64| {
        let variance = (sd / mean) * (sd / mean);
        let sigma = variance.ln_1p().sqrt();
        move |x: f64| normal_cdf((x.max(1e-300).ln() - mean.abs().ln() + 0.5 * sigma * sigma) / sigma)
    };
    let negative = |cdf: &dyn Fn(f64) -> f64, x: f64| 1.0 - cdf(-x);
    let check = |what: &str, value: Value, sign: f64, cdf: &dyn Fn(f64) -> f64| {
        let (mut sample, _) = weights(value, WeightStorage::Full);
        assert!(sample.iter().all(|w| w * sign >= 0.0), "{what}: the sign changed");
        assert_p_value(what, kolmogorov_smirnov(&mut sample, cdf));
    };
    check("normal", Value::normal(87.8, 8.78), 1.0, &normal(87.8, 8.78));
    check("negative normal", Value::normal(-351.2, 35.12), -1.0, &normal(-351.2, 35.12));
    // A sixth of the deviates have the wrong sign and are drawn again.
    let wrong = normal_cdf(-1.0);
    check("wide normal", Value::normal(1.0, 1.0), 1.0, &|x| ((normal_cdf(x - 1.0) - wrong) / (1.0 - wrong)).max(0.0));
    check("wide negative normal", Value::normal(-1.0, 1.0), -1.0, &|x| (normal_cdf(x + 1.0) / (1.0 - wrong)).min(1.0));
    check("uniform", Value::uniform(0.5, 2.0), 1.0, &|x| ((x - 0.5) / 1.5).clamp(0.0, 1.0));
    check("negative uniform", Value::uniform(-2.0, -0.5), -1.0, &|x| ((x + 2.0) / 1.5).clamp(0.0, 1.0));
    check("lognormal", Value::lognormal(2.0, 1.0), 1.0, &lognormal(2.0, 1.0));
    check("negative lognormal", Value::lognormal(-2.0, 1.0), -1.0, &|x| negative(&lognormal(2.0, 1.0), x));
    let (low, high) = (normal_cdf(-0.5), normal_cdf(2.0));
    let bounded = Value::normal(10.0, 2.0).bounded(9.0, 14.0);
    check("bounded normal", bounded, 1.0, &|x| ((normal_cdf((x - 10.0) / 2.0) - low) / (high - low)).clamp(0.0, 1.0));
    let (sample, rounding) = weights(bounded, WeightStorage::Full);
    let slack = 10.0 * rounding;
    assert!(sample.iter().all(|w| (9.0 - slack..=14.0 + slack).contains(w)), "outside of the bounds");
}

#[test]
fn weights_are_rounded_by_no_more_than_reported() {
    // The reported rounding is relative to a typical weight of the distribution, not to its tail.
    let wide = Value::lognormal(2.0, 4.0);
    for value in [Value::normal(87.8, 8.78), Value::lognormal(2.0, 1.0), wide, Value::uniform(-2.0, -0.5), 0.1.into()] {
        let (full, fine) = weights(value, WeightStorage::Full);
        let (compact, coarse) = weights(value, WeightStorage::Compact);
        let typical = match value {
            Value::Constant(w) => w,
            _ => full.iter().sum::<f64>() / full.len() as f64,
        };
        assert!(fine <= 1e-5, "{value:?}: {fine}");
        // The mean of the sample replaces the mean of the distribution, which adds 2 % to the bound.
        let bound = 1.02 * (fine + coarse) * typical.abs();
        let worst = full.iter().zip(&compact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst <= bound, "{value:?}: compact and full differ by {worst}, reported is {bound}");
        if let Value::Constant(exact) = value {
            assert!(full.iter().all(|w| (w - exact).abs() <= fine * exact), "{value:?}");
        } else {
            assert!(
                worst >= 0.3 * bound,
                "{value:?}: the bound {bound} is much larger than the largest rounding, {worst}"
            );
        }
        // The weights are whole numbers of a quantum, the largest power of two that divides them all.
        let quantum = |sample: &[f64]| {
            let least =
                sample.iter().map(|w| (w.to_bits().trailing_zeros() as i32) - 52 + w.abs().log2().floor() as i32);
            2f64.powi(least.min().unwrap_or(0))
        };
        let q = quantum(&full);
        assert!(full.iter().all(|w| (w / q).fract() == 0.0));
        assert!(0.5 * q <= 1.02 * fine * typical.abs() || matches!(value, Value::Constant(_)), "{value:?}");
    }
}

/// Probabilities of delays of 1 to `last` steps and, in the last cell, of longer ones. The delay is normal with this
/// mean and standard deviation (in steps), drawn again below half a step, and rounded to whole steps.
fn normal_steps(mean: f64, sd: f64, last: u64) -> Vec<f64> {
    let cdf = |x: f64| normal_cdf((x - mean) / sd);
    let kept = 1.0 - cdf(0.5);
    let mut cells: Vec<f64> = (1..=last).map(|k| (cdf(k as f64 + 0.5) - cdf(k as f64 - 0.5)) / kept).collect();
    cells.push((1.0 - cells.iter().sum::<f64>()).max(0.0));
    cells
}

/// Delays in steps. Asserts that they lie on the grid and are at least one step.
fn steps_of(synapses: &[Synapse]) -> Vec<u64> {
    synapses
        .iter()
        .map(|s| {
            let steps = (s.delay / 0.1).round();
            assert!((s.delay - 0.1 * steps).abs() < 1e-9 && steps >= 1.0, "a delay of {} ms", s.delay);
            steps as u64
        })
        .collect()
}

#[test]
fn delays_are_rounded_to_the_grid_and_are_at_least_one_step() {
    let base = Case::new(Rule::FixedInDegree(100), (0, 0..1000), (1, 0..700));
    let steps = |delay: Value| steps_of(&Case { delay, ..base.clone() }.synapses());
    for (delay, expected) in [(0.1, 1), (0.14, 1), (0.16, 2), (1.5, 15), (0.30000000000000004, 3), (2.04, 20)] {
        assert!(steps(delay.into()).iter().all(|&k| k == expected), "{delay} ms");
    }
    // Uniform from −0.1 to 0.55 ms: 1 to 5 steps are equally likely. Values below 0.05 ms are drawn again.
    let seen = histogram(&steps(Value::uniform(-0.1, 0.55)), 7);
    assert_eq!((seen[0], seen[6]), (0, 0));
    assert_p_value("uniform", uniformity(&seen[1..6]));
    for (mean, sd) in [(7.5, 3.75), (15.0, 7.5), (1.0, 2.0)] {
        let cells = normal_steps(mean, sd, 80);
        let seen = histogram(&steps(Value::normal(0.1 * mean, 0.1 * sd)), 82);
        assert_eq!(seen[0], 0);
        assert_p_value(&format!("normal {mean} {sd}"), chi_square(&seen[1..], &cells));
    }
    let seen = steps(Value::lognormal(1.5, 1.0).bounded(1.0, 2.0));
    assert!(seen.iter().all(|k| (10..=20).contains(k)) && seen.contains(&10) && seen.contains(&20));
}

#[test]
fn weights_and_delays_of_one_synapse_are_independent() {
    let case = Case {
        weight: Value::normal(1.0, 0.1),
        delay: Value::normal(1.5, 0.3),
        ..Case::new(Rule::FixedInDegree(100), (0, 0..1000), (1, 0..700))
    };
    let synapses = case.synapses();
    let n = synapses.len() as f64;
    let mean = synapses.iter().map(|s| s.delay).sum::<f64>() / n;
    let variance = synapses.iter().map(|s| (s.delay - mean).powi(2)).sum::<f64>() / n;
    let product: f64 = synapses.iter().map(|s| (s.weight - 1.0) / 0.1 * (s.delay - mean) / variance.sqrt()).sum();
    assert_p_value("correlation", two_sided(product / n.sqrt()));
}

#[test]
fn inhibitory_delays_of_the_microcircuit_have_the_mean_0_777_ms() {
    // Uses the microcircuit at a tenth of its size. At a hundredth there would be too few synapses.
    let plan = configuration("microcircuit_tenth", &[]);
    let names: Vec<_> = plan.populations.iter().map(|p| p.name.clone()).collect();
    let expected: u64 =
        lapicque_engine::build::preview(&plan, &Models::standard()).expect("the plan is right").synapses.iter().sum();
    let simulation = Simulation::new(plan, Options { threads: 1, ..Options::default() }).expect("it is built");
    assert_eq!((simulation.synapses(), expected), (2_988_807, 2_988_807));
    // For excitatory and inhibitory synapses: their number, sum of delays, sum of squared delays.
    let mut sums = [(0.0, 0.0, 0.0); 2];
    let mut histograms = [vec![0u64; 82], vec![0u64; 82]];
    let (mut weight, mut wrong_sign) = (vec![[0.0; 2]; 2], 0);
    simulation.each_synapse(|s| {
        let inhibitory = usize::from(names[s.source.0].ends_with('I'));
        let sum = &mut sums[inhibitory];
        *sum = (sum.0 + 1.0, sum.1 + s.delay, sum.2 + s.delay * s.delay);
        histograms[inhibitory][((s.delay / 0.1).round() as usize).min(81)] += 1;
        wrong_sign += u32::from((s.weight < 0.0) != (inhibitory == 1));
        // The weights from L4E to L23E have twice the mean and are left out.
        if names[s.source.0] != "L4E" || names[s.target.0] != "L23E" {
            weight[inhibitory] = [weight[inhibitory][0] + 1.0, weight[inhibitory][1] + s.weight];
        }
    });
    assert_eq!(wrong_sign, 0);
    for (i, (mean, sd)) in [(15.0, 7.5), (7.5, 3.75)].into_iter().enumerate() {
        let cells = normal_steps(mean, sd, 80);
        assert_p_value("delays", chi_square(&histograms[i][1..], &cells));
        let exact: f64 = cells[..80].iter().enumerate().map(|(k, p)| 0.1 * (k as f64 + 1.0) * p).sum();
        let (n, sum, square) = sums[i];
        let z = (sum / n - exact) / ((square / n - (sum / n) * (sum / n)) / n).sqrt();
        assert_p_value(&format!("mean delay {} ms, {exact} ms expected", sum / n), two_sided(z));
        if i == 1 {
            assert_eq!((sum / n * 1000.0).round(), 777.0, "{}", sum / n);
        }
    }
    // Excitatory weights have the mean 87.81 pA · √10, inhibitory weights −4 times as much. Standard deviation: 10 %.
    for (i, mean) in [87.8085, -4.0 * 87.8085].into_iter().enumerate() {
        let (n, mean) = (weight[i][0], mean * 10f64.sqrt());
        let z = (weight[i][1] / n - mean) / (0.1 * mean.abs() / n.sqrt());
        // The expected mean is known to six digits only, so a relative error of 1e-6 is allowed.
        assert!(two_sided((z.abs() - 1e-5 * n.sqrt()).max(0.0)) > FALSE_ALARM, "mean weight {}", weight[i][1] / n);
    }
}

#[test]
fn a_very_large_in_degree_is_summed_in_64_bits_without_loss() {
    // 200 000 synapses onto each of three neurons from 200 sources that all fire at once.
    let (degree, weight) = (200_000u32, 0.001);
    for drawn in [false, true] {
        let mut network = Network::new(0.1, 1);
        let lif =
            [("tau_m", 20.0.into()), ("v_threshold", 20.0.into()), ("v_reset", 0.0.into()), ("t_ref", 2.0.into())];
        network.population("A", 200, "lif", &lif).expect("sources");
        network.initial("A", "v", 30.0).expect("above threshold");
        network.population("B", 3, "passive", &[("tau_m", 20.0.into())]).expect("targets");
        network.receptor("B", "syn", "delta", &[]).expect("a receptor");
        let value = if drawn { Value::normal(weight, 0.1 * weight) } else { weight.into() };
        network.project("A", "B", "syn", Rule::FixedInDegree(degree), value, 1.0).expect("a projection");
        let preview =
            lapicque_engine::build::preview(network.plan_mut(), &Models::standard()).expect("the plan is right");
        assert!(preview.wide, "an in-degree of {degree} needs 64 bits");
        let mut simulation = network.build(2).expect("it is built");
        assert!(simulation.weight_rounding() <= 1e-5, "{}", simulation.weight_rounding());
        let mut sums = [0.0; 3];
        simulation.each_synapse(|s| sums[s.target.1 as usize] += s.weight);
        simulation.run_for(1.1).expect("it runs");
        let v = simulation.get("B", "v").expect("V");
        for (v, sum) in v.iter().zip(sums) {
            assert!((v / sum - 1.0).abs() < 1e-12, "V jumped by {v}, the weights add up to {sum}");
            let exact = f64::from(degree) * weight;
            let spread = if drawn { 5.0 * 0.1 / f64::from(degree).sqrt() } else { 0.0 };
            assert!((v / exact - 1.0).abs() < 1e-5 + spread, "{v} instead of {exact}");
        }
    }
}
