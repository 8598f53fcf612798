//! A tile: a share of every population with its neurons, the inputs onto them and all their incoming synapses.

use crate::build::Blueprint;
use crate::delivery::Due;
use crate::error::BuildError;
use crate::history::History;
use crate::layout::TileLayout;
use crate::plan::Plan;
use crate::ring::{Ring, place};
use crate::share::{find_variable, initialise, neurons, source};
use crate::synapses::Synapses;
use crossbeam::utils::CachePadded;
use lapicque_models::columns::{BLOCK, CHUNKS, Values};
use lapicque_models::list::Models;
use lapicque_models::neurons::{Block, Drive, FLUSH_EVERY, Neurons, Sums};
use lapicque_models::source::{Sink, Source};
use lapicque_models::sum::{BlockOf, BlockSums, Sum};
use lapicque_models::vector::{Kernel, dispatch};
use std::sync::RwLock;

/// Sums of inputs, one ring per shard.
enum Inputs {
    Narrow(Vec<Ring<i32>>),
    Wide(Vec<Ring<i64>>),
}

impl Inputs {
    /// The sums of a block, from `slot` on.
    fn block(&mut self, tick: u64, slot: u32, bits: u32) -> BlockSums<'_> {
        let (shard, slot) = place(slot, bits);
        match self {
            Inputs::Narrow(rings) => BlockSums::Narrow(rings[shard].blocks(tick, [slot])[0]),
            Inputs::Wide(rings) => BlockSums::Wide(rings[shard].blocks(tick, [slot])[0]),
        }
    }

    /// The sums of some blocks, from different `slots` on, where they have 32 bits and lie in one shard.
    fn narrow<const N: usize>(&mut self, tick: u64, slots: [u32; N], bits: u32) -> Option<[&mut BlockOf<i32>; N]> {
        let Inputs::Narrow(rings) = self else { return None };
        let shard = place(slots[0], bits).0;
        let together = slots.iter().all(|&slot| place(slot, bits).0 == shard);
        together.then(|| rings[shard].blocks(tick, slots.map(|slot| place(slot, bits).1)))
    }
}

/// An input onto a share.
pub struct TileSource {
    /// Index of the input in the plan.
    pub input: usize,
    receptor: Option<usize>,
    /// The source itself.
    pub source: Box<dyn Source>,
    active: bool,
}

/// A trace of neurons of this tile.
struct Probe {
    population: usize,
    receptor: Option<usize>,
    variable: usize,
    /// Neurons of the share.
    neurons: std::ops::Range<usize>,
    every: u64,
    from: u64,
}

/// Samples of a tile's neurons, row after row, for each trace and variable.
pub type Samples = Vec<Vec<f64>>;
/// The same, for its worker to write and the observer to read, on cache lines of their own.
pub type SharedSamples = CachePadded<RwLock<Samples>>;

/// A share of every population.
pub struct Tile {
    /// Where its neurons and slots lie.
    pub layout: TileLayout,
    /// Neurons of each population; none where the share is empty.
    pub neurons: Vec<Option<Box<dyn Neurons>>>,
    /// Its incoming synapses.
    pub synapses: Synapses,
    /// Inputs of each population, in the plan's order.
    pub sources: Vec<Vec<TileSource>>,
    probes: Vec<Probe>,
    inputs: Inputs,
    quanta: Vec<Vec<f64>>,
    bits: u32,
    /// What is due, for each table.
    due: Vec<Due>,
    scratch: Scratch,
}

/// Segments and lines from which on a step is begun before the last spikes have come, so that workers need not wait for each
/// other. To deliver in two parts costs something: the full microcircuit, with 3650 of them, took 0.97 of
/// the time, its tenth, with less than 200, took 1.03 (in turn, 26 November 2026).
const BEGUN: usize = 1024;

/// What one block needs while it is stepped; it stays in the L1 cache.
struct Scratch {
    drive: Values,
    kick: Values,
    events: Vec<Values>,
    spikes: Vec<u32>,
}

/// Moves input sums of one block into `out` as weights, and zeroes them.
struct Collect<'a, S: Sum> {
    sums: &'a mut BlockOf<S>,
    quantum: f64,
    out: &'a mut Values,
}

impl<S: Sum> Kernel for Collect<'_, S> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (sum, out) in self.sums.as_flattened_mut().iter_mut().zip(self.out.as_flattened_mut()) {
            *out = sum.value() * self.quantum;
            *sum = S::default();
        }
    }
}

