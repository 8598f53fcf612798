//! A population with one membrane model and some receptors, under a fixed input. It is stepped block by block, as the
//! engine does if the neurons have different drives.

use super::pages::table;
use lapicque_models::columns::{BLOCK, BlockValues, CHUNKS, LANES, chunks_for};
use lapicque_models::list::Models;
use lapicque_models::page::Page;
use lapicque_models::population::assemble::NeuronRecipe;
use lapicque_models::population::{BlockInput, Drive, Neurons, ReceptorSums};

/// Unit of the integer input sums, a power of two.
const QUANTUM: f64 = 1.0 / 8192.0;

/// Neurons and their input.
pub struct Population {
    neurons: Box<dyn Neurons>,
    drive: BlockValues,
    events: Vec<BlockValues>,
    sums: Vec<[[i32; LANES]; CHUNKS]>,
    spikes: Vec<u32>,
}

impl Population {
    /// `len` neurons with this membrane and these receptors, at dt = 0.1 ms. The drive is slightly stronger than a
    /// leaky membrane with 20 ms needs to reach a threshold of 20 mV. It differs between the neurons of a block, so
    /// that they do not fire together. The events sum to about zero.
    pub fn new(len: usize, membrane: &Page, receptors: &[&'static Page], fuse: bool) -> Population {
        let models = Models::standard();
        let entry = models.membrane(membrane).expect("a membrane of the list");
        let receptors: Vec<_> = receptors
            .iter()
            .map(|page| models.receptor(page).expect("a receptor of the list").with(table(page, &[])))
            .collect();
        let recipe = NeuronRecipe { dt: 0.1, len, membrane: &table(entry.page, &[]), receptors: &receptors, fuse };
        let neurons = (entry.build)(&recipe).expect("parameters that the model accepts");
        let at = |b: usize, l: usize| (b * LANES + l) as f64;
        let lanes = |f: &dyn Fn(f64) -> f64| BlockValues(std::array::from_fn(|b| std::array::from_fn(|l| f(at(b, l)))));
        let drive = lanes(&|i| 0.103 + 0.01 * (i / BLOCK as f64));
        let events: Vec<_> = (0..receptors.len()).map(|r| lanes(&|i| 0.05 * (i * (r + 1) as f64).sin())).collect();
        let sums =
            events.iter().map(|e| e.0.map(|chunk| chunk.map(|event| (event / QUANTUM).round() as i32))).collect();
        Population { neurons, drive, events, sums, spikes: Vec::with_capacity(len) }
    }

    /// Updates every neuron by one step. Returns the number of spikes.
    pub fn step(&mut self) -> usize {
        self.spikes.clear();
        let all = chunks_for(self.neurons.len());
        for first in (0..all).step_by(CHUNKS) {
            let chunks = first..(first + CHUNKS).min(all);
            self.neurons.step(
                BlockInput { chunks, drive: Drive::Each(&self.drive), events: &self.events, jump: None },
                &mut self.spikes,
            );
        }
        self.neurons.end_step();
        self.spikes.len()
    }

    /// The same with integer input sums; `None` for neurons that do not take them. The time includes a copy of the
    /// sums, because the step sets them to zero.
    pub fn step_from_sums(&mut self) -> Option<usize> {
        if !self.neurons.takes_sums() {
            return None;
        }
        self.spikes.clear();
        let all = chunks_for(self.neurons.len());
        for first in (0..all).step_by(CHUNKS) {
            let chunks = first..(first + CHUNKS).min(all);
            let (mut one, mut two) = (self.sums[0], self.sums[self.sums.len() - 1]);
            let [one, two] = [&mut one, &mut two].map(std::slice::from_mut);
            let mut sums = [ReceptorSums { sums: one, quantum: QUANTUM }, ReceptorSums { sums: two, quantum: QUANTUM }];
            let sums = &mut sums[..self.events.len()];
            self.neurons.step_from_sums(chunks, Drive::Each(&self.drive), sums, &mut self.spikes);
        }
        self.neurons.end_step();
        Some(self.spikes.len())
    }
}
