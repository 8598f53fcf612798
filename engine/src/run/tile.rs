//! A tile: a share of every population with its neurons, the inputs onto them and all their incoming synapses.

use super::epoch::Samples;
use crate::build::{Blueprint, Share, TileLayout, find_variable, initialise, neurons, stimulus};
use crate::error::BuildError;
use crate::plan::Plan;
use crate::synapses::{DueLists, History, Ring, TileSynapses, shard_of};
use lapicque_models::columns::{BLOCK, BLOCKS_AT_ONCE, BlockValues, CHUNKS, chunks_for};
use lapicque_models::inputs::{InputSink, Stimulus};
use lapicque_models::list::Models;
use lapicque_models::numerics::accumulate::{BlockSums, Sum, SumBlock};
use lapicque_models::population::{BlockInput, Drive, Neurons, ReceptorSums};
use lapicque_models::vector::{Instructions, Kernel, dispatch};
use std::ops::Range;

/// Sums of inputs, one ring per shard.
enum InputRings {
    Narrow(Vec<Ring<i32>>),
    Wide(Vec<Ring<i64>>),
}

impl InputRings {
    /// The sums of some blocks of one shard, from `slot` on.
    fn blocks(&mut self, tick: u64, slot: u32, blocks: usize, shard_bits: u32) -> BlockSums<'_> {
        let (shard, slot) = shard_of(slot, shard_bits);
        match self {
            InputRings::Narrow(rings) => {
                let [sums] = rings[shard].blocks(tick, [slot], blocks);
                BlockSums::Narrow(sums)
            }
            InputRings::Wide(rings) => {
                let [sums] = rings[shard].blocks(tick, [slot], blocks);
                BlockSums::Wide(sums)
            }
        }
    }

    /// How many blocks lie in one shard from each of some slots on, all of the same shard, where sums have 32 bits; else none.
    fn together(&self, slots: impl Iterator<Item = u32>, shard_bits: u32) -> usize {
        let mut places = slots.map(|slot| shard_of(slot, shard_bits));
        match (self, places.next()) {
            (InputRings::Narrow(_), Some((shard, first))) => places
                .try_fold(first, |last, (other, slot)| (other == shard).then_some(last.max(slot)))
                .map_or(0, |last| ((1 << shard_bits) - last) as usize / BLOCK),
            _ => 0,
        }
    }

    /// The sums of so many blocks from each of some slots on, which all differ.
    fn narrow<const N: usize>(
        &mut self,
        tick: u64,
        slots: [u32; N],
        blocks: usize,
        shard_bits: u32,
    ) -> [&mut [SumBlock<i32>]; N] {
        match self {
            InputRings::Narrow(rings) => rings[shard_of(slots[0], shard_bits).0].blocks(
                tick,
                slots.map(|slot| shard_of(slot, shard_bits).1),
                blocks,
            ),
            InputRings::Wide(_) => unreachable!("sums of 64 bits are never together"),
        }
    }
}

/// An input onto a share.
pub struct TileStimulus {
    /// Index of the input in the plan.
    pub input: usize,
    receptor: Option<usize>,
    /// The source itself.
    pub stimulus: Box<dyn Stimulus>,
    /// The step that it is to be asked for now, if it is active then.
    now: Option<u64>,
}

/// Whether a source is active in the step that ends at `tick`: a pulse where its time is, any other where the step begins.
fn is_active(plan: &Plan, s: &TileStimulus, tick: u64) -> bool {
    let (input, pulses) = (&plan.inputs[s.input], s.stimulus.jumps());
    (input.start..input.stop).contains(&if pulses { tick } else { tick - 1 })
        && (!pulses || input.times.binary_search(&(tick - 1)).is_ok())
}

/// A trace of neurons of this tile.
struct Probe {
    population: usize,
    receptor: Option<usize>,
    variable: usize,
    /// Neurons of the share.
    neurons: Range<usize>,
    every: u64,
    from: u64,
}

