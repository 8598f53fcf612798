//! The command line of Lapicque: parses the arguments, calls the engine, prints the results.
//!
//! Exit codes: 0 success, 1 the command failed (or `diff` found a difference), 2 the input is wrong, 130 interrupted.

mod check;
mod command_error;
mod configuration;
mod export;
mod info;
mod models;
mod output;
mod run;

use clap::{Parser, Subcommand};
use command_error::CommandError;
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
    /// Simulate a network and write one HDF5 file.
    Run(run::Arguments),
    /// Check a configuration without simulating: list the network, its synapses, its memory and all mistakes.
    Check(check::Arguments),
    /// List the models, or print the equations and parameters of one model.
    Models {
        /// Name of a model, such as lif; without it, all models are listed.
        name: Option<String>,
    },
    /// Print the JSON Schema of configuration files, with which editors check and complete keys.
    Schema,
    /// Describe an output file of `lapicque run`.
    Info {
        /// The output file.
        file: PathBuf,
    },
    /// Compare two output files bit for bit and print the first difference, with its time and neuron.
    Diff {
        /// The first file.
        a: PathBuf,
        /// The second file.
        b: PathBuf,
    },
    /// Export the synapses of a network, or recorded traces.
    #[command(subcommand)]
    Export(export::Command),
}

fn run_command(cli: Cli) -> Result<ExitCode, CommandError> {
    match cli.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::Models { name } => print(&models::models(name.as_deref())?),
        Command::Schema => {
            let schema = lapicque_engine::config::schema::schema(&Models::standard().pages());
            let text = serde_json::to_string_pretty(&schema).map_err(|e| CommandError::failed(e.to_string()))?;
            print(&(text + "\n"))
        }
        Command::Info { file } => print(&info::info(&file)?),
        Command::Diff { a, b } => {
            let difference = lapicque_analysis::recording::compare(&a, &b).map_err(CommandError::invalid_input)?;
            print(&format!("{difference}\n"))?;
            Ok(if difference.is_none() { ExitCode::SUCCESS } else { ExitCode::from(1) })
        }
        Command::Export(command) => export::export(&command),
    }
}

fn main() -> ExitCode {
    run_command(Cli::parse()).unwrap_or_else(|error| error.report())
}
