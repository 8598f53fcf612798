//! A tile: a share of every population, with the state of its neurons, their inputs and all their incoming synapses.

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

/// Input sums, one ring per shard.
enum InputRings {
    /// Sums of 32 bits.
    Narrow(Vec<Ring<i32>>),
    /// Sums of 64 bits.
    Wide(Vec<Ring<i64>>),
}

impl InputRings {
    /// The sums of `blocks` blocks from `slot` on, in the step that ends at `tick`. The blocks must lie in one shard.
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

    /// The number of blocks between the largest of `slots` and the end of its shard. 0 if the slots lie in different
    /// shards, or if sums have 64 bits.
    fn blocks_in_one_shard(&self, slots: impl Iterator<Item = u32>, shard_bits: u32) -> usize {
        let mut places = slots.map(|slot| shard_of(slot, shard_bits));
        match (self, places.next()) {
            (InputRings::Narrow(_), Some((shard, first))) => places
                .try_fold(first, |largest, (other, slot)| (other == shard).then_some(largest.max(slot)))
                .map_or(0, |largest| ((1 << shard_bits) - largest) as usize / BLOCK),
            _ => 0,
        }
    }

    /// For each of `slots`: the sums, of 32 bits, of `blocks` blocks from this slot on, in the step that ends at
    /// `tick`. At most [`InputRings::blocks_in_one_shard`] blocks are accepted. The ranges must not overlap.
    fn narrow_blocks<const N: usize>(
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
            InputRings::Wide(_) => unreachable!("blocks_in_one_shard is 0 for sums of 64 bits"),
        }
    }
}

/// An input onto a share.
pub struct TileStimulus {
    /// Index of the input in the plan.
    pub input: usize,
    /// The receptor that the input acts on; `None` if it acts on the membrane.
    receptor: Option<usize>,
    /// What the input adds in each step.
    pub stimulus: Box<dyn Stimulus>,
    /// The tick whose events or drive the current update takes from the stimulus. `None` if the stimulus is not active
    /// in the step that ends at this tick, or if its events have been added already.
    active_tick: Option<u64>,
}

/// Whether an input acts in the step that ends at `tick`. A charge pulse acts if it has a pulse at the end of this step
/// and start ≤ tick < stop. Any other input acts if start ≤ tick − 1 < stop: the beginning of the step counts.
fn is_active(plan: &Plan, s: &TileStimulus, tick: u64) -> bool {
    let (input, pulses) = (&plan.inputs[s.input], s.stimulus.jumps());
    (input.start..input.stop).contains(&if pulses { tick } else { tick - 1 })
        && (!pulses || input.times.binary_search(&(tick - 1)).is_ok())
}

/// A variable of a trace, and the neurons of this tile from which it is recorded.
struct RecordedVariable {
    population: usize,
    /// The receptor that has the variable; `None` for a variable of the membrane.
    receptor: Option<usize>,
    /// Number of the variable in the membrane or receptor.
    variable: usize,
    /// The recorded neurons, by their index in the share.
    neurons: Range<usize>,
    /// Sampling interval in steps.
    every: u64,
    /// Tick of the first sample.
    from: u64,
}

/// A share of every population, with all that is needed to update it.
pub struct Tile {
    /// The neurons and slots of each share.
    pub layout: TileLayout,
    /// The neurons of each population; `None` where the share is empty.
    pub neurons: Vec<Option<Box<dyn Neurons>>>,
    /// The synapses onto these neurons.
    pub synapses: TileSynapses,
    /// Inputs of each population, in the plan's order.
    pub stimuli: Vec<Vec<TileStimulus>>,
    /// In the order of the plan's traces and of their variables.
    recorded: Vec<RecordedVariable>,
    /// Input sums of all slots.
    input_rings: InputRings,
    /// The quantum of each receptor of each population.
    quanta: Vec<Vec<f64>>,
    /// Whether an event makes V jump, for each receptor of each population.
    jumps: Vec<Vec<bool>>,
    /// For each population: the last tick whose events have been added to the receptors that do not make V jump.
    added_until: Vec<u64>,
    /// log2 of the number of slots in a shard.
    shard_bits: u32,
    /// For each table, the segments of synapses that are due now or later.
    due: Vec<DueLists>,
    scratch: Scratch,
}

/// Input and output of the block that is being updated. Reused from block to block, so that it stays in the L1 cache.
struct Scratch {
    /// Effect of currents and noise on V, in mV.
    drive: BlockValues,
    /// Jumps of V by charge pulses, in mV.
    jump: BlockValues,
    /// Sum of the weights of the events at each receptor.
    events: Vec<BlockValues>,
    /// Neurons of the share that spike in this step.
    spikes: Vec<u32>,
}

