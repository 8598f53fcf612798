//! The step contract, tested point by point. The contract stands at the head of `models/src/population/fused.rs`.

use crate::common::{assert_close, pulse_at, trace, values};
use lapicque_engine::plan::Network;
use lapicque_engine::plan::Rule;

const DT: f64 = 0.1;

/// A LIF neuron "N" (tau_m 10 ms, threshold 10 mV, reset 2 mV) with a delta receptor "d", exponential receptor "e".
fn neuron(t_ref: f64) -> Network {
    let mut network = Network::new(DT, 1);
    let parameters = [("tau_m", 10.0), ("v_threshold", 10.0), ("v_reset", 2.0), ("t_ref", t_ref)];
    network.population("N", 1, "lif", &values(parameters)).unwrap();
    network.receptor("N", "d", "delta", &[]).unwrap();
    network.receptor("N", "e", "exponential", &values([("tau", 5.0)])).unwrap();
    network
}

/// Adds a neuron `name` that spikes at tick 1 and has one synapse onto N.
fn add_event(network: &mut Network, name: &str, receptor: &str, weight: f64, delay: f64) {
    network.population(name, 1, "lif", &values([("tau_m", 10.0), ("v_threshold", 1.0), ("v_reset", 0.0)])).unwrap();
    network.initial(name, "v", 5.0).unwrap();
    network.project(name, "N", receptor, Rule::AllToAll, weight, delay).unwrap();
}

#[test]
fn point_1_membrane_and_receptors_propagate_exactly_over_a_step() {
    let mut network = neuron(0.0);
    network.initial("N", "v", 4.0).unwrap();
    network.initial("N", "e.i", 3.0).unwrap();
    let v = trace(network, "v", 1.0).values;
    let expected = |t: f64| {
        let (p, s) = ((-t / 10.0).exp(), (-t / 5.0).exp());
        4.0 * p + 3.0 / 10.0 / (1.0 / 5.0 - 1.0 / 10.0) * (p - s)
    };
    v.iter().enumerate().for_each(|(i, &v)| assert_close(v, expected(i as f64 * DT), 1e-12, "v"));
}

#[test]
fn point_2_a_delta_event_makes_v_jump_after_the_leak() {
    let mut network = neuron(0.0);
    network.initial("N", "v", 4.0).unwrap();
    add_event(&mut network, "S", "d", 3.0, 0.4);
    // The spike has tick 1 and the delay is 4 steps. The event acts at the end of the step that ends at tick 5, after
    // the leak.
    let v = trace(network, "v", 1.0).values;
    assert_close(v[4], 4.0 * (-0.04_f64).exp(), 1e-12, "before");
    assert_close(v[5], 4.0 * (-0.05_f64).exp() + 3.0, 1e-6, "at the event");
    assert_close(v[6], (4.0 * (-0.05_f64).exp() + 3.0) * (-0.01_f64).exp(), 1e-6, "after");
}

#[test]
fn point_2_an_event_at_another_receptor_acts_from_the_next_step_on() {
    let build = || {
        let mut network = neuron(0.0);
        add_event(&mut network, "S", "e", 3.0, 0.4);
        network
    };
    let (v, i) = (trace(build(), "v", 1.0).values, trace(build(), "e.i", 1.0).values);
    assert_eq!((i[4], v[5]), (0.0, 0.0));
    assert_close(i[5], 3.0, 1e-6, "the receptor's variable changes at once");
    assert!(v[6] > 0.0, "V does not change one step later");
}

#[test]
fn point_2_poisson_events_and_charge_pulses_are_added_at_the_end_of_the_step() {
    let mut network = neuron(0.0);
    network.input("pulse", "N", None, "charge_pulse", &values([("charge", 2.0)])).unwrap();
    pulse_at(&mut network, &[7]);
    assert_eq!(&trace(network, "v", 1.0).values[6..8], &[0.0, 2.0]);
    // An input gives pulses from its start (included) to its stop (excluded).
    for (start, stop, jump) in [(7, 8, 2.0), (8, 9, 0.0), (6, 7, 0.0)] {
        let mut network = neuron(0.0);
        network.input("pulse", "N", None, "charge_pulse", &values([("charge", 2.0)])).unwrap();
        pulse_at(&mut network, &[7]);
        let input = &mut network.plan_mut().inputs[0];
        (input.start, input.stop) = (start, stop);
        assert_eq!(trace(network, "v", 1.0).values[7], jump, "from {start} to {stop}");
    }
    let mut network = neuron(0.0);
    network.input("p", "N", Some("e"), "poisson", &values([("rate", 30000.0), ("weight", 1.0)])).unwrap();
    let (i, v) = {
        network.trace("N", 1, &["e.i", "v"], 1).unwrap();
        let samples = network.build(1).unwrap().run_for(0.2).unwrap().samples;
        (samples[0].clone(), samples[1].clone())
    };
    assert!(i[1] > 0.0 && i[1].fract() == 0.0, "the first step does not end with a whole number of events: {i:?}");
    assert!(v[1] == 0.0 && v[2] > 0.0);
}

