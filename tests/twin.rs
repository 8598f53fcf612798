//! Random small networks, simulated a second time by a naive program (the twin) and compared.
//!
//! The twin updates one neuron after the other and one step after the other. It follows the equations on the models'
//! pages and the step contract (`models/src/population/fused.rs`). The effect of a synaptic current on V within a step
//! is integrated numerically. Spikes must be the same, and variables must agree to 1e-9.
//!
//! Networks are drawn at random, but no input is random. The twin reads the synapses and the initial state from the
//! engine. If V comes within 1e-9 of the threshold, rounding decides about the spike, and the comparison of this
//! network ends there. This happens in none of the 60 networks.

use lapicque_engine::plan::Network;
use lapicque_engine::plan::{Plan, Rule, Trace, Value};
use lapicque_engine::run::Batch;
use lapicque_engine::run::{Options, Simulation, Synapse};
use lapicque_models::numerics::random::{Purpose, Stream};

const STEPS: usize = 400;

/// A receptor; `tau` in ms (not used by a delta receptor).
struct Receptor {
    name: String,
    kind: &'static str,
    tau: f64,
}

/// A population of equal neurons. Times in ms, potentials in mV. In voltage form `c` equals `tau`.
struct Population {
    kind: &'static str,
    size: usize,
    tau: f64,
    c: f64,
    rest: f64,
    /// Threshold; for eif the peak.
    threshold: f64,
    reset: f64,
    /// v_T and delta_T of eif.
    v_t: f64,
    delta_t: f64,
    /// Refractory time in steps.
    refractory: usize,
    receptors: Vec<Receptor>,
}

/// A constant current or charge pulses onto a range of neurons of a population.
struct Input {
    population: usize,
    neurons: std::ops::Range<usize>,
    /// The current or the charge, in the unit of the membrane, or in mV if `in_mv`.
    amount: f64,
    in_mv: bool,
    /// The steps in which a current is active; the ticks at which pulses are allowed.
    window: std::ops::Range<u64>,
    /// Ticks of the pulses. Empty for a current.
    pulses: Vec<u64>,
}

/// Random numbers from which a network is drawn.
struct Draws(Stream);

impl Draws {
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.uniform()
    }
    fn below(&mut self, n: usize) -> usize {
        self.0.below(n as u64) as usize
    }
    fn chance(&mut self, p: f64) -> bool {
        self.0.uniform() < p
    }
}

/// Mean of `f` over [0, dt], by Gauss-Legendre quadrature with five points in each of 8 intervals.
fn mean(dt: f64, f: impl Fn(f64) -> f64) -> f64 {
    const POINTS: [(f64, f64); 5] = [
        (0.0, 0.568_888_888_888_888_9),
        (0.538_469_310_105_683_1, 0.478_628_670_499_366_47),
        (-0.538_469_310_105_683_1, 0.478_628_670_499_366_47),
        (0.906_179_845_938_664, 0.236_926_885_056_189_08),
        (-0.906_179_845_938_664, 0.236_926_885_056_189_08),
    ];
    let interval = |k: usize| POINTS.map(|(x, w)| w * f(dt * (k as f64 + 0.5 + 0.5 * x) / 8.0)).iter().sum::<f64>();
    (0..8).map(interval).sum::<f64>() / 16.0
}

/// State of a neuron.
#[derive(Clone, Debug, PartialEq)]
struct State {
    v: f64,
    /// The variables i and x of each receptor. Only alpha uses x. A delta receptor uses neither.
    receptors: Vec<[f64; 2]>,
    /// Remaining refractory steps.
    refractory: usize,
}

impl Population {
    /// V after one step under a constant current and the currents of the receptors, without jumps.
    fn advance(&self, dt: f64, state: &State, current: f64) -> f64 {
        let resistance = self.tau / self.c;
        // The sum of the receptors' currents at time u of the step.
        let synaptic = |u: f64| {
            let each = self.receptors.iter().zip(&state.receptors).filter(|(r, _)| r.kind != "delta");
            each.map(|(r, [i, x])| (-u / r.tau).exp() * (i + x * u / r.tau)).sum::<f64>()
        };
        if self.kind != "eif" {
            let steady = self.rest + resistance * current;
            let from_synapses = dt / self.c * mean(dt, |u| (-(dt - u) / self.tau).exp() * synaptic(u));
            return steady + (state.v - steady) * (-dt / self.tau).exp() + from_synapses;
        }
        // The scheme of eif: half a step of leak, a step of the exponential term, half a step of leak.
        let steady = self.rest + resistance * (current + mean(dt, synaptic));
        let half_leak = |v: f64| steady + (v - steady) * (-0.5 * dt / self.tau).exp();
        let v = half_leak(state.v).min(self.threshold);
        let argument = 1.0 - dt / self.tau * ((v - self.v_t) / self.delta_t).exp();
        let risen = if argument > 0.0 { v - self.delta_t * argument.ln() } else { f64::INFINITY };
        if risen < self.threshold { half_leak(risen) } else { self.threshold }
    }

