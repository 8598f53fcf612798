//! The recorder: the interface of recording for the time loop.
//!
//! [`Recorder::push`] puts a batch into a short queue for the writer thread and returns. It waits only if the queue is
//! full, when the disk is slower than the simulation. A recorder that is dropped without [`Recorder::finish`], because
//! of an error elsewhere or a panic, closes its file with state "interrupted".

use super::error::RecordError;
use super::provenance::Provenance;
use super::publish::OutputFiles;
use super::recording_file::RecordingFile;
use super::request;
use super::summary::{State, Summary};
use super::writer::{PAUSE_FACTOR, RunEnd, Writer, WriterMessage};
use crate::plan::Plan;
use crate::run::Batch;
use crossbeam::channel::{self, Sender};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

/// Largest number of batches in the queue for the writer thread.
const QUEUE_LENGTH: usize = 16;

/// Records a run into a file.
#[derive(Debug)]
pub struct Recorder {
    file: PathBuf,
    /// `None` after the end of the recording.
    sender: Option<Sender<WriterMessage>>,
    /// `None` after the result of the writer thread has been returned.
    writer: Option<JoinHandle<Result<Summary, RecordError>>>,
}

/// An output that is locked for this process before there is a plan to record. A program that reserves its output
/// before a long network build learns at once whether it may write there. An existing file at the path is not changed.
/// Dropping the reservation releases the lock.
#[derive(Debug)]
pub struct ReservedOutput {
    path: PathBuf,
    output: OutputFiles,
}

impl ReservedOutput {
    /// Reserves an output and creates its directory. Refused: a directory or device; an output that another run is
    /// writing; unless `force` is set, an existing file that lapicque did not write.
    pub fn new(path: impl AsRef<Path>, force: bool) -> Result<ReservedOutput, RecordError> {
        let path = path.as_ref().to_path_buf();
        Ok(ReservedOutput { output: OutputFiles::lock(&path, force)?, path })
    }

    /// Starts the recording. From now on there is a valid file at the path, at first without data.
    pub fn start_recording(self, plan: &Plan, provenance: &Provenance) -> Result<Recorder, RecordError> {
        request::check(plan)?;
        self.start_writer(plan, provenance, PAUSE_FACTOR)
    }

    fn start_writer(self, plan: &Plan, provenance: &Provenance, pause_factor: u32) -> Result<Recorder, RecordError> {
        let ReservedOutput { path, output } = self;
        let file = RecordingFile::create(output.working_file(), plan, provenance)?;
        let mut writer = Writer::new(output, file, plan.record.flush_s, pause_factor);
        writer.flush()?;
        let (sender, receiver) = channel::bounded(QUEUE_LENGTH);
        let thread = thread::Builder::new()
            .name("lapicque-writer".to_string())
            .spawn(move || writer.run(&receiver))
            .map_err(|e| RecordError::io("start the thread that writes", &path, &e))?;
        Ok(Recorder { file: path, sender: Some(sender), writer: Some(thread) })
    }
}

impl Recorder {
    /// Starts recording a plan into the file at `path` and creates its directory. From now on there is a valid file at
    /// `path`, at first without data. A file that lapicque wrote there before is replaced.
    ///
    /// Refused: a plan that cannot be recorded; a directory or device; an output that another run is writing; unless
    /// `force` is set, an existing file that lapicque did not write.
    pub fn create(
        path: impl AsRef<Path>,
        plan: &Plan,
        provenance: Provenance,
        force: bool,
    ) -> Result<Recorder, RecordError> {
        Recorder::create_with_pause_factor(path.as_ref(), plan, &provenance, force, PAUSE_FACTOR)
    }

    /// Does the same as [`Recorder::create`]. The shortest time between two flushes is `pause_factor` times the
    /// duration of the first of the two. Tests set the factor to 0 to flush without pause.
    pub(super) fn create_with_pause_factor(
        path: &Path,
        plan: &Plan,
        provenance: &Provenance,
        force: bool,
        pause_factor: u32,
    ) -> Result<Recorder, RecordError> {
        request::check(plan)?;
        ReservedOutput::new(path, force)?.start_writer(plan, provenance, pause_factor)
    }

    /// Records a batch. Batches must come in order of time. The error may stem from this batch or from an earlier one.
    /// After an error the recording has ended; the file keeps the data of the last flush.
    pub fn push(&mut self, batch: Batch) -> Result<(), RecordError> {
        match &self.sender {
            Some(sender) if sender.send(WriterMessage::Batch(batch)).is_ok() => Ok(()),
            _ => Err(self.failure()),
        }
    }

    /// Ends the recording and closes the file. `until` is the last tick of the run; all spikes and samples up to it
    /// must have been pushed. `phases` are names and wall times in seconds, `peak_memory` is in bytes.
    pub fn finish(
        mut self,
        state: State,
        phases: &[(&str, f64)],
        peak_memory: u64,
        until: u64,
    ) -> Result<Summary, RecordError> {
        let phases = phases.iter().map(|&(name, seconds)| (name.to_string(), seconds)).collect();
        let end = RunEnd { state, phases, peak_memory, until: Some(until) };
        if let Some(sender) = &self.sender {
            // If the writer thread has already ended with an error, sending fails, and `end` below returns that error.
            let _ = sender.send(WriterMessage::Finish(end));
        }
        self.end()
    }

    /// Closes the channel and waits for the result of the writer thread.
    fn end(&mut self) -> Result<Summary, RecordError> {
        self.sender = None;
        match self.writer.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(RecordError::File {
                action: "write",
                path: self.file.clone(),
                reason: "the writer thread panicked; this is a bug in lapicque, please report it".to_string(),
            }),
            None => Err(RecordError::Ended { path: self.file.clone() }),
        }
    }

    /// The error with which the writer thread ended.
    fn failure(&mut self) -> RecordError {
        match self.end() {
            Err(error) => error,
            Ok(_) => RecordError::Ended { path: self.file.clone() },
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // The writer thread finishes the file with state "interrupted". `drop` cannot return an error.
        let _ = self.end();
    }
}
