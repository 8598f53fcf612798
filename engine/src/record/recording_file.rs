//! Writes batches into the HDF5 file of a recording.
//!
//! The file contains what `record` in the plan asks for: spikes of selected neurons, activity of every population,
//! traces. Threads, flush times and the replacement of the output are handled elsewhere (`writer.rs`, `publish.rs`).

use super::activity::{ActivityDatasets, ActivityLayout};
use super::error::RecordError;
use super::format::FORMAT;
use super::growing_dataset::{GrowingDataset, Layout};
use super::hdf::{self, Sorting};
use super::provenance::{self, Provenance};
use super::request;
use super::statistics::SpikeStatistics;
use super::summary::{PopulationSummary, State};
use crate::plan::{Plan, Population};
use crate::run::{Batch, PopulationSpikes};
use hdf5::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The HDF5 file of one recording.
#[derive(Debug)]
pub(super) struct RecordingFile {
    path: PathBuf,
    /// `None` while the file is closed.
    file: Option<File>,
    /// Time step in ms.
    dt: f64,
    /// Start of the recording, in ticks. Spikes after this tick are recorded.
    from: u64,
    /// Last tick of the last batch.
    until: u64,
    populations: Vec<RecordedPopulation>,
    traces: Vec<TraceDataset>,
}

/// Recorded data and statistics of one population.
#[derive(Debug)]
struct RecordedPopulation {
    name: String,
    size: u32,
    statistics: SpikeStatistics,
    spikes: Option<SpikeDatasets>,
    activity: Option<ActivityDatasets>,
    /// Tick and neuron of the last spike.
    last_spike: Option<(u64, u32)>,
}

/// The recorded spikes of one population.
#[derive(Debug)]
struct SpikeDatasets {
    /// Ranges of recorded neurons in ascending order. They neither touch nor overlap.
    neurons: Vec<Range<u32>>,
    times: GrowingDataset<f64>,
    ids: GrowingDataset<u64>,
}

/// The trace of one variable.
#[derive(Debug)]
struct TraceDataset {
    /// Path of the dataset in the file.
    path: String,
    /// Sampling interval in ticks.
    every: u64,
    /// Number of recorded neurons.
    width: usize,
    dataset: GrowingDataset<f64>,
}

impl RecordingFile {
    /// Creates the file with everything except data. Refuses traces of variables that do not exist.
    pub fn create(path: &Path, plan: &Plan, provenance: &Provenance) -> Result<RecordingFile, RecordError> {
        let units = request::trace_units(plan)?;
        let mut recording = RecordingFile {
            path: path.to_path_buf(),
            file: None,
            dt: plan.dt,
            from: plan.record.from,
            until: 0,
            populations: Vec::new(),
            traces: Vec::new(),
        };
        recording.create_groups(plan, provenance, &units).map_err(|e| RecordError::hdf5("create", path, &e))?;
        Ok(recording)
    }

