//! The time loop. What happens within one step is the step contract (`lapicque_models::population`, file `fused.rs`).
//!
//! Time is a grid t_n = n·dt. Each thread of the pool runs one worker, which owns one or more tiles. A run is cut into
//! **epochs**. An epoch is half as long as the shortest delay in the network, rounded up, and at most 64 steps. Its
//! first steps are independent: they need no spike of the epoch before. At most the last step of an epoch needs them.
//!
//! In epoch n, a worker does this in this order:
//! 1. It does the independent steps of epoch n for its tiles. A step delivers the spikes whose delay ends, updates the
//!    neurons, collects their spikes, and samples the recorded variables.
//! 2. It receives the spikes of epoch n − 1 from all tiles. It puts them into its own history, in the order of (step,
//!    population, neuron).
//! 3. The first worker shows epoch n − 2 to the observer. Short epochs are shown several at a time.
//! 4. The worker does the last step of epoch n, if that step was not independent.
//!
//! As soon as a tile has done the last step of epoch n, in 1 or in 4, the worker sends the spikes of this tile. The
//! other workers need them when they come to 2 in epoch n + 1. A worker that is late by less than the time of 1 delays
//! nobody.
//!
//! Where no spike makes V jump, an event at the end of a step acts from the next step on. Then a step updates first and
//! delivers after, and the first update of epoch n comes before 1. Spikes can then arrive while neurons are updated,
//! even if the shortest delay is one step. The results are the same to the bit.
//!
//! Workers live as long as a call of [`run`]. A worker waits only for the spikes of other workers. A worker is at most
//! two epochs ahead of the slowest worker. Mailboxes and buffers of samples are used in turn, and there are enough of
//! them that no worker writes into one that another still reads. So locks of samples are never contended.

use super::epoch::{Epoch, Epochs, OBSERVED_STEPS, Observer, Samples, SharedSamples};
use super::exchange::Exchange;
use super::mailbox::{Disconnected, Mailboxes};
use super::tile::Tile;
use crate::error::RunError;
use crate::plan::Plan;
use crate::synapses::History;
use std::ops::{Range, RangeInclusive};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLockWriteGuard};

/// Number of buffers of samples, used in turn: a worker may write up to four epochs after the one that is shown.
const SAMPLE_BUFFERS: usize = 5;

/// The tiles of one thread and the spikes that they need.
pub struct Worker {
    /// The worker's tiles, by ascending number.
    pub tiles: Vec<Tile>,
    /// Spikes of all tiles in the last steps.
    pub history: History,
    exchange: Exchange,
}

impl Worker {
    /// A worker for `tiles`, which have the numbers from `first` on, of `all` tiles. It keeps the spikes of the last
    /// `steps` steps.
    pub fn new(tiles: Vec<Tile>, first: usize, all: usize, steps: usize) -> Worker {
        let exchange = Exchange::new(first..first + tiles.len(), all);
        Worker { tiles, history: History::new(steps), exchange }
    }
}

/// Buffers through which workers pass spikes to each other, and samples to the observer. Their memory is reused from
/// call to call.
pub struct Channels {
    mailboxes: Mailboxes,
    /// For each buffer, the samples of each tile.
    samples: [Vec<SharedSamples>; SAMPLE_BUFFERS],
    /// For each tile and each variable of each trace: the number of recorded neurons.
    widths: Vec<Vec<usize>>,
}

impl Channels {
    /// Channels for `workers` workers. `widths` has the number of recorded neurons for each tile and each variable of
    /// each trace.
    pub fn new(workers: usize, widths: Vec<Vec<usize>>) -> Channels {
        let samples = std::array::from_fn(|_| widths.iter().map(|_| SharedSamples::default()).collect());
        Channels { mailboxes: Mailboxes::new(widths.len(), workers), samples, widths }
    }
}

/// Settings of the loop, the same for all calls on one network.
#[derive(Clone, Copy)]
pub struct LoopSettings<'a> {
    /// The plan of the network.
    pub plan: &'a Plan,
    /// How a run is cut into epochs.
    pub epochs: Epochs,
    /// Whether a step updates neurons first and delivers spikes after, because no spike makes V jump.
    pub update_first: bool,
}

