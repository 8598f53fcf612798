//! The activity A(t) of a population: how many of its neurons spiked in each bin.
//!
//! Bin k counts the spikes at ticks in (from + k·bin, from + (k+1)·bin]. A bin is closed, and only then recorded, when
//! everything up to its last tick is known; an unfinished bin at the end of a run is left out.

use super::growing_dataset::{GrowingDataset, Layout};
use super::hdf;
use hdf5::File;

/// Counts the spikes of one population into bins and records them as counts and as rates.
#[derive(Debug)]
pub(super) struct ActivityDatasets {
    count: GrowingDataset<u32>,
    rate: GrowingDataset<f64>,
    /// Spikes per bin × this = Hz: 1 / (neurons · bin in seconds), kept as the divisor.
    neuron_seconds: f64,
    bin: u64,
    /// The last tick of the open bin.
    edge: u64,
    open: u64,
}

/// Where and how one population's activity is recorded.
#[derive(Clone, Copy, Debug)]
pub(super) struct ActivityLayout<'a> {
    /// Name of the population.
    pub population: &'a str,
    /// Its neurons.
    pub size: u32,
    /// Grid step in ms.
    pub dt: f64,
    /// Start of the recording, in ticks.
    pub from: u64,
    /// Ticks the run should last.
    pub steps: u64,
    /// Ticks per bin, at least 1.
    pub bin: u64,
    /// Whether to compress.
    pub compress: bool,
}

impl ActivityDatasets {
    /// Creates the group; `/activity` exists.
    pub fn create(file: &File, layout: ActivityLayout<'_>) -> hdf5::Result<Self> {
        let ActivityLayout { population, size, dt, from, steps, bin, compress } = layout;
        let group = file.create_group(&format!("/activity/{population}"))?;
        let bin_ms = bin as f64 * dt;
        hdf::put(&group, "bin_ms", &bin_ms)?;
        hdf::put(&group, "t_start_ms", &(from as f64 * dt))?;
        hdf::put(&group, "size", &u64::from(size))?;
        hdf::put_text(&group, "units", "Hz")?;
        let expected = Some(steps.saturating_sub(from) / bin);
        let column = Layout { width: None, expected_rows: expected, compress };
        let count = GrowingDataset::create(file, format!("/activity/{population}/spike_count"), column)?;
        let rate = GrowingDataset::create(file, format!("/activity/{population}/rate"), column)?;
        hdf::put_text(rate.dataset()?, "units", "Hz")?;
        let neuron_seconds = f64::from(size) * bin_ms * 1e-3;
        Ok(ActivityDatasets { count, rate, neuron_seconds, bin, edge: from.saturating_add(bin), open: 0 })
    }

    /// Takes the spikes after the start of the recording, in order of time.
    pub fn count(&mut self, ticks: &[u64]) {
        for &tick in ticks {
            if tick > self.edge {
                self.close_before(tick);
            }
            self.open += 1;
        }
    }

    /// Closes the bins that are complete at tick `until`, and writes full blocks.
    pub fn advance(&mut self, until: u64) -> hdf5::Result<()> {
        while until >= self.edge {
            self.close();
        }
        self.count.write_if_full()?;
        self.rate.write_if_full()
    }

    /// Closes bins until `tick` lies in the open one.
    fn close_before(&mut self, tick: u64) {
        while tick > self.edge {
            self.close();
        }
    }

    fn close(&mut self) {
        self.count.pending().push(u32::try_from(self.open).unwrap_or(u32::MAX));
        self.rate.pending().push(self.open as f64 / self.neuron_seconds);
        self.open = 0;
        self.edge += self.bin;
    }

    /// Writes what is gathered.
    pub fn write(&mut self) -> hdf5::Result<()> {
        self.count.write()?;
        self.rate.write()
    }

    /// Lets go of the file.
    pub fn detach(&mut self) {
        self.count.detach();
        self.rate.detach();
    }

    /// Takes up the copy of the file.
    pub fn attach(&mut self, file: &File) -> hdf5::Result<()> {
        self.count.attach(file)?;
        self.rate.attach(file)
    }
}