    /// Updates a neuron by one step. Returns V minus the threshold at the end of the step: the neuron spikes if this is
    /// not negative. The result is −∞ for a neuron that cannot spike.
    fn step(&self, dt: f64, state: &mut State, current: f64, jump: f64, events: &[f64]) -> f64 {
        let v = self.advance(dt, state, current) + jump;
        for ((r, [i, x]), &event) in self.receptors.iter().zip(&mut state.receptors).zip(events) {
            let decay = (-dt / r.tau).exp();
            (*i, *x) = (decay * (*i + *x * dt / r.tau), decay * *x);
            match r.kind {
                "exponential" => *i += event,
                "alpha" => *x += std::f64::consts::E * event,
                _ => {}
            }
        }
        let jumps = self.receptors.iter().zip(events).filter(|(r, _)| r.kind == "delta").map(|(_, event)| event);
        if state.refractory > 0 {
            state.refractory -= 1;
            return f64::NEG_INFINITY;
        }
        state.v = v + jumps.sum::<f64>();
        if self.kind == "passive" { f64::NEG_INFINITY } else { state.v - self.threshold }
    }
}

/// Draws a population with its receptors and adds it to the network.
fn add_population(draws: &mut Draws, n: &mut Network, index: usize) -> Population {
    let dt = n.plan_mut().dt;
    let kind = ["passive", "lif", "lif", "eif"][draws.below(4)];
    let (tau, rest) = (draws.between(2.0, 30.0), [0.0, -65.0][draws.below(2)]);
    let voltage = draws.chance(0.5);
    let p = Population {
        kind,
        size: [1, 2, 17, 40, 257][draws.below(5)],
        tau,
        c: if voltage { tau } else { draws.between(50.0, 400.0) },
        rest,
        threshold: rest + if kind == "eif" { 25.0 } else { 12.0 },
        reset: rest + draws.between(-5.0, 5.0),
        v_t: rest + 10.0,
        delta_t: [0.01, 0.5, 2.0][draws.below(3)],
        refractory: [0, 1, 7, STEPS + 1][draws.below(4)],
        receptors: (0..draws.below(4))
            .map(|r| Receptor {
                name: format!("r{r}"),
                kind: ["delta", "exponential", "alpha"][draws.below(3)],
                tau: [draws.between(0.3, 20.0), tau][draws.below(2)],
            })
            .collect(),
    };
    let mut fields = vec![("tau_m", p.tau), ("E_L", p.rest)];
    if !voltage {
        fields.push(("C", p.c));
    }
    match kind {
        "lif" => fields.push(("v_threshold", p.threshold)),
        "eif" => fields.extend([("v_peak", p.threshold), ("v_T", p.v_t), ("delta_T", p.delta_t)]),
        _ => {}
    }
    if kind != "passive" {
        fields.extend([("v_reset", p.reset), ("t_ref", p.refractory as f64 * dt)]);
    }
    let fields: Vec<(&str, Value)> = fields.into_iter().map(|(name, value)| (name, value.into())).collect();
    let name = format!("P{index}");
    n.population(&name, p.size as u32, kind, &fields).unwrap();
    n.initial(&name, "v", Value::uniform(p.rest - 5.0, p.rest + 11.0)).unwrap();
    let mut variables = vec!["v".to_string()];
    for r in &p.receptors {
        let tau = [("tau", r.tau.into())];
        n.receptor(&name, &r.name, r.kind, if r.kind == "delta" { &[] } else { &tau }).unwrap();
        let own = match r.kind {
            "exponential" => &["i"][..],
            "alpha" => &["i", "x"],
            _ => &[],
        };
        variables.extend(own.iter().map(|variable| format!("{}.{variable}", r.name)));
    }
    for variable in &variables[1..] {
        n.initial(&name, variable, Value::normal(0.0, 2.0 * p.c / p.tau)).unwrap();
    }
    n.trace(&name, p.size as u32, &variables.iter().map(String::as_str).collect::<Vec<_>>(), 1).unwrap();
    p
}

