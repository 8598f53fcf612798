//! Spike statistics of every population while the run goes on: count, rate, irregularity.
//!
//! All neurons count, whatever spikes are recorded. Interspike intervals are summed in whole ticks, so that the result
//! does not depend on how the run was cut into batches; the mean over neurons is taken in order of their index.

use super::summary::PopulationSummary;

/// Fewest spikes of a neuron for its intervals to count.
const FEWEST_SPIKES: u64 = 10;

/// What one neuron's spikes add up to.
#[derive(Clone, Copy, Debug, Default)]
struct Train {
    /// Σ interval², in ticks².
    squares: u128,
    first: u64,
    last: u64,
    spikes: u64,
}

impl Train {
    fn push(&mut self, tick: u64) {
        if self.spikes == 0 {
            self.first = tick;
        } else {
            let interval = u128::from(tick - self.last);
            self.squares += interval * interval;
        }
        self.last = tick;
        self.spikes += 1;
    }

    /// sd / mean of the intervals, from exact integers: √(n·Σx² − (Σx)²) / Σx.
    fn cv(&self) -> Option<f64> {
        if self.spikes < FEWEST_SPIKES {
            return None;
        }
        let intervals = u128::from(self.spikes - 1);
        let sum = u128::from(self.last - self.first);
        let scatter = (intervals * self.squares).saturating_sub(sum * sum);
        (sum > 0).then(|| (scatter as f64).sqrt() / sum as f64)
    }
}

/// The spikes of one population.
#[derive(Clone, Debug)]
pub(super) struct SpikeStatistics {
    trains: Vec<Train>,
    spikes: u64,
}

impl SpikeStatistics {
    /// For `size` neurons, none of which has spiked.
    pub fn new(size: u32) -> Self {
        SpikeStatistics { trains: vec![Train::default(); size as usize], spikes: 0 }
    }

    /// Takes spikes in order of time. Neurons lie in the population.
    pub fn push(&mut self, ticks: &[u64], neurons: &[u32]) {
        for (&tick, &neuron) in ticks.iter().zip(neurons) {
            if let Some(train) = self.trains.get_mut(neuron as usize) {
                train.push(tick);
            }
        }
        self.spikes += ticks.len() as u64;
    }

    /// The result so far, for a window of this length; the rate in an empty window is 0.
    pub fn summary(&self, name: &str, window_ms: f64) -> PopulationSummary {
        let size = self.trains.len() as u64;
        let neuron_seconds = size as f64 * window_ms * 1e-3;
        let rate_hz = if neuron_seconds > 0.0 { self.spikes as f64 / neuron_seconds } else { 0.0 };
        PopulationSummary { name: name.to_string(), size, spikes: self.spikes, rate_hz, cv_isi: self.cv_isi() }
    }

    fn cv_isi(&self) -> Option<f64> {
        let (mut sum, mut neurons) = (0.0, 0_u64);
        for cv in self.trains.iter().filter_map(Train::cv) {
            sum += cv;
            neurons += 1;
        }
        (neurons > 0).then(|| sum / neurons as f64)
    }
}
