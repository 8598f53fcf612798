//! Epochs: how a run is cut into them, and what an observer sees of an epoch.

use super::batch::Batch;
use crate::synapses::{History, StepSpikes};
use crossbeam::utils::CachePadded;
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::{PoisonError, RwLock};

/// Longest epoch in steps, even if the delays allow longer ones: the observer is called at least that often.
const LONGEST_EPOCH: u64 = 64;

/// Smallest number of steps that the observer is shown at a time, except at the end of a run. A call after every short
/// epoch would take a noticeable part of the time.
pub const OBSERVED_STEPS: u64 = 8;

/// Samples of one tile's neurons: an item for each variable of each trace, row after row.
pub type Samples = Vec<Vec<f64>>;
/// Samples that the tile's worker writes and the observer reads. The padding keeps each lock on cache lines of its own.
pub type SharedSamples = CachePadded<RwLock<Samples>>;

/// What an observer sees: all steps since the observer was last called. They are one epoch, or a few short ones.
pub struct Epoch<'a> {
    /// The ticks at which these steps end.
    pub ticks: RangeInclusive<u64>,
    pub(super) history: &'a History,
    /// Samples of each tile.
    pub(super) samples: &'a [SharedSamples],
    /// For each tile and each variable of each trace: the number of recorded neurons.
    pub(super) widths: &'a [Vec<usize>],
}

impl Epoch<'_> {
    /// The spikes stamped `tick`, which must be one of [`Epoch::ticks`].
    pub fn spikes(&self, tick: u64) -> &StepSpikes {
        self.history.at(tick)
    }

    /// Appends all spikes and samples to a batch. `populations` is the number of populations of the plan.
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
        for (variable, samples) in batch.samples.iter_mut().enumerate() {
            // A row of the batch consists of the rows of all tiles, one after the other.
            let parts: Vec<(&[f64], usize)> = tiles
                .iter()
                .zip(self.widths)
                .filter_map(|(samples, widths)| Some((&samples.get(variable)?[..], widths[variable])))
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

/// Watches a run. The first worker's thread calls it after every epoch. Where epochs are shorter than
/// [`OBSERVED_STEPS`] steps, it is called once at least that many steps have ended.
pub trait Observer: Send {
    /// Sees the steps since the last call. `Break` ends the run four epochs later, or at its end if that comes first.
    /// The observer sees these last epochs too.
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
    /// Number of steps in an epoch.
    pub steps: u64,
    /// Number of steps at the beginning of an epoch that need no spikes of the epoch before: all steps, or all except
    /// one.
    pub independent_steps: u64,
}

impl Epochs {
    /// The epochs of a network whose shortest delay is `shortest_delay` steps, at least 1.
    pub fn new(shortest_delay: u32) -> Epochs {
        let steps = u64::from(shortest_delay.div_ceil(2)).min(LONGEST_EPOCH);
        Epochs { steps, independent_steps: (u64::from(shortest_delay) - steps).min(steps) }
    }
}
