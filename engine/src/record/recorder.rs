//! The recorder as the time loop sees it: push batches, finish.
//!
//! Pushing hands the batch to the writer thread through a short channel and returns; it waits only when the disk cannot
//! keep up. A recorder that is dropped without `finish` (an error elsewhere, a panic) closes its file as interrupted.

use super::error::RecordError;
use super::provenance::Provenance;
use super::publish::Output;
use super::recording_file::RecordingFile;
use super::request;
use super::summary::{State, Summary};
use super::writer::{Ending, Message, PAUSE, Writer};
use crate::plan::Plan;
use crate::run::Batch;
use crossbeam::channel::{self, Sender};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

/// Batches that may wait for the writer.
const WAITING: usize = 16;

/// Records a run into a file.
#[derive(Debug)]
pub struct Recorder {
    file: PathBuf,
    /// `None` once the writer was told to end.
    sender: Option<Sender<Message>>,
    /// `None` once the writer's result was taken.
    writer: Option<JoinHandle<Result<Summary, RecordError>>>,
}

/// An output that is this process's own, before there is a plan to record: a run finds out before a long build whether
/// it may write at all. Nothing is changed; dropping it gives the output back.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    output: Output,
}

impl Claim {
    /// Claims an output: missing directories are made; what lapicque did not write is refused unless `force` is set.
    pub fn new(path: impl AsRef<Path>, force: bool) -> Result<Claim, RecordError> {
        let path = path.as_ref().to_path_buf();
        Ok(Claim { output: Output::claim(&path, force)?, path })
    }

    /// Starts the recording. From now on there is a valid file at the path, empty at first.
    pub fn record(self, plan: &Plan, provenance: &Provenance) -> Result<Recorder, RecordError> {
        request::check(plan)?;
        self.start(plan, provenance, PAUSE)
    }

    fn start(self, plan: &Plan, provenance: &Provenance, pause: u32) -> Result<Recorder, RecordError> {
        let Claim { path, output } = self;
        let file = RecordingFile::create(output.part(), plan, provenance)?;
        let mut writer = Writer::new(output, file, plan.record.flush_s, pause);
        writer.flush()?;
        let (sender, receiver) = channel::bounded(WAITING);
        let thread = thread::Builder::new()
            .name("lapicque-writer".to_string())
            .spawn(move || writer.run(&receiver))
            .map_err(|e| RecordError::io("start the thread that writes", &path, &e))?;
        Ok(Recorder { file: path, sender: Some(sender), writer: Some(thread) })
    }
}

impl Recorder {
    /// Opens an output for a plan. From now on there is a valid file at `path`, empty at first; missing directories are
    /// made. What lapicque wrote there before is replaced; anything else only if `force` is set.
    pub fn create(
        path: impl AsRef<Path>,
        plan: &Plan,
        provenance: Provenance,
        force: bool,
    ) -> Result<Recorder, RecordError> {
        Recorder::create_with_pause(path.as_ref(), plan, &provenance, force, PAUSE)
    }

    /// The same with a shortest pause between flushes of `pause` times the duration of the last one. Tests set it to 0
    /// to flush all the time.
    pub(super) fn create_with_pause(
        path: &Path,
        plan: &Plan,
        provenance: &Provenance,
        force: bool,
        pause: u32,
    ) -> Result<Recorder, RecordError> {
        request::check(plan)?;
        Claim::new(path, force)?.start(plan, provenance, pause)
    }

    /// Records a batch. Batches come in order of time. An error is one that the writer met in this or an earlier batch;
    /// after it the recording is over, and what was published is kept.
    pub fn push(&mut self, batch: Batch) -> Result<(), RecordError> {
        match &self.sender {
            Some(sender) if sender.send(Message::Batch(batch)).is_ok() => Ok(()),
            _ => Err(self.failure()),
        }
    }

    /// Ends the recording at tick `until`, up to which everything is known, and closes the file. `phases` are wall
    /// seconds by name, `peak_memory` is in bytes.
    pub fn finish(
        mut self,
        state: State,
        phases: &[(&str, f64)],
        peak_memory: u64,
        until: u64,
    ) -> Result<Summary, RecordError> {
        let phases = phases.iter().map(|&(name, seconds)| (name.to_string(), seconds)).collect();
        let ending = Ending { state, phases, peak_memory, until: Some(until) };
        if let Some(sender) = &self.sender {
            // A writer that is gone has left its reason, which `end` returns.
            let _ = sender.send(Message::Finish(ending));
        }
        self.end()
    }

    /// Closes the channel and waits for the writer's result.
    fn end(&mut self) -> Result<Summary, RecordError> {
        self.sender = None;
        match self.writer.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(RecordError::File {
                action: "write",
                path: self.file.clone(),
                reason: "the writer thread panicked, which is a mistake in lapicque: please report it".to_string(),
            }),
            None => Err(RecordError::Ended { path: self.file.clone() }),
        }
    }

    /// Why the writer no longer takes batches.
    fn failure(&mut self) -> RecordError {
        match self.end() {
            Err(error) => error,
            Ok(_) => RecordError::Ended { path: self.file.clone() },
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // The writer ends the file as interrupted; nobody is left to hear of an error.
        let _ = self.end();
    }
}
