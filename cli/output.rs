//! Prints to stdout and stderr.

use crate::command_error::CommandError;
use std::io::Write;
use std::process::ExitCode;

/// Prints to stdout. It is not an error if the reader of a pipe has closed the pipe, as in `lapicque info FILE | head`.
pub fn print(text: &str) -> Result<ExitCode, CommandError> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CommandError::failed(format!("cannot write to stdout: {e}")))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Prints a warning to stderr, if there is one.
pub fn warn(warning: Option<String>) {
    if let Some(warning) = warning {
        eprintln!("warning: {warning}");
    }
}
