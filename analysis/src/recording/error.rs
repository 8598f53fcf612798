//! What can go wrong while a recording is read.

use std::path::{Path, PathBuf};

/// An error of a reader. Every message says what was given, what is allowed and what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be read.
    #[error("cannot read {path}: {reason}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's words, or those of HDF5 where there are none.
        reason: String,
    },
    /// The file is not a recording.
    #[error("{path} is not a recording of lapicque: {reason}", path = path.display())]
    NotARecording {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },
    /// Something asked for is not in the file.
    #[error("{path} holds no {what}; it holds {available}", path = path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        what: String,
        /// What could be asked for.
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

/// The operating system's words inside an error of HDF5, `errno = 5, error message = 'Input/output error'`, where there are
/// any; else those of HDF5.
fn reason(error: &hdf5::Error) -> String {
    let words = |text: &str| Some(text.split_once("error message = '")?.1.split_once('\'')?.0.to_string());
    let frames = error.stack();
    let found = frames.iter().flat_map(|stack| stack.iter()).find_map(|frame| words(frame.desc()));
    found.filter(|words| !words.is_empty()).unwrap_or_else(|| error.to_string())
}

/// Names in a list for a message: `"E", "I"`.
pub(super) fn listed<S: AsRef<str>>(names: &[S]) -> String {
    if names.is_empty() {
        return "nothing of the kind".to_string();
    }
    names.iter().map(|name| format!("\"{}\"", name.as_ref())).collect::<Vec<_>>().join(", ")
}