/// A ring of `depth` steps for each shard.
fn rings<S: Sum>(layout: &TileLayout, blueprint: &Blueprint, depth: usize) -> Vec<Ring<S>> {
    let size = 1 << blueprint.bits;
    (0..blueprint.shards(layout))
        .map(|shard| Ring::new((layout.slots as usize - shard * size).min(size), depth))
        .collect()
}

/// The part of every trace that lies in a tile.
fn probes(plan: &Plan, layout: &TileLayout) -> Result<Vec<Probe>, BuildError> {
    let mut probes = Vec::new();
    for trace in &plan.record.traces {
        let share = &layout.shares[trace.of.population];
        for name in &trace.variables {
            let (receptor, variable) = find_variable(&plan.populations[trace.of.population], name)?;
            let at = |n: u32| (n.clamp(share.neurons.start, share.neurons.end) - share.neurons.start) as usize;
            let neurons = at(trace.of.neurons.start)..at(trace.of.neurons.end);
            probes.push(Probe {
                population: trace.of.population,
                receptor,
                variable,
                neurons,
                every: trace.every,
                from: plan.record.from,
            });
        }
    }
    Ok(probes)
}

impl Tile {
    /// Builds neurons, inputs and probes around the synapses.
    pub fn new(
        plan: &Plan,
        models: &Models,
        blueprint: &Blueprint,
        tile: usize,
        synapses: Synapses,
        fuse: bool,
    ) -> Result<Tile, BuildError> {
        let layout = blueprint.layouts[tile].clone();
        let mut all = Vec::new();
        for (p, share) in layout.shares.iter().enumerate() {
            all.push(if share.len() == 0 {
                None
            } else {
                let mut neurons = neurons(plan, models, p, share, fuse)?;
                initialise(plan, p, share, &mut *neurons)?;
                Some(neurons)
            });
        }
        let mut sources: Vec<Vec<_>> = plan.populations.iter().map(|_| Vec::new()).collect();
        for (index, input) in plan.inputs.iter().enumerate() {
            let population = input.to.population;
            if let Some(source) = source(plan, models, blueprint.quantum(input), index, &layout.shares[population])? {
                sources[population].push(TileSource { input: index, receptor: input.receptor, source, active: false });
            }
        }
        let depth = synapses.depth();
        let inputs = if blueprint.wide {
            Inputs::Wide(rings(&layout, blueprint, depth))
        } else {
            Inputs::Narrow(rings(&layout, blueprint, depth))
        };
        let receptors = plan.populations.iter().map(|p| p.receptors.len()).max().unwrap_or(0);
        Ok(Tile {
            neurons: all,
            sources,
            probes: probes(plan, &layout)?,
            inputs,
            quanta: blueprint.quanta.clone(),
            bits: blueprint.bits,
            due: synapses.tables.iter().map(Due::new).collect(),
            synapses,
            scratch: Scratch {
                drive: Values::ZERO,
                kick: Values::ZERO,
                events: vec![Values::ZERO; receptors],
                spikes: Vec::new(),
            },
            layout,
        })
    }

    /// Begins the step to `tick`, where that is much: delivers what is due of the spikes listed before, which are all but
    /// the last ones.
    pub fn begin(&mut self, tick: u64) {
        if self.due.iter().map(|due| due.listed(tick)).sum::<usize>() < BEGUN {
            return;
        }
        match &mut self.inputs {
            Inputs::Narrow(rings) => self.synapses.deliver_listed(tick, &mut self.due, rings),
            Inputs::Wide(rings) => self.synapses.deliver_listed(tick, &mut self.due, rings),
        }
    }

    /// Step from tick − 1 to tick: deliver, update, collect spikes (points 1, 2 and 4 of the step contract). Appends to
    /// `spikes` the end of each population's neurons, counted from the first, then the neurons.
    pub fn step(&mut self, plan: &Plan, tick: u64, history: &History, spikes: &mut Vec<u32>) {
        match &mut self.inputs {
            Inputs::Narrow(rings) => self.synapses.deliver(tick, history, &mut self.due, rings, self.bits),
            Inputs::Wide(rings) => self.synapses.deliver(tick, history, &mut self.due, rings, self.bits),
        }
        for s in self.sources.iter_mut().flatten() {
            let input = &plan.inputs[s.input];
            s.active = (input.start..input.stop).contains(&(tick - 1))
                && (!s.source.kicks() || input.times.binary_search(&(tick - 1)).is_ok());
        }
        let ends = spikes.len();
        let first = ends + self.neurons.len();
        spikes.resize(first, 0);
        for population in 0..self.neurons.len() {
            self.update(population, tick, spikes);
            spikes[ends + population] = (spikes.len() - first) as u32;
        }
        if tick.is_multiple_of(FLUSH_EVERY) {
            self.neurons.iter_mut().flatten().for_each(|n| n.flush());
        }
    }