/// Draws a current or pulses onto a part of a population and adds them to the network.
fn add_input(draws: &mut Draws, n: &mut Network, populations: &[Population], index: usize) -> Input {
    let population = draws.below(populations.len());
    let p = &populations[population];
    let (pulses, in_mv) = (draws.chance(0.4), draws.chance(0.5));
    let (first, start) = (draws.below(p.size), draws.below(STEPS) as u64);
    let mv = draws.between(5.0, 20.0);
    let unit = match (in_mv, pulses) {
        (true, _) => 1.0,
        (false, _) if p.c == p.tau => 1.0,
        (false, true) => p.c,
        (false, false) => p.c / p.tau,
    };
    let mut ticks: Vec<u64> = (0..20).map(|_| 1 + draws.below(STEPS) as u64).collect();
    ticks.sort_unstable();
    ticks.dedup();
    let input = Input {
        population,
        neurons: first..first + 1 + draws.below(p.size - first),
        amount: mv * unit,
        in_mv,
        window: [0..u64::MAX, start..start + 100][draws.below(2)].clone(),
        pulses: if pulses { ticks } else { Vec::new() },
    };
    let (kind, field) = if pulses { ("charge_pulse", "charge") } else { ("current", "amplitude") };
    n.input(&format!("i{index}"), &format!("P{population}"), None, kind, &[(field, input.amount.into())]).unwrap();
    let planned = n.plan_mut().inputs.last_mut().unwrap();
    planned.to.neurons = input.neurons.start as u32..input.neurons.end as u32;
    planned.drive_in_mv = in_mv;
    (planned.start, planned.stop) = (input.window.start, input.window.end);
    planned.times = input.pulses.iter().map(|tick| tick - 1).collect();
    input
}

/// Draws a projection between two populations and adds it to the network. Adds nothing if the target has no receptor.
fn add_projection(draws: &mut Draws, n: &mut Network, populations: &[Population]) {
    let (from, to) = (draws.below(populations.len()), draws.below(populations.len()));
    let p = &populations[to];
    let Some(r) = p.receptors.get(draws.below(p.receptors.len().max(1))) else { return };
    let rule = match draws.below(4) {
        0 => Rule::AllToAll,
        1 => Rule::ErdosRenyi(0.2),
        2 => Rule::FixedInDegree(5),
        _ => Rule::FixedTotalNumber(200),
    };
    let size = draws.between(-1.0, 1.0) * if r.kind == "delta" { 1.0 } else { 5.0 * p.c / p.tau };
    let weight = [Value::Constant(size), Value::lognormal(size, size.abs())][draws.below(2)];
    let dt = n.plan_mut().dt;
    let delay =
        [Value::Constant(dt * (1 + draws.below(30)) as f64), Value::normal(10.0 * dt, 8.0 * dt)][draws.below(2)];
    n.project(&format!("P{from}"), &format!("P{to}"), &r.name, rule, weight, delay).unwrap();
}

/// The states of all neurons of each population.
type States = Vec<Vec<State>>;

/// The naive simulation of a network.
struct Twin<'a> {
    dt: f64,
    populations: &'a [Population],
    inputs: &'a [Input],
    synapses: &'a [Synapse],
}

impl Twin<'_> {
    /// Simulates from the state `start`. Returns the states at each tick, and the spikes of each population as (tick,
    /// neuron). Ends before a tick at which V of a neuron is within 1e-9 of the threshold.
    fn run(&self, start: States) -> (Vec<States>, Vec<Vec<(u64, u32)>>) {
        let mut states = start;
        let mut states_by_tick = vec![states.clone()];
        let mut spikes: Vec<Vec<(u64, u32)>> = vec![Vec::new(); self.populations.len()];
        let steps = |s: &Synapse| (s.delay / self.dt).round() as u64;
        for tick in 1..=STEPS as u64 {
            let mut undecided = false;
            let earlier_spikes = spikes.clone();
            for (index, p) in self.populations.iter().enumerate() {
                let mut events = vec![vec![0.0; p.receptors.len()]; p.size];
                for s in self.synapses.iter().filter(|s| s.target.0 == index && steps(s) < tick) {
                    if earlier_spikes[s.source.0].binary_search(&(tick - steps(s), s.source.1)).is_ok() {
                        events[s.target.1 as usize][s.receptor] += s.weight;
                    }
                }
                for (neuron, events) in events.iter().enumerate() {
                    let (mut current, mut jump) = (0.0, 0.0);
                    let own = |input: &&Input| input.population == index && input.neurons.contains(&neuron);
                    for input in self.inputs.iter().filter(own) {
                        if input.pulses.is_empty() {
                            let active = input.window.contains(&(tick - 1));
                            let amount = if input.in_mv { input.amount * p.c / p.tau } else { input.amount };
                            current += if active { amount } else { 0.0 };
                        } else if input.pulses.contains(&tick) && input.window.contains(&tick) {
                            jump += if input.in_mv || p.c == p.tau { input.amount } else { input.amount / p.c };
                        }
                    }
                    let state = &mut states[index][neuron];
                    let above_threshold = p.step(self.dt, state, current, jump, events);
                    undecided |= above_threshold.abs() < 1e-9 && above_threshold != 0.0;
                    if above_threshold >= 0.0 {
                        (state.v, state.refractory) = (p.reset, p.refractory);
                        spikes[index].push((tick, neuron as u32));
                    }
                }
            }
            if undecided {
                break;
            }
            states_by_tick.push(states.clone());
        }
        (states_by_tick, spikes)
    }
}