/// A share of every population.
pub struct Tile {
    /// Where its neurons and slots lie.
    pub layout: TileLayout,
    /// Neurons of each population; none where the share is empty.
    pub neurons: Vec<Option<Box<dyn Neurons>>>,
    /// Its incoming synapses.
    pub synapses: TileSynapses,
    /// Inputs of each population, in the plan's order.
    pub stimuli: Vec<Vec<TileStimulus>>,
    probes: Vec<Probe>,
    inputs: InputRings,
    quanta: Vec<Vec<f64>>,
    /// Whether events move the potential at once, for each receptor of each population.
    jumps: Vec<Vec<bool>>,
    /// For each population, the last step whose events have arrived at the receptors that do not move the potential at once.
    arrived: Vec<u64>,
    shard_bits: u32,
    /// What is due, for each table.
    due: Vec<DueLists>,
    scratch: Scratch,
}

/// What one block needs while it is stepped; it stays in the L1 cache.
struct Scratch {
    drive: BlockValues,
    jump: BlockValues,
    events: Vec<BlockValues>,
    spikes: Vec<u32>,
}

/// Moves the sums of the first of some blocks into `out` as weights, and zeroes them.
struct Collect<'a, S: Sum> {
    sums: &'a mut [SumBlock<S>],
    quantum: f64,
    out: &'a mut BlockValues,
}

impl<S: Sum> Kernel for Collect<'_, S> {
    type Output = ();
    #[inline(always)]
    fn run(self, _: impl Instructions) {
        let sums = self.sums.as_flattened_mut().as_flattened_mut();
        for (sum, out) in sums.iter_mut().zip(self.out.as_flattened_mut()) {
            *out = sum.value() * self.quantum;
            *sum = S::default();
        }
    }
}

/// Chunks of some blocks of a share.
fn chunks_of(share: &Share, blocks: Range<usize>) -> Range<usize> {
    blocks.start * CHUNKS..(blocks.end * CHUNKS).min(chunks_for(share.len()))
}

fn collect(sums: BlockSums<'_>, quantum: f64, out: &mut BlockValues) {
    match sums {
        BlockSums::Narrow(sums) => dispatch(Collect { sums, quantum, out }),
        BlockSums::Wide(sums) => dispatch(Collect { sums, quantum, out }),
    }
}

