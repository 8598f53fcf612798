//! `lapicque export`: writes the synapses of a network as SONATA edges or CSV, and traces as SONATA reports.

use crate::command_error::CommandError;
use crate::configuration::Configuration;
use crate::output::print;
use clap::Subcommand;
use lapicque_analysis::recording::Reader;
use lapicque_engine::record::{Report, ReportFile, export_csv, export_edges};
use lapicque_engine::run::{Options, Simulation};
use lapicque_models::list::Models;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What to export.
#[derive(Subcommand)]
pub enum Command {
    /// Build the network and write all its synapses, as SONATA edges (.h5) or as a table (.csv).
    Connectivity {
        #[command(flatten)]
        configuration: Configuration,
        /// The file to write, .h5 or .csv.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Replace an existing file even if lapicque did not write it.
        #[arg(long)]
        force: bool,
    },
    /// Write the trace of one variable of one population as a SONATA report.
    SonataReport {
        /// An output file of `lapicque run` that contains traces.
        file: PathBuf,
        /// Name of the population; needed only if several populations have traces.
        #[arg(long)]
        population: Option<String>,
        /// Name of the variable; needed only if traces of several variables are recorded.
        #[arg(long)]
        variable: Option<String>,
        /// The report file to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Replace an existing file even if lapicque did not write it.
        #[arg(long)]
        force: bool,
    },
}

/// Runs `lapicque export`.
pub fn export(command: &Command) -> Result<ExitCode, CommandError> {
    match command {
        Command::Connectivity { configuration, out, force } => connectivity(configuration, out, *force),
        Command::SonataReport { file, population, variable, out, force } => {
            let reader = Reader::open(file).map_err(CommandError::invalid_input)?;
            let traces = reader.traces().map_err(CommandError::invalid_input)?;
            let is_chosen = |given: &Option<String>, name: &String| given.as_ref().is_none_or(|g| g == name);
            let found: Vec<_> =
                traces.iter().filter(|t| is_chosen(population, &t.0) && is_chosen(variable, &t.1)).collect();
            let [(population, variable)] = found[..] else {
                let all: Vec<_> = traces.iter().map(|(p, v)| format!("--population {p} --variable {v}")).collect();
                let all = if all.is_empty() { "no trace".to_string() } else { all.join("; ") };
                return Err(CommandError::invalid_input(format!(
                    "choose one trace of {} with --population and --variable; it contains: {all}",
                    file.display()
                )));
            };
            sonata_report(&reader, population, variable, out, *force)?;
            print(&format!("{variable} of {population} in {}\n", out.display()))
        }
    }
}

fn connectivity(configuration: &Configuration, out: &Path, force: bool) -> Result<ExitCode, CommandError> {
    let csv = match out.extension().and_then(|e| e.to_str()) {
        Some("csv") => true,
        Some("h5" | "hdf5") => false,
        _ => {
            return Err(CommandError::invalid_input(format!(
                "--out {}: the file name must end in .h5 (SONATA edges) or .csv (table)",
                out.display()
            )));
        }
    };
    let loaded = configuration.load(&Models::standard())?;
    let simulation = Simulation::new(loaded.plan, Options::default())?;
    let export = if csv { export_csv } else { export_edges };
    let count = export(&simulation, out, force).map_err(CommandError::failed)?;
    print(&format!("{count} synapses in {}\n", out.display()))
}

/// Number of values that are copied at a time.
const VALUES_AT_A_TIME: u64 = 262_144;

/// Copies a trace of a recording into a SONATA report.
fn sonata_report(
    reader: &Reader,
    population: &str,
    variable: &str,
    out: &Path,
    force: bool,
) -> Result<(), CommandError> {
    if let (Ok(from), Ok(to)) = (reader.path().canonicalize(), out.canonicalize())
        && from == to
    {
        return Err(CommandError::invalid_input(format!(
            "--out {} is the recording itself: choose another file",
            out.display()
        )));
    }
    let trace = reader.trace_attributes(population, variable).map_err(CommandError::failed)?;
    let report = Report {
        population,
        variable,
        units: &trace.units,
        node_ids: &trace.node_ids,
        rows: trace.rows,
        start_ms: trace.start_ms,
        interval_ms: trace.interval_ms,
    };
    let mut file = ReportFile::create(out, report, force).map_err(CommandError::failed)?;
    let rows = (VALUES_AT_A_TIME / trace.node_ids.len().max(1) as u64).max(1);
    for start in (0..trace.rows).step_by(rows as usize) {
        let values = reader.trace_rows(population, variable, start..start + rows).map_err(CommandError::failed)?;
        file.append(&values).map_err(CommandError::failed)?;
    }
    file.finish().map_err(CommandError::failed)
}
