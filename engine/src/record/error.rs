//! Errors of recording.
//!
//! Every message says what was given, what is accepted and what to do. The reason given by the operating system is kept
//! as text, so that an error can be cloned.

use std::path::{Path, PathBuf};

/// An error of the recorder.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The output exists, and lapicque did not write it.
    #[error(
        "{path} exists and was not written by lapicque, so it is not replaced: choose another output, move the file \
         away, or allow it with --force", path = path.display()
    )]
    NotWrittenByLapicque {
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
        /// A path that would be accepted.
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
        /// What failed: "write", "create", "rename", …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The message of the operating system; if there is none, that of HDF5.
        reason: String,
    },
    /// Writing failed during a run. The output keeps the data of the last flush.
    #[error(
        "cannot write {path}: {reason}. {published} keeps everything up to {kept_until_ms} ms; make room or choose \
         another output, and run again", path = path.display(), published = published.display()
    )]
    WriteFailed {
        /// The file that could not be written.
        path: PathBuf,
        /// The message of the operating system; if there is none, that of HDF5.
        reason: String,
        /// The output.
        published: PathBuf,
        /// The model time in ms up to which the output is complete.
        kept_until_ms: f64,
    },
    /// The plan asks for something that cannot be recorded.
    #[error("{message}")]
    Plan {
        /// What the plan asks for and what can be recorded.
        message: String,
    },
    /// A batch breaks the rules of [`Batch`](crate::run::Batch). This is a bug in the program that calls the recorder.
    #[error("the batch that ends at tick {until} cannot be recorded: {message}")]
    Batch {
        /// The last tick of the batch.
        until: u64,
        /// What is wrong with it.
        message: String,
    },
    /// The recording has already ended; an earlier call returned the error.
    #[error("the recording in {path} has ended with an error, which an earlier call returned", path = path.display())]
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

    /// The same error, if the output already holds data up to `kept_until_ms`.
    pub(super) fn after_publishing(self, published: &Path, kept_until_ms: f64) -> Self {
        match self {
            RecordError::File { path, reason, .. } => {
                RecordError::WriteFailed { path, reason, published: published.to_path_buf(), kept_until_ms }
            }
            other => other,
        }
    }
}

/// The reason of an HDF5 error. If the operating system reported one, it is in a description on HDF5's error stack, as
/// `errno = 28, error message = 'No space left on device'`. Otherwise the message of HDF5.
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

/// A list of names for a message: `"E", "I"`; "nothing of the kind" if the list is empty.
pub(super) fn listed<S: AsRef<str>>(names: &[S]) -> String {
    if names.is_empty() {
        return "nothing of the kind".to_string();
    }
    names.iter().map(|name| format!("\"{}\"", name.as_ref())).collect::<Vec<_>>().join(", ")
}
