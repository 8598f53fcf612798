//! Reads a recording.
//!
//! The file at the output path of a run is always complete, also while the run continues. A run replaces the file as a
//! whole, so it does not disturb a reader that has the file open. Large datasets can be read in parts.

use super::error::{ReadError, listed};
use super::hdf;
use hdf5::types::VarLenUnicode;
use hdf5::{Dataset, File, Group, H5Type, MinorErrorCode};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Root attribute `format` of the files that this version reads. The engine writes the same text.
const FORMAT: &str = "lapicque/1";
/// First characters of the root attribute `format` of every HDF5 file that lapicque writes, in any version.
const FORMAT_FAMILY: &str = "lapicque/";

/// A recording, open for reading.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    file: File,
}

/// Spike statistics of one population: all its neurons, over the recorded time.
#[derive(Clone, Debug, PartialEq)]
pub struct PopulationStatistics {
    /// Name of the population.
    pub name: String,
    /// Number of neurons.
    pub size: u64,
    /// Number of spikes.
    pub spikes: u64,
    /// Firing rate in Hz, averaged over the neurons.
    pub rate_hz: f64,
    /// Coefficient of variation (CV) of the interspike intervals: standard deviation divided by mean, for each neuron
    /// with at least ten spikes, then averaged over these neurons. `None` if no neuron has ten spikes.
    pub cv_isi: Option<f64>,
}

/// Description of the recorded spikes of a population, without the spikes.
#[derive(Clone, Debug, PartialEq)]
pub struct SpikeAttributes {
    /// Number of recorded spikes.
    pub count: u64,
    /// Number of neurons of the population, recorded or not.
    pub size: u64,
    /// Recorded neurons: half-open ranges in ascending order.
    pub recorded: Vec<Range<u64>>,
    /// Grid step in ms.
    pub dt_ms: f64,
    /// Start of the recorded time in ms. Spikes at exactly this time are not recorded.
    pub t_start_ms: f64,
    /// End of the recorded time in ms. Spikes at exactly this time are recorded.
    pub t_stop_ms: f64,
}

/// Spikes, sorted by time, then by neuron.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spikes {
    /// Times in ms.
    pub times_ms: Vec<f64>,
    /// Index of the neuron of each spike, counted from 0 in its population.
    pub neurons: Vec<u64>,
}

/// Description of the recorded activity of a population, without the values.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityAttributes {
    /// Number of recorded bins.
    pub bins: u64,
    /// Width of a bin in ms.
    pub bin_ms: f64,
    /// Start of the first bin in ms.
    pub t_start_ms: f64,
    /// Number of neurons of the population.
    pub size: u64,
}

/// The activity of a population.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    /// Description of the bins.
    pub attributes: ActivityAttributes,
    /// Item k: number of spikes in (start + k·bin, start + (k+1)·bin].
    pub spike_count: Vec<u32>,
    /// Item k: rate in bin k in Hz, averaged over the neurons.
    pub rate_hz: Vec<f64>,
}

/// Description of the trace of a variable, without the values.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceAttributes {
    /// Number of rows. A row holds the values of all recorded neurons at one time.
    pub rows: u64,
    /// Indices of the recorded neurons, counted from 0 in the population.
    pub node_ids: Vec<u64>,
    /// Time of the first row in ms.
    pub start_ms: f64,
    /// Time between two rows in ms.
    pub interval_ms: f64,
    /// Unit of the values.
    pub units: String,
}

/// The trace of a variable.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceData {
    /// Description of the trace.
    pub attributes: TraceAttributes,
    /// Values row by row: of all neurons at the first time, then of all neurons at the second time, and so on.
    pub values: Vec<f64>,
}

