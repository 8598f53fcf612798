//! The interface between the engine and the neurons of a population: update a block, read a variable, change it.

use crate::columns::BlockValues;
use crate::numerics::accumulate::SumBlock;
use std::ops::Range;

/// A variable whose absolute value is below this is set to zero: subnormal numbers would slow a silent network down.
pub const NEGLIGIBLE: f64 = 1e-30;
/// Steps between two sweeps that set [`NEGLIGIBLE`] variables to zero. From 1e-30 a variable takes at least 64 steps to
/// become subnormal as long as dt < 10 tau. A sweep in every step took an eighth longer (LIF with one or two exponential
/// receptors, AVX-512).
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
    /// For each receptor, the sum of the weights of the events that arrive. Events that make V jump arrive at the end of
    /// the step. All other events arrive at its beginning.
    pub events: &'a [BlockValues],
    /// Jumps of V at the end of the step by charge pulses, in mV; `None` where there is no pulse.
    pub jump: Option<&'a BlockValues>,
}

/// Events that arrive at one receptor of some blocks, as whole numbers of a quantum.
pub struct ReceptorSums<'a> {
    /// One sum per neuron; set to zero once read.
    pub sums: &'a mut [SumBlock<i32>],
    /// The unit of the sums, a power of two.
    pub quantum: f64,
}

/// The neurons of one population in one tile.
pub trait Neurons: Send + Sync {
    /// Number of neurons.
    fn len(&self) -> usize;
    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Updates a block by one step and appends the indices of the neurons that spike, ascending.
    fn step(&mut self, input: BlockInput<'_>, spikes: &mut Vec<u32>);
    /// Whether [`Neurons::step_from_sums`] may be called.
    fn takes_sums(&self) -> bool;
    /// Does what [`Neurons::step`] does, from sums of quanta and without charge pulses. `sums` has one item per receptor.
    /// Where all neurons have the same drive, up to [`crate::columns::BLOCKS_AT_ONCE`] blocks may be updated in one call.
    fn step_from_sums(
        &mut self,
        chunks: Range<usize>,
        drive: Drive<'_>,
        sums: &mut [ReceptorSums<'_>],
        spikes: &mut Vec<u32>,
    );
    /// Adds events to the state of a receptor now. Otherwise they are added when the next step begins.
    fn arrive(&mut self, receptor: usize, chunks: Range<usize>, events: &BlockValues);
    /// Ends a step; to be called once all blocks have been updated. Every [`CLEARING_INTERVAL`] steps it sets negligible
    /// variables to zero.
    fn end_step(&mut self);
    /// Steps since negligible variables were last set to zero.
    fn steps_since_clearing(&self) -> u16;
    /// Changes that number, to less than [`CLEARING_INTERVAL`]. No neuron may be refractory.
    fn set_steps_since_clearing(&mut self, steps: u16);
    /// Value of a variable of one neuron, of the membrane (`receptor` is `None`) or of a receptor.
    fn get(&self, receptor: Option<usize>, variable: usize, neuron: usize) -> f64;
    /// Changes a variable of one neuron.
    fn set(&mut self, receptor: Option<usize>, variable: usize, neuron: usize, value: f64);
    /// Copies the state of `other`, which has the same membrane model, receptors and size. Parameters may differ.
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
    /// Steps of refractory time left.
    fn refractory_left(&self, neuron: usize) -> u16;
    /// Changes the steps of refractory time left, at most [`LONGEST_REFRACTORY`].
    fn set_refractory_left(&mut self, neuron: usize, steps: u16);
    /// Bytes held.
    fn bytes(&self) -> usize;
}