/// Writes the sums of one block into `out` as weights, and sets the sums to zero.
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

/// The chunks of these blocks of a share.
fn chunks_of(share: &Share, blocks: Range<usize>) -> Range<usize> {
    blocks.start * CHUNKS..(blocks.end * CHUNKS).min(chunks_for(share.len()))
}

/// Runs [`Collect`] for sums of either width.
fn collect(sums: BlockSums<'_>, quantum: f64, out: &mut BlockValues) {
    match sums {
        BlockSums::Narrow(sums) => dispatch(Collect { sums, quantum, out }),
        BlockSums::Wide(sums) => dispatch(Collect { sums, quantum, out }),
    }
}

/// A ring of `depth` steps for each shard of a tile.
fn rings<S: Sum>(layout: &TileLayout, blueprint: &Blueprint, depth: usize) -> Vec<Ring<S>> {
    let size = 1 << blueprint.shard_bits;
    (0..blueprint.shards(layout))
        .map(|shard| Ring::new((layout.slots as usize - shard * size).min(size), depth))
        .collect()
}

/// The recorded variables of a tile: one for each variable of each trace, in the plan's order. Its range of neurons is
/// empty where the tile has no neuron of the trace.
fn recorded_variables(plan: &Plan, layout: &TileLayout) -> Result<Vec<RecordedVariable>, BuildError> {
    let mut recorded = Vec::new();
    for trace in &plan.record.traces {
        let share = &layout.shares[trace.of.population];
        for name in &trace.variables {
            let (receptor, variable) = find_variable(&plan.populations[trace.of.population], name)?;
            let index_in_share =
                |n: u32| (n.clamp(share.neurons.start, share.neurons.end) - share.neurons.start) as usize;
            let neurons = index_in_share(trace.of.neurons.start)..index_in_share(trace.of.neurons.end);
            recorded.push(RecordedVariable {
                population: trace.of.population,
                receptor,
                variable,
                neurons,
                every: trace.every,
                from: plan.record.from,
            });
        }
    }
    Ok(recorded)
}

