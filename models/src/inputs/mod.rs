//! The interface of input models. A stimulus adds in every step to the drive of a membrane, to V, or to the events of a
//! receptor.

mod charge_pulse;
mod current;
mod poisson;
mod white_noise;

pub use charge_pulse::ChargePulse;
pub use current::Current;
pub use poisson::Poisson;
pub use white_noise::WhiteNoise;

use crate::columns::{BLOCK, BlockValues, CHUNKS, LANES};
use crate::membranes::Response;
use crate::numerics::accumulate::BlockSums;
use crate::numerics::random::{Lanes, Purpose};
use crate::page::Page;
use crate::parameters::{ParameterError, ParameterTable, Parameters};

/// Where a stimulus adds its effect in one step. A model with a weight ([`Page::weight`]) acts on a receptor, any other
/// model on the membrane.
pub enum InputSink<'a> {
    /// The membranes of one block.
    Membrane {
        /// Change of V, in mV, by the currents of the step.
        drive: &'a mut BlockValues,
        /// Jump of V, in mV, at the end of the step.
        jump: &'a mut BlockValues,
    },
    /// A receptor of one block or a few successive blocks. For each neuron: the sum of the weights of the events that
    /// arrive at the end of the step, in whole numbers of [`InputRecipe::quantum`].
    Receptor(BlockSums<'a>),
}

/// A stimulus onto the neurons of one population in one tile.
pub trait Stimulus: Send + Sync {
    /// Adds the effect of the step that ends at `tick`. The sink belongs to block `block` of the share, and to the
    /// blocks after it if it holds several.
    fn step(&mut self, tick: u64, block: usize, sink: InputSink<'_>);
    /// Whether the stimulus makes V jump: whether it adds to the jump of [`InputSink::Membrane`].
    fn jumps(&self) -> bool {
        false
    }
    /// The drive in mV, if it is the same for all neurons and steps and is the only effect of the stimulus.
    fn constant_drive(&self) -> Option<f64> {
        None
    }
    /// Random generators, one per block; empty for a stimulus without randomness.
    fn generators(&self) -> &[Lanes] {
        &[]
    }
    /// Replaces the generators. A stimulus with new parameters thus continues the random streams of the old one.
    fn set_generators(&mut self, _generators: Vec<Lanes>) {}
}

/// A model of inputs.
pub trait InputModel: 'static {
    /// Documentation and interface.
    const PAGE: &'static Page;
    /// Largest number of events onto one neuron in one step of `dt` ms. The field [`Page::weight`] gives the weight of
    /// each event. 0 for an input that acts on the membrane.
    fn most_events(_parameters: &Parameters, _dt: f64) -> Result<f64, ParameterError> {
        Ok(0.0)
    }
    /// Builds the stimulus onto one share.
    fn build(recipe: &InputRecipe<'_>) -> Result<Box<dyn Stimulus>, ParameterError>;
}

/// Everything that a stimulus is built from.
pub struct InputRecipe<'a> {
    /// Parameters of the share's neurons.
    pub table: &'a ParameterTable,
    /// For each neuron of the share, whether the input reaches it. Empty: the input reaches all.
    pub inside: &'a [bool],
    /// Responses of the membranes of the share: one for all, or one per neuron.
    pub responses: &'a [Response],
    /// Whether currents are given as voltages R·I on a membrane that takes currents.
    pub voltage: bool,
    /// Whether a charge is given as the jump of V, in mV.
    pub jump: bool,
    /// Weights are rounded to whole numbers of the quantum. 1 for an input that acts on the membrane.
    pub quantum: f64,
    /// Step in ms.
    pub dt: f64,
    /// Number of neurons of the share.
    pub len: usize,
    /// Index of the share's first block in the population. The keys of the random generators depend on it.
    pub first_block: usize,
    /// Seed of the input.
    pub seed: u64,
    /// Index of the input in the network.
    pub identity: u64,
}

impl InputRecipe<'_> {
    /// Computes one number per neuron from its parameters and response. 0 for a neuron that the input does not reach.
    pub fn amounts(
        &self,
        amount: impl Fn(&Parameters, &Response) -> Result<f64, ParameterError>,
    ) -> Result<Amounts, ParameterError> {
        let differ = self.table.differs() || self.responses.len() > 1 || !self.inside.is_empty();
        let at = |i: usize| -> Result<f64, ParameterError> {
            let values = self.table.values(i);
            amount(&self.table.parameters(&values)?, &self.responses[if self.responses.len() > 1 { i } else { 0 }])
        };
        if !differ {
            return Ok(Amounts { same: at(0)?, each: Vec::new() });
        }
        // The last block is filled up with zeros. A generator then draws the same number of random numbers per block,
        // whether neurons differ in this share or not.
        let mut each = vec![[0.0; LANES]; self.len.div_ceil(BLOCK) * CHUNKS];
        for i in 0..self.len {
            if self.inside.get(i).copied().unwrap_or(true) {
                each[i / LANES][i % LANES] = at(i)?;
            }
        }
        Ok(Amounts { same: 0.0, each })
    }

    /// One random generator per block of the share.
    pub fn generators(&self, purpose: Purpose) -> Vec<Lanes> {
        let block = |b: usize| Lanes::new(self.seed, purpose, [self.identity, (self.first_block + b) as u64]);
        (0..self.len.div_ceil(BLOCK)).map(block).collect()
    }
}

/// A number for each neuron of a share; stored once if it is the same for all.
pub struct Amounts<T = f64> {
    same: T,
    each: Vec<[T; LANES]>,
}

impl<T: Copy> Amounts<T> {
    /// The numbers of chunk `chunk` of the share. If neurons differ, lanes and chunks behind the last neuron hold
    /// zeros, up to the end of the last block.
    #[inline(always)]
    pub fn chunk(&self, chunk: usize) -> [T; LANES] {
        if self.each.is_empty() { [self.same; LANES] } else { self.each[chunk] }
    }

    /// The number, if it is the same for all neurons.
    pub fn same(&self) -> Option<T> {
        self.each.is_empty().then_some(self.same)
    }

    /// Applies `f` to every number.
    pub fn map<U>(self, f: impl Fn(T) -> U) -> Amounts<U> {
        Amounts { same: f(self.same), each: self.each.into_iter().map(|chunk| chunk.map(&f)).collect() }
    }
}
