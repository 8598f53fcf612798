//! What an input is: something that adds to the drive, to a receptor's events or to the potential, step by step.

use crate::columns::{BLOCK, CHUNKS, LANES, Values};
use crate::membrane::Response;
use crate::page::{Page, ParameterError, Parameters};
use crate::random::Lanes;
use crate::sum::BlockSums;
use crate::table::Table;

/// Where a source puts what it makes in one step and block: the one or the other, as [`Page::weight`] says of its model.
pub enum Sink<'a> {
    /// The membrane.
    Membrane {
        /// Drive in mV, held over the step.
        drive: &'a mut Values,
        /// Jumps of V in mV due at the end of the step.
        kick: &'a mut Values,
    },
    /// The sums of the receptor that the input names, of events due at the end of the step, in whole numbers of
    /// [`SourceRecipe::quantum`]: of the block that is stepped, and maybe of some behind it.
    Receptor(BlockSums<'a>),
}

/// A source onto one population's share in one tile.
pub trait Source: Send + Sync {
    /// Adds what it makes in the step that ends at tick `tick`, to block `block` of the share, and to those behind it of
    /// which the sink has the sums.
    fn step(&mut self, tick: u64, block: usize, sink: Sink<'_>);
    /// Whether it adds to the kick of [`Sink::Membrane`].
    fn kicks(&self) -> bool {
        false
    }
    /// What it adds to the drive of every neuron, in mV, if that is all it does and it is the same in every step.
    fn same(&self) -> Option<f64> {
        None
    }
    /// Generators, one per block; none for a source without chance.
    fn generators(&self) -> &[Lanes] {
        &[]
    }
    /// Replaces the generators, so that a source with new parameters goes on with the old stream.
    fn set_generators(&mut self, _generators: Vec<Lanes>) {}
}

/// A source model.
pub trait SourceModel: 'static {
    /// Documentation and interface.
    const PAGE: &'static Page;
    /// Largest number of events that it brings a neuron in one step of `dt` ms, each as large as the field
    /// [`Page::weight`] says; 0 for a source onto the membrane.
    fn most_events(_parameters: &Parameters, _dt: f64) -> Result<f64, ParameterError> {
        Ok(0.0)
    }
    /// Builds the source for one share.
    fn build(recipe: &SourceRecipe<'_>) -> Result<Box<dyn Source>, ParameterError>;
}

/// What a source is built from.
pub struct SourceRecipe<'a> {
    /// Parameters of the share's neurons.
    pub table: &'a Table,
    /// Which neurons of the share the input reaches; all of them where empty.
    pub inside: &'a [bool],
    /// Responses of the membranes of the share: one, or one per neuron.
    pub responses: &'a [Response],
    /// Whether drive is given as a voltage, R·I, on a membrane that takes currents.
    pub voltage: bool,
    /// Whether a charge is given as the jump of V that it makes.
    pub jump: bool,
    /// What weights are whole numbers of; 1 for sources onto the membrane.
    pub quantum: f64,
    /// Step in ms.
    pub dt: f64,
    /// Neurons of the share.
    pub len: usize,
    /// Index of the share's first block in its population: generators are keyed by the population's blocks.
    pub first_block: usize,
    /// Seed of the input.
    pub seed: u64,
    /// Identity of the input in the network.
    pub identity: u64,
}

impl SourceRecipe<'_> {
    /// A value per neuron computed from parameters and response, zero outside the input's selection.
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
        // Whole blocks: a generator must go on as far, whether numbers differ in this share or not.
        let mut each = vec![[0.0; LANES]; self.len.div_ceil(BLOCK) * CHUNKS];
        for i in 0..self.len {
            if self.inside.get(i).copied().unwrap_or(true) {
                each[i / LANES][i % LANES] = at(i)?;
            }
        }
        Ok(Amounts { same: 0.0, each })
    }

    /// One generator per block of the share.
    pub fn generators(&self, purpose: crate::random::Purpose) -> Vec<Lanes> {
        let block = |b: usize| Lanes::new(self.seed, purpose, [self.identity, (self.first_block + b) as u64]);
        (0..self.len.div_ceil(BLOCK)).map(block).collect()
    }
}

/// A number for all neurons of a share, or one for each.
pub struct Amounts<T = f64> {
    same: T,
    each: Vec<[T; LANES]>,
}

impl<T: Copy> Amounts<T> {
    /// The numbers of chunk `chunk` of the share, of which there are as many as its blocks have room for; zero behind its last
    /// neuron where numbers differ.
    #[inline(always)]
    pub fn chunk(&self, chunk: usize) -> [T; LANES] {
        if self.each.is_empty() { [self.same; LANES] } else { self.each[chunk] }
    }

    /// The number that all neurons have, if they have the same.
    pub fn same(&self) -> Option<T> {
        self.each.is_empty().then_some(self.same)
    }

    /// Other numbers made of these.
    pub fn map<U>(self, f: impl Fn(T) -> U) -> Amounts<U> {
        Amounts { same: f(self.same), each: self.each.into_iter().map(|chunk| chunk.map(&f)).collect() }
    }
}