impl Tile {
    /// Builds tile number `tile` from its synapses: adds neurons, inputs and recorded variables. `fuse` allows membrane
    /// and receptors to be updated in one fused loop.
    pub fn new(
        plan: &Plan,
        models: &Models,
        blueprint: &Blueprint,
        tile: usize,
        synapses: TileSynapses,
        fuse: bool,
    ) -> Result<Tile, BuildError> {
        let layout = blueprint.layouts[tile].clone();
        let mut all_neurons = Vec::new();
        for (p, share) in layout.shares.iter().enumerate() {
            all_neurons.push(if share.len() == 0 {
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
                stimuli[population].push(TileStimulus {
                    input: index,
                    receptor: input.receptor,
                    stimulus,
                    active_tick: None,
                });
            }
        }
        // Where a step delivers first and updates after, the events of receptors that do not make V jump stay in the
        // sums until the next update, while the next step is delivered. The rings then span one step more.
        let extra_step =
            !blueprint.no_jumps && plan.projections.iter().any(|p| !blueprint.jumps[p.to.population][p.receptor]);
        let depth = (synapses.depth() + usize::from(extra_step)).next_power_of_two();
        let input_rings = if blueprint.wide {
            InputRings::Wide(rings(&layout, blueprint, depth))
        } else {
            InputRings::Narrow(rings(&layout, blueprint, depth))
        };
        let receptors = plan.populations.iter().map(|p| p.receptors.len()).max().unwrap_or(0);
        Ok(Tile {
            neurons: all_neurons,
            stimuli,
            recorded: recorded_variables(plan, &layout)?,
            input_rings,
            quanta: blueprint.quanta.clone(),
            jumps: blueprint.jumps.clone(),
            added_until: vec![0; plan.populations.len()],
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

    /// Adds the weights of the spikes whose delay ends at `tick` to the sums of the step that ends at `tick`. For bands
    /// of delays, adds to the sums of the steps after it too. To be called for every step in turn.
    pub fn deliver(&mut self, tick: u64, history: &History) {
        match &mut self.input_rings {
            InputRings::Narrow(rings) => self.synapses.deliver(tick, history, &mut self.due, rings, self.shard_bits),
            InputRings::Wide(rings) => self.synapses.deliver(tick, history, &mut self.due, rings, self.shard_bits),
        }
    }

    /// Updates all neurons from tick − 1 to tick and collects their spikes (the step contract in
    /// `lapicque_models::population`, file `fused.rs`). Appends to `message`, for each population, the number of
    /// neurons that spiked in it and in all populations before it, then the neurons that spiked.
    ///
    /// Spikes must have been delivered for `tick` onto receptors that make V jump, and for tick − 1 onto all others.
    /// The events at these others act from the next step on, so they are added when that step begins.
    pub fn update(&mut self, plan: &Plan, tick: u64, message: &mut Vec<u32>) {
        let ends = message.len();
        let first = ends + self.neurons.len();
        message.resize(first, 0);
        for population in 0..self.neurons.len() {
            self.update_population(plan, population, tick, message);
            message[ends + population] = (message.len() - first) as u32;
        }
    }

    /// Sets `active_tick` of each stimulus of a population for the update to `tick`. A receptor that does not make V
    /// jump receives the events of tick − 1, unless [`Tile::apply_pending_events`] or [`Tile::sample`] has added them
    /// already.
    fn find_active_ticks(&mut self, plan: &Plan, population: usize, tick: u64) {
        let added_until = std::mem::replace(&mut self.added_until[population], tick - 1);
        for s in &mut self.stimuli[population] {
            let at_end = s.receptor.is_none_or(|r| self.jumps[population][r]);
            let asked = if at_end { tick } else { tick - 1 };
            s.active_tick = Some(asked).filter(|&asked| asked > added_until && is_active(plan, s, asked));
        }
    }

    /// Updates the neurons of one population from tick − 1 to tick. Appends the neurons that spiked to `message`, by
    /// their index in the population.
    fn update_population(&mut self, plan: &Plan, population: usize, tick: u64, message: &mut Vec<u32>) {
        self.find_active_ticks(plan, population, tick);
        let jumps = &self.jumps[population][..];
        // The tick whose events receptor r receives in this update.
        let event_tick = |r: usize| if jumps[r] { tick } else { tick - 1 };
        let Some(neurons) = &mut self.neurons[population] else { return };
        let share = &self.layout.shares[population];
        let stimuli = &mut self.stimuli[population];
        let active = || stimuli.iter().filter(|s| s.active_tick.is_some());
        let pulses = active().any(|s| s.stimulus.jumps());
        // The sum of all drives, if every drive is the same for all neurons.
        let mut drives = active().filter(|s| s.receptor.is_none());
        let same_drive = drives.try_fold(0.0, |sum, s| Some(sum + s.stimulus.constant_drive()?));
        let Scratch { drive, jump, events, spikes } = &mut self.scratch;
        let (input_rings, shard_bits, quanta) = (&mut self.input_rings, self.shard_bits, &self.quanta[population][..]);
        // Fused neurons can read input sums directly, if there is no charge pulse and all receptors receive the events
        // of the same tick. Otherwise the sums are converted to weights first. The bits are the same.
        let can_read_sums = neurons.takes_sums() && !pulses && jumps.windows(2).all(|two| two[0] == two[1]);
        let max_blocks = if same_drive.is_some() { BLOCKS_AT_ONCE } else { 1 };
        // `readable`: the number of blocks, from `block` on, whose sums can be read directly.
        let (mut block, mut readable) = (0, 0);
        while block < share.blocks() {
            // First slot of this block at receptor r.
            let slot = |r: usize| share.slots[r] + (block * BLOCK) as u32;
            // 1. Decide how many blocks to update in one call.
            if can_read_sums && readable == 0 {
                readable = input_rings.blocks_in_one_shard((0..quanta.len()).map(slot), shard_bits);
            }
            let blocks = max_blocks.min(readable).min(share.blocks() - block).max(1);
            // 2. Let the inputs add to the drive, to the jumps of V and to the input sums of receptors.
            if same_drive.is_none() {
                *drive = BlockValues::ZERO;
            }
            if pulses {
                *jump = BlockValues::ZERO;
            }
            for s in &mut *stimuli {
                if let (Some(asked), Some(r)) = (s.active_tick, s.receptor) {
                    s.stimulus.step(
                        asked,
                        block,
                        InputSink::Receptor(input_rings.blocks(asked, slot(r), blocks, shard_bits)),
                    );
                } else if let (Some(asked), None) = (s.active_tick, same_drive) {
                    s.stimulus.step(asked, block, InputSink::Membrane { drive, jump });
                }
            }
            // 3. Update the neurons, from input sums where they can be read directly, otherwise from weights.
            let chunks = chunks_of(share, block..block + blocks);
            let drive = same_drive.map_or(Drive::Each(drive), Drive::Same);
            match *quanta {
                [quantum] if readable > 0 => {
                    let [sums] = input_rings.narrow_blocks(event_tick(0), [slot(0)], blocks, shard_bits);
                    neurons.step_from_sums(chunks, drive, &mut [ReceptorSums { sums, quantum }], spikes);
                }
                [one, two] if readable > 0 => {
                    let [a, b] = input_rings.narrow_blocks(event_tick(0), [slot(0), slot(1)], blocks, shard_bits);
                    let mut sums = [ReceptorSums { sums: a, quantum: one }, ReceptorSums { sums: b, quantum: two }];
                    neurons.step_from_sums(chunks, drive, &mut sums, spikes);
                }
                _ => {
                    for (r, (&quantum, out)) in quanta.iter().zip(&mut *events).enumerate() {
                        collect(input_rings.blocks(event_tick(r), slot(r), 1, shard_bits), quantum, out);
                    }
                    let events = &events[..quanta.len()];
                    neurons.step(BlockInput { chunks, drive, events, jump: pulses.then_some(&*jump) }, spikes);
                }
            }
            block += blocks;
            readable = readable.saturating_sub(blocks);
        }
        neurons.end_step();
        let start = share.neurons.start;
        message.extend(spikes.drain(..).map(|n| n + start));
    }

    /// Adds the events of `tick` to the receptors of all populations now, so that their variables have the values of
    /// this time. Otherwise the next update would add these events.
    pub fn apply_pending_events(&mut self, plan: &Plan, tick: u64) {
        (0..self.neurons.len()).for_each(|population| self.apply_pending_to(plan, population, tick));
    }

    /// Does what [`Tile::apply_pending_events`] does, for one population.
    fn apply_pending_to(&mut self, plan: &Plan, population: usize, tick: u64) {
        let added_until = std::mem::replace(&mut self.added_until[population], tick);
        let Some(neurons) = self.neurons[population].as_mut().filter(|_| added_until < tick) else { return };
        let share = &self.layout.shares[population];
        for (r, &quantum) in self.quanta[population].iter().enumerate().filter(|(r, _)| !self.jumps[population][*r]) {
            for block in 0..share.blocks() {
                let slot = share.slots[r] + (block * BLOCK) as u32;
                for s in &mut self.stimuli[population] {
                    if s.receptor == Some(r) && is_active(plan, s, tick) {
                        s.stimulus.step(
                            tick,
                            block,
                            InputSink::Receptor(self.input_rings.blocks(tick, slot, 1, self.shard_bits)),
                        );
                    }
                }
                collect(self.input_rings.blocks(tick, slot, 1, self.shard_bits), quantum, &mut self.scratch.events[r]);
                neurons.arrive(r, chunks_of(share, block..block + 1), &self.scratch.events[r]);
            }
        }
    }

    /// Appends the values at `tick` to the samples of every trace that has a row at `tick`.
    pub fn sample(&mut self, plan: &Plan, tick: u64, samples: &mut Samples) {
        samples.resize_with(self.recorded.len(), Vec::new);
        for (index, samples) in samples.iter_mut().enumerate() {
            let recorded = &self.recorded[index];
            if tick >= recorded.from && (tick - recorded.from).is_multiple_of(recorded.every) {
                if recorded.receptor.is_some() {
                    self.apply_pending_to(plan, recorded.population, tick);
                }
                let recorded = &self.recorded[index];
                if let Some(neurons) = &self.neurons[recorded.population] {
                    samples
                        .extend(recorded.neurons.clone().map(|n| neurons.get(recorded.receptor, recorded.variable, n)));
                }
            }
        }
    }

    /// For each variable of each trace, the number of neurons of this tile from which it is recorded.
    pub fn recorded_neurons(&self) -> Vec<usize> {
        self.recorded.iter().map(|r| r.neurons.len()).collect()
    }

    /// Bytes held by (synapses, neurons with their input sums and lists of segments due).
    pub fn bytes(&self) -> (usize, usize) {
        let due: usize = self.due.iter().map(DueLists::bytes).sum();
        let input_rings = match &self.input_rings {
            InputRings::Narrow(rings) => rings.iter().map(Ring::bytes).sum::<usize>(),
            InputRings::Wide(rings) => rings.iter().map(Ring::bytes).sum::<usize>(),
        };
        (self.synapses.bytes(), due + input_rings + self.neurons.iter().flatten().map(|n| n.bytes()).sum::<usize>())
    }

    /// Calls `f` with source population, source neuron, slot in the tile, weight in quanta and delay in steps of every
    /// synapse.
    pub fn each_synapse(&self, f: &mut dyn FnMut(usize, u32, u32, i32, u32)) {
        self.synapses.each(self.shard_bits, f);
    }
}