/// The traces recorded by the engine.
struct Recorded<'a> {
    populations: &'a [Population],
    /// For each population: V, then the variables of its receptors, at all ticks.
    traces: Vec<Vec<&'a Vec<f64>>>,
}

impl<'a> Recorded<'a> {
    fn new(plan: &Plan, populations: &'a [Population], batch: &'a Batch) -> Recorded<'a> {
        let mut samples = batch.samples.iter();
        let variables = |trace: &Trace| samples.by_ref().take(trace.variables.len()).collect();
        Recorded { populations, traces: plan.record.traces.iter().map(variables).collect() }
    }

    /// The state of a neuron of population `p`. Refractory steps are not recorded and are set to 0.
    fn state(&self, p: usize, tick: usize, neuron: usize) -> State {
        let population = &self.populations[p];
        let mut values = self.traces[p].iter().map(|values| values[tick * population.size + neuron]);
        let v = values.next().unwrap();
        let receptors = population.receptors.iter().map(|r| match r.kind {
            "exponential" => [values.next().unwrap(), 0.0],
            "alpha" => [values.next().unwrap(), values.next().unwrap()],
            _ => [0.0; 2],
        });
        State { v, receptors: receptors.collect(), refractory: 0 }
    }

    /// The states of all neurons at tick 0.
    fn start(&self) -> States {
        let neurons =
            |(p, population): (usize, &Population)| (0..population.size).map(|i| self.state(p, 0, i)).collect();
        self.populations.iter().enumerate().map(neurons).collect()
    }

    /// Compares the recorded states with those of the twin.
    fn assert_agrees_with(&self, states_by_tick: &[States], what: &str) {
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()));
        for (tick, states) in states_by_tick.iter().enumerate() {
            for (p, states) in states.iter().enumerate() {
                for (neuron, expected) in states.iter().enumerate() {
                    let got = self.state(p, tick, neuron);
                    let mut receptors = expected.receptors.iter().flatten().zip(got.receptors.iter().flatten());
                    let agree = receptors.all(|(a, b)| close(*a, *b)) && close(expected.v, got.v);
                    assert!(agree, "{what}, P{p}, neuron {neuron}, tick {tick}: {got:?}, not {expected:?}");
                }
            }
        }
    }
}

#[test]
fn random_networks_agree_with_a_naive_simulation() {
    let (mut ended_early, mut fired, mut events) = (0, 0, 0);
    for case in 0..60 {
        let mut draws = Draws(Stream::new(case, Purpose::Partner, [1, 1]));
        let mut n = Network::new([0.1, 0.05, 0.5][draws.below(3)], case);
        let populations: Vec<Population> =
            (0..1 + draws.below(3)).map(|i| add_population(&mut draws, &mut n, i)).collect();
        let inputs: Vec<Input> =
            (0..1 + draws.below(5)).map(|i| add_input(&mut draws, &mut n, &populations, i)).collect();
        (0..draws.below(5)).for_each(|_| add_projection(&mut draws, &mut n, &populations));
        let plan = n.plan_mut().clone();
        let options = Options { threads: 1 + draws.below(3), tiles: draws.below(5), ..Options::default() };
        let mut simulation = Simulation::new(plan.clone(), options).unwrap();
        let mut synapses = Vec::new();
        simulation.each_synapse(|s| synapses.push(s));
        let batch = simulation.run_for(STEPS as f64 * plan.dt).unwrap();
        let recorded = Recorded::new(&plan, &populations, &batch);
        let twin = Twin { dt: plan.dt, populations: &populations, inputs: &inputs, synapses: &synapses };
        let (states_by_tick, spikes) = twin.run(recorded.start());
        let end = states_by_tick.len() as u64;
        ended_early += usize::from(states_by_tick.len() <= STEPS);
        for (p, spikes) in spikes.iter().enumerate() {
            let engine = &batch.spikes[p];
            let all = engine.ticks.iter().zip(&engine.neurons).map(|(&tick, &neuron)| (tick, neuron));
            let engine: Vec<(u64, u32)> = all.filter(|spike| spike.0 < end).collect();
            let twin: Vec<(u64, u32)> = spikes.iter().copied().filter(|spike| spike.0 < end).collect();
            let difference = engine.iter().zip(&twin).find(|(a, b)| a != b);
            assert!(engine == twin, "network {case}, P{p} ({}): {difference:?}", populations[p].kind);
            fired += twin.len();
        }
        recorded.assert_agrees_with(&states_by_tick, &format!("network {case}"));
        events += simulation.synaptic_events();
    }
    assert_eq!(ended_early, 0, "networks in which V comes within 1e-9 of the threshold");
    assert!(fired > 5000 && events > 100_000, "{fired} spikes, {events} events");
}