/// Runs from tick `ticks.start` to tick `ticks.end`. Returns the tick reached, which is earlier if the observer stopped
/// the run. Fails if a worker panics.
pub fn run(
    pool: &rayon::ThreadPool,
    workers: &[Mutex<Worker>],
    channels: &mut Channels,
    settings: LoopSettings<'_>,
    ticks: Range<u64>,
    observer: &mut dyn Observer,
) -> Result<u64, RunError> {
    if ticks.is_empty() {
        return Ok(ticks.start);
    }
    channels.mailboxes.empty();
    let last_epoch = AtomicU64::new(u64::MAX);
    let shown_together = OBSERVED_STEPS.div_ceil(settings.epochs.steps);
    let call = Call { settings, channels, last_epoch, start: ticks.start, end: ticks.end, shown_together };
    let observer = Mutex::new(observer);
    let reached = pool.broadcast(|context| {
        let work = || {
            let mut worker = workers[context.index()].lock().unwrap_or_else(PoisonError::into_inner);
            let mut observer = (context.index() == 0).then(|| observer.lock().unwrap_or_else(PoisonError::into_inner));
            work(&call, &mut worker, observer.as_mut().map(|o| &mut ***o)).map_err(|Disconnected| Failure::Another)
        };
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
            call.channels.mailboxes.disconnect();
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string()));
            Err(Failure::Panic(text.unwrap_or_else(|| "panic".into())))
        })
    });
    let mut tick = None;
    for result in reached {
        match result {
            Ok(reached) => _ = tick.get_or_insert(reached),
            Err(Failure::Panic(text)) => return Err(RunError::Worker(text)),
            Err(Failure::Another) => {}
        }
    }
    tick.ok_or_else(|| RunError::Worker("without a message".into()))
}

/// Why a worker ended early.
enum Failure {
    /// The worker panicked, with this message.
    Panic(String),
    /// Another worker panicked.
    Another,
}

/// The data of a call of [`run`] that all workers use.
struct Call<'a> {
    settings: LoopSettings<'a>,
    channels: &'a Channels,
    /// Number of the last epoch of the run. Only the first worker lowers this number, before it sends its next message.
    last_epoch: AtomicU64,
    start: u64,
    end: u64,
    /// Number of epochs that the observer is shown at a time.
    shown_together: u64,
}

impl Call<'_> {
    /// The steps of an epoch, by the ticks at which they end.
    fn ticks(&self, number: u64) -> RangeInclusive<u64> {
        let before = self.start + number * self.settings.epochs.steps;
        before + 1..=(before + self.settings.epochs.steps).min(self.end)
    }

    /// The samples of each tile in an epoch.
    fn samples(&self, number: u64) -> &[SharedSamples] {
        &self.channels.samples[(number / self.shown_together) as usize % SAMPLE_BUFFERS]
    }

    /// Locks the samples of a tile in an epoch, to write them.
    fn lock_samples(&self, number: u64, tile: usize) -> RwLockWriteGuard<'_, Samples> {
        self.samples(number)[tile].write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One worker's part of a call.
struct WorkerRun<'a, 'o> {
    call: &'a Call<'a>,
    exchange: &'a mut Exchange,
    observer: Option<&'a mut (dyn Observer + 'o)>,
    /// The last tick that the observer has seen.
    seen: u64,
}

impl WorkerRun<'_, '_> {
    /// Does one epoch with all tiles of the worker, in the order that the head of this file describes.
    fn epoch(&mut self, tiles: &mut [Tile], number: u64, history: &mut History) -> Result<(), Disconnected> {
        let (first, last) = self.call.ticks(number).into_inner();
        let own = self.exchange.own();
        if number > 0 && number.is_multiple_of(self.call.shown_together) {
            own.clone().for_each(|i| self.call.lock_samples(number, i).iter_mut().for_each(Vec::clear));
        }
        if self.call.settings.update_first {
            own.zip(&mut *tiles).for_each(|(i, tile)| self.update(tile, i, number, first));
        }
        // First step that needs spikes of the epoch before.
        let dependent = (first + self.call.settings.epochs.independent_steps).min(last + 1);
        self.steps(tiles, number, first..dependent, history);
        if number > 0 {
            self.receive(number - 1, history)?;
        }
        // All samples of epoch n − 2 are written: a worker sends its spikes of epoch n − 1 after it has written them.
        if number > 1 {
            self.show(number - 2, history, false);
        }
        self.steps(tiles, number, dependent..last + 1, history);
        Ok(())
    }

