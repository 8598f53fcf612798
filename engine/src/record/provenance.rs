//! Where a recording comes from: the configuration, the program, the machine, the time.
//!
//! Everything that would be needed to make the file again stands in it. `/provenance` is the one part of the file that
//! differs between two runs of the same plan.

use super::hdf;
use super::summary::{PopulationSummary, State};
use crate::plan::Plan;
use hdf5::{File, Group};
use std::time::{SystemTime, UNIX_EPOCH};

/// What the recorder cannot know by itself; it goes into the file as given.
#[derive(Clone, Debug)]
pub struct Provenance {
    /// The configuration as the user wrote it; empty for a plan written in Rust.
    pub config: String,
    /// The configuration with every default and expression resolved.
    pub config_resolved: String,
    /// Overrides from the command line, `path=value`.
    pub overrides: Vec<String>,
    /// The seed that was used.
    pub seed: u64,
    /// Version of lapicque.
    pub version: String,
    /// Commit of the sources, if known.
    pub git_commit: Option<String>,
    /// Compiler.
    pub rustc: String,
    /// Vector instructions in use: "avx512", "portable", …
    pub vector_set: String,
    /// Worker threads.
    pub threads: u64,
    /// Processes.
    pub ranks: u64,
    /// When the program started.
    pub started: SystemTime,
    /// Version of the random streams: the same version and seed give the same bits.
    pub random_streams: u32,
}

impl Default for Provenance {
    /// Of a plan written in Rust and run on one thread now.
    fn default() -> Self {
        Provenance {
            config: String::new(),
            config_resolved: String::new(),
            overrides: Vec::new(),
            seed: 0,
            version: env!("CARGO_PKG_VERSION").to_string(),
            git_commit: None,
            rustc: String::new(),
            vector_set: String::new(),
            threads: 1,
            ranks: 1,
            started: SystemTime::now(),
            random_streams: 1,
        }
    }
}

/// `/provenance/state` of a file whose run has not ended, or was killed.
pub(super) const RUNNING: &str = "running";

/// Writes `/provenance` at the start of a run.
pub(super) fn write(file: &File, plan: &Plan, given: &Provenance) -> hdf5::Result<()> {
    let group = file.create_group("provenance")?;
    hdf::put_document(&group, "config", &given.config)?;
    hdf::put_document(&group, "config_resolved", &given.config_resolved)?;
    hdf::put_documents(&group, "overrides", &given.overrides)?;
    hdf::put(&group, "seed", &given.seed)?;
    hdf::put(&group, "wiring_seed", &plan.wiring_seed)?;
    hdf::put(&group, "state_seed", &plan.state_seed)?;
    hdf::put_text(&group, "version", &given.version)?;
    if let Some(commit) = &given.git_commit {
        hdf::put_text(&group, "git_commit", commit)?;
    }
    hdf::put_text(&group, "rustc", &given.rustc)?;
    hdf::put_text(&group, "vector_set", &given.vector_set)?;
    hdf::put(&group, "threads", &given.threads)?;
    hdf::put(&group, "ranks", &given.ranks)?;
    hdf::put_text(&group, "started", &utc(given.started))?;
    hdf::put(&group, "random_streams", &given.random_streams)?;
    hdf::put(&group, "dt_ms", &plan.dt)?;
    hdf::put(&group, "duration_ms", &(plan.steps as f64 * plan.dt))?;
    hdf::put(&group, "reached_ms", &0.0_f64)?;
    hdf::put_text(&group, "state", RUNNING)?;
    let populations = group.create_group("populations")?;
    for population in &plan.populations {
        let summary = populations.create_group(&population.name)?;
        hdf::put(&summary, "size", &u64::from(population.size))?;
    }
    Ok(())
}

/// Writes how far the run came.
pub(super) fn update(file: &File, reached_ms: f64, populations: &[PopulationSummary]) -> hdf5::Result<()> {
    let group = file.group("provenance")?;
    hdf::put(&group, "reached_ms", &reached_ms)?;
    let summaries = group.group("populations")?;
    for population in populations {
        let at = summaries.group(&population.name)?;
        hdf::put(&at, "spikes", &population.spikes)?;
        hdf::put(&at, "rate_hz", &population.rate_hz)?;
        if let Some(cv) = population.cv_isi {
            hdf::put(&at, "cv_isi", &cv)?;
        }
    }
    Ok(())
}

/// Writes how the run ended.
pub(super) fn close(file: &File, state: State, phases: &[(String, f64)], peak_memory: u64) -> hdf5::Result<()> {
    let group = file.group("provenance")?;
    hdf::put_text(&group, "state", state.word())?;
    hdf::put(&group, "peak_memory_bytes", &peak_memory)?;
    let wall: Group = group.create_group("wall_s")?;
    for (phase, seconds) in phases {
        hdf::put(&wall, phase, seconds)?;
    }
    Ok(())
}

/// A time as RFC 3339 writes it, in UTC and whole seconds. Times before 1970 become 1970.
pub(super) fn utc(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Civil date from a count of days, in eras of 400 years that begin on 1 March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
