//! The files beside the output: who may write it, and how a new version takes its place in one step.
//!
//! For an output `out/run.h5` there may be, in the same directory, `.run.h5.part` (the version being written),
//! `.run.h5.next` (a copy in the making) and `.run.h5.lock` (held by the run that writes, through a lock of the
//! operating system that ends with the process). Nothing but a rename ever touches the output itself, so it is whole at
//! every moment. What a killed run left behind is removed by the next one.

use super::error::RecordError;
use super::format::{CSV_HEAD, FORMAT_FAMILY};
use super::hdf;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The claim of this process on an output. Dropping it removes the working files and gives the claim back.
#[derive(Debug)]
pub(super) struct Output {
    published: PathBuf,
    part: PathBuf,
    next: PathBuf,
    lock: Lock,
}

/// Times a claim is tried again when the lock file was removed by its last owner in between.
const ATTEMPTS: usize = 100;

impl Output {
    /// Claims an output: makes its directory, refuses what must not be replaced, keeps other runs away, and removes what
    /// a killed run left.
    pub fn claim(path: &Path, force: bool) -> Result<Output, RecordError> {
        let path = resolve(path)?;
        let Some(name) = path.file_name().map(|name| name.to_os_string()) else {
            return Err(not_a_file(&path, "a directory"));
        };
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        fs::create_dir_all(&directory).map_err(|e| RecordError::io("create the directory", &directory, &e))?;
        let beside = |suffix: &str| {
            let mut hidden = std::ffi::OsString::from(".");
            hidden.push(&name);
            hidden.push(suffix);
            directory.join(hidden)
        };
        let lock = Lock::take(beside(".lock"), &path)?;
        let output = Output { part: beside(".part"), next: beside(".next"), published: path, lock };
        refuse_foreign(&output.published, force)?;
        for leftover in [&output.part, &output.next] {
            remove(leftover).map_err(|e| RecordError::io("remove the leftover", leftover, &e))?;
        }
        Ok(output)
    }

    /// The file readers see.
    pub fn published(&self) -> &Path {
        &self.published
    }

    /// The file to write.
    pub fn part(&self) -> &Path {
        &self.part
    }

    /// Puts the closed working file in the place of the output.
    pub fn publish(&self) -> Result<(), RecordError> {
        fs::rename(&self.part, &self.published).map_err(|e| RecordError::io("publish", &self.part, &e))
    }

    /// Makes a working file that begins as a copy of the output. Shares storage where the file system can.
    pub fn continue_from_published(&self) -> Result<(), RecordError> {
        fs::copy(&self.published, &self.next)
            .and_then(|_| fs::rename(&self.next, &self.part))
            .map_err(|e| RecordError::io("copy for the next flush", &self.next, &e))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // Nobody is left to tell, and the next run removes what stays.
        let _ = remove(&self.part);
        let _ = remove(&self.next);
        let _ = remove(&self.lock.path);
        // Said aloud, because a process being forked elsewhere in the program may hold the file open a moment longer.
        let _ = self.lock.file.as_ref().map(File::unlock);
    }
}

/// A lock file, locked.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    /// Open and locked for as long as the claim lasts.
    file: Option<File>,
}

impl Lock {
    fn take(path: PathBuf, output: &Path) -> Result<Lock, RecordError> {
        let failed = |e: &io::Error| RecordError::io("create", &path, e);
        for _ in 0..ATTEMPTS {
            let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(|e| failed(&e))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(RecordError::InUse { path: output.to_path_buf() }),
                // Some network file systems have no locks. A run there goes unguarded rather than not at all.
                Err(TryLockError::Error(e)) if e.kind() == io::ErrorKind::Unsupported => {
                    return Ok(Lock { path, file: None });
                }
                Err(TryLockError::Error(e)) => return Err(failed(&e)),
            }
            // The last owner removes the file before it unlocks: what was locked may no longer be the file of that name.
            if is_still(&file, &path) {
                return Ok(Lock { path, file: Some(file) });
            }
        }
        Err(RecordError::InUse { path: output.to_path_buf() })
    }
}

#[cfg(unix)]
fn is_still(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(named)) => held.dev() == named.dev() && held.ino() == named.ino(),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_still(_: &File, path: &Path) -> bool {
    path.exists()
}

/// The file an output path means: a link that leads somewhere is followed, so that the target is replaced and not the
/// link.
fn resolve(path: &Path) -> Result<PathBuf, RecordError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => {
            fs::canonicalize(path).map_err(|e| RecordError::io("follow the link", path, &e))
        }
        Ok(_) => Ok(path.to_path_buf()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(path.to_path_buf()),
        Err(e) => Err(RecordError::io("create", path, &e)),
    }
}

/// Refuses an output that exists and is not a file, or, unless forced, not one of ours.
fn refuse_foreign(path: &Path, force: bool) -> Result<(), RecordError> {
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
    if force || is_ours(path) { Ok(()) } else { Err(RecordError::NotOurs { path: path.to_path_buf() }) }
}

/// Whether lapicque wrote a file: HDF5 of any kind, or a table of synapses. One that cannot be read is somebody else's.
fn is_ours(path: &Path) -> bool {
    let format = || hdf5::File::open(path).ok().and_then(|file| hdf::text(&file, "format"));
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(CSV_HEAD.len() as u64).read_to_end(&mut head));
    read.is_ok() && (head == CSV_HEAD.as_bytes() || format().is_some_and(|format| format.starts_with(FORMAT_FAMILY)))
}

fn not_a_file(path: &Path, what: &'static str) -> RecordError {
    let example = if what == "a directory" { path.join("run.h5") } else { PathBuf::from("out/run.h5") };
    RecordError::NotAFile { path: path.to_path_buf(), what, example }
}

/// Removes a file that may not exist.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
