//! The interface between the engine and the neurons of a population: update a block, read a variable, change it.

use crate::columns::BlockValues;
use crate::numerics::accumulate::SumBlock;
use std::ops::Range;

/// A variable whose absolute value is below this is negligible and set to zero. Without that, the subnormal numbers of
/// a silent network would slow the CPU down.
pub const NEGLIGIBLE: f64 = 1e-30;
/// Steps between two sweeps that set [`NEGLIGIBLE`] variables to zero. From 1e-30 a variable takes at least 64 steps to
/// become subnormal as long as dt < 10 tau. With a sweep in every step, updates took an eighth longer (LIF with
/// one or two exponential receptors, AVX-512).
pub const CLEARING_INTERVAL: u16 = 64;
/// Longest refractory time in steps.
pub const LONGEST_REFRACTORY: u16 = u16::MAX - CLEARING_INTERVAL;

/// What currents and noise from outside add to V at the end of a step, in mV.
#[derive(Clone, Copy, Debug)]
pub enum Drive<'a> {
    /// The same for all neurons.
    Same(f64),
    /// One value for each neuron of the block.
    Each(&'a BlockValues),
}

/// What the neurons of one block receive in one step.
pub struct BlockInput<'a> {
    /// Chunks of the population's share; at most [`crate::columns::CHUNKS`].
    pub chunks: Range<usize>,
    /// Currents and noise, as their effect on V in mV.
    pub drive: Drive<'a>,
    /// For each receptor, the sum of the weights of the events that arrive. Events that make V jump arrive at the end
    /// of the step. All other events arrive at its beginning.
    pub events: &'a [BlockValues],
    /// Jumps of V at the end of the step by charge pulses, in mV; `None` if there is no pulse.
    pub jump: Option<&'a BlockValues>,
}

/// Events that arrive at one receptor of the neurons of some blocks, as whole numbers of a quantum.
pub struct ReceptorSums<'a> {
    /// One sum per neuron. Reading a sum sets it to zero.
    pub sums: &'a mut [SumBlock<i32>],
    /// The unit of the sums, a power of two.
    pub quantum: f64,
}

/// The neurons of one population in one tile.
pub trait Neurons: Send + Sync {
    /// Number of neurons.
    fn len(&self) -> usize;
    /// Whether there is no neuron.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Updates a block by one step. Appends the indices of the neurons that spike, in ascending order.
    fn step(&mut self, input: BlockInput<'_>, spikes: &mut Vec<u32>);
    /// Whether [`Neurons::step_from_sums`] may be called.
    fn takes_sums(&self) -> bool;
    /// Like [`Neurons::step`], but takes events as sums of quanta and no charge pulses. `sums` has one item per
    /// receptor. If all neurons have the same drive, one call may update up to [`crate::columns::BLOCKS_AT_ONCE`]
    /// blocks.
    fn step_from_sums(
        &mut self,
        chunks: Range<usize>,
        drive: Drive<'_>,
        sums: &mut [ReceptorSums<'_>],
        spikes: &mut Vec<u32>,
    );
    /// Adds events to the state of a receptor now, not at the beginning of the next step.
    fn arrive(&mut self, receptor: usize, chunks: Range<usize>, events: &BlockValues);
    /// Ends a step. To be called after all blocks have been updated. Every [`CLEARING_INTERVAL`] steps this call sets
    /// negligible variables to zero.
    fn end_step(&mut self);
    /// Steps since negligible variables were last set to zero.
    fn steps_since_clearing(&self) -> u16;
    /// Sets the steps since negligible variables were last set to zero, to less than [`CLEARING_INTERVAL`]. No neuron
    /// may be refractory.
    fn set_steps_since_clearing(&mut self, steps: u16);
    /// Value of a variable of one neuron: of the membrane if `receptor` is `None`, else of this receptor.
    fn get(&self, receptor: Option<usize>, variable: usize, neuron: usize) -> f64;
    /// Sets a variable of one neuron; arguments as in [`Neurons::get`].
    fn set(&mut self, receptor: Option<usize>, variable: usize, neuron: usize, value: f64);
    /// Copies the state of `other`, which has the same membrane model, receptors and size. Parameters may differ.
    /// `variables` lists all variables, each as receptor and variable.
    fn copy_state(&mut self, other: &dyn Neurons, variables: &[(Option<usize>, usize)]) {
        self.set_steps_since_clearing(other.steps_since_clearing());
        for &(receptor, variable) in variables {
            for neuron in 0..self.len() {
                self.set(receptor, variable, neuron, other.get(receptor, variable, neuron));
            }
        }
        for neuron in 0..self.len() {
            self.set_refractory_left(neuron, other.refractory_left(neuron));
        }
    }
    /// Remaining refractory time of a neuron, in steps.
    fn refractory_left(&self, neuron: usize) -> u16;
    /// Sets the remaining refractory time of a neuron in steps, at most [`LONGEST_REFRACTORY`].
    fn set_refractory_left(&mut self, neuron: usize, steps: u16);
    /// Bytes held.
    fn bytes(&self) -> usize;
}
