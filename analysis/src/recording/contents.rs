//! What a recording holds: `lapicque info FILE`.

use super::error::ReadError;
use super::reader::{ActivityAttributes, PopulationStatistics, Reader, SpikeAttributes, TraceAttributes};

/// What a recording holds, without the data.
#[derive(Clone, Debug, PartialEq)]
pub struct Contents {
    /// How the run stands: "complete", "interrupted", or "running" (also after it was killed).
    pub state: String,
    /// Model time up to which the file is complete, ms.
    pub reached_ms: f64,
    /// Statistics of every population, recorded or not.
    pub populations: Vec<PopulationStatistics>,
    /// Populations whose spikes are recorded.
    pub spikes: Vec<RecordedSpikes>,
    /// Populations whose activity is recorded.
    pub activity: Vec<RecordedActivity>,
    /// Recorded variables.
    pub traces: Vec<RecordedTrace>,
    /// Where the recording comes from.
    pub origin: Origin,
}

/// The recorded spikes of a population.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedSpikes {
    /// Name of the population.
    pub population: String,
    /// What is known of them.
    pub attributes: SpikeAttributes,
}

/// The recorded activity of a population.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedActivity {
    /// Name of the population.
    pub population: String,
    /// What is known of it.
    pub attributes: ActivityAttributes,
}

/// A recorded variable of a population.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedTrace {
    /// Name of the population.
    pub population: String,
    /// Name of the variable.
    pub variable: String,
    /// What is known of it.
    pub attributes: TraceAttributes,
}

/// Where a recording comes from. `None` and empty lists stand for what the file does not say.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// Version of lapicque.
    pub version: Option<String>,
    /// Commit of its sources.
    pub git_commit: Option<String>,
    /// Compiler.
    pub rustc: Option<String>,
    /// Vector instructions that were used.
    pub vector_set: Option<String>,
    /// When the run started, UTC.
    pub started: Option<String>,
    /// Seed.
    pub seed: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
    /// Processes.
    pub ranks: Option<u64>,
    /// Wall seconds by phase of the run.
    pub wall_seconds: Vec<(String, f64)>,
    /// Largest memory that the process held.
    pub peak_memory_bytes: Option<u64>,
    /// Overrides from the command line, `path=value`.
    pub overrides: Vec<String>,
}

impl Contents {
    /// Reads what a recording holds.
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
