//! Counts of the Poisson input against the Poisson distribution.
//!
//! Seeds are fixed. Each statistical check fails for a correct program with probability 1e-6.
use super::*;
use crate::membranes::Response;
use crate::numerics::goodness_of_fit::{FALSE_ALARM, chi_square, poisson_cells, two_sided};
use crate::parameters::{ParameterColumn, ParameterTable};

const RESPONSE: Response = Response { tau: 20.0, tau_leak: 20.0, per_charge: 0.05, per_voltage: 0.05 };

fn recipe(table: &ParameterTable, len: usize, seed: u64, first_block: usize) -> InputRecipe<'_> {
    InputRecipe {
        table,
        inside: &[],
        responses: &[RESPONSE],
        voltage: false,
        jump: false,
        quantum: 1.0,
        dt: 1.0,
        len,
        first_block,
        seed,
        identity: 5,
    }
}

fn build(recipe: &InputRecipe<'_>) -> Box<dyn Stimulus> {
    match Poisson::build(recipe) {
        Ok(source) => source,
        Err(error) => panic!("{error:?}"),
    }
}

/// A source of `mean` events per step of 1 ms, each of weight 1, onto `len` neurons.
fn source(mean: f64, len: usize, seed: u64, first_block: usize) -> Box<dyn Stimulus> {
    let table = ParameterTable::new(&PAGE, vec![ParameterColumn::Same(1000.0 * mean), ParameterColumn::Same(1.0)]);
    build(&recipe(&table, len, seed, first_block))
}

/// Counts of one block in one step.
fn step(source: &mut dyn Stimulus, tick: u64, block: usize) -> SumBlock<i32> {
    let mut counts = [[[0; LANES]; CHUNKS]];
    source.step(tick, block, InputSink::Receptor(BlockSums::Narrow(&mut counts)));
    counts[0]
}

#[test]
fn counts_are_poisson_at_every_mean() {
    // Means at which counts above 0 have only a few codes, means at which the second draw is frequent, and means that
    // are split into several draws.
    for mean in [1e-4, 0.0008, 0.016, 0.5, 1.28, 2.32, 4.9, 5.0, 5.1, 8.0, 30.0] {
        let mut source = source(mean, BLOCK, 11, 0);
        let cells = poisson_cells(mean, (mean + 8.0 * mean.sqrt() + 8.0) as u64);
        let mut seen = vec![0; cells.len()];
        for tick in 1..=16_384 {
            for &n in step(&mut *source, tick, 0).as_flattened() {
                seen[(n as usize).min(cells.len() - 1)] += 1;
            }
        }
        assert_eq!(seen.iter().sum::<u64>(), 1 << 22);
        let chance = chi_square(&seen, &cells);
        assert!(chance > FALSE_ALARM, "mean {mean}: {chance:e}, counts {seen:?}");
        // The total number of events is Poisson distributed too. At small means this is a sharper test than the cells.
        let n = (1u64 << 22) as f64;
        let sum: f64 = seen.iter().enumerate().map(|(k, &c)| (k as u64 * c) as f64).sum();
        let z = (sum - n * mean) / (n * mean).sqrt();
        assert!(two_sided(z) > FALSE_ALARM, "mean {mean}: {z} sd off");
    }
}

#[test]
fn every_outcome_has_the_number_of_codes_of_its_probability() {
    for mean in [0.0, 1e-20, 1e-10, 1e-4, 0.1, 0.5, 1.0, 2.32, 3.7, 5.0] {
        let table = CountTable::new(mean);
        let mut codes = [0; ENTRIES];
        for code in i16::MIN..=i16::MAX {
            codes[usize::from(outcome(code, table.entries[code as usize % ENTRIES]))] += 1;
        }
        let (mut p, mut remaining) = (libm::exp(-mean), 65_536);
        for (k, &codes) in codes[..AGAIN].iter().enumerate() {
            assert_eq!(codes, (p * 65_536.0) as i32, "count {k} at mean {mean}");
            remaining -= codes;
            p *= mean / (k as f64 + 1.0);
        }
        assert_eq!(codes[AGAIN], remaining, "mean {mean}");
    }
}

#[test]
fn counts_far_in_the_tail_have_their_probability() {
    // At a mean of 0.5, counts of seven or more have probability 1e-6. They have no code: only the second draw gives
    // them.
    let mut source = source(0.5, BLOCK, 12, 0);
    let mut seen = 0u64;
    let steps = 80_000;
    for tick in 1..=steps {
        seen += step(&mut *source, tick, 0).as_flattened().iter().filter(|&&n| n >= 7).count() as u64;
    }
    let expected = poisson_cells(0.5, 6)[7] * (steps * BLOCK as u64) as f64;
    // 20.5 such counts are expected. A Poisson number of that mean is 3 or less with a chance of 2e-6, and 48 or more with
    // a chance of 2e-7.
    assert!((20.0..21.0).contains(&expected), "{expected} expected");
    assert!((4..48).contains(&seen), "{seen} seen, {expected} expected");
}

