//! `lapicque export`: the realised network as SONATA edges or CSV, and traces as SONATA reports.

use crate::failure::Failure;
use crate::{Configuration, print};
use clap::Subcommand;
use lapicque_engine::record::{Reader, export_edges, export_report};
use lapicque_engine::simulation::{Options, Simulation};
use lapicque_models::list::Models;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
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
            let traces = Reader::open(file).and_then(|r| r.traces()).map_err(Failure::input)?;
            let fits = |given: &Option<String>, name: &String| given.as_ref().is_none_or(|g| g == name);
            let found: Vec<_> = traces.iter().filter(|t| fits(population, &t.0) && fits(variable, &t.1)).collect();
            let [(population, variable)] = found[..] else {
                let all: Vec<_> = traces.iter().map(|(p, v)| format!("--population {p} --variable {v}")).collect();
                let all = if all.is_empty() { "no trace".to_string() } else { all.join("; ") };
                return Err(Failure::input(format!("name one trace of {}; it holds: {all}", file.display())));
            };
            export_report(file, population, variable, out, *force).map_err(Failure::run)?;
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
    let count = if csv {
        table(&simulation, out, force)?
    } else {
        export_edges(&simulation, out, force).map_err(Failure::run)?
    };
    print(&format!("{count} synapses in {}\n", out.display()))
}

const HEAD: &str = "source_population,source,target_population,target,receptor,weight,delay_ms";

/// Writes beside the output, which is replaced once all is written.
fn table(simulation: &Simulation, out: &Path, force: bool) -> Result<u64, Failure> {
    let failed = |e: std::io::Error| Failure::run(format!("cannot write {}: {e}", out.display()));
    // A link that leads somewhere is followed.
    let out = &out.canonicalize().unwrap_or_else(|_| out.to_path_buf());
    let mut head = Vec::new();
    match File::open(out).and_then(|file| file.take(HEAD.len() as u64).read_to_end(&mut head)) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Ok(_) if force || head == HEAD.as_bytes() => {}
        Ok(_) => {
            return Err(Failure::run(format!(
                "{} exists and was not written by lapicque: choose another, or --force",
                out.display()
            )));
        }
        Err(e) => return Err(failed(e)),
    }
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let part = out.with_file_name(format!(".{name}.part"));
    let written = rows(simulation, &part).and_then(|count| std::fs::rename(&part, out).map(|()| count));
    written.map_err(|e| {
        // What matters is why it was not written.
        let _ = std::fs::remove_file(&part);
        failed(e)
    })
}

fn rows(simulation: &Simulation, path: &Path) -> std::io::Result<u64> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "{HEAD}")?;
    let (mut result, mut count) = (Ok(()), 0);
    let populations = &simulation.plan().populations;
    simulation.each_synapse(|s| {
        if result.is_ok() {
            let (from, to) = (&populations[s.source.0], &populations[s.target.0]);
            let receptor = &to.receptors[s.receptor].name;
            let (from, to) = (&from.name, &to.name);
            result = writeln!(file, "{from},{},{to},{},{receptor},{},{}", s.source.1, s.target.1, s.weight, s.delay);
            count += 1;
        }
    });
    result.and_then(|()| file.flush())?;
    Ok(count)
}
