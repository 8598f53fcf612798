//! The command line of Lapicque: arguments in, engine called, text out.
//!
//! Exit codes: 0 done, 1 the run failed (or `diff` found a difference), 2 the input is wrong, 130 interrupted.

mod check;
mod configuration;
mod export;
mod failure;
mod info;
mod models;
mod output;
mod run;

use clap::{Parser, Subcommand};
use failure::Failure;
use lapicque_models::list::Models;
use output::print;
use std::path::PathBuf;
use std::process::ExitCode;

/// Parallel simulator for networks of spiking neurons.
#[derive(Parser)]
#[command(name = "lapicque", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
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
