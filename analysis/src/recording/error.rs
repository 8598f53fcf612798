//! Errors of reading a recording.

use std::path::{Path, PathBuf};

/// An error of a reader. Every message says what was given, what is accepted and what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be read.
    #[error("cannot read {path}: {reason}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The message of the operating system; if there is none, that of HDF5.
        reason: String,
    },
    /// The file is not a recording.
    #[error("{path} is not a recording of lapicque: {reason}", path = path.display())]
    NotARecording {
        /// The file.
        path: PathBuf,
        /// Why it is not a recording.
        reason: String,
    },
    /// The requested data are not in the file.
    #[error("{path} holds no {what}; it holds {available}", path = path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The requested data.
        what: String,
        /// The data of this kind that the file contains.
        available: String,
    },
}

impl ReadError {
    /// An error of the operating system.
    pub(super) fn io(path: &Path, error: &std::io::Error) -> Self {
        ReadError::File { path: path.to_path_buf(), reason: error.to_string() }
    }

    /// An error of HDF5.
    pub(super) fn hdf5(path: &Path, error: &hdf5::Error) -> Self {
        ReadError::File { path: path.to_path_buf(), reason: reason(error) }
    }
}

/// The reason of an HDF5 error. If the operating system reported one, it is in a description on HDF5's error stack, as
/// `errno = 5, error message = 'Input/output error'`. Otherwise the message of HDF5.
fn reason(error: &hdf5::Error) -> String {
    let message = |text: &str| Some(text.split_once("error message = '")?.1.split_once('\'')?.0.to_string());
    let frames = error.stack();
    let found = frames.iter().flat_map(|stack| stack.iter()).find_map(|frame| message(frame.desc()));
    found.filter(|message| !message.is_empty()).unwrap_or_else(|| error.to_string())
}

/// A list of names for a message: `"E", "I"`; "nothing of the kind" if the list is empty.
pub(super) fn listed<S: AsRef<str>>(names: &[S]) -> String {
    if names.is_empty() {
        return "nothing of the kind".to_string();
    }
    names.iter().map(|name| format!("\"{}\"", name.as_ref())).collect::<Vec<_>>().join(", ")
}
