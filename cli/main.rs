//! The command line of Lapicque: arguments in, engine called, text out.
//!
//! Exit codes: 0 done, 1 the run failed (or `diff` found a difference), 2 the input is wrong, 130 interrupted.

mod check;
mod export;
mod failure;
mod info;
mod models;
mod run;

use clap::{Args, Parser, Subcommand};
use failure::Failure;
use lapicque_models::list::Models;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Parallel simulator for networks of spiking neurons.
#[derive(Parser)]
#[command(name = "lapicque", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// A configuration and what is laid over it.
#[derive(Args, Clone)]
pub struct Configuration {
    /// The network, a TOML file.
    config: PathBuf,
    /// Set any key, e.g. --set population.I.neuron.v_reset="14 mV"; may be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Set simulation.seed.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Set simulation.duration, e.g. "500 ms".
    #[arg(long, value_name = "D")]
    duration: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Run a network and write one HDF5 file.
    Run(run::Arguments),
    /// Everything but the run: the resolved network, synapses, memory, and what is wrong.
    Check(check::Arguments),
    /// List the models, or print the page of one.
    Models {
        /// Name of a model.
        name: Option<String>,
    },
    /// Print the JSON Schema of configurations, for editors.
    Schema,
    /// Describe an output file.
    Info {
        /// The file.
        file: PathBuf,
    },
    /// Compare two output files bit for bit: the first difference in time and neuron, or none.
    Diff {
        /// One file.
        a: PathBuf,
        /// The other.
        b: PathBuf,
    },
    /// Export the realised network, or recorded traces.
    #[command(subcommand)]
    Export(export::Command),
}

impl Configuration {
    /// Reads and resolves the configuration.
    fn load(&self, models: &Models) -> Result<lapicque_engine::config::Loaded, Failure> {
        let mut overrides = self.set.clone();
        overrides.extend(self.seed.map(|seed| format!("simulation.seed={seed}")));
        overrides.extend(self.duration.as_ref().map(|duration| format!("simulation.duration={duration}")));
        let loaded = lapicque_engine::config::load(&self.config, &overrides, &models.pages())?;
        loaded.check_models(models)?;
        Ok(loaded)
    }
}

/// Prints to stdout; a reader that has gone away (`lapicque info | head`) is no error.
fn print(text: &str) -> Result<ExitCode, Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::run(format!("cannot write to stdout: {e}")))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Says on stderr what a user should know of a network that is run all the same.
fn warn(what: Option<String>) {
    if let Some(what) = what {
        eprintln!("warning: {what}");
    }
}

fn command(cli: Cli) -> Result<ExitCode, Failure> {
    match cli.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::Models { name } => print(&models::models(name.as_deref())?),
        Command::Schema => {
            let schema = lapicque_engine::config::schema::schema(&Models::standard().pages());
            let text = serde_json::to_string_pretty(&schema).map_err(|e| Failure::run(e.to_string()))?;
            print(&(text + "\n"))
        }
        Command::Info { file } => print(&info::info(&file)?),
        Command::Diff { a, b } => {
            let difference = lapicque_analysis::recording::compare(&a, &b).map_err(Failure::input)?;
            print(&format!("{difference}\n"))?;
            Ok(if difference.is_none() { ExitCode::SUCCESS } else { ExitCode::from(1) })
        }
        Command::Export(command) => export::export(&command),
    }
}

fn main() -> ExitCode {
    command(Cli::parse()).unwrap_or_else(|failure| failure.report())
}
