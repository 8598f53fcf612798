//! Spike statistics of every population, updated during the run: spike count, firing rate, coefficient of variation.
//!
//! The statistics include all neurons, whether or not their spikes are recorded. Interspike intervals are summed in
//! whole ticks, so the result does not depend on the division of the run into batches. The mean over neurons is
//! computed in the order of their index.

use super::summary::PopulationSummary;

/// A neuron with fewer spikes does not contribute to the coefficient of variation.
const MIN_SPIKES: u64 = 10;

/// Sums over the spikes of one neuron.
#[derive(Clone, Copy, Debug, Default)]
struct SpikeTrain {
    /// Sum of the squared intervals, in ticks².
    sum_of_squares: u128,
    /// Tick of the first spike.
    first: u64,
    /// Tick of the last spike.
    last: u64,
    spikes: u64,
}

impl SpikeTrain {
    fn push(&mut self, tick: u64) {
        if self.spikes == 0 {
            self.first = tick;
        } else {
            let interval = u128::from(tick - self.last);
            self.sum_of_squares += interval * interval;
        }
        self.last = tick;
        self.spikes += 1;
    }

    /// Coefficient of variation of the n intervals x, from exact integers: √(n·Σx² − (Σx)²) / Σx.
    fn cv(&self) -> Option<f64> {
        if self.spikes < MIN_SPIKES {
            return None;
        }
        let intervals = u128::from(self.spikes - 1);
        let sum = u128::from(self.last - self.first);
        let scaled_variance = (intervals * self.sum_of_squares).saturating_sub(sum * sum);
        (sum > 0).then(|| (scaled_variance as f64).sqrt() / sum as f64)
    }
}

/// Spike statistics of one population.
#[derive(Clone, Debug)]
pub(super) struct SpikeStatistics {
    /// One per neuron.
    trains: Vec<SpikeTrain>,
    spikes: u64,
}

impl SpikeStatistics {
    /// For `size` neurons without spikes so far.
    pub fn new(size: u32) -> Self {
        SpikeStatistics { trains: vec![SpikeTrain::default(); size as usize], spikes: 0 }
    }

    /// Adds spikes in order of time. `neurons` are indices in the population, below its size.
    pub fn push(&mut self, ticks: &[u64], neurons: &[u32]) {
        for (&tick, &neuron) in ticks.iter().zip(neurons) {
            if let Some(train) = self.trains.get_mut(neuron as usize) {
                train.push(tick);
            }
        }
        self.spikes += ticks.len() as u64;
    }

    /// The statistics so far, for a recorded time of `window_ms`. The rate is 0 if `window_ms` is 0.
    pub fn summary(&self, name: &str, window_ms: f64) -> PopulationSummary {
        let size = self.trains.len() as u64;
        let neuron_seconds = size as f64 * window_ms * 1e-3;
        let rate_hz = if neuron_seconds > 0.0 { self.spikes as f64 / neuron_seconds } else { 0.0 };
        PopulationSummary { name: name.to_string(), size, spikes: self.spikes, rate_hz, cv_isi: self.cv_isi() }
    }

    fn cv_isi(&self) -> Option<f64> {
        let (mut sum, mut neurons) = (0.0, 0_u64);
        for cv in self.trains.iter().filter_map(SpikeTrain::cv) {
            sum += cv;
            neurons += 1;
        }
        (neurons > 0).then(|| sum / neurons as f64)
    }
}
