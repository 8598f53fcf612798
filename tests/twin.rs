//! Random small networks against a twin that knows nothing of how the engine does it: one neuron after the other, one step
//! after the other, from the equations on the models' pages and the step contract (engine/src/time_loop.rs). What a
//! current does to a membrane within a step is integrated numerically. Spikes must be the same, variables the same to 1e-9.
//!
//! Without chance but for the network itself, whose synapses are read back. A spike that the twin sees within 1e-9 of its
//! threshold ends a comparison; of 60 networks none does.

use lapicque_engine::plan::Network;
use lapicque_engine::plan::{Plan, Rule, Trace, Value};
use lapicque_engine::run::Batch;
use lapicque_engine::run::{Options, Simulation, Synapse};
use lapicque_models::numerics::random::{Purpose, Stream};

const STEPS: usize = 400;

struct Receptor {
    name: String,
    kind: &'static str,
    tau: f64,
}

/// A population whose neurons are alike; in voltage form `c` is `tau`.
struct Population {
    kind: &'static str,
    size: usize,
    tau: f64,
    c: f64,
    rest: f64,
    /// Threshold or peak.
    threshold: f64,
    reset: f64,
    soft: f64,
    slope: f64,
    refractory: usize,
    receptors: Vec<Receptor>,
}

/// A current or pulses, in the unit of the membrane or in mV, onto a range of a population's neurons.
struct Drive {
    population: usize,
    neurons: std::ops::Range<usize>,
    amount: f64,
    in_mv: bool,
    window: std::ops::Range<u64>,
    /// Ticks of pulses; a current has none.
    pulses: Vec<u64>,
}

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

/// Mean of `f` over [0, dt], by Gauss and Legendre's rule with five points on 8 pieces.
fn mean(dt: f64, f: impl Fn(f64) -> f64) -> f64 {
    const POINTS: [(f64, f64); 5] = [
        (0.0, 0.568_888_888_888_888_9),
        (0.538_469_310_105_683_1, 0.478_628_670_499_366_47),
        (-0.538_469_310_105_683_1, 0.478_628_670_499_366_47),
        (0.906_179_845_938_664, 0.236_926_885_056_189_08),
        (-0.906_179_845_938_664, 0.236_926_885_056_189_08),
    ];
    let piece = |k: usize| POINTS.map(|(x, w)| w * f(dt * (k as f64 + 0.5 + 0.5 * x) / 8.0)).iter().sum::<f64>();
    (0..8).map(piece).sum::<f64>() / 16.0
}

/// State of a neuron: V, then what each receptor has (i; for alpha i and x), and the steps for which it stays refractory.
#[derive(Clone, Debug, PartialEq)]
struct State {
    v: f64,
    receptors: Vec<[f64; 2]>,
    refractory: usize,
}

impl Population {
    /// V after a step under a constant current and those of the receptors.
    fn advance(&self, dt: f64, state: &State, current: f64) -> f64 {
        let resistance = self.tau / self.c;
        // The receptors' current at u within the step.
        let flowing = |u: f64| {
            let each = self.receptors.iter().zip(&state.receptors).filter(|(r, _)| r.kind != "delta");
            each.map(|(r, [i, x])| (-u / r.tau).exp() * (i + x * u / r.tau)).sum::<f64>()
        };
        if self.kind != "eif" {
            let held = self.rest + resistance * current;
            let more = dt / self.c * mean(dt, |u| (-(dt - u) / self.tau).exp() * flowing(u));
            return held + (state.v - held) * (-dt / self.tau).exp() + more;
        }
        let held = self.rest + resistance * (current + mean(dt, flowing));
        let half = |v: f64| held + (v - held) * (-0.5 * dt / self.tau).exp();
        let v = half(state.v).min(self.threshold);
        let left = 1.0 - dt / self.tau * ((v - self.soft) / self.slope).exp();
        let flown = if left > 0.0 { v - self.slope * left.ln() } else { f64::INFINITY };
        if flown < self.threshold { half(flown) } else { self.threshold }
    }

