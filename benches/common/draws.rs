//! A random source onto a share of neurons, asked for one block after the other.

use super::pages::table;
use lapicque_models::columns::{BLOCK, CHUNKS, LANES, Values};
use lapicque_models::list::Models;
use lapicque_models::membrane::Response;
use lapicque_models::page::Page;
use lapicque_models::source::{Sink, Source, SourceRecipe};
use lapicque_models::sum::{BlockOf, BlockSums};

/// Step in ms.
pub const DT: f64 = 0.1;

/// A source and what it adds to.
pub struct Draws {
    source: Box<dyn Source>,
    onto_receptor: bool,
    blocks: usize,
    tick: u64,
    drive: Values,
    sums: BlockOf<i32>,
    kick: Values,
}

impl Draws {
    /// A source of the list onto `len` neurons.
    pub fn new(len: usize, page: &'static Page, parameters: &[(&str, f64)]) -> Draws {
        let models = Models::standard();
        let response = Response { tau: 20.0, tau_leak: 20.0, per_charge: 0.05, per_voltage: 0.05 };
        let recipe = SourceRecipe {
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
        let source = (models.source(page).expect("a source of the list").build)(&recipe).expect("a good source");
        let none = Values::ZERO;
        Draws {
            source,
            onto_receptor: page.weight().is_some(),
            blocks: len.div_ceil(BLOCK),
            tick: 0,
            drive: none,
            sums: [[0; LANES]; CHUNKS],
            kick: none,
        }
    }

    /// One draw for every neuron.
    pub fn step(&mut self) {
        self.tick += 1;
        for block in 0..self.blocks {
            let Draws { drive, sums, kick, .. } = self;
            let sink = match self.onto_receptor {
                true => Sink::Receptor(BlockSums::Narrow(std::slice::from_mut(sums))),
                false => Sink::Membrane { drive, kick },
            };
            self.source.step(self.tick, block, sink);
        }
    }
}