    fn update(&mut self, population: usize, tick: u64, fired: &mut Vec<u32>) {
        let Some(neurons) = &mut self.neurons[population] else { return };
        let share = &self.layout.shares[population];
        let chunks = lapicque_models::neurons::chunks_for(share.len());
        let sources = &mut self.sources[population];
        let active = || sources.iter().filter(|s| s.active);
        let kicks = active().any(|s| s.source.kicks());
        let mut drives = active().filter(|s| s.receptor.is_none());
        let same_drive = drives.try_fold(0.0, |sum, s| Some(sum + s.source.same()?));
        let Scratch { drive, kick, events, spikes } = &mut self.scratch;
        let (inputs, bits, quanta) = (&mut self.inputs, self.bits, &self.quanta[population][..]);
        let takes_sums = neurons.takes_sums() && !kicks;
        for block in 0..share.blocks() {
            if same_drive.is_none() {
                *drive = Values::ZERO;
            }
            if kicks {
                *kick = Values::ZERO;
            }
            let slot = |r: usize| share.slots[r] + (block * BLOCK) as u32;
            let wanted = |s: &&mut TileSource| s.active && (s.receptor.is_some() || same_drive.is_none());
            for s in sources.iter_mut().filter(wanted) {
                let sums = s.receptor.map(|r| inputs.block(tick, slot(r), bits));
                s.source.step(tick, block, Sink { drive, sums, kick });
            }
            let first = block * CHUNKS;
            let chunks = first..(first + CHUNKS).min(chunks);
            let drive = same_drive.map_or(Drive::Each(drive), Drive::Same);
            // What arrives is taken as it is, where that is possible, or collected first: the bits are the same.
            let taken = match *quanta {
                [quantum] if takes_sums => inputs.narrow(tick, [slot(0)], bits).map(|[sums]| {
                    neurons.step_from_sums(chunks.clone(), drive, &mut [Sums { sums, quantum }], spikes);
                }),
                [one, two] if takes_sums => inputs.narrow(tick, [slot(0), slot(1)], bits).map(|[a, b]| {
                    let mut sums = [Sums { sums: a, quantum: one }, Sums { sums: b, quantum: two }];
                    neurons.step_from_sums(chunks.clone(), drive, &mut sums, spikes);
                }),
                _ => None,
            };
            if taken.is_none() {
                for (r, (&quantum, out)) in quanta.iter().zip(&mut *events).enumerate() {
                    match inputs.block(tick, slot(r), bits) {
                        BlockSums::Narrow(sums) => dispatch(Collect { sums, quantum, out }),
                        BlockSums::Wide(sums) => dispatch(Collect { sums, quantum, out }),
                    }
                }
                let events = &events[..quanta.len()];
                neurons.step(Block { chunks, drive, events, kick: kicks.then_some(&*kick) }, spikes);
            }
        }
        let start = share.neurons.start;
        fired.extend(spikes.drain(..).map(|n| n + start));
    }

    /// Appends a row to the samples of every trace that is due at `tick`.
    pub fn sample(&self, tick: u64, samples: &mut Samples) {
        samples.resize_with(self.probes.len(), Vec::new);
        for (probe, samples) in self.probes.iter().zip(samples) {
            if tick >= probe.from
                && (tick - probe.from).is_multiple_of(probe.every)
                && let Some(neurons) = &self.neurons[probe.population]
            {
                samples.extend(probe.neurons.clone().map(|n| neurons.get(probe.receptor, probe.variable, n)));
            }
        }
    }

    /// Neurons of each trace that this tile holds.
    pub fn probe_widths(&self) -> Vec<usize> {
        self.probes.iter().map(|p| p.neurons.len()).collect()
    }

    /// Bytes of synapses and of neurons.
    pub fn bytes(&self) -> (usize, usize) {
        let due: usize = self.due.iter().map(Due::bytes).sum();
        let inputs = match &self.inputs {
            Inputs::Narrow(rings) => rings.iter().map(Ring::bytes).sum::<usize>(),
            Inputs::Wide(rings) => rings.iter().map(Ring::bytes).sum::<usize>(),
        };
        (self.synapses.bytes(), due + inputs + self.neurons.iter().flatten().map(|n| n.bytes()).sum::<usize>())
    }

    /// Calls `f` with source population, source, slot in the tile, weight in quanta and delay in steps of every synapse.
    pub fn each_synapse(&self, f: &mut dyn FnMut(usize, u32, u32, i32, u32)) {
        self.synapses.each(self.bits, f);
    }
}
