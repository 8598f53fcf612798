//! The file being written: batches go in, a file that is complete up to a known time comes out.
//!
//! A recording writes what the plan's `record` asks for and nothing else: spikes of the selections, activity of every
//! population, traces. It knows nothing of threads, clocks or of how a file is published.

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

/// Writes one recording.
#[derive(Debug)]
pub(super) struct RecordingFile {
    path: PathBuf,
    file: Option<File>,
    dt: f64,
    from: u64,
    until: u64,
    populations: Vec<RecordedPopulation>,
    traces: Vec<TraceDataset>,
}

/// What is kept of one population.
#[derive(Debug)]
struct RecordedPopulation {
    name: String,
    size: u32,
    statistics: SpikeStatistics,
    spikes: Option<SpikeDatasets>,
    activity: Option<ActivityDatasets>,
    /// The last spike taken.
    last: Option<(u64, u32)>,
}

/// The recorded spikes of one population.
#[derive(Debug)]
struct SpikeDatasets {
    /// Recorded neurons: ranges in order that neither touch nor overlap.
    neurons: Vec<Range<u32>>,
    times: GrowingDataset<f64>,
    ids: GrowingDataset<u64>,
}

/// One recorded variable.
#[derive(Debug)]
struct TraceDataset {
    name: String,
    every: u64,
    width: usize,
    rows: GrowingDataset<f64>,
}

impl RecordingFile {
    /// Creates the file with everything but data.
    pub fn create(path: &Path, plan: &Plan, given: &Provenance) -> Result<RecordingFile, RecordError> {
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
        recording.build(plan, given, &units).map_err(|e| RecordError::hdf5("create", path, &e))?;
        Ok(recording)
    }

    fn build(&mut self, plan: &Plan, given: &Provenance, units: &[&str]) -> hdf5::Result<()> {
        let file = hdf::create(&self.path)?;
        hdf::put(&file, "magic", &0x0A7A_u32)?;
        hdf::put_list(&file, "version", &[0_u32, 1])?;
        hdf::put_text(&file, "format", FORMAT)?;
        provenance::write(&file, plan, given)?;
        let (dt, from, compress) = (plan.dt, plan.record.from, plan.record.compress);
        for group in ["spikes", "activity", "traces"] {
            file.create_group(group)?;
        }
        for (index, population) in plan.populations.iter().enumerate() {
            let neurons = selected(plan, index);
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
                last: None,
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
            let name = format!("{group}/{variable}");
            let rows = GrowingDataset::create(
                &file,
                name.clone(),
                Layout { width: Some(width), expected_rows: expected, compress },
            )?;
            let dataset = rows.dataset()?;
            hdf::put_text(dataset, "units", units)?;
            hdf::put(dataset, "start", &(from as f64 * dt))?;
            hdf::put(dataset, "interval", &(trace.every as f64 * dt))?;
            let ids: Vec<u64> = trace.of.neurons.clone().map(u64::from).collect();
            hdf::put_list(dataset, "node_ids", &ids)?;
            self.traces.push(TraceDataset { name, every: trace.every, width, rows });
        }
        self.file = Some(file);
        Ok(())
    }

    /// Takes a batch. Nothing of a batch that breaks the contract is written.
    pub fn append(&mut self, batch: &Batch) -> Result<(), RecordError> {
        self.inspect(batch).map_err(|message| RecordError::Batch { until: batch.until, message })?;
        self.until = batch.until;
        self.take(batch).map_err(|e| RecordError::hdf5("write", &self.path, &e))
    }

    fn take(&mut self, batch: &Batch) -> hdf5::Result<()> {
        for (index, population) in self.populations.iter_mut().enumerate() {
            let none = PopulationSpikes::default();
            population.take(batch.spikes.get(index).unwrap_or(&none), self.from, self.until, self.dt)?;
        }
        for (trace, samples) in self.traces.iter_mut().zip(&batch.samples) {
            trace.rows.pending().extend_from_slice(samples);
            trace.rows.write_if_full()?;
        }
        Ok(())
    }

