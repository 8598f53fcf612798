//! The error of a command: a message for the user and an exit code.

use lapicque_engine::config::ConfigError;
use lapicque_engine::error::BuildError;
use std::fmt::Display;
use std::process::ExitCode;

/// A message for the user and the exit code of the program.
pub struct CommandError {
    message: String,
    code: u8,
}

impl CommandError {
    /// The configuration or an argument is wrong: exit code 2.
    pub fn invalid_input(error: impl Display) -> Self {
        CommandError { message: format!("error: {error}"), code: 2 }
    }

    /// The command failed although its input was accepted: exit code 1.
    pub fn failed(error: impl Display) -> Self {
        CommandError { message: format!("error: {error}"), code: 1 }
    }

    /// Prints the message to stderr and returns the exit code.
    pub fn report(self) -> ExitCode {
        eprintln!("{}", self.message.trim_end());
        ExitCode::from(self.code)
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        // A `ConfigError` may list several problems. Its text already begins each of them with "error:".
        CommandError { message: error.to_string(), code: 2 }
    }
}

impl From<BuildError> for CommandError {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Memory { .. } | BuildError::Threads { .. } => CommandError::failed(error),
            _ => CommandError::invalid_input(error),
        }
    }
}