/// A ring of `depth` steps for each shard.
fn rings<S: Sum>(layout: &TileLayout, blueprint: &Blueprint, depth: usize) -> Vec<Ring<S>> {
    let size = 1 << blueprint.shard_bits;
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
        synapses: TileSynapses,
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
        let mut stimuli: Vec<Vec<_>> = plan.populations.iter().map(|_| Vec::new()).collect();
        for (index, input) in plan.inputs.iter().enumerate() {
            let population = input.to.population;
            if let Some(stimulus) = stimulus(plan, models, blueprint.quantum(input), index, &layout.shares[population])?
            {
                stimuli[population].push(TileStimulus { input: index, receptor: input.receptor, stimulus, now: None });
            }
        }
        // Events that arrive when the next step begins wait while those of that step are delivered, unless these come later.
        let wait =
            !blueprint.no_jumps && plan.projections.iter().any(|p| !blueprint.jumps[p.to.population][p.receptor]);
        let depth = (synapses.depth() + usize::from(wait)).next_power_of_two();
        let inputs = if blueprint.wide {
            InputRings::Wide(rings(&layout, blueprint, depth))
        } else {
            InputRings::Narrow(rings(&layout, blueprint, depth))
        };
        let receptors = plan.populations.iter().map(|p| p.receptors.len()).max().unwrap_or(0);
        Ok(Tile {
            neurons: all,
            stimuli,
            probes: probes(plan, &layout)?,
            inputs,
            quanta: blueprint.quanta.clone(),
            jumps: blueprint.jumps.clone(),
            arrived: vec![0; plan.populations.len()],
            shard_bits: blueprint.shard_bits,
            due: synapses.tables.iter().map(DueLists::new).collect(),
            synapses,
            scratch: Scratch {
                drive: BlockValues::ZERO,
                jump: BlockValues::ZERO,
                events: vec![BlockValues::ZERO; receptors],
                spikes: Vec::new(),
            },
            layout,
        })
    }

    /// Adds the spikes whose events are due at `tick` to the sums of that step.
    pub fn deliver(&mut self, tick: u64, history: &History) {
        match &mut self.inputs {
            InputRings::Narrow(rings) => self.synapses.deliver(tick, history, &mut self.due, rings, self.shard_bits),
            InputRings::Wide(rings) => self.synapses.deliver(tick, history, &mut self.due, rings, self.shard_bits),
        }
    }

    /// Updates the neurons from tick − 1 to tick and collects their spikes (points 1, 2 and 4 of the step contract). Appends
    /// to `spikes` the end of each population's neurons, counted from the first, then the neurons.
    ///
    /// Events that move the potential at once must have been delivered for `tick`, others for tick − 1: these act from the
    /// next step on, so that they arrive when it begins.
    pub fn update(&mut self, plan: &Plan, tick: u64, spikes: &mut Vec<u32>) {
        let ends = spikes.len();
        let first = ends + self.neurons.len();
        spikes.resize(first, 0);
        for population in 0..self.neurons.len() {
            self.update_population(plan, population, tick, spikes);
            spikes[ends + population] = (spikes.len() - first) as u32;
        }
    }

    /// Notes for which step each source of a population is to be asked now, if it is active then.
    fn note_active(&mut self, plan: &Plan, population: usize, tick: u64) {
        let arrived = std::mem::replace(&mut self.arrived[population], tick - 1);
        for s in &mut self.stimuli[population] {
            let jumps = s.receptor.is_none_or(|r| self.jumps[population][r]);
            let step = if jumps { tick } else { tick - 1 };
            s.now = Some(step).filter(|&step| step > arrived && is_active(plan, s, step));
        }
    }

    fn update_population(&mut self, plan: &Plan, population: usize, tick: u64, fired: &mut Vec<u32>) {
        self.note_active(plan, population, tick);
        let jumps = &self.jumps[population][..];
        let arrival = |r: usize| if jumps[r] { tick } else { tick - 1 };
        let Some(neurons) = &mut self.neurons[population] else { return };
        let share = &self.layout.shares[population];
        let stimuli = &mut self.stimuli[population];
        let active = || stimuli.iter().filter(|s| s.now.is_some());
        let pulses = active().any(|s| s.stimulus.jumps());
        let mut drives = active().filter(|s| s.receptor.is_none());
        let same_drive = drives.try_fold(0.0, |sum, s| Some(sum + s.stimulus.constant_drive()?));
        let Scratch { drive, jump, events, spikes } = &mut self.scratch;
        let (inputs, shard_bits, quanta) = (&mut self.inputs, self.shard_bits, &self.quanta[population][..]);
        let takes_sums = neurons.takes_sums() && !pulses && jumps.windows(2).all(|two| two[0] == two[1]);
        let most = if same_drive.is_some() { BLOCKS_AT_ONCE } else { 1 };
        let (mut block, mut together) = (0, 0);
        while block < share.blocks() {
            let slot = |r: usize| share.slots[r] + (block * BLOCK) as u32;
            // What arrives is taken as it is, where that is possible, or collected first: the bits are the same.
            if takes_sums && together == 0 {
                together = inputs.together((0..quanta.len()).map(slot), shard_bits);
            }
            let blocks = most.min(together).min(share.blocks() - block).max(1);
            if same_drive.is_none() {
                *drive = BlockValues::ZERO;
            }
            if pulses {
                *jump = BlockValues::ZERO;
            }
            for s in &mut *stimuli {
                if let (Some(step), Some(r)) = (s.now, s.receptor) {
                    s.stimulus.step(step, block, InputSink::Receptor(inputs.blocks(step, slot(r), blocks, shard_bits)));
                } else if let (Some(step), None) = (s.now, same_drive) {
                    s.stimulus.step(step, block, InputSink::Membrane { drive, jump });
                }
            }
            let chunks = chunks_of(share, block..block + blocks);
            let drive = same_drive.map_or(Drive::Each(drive), Drive::Same);
            match *quanta {
                [quantum] if together > 0 => {
                    let [sums] = inputs.narrow(arrival(0), [slot(0)], blocks, shard_bits);
                    neurons.step_from_sums(chunks, drive, &mut [ReceptorSums { sums, quantum }], spikes);
                }
                [one, two] if together > 0 => {
                    let [a, b] = inputs.narrow(arrival(0), [slot(0), slot(1)], blocks, shard_bits);
                    let mut sums = [ReceptorSums { sums: a, quantum: one }, ReceptorSums { sums: b, quantum: two }];
                    neurons.step_from_sums(chunks, drive, &mut sums, spikes);
                }
                _ => {
                    for (r, (&quantum, out)) in quanta.iter().zip(&mut *events).enumerate() {
                        collect(inputs.blocks(arrival(r), slot(r), 1, shard_bits), quantum, out);
                    }
                    let events = &events[..quanta.len()];
                    neurons.step(BlockInput { chunks, drive, events, jump: pulses.then_some(&*jump) }, spikes);
                }
            }
            block += blocks;
            together = together.saturating_sub(blocks);
        }
        neurons.end_step();
        let start = share.neurons.start;
        fired.extend(spikes.drain(..).map(|n| n + start));
    }

    /// Lets events of `tick` arrive at the receptors of all populations: their state is what it is at that time.
    pub fn apply_pending_events(&mut self, plan: &Plan, tick: u64) {
        (0..self.neurons.len()).for_each(|population| self.apply_pending_to(plan, population, tick));
    }

    fn apply_pending_to(&mut self, plan: &Plan, population: usize, tick: u64) {
        let arrived = std::mem::replace(&mut self.arrived[population], tick);
        let Some(neurons) = self.neurons[population].as_mut().filter(|_| arrived < tick) else { return };
        let share = &self.layout.shares[population];
        for (r, &quantum) in self.quanta[population].iter().enumerate().filter(|(r, _)| !self.jumps[population][*r]) {
            for block in 0..share.blocks() {
                let slot = share.slots[r] + (block * BLOCK) as u32;
                for s in &mut self.stimuli[population] {
                    if s.receptor == Some(r) && is_active(plan, s, tick) {
                        s.stimulus.step(
                            tick,
                            block,
                            InputSink::Receptor(self.inputs.blocks(tick, slot, 1, self.shard_bits)),
                        );
                    }
                }
                collect(self.inputs.blocks(tick, slot, 1, self.shard_bits), quantum, &mut self.scratch.events[r]);
                neurons.arrive(r, chunks_of(share, block..block + 1), &self.scratch.events[r]);
            }
        }
    }

    /// Appends a row to the samples of every trace that is due at `tick`.
    pub fn sample(&mut self, plan: &Plan, tick: u64, samples: &mut Samples) {
        samples.resize_with(self.probes.len(), Vec::new);
        for (index, samples) in samples.iter_mut().enumerate() {
            let probe = &self.probes[index];
            if tick >= probe.from && (tick - probe.from).is_multiple_of(probe.every) {
                if probe.receptor.is_some() {
                    self.apply_pending_to(plan, probe.population, tick);
                }
                let probe = &self.probes[index];
                if let Some(neurons) = &self.neurons[probe.population] {
                    samples.extend(probe.neurons.clone().map(|n| neurons.get(probe.receptor, probe.variable, n)));
                }
            }
        }
    }

    /// Neurons of each trace that this tile holds.
    pub fn probe_widths(&self) -> Vec<usize> {
        self.probes.iter().map(|p| p.neurons.len()).collect()
    }

    /// Bytes of synapses and of neurons.
    pub fn bytes(&self) -> (usize, usize) {
        let due: usize = self.due.iter().map(DueLists::bytes).sum();
        let inputs = match &self.inputs {
            InputRings::Narrow(rings) => rings.iter().map(Ring::bytes).sum::<usize>(),
            InputRings::Wide(rings) => rings.iter().map(Ring::bytes).sum::<usize>(),
        };
        (self.synapses.bytes(), due + inputs + self.neurons.iter().flatten().map(|n| n.bytes()).sum::<usize>())
    }

    /// Calls `f` with source population, source, slot in the tile, weight in quanta and delay in steps of every synapse.
    pub fn each_synapse(&self, f: &mut dyn FnMut(usize, u32, u32, i32, u32)) {
        self.synapses.each(self.shard_bits, f);
    }
}
