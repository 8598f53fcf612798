//! The writer thread: takes batches from the channel, flushes by the clock, ends the file.
//!
//! A flush costs a copy of the file, so it comes no sooner than twenty times its own duration after the last one: at
//! most a twentieth of the writer's time, however large the file grows. The first flushes come early, each after twice
//! the time of the one before, until the interval asked for is reached: a run that is lost in its first seconds keeps
//! about half of what it had.

use super::error::RecordError;
use super::publish::Output;
use super::recording_file::RecordingFile;
use super::summary::{State, Summary};
use crate::run::Batch;
use crossbeam::channel::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Shortest pause between flushes, in durations of the last one.
pub(super) const PAUSE: u32 = 20;

/// What the writer is told.
#[derive(Debug)]
pub(super) enum Message {
    /// Record this.
    Batch(Batch),
    /// Nothing more comes.
    Finish(Ending),
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Ending {
    /// Complete or interrupted.
    pub state: State,
    /// Wall time of each phase, in seconds.
    pub phases: Vec<(String, f64)>,
    /// In bytes.
    pub peak_memory: u64,
    /// The tick reached; `None`: that of the last batch.
    pub until: Option<u64>,
}

/// One recording in the making. The file is dropped, and with it the file closed, before the working file is removed.
#[derive(Debug)]
pub(super) struct Writer {
    file: RecordingFile,
    output: Output,
    /// Wall time between flushes; `None`: only at the end.
    interval: Option<Duration>,
    /// Shortest time from one flush to the next, in durations of the first.
    pause: u32,
    next_flush: Option<Instant>,
    started: Instant,
    /// Model time up to which the output is complete; `None` before anything was published.
    kept_until_ms: Option<f64>,
    unsaved: bool,
}

impl Writer {
    /// For an output that was claimed and a file that writes its working file. `flush_s` that is no time at all (not
    /// finite, negative) means no flush before the end.
    pub fn new(output: Output, file: RecordingFile, flush_s: f64, pause: u32) -> Self {
        let interval = Duration::try_from_secs_f64(flush_s).ok();
        Writer {
            file,
            output,
            interval,
            pause,
            next_flush: None,
            started: Instant::now(),
            kept_until_ms: None,
            unsaved: false,
        }
    }

    /// Publishes what there is and goes on with a copy.
    pub fn flush(&mut self) -> Result<(), RecordError> {
        let began = Instant::now();
        self.publish()?;
        self.output.continue_from_published().map_err(|e| self.lost(e))?;
        self.file.reopen().map_err(|e| self.lost(e))?;
        self.unsaved = false;
        let shortest = began.elapsed().saturating_mul(self.pause);
        self.next_flush = self.interval.and_then(|interval| {
            let wanted = interval.min(self.started.elapsed());
            Instant::now().checked_add(wanted.max(shortest))
        });
        Ok(())
    }

    fn publish(&mut self) -> Result<(), RecordError> {
        self.file.commit().and_then(|()| self.output.publish()).map_err(|e| self.lost(e))?;
        self.kept_until_ms = Some(self.file.reached_ms());
        Ok(())
    }

    /// The error with what is kept in spite of it.
    fn lost(&self, error: RecordError) -> RecordError {
        match self.kept_until_ms {
            Some(kept) => error.after_publishing(self.output.published(), kept),
            None => error,
        }
    }

    /// Records until told that nothing more comes. A channel that is closed without a word is an interruption.
    pub fn run(mut self, messages: &Receiver<Message>) -> Result<Summary, RecordError> {
        loop {
            match self.receive(messages) {
                Ok(Message::Batch(batch)) => {
                    self.file.append(&batch).map_err(|e| self.lost(e))?;
                    self.unsaved = true;
                }
                Ok(Message::Finish(ending)) => return self.finish(&ending),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let state = State::Interrupted;
                    return self.finish(&Ending { state, phases: Vec::new(), peak_memory: 0, until: None });
                }
            }
            if self.unsaved && self.next_flush.is_some_and(|due| Instant::now() >= due) {
                self.flush()?;
            }
        }
    }

    /// The next message, waited for until a flush is due if there is something to save.
    fn receive(&self, messages: &Receiver<Message>) -> Result<Message, RecvTimeoutError> {
        match self.next_flush {
            Some(due) if self.unsaved => messages.recv_deadline(due),
            _ => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn finish(mut self, ending: &Ending) -> Result<Summary, RecordError> {
        if let Some(until) = ending.until {
            self.file.append(&Batch { until, ..Batch::default() }).map_err(|e| self.lost(e))?;
        }
        self.file.seal(ending.state, &ending.phases, ending.peak_memory).map_err(|e| self.lost(e))?;
        let populations = self.file.summaries();
        let (t_start_ms, t_stop_ms) = self.file.window_ms();
        self.publish()?;
        let path = self.output.published().to_path_buf();
        Ok(Summary { file: path, state: ending.state, t_start_ms, t_stop_ms, populations })
    }
}
