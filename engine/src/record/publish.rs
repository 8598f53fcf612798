//! Locks an output, manages its working files, and replaces the output by a new version in one step.
//!
//! For an output `out/run.h5` this module uses up to three hidden files in the same directory:
//! - `.run.h5.part`, the working file: the version that is being written;
//! - `.run.h5.next`: a copy of the output while it is being made; it becomes the next working file;
//! - `.run.h5.lock`: held open and locked by the run that writes. The operating system releases the lock when the
//!   process ends.
//!
//! The output itself is changed only by renaming a finished working file to it, so the output is always complete. If a
//! run is killed, the next run with the same output deletes the working files.

use super::error::RecordError;
use super::format::{CSV_HEADER, FORMAT_FAMILY};
use super::hdf;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// An output and its working files, locked by this process. Drop deletes the working files and releases the lock.
#[derive(Debug)]
pub(super) struct OutputFiles {
    output: PathBuf,
    /// `.NAME.part`
    working_file: PathBuf,
    /// `.NAME.next`
    next_working_file: PathBuf,
    lock: LockFile,
}

/// Number of attempts to lock the lock file. An attempt fails if the previous owner deletes the lock file in the
/// meantime.
const LOCK_ATTEMPTS: usize = 100;

impl OutputFiles {
    /// Locks an output and creates its directory. Deletes working files that a killed run has left.
    ///
    /// Refused: a directory or device; an output that another run is writing; unless `force` is set, an existing file
    /// that lapicque did not write.
    pub fn lock(path: &Path, force: bool) -> Result<OutputFiles, RecordError> {
        let path = follow_link(path)?;
        let Some(name) = path.file_name().map(|name| name.to_os_string()) else {
            return Err(not_a_file(&path, "a directory"));
        };
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        fs::create_dir_all(&directory).map_err(|e| RecordError::io("create the directory", &directory, &e))?;
        let hidden_file = |suffix: &str| {
            let mut hidden = std::ffi::OsString::from(".");
            hidden.push(&name);
            hidden.push(suffix);
            directory.join(hidden)
        };
        let lock = LockFile::acquire(hidden_file(".lock"), &path)?;
        let files = OutputFiles {
            working_file: hidden_file(".part"),
            next_working_file: hidden_file(".next"),
            output: path,
            lock,
        };
        check_may_replace(&files.output, force)?;
        for leftover in [&files.working_file, &files.next_working_file] {
            remove_if_present(leftover).map_err(|e| RecordError::io("delete the leftover file", leftover, &e))?;
        }
        Ok(files)
    }

    /// Path of the output, the file that readers open.
    pub fn output(&self) -> &Path {
        &self.output
    }

    /// Path of the working file, the file to write into.
    pub fn working_file(&self) -> &Path {
        &self.working_file
    }

    /// Renames the working file, which must be closed, to the output.
    pub fn publish(&self) -> Result<(), RecordError> {
        fs::rename(&self.working_file, &self.output).map_err(|e| RecordError::io("rename", &self.working_file, &e))
    }

    /// Creates a new working file as a copy of the output. Both use the same storage where the file system supports
    /// this.
    pub fn copy_to_working_file(&self) -> Result<(), RecordError> {
        fs::copy(&self.output, &self.next_working_file)
            .and_then(|_| fs::rename(&self.next_working_file, &self.working_file))
            .map_err(|e| RecordError::io("create the copy", &self.next_working_file, &e))
    }
}

impl Drop for OutputFiles {
    fn drop(&mut self) {
        // Errors are ignored: `drop` cannot return them, and the next run deletes files that remain.
        let _ = remove_if_present(&self.working_file);
        let _ = remove_if_present(&self.next_working_file);
        let _ = remove_if_present(&self.lock.path);
        // Unlock explicitly: if another thread is just starting a child process, the child may hold the file open for a
        // moment longer. The open file would keep the lock.
        let _ = self.lock.file.as_ref().map(File::unlock);
    }
}

/// The locked lock file of an output.
#[derive(Debug)]
struct LockFile {
    path: PathBuf,
    /// Open and locked until dropped. `None` on a file system without locks.
    file: Option<File>,
}

impl LockFile {
    /// Creates and locks the lock file at `path`. Refused if another run holds the lock.
    fn acquire(path: PathBuf, output: &Path) -> Result<LockFile, RecordError> {
        let failed = |e: &io::Error| RecordError::io("create", &path, e);
        for _ in 0..LOCK_ATTEMPTS {
            let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(|e| failed(&e))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(RecordError::InUse { path: output.to_path_buf() }),
                // Some network file systems have no locks. There, run without a lock instead of refusing to run.
                Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Unsupported => {
                    return Ok(LockFile { path, file: None });
                }
                Err(TryLockError::Error(e)) => return Err(failed(&e)),
            }
            // The previous owner deletes the lock file before it unlocks it. The file locked here may therefore already
            // be deleted, and a new file may have its name.
            if is_file_at(&file, &path) {
                return Ok(LockFile { path, file: Some(file) });
            }
        }
        Err(RecordError::InUse { path: output.to_path_buf() })
    }
}

/// Whether the open file is the file that is now at `path`.
#[cfg(unix)]
fn is_file_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(opened), Ok(at_path)) => opened.dev() == at_path.dev() && opened.ino() == at_path.ino(),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_file_at(_: &File, path: &Path) -> bool {
    path.exists()
}

/// The target of an output path that is a symbolic link, otherwise the path itself. The target is replaced, not the
/// link.
fn follow_link(path: &Path) -> Result<PathBuf, RecordError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => {
            fs::canonicalize(path).map_err(|e| RecordError::io("follow the link", path, &e))
        }
        Ok(_) => Ok(path.to_path_buf()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(path.to_path_buf()),
        Err(e) => Err(RecordError::io("create", path, &e)),
    }
}

/// Refuses an existing output that is not a regular file or, unless forced, that lapicque did not write.
fn check_may_replace(path: &Path, force: bool) -> Result<(), RecordError> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(RecordError::io("replace", path, &e)),
    };
    if metadata.is_dir() {
        return Err(not_a_file(path, "a directory"));
    }
    if !metadata.is_file() {
        return Err(not_a_file(path, "a device or a pipe"));
    }
    if force || written_by_lapicque(path) {
        Ok(())
    } else {
        Err(RecordError::NotWrittenByLapicque { path: path.to_path_buf() })
    }
}

/// Whether lapicque wrote a file: any of its HDF5 files, or a table of synapses. `false` for a file that cannot be
/// read.
fn written_by_lapicque(path: &Path) -> bool {
    let format = || hdf5::File::open(path).ok().and_then(|file| hdf::text_attribute(&file, "format"));
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(CSV_HEADER.len() as u64).read_to_end(&mut head));
    read.is_ok() && (head == CSV_HEADER.as_bytes() || format().is_some_and(|format| format.starts_with(FORMAT_FAMILY)))
}

fn not_a_file(path: &Path, what: &'static str) -> RecordError {
    let example = if what == "a directory" { path.join("run.h5") } else { PathBuf::from("out/run.h5") };
    RecordError::NotAFile { path: path.to_path_buf(), what, example }
}

/// Deletes a file; no error if it does not exist.
fn remove_if_present(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