    /// Does some steps of an epoch with all tiles of the worker. `ticks` are the ticks at which the steps end. With
    /// `update_first`, updates are one step ahead: the tiles have already been updated to the first of `ticks`, and are
    /// updated to the tick after the last of them, unless the epoch has ended.
    fn steps(&mut self, tiles: &mut [Tile], number: u64, ticks: Range<u64>, history: &History) {
        if ticks.is_empty() {
            return;
        }
        let LoopSettings { plan, update_first, .. } = self.call.settings;
        let last = *self.call.ticks(number).end();
        for (i, tile) in self.exchange.own().zip(tiles) {
            let mut samples = self.call.lock_samples(number, i);
            for tick in ticks.clone() {
                tile.deliver(tick, history);
                if !update_first {
                    self.update(tile, i, number, tick);
                }
                tile.sample(plan, tick, &mut samples);
                if update_first && tick < last {
                    self.update(tile, i, number, tick + 1);
                }
            }
        }
    }

    /// Updates a tile of this worker to `tick`. After the last step of the epoch, sends the tile's spikes of this
    /// epoch.
    fn update(&mut self, tile: &mut Tile, index: usize, number: u64, tick: u64) {
        let (first, last) = self.call.ticks(number).into_inner();
        let spikes = self.exchange.message(index, number);
        if tick == first {
            spikes.clear();
        }
        tile.update(self.call.settings.plan, tick, spikes);
        if tick == last {
            self.exchange.send(&self.call.channels.mailboxes, index, number);
        }
    }

    /// Waits for the spikes of all tiles in an epoch and puts them into the history.
    fn receive(&mut self, number: u64, history: &mut History) -> Result<(), Disconnected> {
        let populations = self.call.settings.plan.populations.len();
        let mailboxes = &self.call.channels.mailboxes;
        self.exchange.receive(mailboxes, number, self.call.ticks(number), populations, history)
    }

    /// Ends a run after its last epoch, `number`: receives its spikes, waits for all workers, and shows the epoch
    /// before.
    fn catch_up(&mut self, number: u64, history: &mut History) -> Result<(), Disconnected> {
        self.receive(number, history)?;
        self.exchange.wait_for_all(&self.call.channels.mailboxes, number + 1)?;
        if number > 0 {
            self.show(number - 1, history, false);
        }
        Ok(())
    }

    /// Shows the observer all steps that it has not seen, up to the end of epoch `number`. Does so for the last of
    /// every `call.shown_together` epochs, and if `last` says that the run ends with this epoch.
    fn show(&mut self, number: u64, history: &History, last: bool) {
        let WorkerRun { call, observer: Some(observer), seen, .. } = self else { return };
        if last || (number + 1).is_multiple_of(call.shown_together) {
            let ticks = *seen + 1..=*call.ticks(number).end();
            *seen = *ticks.end();
            let epoch = Epoch { ticks, history, samples: call.samples(number), widths: &call.channels.widths };
            if observer.epoch(&epoch).is_break() {
                // This worker is up to two epochs after the one shown, and another worker up to two epochs ahead of it.
                // So no worker is beyond epoch `number` + 4, and all can stop after it.
                call.last_epoch.fetch_min(number + 4, Ordering::AcqRel);
            }
        }
    }
}

/// Runs all epochs of one worker. Returns the tick reached.
fn work(call: &Call, worker: &mut Worker, observer: Option<&mut (dyn Observer + '_)>) -> Result<u64, Disconnected> {
    let Worker { tiles, history, exchange } = worker;
    for (i, tile) in exchange.own().zip(tiles.iter_mut()) {
        let mut samples = call.lock_samples(0, i);
        samples.iter_mut().for_each(Vec::clear);
        if call.start == 0 {
            tile.sample(call.settings.plan, 0, &mut samples);
        }
    }
    let mut run = WorkerRun { call, exchange, observer, seen: call.start };
    let mut number = 0;
    let tick = loop {
        run.epoch(tiles, number, history)?;
        let tick = *call.ticks(number).end();
        // The first worker lowers `last_epoch` before it sends a message that every worker needs to finish the epoch
        // with this new number. So every worker sees the new number in time.
        if call.last_epoch.load(Ordering::Acquire) <= number || tick == call.end {
            run.catch_up(number, history)?;
            run.show(number, history, true);
            break tick;
        }
        number += 1;
    };
    tiles.iter_mut().for_each(|tile| tile.apply_pending_events(call.settings.plan, tick));
    Ok(tick)
}