    fn create_groups(&mut self, plan: &Plan, provenance: &Provenance, units: &[&str]) -> hdf5::Result<()> {
        let file = hdf::create(&self.path)?;
        hdf::set_attribute(&file, "magic", &0x0A7A_u32)?;
        hdf::set_list_attribute(&file, "version", &[0_u32, 1])?;
        hdf::set_text_attribute(&file, "format", FORMAT)?;
        provenance::write_start(&file, plan, provenance)?;
        let (dt, from, compress) = (plan.dt, plan.record.from, plan.record.compress);
        for group in ["spikes", "activity", "traces"] {
            file.create_group(group)?;
        }
        for (index, population) in plan.populations.iter().enumerate() {
            let neurons = recorded_ranges(plan, index);
            let recorded = !neurons.is_empty();
            let spikes = recorded.then(|| SpikeDatasets::create(&file, plan, population, neurons)).transpose()?;
            let layout = |bin| ActivityLayout {
                population: &population.name,
                size: population.size,
                dt,
                from,
                steps: plan.steps,
                bin,
                compress,
            };
            let activity =
                plan.record.activity_bin.map(|bin| ActivityDatasets::create(&file, layout(bin))).transpose()?;
            self.populations.push(RecordedPopulation {
                name: population.name.clone(),
                size: population.size,
                statistics: SpikeStatistics::new(population.size),
                spikes,
                activity,
                last_spike: None,
            });
        }
        let variables = plan.record.traces.iter().flat_map(|trace| trace.variables.iter().map(move |v| (trace, v)));
        for ((trace, variable), units) in variables.zip(units) {
            let group = format!("/traces/{}", plan.populations[trace.of.population].name);
            if !file.link_exists(&group) {
                file.create_group(&group)?;
            }
            let width = trace.of.neurons.len();
            let expected = Some(plan.steps.saturating_sub(from) / trace.every + 1);
            let path = format!("{group}/{variable}");
            let dataset = GrowingDataset::create(
                &file,
                path.clone(),
                Layout { width: Some(width), expected_rows: expected, compress },
            )?;
            let hdf5_dataset = dataset.dataset()?;
            hdf::set_text_attribute(hdf5_dataset, "units", units)?;
            hdf::set_attribute(hdf5_dataset, "start", &(from as f64 * dt))?;
            hdf::set_attribute(hdf5_dataset, "interval", &(trace.every as f64 * dt))?;
            let ids: Vec<u64> = trace.of.neurons.clone().map(u64::from).collect();
            hdf::set_list_attribute(hdf5_dataset, "node_ids", &ids)?;
            self.traces.push(TraceDataset { path, every: trace.every, width, dataset });
        }
        self.file = Some(file);
        Ok(())
    }

    /// Adds a batch to the recording. A batch that breaks the rules of [`Batch`] is refused as a whole.
    pub fn append(&mut self, batch: &Batch) -> Result<(), RecordError> {
        self.check_batch(batch).map_err(|message| RecordError::Batch { until: batch.until, message })?;
        self.until = batch.until;
        self.add_batch(batch).map_err(|e| RecordError::hdf5("write", &self.path, &e))
    }

    fn add_batch(&mut self, batch: &Batch) -> hdf5::Result<()> {
        for (index, population) in self.populations.iter_mut().enumerate() {
            let no_spikes = PopulationSpikes::default();
            population.add_spikes(batch.spikes.get(index).unwrap_or(&no_spikes), self.from, self.until, self.dt)?;
        }
        for (trace, samples) in self.traces.iter_mut().zip(&batch.samples) {
            trace.dataset.buffer().extend_from_slice(samples);
            trace.dataset.write_if_full()?;
        }
        Ok(())
    }

    /// Checks that a batch keeps the rules of [`Batch`]; otherwise returns what is wrong.
    fn check_batch(&self, batch: &Batch) -> Result<(), String> {
        if batch.until < self.until {
            return Err(format!("the previous batch ended at tick {}", self.until));
        }
        if !batch.spikes.is_empty() && batch.spikes.len() != self.populations.len() {
            return Err(format!(
                "it has spikes of {} populations, the plan has {}",
                batch.spikes.len(),
                self.populations.len()
            ));
        }
        for (population, spikes) in self.populations.iter().zip(&batch.spikes) {
            population.check_spikes(spikes, batch.until)?;
        }
        if !batch.samples.is_empty() && batch.samples.len() != self.traces.len() {
            return Err(format!(
                "it has samples of {} variables, the plan records {}",
                batch.samples.len(),
                self.traces.len()
            ));
        }
        for (index, trace) in self.traces.iter().enumerate() {
            let values = batch.samples.get(index).map_or(0, Vec::len);
            let rows = trace.dataset.rows() + (values / trace.width) as u64;
            let expected_rows = batch.until.checked_sub(self.from).map_or(0, |ticks| ticks / trace.every + 1);
            if !values.is_multiple_of(trace.width) || rows != expected_rows {
                return Err(format!(
                    "{} needs {expected_rows} rows of {} values up to this tick; it has {} rows, and the batch adds \
                     {values} values",
                    trace.path,
                    trace.width,
                    trace.dataset.rows()
                ));
            }
        }
        Ok(())
    }

    /// Model time in ms at the end of the last batch.
    pub fn reached_ms(&self) -> f64 {
        self.until as f64 * self.dt
    }

