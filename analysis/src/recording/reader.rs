//! Reads a recording.
//!
//! A reader opens the published file only, which is whole at every moment; it never sees the working file of a run in
//! progress, and a run in progress never disturbs a reader that has the file open. Large datasets are read in ranges.

use super::error::{ReadError, listed};
use super::hdf;
use hdf5::types::VarLenUnicode;
use hdf5::{Dataset, File, Group, H5Type, MinorErrorCode};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Root attribute `format` of the files that this version reads. The engine writes the same text.
const FORMAT: &str = "lapicque/1";
/// Beginning of the root attribute `format` of every file that lapicque writes.
const FORMAT_FAMILY: &str = "lapicque/";

/// A recording, open for reading.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    file: File,
}

/// Statistics of one population over the recorded time, of all its neurons, as the file states them.
#[derive(Clone, Debug, PartialEq)]
pub struct PopulationStatistics {
    /// Name of the population.
    pub name: String,
    /// Number of neurons.
    pub size: u64,
    /// Number of spikes.
    pub spikes: u64,
    /// Spikes per neuron and second.
    pub rate_hz: f64,
    /// Coefficient of variation of the interspike intervals (standard deviation by mean), averaged over the neurons with
    /// at least ten spikes; `None` without such a neuron.
    pub cv_isi: Option<f64>,
}

/// What is known of the spikes of a population besides the spikes.
#[derive(Clone, Debug, PartialEq)]
pub struct SpikeAttributes {
    /// Recorded spikes.
    pub count: u64,
    /// Neurons of the population, recorded or not.
    pub size: u64,
    /// Recorded neurons, half-open ranges in order.
    pub recorded: Vec<Range<u64>>,
    /// Grid step.
    pub dt_ms: f64,
    /// Spikes after this time are recorded.
    pub t_start_ms: f64,
    /// Spikes up to and including this time are recorded.
    pub t_stop_ms: f64,
}

/// Spikes in order of time, then neuron.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spikes {
    /// When.
    pub times_ms: Vec<f64>,
    /// Who: zero-based in the population.
    pub neurons: Vec<u64>,
}

/// What is known of the activity of a population besides the values.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityAttributes {
    /// Recorded bins.
    pub bins: u64,
    /// Width of a bin.
    pub bin_ms: f64,
    /// Start of the first bin.
    pub t_start_ms: f64,
    /// Neurons of the population.
    pub size: u64,
}

/// The activity of a population.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    /// Where and when.
    pub attributes: ActivityAttributes,
    /// Spikes in (start + k·bin, start + (k+1)·bin].
    pub spike_count: Vec<u32>,
    /// The same per neuron and second.
    pub rate_hz: Vec<f64>,
}

/// What is known of a recorded variable besides its values.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceAttributes {
    /// Recorded times.
    pub rows: u64,
    /// Recorded neurons: zero-based in the population.
    pub node_ids: Vec<u64>,
    /// Time of the first row.
    pub start_ms: f64,
    /// Time between rows.
    pub interval_ms: f64,
    /// Unit of the values.
    pub units: String,
}

/// A recorded variable.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceData {
    /// Where and when.
    pub attributes: TraceAttributes,
    /// Row by row: all neurons at the first time, then all at the second, …
    pub values: Vec<f64>,
}

impl Reader {
    /// Opens a recording.
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
        match hdf::text(&file, "format") {
            Some(format) if format == FORMAT => {}
            Some(format) if format.contains("sonata") => {
                return Err(refuse(
                    "it is a SONATA report or edge file that lapicque exported; open it with libsonata or bmtk, or name the recording or \
                     configuration it was made from",
                ));
            }
            Some(format) if format.starts_with(FORMAT_FAMILY) => {
                return Err(refuse(&format!(
                    "its format is {format}, this version reads {FORMAT}; use a version of lapicque as new as the file"
                )));
            }
            _ => return Err(refuse("it is an HDF5 file of another program (it has no format \"lapicque/…\")")),
        }
        Ok(Reader { path, file })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Populations whose spikes are recorded, by name.
    pub fn spike_populations(&self) -> Result<Vec<String>, ReadError> {
        hdf::members(&self.file, "spikes").map_err(|e| self.failed(&e))
    }

    /// Populations whose activity is recorded, by name.
    pub fn activity_populations(&self) -> Result<Vec<String>, ReadError> {
        hdf::members(&self.file, "activity").map_err(|e| self.failed(&e))
    }

    /// Recorded variables: population and variable.
    pub fn traces(&self) -> Result<Vec<(String, String)>, ReadError> {
        let mut found = Vec::new();
        for population in hdf::members(&self.file, "traces").map_err(|e| self.failed(&e))? {
            let variables = hdf::members(&self.file, &format!("traces/{population}")).map_err(|e| self.failed(&e))?;
            found.extend(variables.into_iter().map(|variable| (population.clone(), variable)));
        }
        Ok(found)
    }

