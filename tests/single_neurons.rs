//! Single neurons compared with closed forms, quadrature and published values. The source stands beside each value.

use crate::common::{assert_close, pulse_at, spikes, trace, values};
use lapicque_analysis::theory::{EifNeuron, LifNeuron, membrane_voltage};
use lapicque_engine::plan::Network;

/// One neuron under a constant current. `drive` is R·I in mV without capacitance (voltage form), else I in pA.
fn driven(kind: &str, dt: f64, parameters: &[(&str, f64)], drive: f64) -> Network {
    let mut network = Network::new(dt, 1);
    let parameters: Vec<_> = parameters.iter().map(|&(name, value)| (name, value.into())).collect();
    network.population("N", 1, kind, &parameters).unwrap();
    network.input("drive", "N", None, "current", &values([("amplitude", drive)])).unwrap();
    network
}

/// Firing rate in Hz, from the first to the last spike.
fn rate(network: Network, duration: f64, dt: f64) -> f64 {
    let spikes = spikes(network, duration);
    let (first, last) = (spikes[0], spikes[spikes.len() - 1]);
    1e3 * (spikes.len() - 1) as f64 / ((last - first) as f64 * dt)
}

#[test]
fn lif_voltage_under_constant_current_is_exact_to_1e_12() {
    for (dt, tau) in [(0.1, 10.0), (0.1, 20.0), (0.025, 7.3), (1.0, 3.0)] {
        let parameters = [("tau_m", tau), ("E_L", -70.0), ("v_threshold", 1e9), ("v_reset", -70.0)];
        let trace = trace(driven("lif", dt, &parameters, 14.0), "v", 200.0 * dt);
        for (i, &v) in trace.values.iter().enumerate() {
            assert_close(v, membrane_voltage(-70.0, -70.0, 14.0, tau, i as f64 * dt), 1e-12, "LIF voltage");
        }
    }
    // NEST's precise-timing test: V(5 ms) = 15.738773611494663 mV above rest.
    let parameters = [("C", 250.0), ("tau_m", 10.0), ("v_threshold", 1e9), ("v_reset", 0.0)];
    let trace = trace(driven("lif", 0.1, &parameters, 1000.0), "v", 5.0);
    assert_close(trace.values[50], 15.738773611494663, 1e-12, "V(5 ms)");
}

#[test]
fn lif_is_the_same_in_voltage_form_and_with_capacitance_and_leak() {
    let final_v = |parameters: &[(&str, f64)], drive: f64| {
        let mut all = vec![("E_L", -65.0), ("v_threshold", -50.0), ("v_reset", -65.0), ("t_ref", 2.0)];
        all.extend(parameters);
        *trace(driven("lif", 0.1, &all, drive), "v", 33.3).values.last().unwrap()
    };
    let voltage = final_v(&[("tau_m", 10.0)], 20.0);
    assert_close(final_v(&[("C", 250.0), ("tau_m", 10.0)], 500.0), voltage, 1e-13, "C and tau_m");
    assert_close(final_v(&[("C", 250.0), ("g_L", 25.0)], 500.0), voltage, 1e-13, "C and g_L");
}

#[test]
fn lif_step_response_agrees_with_nests_values_to_all_digits_given() {
    // NEST, iaf_psc_alpha and iaf_psc_exp under direct current: tau_m 10, C 250, t_ref 2, E_L = V_r −70, theta −55.
    let neuron =
        [("C", 250.0), ("tau_m", 10.0), ("E_L", -70.0), ("v_threshold", -55.0), ("v_reset", -70.0), ("t_ref", 2.0)];
    let response = trace(driven("lif", 0.1, &neuron, 1000.0), "v", 7.2);
    for (tick, expected, digits) in [(1, -69.602, 1e-3), (5, -68.0492, 1e-4), (47, -55.0001, 1e-4)] {
        let v = response.values[tick];
        assert!((v - expected).abs() < 0.5 * digits, "V at {} ms: {v}, expected {expected}", 0.1 * tick as f64);
    }
    assert_eq!(response.spikes, [48], "1000 pA: one spike at 4.8 ms before 7.2 ms");
    for dt in [0.1, 0.2, 0.5, 1.0] {
        let first = spikes(driven("lif", dt, &neuron, 1450.0), 4.0)[0] as f64 * dt;
        assert!((first - 3.0).abs() < 1e-9, "1450 pA at dt {dt}: first spike at {first} ms, expected 3.0 ms");
    }
}