    /// Start and end of the recorded time in ms. Both are equal until the run has passed the start of the recording.
    pub fn window_ms(&self) -> (f64, f64) {
        (self.from as f64 * self.dt, self.until.max(self.from) as f64 * self.dt)
    }

    /// Spike statistics of each population so far.
    pub fn summaries(&self) -> Vec<PopulationSummary> {
        let window = self.until.saturating_sub(self.from) as f64 * self.dt;
        self.populations.iter().map(|p| p.statistics.summary(&p.name, window)).collect()
    }

    /// Writes all data received so far and the time up to which the file is complete; then closes the file.
    pub fn write_and_close(&mut self) -> Result<(), RecordError> {
        self.try_write_and_close().map_err(|e| RecordError::hdf5("write", &self.path, &e))
    }

    /// Writes how the run ended. Call [`RecordingFile::write_and_close`] afterwards.
    pub fn write_end(&mut self, state: State, phases: &[(String, f64)], peak_memory: u64) -> Result<(), RecordError> {
        let file = self.file.as_ref().ok_or_else(|| hdf5::Error::from("the file is closed"));
        file.and_then(|file| provenance::write_end(file, state, phases, peak_memory))
            .map_err(|e| RecordError::hdf5("write", &self.path, &e))
    }

    fn try_write_and_close(&mut self) -> hdf5::Result<()> {
        let (reached_ms, (_, t_stop_ms), summaries) = (self.reached_ms(), self.window_ms(), self.summaries());
        let file = self.file.take().ok_or("the file is closed")?;
        for population in &mut self.populations {
            if let Some(spikes) = &mut population.spikes {
                spikes.times.write()?;
                spikes.ids.write()?;
                hdf::set_attribute(&*file.group(&format!("/spikes/{}", population.name))?, "t_stop_ms", &t_stop_ms)?;
            }
            if let Some(activity) = &mut population.activity {
                activity.write()?;
            }
        }
        for trace in &mut self.traces {
            trace.dataset.write()?;
        }
        provenance::write_progress(&file, reached_ms, &summaries)?;
        // HDF5 reports a failed write here, but not when a dataset is closed.
        file.flush()?;
        self.close_datasets();
        file.close()
    }

    fn close_datasets(&mut self) {
        for population in &mut self.populations {
            if let Some(spikes) = &mut population.spikes {
                spikes.times.close();
                spikes.ids.close();
            }
            if let Some(activity) = &mut population.activity {
                activity.close();
            }
        }
        for trace in &mut self.traces {
            trace.dataset.close();
        }
    }

    /// Opens the file again to append data. After `write_and_close`, a copy of the file must be put at the same path.
    pub fn reopen(&mut self) -> Result<(), RecordError> {
        self.try_reopen().map_err(|e| RecordError::hdf5("write", &self.path, &e))
    }

    fn try_reopen(&mut self) -> hdf5::Result<()> {
        let file = hdf::open_for_appending(&self.path)?;
        for population in &mut self.populations {
            if let Some(spikes) = &mut population.spikes {
                spikes.times.reopen(&file)?;
                spikes.ids.reopen(&file)?;
            }
            if let Some(activity) = &mut population.activity {
                activity.reopen(&file)?;
            }
        }
        for trace in &mut self.traces {
            trace.dataset.reopen(&file)?;
        }
        self.file = Some(file);
        Ok(())
    }
}

impl RecordedPopulation {
    /// Checks the spikes of a batch that ends at tick `until`; otherwise returns what is wrong.
    fn check_spikes(&self, spikes: &PopulationSpikes, until: u64) -> Result<(), String> {
        if spikes.ticks.len() != spikes.neurons.len() {
            return Err(format!(
                "population \"{}\" has {} spike times but {} neuron indices",
                self.name,
                spikes.ticks.len(),
                spikes.neurons.len()
            ));
        }
        let mut last_spike = self.last_spike;
        for (&tick, &neuron) in spikes.ticks.iter().zip(&spikes.neurons) {
            if last_spike.is_some_and(|last| (tick, neuron) <= last) || tick > until || neuron >= self.size {
                return Err(format!(
                    "population \"{}\" of {} neurons: the spike of neuron {neuron} at tick {tick} is out of order, of \
                     a neuron that does not exist, or after the end of the batch",
                    self.name, self.size
                ));
            }
            last_spike = Some((tick, neuron));
        }
        Ok(())
    }

