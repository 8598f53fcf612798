//! A network that runs: build it from a plan, run it, read and change its state and parameters, run it further.

use super::batch::Batch;
use super::epoch::{Epoch, Epochs, OBSERVED_STEPS, Observer};
use super::tile::Tile;
use super::time_loop::{self, Channels, LoopSettings, Worker};
use crate::build::{self, Blueprint, estimate};
use crate::error::{BuildError, RunError};
use crate::memory::machine_memory;
use crate::plan::{Network, Plan, Value, check};
use lapicque_models::inputs::Stimulus;
use lapicque_models::list::Models;
use rayon::prelude::*;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

/// How to build a network.
#[derive(Clone)]
pub struct Options {
    /// Number of threads; 0 is refused. Never changes a result.
    pub threads: usize,
    /// Number of tiles. Fewer tiles than threads, such as 0, means one tile per thread. Never changes a result.
    pub tiles: usize,
    /// The models that the plan may use.
    pub models: Models,
    /// Whether common combinations of membrane and receptors are updated in one fused loop. Never changes a result.
    pub fuse: bool,
    /// Number of delays in a band where each synapse has its own weight: a power of two up to 64. 0 means that the
    /// number is chosen from the length of the rows and the size of the tile. Never changes a result.
    pub band: u32,
    /// Whether to build a network that needs more memory than the machine has.
    pub ignore_memory: bool,
}

impl Default for Options {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
        let models = Models::standard();
        Options { threads, tiles: 0, models, fuse: true, band: 0, ignore_memory: false }
    }
}

/// A built network and its state.
pub struct Simulation {
    plan: Plan,
    options: Options,
    blueprint: Blueprint,
    pool: rayon::ThreadPool,
    workers: Vec<Mutex<Worker>>,
    channels: Channels,
    tick: u64,
    epochs: Epochs,
    /// Synaptic events so far.
    events: u64,
    /// Out-degree of each neuron of each population.
    out_degrees: Vec<Vec<u64>>,
}

impl Network {
    /// Builds the network, to run on `threads` threads.
    pub fn build(self, threads: usize) -> Result<Simulation, BuildError> {
        let (plan, models) = self.into_plan();
        Simulation::new(plan, Options { threads, models, ..Options::default() })
    }
}

/// A synapse of a built network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Synapse {
    /// Source population and neuron.
    pub source: (usize, u32),
    /// Target population and neuron.
    pub target: (usize, u32),
    /// Index of the receptor in the target population.
    pub receptor: usize,
    /// Weight in the receptor's unit, as stored: a whole number of quanta.
    pub weight: f64,
    /// Delay in ms.
    pub delay: f64,
}

impl Simulation {
    /// Builds the network of a plan. Refuses 0 threads, a plan that [`check`] refuses, and a network that needs more
    /// memory than the machine has, unless [`Options::ignore_memory`] is set.
    pub fn new(plan: Plan, options: Options) -> Result<Simulation, BuildError> {
        let threads = options.threads;
        if threads == 0 {
            return Err(BuildError::Invalid("0 threads were asked for; at least 1 is needed".into()));
        }
        check(&plan)?;
        let tiles = options.tiles.max(threads);
        let (need, have) = (estimate(&plan, tiles), machine_memory());
        if let Some(have) = have.filter(|&have| need.bytes > have as f64 && !options.ignore_memory) {
            return Err(need.too_large(have));
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("lapicque-{i}"))
            .build()
            .map_err(|e| BuildError::Threads { threads, reason: e.to_string() })?;
        let preparation = pool.install(|| build::prepare(&plan, &options.models, tiles, options.band))?;
        let build = |tile: usize| {
            let synapses = build::tile_synapses(&plan, &preparation, tile)?;
            Tile::new(&plan, &options.models, &preparation.blueprint, tile, synapses, options.fuse)
        };
        // Each worker builds the tiles that it will run: the system places memory near the thread that first writes to
        // it.
        let tiles_of = |worker: usize| tiles * worker / threads..tiles * (worker + 1) / threads;
        let built = pool.broadcast(|context| tiles_of(context.index()).map(build).collect::<Result<Vec<_>, _>>());
        let built = built.into_iter().collect::<Result<Vec<_>, _>>()?;
        let tiles: Vec<&Tile> = built.iter().flatten().collect();
        let delays = tiles.iter().filter_map(|tile| tile.synapses.delays()).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let epochs = Epochs::new(delays.map_or(u32::MAX, |d| d.0));
        // The history spans the longest delay, and at least the steps that the observer is shown at a time. It spans
        // two epochs more, because the observer is shown steps that ended up to two epochs ago.
        let history_steps =
            delays.map_or(0, |d| d.1 as usize).max(OBSERVED_STEPS as usize) + 2 * epochs.steps as usize + 1;
        let widths = tiles.iter().map(|tile| tile.recorded_neurons()).collect();
        let zeros = || plan.populations.iter().map(|p| vec![0; p.size as usize]).collect::<Vec<Vec<u64>>>();
        let degrees_of = |tile: &&Tile| {
            let mut degrees = zeros();
            tile.synapses.add_degrees(&mut degrees);
            degrees
        };
        let add = |mut a: Vec<Vec<u64>>, b: Vec<Vec<u64>>| {
            a.iter_mut().flatten().zip(b.into_iter().flatten()).for_each(|(a, b)| *a += b);
            a
        };
        let out_degrees = pool.install(|| tiles.par_iter().map(degrees_of).reduce(zeros, add));
        let channels = Channels::new(threads, widths);
        let all = tiles.len();
        let worker = |(index, tiles)| Worker::new(tiles, tiles_of(index).start, all, history_steps);
        let workers = built.into_iter().enumerate().map(worker).map(Mutex::new).collect();
        let blueprint = preparation.blueprint;
        Ok(Simulation { plan, options, blueprint, pool, workers, channels, tick: 0, epochs, events: 0, out_degrees })
    }