    /// One step of a neuron, and how far V is from the threshold at its end; at or above it the neuron spikes.
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

/// A population and its receptors, added to the network.
fn population(draws: &mut Draws, n: &mut Network, index: usize) -> Population {
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
        soft: rest + 10.0,
        slope: [0.01, 0.5, 2.0][draws.below(3)],
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
        "eif" => fields.extend([("v_peak", p.threshold), ("v_T", p.soft), ("delta_T", p.slope)]),
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

/// A current or pulses onto a part of a population, added to the network.
fn drive(draws: &mut Draws, n: &mut Network, populations: &[Population], index: usize) -> Drive {
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
    let drive = Drive {
        population,
        neurons: first..first + 1 + draws.below(p.size - first),
        amount: mv * unit,
        in_mv,
        window: [0..u64::MAX, start..start + 100][draws.below(2)].clone(),
        pulses: if pulses { ticks } else { Vec::new() },
    };
    let (kind, field) = if pulses { ("charge_pulse", "charge") } else { ("current", "amplitude") };
    n.input(&format!("i{index}"), &format!("P{population}"), None, kind, &[(field, drive.amount.into())]).unwrap();
    let input = n.plan_mut().inputs.last_mut().unwrap();
    input.to.neurons = drive.neurons.start as u32..drive.neurons.end as u32;
    input.drive_in_mv = in_mv;
    (input.start, input.stop) = (drive.window.start, drive.window.end);
    input.times = drive.pulses.iter().map(|tick| tick - 1).collect();
    drive
}

/// A projection between populations that can be connected, added to the network.
fn project(draws: &mut Draws, n: &mut Network, populations: &[Population]) {
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

/// The neurons of each population.
type States = Vec<Vec<State>>;

/// The twin of a network.
struct Twin<'a> {
    dt: f64,
    populations: &'a [Population],
    drives: &'a [Drive],
    synapses: &'a [Synapse],
}

impl Twin<'_> {
    /// The states of all neurons at each tick, by population, and its spikes as (tick, neuron). Ends before a tick at which a
    /// neuron is so near its threshold that nobody knows.
    fn run(&self, start: States) -> (Vec<States>, Vec<Vec<(u64, u32)>>) {
        let mut states = start;
        let mut rows = vec![states.clone()];
        let mut spikes: Vec<Vec<(u64, u32)>> = vec![Vec::new(); self.populations.len()];
        let steps = |s: &Synapse| (s.delay / self.dt).round() as u64;
        for tick in 1..=STEPS as u64 {
            let mut close = false;
            let before = spikes.clone();
            for (index, p) in self.populations.iter().enumerate() {
                let mut events = vec![vec![0.0; p.receptors.len()]; p.size];
                for s in self.synapses.iter().filter(|s| s.target.0 == index && steps(s) < tick) {
                    if before[s.source.0].binary_search(&(tick - steps(s), s.source.1)).is_ok() {
                        events[s.target.1 as usize][s.receptor] += s.weight;
                    }
                }
                for (neuron, events) in events.iter().enumerate() {
                    let (mut current, mut jump) = (0.0, 0.0);
                    for d in self.drives.iter().filter(|d| d.population == index && d.neurons.contains(&neuron)) {
                        if d.pulses.is_empty() {
                            let active = d.window.contains(&(tick - 1));
                            let amount = if d.in_mv { d.amount * p.c / p.tau } else { d.amount };
                            current += if active { amount } else { 0.0 };
                        } else if d.pulses.contains(&tick) && d.window.contains(&tick) {
                            jump += if d.in_mv || p.c == p.tau { d.amount } else { d.amount / p.c };
                        }
                    }
                    let state = &mut states[index][neuron];
                    let above = p.step(self.dt, state, current, jump, events);
                    close |= above.abs() < 1e-9 && above != 0.0;
                    if above >= 0.0 {
                        (state.v, state.refractory) = (p.reset, p.refractory);
                        spikes[index].push((tick, neuron as u32));
                    }
                }
            }
            if close {
                break;
            }
            rows.push(states.clone());
        }
        (rows, spikes)
    }
}

/// What the engine recorded: of each population the rows of its variables, in the order of its receptors.
struct Recorded<'a> {
    populations: &'a [Population],
    traces: Vec<Vec<&'a Vec<f64>>>,
}

