//! Provenance of a recording: the configuration, the program, the machine and the date.
//!
//! `/provenance` contains everything needed to repeat the run. It is the only part of the file that differs between two
//! runs of the same plan.

use super::hdf;
use super::summary::{PopulationSummary, State};
use crate::plan::Plan;
use hdf5::{File, Group};
use std::time::{SystemTime, UNIX_EPOCH};

/// Provenance that the caller of the recorder provides. It is written into the file unchanged.
#[derive(Clone, Debug)]
pub struct Provenance {
    /// The configuration file as the user wrote it; empty for a plan written in Rust.
    pub config: String,
    /// The configuration with all defaults filled in and all expressions evaluated.
    pub config_resolved: String,
    /// Overrides from the command line, each `path=value`.
    pub overrides: Vec<String>,
    /// The seed of the run.
    pub seed: u64,
    /// Version of lapicque.
    pub version: String,
    /// Git commit of the sources, if known.
    pub git_commit: Option<String>,
    /// Version of the Rust compiler.
    pub rustc: String,
    /// Vector instructions that the run uses: "avx512", "portable", …
    pub vector_set: String,
    /// Number of worker threads.
    pub threads: u64,
    /// Number of processes.
    pub ranks: u64,
    /// When the program started.
    pub started: SystemTime,
    /// Version of the random number streams. The same version and seed give the same random numbers.
    pub random_streams: u32,
}

impl Default for Provenance {
    /// For a plan written in Rust that runs on one thread and starts now.
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

/// `/provenance/state` of a run that has not ended or was killed.
pub(super) const RUNNING: &str = "running";

/// Writes `/provenance` at the start of a run.
pub(super) fn write_start(file: &File, plan: &Plan, provenance: &Provenance) -> hdf5::Result<()> {
    let group = file.create_group("provenance")?;
    hdf::write_text_dataset(&group, "config", &provenance.config)?;
    hdf::write_text_dataset(&group, "config_resolved", &provenance.config_resolved)?;
    hdf::write_text_list_dataset(&group, "overrides", &provenance.overrides)?;
    hdf::set_attribute(&group, "seed", &provenance.seed)?;
    hdf::set_attribute(&group, "wiring_seed", &plan.wiring_seed)?;
    hdf::set_attribute(&group, "state_seed", &plan.state_seed)?;
    hdf::set_text_attribute(&group, "version", &provenance.version)?;
    if let Some(commit) = &provenance.git_commit {
        hdf::set_text_attribute(&group, "git_commit", commit)?;
    }
    hdf::set_text_attribute(&group, "rustc", &provenance.rustc)?;
    hdf::set_text_attribute(&group, "vector_set", &provenance.vector_set)?;
    hdf::set_attribute(&group, "threads", &provenance.threads)?;
    hdf::set_attribute(&group, "ranks", &provenance.ranks)?;
    hdf::set_text_attribute(&group, "started", &utc(provenance.started))?;
    hdf::set_attribute(&group, "random_streams", &provenance.random_streams)?;
    hdf::set_attribute(&group, "dt_ms", &plan.dt)?;
    hdf::set_attribute(&group, "duration_ms", &(plan.steps as f64 * plan.dt))?;
    hdf::set_attribute(&group, "reached_ms", &0.0_f64)?;
    hdf::set_text_attribute(&group, "state", RUNNING)?;
    let populations = group.create_group("populations")?;
    for population in &plan.populations {
        let summary = populations.create_group(&population.name)?;
        hdf::set_attribute(&summary, "size", &u64::from(population.size))?;
    }
    Ok(())
}

/// Writes the model time reached and the statistics so far.
pub(super) fn write_progress(file: &File, reached_ms: f64, populations: &[PopulationSummary]) -> hdf5::Result<()> {
    let group = file.group("provenance")?;
    hdf::set_attribute(&group, "reached_ms", &reached_ms)?;
    let summaries = group.group("populations")?;
    for population in populations {
        let summary = summaries.group(&population.name)?;
        hdf::set_attribute(&summary, "spikes", &population.spikes)?;
        hdf::set_attribute(&summary, "rate_hz", &population.rate_hz)?;
        if let Some(cv) = population.cv_isi {
            hdf::set_attribute(&summary, "cv_isi", &cv)?;
        }
    }
    Ok(())
}

/// Writes how the run ended: state, peak memory in bytes, wall time of each phase in seconds.
pub(super) fn write_end(file: &File, state: State, phases: &[(String, f64)], peak_memory: u64) -> hdf5::Result<()> {
    let group = file.group("provenance")?;
    hdf::set_text_attribute(&group, "state", state.as_str())?;
    hdf::set_attribute(&group, "peak_memory_bytes", &peak_memory)?;
    let wall: Group = group.create_group("wall_s")?;
    for (phase, seconds) in phases {
        hdf::set_attribute(&wall, phase, seconds)?;
    }
    Ok(())
}

/// A time in the format of RFC 3339, in UTC and whole seconds. Times before 1970 become the start of 1970.
pub(super) fn utc(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // The date is computed from the number of days, in eras of 400 years. Here a year begins on 1 March, so that a leap
    // day is the last day of its year.
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