impl Reader {
    /// Opens a recording. Refused: a directory, a file that is not HDF5, a file of another program, a file that
    /// lapicque exported (`lapicque export`), a recording of another format version.
    pub fn open(path: impl AsRef<Path>) -> Result<Reader, ReadError> {
        let path = path.as_ref().to_path_buf();
        let refuse = |reason: &str| ReadError::NotARecording { path: path.clone(), reason: reason.to_string() };
        let metadata = std::fs::metadata(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => ReadError::File {
                path: path.clone(),
                reason: "there is no such file; name the output of a run, by default out/NAME.h5".to_string(),
            },
            _ => ReadError::io(&path, &e),
        })?;
        if metadata.is_dir() {
            return Err(refuse("it is a directory"));
        }
        std::fs::File::open(&path).map_err(|e| ReadError::io(&path, &e))?;
        let file = File::open(&path).map_err(|e| {
            if e.contains_minor(MinorErrorCode::NotHdf5) {
                refuse("it is not an HDF5 file")
            } else {
                ReadError::hdf5(&path, &e)
            }
        })?;
        match hdf::text_attribute(&file, "format") {
            Some(format) if format == FORMAT => {}
            Some(format) if format.contains("sonata") => {
                return Err(refuse(
                    "it is a SONATA report or edge file that lapicque exported; open it with libsonata or bmtk, \
                     or name the recording or configuration from which it was made",
                ));
            }
            Some(format) if format.starts_with(FORMAT_FAMILY) => {
                return Err(refuse(&format!(
                    "its format is {format}, but this version of lapicque reads {FORMAT}; use the version that wrote \
                     the file"
                )));
            }
            _ => {
                return Err(refuse(
                    "it is an HDF5 file of another program (no attribute \"format\" begins with \"lapicque/\")",
                ));
            }
        }
        Ok(Reader { path, file })
    }

    /// Path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names of the populations whose spikes are recorded, sorted.
    pub fn spike_populations(&self) -> Result<Vec<String>, ReadError> {
        hdf::member_names(&self.file, "spikes").map_err(|e| self.failed(&e))
    }

    /// Names of the populations whose activity is recorded, sorted.
    pub fn activity_populations(&self) -> Result<Vec<String>, ReadError> {
        hdf::member_names(&self.file, "activity").map_err(|e| self.failed(&e))
    }

    /// Recorded traces: name of the population, name of the variable.
    pub fn traces(&self) -> Result<Vec<(String, String)>, ReadError> {
        let mut found = Vec::new();
        for population in hdf::member_names(&self.file, "traces").map_err(|e| self.failed(&e))? {
            let variables =
                hdf::member_names(&self.file, &format!("traces/{population}")).map_err(|e| self.failed(&e))?;
            found.extend(variables.into_iter().map(|variable| (population.clone(), variable)));
        }
        Ok(found)
    }

    /// Description of the recorded spikes of a population.
    pub fn spike_attributes(&self, population: &str) -> Result<SpikeAttributes, ReadError> {
        let group = self.spike_group(population)?;
        let read = || -> hdf5::Result<SpikeAttributes> {
            let bounds: Vec<u64> = group.attr("recorded")?.read_raw()?;
            Ok(SpikeAttributes {
                count: group.dataset("timestamps")?.size() as u64,
                size: hdf::scalar_attribute(&group, "size")?,
                recorded: bounds.chunks_exact(2).map(|pair| pair[0]..pair[1]).collect(),
                dt_ms: hdf::scalar_attribute(&group, "dt_ms")?,
                t_start_ms: hdf::scalar_attribute(&group, "t_start_ms")?,
                t_stop_ms: hdf::scalar_attribute(&group, "t_stop_ms")?,
            })
        };
        read().map_err(|e| self.failed(&e))
    }

    /// All recorded spikes of a population.
    pub fn spikes(&self, population: &str) -> Result<Spikes, ReadError> {
        let count = self.spike_attributes(population)?.count;
        self.spikes_in(population, 0..count)
    }

    /// The recorded spikes of a population with these positions in the file. Positions after the last spike are
    /// ignored.
    pub fn spikes_in(&self, population: &str, positions: Range<u64>) -> Result<Spikes, ReadError> {
        let group = self.spike_group(population)?;
        let read = || -> hdf5::Result<Spikes> {
            Ok(Spikes {
                times_ms: values(&group.dataset("timestamps")?, &positions)?,
                neurons: values(&group.dataset("node_ids")?, &positions)?,
            })
        };
        read().map_err(|e| self.failed(&e))
    }

    /// Description of the recorded activity of a population.
    pub fn activity_attributes(&self, population: &str) -> Result<ActivityAttributes, ReadError> {
        let group = self.activity_group(population)?;
        let read = || -> hdf5::Result<ActivityAttributes> {
            Ok(ActivityAttributes {
                bins: group.dataset("spike_count")?.size() as u64,
                bin_ms: hdf::scalar_attribute(&group, "bin_ms")?,
                t_start_ms: hdf::scalar_attribute(&group, "t_start_ms")?,
                size: hdf::scalar_attribute(&group, "size")?,
            })
        };
        read().map_err(|e| self.failed(&e))
    }

    /// The activity of a population.
    pub fn activity(&self, population: &str) -> Result<Activity, ReadError> {
        let bins = self.activity_attributes(population)?.bins;
        self.activity_in(population, 0..bins)
    }

    /// Some bins of the activity of a population. Indices after the last bin are ignored.
    pub fn activity_in(&self, population: &str, bins: Range<u64>) -> Result<Activity, ReadError> {
        let attributes = self.activity_attributes(population)?;
        let group = self.activity_group(population)?;
        let read = || -> hdf5::Result<Activity> {
            Ok(Activity {
                attributes,
                spike_count: values(&group.dataset("spike_count")?, &bins)?,
                rate_hz: values(&group.dataset("rate")?, &bins)?,
            })
        };
        read().map_err(|e| self.failed(&e))
    }

    /// Description of the trace of a variable.
    pub fn trace_attributes(&self, population: &str, variable: &str) -> Result<TraceAttributes, ReadError> {
        let dataset = self.trace_dataset(population, variable)?;
        let read = || -> hdf5::Result<TraceAttributes> {
            Ok(TraceAttributes {
                rows: dataset.shape().first().copied().unwrap_or(0) as u64,
                node_ids: dataset.attr("node_ids")?.read_raw()?,
                start_ms: hdf::scalar_attribute(&dataset, "start")?,
                interval_ms: hdf::scalar_attribute(&dataset, "interval")?,
                units: hdf::text_attribute(&dataset, "units").unwrap_or_default(),
            })
        };
        read().map_err(|e| self.failed(&e))
    }

    /// The trace of a variable.
    pub fn trace(&self, population: &str, variable: &str) -> Result<TraceData, ReadError> {
        let attributes = self.trace_attributes(population, variable)?;
        let values = self.trace_rows(population, variable, 0..attributes.rows)?;
        Ok(TraceData { attributes, values })
    }

    /// Values in some rows of the trace of a variable, row by row. Indices after the last row are ignored.
    pub fn trace_rows(&self, population: &str, variable: &str, rows: Range<u64>) -> Result<Vec<f64>, ReadError> {
        let dataset = self.trace_dataset(population, variable)?;
        let read = || -> hdf5::Result<Vec<f64>> {
            let rows = clamp(&rows, dataset.shape().first().copied().unwrap_or(0));
            if rows.is_empty() {
                return Ok(Vec::new());
            }
            Ok(dataset.read_slice_2d::<f64, _>((rows, ..))?.into_raw_vec_and_offset().0)
        };
        read().map_err(|e| self.failed(&e))
    }

    /// Spike statistics of every population up to the last flush, also of populations whose spikes are not recorded.
    pub fn populations(&self) -> Result<Vec<PopulationStatistics>, ReadError> {
        let read = || -> hdf5::Result<Vec<PopulationStatistics>> {
            let mut found = Vec::new();
            for name in hdf::member_names(&self.file, "provenance/populations")? {
                let group = self.file.group(&format!("provenance/populations/{name}"))?;
                found.push(PopulationStatistics {
                    size: hdf::scalar_attribute(&group, "size")?,
                    spikes: hdf::scalar_attribute(&group, "spikes")?,
                    rate_hz: hdf::scalar_attribute(&group, "rate_hz")?,
                    cv_isi: hdf::scalar_attribute(&group, "cv_isi").ok(),
                    name,
                });
            }
            Ok(found)
        };
        read().map_err(|e| self.failed(&e))
    }

    /// State of the run: "complete", "interrupted", or "running". A killed run remains "running".
    pub fn state(&self) -> String {
        self.provenance_text("state").unwrap_or_default()
    }

    /// Model time in ms up to which the file is complete.
    pub fn reached_ms(&self) -> Option<f64> {
        self.file.group("provenance").ok().and_then(|group| hdf::scalar_attribute(&group, "reached_ms").ok())
    }

    /// A text in `/provenance`: an attribute such as `version`, or a dataset such as `config`.
    pub fn provenance_text(&self, name: &str) -> Option<String> {
        let group = self.file.group("provenance").ok()?;
        hdf::text_attribute(&group, name).or_else(|| {
            let dataset = group.dataset(name).ok()?;
            dataset.read_scalar::<VarLenUnicode>().ok().map(|text| text.to_string())
        })
    }

    /// An integer attribute of `/provenance`, such as `seed` or `threads`.
    pub fn provenance_number(&self, name: &str) -> Option<u64> {
        self.file.group("provenance").ok().and_then(|group| hdf::scalar_attribute(&group, name).ok())
    }

    /// The overrides from the command line of the run, each `path=value`.
    pub fn overrides(&self) -> Vec<String> {
        let read = || -> hdf5::Result<Vec<VarLenUnicode>> { self.file.dataset("provenance/overrides")?.read_raw() };
        read().unwrap_or_default().iter().map(|text| text.to_string()).collect()
    }

    /// Name and wall time in seconds of each phase of the run; empty before the end of the run.
    pub fn wall_seconds(&self) -> Vec<(String, f64)> {
        let Ok(group) = self.file.group("provenance/wall_s") else { return Vec::new() };
        let names = group.attr_names().unwrap_or_default();
        names
            .into_iter()
            .filter_map(|name| hdf::scalar_attribute(&group, &name).ok().map(|seconds| (name, seconds)))
            .collect()
    }

    fn spike_group(&self, population: &str) -> Result<Group, ReadError> {
        let names = self.spike_populations()?;
        if !names.iter().any(|name| name == population) {
            return Err(self.missing(format!("spikes of population \"{population}\""), &names));
        }
        self.file.group(&format!("spikes/{population}")).map_err(|e| self.failed(&e))
    }

    fn activity_group(&self, population: &str) -> Result<Group, ReadError> {
        let names = self.activity_populations()?;
        if !names.iter().any(|name| name == population) {
            return Err(self.missing(format!("activity of population \"{population}\""), &names));
        }
        self.file.group(&format!("activity/{population}")).map_err(|e| self.failed(&e))
    }

    fn trace_dataset(&self, population: &str, variable: &str) -> Result<Dataset, ReadError> {
        let traces = self.traces()?;
        if !traces.iter().any(|(p, v)| p == population && v == variable) {
            let names: Vec<String> = traces.iter().map(|(p, v)| format!("{v} of {p}")).collect();
            return Err(
                self.missing(format!("trace of variable \"{variable}\" of population \"{population}\""), &names)
            );
        }
        self.file.dataset(&format!("traces/{population}/{variable}")).map_err(|e| self.failed(&e))
    }

    fn missing(&self, what: String, available: &[String]) -> ReadError {
        ReadError::Missing { path: self.path.clone(), what, available: listed(available) }
    }

    fn failed(&self, error: &hdf5::Error) -> ReadError {
        ReadError::hdf5(&self.path, error)
    }
}

/// The part of `range` that lies within `0..len`.
fn clamp(range: &Range<u64>, len: usize) -> Range<usize> {
    let bound = |position: u64| usize::try_from(position).unwrap_or(usize::MAX).min(len);
    bound(range.start)..bound(range.end)
}

fn values<T: H5Type>(dataset: &Dataset, positions: &Range<u64>) -> hdf5::Result<Vec<T>> {
    let range = clamp(positions, dataset.size());
    if range.is_empty() {
        return Ok(Vec::new());
    }
    Ok(dataset.read_slice_1d::<T, _>(range)?.into_raw_vec_and_offset().0)
}
