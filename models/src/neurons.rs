//! What the engine sees of the neurons of a population: they are stepped block by block, read and changed.

use crate::columns::{LANES, Values};
use crate::sum::BlockOf;
use std::ops::Range;

/// Variables below this are set to zero: subnormal numbers would slow a silent network down.
pub const VANISHED: f64 = 1e-30;
/// Steps after which variables that have decayed below [`VANISHED`] are set to zero. From 1e-30 a variable needs at least
/// 64 steps to become subnormal as long as dt < 10 tau; flushing in every step took an eighth longer (LIF, one or two
/// exponential receptors, AVX-512).
pub const FLUSH_EVERY: u16 = 64;
/// Longest refractory time in steps.
pub const LONGEST_REFRACTORY: u16 = u16::MAX - FLUSH_EVERY;
/// A drive in mV.
#[derive(Clone, Copy, Debug)]
pub enum Drive<'a> {
    /// The same for all neurons.
    Same(f64),
    /// One for each neuron of the block.
    Each(&'a Values),
}

/// What the neurons of one block get in one step.
pub struct Block<'a> {
    /// Chunks of the population's share; at most [`crate::columns::CHUNKS`].
    pub chunks: Range<usize>,
    /// What held currents and noise add to V, in mV.
    pub drive: Drive<'a>,
    /// What arrives at each receptor, sums of weights: at the end of the step where events move the potential at once, at its
    /// beginning where they act from the next step on.
    pub events: &'a [Values],
    /// Jumps of V due at the end of the step from charge pulses, in mV, if any.
    pub kick: Option<&'a Values>,
}

/// Sums of what arrives at one receptor of the neurons of some blocks, in whole numbers of a quantum.
pub struct Sums<'a> {
    /// Zero once they are taken.
    pub sums: &'a mut [BlockOf<i32>],
    /// The unit, a power of two.
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
    /// Steps a block, and appends the neurons that spiked, ascending.
    fn step(&mut self, block: Block<'_>, spikes: &mut Vec<u32>);
    /// Whether [`Neurons::step_from_sums`] may be called.
    fn takes_sums(&self) -> bool;
    /// Steps a block as [`Neurons::step`] does, where nothing but sums arrives, one for each receptor, and takes them. Of
    /// blocks with the same drive for all neurons, up to [`crate::columns::TOGETHER`] may be stepped in one call.
    fn step_from_sums(&mut self, chunks: Range<usize>, drive: Drive<'_>, sums: &mut [Sums<'_>], spikes: &mut Vec<u32>);
    /// Lets events arrive at a receptor now, before the step that else begins with them.
    fn arrive(&mut self, receptor: usize, chunks: Range<usize>, events: &Values);
    /// Ends a step: to be called once all blocks have been stepped. Every [`FLUSH_EVERY`] steps variables that have vanished
    /// are set to zero.
    fn end_step(&mut self);
    /// Steps since that was last done.
    fn since_flush(&self) -> u16;
    /// Changes them, less than [`FLUSH_EVERY`], where no neuron is refractory.
    fn set_since_flush(&mut self, steps: u16);
    /// Value of a variable of one neuron: variables of the membrane (`receptor` None) or of a receptor.
    fn get(&self, receptor: Option<usize>, variable: usize, neuron: usize) -> f64;
    /// Changes a variable of one neuron.
    fn set(&mut self, receptor: Option<usize>, variable: usize, neuron: usize, value: f64);
    /// A copy of the state of `other`, which must be of the same composition and size: parameters may differ.
    fn take_state(&mut self, other: &dyn Neurons, variables: &[(Option<usize>, usize)]) {
        self.set_since_flush(other.since_flush());
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

/// Chunks for a share of `len` neurons: an even number.
pub fn chunks_for(len: usize) -> usize {
    len.div_ceil(LANES).next_multiple_of(2)
}