    /// What is known of the spikes of a population.
    pub fn spike_attributes(&self, population: &str) -> Result<SpikeAttributes, ReadError> {
        let group = self.spike_group(population)?;
        let read = || -> hdf5::Result<SpikeAttributes> {
            let bounds: Vec<u64> = group.attr("recorded")?.read_raw()?;
            Ok(SpikeAttributes {
                count: group.dataset("timestamps")?.size() as u64,
                size: hdf::scalar(&group, "size")?,
                recorded: bounds.chunks_exact(2).map(|pair| pair[0]..pair[1]).collect(),
                dt_ms: hdf::scalar(&group, "dt_ms")?,
                t_start_ms: hdf::scalar(&group, "t_start_ms")?,
                t_stop_ms: hdf::scalar(&group, "t_stop_ms")?,
            })
        };
        read().map_err(|e| self.failed(&e))
    }

    /// All spikes of a population.
    pub fn spikes(&self, population: &str) -> Result<Spikes, ReadError> {
        let count = self.spike_attributes(population)?.count;
        self.spikes_in(population, 0..count)
    }

    /// The spikes of a population at these positions, as far as they exist.
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

    /// What is known of the activity of a population.
    pub fn activity_attributes(&self, population: &str) -> Result<ActivityAttributes, ReadError> {
        let group = self.activity_group(population)?;
        let read = || -> hdf5::Result<ActivityAttributes> {
            Ok(ActivityAttributes {
                bins: group.dataset("spike_count")?.size() as u64,
                bin_ms: hdf::scalar(&group, "bin_ms")?,
                t_start_ms: hdf::scalar(&group, "t_start_ms")?,
                size: hdf::scalar(&group, "size")?,
            })
        };
        read().map_err(|e| self.failed(&e))
    }

    /// The activity of a population.
    pub fn activity(&self, population: &str) -> Result<Activity, ReadError> {
        let bins = self.activity_attributes(population)?.bins;
        self.activity_in(population, 0..bins)
    }

    /// These bins of the activity of a population, as far as they exist.
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

    /// What is known of a recorded variable.
    pub fn trace_attributes(&self, population: &str, variable: &str) -> Result<TraceAttributes, ReadError> {
        let dataset = self.trace_dataset(population, variable)?;
        let read = || -> hdf5::Result<TraceAttributes> {
            Ok(TraceAttributes {
                rows: dataset.shape().first().copied().unwrap_or(0) as u64,
                node_ids: dataset.attr("node_ids")?.read_raw()?,
                start_ms: hdf::scalar(&dataset, "start")?,
                interval_ms: hdf::scalar(&dataset, "interval")?,
                units: hdf::text(&dataset, "units").unwrap_or_default(),
            })
        };
        read().map_err(|e| self.failed(&e))
    }

    /// A recorded variable.
    pub fn trace(&self, population: &str, variable: &str) -> Result<TraceData, ReadError> {
        let attributes = self.trace_attributes(population, variable)?;
        let values = self.trace_rows(population, variable, 0..attributes.rows)?;
        Ok(TraceData { attributes, values })
    }

    /// These rows of a recorded variable, as far as they exist, one after another.
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

    /// The statistics of every population, recorded or not, as of the last flush.
    pub fn populations(&self) -> Result<Vec<PopulationStatistics>, ReadError> {
        let read = || -> hdf5::Result<Vec<PopulationStatistics>> {
            let mut found = Vec::new();
            for name in hdf::members(&self.file, "provenance/populations")? {
                let group = self.file.group(&format!("provenance/populations/{name}"))?;
                found.push(PopulationStatistics {
                    size: hdf::scalar(&group, "size")?,
                    spikes: hdf::scalar(&group, "spikes")?,
                    rate_hz: hdf::scalar(&group, "rate_hz")?,
                    cv_isi: hdf::scalar(&group, "cv_isi").ok(),
                    name,
                });
            }
            Ok(found)
        };
        read().map_err(|e| self.failed(&e))
    }

    /// How the run stands: "complete", "interrupted", or "running" (also after it was killed).
    pub fn state(&self) -> String {
        self.provenance_text("state").unwrap_or_default()
    }

    /// Model time up to which the file is complete.
    pub fn reached_ms(&self) -> Option<f64> {
        self.file.group("provenance").ok().and_then(|group| hdf::scalar(&group, "reached_ms").ok())
    }

    /// A text of `/provenance`: an attribute such as `version` or a document such as `config`.
    pub fn provenance_text(&self, name: &str) -> Option<String> {
        let group = self.file.group("provenance").ok()?;
        hdf::text(&group, name).or_else(|| {
            let document = group.dataset(name).ok()?;
            document.read_scalar::<VarLenUnicode>().ok().map(|text| text.to_string())
        })
    }

    /// A whole number of `/provenance`, such as `seed` or `threads`.
    pub fn provenance_number(&self, name: &str) -> Option<u64> {
        self.file.group("provenance").ok().and_then(|group| hdf::scalar(&group, name).ok())
    }

    /// The overrides the run was started with.
    pub fn overrides(&self) -> Vec<String> {
        let read = || -> hdf5::Result<Vec<VarLenUnicode>> { self.file.dataset("provenance/overrides")?.read_raw() };
        read().unwrap_or_default().iter().map(|text| text.to_string()).collect()
    }

    /// Wall seconds per phase of the run; empty before its end.
    pub fn wall_seconds(&self) -> Vec<(String, f64)> {
        let Ok(group) = self.file.group("provenance/wall_s") else { return Vec::new() };
        let names = group.attr_names().unwrap_or_default();
        names.into_iter().filter_map(|name| hdf::scalar(&group, &name).ok().map(|seconds| (name, seconds))).collect()
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

/// The part of `range` that lies in `0..len`.
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
