//! The population activity A(t): number of spikes of a population in each time bin, and the rate in Hz.
//!
//! Bin k counts the spikes at ticks in (from + k·bin, from + (k+1)·bin]. A bin is recorded when all spikes up to its
//! last tick are known. A bin that is incomplete at the end of a run is not recorded.

use super::growing_dataset::{GrowingDataset, Layout};
use super::hdf;
use hdf5::File;

/// Counts the spikes of one population in bins and records the counts and the rates.
#[derive(Debug)]
pub(super) struct ActivityDatasets {
    count: GrowingDataset<u32>,
    rate: GrowingDataset<f64>,
    /// Number of neurons × bin width in seconds. A spike count divided by this is a rate in Hz.
    neuron_seconds: f64,
    /// Bin width in ticks.
    bin: u64,
    /// Last tick of the current bin.
    bin_end: u64,
    /// Spikes in the current bin so far.
    spikes_in_bin: u64,
}

/// What is needed to create the activity datasets of one population.
#[derive(Clone, Copy, Debug)]
pub(super) struct ActivityLayout<'a> {
    /// Name of the population.
    pub population: &'a str,
    /// Number of neurons.
    pub size: u32,
    /// Time step in ms.
    pub dt: f64,
    /// Start of the recording, in ticks.
    pub from: u64,
    /// Planned length of the run, in ticks.
    pub steps: u64,
    /// Bin width in ticks, at least 1.
    pub bin: u64,
    /// Whether the datasets are compressed.
    pub compress: bool,
}

impl ActivityDatasets {
    /// Creates the group of the population with empty datasets. The group `/activity` must exist.
    pub fn create(file: &File, layout: ActivityLayout<'_>) -> hdf5::Result<Self> {
        let ActivityLayout { population, size, dt, from, steps, bin, compress } = layout;
        let group = file.create_group(&format!("/activity/{population}"))?;
        let bin_ms = bin as f64 * dt;
        hdf::set_attribute(&group, "bin_ms", &bin_ms)?;
        hdf::set_attribute(&group, "t_start_ms", &(from as f64 * dt))?;
        hdf::set_attribute(&group, "size", &u64::from(size))?;
        hdf::set_text_attribute(&group, "units", "Hz")?;
        let expected = Some(steps.saturating_sub(from) / bin);
        let dataset_layout = Layout { width: None, expected_rows: expected, compress };
        let count = GrowingDataset::create(file, format!("/activity/{population}/spike_count"), dataset_layout)?;
        let rate = GrowingDataset::create(file, format!("/activity/{population}/rate"), dataset_layout)?;
        hdf::set_text_attribute(rate.dataset()?, "units", "Hz")?;
        let neuron_seconds = f64::from(size) * bin_ms * 1e-3;
        Ok(ActivityDatasets { count, rate, neuron_seconds, bin, bin_end: from.saturating_add(bin), spikes_in_bin: 0 })
    }

    /// Adds spikes in order of time. All must lie after the start of the recording.
    pub fn add_spikes(&mut self, ticks: &[u64]) {
        for &tick in ticks {
            if tick > self.bin_end {
                self.finish_bins_before(tick);
            }
            self.spikes_in_bin += 1;
        }
    }

    /// Finishes the bins that end at or before tick `until`. Writes the datasets if their buffers are full.
    pub fn advance_to(&mut self, until: u64) -> hdf5::Result<()> {
        while until >= self.bin_end {
            self.finish_bin();
        }
        self.count.write_if_full()?;
        self.rate.write_if_full()
    }

    /// Finishes the bins that end before `tick`.
    fn finish_bins_before(&mut self, tick: u64) {
        while tick > self.bin_end {
            self.finish_bin();
        }
    }

    fn finish_bin(&mut self) {
        self.count.buffer().push(u32::try_from(self.spikes_in_bin).unwrap_or(u32::MAX));
        self.rate.buffer().push(self.spikes_in_bin as f64 / self.neuron_seconds);
        self.spikes_in_bin = 0;
        self.bin_end += self.bin;
    }

    /// Writes all buffered values.
    pub fn write(&mut self) -> hdf5::Result<()> {
        self.count.write()?;
        self.rate.write()
    }

    /// Closes the datasets.
    pub fn close(&mut self) {
        self.count.close();
        self.rate.close();
    }

    /// Opens the datasets again, in a copy of the file.
    pub fn reopen(&mut self, file: &File) -> hdf5::Result<()> {
        self.count.reopen(file)?;
        self.rate.reopen(file)
    }
}
