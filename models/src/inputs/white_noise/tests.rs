//! White noise: mean and variance on a membrane without threshold, distribution, and independence.
//!
//! Seeds are fixed. Each statistical check fails for a correct program with probability 1e-6.
use super::*;
use crate::columns::BLOCK;
use crate::membranes::Response;
use crate::numerics::goodness_of_fit::{FALSE_ALARM, kolmogorov_smirnov, two_sided};
use crate::parameters::{ParameterColumn, ParameterTable};

fn response(tau: f64) -> Response {
    Response { tau, tau_leak: if tau.is_finite() { tau } else { 20.0 }, per_charge: 0.05, per_voltage: 0.05 }
}

/// A source onto one block of neurons with time constant `tau` and step `dt`, both in ms.
fn source(mean: f64, sigma: f64, tau: f64, dt: f64, seed: u64) -> Box<dyn Stimulus> {
    let table = ParameterTable::new(&PAGE, vec![ParameterColumn::Same(mean), ParameterColumn::Same(sigma)]);
    let responses = [response(tau)];
    let recipe = InputRecipe {
        table: &table,
        inside: &[],
        responses: &responses,
        voltage: false,
        jump: false,
        quantum: 1.0,
        dt,
        len: BLOCK,
        first_block: 0,
        seed,
        identity: 5,
    };
    match WhiteNoise::build(&recipe) {
        Ok(source) => source,
        Err(error) => panic!("{error:?}"),
    }
}

/// Drive of one step in mV.
fn step(source: &mut dyn Stimulus, tick: u64) -> [f64; BLOCK] {
    let (mut drive, mut jump) = (BlockValues::ZERO, BlockValues::ZERO);
    source.step(tick, 0, InputSink::Membrane { drive: &mut drive, jump: &mut jump });
    let mut values = [0.0; BLOCK];
    values.copy_from_slice(drive.as_flattened());
    values
}

#[test]
fn the_stationary_variance_is_half_sigma_squared_for_every_step_size() {
    // V → V e^(−dt/tau) + a deviate of standard deviation `noise`: the stationary variance is
    // noise²/(1 − e^(−2dt/tau)).
    for dt in [1e-3, 0.01, 0.1, 1.0, 10.0, 100.0] {
        for tau in [0.5, 10.0, 20.0, 1000.0] {
            let noise = response(tau).noise(dt);
            let variance = noise * noise / -(-2.0 * dt / tau).exp_m1();
            assert!((variance - 0.5).abs() < 1e-15, "dt {dt}, tau {tau}: {variance}");
        }
        assert_eq!(response(f64::INFINITY).noise(dt), (dt / 20.0).sqrt());
    }
}

#[test]
fn a_simulated_membrane_without_threshold_reaches_mean_and_variance() {
    let (mean, sigma, tau, dt) = (18.0, 5.0, 20.0, 0.5);
    let mut source = source(mean, sigma, tau, dt, 21);
    let decay = (-dt / tau).exp();
    let mut v = [mean; BLOCK];
    let (mut sum, mut square, mut samples) = (0.0, 0.0, 0.0);
    for tick in 1..=60_000u64 {
        for (v, drive) in v.iter_mut().zip(step(&mut *source, tick)) {
            *v = *v * decay + drive;
        }
        // One sample every 100 ms, five time constants. The correlation e^(−5) of successive samples is neglected.
        if tick > 1000 && tick % 200 == 0 {
            for v in v {
                sum += v - mean;
                square += (v - mean) * (v - mean);
                samples += 1.0;
            }
        }
    }
    let variance = 0.5 * sigma * sigma;
    let z_mean = sum / (samples * variance).sqrt();
    let z_variance = (square / samples - variance) / (variance * (2.0f64 / samples).sqrt());
    assert!(two_sided(z_mean) > FALSE_ALARM, "mean: {z_mean} sd off");
    assert!(two_sided(z_variance) > FALSE_ALARM, "variance: {z_variance} sd off");
}

#[test]
fn noise_is_normal_and_independent_in_time_and_between_neurons() {
    let (sigma, tau, dt, steps) = (2.0, 20.0, 0.1, 4000);
    let mut source = source(0.0, sigma, tau, dt, 22);
    let sd = sigma * response(tau).noise(dt);
    let mut columns = vec![Vec::new(); BLOCK];
    for tick in 1..=steps as u64 {
        for (column, x) in columns.iter_mut().zip(step(&mut *source, tick)) {
            column.push(x / sd);
        }
    }
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>() / (a.len() as f64).sqrt();
    let pairs = (BLOCK * (BLOCK - 1) / 2) as f64;
    for (i, a) in columns.iter().enumerate() {
        for (j, b) in columns[..i].iter().enumerate() {
            assert!(two_sided(product(a, b)) > FALSE_ALARM / pairs, "neurons {i} and {j}");
        }
        for lag in [1, 2, 10] {
            let z = product(&a[lag..], &a[..steps - lag]);
            assert!(two_sided(z) > FALSE_ALARM / (3.0 * BLOCK as f64), "neuron {i} at lag {lag}: {z} sd");
        }
    }
    let mut all: Vec<f64> = columns.concat();
    let tail = |z: f64| 0.5 * libm::erfc(z / std::f64::consts::SQRT_2);
    let cdf = |z: f64| if z < 0.0 { tail(-z) } else { 1.0 - tail(z) };
    assert!(kolmogorov_smirnov(&mut all, cdf) > FALSE_ALARM);
}

#[test]
fn noise_with_sigma_0_is_the_mean_current() {
    let mut source = source(3.0, 0.0, 20.0, 0.1, 23);
    let held = 3.0 * response(20.0).held(0.1);
    assert!(step(&mut *source, 1).iter().all(|&x| x == held));
}
