//! The library used step by step: run for a while, read or change state, parameters and inputs, continue the run.

use crate::common::values;
use lapicque_engine::error::{BuildError, RunError};
use lapicque_engine::plan::Network;
use lapicque_engine::plan::{Rule, Value};
use lapicque_engine::run::Batch;
use lapicque_engine::run::Epoch;
use lapicque_engine::run::Simulation;
use lapicque_models::list::Models;
use std::ops::ControlFlow;

/// Two populations with noise, Poisson input and random connections.
fn network(threads: usize) -> Simulation {
    let mut network = Network::new(0.1, 3);
    for (name, size) in [("E", 700), ("I", 300)] {
        let neuron = [("tau_m", 20.0), ("v_threshold", 20.0), ("v_reset", 10.0), ("t_ref", 2.0)];
        network.population(name, size, "lif", &values(neuron)).unwrap();
        network.receptor(name, "s", "exponential", &values([("tau", 2.0)])).unwrap();
        network.initial(name, "v", Value::uniform(0.0, 20.0)).unwrap();
        network.input("noise", name, None, "white_noise", &values([("mean", 22.0), ("sigma", 2.0)])).unwrap();
    }
    network.input("poisson", "E", Some("s"), "poisson", &values([("rate", 500.0), ("weight", 1.0)])).unwrap();
    network.project("I", "E", "s", Rule::ErdosRenyi(0.2), -1.0, 1.5).unwrap();
    network.project("E", "I", "s", Rule::ErdosRenyi(0.2), 0.5, 1.0).unwrap();
    network.build(threads).unwrap()
}

fn count_spikes(batch: &Batch) -> usize {
    batch.spikes.iter().map(|s| s.ticks.len()).sum()
}

#[test]
fn writing_back_what_was_read_changes_nothing() {
    for threads in [1, 3] {
        let (mut plain, mut touched) = (network(threads), network(threads));
        plain.run_for(30.0).unwrap();
        touched.run_for(30.0).unwrap();
        for (population, variable) in [("E", "v"), ("E", "s.i"), ("I", "v"), ("I", "s.i")] {
            let state = touched.get(population, variable).unwrap();
            touched.set(population, variable, &state).unwrap();
        }
        touched.set_parameter("E", "v_threshold", 20.0.into()).unwrap();
        touched.set_input("noise", "sigma", 2.0.into()).unwrap();
        touched.set_input("poisson", "rate", 500.0.into()).unwrap();
        let (a, b) = (plain.run_for(70.0).unwrap(), touched.run_for(70.0).unwrap());
        assert!(count_spikes(&a) > 500);
        assert_eq!(a, b, "{threads} threads");
    }
}

/// A synaptic current that has decayed to a negligible value is set to zero. Changes of parameters do not change the
/// step in which this happens.
#[test]
fn negligible_currents_become_zero_in_the_same_step_whatever_parameters_are_changed() {
    let build_silent = || {
        let mut network = Network::new(0.1, 3);
        let neuron = [("tau_m", 20.0), ("v_threshold", 20.0), ("v_reset", 10.0), ("t_ref", 2.0)];
        network.population("S", 5, "lif", &values(neuron)).unwrap();
        network.receptor("S", "s", "exponential", &values([("tau", 0.5)])).unwrap();
        let mut simulation = network.build(1).unwrap();
        simulation.set("S", "s.i", &[1.0; 5]).unwrap();
        simulation
    };
    let (mut plain, mut touched) = (build_silent(), build_silent());
    let mut last = vec![1.0; 5];
    for step in 1..=500 {
        for simulation in [&mut plain, &mut touched] {
            simulation.run_for(0.1).unwrap();
        }
        last = plain.get("S", "s.i").unwrap();
        assert_eq!(last, touched.get("S", "s.i").unwrap(), "step {step}");
        if step % 7 == 3 {
            touched.set_parameter("S", "v_threshold", 20.0.into()).unwrap();
        }
    }
    // Without this rule the current would be 4e-44.
    assert_eq!(last, [0.0; 5]);
}

#[test]
fn state_parameters_and_inputs_act_from_the_next_step_on() {
    let mut simulation = network(2);
    simulation.run_for(20.0).unwrap();
    simulation.set("E", "v", &vec![25.0; 700]).unwrap();
    let batch = simulation.run_for(0.1).unwrap();
    assert!(
        batch.spikes[0].ticks.len() > 600,
        "all neurons that are not refractory spike: {}",
        batch.spikes[0].ticks.len()
    );
    assert!(batch.spikes[0].ticks.iter().all(|&tick| tick == 201));

    simulation.set_parameter("E", "v_threshold", 1e6.into()).unwrap();
    simulation.set_parameter("I", "v_threshold", 1e6.into()).unwrap();
    assert_eq!(count_spikes(&simulation.run_for(50.0).unwrap()), 0, "no neuron reaches such a threshold");

    simulation.set_input("noise", "sigma", 0.0.into()).unwrap();
    simulation.set_input("noise", "mean", 7.0.into()).unwrap();
    simulation.set_input("poisson", "rate", 0.0.into()).unwrap();
    simulation.run_for(800.0).unwrap();
    let v = simulation.get("E", "v").unwrap();
    assert!(v.iter().all(|v| (v - 7.0).abs() < 1e-9), "the potential settles at the new mean");
}

