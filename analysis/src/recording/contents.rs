//! Lists what a recording contains; used by `lapicque info FILE`.

use super::error::ReadError;
use super::reader::{ActivityAttributes, PopulationStatistics, Reader, SpikeAttributes, TraceAttributes};

/// Everything that a recording contains, except the data themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct Contents {
    /// State of the run: "complete", "interrupted", or "running". A killed run remains "running".
    pub state: String,
    /// Model time in ms up to which the file is complete.
    pub reached_ms: f64,
    /// Spike statistics of every population, also of those whose spikes are not recorded.
    pub populations: Vec<PopulationStatistics>,
    /// Populations whose spikes are recorded.
    pub spikes: Vec<RecordedSpikes>,
    /// Populations whose activity is recorded.
    pub activity: Vec<RecordedActivity>,
    /// Traces of recorded variables.
    pub traces: Vec<RecordedTrace>,
    /// Provenance of the recording.
    pub origin: Origin,
}

/// The recorded spikes of a population.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedSpikes {
    /// Name of the population.
    pub population: String,
    /// Number of spikes, recorded neurons and recorded time.
    pub attributes: SpikeAttributes,
}

/// The recorded activity of a population.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedActivity {
    /// Name of the population.
    pub population: String,
    /// Number and width of the bins, start and number of neurons.
    pub attributes: ActivityAttributes,
}

/// The trace of one variable of a population.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedTrace {
    /// Name of the population.
    pub population: String,
    /// Name of the variable.
    pub variable: String,
    /// Recorded neurons, sampling times and unit.
    pub attributes: TraceAttributes,
}

/// Provenance of a recording. Fields that are missing in the file are `None` or an empty list.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// Version of lapicque.
    pub version: Option<String>,
    /// Git commit of the sources of lapicque.
    pub git_commit: Option<String>,
    /// Version of the Rust compiler.
    pub rustc: Option<String>,
    /// Vector instructions that the run used.
    pub vector_set: Option<String>,
    /// Date and time at which the run started, in UTC.
    pub started: Option<String>,
    /// Seed of the run.
    pub seed: Option<u64>,
    /// Number of worker threads.
    pub threads: Option<u64>,
    /// Number of processes.
    pub ranks: Option<u64>,
    /// Name and wall time in seconds of each phase of the run.
    pub wall_seconds: Vec<(String, f64)>,
    /// Peak memory of the process.
    pub peak_memory_bytes: Option<u64>,
    /// Overrides from the command line, each `path=value`.
    pub overrides: Vec<String>,
}

impl Contents {
    /// Reads the description of a recording, without the data.
    pub fn read(reader: &Reader) -> Result<Contents, ReadError> {
        let spikes = reader
            .spike_populations()?
            .into_iter()
            .map(|population| Ok(RecordedSpikes { attributes: reader.spike_attributes(&population)?, population }));
        let activity = reader.activity_populations()?.into_iter().map(|population| {
            Ok(RecordedActivity { attributes: reader.activity_attributes(&population)?, population })
        });
        let traces = reader.traces()?.into_iter().map(|(population, variable)| {
            Ok(RecordedTrace { attributes: reader.trace_attributes(&population, &variable)?, population, variable })
        });
        Ok(Contents {
            state: reader.state(),
            reached_ms: reader.reached_ms().unwrap_or(0.0),
            populations: reader.populations()?,
            spikes: spikes.collect::<Result<_, ReadError>>()?,
            activity: activity.collect::<Result<_, ReadError>>()?,
            traces: traces.collect::<Result<_, ReadError>>()?,
            origin: Origin::read(reader),
        })
    }
}

impl Origin {
    fn read(reader: &Reader) -> Origin {
        let text = |name: &str| reader.provenance_text(name).filter(|text| !text.is_empty());
        Origin {
            version: text("version"),
            git_commit: text("git_commit"),
            rustc: text("rustc"),
            vector_set: text("vector_set"),
            started: text("started"),
            seed: reader.provenance_number("seed"),
            threads: reader.provenance_number("threads"),
            ranks: reader.provenance_number("ranks"),
            wall_seconds: reader.wall_seconds(),
            peak_memory_bytes: reader.provenance_number("peak_memory_bytes"),
            overrides: reader.overrides(),
        }
    }
}