    /// The plan, with all changes made by [`Simulation::set_parameter`] and [`Simulation::set_input`].
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Time reached, in ms.
    pub fn time(&self) -> f64 {
        self.tick as f64 * self.plan.dt
    }

    /// Number of steps done.
    pub fn tick(&self) -> u64 {
        self.tick
    }

    /// Number of neurons.
    pub fn neurons(&self) -> u64 {
        self.plan.populations.iter().map(|p| u64::from(p.size)).sum()
    }

    /// Number of synapses.
    pub fn synapses(&self) -> u64 {
        self.out_degrees.iter().flatten().sum()
    }

    /// Number of synaptic events so far: every spike counts once for each outgoing synapse of its neuron.
    pub fn synaptic_events(&self) -> u64 {
        self.events
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.options.threads
    }

    /// Bytes of memory held by (synapses, neurons with their inputs and the history of spikes).
    pub fn bytes(&self) -> (usize, usize) {
        let each = self.workers.iter().map(|w| {
            let worker = w.lock().unwrap_or_else(PoisonError::into_inner);
            let tiles = worker.tiles.iter().map(Tile::bytes);
            tiles.fold((0, worker.history.bytes()), |a, b| (a.0 + b.0, a.1 + b.1))
        });
        each.fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    }

    /// Largest rounding error of a weight, relative to the typical weight of its projection or input.
    pub fn weight_rounding(&self) -> f64 {
        self.blueprint.rounding.largest
    }

    /// A warning about the rounding of weights, if the largest error ([`Simulation::weight_rounding`]) is above a
    /// hundredth.
    pub fn rounding_warning(&self) -> Option<String> {
        self.blueprint.rounding.warning(&self.plan)
    }