#[test]
fn refused_changes_leave_the_network_as_it_was() {
    let (mut plain, mut touched) = (network(2), network(2));
    let refused = [
        touched.set_parameter("E", "v_reset", 30.0.into()),
        touched.set_parameter("E", "tau_m", (-1.0).into()),
        touched.set_parameter("E", "tau", 1.0.into()),
        touched.set_parameter("X", "tau_m", 1.0.into()),
        touched.set_input("noise", "sigma", (-1.0).into()),
        touched.set_input("nothing", "sigma", 1.0.into()),
        touched.set("E", "v", &[1.0]),
        touched.set("E", "v", &vec![f64::NAN; 700]),
        touched.set("E", "w", &vec![0.0; 700]),
    ];
    for result in refused {
        let message = result.expect_err("refused").to_string();
        assert!(message.len() > 20, "{message}");
    }
    assert_eq!(plain.run_for(50.0).unwrap(), touched.run_for(50.0).unwrap());
}

#[test]
fn an_error_about_an_unknown_name_lists_the_known_names() {
    let simulation = network(1);
    match simulation.get("E", "u").expect_err("no such variable") {
        BuildError::Unknown { name, known, .. } => assert_eq!((&*name, &*known), ("u", "v, s.i")),
        other => panic!("{other}"),
    }
}

#[test]
fn an_observer_sees_every_step_once_and_may_break_off() {
    let mut simulation = network(3);
    let (mut seen, mut count) = (Vec::new(), 0);
    simulation
        .run(200, &mut |epoch: &Epoch<'_>| {
            seen.extend(epoch.ticks.clone());
            count += epoch.ticks.clone().map(|tick| epoch.spikes(tick).neurons.len()).sum::<usize>();
            if *epoch.ticks.end() >= 100 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    // The shortest delay is 10 steps, so an epoch has 5 steps. The run ends four epochs after the observer breaks off.
    assert_eq!(seen, (1..=120).collect::<Vec<u64>>());
    assert_eq!(simulation.tick(), 120);
    let mut whole = network(1);
    assert_eq!(count_spikes(&whole.run_for(12.0).unwrap()), count);
    assert_eq!(simulation.run_for(38.0).unwrap(), whole.run_for(38.0).unwrap(), "the simulation continues from there");
    assert_eq!(simulation.synaptic_events(), whole.synaptic_events());
}

#[test]
fn a_panic_in_one_worker_ends_the_run_and_no_other_worker_waits_forever() {
    for threads in [1, 3] {
        let ended = network(threads).run(200, &mut |epoch: &Epoch<'_>| {
            assert!(*epoch.ticks.end() < 50, "enough seen");
            ControlFlow::Continue(())
        });
        match ended {
            Err(RunError::Worker(text)) => assert!(text.contains("enough seen"), "{text}"),
            Ok(()) => panic!("{threads} threads: no error"),
        }
    }
}

/// Runs 50 ms and returns the mean synaptic current of E.
fn mean_current(simulation: &mut Simulation) -> f64 {
    simulation.run_for(50.0).unwrap();
    let currents = simulation.get("E", "s.i").unwrap();
    currents.iter().sum::<f64>() / currents.len() as f64
}