impl<'a> Recorded<'a> {
    fn new(plan: &Plan, populations: &'a [Population], batch: &'a Batch) -> Recorded<'a> {
        let mut samples = batch.samples.iter();
        let of = |trace: &Trace| samples.by_ref().take(trace.variables.len()).collect();
        Recorded { populations, traces: plan.record.traces.iter().map(of).collect() }
    }

    fn state(&self, p: usize, row: usize, neuron: usize) -> State {
        let population = &self.populations[p];
        let mut values = self.traces[p].iter().map(|rows| rows[row * population.size + neuron]);
        let v = values.next().unwrap();
        let receptors = population.receptors.iter().map(|r| match r.kind {
            "exponential" => [values.next().unwrap(), 0.0],
            "alpha" => [values.next().unwrap(), values.next().unwrap()],
            _ => [0.0; 2],
        });
        State { v, receptors: receptors.collect(), refractory: 0 }
    }

    fn start(&self) -> States {
        let of = |(p, population): (usize, &Population)| (0..population.size).map(|i| self.state(p, 0, i)).collect();
        self.populations.iter().enumerate().map(of).collect()
    }

    fn assert_agrees_with(&self, rows: &[States], what: &str) {
        let same = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()));
        for (row, states) in rows.iter().enumerate() {
            for (p, states) in states.iter().enumerate() {
                for (neuron, expected) in states.iter().enumerate() {
                    let got = self.state(p, row, neuron);
                    let mut receptors = expected.receptors.iter().flatten().zip(got.receptors.iter().flatten());
                    let alike = receptors.all(|(a, b)| same(*a, *b)) && same(expected.v, got.v);
                    assert!(alike, "{what}, P{p}, neuron {neuron}, tick {row}: {got:?}, not {expected:?}");
                }
            }
        }
    }
}

#[test]
fn random_networks_do_what_the_pages_say() {
    let (mut ended_early, mut fired, mut synaptic) = (0, 0, 0);
    for case in 0..60 {
        let mut draws = Draws(Stream::new(case, Purpose::Partner, [1, 1]));
        let mut n = Network::new([0.1, 0.05, 0.5][draws.below(3)], case);
        let populations: Vec<Population> = (0..1 + draws.below(3)).map(|i| population(&mut draws, &mut n, i)).collect();
        let drives: Vec<Drive> = (0..1 + draws.below(5)).map(|i| drive(&mut draws, &mut n, &populations, i)).collect();
        (0..draws.below(5)).for_each(|_| project(&mut draws, &mut n, &populations));
        let plan = n.plan_mut().clone();
        let options = Options { threads: 1 + draws.below(3), tiles: draws.below(5), ..Options::default() };
        let mut simulation = Simulation::new(plan.clone(), options).unwrap();
        let mut synapses = Vec::new();
        simulation.each_synapse(|s| synapses.push(s));
        let batch = simulation.run_for(STEPS as f64 * plan.dt).unwrap();
        let recorded = Recorded::new(&plan, &populations, &batch);
        let twin = Twin { dt: plan.dt, populations: &populations, drives: &drives, synapses: &synapses };
        let (rows, spikes) = twin.run(recorded.start());
        ended_early += usize::from(rows.len() <= STEPS);
        for (p, spikes) in spikes.iter().enumerate() {
            let engine = &batch.spikes[p];
            let all = engine.ticks.iter().zip(&engine.neurons).map(|(&tick, &neuron)| (tick, neuron));
            let engine: Vec<(u64, u32)> = all.filter(|spike| spike.0 < rows.len() as u64).collect();
            let twins: Vec<(u64, u32)> = spikes.iter().copied().filter(|spike| spike.0 < rows.len() as u64).collect();
            let differ = engine.iter().zip(&twins).find(|(a, b)| a != b);
            assert!(engine == twins, "network {case}, P{p} ({}): {differ:?}", populations[p].kind);
            fired += twins.len();
        }
        recorded.assert_agrees_with(&rows, &format!("network {case}"));
        synaptic += simulation.synaptic_events();
    }
    assert_eq!(ended_early, 0, "networks with a spike at the very threshold");
    assert!(fired > 5000 && synaptic > 100_000, "{fired} spikes, {synaptic} events");
}
