//! `lapicque export`: the realised network as SONATA edges or CSV, and traces as SONATA reports.

use crate::configuration::Configuration;
use crate::failure::Failure;
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
    /// Build the network and write every synapse: SONATA edges (.h5) or a table (.csv).
    Connectivity {
        #[command(flatten)]
        configuration: Configuration,
        /// The output, .h5 or .csv.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Replace an output that lapicque did not write.
        #[arg(long)]
        force: bool,
    },
    /// Write one recorded variable of one population as a SONATA report.
    SonataReport {
        /// An output file of `run` with traces.
        file: PathBuf,
        /// The population; may be left out where only one has traces.
        #[arg(long)]
        population: Option<String>,
        /// The variable; may be left out where only one is recorded.
        #[arg(long)]
        variable: Option<String>,
        /// The report.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Replace an output that lapicque did not write.
        #[arg(long)]
        force: bool,
    },
}

/// Exports.
pub fn export(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Connectivity { configuration, out, force } => connectivity(configuration, out, *force),
        Command::SonataReport { file, population, variable, out, force } => {
            let reader = Reader::open(file).map_err(Failure::input)?;
            let traces = reader.traces().map_err(Failure::input)?;
            let fits = |given: &Option<String>, name: &String| given.as_ref().is_none_or(|g| g == name);
            let found: Vec<_> = traces.iter().filter(|t| fits(population, &t.0) && fits(variable, &t.1)).collect();
            let [(population, variable)] = found[..] else {
                let all: Vec<_> = traces.iter().map(|(p, v)| format!("--population {p} --variable {v}")).collect();
                let all = if all.is_empty() { "no trace".to_string() } else { all.join("; ") };
                return Err(Failure::input(format!("name one trace of {}; it holds: {all}", file.display())));
            };
            sonata_report(&reader, population, variable, out, *force)?;
            print(&format!("{variable} of {population} in {}\n", out.display()))
        }
    }
}

fn connectivity(configuration: &Configuration, out: &Path, force: bool) -> Result<ExitCode, Failure> {
    let csv = match out.extension().and_then(|e| e.to_str()) {
        Some("csv") => true,
        Some("h5" | "hdf5") => false,
        _ => return Err(Failure::input(format!("--out {}: name a .h5 (SONATA edges) or a .csv file", out.display()))),
    };
    let loaded = configuration.load(&Models::standard())?;
    let simulation = Simulation::new(loaded.plan, Options::default())?;
    let export = if csv { export_csv } else { export_edges };
    let count = export(&simulation, out, force).map_err(Failure::run)?;
    print(&format!("{count} synapses in {}\n", out.display()))
}

/// Values copied at a time.
const VALUES_AT_A_TIME: u64 = 262_144;

fn sonata_report(reader: &Reader, population: &str, variable: &str, out: &Path, force: bool) -> Result<(), Failure> {
    if let (Ok(from), Ok(to)) = (reader.path().canonicalize(), out.canonicalize())
        && from == to
    {
        return Err(Failure::input(format!("--out {} is the recording itself: name another file", out.display())));
    }
    let trace = reader.trace_attributes(population, variable).map_err(Failure::run)?;
    let report = Report {
        population,
        variable,
        units: &trace.units,
        node_ids: &trace.node_ids,
        rows: trace.rows,
        start_ms: trace.start_ms,
        interval_ms: trace.interval_ms,
    };
    let mut file = ReportFile::create(out, report, force).map_err(Failure::run)?;
    let rows = (VALUES_AT_A_TIME / trace.node_ids.len().max(1) as u64).max(1);
    for start in (0..trace.rows).step_by(rows as usize) {
        let values = reader.trace_rows(population, variable, start..start + rows).map_err(Failure::run)?;
        file.append(&values).map_err(Failure::run)?;
    }
    file.finish().map_err(Failure::run)
}