#[test]
fn events_are_added_in_quanta_to_sums_of_32_and_64_bits() {
    const BLOCKS: usize = 3;
    let len = BLOCKS * BLOCK - 4 * LANES;
    let same = ParameterTable::new(&PAGE, vec![ParameterColumn::Same(2320.0), ParameterColumn::Same(-1.75)]);
    let each = ParameterTable::new(&PAGE, vec![ParameterColumn::Same(2320.0), ParameterColumn::Each(vec![-1.75; len])]);
    let with_quantum = |table| build(&InputRecipe { quantum: 0.5, ..recipe(table, len, 1, 0) });
    let (mut narrow, mut wide, mut per_neuron) = (with_quantum(&same), with_quantum(&same), with_quantum(&each));
    let mut counts = source(2.32, len, 1, 0);
    let mut expected = [[[5; LANES]; CHUNKS]; BLOCKS];
    let (mut narrow_sums, mut per_neuron_sums) = (expected, expected);
    let mut wide_sums = expected.map(|b| b.map(|c| c.map(i64::from)));
    for tick in 1..=100 {
        // All blocks in one call.
        for (source, sums) in [
            (&mut narrow, BlockSums::Narrow(&mut narrow_sums)),
            (&mut per_neuron, BlockSums::Narrow(&mut per_neuron_sums)),
            (&mut wide, BlockSums::Wide(&mut wide_sums)),
        ] {
            source.step(tick, 0, InputSink::Receptor(sums));
        }
        // The weight of -3.5 quanta is rounded to -4, ties to even.
        for (block, sums) in expected.iter_mut().enumerate() {
            let drawn = step(&mut *counts, tick, block);
            sums.as_flattened_mut().iter_mut().zip(drawn.as_flattened()).for_each(|(sum, n)| *sum -= 4 * n);
        }
        assert_eq!(narrow_sums, expected, "tick {tick}");
        // The last block is not compared: with one weight per neuron, nothing is added behind the last neuron.
        assert_eq!(per_neuron_sums[..BLOCKS - 1], expected[..BLOCKS - 1], "tick {tick}");
        assert_eq!(wide_sums, expected.map(|b| b.map(|c| c.map(i64::from))), "tick {tick}");
    }
}

#[test]
fn most_events_is_a_bound_of_the_counts() {
    for mean in [0.0, 0.5, 8.0, 30.0] {
        let values = [1000.0 * mean, 1.0];
        let table = ParameterTable::new(&PAGE, values.map(ParameterColumn::Same).to_vec());
        let most = Poisson::most_events(&table.parameters(&values).unwrap(), 1.0).unwrap();
        assert!(most >= mean && most <= 25.0 + 8.0 * mean, "{mean}: {most}");
        let (table, _) = table_and_draws(1000.0 * mean, 1.0).unwrap();
        assert!(table.residual.last().is_some_and(|&sum| sum > 1.0 - 1e-9));
    }
}

#[test]
fn a_rate_of_0_gives_no_event() {
    let mut source = source(0.0, BLOCK, 13, 0);
    for tick in 1..20_000 {
        assert!(step(&mut *source, tick, 0).as_flattened().iter().all(|&n| n == 0));
    }
}

#[test]
fn counts_of_neurons_and_steps_are_independent() {
    let mean = 1.28;
    let mut source = source(mean, 2 * BLOCK, 14, 3);
    let steps = 2000;
    let mut columns = vec![Vec::new(); 64];
    for tick in 1..=steps as u64 {
        for block in 0..2 {
            let counts = step(&mut *source, tick, block);
            // Two chunks whose counts come from the same random numbers, in each of two blocks.
            for (i, &n) in counts.as_flattened()[..32].iter().enumerate() {
                columns[32 * block + i].push((f64::from(n) - mean) / mean.sqrt());
            }
        }
    }
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>() / (a.len() as f64).sqrt();
    for (i, a) in columns.iter().enumerate() {
        for (j, b) in columns[..i].iter().enumerate() {
            assert!(two_sided(product(a, b)) > FALSE_ALARM / 2016.0, "neurons {i} and {j}");
        }
        for lag in 1..=3 {
            let z = product(&a[lag..], &a[..a.len() - lag]);
            assert!(two_sided(z) > FALSE_ALARM / 192.0, "neuron {i} at lag {lag}: {z} sd");
        }
    }
}

#[test]
fn a_part_of_a_population_gets_the_same_counts_as_in_the_whole_population() {
    let (mut whole, mut part) = (source(2.32, 3 * BLOCK, 15, 0), source(2.32, BLOCK + 7, 15, 1));
    for tick in 1..3000 {
        for block in 0..2 {
            let (a, b) = (step(&mut *whole, tick, block + 1), step(&mut *part, tick, block));
            assert_eq!(a.as_flattened()[..7], b.as_flattened()[..7], "tick {tick}");
        }
        step(&mut *whole, tick, 0);
    }
}

#[test]
fn counts_have_their_golden_bits() {
    let mut source = source(2.32, BLOCK, 1, 0);
    let mut hash = 0xCBF2_9CE4_8422_2325u64;
    let mut first = Vec::new();
    for tick in 1..=1000 {
        for &n in step(&mut *source, tick, 0).as_flattened() {
            if first.len() < 24 {
                first.push(n as u8);
            }
            hash = (hash ^ n as u64).wrapping_mul(0x0100_0000_01B3);
        }
    }
    // The bits since stream version 2. To renew them, copy what this line prints, and raise STREAM_VERSION.
    assert_eq!((first.as_slice(), hash), (GOLDEN.as_slice(), GOLDEN_HASH));
}

const GOLDEN: [u8; 24] = [5, 3, 2, 7, 1, 0, 1, 2, 3, 0, 5, 2, 3, 2, 4, 1, 1, 0, 0, 1, 6, 2, 2, 1];
const GOLDEN_HASH: u64 = 13892986345967194316;
