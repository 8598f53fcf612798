//! A random input onto the neurons of one population, stepped block by block.

use super::pages::table;
use lapicque_models::columns::{BLOCK, BlockValues, CHUNKS, LANES};
use lapicque_models::inputs::{InputRecipe, InputSink, Stimulus};
use lapicque_models::list::Models;
use lapicque_models::membranes::Response;
use lapicque_models::numerics::accumulate::{BlockSums, SumBlock};
use lapicque_models::page::Page;

/// Step in ms.
pub const DT: f64 = 0.1;

/// An input and the values that it adds to.
pub struct Draws {
    source: Box<dyn Stimulus>,
    onto_receptor: bool,
    blocks: usize,
    tick: u64,
    drive: BlockValues,
    sums: SumBlock<i32>,
    jump: BlockValues,
}

impl Draws {
    /// The input model of this page onto `len` neurons, with these parameters.
    pub fn new(len: usize, page: &'static Page, parameters: &[(&str, f64)]) -> Draws {
        let models = Models::standard();
        let response = Response { tau: 20.0, tau_leak: 20.0, per_charge: 0.05, per_voltage: 0.05 };
        let recipe = InputRecipe {
            table: &table(page, parameters),
            inside: &[],
            responses: &[response],
            voltage: true,
            jump: false,
            quantum: 1e-4,
            dt: DT,
            len,
            first_block: 0,
            seed: 1,
            identity: 1,
        };
        let source = (models.input(page).expect("a source of the list").build)(&recipe).expect("a good source");
        let zero = BlockValues::ZERO;
        Draws {
            source,
            onto_receptor: page.weight().is_some(),
            blocks: len.div_ceil(BLOCK),
            tick: 0,
            drive: zero,
            sums: [[0; LANES]; CHUNKS],
            jump: zero,
        }
    }

    /// Runs one step: one draw for every neuron.
    pub fn step(&mut self) {
        self.tick += 1;
        for block in 0..self.blocks {
            let Draws { drive, sums, jump, .. } = self;
            let sink = match self.onto_receptor {
                true => InputSink::Receptor(BlockSums::Narrow(std::slice::from_mut(sums))),
                false => InputSink::Membrane { drive, jump },
            };
            self.source.step(self.tick, block, sink);
        }
    }
}