#[test]
fn lif_rate_follows_the_closed_form_on_the_grid() {
    // The LIF exercise of Neuronal Dynamics (R = 10 MΩ, so a drive of 10 mV is 1 nA) and the normalised neuron of the
    // course SYDE 556.
    let cases = [
        (
            LifNeuron { tau: 8.0, rest: -70.0, reset: -65.0, threshold: -50.0, refractory: 2.0 },
            vec![21.0, 25.0, 30.0, 50.0, 100.0],
        ),
        (LifNeuron { tau: 20.0, rest: 0.0, reset: 0.0, threshold: 1.0, refractory: 2.0 }, vec![1.1, 2.0, 5.0]),
    ];
    for (lif, drives) in cases {
        let parameters = [
            ("tau_m", lif.tau),
            ("E_L", lif.rest),
            ("v_threshold", lif.threshold),
            ("v_reset", lif.reset),
            ("t_ref", lif.refractory),
        ];
        for drive in drives {
            for dt in [0.1, 0.01] {
                let got = rate(driven("lif", dt, &parameters, drive), 500.0, dt);
                assert_close(got, lif.rate_on_grid(drive, dt), 1e-9, "rate on the grid");
            }
            // The grid makes the interval longer than in continuous time, by at most one step.
            let got = rate(driven("lif", 0.001, &parameters, drive), 500.0, 0.001);
            let exact = lif.rate(drive);
            assert!(
                got <= exact * (1.0 + 1e-9) && got > exact * (1.0 - 0.0011 * exact * 1e-3),
                "{got} against {exact} Hz"
            );
        }
        let rheobase = lif.rheobase();
        assert!(spikes(driven("lif", 0.1, &parameters, rheobase), 2000.0).is_empty(), "a spike at the rheobase itself");
        assert!(!spikes(driven("lif", 0.1, &parameters, rheobase * 1.001), 2000.0).is_empty());
    }
}

/// The neuron of the EIF exercise of Neuronal Dynamics (chapter 5): tau 12 ms, R 20 MΩ, u_rest −65, u_r −60, theta −55,
/// Delta 2, spike at −30 mV.
const EIF: EifNeuron =
    EifNeuron { tau: 12.0, rest: -65.0, reset: -60.0, threshold: -55.0, slope: 2.0, peak: -30.0, refractory: 0.0 };

fn eif(dt: f64, drive: f64) -> Network {
    let parameters =
        [("tau_m", 12.0), ("E_L", -65.0), ("v_T", -55.0), ("delta_T", 2.0), ("v_peak", -30.0), ("v_reset", -60.0)];
    driven("eif", dt, &parameters, drive)
}

#[test]
fn eif_rates_agree_with_quadrature_to_a_thousandth_at_fine_steps() {
    for (nanoampere, expected) in [(0.45, 17.179294), (0.5, 27.318855), (1.0, 106.534768)] {
        let drive = 20.0 * nanoampere;
        assert_close(EIF.rate(drive), expected, 1e-6, "quadrature");
        assert_close(rate(eif(0.01, drive), 1000.0, 0.01), expected, 1e-3, "EIF rate at dt 0.01 ms");
    }
    assert!(spikes(eif(0.01, EIF.rheobase() * 0.999), 1000.0).is_empty());
    assert!(!spikes(eif(0.01, EIF.rheobase() * 1.01), 1000.0).is_empty());
    // On the grid of 0.1 ms, 1 nA gives 106.38 Hz.
    assert!((rate(eif(0.1, 20.0), 1000.0, 0.1) - 106.38).abs() < 0.01);
}

#[test]
fn eif_scheme_is_of_second_order_below_threshold() {
    // The drive is just below the rheobase, so that the exponential term matters. A decaying synaptic current is added.
    let voltage = |dt: f64| {
        let mut network = eif(dt, 7.5);
        network.receptor("N", "r", "exponential", &values([("tau", 3.0)])).unwrap();
        network.initial("N", "r.i", 6.0).unwrap();
        *trace(network, "v", 12.8).values.last().unwrap()
    };
    let exact = voltage(0.0005);
    let errors: Vec<f64> = [0.4, 0.2, 0.1, 0.05].map(|dt| (voltage(dt) - exact).abs()).to_vec();
    for pair in errors.windows(2) {
        let order = (pair[0] / pair[1]).log2();
        assert!((1.9..2.1).contains(&order), "halving dt: order {order:.3}, errors {errors:?}");
    }
}