    /// Holds a batch against the contract of `batch.rs`.
    fn inspect(&self, batch: &Batch) -> Result<(), String> {
        if batch.until < self.until {
            return Err(format!("the one before ended at tick {}", self.until));
        }
        if !batch.spikes.is_empty() && batch.spikes.len() != self.populations.len() {
            return Err(format!(
                "it has spikes of {} populations, the plan has {}",
                batch.spikes.len(),
                self.populations.len()
            ));
        }
        for (population, spikes) in self.populations.iter().zip(&batch.spikes) {
            population.inspect(spikes, batch.until)?;
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
            let rows = trace.rows.rows() + (values / trace.width) as u64;
            let due = batch.until.checked_sub(self.from).map_or(0, |ticks| ticks / trace.every + 1);
            if !values.is_multiple_of(trace.width) || rows != due {
                return Err(format!(
                    "{} has rows of {} neurons, {due} of them by now; {values} values are given after {} rows",
                    trace.name,
                    trace.width,
                    trace.rows.rows()
                ));
            }
        }
        Ok(())
    }

    /// Model time, in ms, up to which everything was taken.
    pub fn reached_ms(&self) -> f64 {
        self.until as f64 * self.dt
    }

    /// The recording window in ms: empty before its start is reached.
    pub fn window_ms(&self) -> (f64, f64) {
        (self.from as f64 * self.dt, self.until.max(self.from) as f64 * self.dt)
    }

    /// The statistics so far.
    pub fn summaries(&self) -> Vec<PopulationSummary> {
        let window = self.until.saturating_sub(self.from) as f64 * self.dt;
        self.populations.iter().map(|p| p.statistics.summary(&p.name, window)).collect()
    }

    /// Writes everything taken so far, says in the file how far it is complete, and closes it.
    pub fn commit(&mut self) -> Result<(), RecordError> {
        self.store().map_err(|e| RecordError::hdf5("write", &self.path, &e))
    }

    /// Writes how the run ended; [`RecordingFile::commit`] follows.
    pub fn seal(&mut self, state: State, phases: &[(String, f64)], peak_memory: u64) -> Result<(), RecordError> {
        let file = self.file.as_ref().ok_or_else(|| hdf5::Error::from("the file is closed"));
        file.and_then(|file| provenance::close(file, state, phases, peak_memory))
            .map_err(|e| RecordError::hdf5("write", &self.path, &e))
    }

    fn store(&mut self) -> hdf5::Result<()> {
        let (reached_ms, (_, t_stop_ms), summaries) = (self.reached_ms(), self.window_ms(), self.summaries());
        let file = self.file.take().ok_or("the file is closed")?;
        for population in &mut self.populations {
            if let Some(spikes) = &mut population.spikes {
                spikes.times.write()?;
                spikes.ids.write()?;
                hdf::put(&*file.group(&format!("/spikes/{}", population.name))?, "t_stop_ms", &t_stop_ms)?;
            }
            if let Some(activity) = &mut population.activity {
                activity.write()?;
            }
        }
        for trace in &mut self.traces {
            trace.rows.write()?;
        }
        provenance::update(&file, reached_ms, &summaries)?;
        // The library reports a failed write here, and no longer when a dataset is let go.
        file.flush()?;
        self.detach();
        file.close()
    }

    fn detach(&mut self) {
        for population in &mut self.populations {
            if let Some(spikes) = &mut population.spikes {
                spikes.times.detach();
                spikes.ids.detach();
            }
            if let Some(activity) = &mut population.activity {
                activity.detach();
            }
        }
        for trace in &mut self.traces {
            trace.rows.detach();
        }
    }

    /// Goes on in a copy of the committed file at the same path.
    pub fn reopen(&mut self) -> Result<(), RecordError> {
        self.attach().map_err(|e| RecordError::hdf5("write", &self.path, &e))
    }

    fn attach(&mut self) -> hdf5::Result<()> {
        let file = hdf::reopen(&self.path)?;
        for population in &mut self.populations {
            if let Some(spikes) = &mut population.spikes {
                spikes.times.attach(&file)?;
                spikes.ids.attach(&file)?;
            }
            if let Some(activity) = &mut population.activity {
                activity.attach(&file)?;
            }
        }
        for trace in &mut self.traces {
            trace.rows.attach(&file)?;
        }
        self.file = Some(file);
        Ok(())
    }
}