    /// Runs for `duration` ms, rounded to the nearest step. Returns the spikes and samples of this time.
    pub fn run_for(&mut self, duration: f64) -> Result<Batch, RunError> {
        let mut batch = Batch::default();
        let populations = self.plan.populations.len();
        let steps = (duration / self.plan.dt).round() as u64;
        self.run(steps, &mut |epoch: &Epoch<'_>| {
            epoch.append_to(&mut batch, populations);
            ControlFlow::Continue(())
        })?;
        Ok(batch)
    }

    /// Runs `steps` steps and shows all of them to the observer, which can stop the run early.
    pub fn run(&mut self, steps: u64, observer: &mut dyn Observer) -> Result<(), RunError> {
        let mut events = 0;
        let Simulation { pool, workers, plan, channels, out_degrees, blueprint, .. } = self;
        let mut count = |epoch: &Epoch<'_>| {
            for tick in epoch.ticks.clone() {
                for (p, degrees) in out_degrees.iter().enumerate() {
                    events += epoch.spikes(tick).of(p).iter().map(|&n| degrees[n as usize]).sum::<u64>();
                }
            }
            observer.epoch(epoch)
        };
        let settings = LoopSettings { plan, epochs: self.epochs, update_first: blueprint.no_jumps };
        self.tick = time_loop::run(pool, workers, channels, settings, self.tick..self.tick + steps, &mut count)?;
        self.events += events;
        Ok(())
    }

    fn population(&self, name: &str) -> Result<usize, BuildError> {
        find(&self.plan.populations, "population", name, |p| &p.name)
    }

    /// Values of a state variable, `v` or `receptor.variable`, of all neurons of a population. Refuses unknown names.
    pub fn get(&self, population: &str, variable: &str) -> Result<Vec<f64>, BuildError> {
        let p = self.population(population)?;
        let (receptor, index) = build::find_variable(&self.plan.populations[p], variable)?;
        let mut values = Vec::with_capacity(self.plan.populations[p].size as usize);
        for worker in &self.workers {
            for tile in &worker.lock().unwrap_or_else(PoisonError::into_inner).tiles {
                if let Some(neurons) = &tile.neurons[p] {
                    values.extend((0..neurons.len()).map(|i| neurons.get(receptor, index, i)));
                }
            }
        }
        Ok(values)
    }

    /// Sets a state variable, `v` or `receptor.variable`, of all neurons of a population. Refuses unknown names, values
    /// that are not finite, and a number of values other than the number of neurons.
    pub fn set(&mut self, population: &str, variable: &str, values: &[f64]) -> Result<(), BuildError> {
        let p = self.population(population)?;
        let plan = &self.plan.populations[p];
        let (receptor, index) = build::find_variable(plan, variable)?;
        if values.len() != plan.size as usize {
            return Err(BuildError::Invalid(format!(
                "{} values were given for {} neurons of {population}",
                values.len(),
                plan.size
            )));
        }
        if let Some(bad) = values.iter().find(|v| !v.is_finite()) {
            return Err(BuildError::Invalid(format!(
                "{variable} of {population} cannot be {bad}; finite values are needed"
            )));
        }
        for worker in &mut self.workers {
            for tile in &mut worker.get_mut().unwrap_or_else(PoisonError::into_inner).tiles {
                let start = tile.layout.shares[p].neurons.start as usize;
                if let Some(neurons) = &mut tile.neurons[p] {
                    for i in 0..neurons.len() {
                        neurons.set(receptor, index, i, values[start + i]);
                    }
                }
            }
        }
        Ok(())
    }

    /// Changes a parameter of the membrane of a population, in the engine's unit. State variables and the refractory
    /// time left stay as they are. If the value is refused, nothing changes.
    pub fn set_parameter(&mut self, population: &str, field: &str, value: Value) -> Result<(), BuildError> {
        let p = self.population(population)?;
        let model = &mut self.plan.populations[p].neuron;
        let index = find(model.page.fields, "parameter", field, |f| f.name)?;
        let before = model.values[index].replace(value);
        let (plan, options, blueprint) = (&self.plan, &self.options, &self.blueprint);
        let rebuild = |workers: &mut [Mutex<Worker>]| -> Result<(), BuildError> {
            let variables: Vec<_> = build::variables(&plan.populations[p]).iter().map(|v| (v.1, v.2)).collect();
            // All new neurons and stimuli are built before the first one is replaced, so that a refusal changes
            // nothing.
            let mut fresh = Vec::new();
            for worker in &mut *workers {
                for tile in &worker.get_mut().unwrap_or_else(PoisonError::into_inner).tiles {
                    let share = &tile.layout.shares[p];
                    let Some(old) = &tile.neurons[p] else { continue };
                    let mut new = build::neurons(plan, &options.models, p, share, options.fuse)?;
                    new.copy_state(&**old, &variables);
                    fresh.push((
                        new,
                        rebuilt_stimuli(plan, &options.models, blueprint, tile, |i| plan.inputs[i].to.population == p)?,
                    ));
                }
            }
            let mut fresh = fresh.into_iter();
            for worker in workers {
                for tile in &mut worker.get_mut().unwrap_or_else(PoisonError::into_inner).tiles {
                    if tile.neurons[p].is_some()
                        && let Some((neurons, stimuli)) = fresh.next()
                    {
                        tile.neurons[p] = Some(neurons);
                        replace_stimuli(tile, stimuli);
                    }
                }
            }
            Ok(())
        };
        let result = rebuild(&mut self.workers);
        if result.is_err() {
            self.plan.populations[p].neuron.values[index] = before;
        }
        result
    }

    /// Changes a parameter of an input, in the engine's unit. The input continues its random stream. If the value is
    /// refused, nothing changes.
    ///
    /// Weights of events are whole numbers of a quantum, which was chosen when the network was built. The quantum
    /// leaves room for 200 events in a step with the weight given then. If the rate given then can produce more events
    /// in a step, it leaves room for all of them. Refuses a change that needs more room. Refuses a weight so small that
    /// its rounding error would be more than a thousandth of the weight and more than [`Simulation::weight_rounding`].
    pub fn set_input(&mut self, input: &str, field: &str, value: Value) -> Result<(), BuildError> {
        let named: Vec<usize> = (0..self.plan.inputs.len()).filter(|&i| self.plan.inputs[i].name == input).collect();
        let Some(&first) = named.first() else {
            return find(&self.plan.inputs, "input", input, |i| &i.name).map(|_| ());
        };
        let index = find(self.plan.inputs[first].model.page.fields, "parameter", field, |f| f.name)?;
        let before: Vec<_> = named.iter().map(|&i| self.plan.inputs[i].model.values[index].replace(value)).collect();
        let (plan, options, blueprint) = (&self.plan, &self.options, &self.blueprint);
        let rebuild = |workers: &mut [Mutex<Worker>]| -> Result<(), BuildError> {
            named.iter().try_for_each(|&i| build::check_headroom(plan, &options.models, blueprint, &plan.inputs[i]))?;
            let mut fresh = Vec::new();
            for worker in &mut *workers {
                for tile in &worker.get_mut().unwrap_or_else(PoisonError::into_inner).tiles {
                    fresh.push(rebuilt_stimuli(plan, &options.models, blueprint, tile, |i| named.contains(&i))?);
                }
            }
            let tiles = workers.iter_mut().flat_map(|w| &mut w.get_mut().unwrap_or_else(PoisonError::into_inner).tiles);
            tiles.zip(fresh).for_each(|(tile, stimuli)| replace_stimuli(tile, stimuli));
            Ok(())
        };
        let result = rebuild(&mut self.workers);
        if result.is_err() {
            for (&i, before) in named.iter().zip(before) {
                self.plan.inputs[i].model.values[index] = before;
            }
        }
        result
    }

    /// Calls `f` with every synapse, tile by tile. The order within a tile depends on how its synapses are stored.
    pub fn each_synapse(&self, mut f: impl FnMut(Synapse)) {
        for worker in &self.workers {
            for tile in &worker.lock().unwrap_or_else(PoisonError::into_inner).tiles {
                // (first slot, population, receptor, first neuron) of each receptor of each share, by ascending slot.
                let mut starts: Vec<(u32, usize, usize, u32)> = Vec::new();
                for (p, share) in tile.layout.shares.iter().enumerate() {
                    starts.extend(share.slots.iter().enumerate().map(|(r, &slot)| (slot, p, r, share.neurons.start)));
                }
                starts.retain(|&(_, p, _, _)| tile.layout.shares[p].len() > 0);
                tile.each_synapse(&mut |population, source, slot, weight, delay| {
                    let (first, p, receptor, start) = starts[starts.partition_point(|s| s.0 <= slot) - 1];
                    f(Synapse {
                        source: (population, source),
                        target: (p, start + (slot - first)),
                        receptor,
                        weight: f64::from(weight) * self.blueprint.quanta[p][receptor],
                        delay: f64::from(delay) * self.plan.dt,
                    });
                });
            }
        }
    }
}