#[test]
fn eif_smallest_pulse_that_fires_is_that_of_continuous_time() {
    // Duration of the pulse and the smallest multiple of 0.01 nA that causes a spike in continuous time.
    for (duration, nanoampere) in [(2.0, 4.42), (10.0, 1.10), (20.0, 0.70), (50.0, 0.48)] {
        let fires = |current: f64| {
            let mut network = eif(0.01, 20.0 * current);
            network.plan_mut().inputs[0].stop = (duration / 0.01_f64).round() as u64;
            !spikes(network, duration + 100.0).is_empty()
        };
        let is_smallest = fires(nanoampere) && !fires(nanoampere - 0.01);
        assert!(is_smallest, "{duration} ms: {nanoampere} nA is not the smallest pulse that fires");
    }
}

#[test]
fn eif_stays_between_rest_and_peak_under_a_strong_drive() {
    let trace = trace(eif(0.1, 400.0), "v", 50.0);
    assert!(trace.values.iter().all(|v| (-65.0..=-30.0).contains(v)), "{:?}", trace.values);
    assert!(trace.spikes.len() > 30);
    for drive in [-1e6, 1e6] {
        let v = self::trace(eif(0.1, drive), "v", 50.0).values;
        assert!(v.iter().all(|v| v.is_finite()), "drive {drive}");
    }
}

#[test]
fn eif_with_a_sharp_onset_spikes_in_the_step_in_which_v_diverges() {
    // v_peak lies 3000 delta_T above v_T. The exponential term alone gives V → V − delta_T ln(argument), see the
    // model's page. The logarithm cannot raise V that far. So the spike comes in the step in which the argument is 0 or
    // less: V diverges.
    let parameters = [("tau_m", 10.0), ("v_T", 10.0), ("delta_T", 0.01), ("v_peak", 40.0), ("v_reset", 0.0)];
    let trace = trace(driven("eif", 0.1, &parameters, 30.0), "v", 6.0);
    // Decay over half a step.
    let (half, mut v, mut spike) = ((-0.005_f64).exp(), 0.0_f64, 0);
    for tick in 1.. {
        let before = v * half + 30.0 * (1.0 - half);
        let argument = 1.0 - 0.01 * ((before - 10.0) / 0.01).exp();
        if argument <= 0.0 {
            spike = tick;
            break;
        }
        v = (before - 0.01 * argument.ln()) * half + 30.0 * (1.0 - half);
        assert_close(trace.values[tick as usize], v, 1e-12, "before the spike");
    }
    assert!((v - 10.0).abs() < 0.2, "{v}");
    assert_eq!(trace.spikes[0], spike);
}

#[test]
fn passive_membrane_relaxes_to_rest_and_never_fires() {
    let mut network = Network::new(0.1, 1);
    network.population("N", 1, "passive", &values([("tau_m", 10.0), ("E_L", -70.0)])).unwrap();
    network.initial("N", "v", -20.0).unwrap();
    let trace = trace(network, "v", 50.0);
    assert!(trace.spikes.is_empty());
    for (i, &v) in trace.values.iter().enumerate() {
        assert_close(v, membrane_voltage(-20.0, -70.0, 0.0, 10.0, 0.1 * i as f64), 1e-12, "relaxation");
    }
}

#[test]
fn a_charge_pulse_makes_v_jump_by_charge_over_capacitance_or_by_its_value_in_mv() {
    for (neuron, charge, in_mv) in [
        (&values([("C", 250.0), ("tau_m", 10.0)])[..], 500.0, false),
        (&values([("C", 250.0), ("tau_m", 10.0)]), 2.0, true),
        (&values([("tau_m", 10.0)]), 2.0, false),
    ] {
        let mut network = Network::new(0.1, 1);
        network.population("N", 1, "passive", neuron).unwrap();
        network.input("pulse", "N", None, "charge_pulse", &values([("charge", charge)])).unwrap();
        network.plan_mut().inputs[0].drive_in_mv = in_mv;
        pulse_at(&mut network, &[10, 30]);
        let v = trace(network, "v", 5.0).values;
        assert_eq!(v[9], 0.0);
        assert_eq!(v[10], 2.0);
        assert_close(v[30], 2.0 + 2.0 * (-0.2_f64).exp(), 1e-13, "second pulse");
    }
}