    /// Adds the spikes of a batch that ends at tick `until`. Spikes up to tick `from` are not recorded.
    fn add_spikes(&mut self, spikes: &PopulationSpikes, from: u64, until: u64, dt: f64) -> hdf5::Result<()> {
        if let (Some(&tick), Some(&neuron)) = (spikes.ticks.last(), spikes.neurons.last()) {
            self.last_spike = Some((tick, neuron));
        }
        let first = spikes.ticks.partition_point(|&tick| tick <= from);
        let (ticks, neurons) = (&spikes.ticks[first..], &spikes.neurons[first..]);
        self.statistics.push(ticks, neurons);
        if let Some(recording) = &mut self.spikes {
            recording.add_spikes(ticks, neurons, self.size, dt)?;
        }
        if let Some(activity) = &mut self.activity {
            activity.add_spikes(ticks);
            activity.advance_to(until)?;
        }
        Ok(())
    }
}

impl SpikeDatasets {
    /// Creates the group of the population with empty datasets. The group `/spikes` must exist.
    fn create(file: &File, plan: &Plan, population: &Population, neurons: Vec<Range<u32>>) -> hdf5::Result<Self> {
        let path = format!("/spikes/{}", population.name);
        let group = file.create_group(&path)?;
        hdf::set_attribute(&group, "sorting", &Sorting::by_time)?;
        let t_start_ms = plan.record.from as f64 * plan.dt;
        hdf::set_attribute(&group, "dt_ms", &plan.dt)?;
        hdf::set_attribute(&group, "t_start_ms", &t_start_ms)?;
        hdf::set_attribute(&group, "t_stop_ms", &t_start_ms)?;
        hdf::set_attribute(&group, "size", &u64::from(population.size))?;
        // Start and end of each half-open range of recorded neurons, one range after another.
        let bounds: Vec<u64> =
            neurons.iter().flat_map(|range| [u64::from(range.start), u64::from(range.end)]).collect();
        hdf::set_list_attribute(&group, "recorded", &bounds)?;
        let layout = Layout { width: None, expected_rows: None, compress: plan.record.compress };
        let times = GrowingDataset::create(file, format!("{path}/timestamps"), layout)?;
        hdf::set_text_attribute(times.dataset()?, "units", "ms")?;
        let ids = GrowingDataset::create(file, format!("{path}/node_ids"), layout)?;
        Ok(SpikeDatasets { neurons, times, ids })
    }

    /// Adds the spikes of recorded neurons, for a population of `size` neurons.
    fn add_spikes(&mut self, ticks: &[u64], neurons: &[u32], size: u32, dt: f64) -> hdf5::Result<()> {
        let (times, ids) = (self.times.buffer(), self.ids.buffer());
        if matches!(self.neurons.as_slice(), [all] if *all == (0..size)) {
            times.extend(ticks.iter().map(|&tick| tick as f64 * dt));
            ids.extend(neurons.iter().map(|&neuron| u64::from(neuron)));
        } else {
            for (&tick, &neuron) in ticks.iter().zip(neurons) {
                let next = self.neurons.partition_point(|range| range.end <= neuron);
                if self.neurons.get(next).is_some_and(|range| range.contains(&neuron)) {
                    times.push(tick as f64 * dt);
                    ids.push(u64::from(neuron));
                }
            }
        }
        self.times.write_if_full()?;
        self.ids.write_if_full()
    }
}

/// The neurons of a population whose spikes are recorded: ranges in ascending order, with overlapping and adjacent
/// selections merged.
fn recorded_ranges(plan: &Plan, population: usize) -> Vec<Range<u32>> {
    let mut ranges: Vec<Range<u32>> = plan
        .record
        .spikes
        .iter()
        .filter(|selection| selection.population == population && !selection.neurons.is_empty())
        .map(|selection| selection.neurons.clone())
        .collect();
    ranges.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<u32>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}