#[test]
fn point_3_a_refractory_neuron_keeps_v_at_reset_and_loses_jumps_while_other_receptors_go_on() {
    let mut network = neuron(2.0);
    network.initial("N", "v", 11.0).unwrap();
    add_event(&mut network, "S", "d", 3.0, 0.5);
    add_event(&mut network, "T", "e", 4.0, 0.5);
    network.input("pulse", "N", None, "charge_pulse", &values([("charge", 3.0)])).unwrap();
    pulse_at(&mut network, &[10]);
    network.trace("N", 1, &["v", "e.i"], 1).unwrap();
    let batch = network.build(1).unwrap().run_for(3.0).unwrap();
    assert_eq!(batch.spikes[0].ticks, [1]);
    let (v, i) = (&batch.samples[0], &batch.samples[1]);
    // The reset is at tick 1. The refractory time is 20 steps of 0.1 ms.
    assert!(v[1..=21].iter().all(|&v| v == 2.0), "{v:?}");
    assert!(v[22] != 2.0);
    assert_close(i[6], 4.0, 1e-6, "the exponential receptor receives its event");
    assert_close(i[16], 4.0 * (-1.0_f64 / 5.0).exp(), 1e-6, "the synaptic current decays as usual");
}

#[test]
fn point_3_refractory_time_is_rounded_to_the_nearest_step_and_may_be_zero() {
    for (t_ref, refractory_steps) in [(0.0, 0), (0.04, 0), (0.06, 1), (0.1, 1), (0.24, 2), (0.26, 3)] {
        let mut network = neuron(t_ref);
        network.initial("N", "v", 11.0).unwrap();
        let v = trace(network, "v", 1.0).values;
        let steps_at_reset = v[2..].iter().take_while(|&&v| v == 2.0).count();
        assert_eq!(steps_at_reset, refractory_steps, "t_ref {t_ref} ms");
    }
    // Without refractory time a neuron can spike in consecutive steps.
    let mut network = neuron(0.0);
    network.input("drive", "N", None, "current", &values([("amplitude", 5000.0)])).unwrap();
    assert_eq!(trace(network, "v", 0.5).spikes, [1, 2, 3, 4, 5]);
}

#[test]
fn point_4_reaching_the_threshold_is_a_spike_stamped_with_the_end_of_the_step_and_reset_follows_at_once() {
    let mut network = neuron(0.0);
    add_event(&mut network, "S", "d", 10.0, 0.4);
    let trace = trace(network, "v", 1.0);
    // V reaches the threshold exactly: 10 mV is a whole number of quanta.
    assert_eq!(trace.spikes, [5]);
    assert_eq!((trace.values[4], trace.values[5]), (0.0, 2.0));
}

#[test]
fn row_0_of_a_trace_is_the_state_at_the_start() {
    let mut network = neuron(0.0);
    network.initial("N", "v", 7.0).unwrap();
    let values = trace(network, "v", 1.0).values;
    assert_eq!((values.len(), values[0]), (11, 7.0));
}

#[test]
fn delays_are_rounded_to_the_grid_and_at_least_one_step() {
    for (delay, steps) in [(0.1, 1), (0.14, 1), (0.16, 2), (1.5, 15)] {
        let mut network = neuron(0.0);
        add_event(&mut network, "S", "d", 3.0, delay);
        let v = trace(network, "v", 3.0).values;
        assert_eq!(v.iter().position(|&v| v > 0.0), Some(1 + steps), "delay {delay} ms");
    }
}

#[test]
fn white_noise_is_constant_over_a_step_with_the_variance_that_makes_the_free_membrane_exact() {
    // sigma is 3 mV, so the stationary variance is sigma²/2 = 4.5 mV². Its estimate from 4000 neurons has a relative
    // standard error of √(2/4000) = 2.2 %. The tolerance is 5 standard errors: a false alarm of 6e-7 per check.
    let mut network = Network::new(1.0, 1);
    network.population("N", 4000, "passive", &values([("tau_m", 10.0)])).unwrap();
    network.input("noise", "N", None, "white_noise", &values([("mean", 2.0), ("sigma", 3.0)])).unwrap();
    let mut simulation = network.build(2).unwrap();
    for (time, part) in [(1.0_f64, 1.0), (4.0, 4.0), (100.0, 104.0)] {
        simulation.run_for(time).unwrap();
        let v = simulation.get("N", "v").unwrap();
        let mean = v.iter().sum::<f64>() / 4000.0;
        let variance = v.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 3999.0;
        // The time since the start: 1, 5 and 105 ms.
        let now = if part == 1.0 {
            1.0
        } else if part == 4.0 {
            5.0
        } else {
            105.0
        };
        let expected = 4.5 * (1.0 - (-2.0 * now / 10.0_f64).exp());
        assert!((variance / expected - 1.0).abs() < 0.112, "variance {variance} at {now} ms, expected {expected}");
        let expected_mean = 2.0 * (1.0 - (-now / 10.0_f64).exp());
        let tolerance = 5.0 * (expected / 4000.0).sqrt();
        assert!((mean - expected_mean).abs() < tolerance, "mean {mean} at {now} ms, expected {expected_mean}");
    }
}