impl RecordedPopulation {
    fn inspect(&self, spikes: &PopulationSpikes, until: u64) -> Result<(), String> {
        if spikes.ticks.len() != spikes.neurons.len() {
            return Err(format!(
                "population \"{}\" has {} spike times and {} neurons",
                self.name,
                spikes.ticks.len(),
                spikes.neurons.len()
            ));
        }
        let mut last = self.last;
        for (&tick, &neuron) in spikes.ticks.iter().zip(&spikes.neurons) {
            if last.is_some_and(|last| (tick, neuron) <= last) || tick > until || neuron >= self.size {
                return Err(format!(
                    "population \"{}\" of {} neurons: a spike of neuron {neuron} at tick {tick} is out of order, out of \
                     range or after the batch's end",
                    self.name, self.size
                ));
            }
            last = Some((tick, neuron));
        }
        Ok(())
    }

    fn take(&mut self, spikes: &PopulationSpikes, from: u64, until: u64, dt: f64) -> hdf5::Result<()> {
        if let (Some(&tick), Some(&neuron)) = (spikes.ticks.last(), spikes.neurons.last()) {
            self.last = Some((tick, neuron));
        }
        let first = spikes.ticks.partition_point(|&tick| tick <= from);
        let (ticks, neurons) = (&spikes.ticks[first..], &spikes.neurons[first..]);
        self.statistics.push(ticks, neurons);
        if let Some(recording) = &mut self.spikes {
            recording.take(ticks, neurons, self.size, dt)?;
        }
        if let Some(activity) = &mut self.activity {
            activity.count(ticks);
            activity.advance(until)?;
        }
        Ok(())
    }
}

impl SpikeDatasets {
    fn create(file: &File, plan: &Plan, population: &Population, neurons: Vec<Range<u32>>) -> hdf5::Result<Self> {
        let path = format!("/spikes/{}", population.name);
        let group = file.create_group(&path)?;
        hdf::put(&group, "sorting", &Sorting::by_time)?;
        let t_start_ms = plan.record.from as f64 * plan.dt;
        hdf::put(&group, "dt_ms", &plan.dt)?;
        hdf::put(&group, "t_start_ms", &t_start_ms)?;
        hdf::put(&group, "t_stop_ms", &t_start_ms)?;
        hdf::put(&group, "size", &u64::from(population.size))?;
        // First and end (half-open) of each range of recorded neurons, one range after another.
        let bounds: Vec<u64> =
            neurons.iter().flat_map(|range| [u64::from(range.start), u64::from(range.end)]).collect();
        hdf::put_list(&group, "recorded", &bounds)?;
        let layout = Layout { width: None, expected_rows: None, compress: plan.record.compress };
        let times = GrowingDataset::create(file, format!("{path}/timestamps"), layout)?;
        hdf::put_text(times.dataset()?, "units", "ms")?;
        let ids = GrowingDataset::create(file, format!("{path}/node_ids"), layout)?;
        Ok(SpikeDatasets { neurons, times, ids })
    }

    fn take(&mut self, ticks: &[u64], neurons: &[u32], size: u32, dt: f64) -> hdf5::Result<()> {
        let (times, ids) = (self.times.pending(), self.ids.pending());
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

/// The recorded neurons of a population as ranges in order, overlapping selections united.
fn selected(plan: &Plan, population: usize) -> Vec<Range<u32>> {
    let mut ranges: Vec<Range<u32>> = plan
        .record
        .spikes
        .iter()
        .filter(|selection| selection.population == population && !selection.neurons.is_empty())
        .map(|selection| selection.neurons.clone())
        .collect();
    ranges.sort_unstable_by_key(|range| range.start);
    let mut united: Vec<Range<u32>> = Vec::new();
    for range in ranges {
        match united.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => united.push(range),
        }
    }
    united
}
