//! What can go wrong while recording.
//!
//! Every message says what was given, what is allowed and what to do. Reasons of the operating system are kept as
//! text, so that an error can be cloned and shown twice: once where the writer thread met it, once where it is reported.

use std::path::{Path, PathBuf};

/// An error of the recorder.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The output exists and lapicque did not write it.
    #[error(
        "{path} exists and was not written by lapicque, so it is not replaced: choose another output, move the file \
         away, or allow it with --force", path = path.display()
    )]
    NotOurs {
        /// The output.
        path: PathBuf,
    },
    /// The output cannot be a file.
    #[error("{path} is {what}: name a file, for example {example}", path = path.display(), example = example.display())]
    NotAFile {
        /// The output.
        path: PathBuf,
        /// "a directory", "a device".
        what: &'static str,
        /// A name that would do.
        example: PathBuf,
    },
    /// Another recorder is writing the same output.
    #[error(
        "{path} is being written by another run that is still alive: wait for it, stop it, or choose another output",
        path = path.display()
    )]
    InUse {
        /// The output.
        path: PathBuf,
    },
    /// An operation on a file failed.
    #[error("cannot {action} {path}: {reason}", path = path.display())]
    File {
        /// "write", "create", "read", …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's words, or the library's where there are none.
        reason: String,
    },
    /// Writing failed in the middle of a run; what was published before is kept.
    #[error(
        "cannot write {path}: {reason}. {published} keeps everything up to {kept_until_ms} ms; make room or choose \
         another output, and run again", path = path.display(), published = published.display()
    )]
    Lost {
        /// The file that could not be written.
        path: PathBuf,
        /// The operating system's words, or the library's where there are none.
        reason: String,
        /// The output as it was last published.
        published: PathBuf,
        /// The model time up to which it is complete.
        kept_until_ms: f64,
    },
    /// The plan asks for something that cannot be recorded.
    #[error("{message}")]
    Plan {
        /// What was asked, what is possible.
        message: String,
    },
    /// A batch breaks the contract of `batch.rs`; a mistake in the program that drives the recorder.
    #[error("the batch that ends at tick {until} cannot be recorded: {message}")]
    Batch {
        /// The batch's last tick.
        until: u64,
        /// What is wrong with it.
        message: String,
    },
    /// The writer thread ended before; its error was returned by an earlier call.
    #[error("{path} is no longer recorded: an earlier call returned the reason", path = path.display())]
    Ended {
        /// The output.
        path: PathBuf,
    },
}

impl RecordError {
    /// An error of the operating system.
    pub(super) fn io(action: &'static str, path: &Path, error: &std::io::Error) -> Self {
        RecordError::File { action, path: path.to_path_buf(), reason: error.to_string() }
    }

    /// An error of HDF5.
    pub(super) fn hdf5(action: &'static str, path: &Path, error: &hdf5::Error) -> Self {
        RecordError::File { action, path: path.to_path_buf(), reason: reason(error) }
    }

    /// The same failure, met after something had been published.
    pub(super) fn after_publishing(self, published: &Path, kept_until_ms: f64) -> Self {
        match self {
            RecordError::File { path, reason, .. } => {
                RecordError::Lost { path, reason, published: published.to_path_buf(), kept_until_ms }
            }
            other => other,
        }
    }
}

/// The reason inside an error of HDF5: the operating system's where there is one, which sits deep in the stack as
/// `errno = 28, error message = 'No space left on device'`; the library's otherwise.
fn reason(error: &hdf5::Error) -> String {
    if let Some(stack) = error.stack() {
        for frame in stack.iter() {
            if let Some((_, rest)) = frame.desc().split_once("error message = '")
                && let Some((words, _)) = rest.split_once('\'')
                && !words.is_empty()
            {
                return words.to_string();
            }
        }
    }
    error.to_string()
}

/// Names in a list for a message: `"E", "I"`; "nothing" for none.
pub(super) fn listed<S: AsRef<str>>(names: &[S]) -> String {
    if names.is_empty() {
        return "nothing of the kind".to_string();
    }
    names.iter().map(|name| format!("\"{}\"", name.as_ref())).collect::<Vec<_>>().join(", ")
}
