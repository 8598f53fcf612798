//! What an input is: a stimulus that adds, step by step, to the drive of a membrane, to V, or to the events of a receptor.

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

/// Where a stimulus adds what it makes in one step, for one block. A model with a weight ([`Page::weight`]) acts on a
/// receptor, any other on the membrane.
pub enum InputSink<'a> {
    /// The membrane.
    Membrane {
        /// Effect of currents on V in mV; they are held over the step.
        drive: &'a mut BlockValues,
        /// Jumps of V in mV at the end of the step.
        jump: &'a mut BlockValues,
    },
    /// Sums of the events that are due at the end of the step at the receptor that the input names, in whole numbers of
    /// [`InputRecipe::quantum`]. They begin at the block given and may span a few blocks after it.
    Receptor(BlockSums<'a>),
}

/// A stimulus onto the neurons of one population in one tile.
pub trait Stimulus: Send + Sync {
    /// Adds what it makes in the step that ends at tick `tick`, for block `block` of the share and for as many blocks
    /// after it as the sink holds.
    fn step(&mut self, tick: u64, block: usize, sink: InputSink<'_>);
    /// Whether it makes V jump: it adds to the jump of [`InputSink::Membrane`].
    fn jumps(&self) -> bool {
        false
    }
    /// The drive in mV, where it is the same for all neurons and all steps and the stimulus does nothing else.
    fn constant_drive(&self) -> Option<f64> {
        None
    }
    /// Its random generators, one per block; none for a stimulus without randomness.
    fn generators(&self) -> &[Lanes] {
        &[]
    }
    /// Replaces the generators, so that a stimulus with new parameters goes on with the old random stream.
    fn set_generators(&mut self, _generators: Vec<Lanes>) {}
}

/// A model of inputs.
pub trait InputModel: 'static {
    /// Documentation and interface.
    const PAGE: &'static Page;
    /// Largest number of events for one neuron in one step of `dt` ms. Each event is as large as the field
    /// [`Page::weight`] says. 0 for an input that acts on the membrane.
    fn most_events(_parameters: &Parameters, _dt: f64) -> Result<f64, ParameterError> {
        Ok(0.0)
    }
    /// Builds the stimulus onto one share.
    fn build(recipe: &InputRecipe<'_>) -> Result<Box<dyn Stimulus>, ParameterError>;
}

/// What a stimulus is built from.
pub struct InputRecipe<'a> {
    /// Parameters of the share's neurons.
    pub table: &'a ParameterTable,
    /// Whether the input reaches each neuron of the share. Empty: it reaches all.
    pub inside: &'a [bool],
    /// Responses of the membranes of the share: one for all, or one per neuron.
    pub responses: &'a [Response],
    /// Whether currents are given as voltages R·I on a membrane that takes currents.
    pub voltage: bool,
    /// Whether a charge is given as the jump of V that it makes.
    pub jump: bool,
    /// Unit of the weights, which are rounded to whole numbers of it; 1 for an input that acts on the membrane.
    pub quantum: f64,
    /// Step in ms.
    pub dt: f64,
    /// Number of neurons of the share.
    pub len: usize,
    /// Number of the share's first block in its population. Random generators are keyed by it.
    pub first_block: usize,
    /// Seed of the input.
    pub seed: u64,
    /// Number of the input in the network.
    pub identity: u64,
}

impl InputRecipe<'_> {
    /// One value per neuron, computed from its parameters and response; zero for neurons that the input does not reach.
    pub fn amounts(
        &self,
        of: impl Fn(&Parameters, &Response) -> Result<f64, ParameterError>,
    ) -> Result<Amounts, ParameterError> {
        let differ = self.table.differs() || self.responses.len() > 1 || !self.inside.is_empty();
        let at = |i: usize| -> Result<f64, ParameterError> {
            let values = self.table.values(i);
            of(&self.table.parameters(&values)?, &self.responses[if self.responses.len() > 1 { i } else { 0 }])
        };
        if !differ {
            return Ok(Amounts { same: at(0)?, each: Vec::new() });
        }
        // Whole blocks, even where the last is not full: a generator then draws equally many numbers for a block whether
        // neurons differ in this share or not.
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

/// A number for each neuron of a share; one number where all are equal.
pub struct Amounts<T = f64> {
    same: T,
    each: Vec<[T; LANES]>,
}

impl<T: Copy> Amounts<T> {
    /// The numbers of chunk `chunk` of the share. Where neurons differ, the chunks behind the last neuron, up to a whole
    /// block, hold zeros.
    #[inline(always)]
    pub fn chunk(&self, chunk: usize) -> [T; LANES] {
        if self.each.is_empty() { [self.same; LANES] } else { self.each[chunk] }
    }

    /// The number of all neurons, where it is the same.
    pub fn same(&self) -> Option<T> {
        self.each.is_empty().then_some(self.same)
    }

    /// Applies `f` to every number.
    pub fn map<U>(self, f: impl Fn(T) -> U) -> Amounts<U> {
        Amounts { same: f(self.same), each: self.each.into_iter().map(|chunk| chunk.map(&f)).collect() }
    }
}