#[test]
fn an_input_may_change_as_long_as_its_sums_cannot_overflow() {
    let mut simulation = network(2);
    simulation.set_parameter("E", "v_threshold", 1e9.into()).unwrap();
    simulation.set_input("noise", "mean", 0.0.into()).unwrap();
    simulation.set_input("noise", "sigma", 0.0.into()).unwrap();
    // 40 events per step, 800 times the rate that the network was built with. Their current decays with a time constant
    // of 2 ms. The tolerance is six standard deviations of the mean over 700 neurons, exceeded by chance with
    // probability 2e-9.
    simulation.set_input("poisson", "rate", 400e3.into()).unwrap();
    let decay = (-0.1f64 / 2.0).exp();
    let (expected, variance) = (40.0 / (1.0 - decay), 40.0 / (1.0 - decay * decay));
    let mean = mean_current(&mut simulation);
    assert!((mean - expected).abs() < 6.0 * (variance / 700.0).sqrt(), "{mean}, {expected} expected");
    for (field, value, reason) in [
        ("rate", 4e6, "input poisson: its events may sum up to more than the network was built for"),
        ("weight", 1e5, "input poisson: its events may sum up to more than the network was built for"),
        ("weight", 1e-5, "1.2 % would be lost by rounding; build the network with this weight"),
    ] {
        let refusal = simulation.set_input("poisson", field, value.into()).unwrap_err().to_string();
        assert!(refusal.contains(reason), "{refusal}");
    }
    // The refused changes have no effect.
    let mean = mean_current(&mut simulation);
    assert!((mean - expected).abs() < 6.0 * (variance / 700.0).sqrt(), "{mean}, {expected} expected");
    simulation.set_input("poisson", "weight", 0.5.into()).unwrap();
    let mean = mean_current(&mut simulation);
    // With half the weight the standard deviation is half as large, so this is again six standard deviations.
    assert!((mean - 0.5 * expected).abs() < 3.0 * (variance / 700.0).sqrt(), "{mean}, half of {expected} expected");
    simulation.set_input("poisson", "weight", 0.0.into()).unwrap();
    assert!(mean_current(&mut simulation) < 1e-6 * expected);
}

#[test]
fn events_much_larger_than_synapses_are_summed_in_64_bits() {
    let mut network = Network::new(0.1, 3);
    network.population("E", 700, "lif", &values([("tau_m", 20.0), ("v_threshold", 1e9), ("v_reset", 0.0)])).unwrap();
    network.receptor("E", "s", "exponential", &values([("tau", 2.0)])).unwrap();
    network.project("E", "E", "s", Rule::ErdosRenyi(0.2), 1e-3, 1.5).unwrap();
    let small = lapicque_engine::build::preview(network.plan_mut(), &Models::standard()).unwrap();
    network.input("poisson", "E", Some("s"), "poisson", &values([("rate", 20e3), ("weight", 1e3)])).unwrap();
    let large = lapicque_engine::build::preview(network.plan_mut(), &Models::standard()).unwrap();
    assert!(!small.wide && large.wide, "{small:?}, {large:?}");
    let mut simulation = network.build(2).unwrap();
    let decay = (-0.1f64 / 2.0).exp();
    let (expected, variance) = (2e3 / (1.0 - decay), 2e6 / (1.0 - decay * decay));
    let mean = mean_current(&mut simulation);
    assert!((mean - expected).abs() < 6.0 * (variance / 700.0).sqrt(), "{mean}, {expected} expected");
    // The sums could hold this weight, but a single weight has 32 bits.
    let refusal = simulation.set_input("poisson", "weight", 1100.0.into()).unwrap_err().to_string();
    assert!(refusal.contains("more than the network was built for"), "{refusal}");
}

#[test]
fn an_input_acts_on_the_membrane_or_a_receptor_as_its_model_requires() {
    let with = |receptor: Option<&str>, kind: &str, parameters: &[(&str, f64)]| {
        let mut network = Network::new(0.1, 3);
        network.population("E", 3, "lif", &values([("tau_m", 20.0), ("v_threshold", 20.0), ("v_reset", 0.0)])).unwrap();
        network.receptor("E", "s", "exponential", &values([("tau", 2.0)])).unwrap();
        let parameters: Vec<_> = parameters.iter().map(|&(name, value)| (name, value.into())).collect();
        network.input("x", "E", receptor, kind, &parameters).unwrap();
        network
    };
    let refusal = |network: Network| network.build(2).err().expect("it is refused").to_string();
    let poisson = [("rate", 10.0), ("weight", 1.0)];
    let text = refusal(with(None, "poisson", &poisson));
    assert_eq!(text, "input x: \"poisson\" acts on a receptor; name one");
    let text = refusal(with(Some("s"), "current", &[("amplitude", 1.0)]));
    assert_eq!(text, "input x: \"current\" acts on the membrane, not on a receptor");
    for (given, reason) in [
        ([Some(10.0.into()), None], "input x: weight = NaN"),
        ([Some(Value::uniform(1.0, 2.0)), Some(1.0.into())], "input x: rate is one value for all neurons"),
        ([Some(1e9.into()), Some(1.0.into())], "at most 8000 are possible"),
    ] {
        let mut network = with(Some("s"), "poisson", &poisson);
        network.plan_mut().inputs[0].model.values = given.to_vec();
        let text = refusal(network);
        assert!(text.contains(reason), "{text}");
    }
    for times in [vec![3, 3], vec![3, 2]] {
        let mut network = with(None, "charge_pulse", &[("charge", 1.0)]);
        network.plan_mut().inputs[0].times = times;
        assert_eq!(refusal(network), "input x: times of pulses must ascend, and each must occur once");
    }
}
