//! How a command fails: a message and an exit code.

use lapicque_engine::config::ConfigError;
use lapicque_engine::error::BuildError;
use std::fmt::Display;
use std::process::ExitCode;

/// A message for the user and the exit code.
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// The input is wrong.
    pub fn input(error: impl Display) -> Self {
        Failure { message: format!("error: {error}"), code: 2 }
    }

    /// The run failed.
    pub fn run(error: impl Display) -> Self {
        Failure { message: format!("error: {error}"), code: 1 }
    }

    /// Prints the message.
    pub fn report(self) -> ExitCode {
        eprintln!("{}", self.message.trim_end());
        ExitCode::from(self.code)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        // It prints every problem with its own "error:".
        Failure { message: error.to_string(), code: 2 }
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Memory { .. } | BuildError::Threads { .. } => Failure::run(error),
            _ => Failure::input(error),
        }
    }
}
