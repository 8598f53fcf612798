//! The writer thread: receives batches through a channel, flushes the file at intervals of wall time, and finishes the
//! file.
//!
//! A flush copies the whole file. The writer therefore waits after each flush at least 20 times as long as the flush
//! took. Flushes thus take at most a twentieth of the writer's time, whatever the size of the file. At the start of a
//! run flushes are more frequent: each flush comes when the run has lasted twice as long as at the previous flush,
//! until the interval in the plan is reached. A run that is killed in its first seconds thus keeps about half of its
//! data.

use super::error::RecordError;
use super::publish::OutputFiles;
use super::recording_file::RecordingFile;
use super::summary::{State, Summary};
use crate::run::Batch;
use crossbeam::channel::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Shortest time between two flushes, as a multiple of the duration of the first of the two.
pub(super) const PAUSE_FACTOR: u32 = 20;

/// A message to the writer thread.
#[derive(Debug)]
pub(super) enum WriterMessage {
    /// Record this batch.
    Batch(Batch),
    /// The run has ended: finish the file.
    Finish(RunEnd),
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct RunEnd {
    /// Complete or interrupted.
    pub state: State,
    /// Name and wall time in seconds of each phase.
    pub phases: Vec<(String, f64)>,
    /// Peak memory of the process, in bytes.
    pub peak_memory: u64,
    /// Last tick of the run; `None`: the last tick of the last batch.
    pub until: Option<u64>,
}

/// A recording that is being written. The order of the fields matters: `file` is dropped first, which closes the
/// working file before `output` deletes it.
#[derive(Debug)]
pub(super) struct Writer {
    file: RecordingFile,
    output: OutputFiles,
    /// Wall time between flushes; `None`: flush only at the end.
    interval: Option<Duration>,
    /// Shortest time between two flushes, as a multiple of the duration of the first of the two.
    pause_factor: u32,
    next_flush: Option<Instant>,
    started: Instant,
    /// Model time in ms up to which the output is complete; `None` before the first flush.
    kept_until_ms: Option<f64>,
    /// Whether batches have arrived since the last flush.
    has_unsaved_data: bool,
}

impl Writer {
    /// A writer for the locked `output`, where `file` writes into the output's working file. `flush_s` is the wall time
    /// between flushes in seconds; a negative, infinite or NaN value means no flush before the end.
    pub fn new(output: OutputFiles, file: RecordingFile, flush_s: f64, pause_factor: u32) -> Self {
        let interval = Duration::try_from_secs_f64(flush_s).ok();
        Writer {
            file,
            output,
            interval,
            pause_factor,
            next_flush: None,
            started: Instant::now(),
            kept_until_ms: None,
            has_unsaved_data: false,
        }
    }

    /// Publishes all data received so far and continues in a copy of the file.
    pub fn flush(&mut self) -> Result<(), RecordError> {
        let began = Instant::now();
        self.publish()?;
        self.output.copy_to_working_file().map_err(|e| self.add_kept_time(e))?;
        self.file.reopen().map_err(|e| self.add_kept_time(e))?;
        self.has_unsaved_data = false;
        let shortest = began.elapsed().saturating_mul(self.pause_factor);
        self.next_flush = self.interval.and_then(|interval| {
            let wanted = interval.min(self.started.elapsed());
            Instant::now().checked_add(wanted.max(shortest))
        });
        Ok(())
    }

    /// Writes and closes the working file and renames it to the output.
    fn publish(&mut self) -> Result<(), RecordError> {
        self.file.write_and_close().and_then(|()| self.output.publish()).map_err(|e| self.add_kept_time(e))?;
        self.kept_until_ms = Some(self.file.reached_ms());
        Ok(())
    }

    /// Adds to an error the time up to which the output is complete.
    fn add_kept_time(&self, error: RecordError) -> RecordError {
        match self.kept_until_ms {
            Some(kept) => error.after_publishing(self.output.output(), kept),
            None => error,
        }
    }

    /// Records batches until the run ends. A channel that is closed without [`WriterMessage::Finish`] counts as an
    /// interrupted run.
    pub fn run(mut self, messages: &Receiver<WriterMessage>) -> Result<Summary, RecordError> {
        loop {
            match self.receive(messages) {
                Ok(WriterMessage::Batch(batch)) => {
                    self.file.append(&batch).map_err(|e| self.add_kept_time(e))?;
                    self.has_unsaved_data = true;
                }
                Ok(WriterMessage::Finish(end)) => return self.finish(&end),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let state = State::Interrupted;
                    return self.finish(&RunEnd { state, phases: Vec::new(), peak_memory: 0, until: None });
                }
            }
            if self.has_unsaved_data && self.next_flush.is_some_and(|next_flush| Instant::now() >= next_flush) {
                self.flush()?;
            }
        }
    }

    /// Waits for the next message. If there are unsaved data, waits no longer than until the next flush.
    fn receive(&self, messages: &Receiver<WriterMessage>) -> Result<WriterMessage, RecvTimeoutError> {
        match self.next_flush {
            Some(next_flush) if self.has_unsaved_data => messages.recv_deadline(next_flush),
            _ => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn finish(mut self, end: &RunEnd) -> Result<Summary, RecordError> {
        if let Some(until) = end.until {
            self.file.append(&Batch { until, ..Batch::default() }).map_err(|e| self.add_kept_time(e))?;
        }
        self.file.write_end(end.state, &end.phases, end.peak_memory).map_err(|e| self.add_kept_time(e))?;
        let populations = self.file.summaries();
        let (t_start_ms, t_stop_ms) = self.file.window_ms();
        self.publish()?;
        let path = self.output.output().to_path_buf();
        Ok(Summary { file: path, state: end.state, t_start_ms, t_stop_ms, populations })
    }
}