/// Stimuli of a tile, each with its index among all stimuli of the tile.
type Stimuli = Vec<(usize, Box<dyn Stimulus>)>;

/// New stimuli for those inputs of a tile for which `wanted` is true. They continue the random streams of the old
/// stimuli.
fn rebuilt_stimuli(
    plan: &Plan,
    models: &Models,
    blueprint: &Blueprint,
    tile: &Tile,
    wanted: impl Fn(usize) -> bool,
) -> Result<Stimuli, BuildError> {
    let mut stimuli = Vec::new();
    for (at, old) in tile.stimuli.iter().flatten().enumerate().filter(|(_, s)| wanted(s.input)) {
        let share = &tile.layout.shares[plan.inputs[old.input].to.population];
        if let Some(mut new) =
            build::stimulus(plan, models, blueprint.quantum(&plan.inputs[old.input]), old.input, share)?
        {
            new.set_generators(old.stimulus.generators().to_vec());
            stimuli.push((at, new));
        }
    }
    Ok(stimuli)
}

/// Replaces stimuli of a tile.
fn replace_stimuli(tile: &mut Tile, stimuli: Stimuli) {
    let mut old: Vec<_> = tile.stimuli.iter_mut().flatten().collect();
    for (at, stimulus) in stimuli {
        old[at].stimulus = stimulus;
    }
}

/// Index of the item called `name`. The error lists all known names.
fn find<T>(all: &[T], what: &'static str, name: &str, name_of: impl Fn(&T) -> &str) -> Result<usize, BuildError> {
    all.iter().position(|t| name_of(t) == name).ok_or_else(|| BuildError::Unknown {
        what,
        name: name.to_string(),
        known: all.iter().map(&name_of).collect::<Vec<_>>().join(", "),
    })
}
