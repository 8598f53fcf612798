//! Epochs: how a run is cut into stretches, and what an observer sees of one.

use super::batch::Batch;
use crate::synapses::{History, StepSpikes};
use crossbeam::utils::CachePadded;
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::{PoisonError, RwLock};

/// Longest epoch in steps, where delays would allow a longer one: the observer is called at least that often.
const LONGEST_EPOCH: u64 = 64;

/// Fewest steps that the observer is shown at a time, unless the run ends. Where epochs are short, to call it for each
/// would take a noticeable part of the time.
pub const OBSERVED_STEPS: u64 = 8;

/// Samples of a tile's neurons, row after row, for each trace and variable.
pub type Samples = Vec<Vec<f64>>;
/// The same, written by the tile's worker and read by the observer. Each lies on cache lines of its own.
pub type SharedSamples = CachePadded<RwLock<Samples>>;

/// What an observer sees: the steps since it saw some last, which are one epoch or a few short ones.
pub struct Epoch<'a> {
    /// The steps that have ended.
    pub ticks: RangeInclusive<u64>,
    pub(super) history: &'a History,
    pub(super) samples: &'a [SharedSamples],
    /// For each tile, the neurons of each trace that it holds.
    pub(super) widths: &'a [Vec<usize>],
}

impl Epoch<'_> {
    /// Spikes of one of the steps.
    pub fn spikes(&self, tick: u64) -> &StepSpikes {
        self.history.at(tick)
    }

    /// Appends all to a batch for `populations` populations.
    pub fn append_to(&self, batch: &mut Batch, populations: usize) {
        batch.until = *self.ticks.end();
        batch.spikes.resize_with(populations, Default::default);
        for tick in self.ticks.clone() {
            let step = self.spikes(tick);
            for (p, spikes) in batch.spikes.iter_mut().enumerate() {
                let neurons = step.of(p);
                if !neurons.is_empty() {
                    spikes.neurons.extend_from_slice(neurons);
                    spikes.ticks.resize(spikes.neurons.len(), tick);
                }
            }
        }
        if self.widths.first().is_none_or(Vec::is_empty) {
            return;
        }
        let tiles: Vec<_> = self.samples.iter().map(|s| s.read().unwrap_or_else(PoisonError::into_inner)).collect();
        batch.samples.resize_with(self.widths.first().map_or(0, Vec::len), Vec::new);
        for (probe, samples) in batch.samples.iter_mut().enumerate() {
            // Every tile has its neurons' part of every row.
            let parts: Vec<(&[f64], usize)> = tiles
                .iter()
                .zip(self.widths)
                .filter_map(|(samples, widths)| Some((&samples.get(probe)?[..], widths[probe])))
                .filter(|(_, width)| *width > 0)
                .collect();
            let rows = parts.first().map_or(0, |(part, width)| part.len() / width);
            for row in 0..rows {
                for (part, width) in &parts {
                    samples.extend_from_slice(&part[row * width..(row + 1) * width]);
                }
            }
        }
    }
}

/// Watches a run. Called after every epoch, or as soon as [`OBSERVED_STEPS`] steps have ended where epochs are shorter, on the
/// first worker's thread; `Break` ends the run four epochs later, or at its end, and these are shown too.
pub trait Observer: Send {
    /// Sees an epoch.
    fn epoch(&mut self, epoch: &Epoch<'_>) -> ControlFlow<()>;
}

impl<F: FnMut(&Epoch<'_>) -> ControlFlow<()> + Send> Observer for F {
    fn epoch(&mut self, epoch: &Epoch<'_>) -> ControlFlow<()> {
        self(epoch)
    }
}

/// How a run is cut into epochs.
#[derive(Clone, Copy, Debug)]
pub struct Epochs {
    /// Steps of an epoch.
    pub steps: u64,
    /// First steps of an epoch that need no spikes of the one before.
    pub lead: u64,
}

impl Epochs {
    /// Those of a network whose shortest delay has so many steps.
    pub fn new(shortest_delay: u32) -> Epochs {
        let steps = u64::from(shortest_delay.div_ceil(2)).min(LONGEST_EPOCH);
        Epochs { steps, lead: (u64::from(shortest_delay) - steps).min(steps) }
    }
}
