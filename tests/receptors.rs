//! Postsynaptic potentials of every receptor compared with their closed form. The time constants include the singular
//! point tau_s = tau_m and its neighbourhood.

use crate::common::{assert_close, values};
use lapicque_analysis::theory::{psp_alpha, psp_delta, psp_exponential, psp_exponential_peak_time};
use lapicque_engine::plan::Network;
use lapicque_engine::plan::Rule;

const TAU_M: f64 = 10.0;
const C: f64 = 250.0;
const DT: f64 = 0.1;

/// V at ticks 0, 1, … of a passive membrane whose receptor gets one event of this weight at tick 20.
fn response(kind: &str, tau_s: Option<f64>, weight: f64) -> Vec<f64> {
    let mut network = Network::new(DT, 1);
    network.population("N", 1, "passive", &values([("C", C), ("tau_m", TAU_M)])).unwrap();
    let parameters: Vec<_> = tau_s.iter().map(|&tau| ("tau", tau.into())).collect();
    network.receptor("N", "r", kind, &parameters).unwrap();
    // S starts above threshold, so it spikes at tick 1. Its spike arrives 19 steps later.
    network.population("S", 1, "lif", &values([("tau_m", 10.0), ("v_threshold", 1.0), ("v_reset", 0.0)])).unwrap();
    network.initial("S", "v", 5.0).unwrap();
    network.project("S", "N", "r", Rule::AllToAll, weight, 1.9).unwrap();
    network.trace("N", 1, &["v"], 1).unwrap();
    network.build(1).unwrap().run_for(60.0).unwrap().samples.remove(0)
}

/// Asserts that `v` is zero before tick 20 and `psp(t)` from then on, to 1e-6 of the largest value.
fn assert_psp(v: &[f64], psp: impl Fn(f64) -> f64, what: &str) {
    assert!(v[..20].iter().all(|&v| v == 0.0), "{what}: V changes before the event");
    let largest = v.iter().fold(0.0, |a: f64, v| a.max(v.abs()));
    for (i, &v) in v.iter().enumerate().skip(20) {
        let (t, expected) = ((i - 20) as f64 * DT, psp((i - 20) as f64 * DT));
        assert!((v - expected).abs() <= 1e-6 * largest, "{what} at {t} ms: {v}, expected {expected}");
    }
}

#[test]
fn delta_receptor_jumps_and_decays() {
    assert_psp(&response("delta", None, 1.5), |t| psp_delta(1.5, TAU_M, t), "delta");
}

#[test]
fn current_receptors_follow_their_closed_form_also_near_tau_s_equal_to_tau_m() {
    for tau_s in [1e-5, 1e-3, 0.05, 0.5, 2.0, 5.0, 9.99, 9.999_999, 10.0, 10.000_000_1, 10.01, 30.0] {
        let exponential = response("exponential", Some(tau_s), 100.0);
        assert_psp(
            &exponential,
            |t| psp_exponential(100.0, C, TAU_M, tau_s, t),
            &format!("exponential, tau_s {tau_s}"),
        );
        let alpha = response("alpha", Some(tau_s), 100.0);
        assert_psp(&alpha, |t| psp_alpha(100.0, C, TAU_M, tau_s, t), &format!("alpha, tau_s {tau_s}"));
    }
}

#[test]
fn an_exponential_current_of_585_pa_peaks_at_one_millivolt() {
    // The neuron and synapse of configs/microcircuit.toml: tau_m 10 ms, tau_s 0.5 ms, C 250 pF.
    let v = response("exponential", Some(0.5), 585.39);
    let peak = v.iter().copied().fold(0.0, f64::max);
    assert!((peak - 1.0).abs() < 1e-3, "peak {peak} mV");
    let tick = (psp_exponential_peak_time(TAU_M, 0.5) / DT).round() as usize + 20;
    assert!((v[tick] - peak).abs() < 1e-4);
}

#[test]
fn a_membrane_much_faster_than_a_step_has_v_proportional_to_the_current() {
    for kind in ["exponential", "alpha"] {
        let mut network = Network::new(DT, 1);
        network.population("N", 1, "passive", &values([("C", 1e-3), ("tau_m", 1e-5)])).unwrap();
        network.receptor("N", "r", kind, &values([("tau", 5.0)])).unwrap();
        network.initial("N", "r.i", 3.0).unwrap();
        network.trace("N", 1, &["v", "r.i"], 1).unwrap();
        let samples = network.build(1).unwrap().run_for(20.0).unwrap().samples;
        for (v, current) in samples[0].iter().zip(&samples[1]).skip(1) {
            assert_close(*v, current * 1e-5 / 1e-3, 1e-5, kind);
        }
    }
}

#[test]
fn a_membrane_without_capacitance_takes_currents_as_voltages() {
    let mut network = Network::new(DT, 1);
    network.population("N", 1, "passive", &values([("tau_m", TAU_M)])).unwrap();
    network.receptor("N", "r", "exponential", &values([("tau", 5.0)])).unwrap();
    network.initial("N", "r.i", 1.62).unwrap();
    network.trace("N", 1, &["v", "r.i"], 1).unwrap();
    let samples = network.build(1).unwrap().run_for(20.0).unwrap().samples;
    for (i, (v, current)) in samples[0].iter().zip(&samples[1]).enumerate() {
        // On a membrane without capacitance (voltage form) tau_m takes the place of C. The 1 is added because the
        // relative error is not defined at 0.
        assert_close(*v + 1.0, psp_exponential(1.62, TAU_M, TAU_M, 5.0, i as f64 * DT) + 1.0, 1e-12, "v");
        assert_close(*current, 1.62 * (-(i as f64) * DT / 5.0).exp(), 1e-12, "current");
    }
}
