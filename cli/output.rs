//! What commands write to stdout and stderr.

use crate::failure::Failure;
use std::io::Write;
use std::process::ExitCode;

/// Prints to stdout; a reader that has gone away (`lapicque info | head`) is no error.
pub fn print(text: &str) -> Result<ExitCode, Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::run(format!("cannot write to stdout: {e}")))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Writes a warning to stderr, if there is one.
pub fn warn(what: Option<String>) {
    if let Some(what) = what {
        eprintln!("warning: {what}");
    }
}
