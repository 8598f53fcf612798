//! The time loop. What happens within one step is the step contract (`lapicque_models::population`, file `fused.rs`).
//!
//! Grid t_n = n·dt. Each thread of the pool runs one worker, which owns one or more tiles. A run is cut into **epochs**. An
//! epoch is half as long as the shortest delay in the network, rounded up. So its first steps (all of them, or all but
//! one) need no spike of the epoch before. In each epoch a worker
//! 1. does these first steps for its tiles: deliver what is due, update the neurons, collect their spikes;
//! 2. receives the spikes of the epoch before from all tiles and puts them, in the order of (step, neuron), into its own
//!    history;
//! 3. (first worker only) shows the epoch before that to the observer, several epochs at a time where they are short;
//! 4. does the step that is left, if there is one.
//!
//! A worker sends its spikes as soon as its part of an epoch is complete. They have about as much time to arrive as step 1
//! takes, so a worker that falls behind by less than that delays nobody.
//!
//! Where no receptor makes V jump, an event due at the end of a step acts from the next step on. Then a step updates first
//! and delivers after: spikes can arrive while neurons are updated, even if the shortest delay is one step. The bits are
//! the same.
//!
//! Workers live as long as a call of [`run`]. A worker waits for nothing but the spikes of the others. It is at most two
//! epochs ahead of the slowest, and then writes into other mailboxes and other buffers of samples, so locks of samples are
//! never contended.

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

/// Buffers of samples, used in turn: a worker may write four epochs ahead of the one that is shown.
const SAMPLE_BUFFERS: usize = 5;

/// The tiles of one thread and the spikes they need.
pub struct Worker {
    /// Tiles, ascending.
    pub tiles: Vec<Tile>,
    /// Spikes of the last steps.
    pub history: History,
    exchange: Exchange,
}

impl Worker {
    /// The worker of some of `all` tiles, from number `first` on, which needs the spikes of the last `steps` steps.
    pub fn new(tiles: Vec<Tile>, first: usize, all: usize, steps: usize) -> Worker {
        let exchange = Exchange::new(first..first + tiles.len(), all);
        Worker { tiles, history: History::new(steps), exchange }
    }
}

/// What workers pass to each other and to the observer. Buffers stay from call to call.
pub struct Channels {
    mailboxes: Mailboxes,
    samples: [Vec<SharedSamples>; SAMPLE_BUFFERS],
    /// For each tile, the neurons of each trace that it holds.
    widths: Vec<Vec<usize>>,
}

impl Channels {
    /// Channels for `workers` workers. `widths`: for each tile, the neurons of each trace that it holds.
    pub fn new(workers: usize, widths: Vec<Vec<usize>>) -> Channels {
        let samples = std::array::from_fn(|_| widths.iter().map(|_| SharedSamples::default()).collect());
        Channels { mailboxes: Mailboxes::new(widths.len(), workers), samples, widths }
    }
}

/// What a run is, the same for all calls on one network.
#[derive(Clone, Copy)]
pub struct Course<'a> {
    /// The network.
    pub plan: &'a Plan,
    /// How the run is cut.
    pub epochs: Epochs,
    /// Whether a step updates neurons first and delivers after, because no receptor makes V jump.
    pub update_first: bool,
}

/// Runs the steps that follow tick `ticks.start`, up to `ticks.end`. Returns the tick reached: an earlier one if the
/// observer stopped the run.
pub fn run(
    pool: &rayon::ThreadPool,
    workers: &[Mutex<Worker>],
    channels: &mut Channels,
    course: Course<'_>,
    ticks: Range<u64>,
    observer: &mut dyn Observer,
) -> Result<u64, RunError> {
    if ticks.is_empty() {
        return Ok(ticks.start);
    }
    channels.mailboxes.empty();
    let last_epoch = AtomicU64::new(u64::MAX);
    let shown = OBSERVED_STEPS.div_ceil(course.epochs.steps);
    let call = Call { course, channels, last_epoch, start: ticks.start, end: ticks.end, shown };
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
    /// It panicked, with this message.
    Panic(String),
    /// Another worker did.
    Another,
}

/// What all workers share during a call.
struct Call<'a> {
    course: Course<'a>,
    channels: &'a Channels,
    /// Number of the epoch after which all workers stop. Only the first worker lowers it, before it sends its next message.
    last_epoch: AtomicU64,
    start: u64,
    end: u64,
    /// Epochs that the observer is shown at a time.
    shown: u64,
}

impl Call<'_> {
    /// The steps of an epoch, by the ticks at which they end.
    fn ticks(&self, number: u64) -> RangeInclusive<u64> {
        let before = self.start + number * self.course.epochs.steps;
        before + 1..=(before + self.course.epochs.steps).min(self.end)
    }

    /// The buffers that hold the samples of an epoch.
    fn samples(&self, number: u64) -> &[SharedSamples] {
        &self.channels.samples[(number / self.shown) as usize % SAMPLE_BUFFERS]
    }

    /// The samples of a tile in an epoch, to be written.
    fn lock(&self, number: u64, tile: usize) -> RwLockWriteGuard<'_, Samples> {
        self.samples(number)[tile].write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One worker's part of a call.
struct WorkerRun<'a, 'o> {
    call: &'a Call<'a>,
    exchange: &'a mut Exchange,
    observer: Option<&'a mut (dyn Observer + 'o)>,
    /// Last tick that the observer has seen.
    seen: u64,
}

impl WorkerRun<'_, '_> {
    /// One epoch of all tiles of the worker.
    fn epoch(&mut self, tiles: &mut [Tile], number: u64, history: &mut History) -> Result<(), Disconnected> {
        let (first, last) = self.call.ticks(number).into_inner();
        let own = self.exchange.own();
        if number > 0 && number.is_multiple_of(self.call.shown) {
            own.clone().for_each(|i| self.call.lock(number, i).iter_mut().for_each(Vec::clear));
        }
        if self.call.course.update_first {
            own.zip(&mut *tiles).for_each(|(i, tile)| self.update(tile, i, number, first));
        }
        let rest = (first + self.call.course.epochs.lead).min(last + 1);
        self.steps(tiles, number, first..rest, history);
        if number > 0 {
            self.receive(number - 1, history)?;
        }
        // A worker that has sent the spikes of an epoch has written the samples of the epoch before.
        if number > 1 {
            self.show(number - 2, history, false);
        }
        self.steps(tiles, number, rest..last + 1, history);
        Ok(())
    }

    /// Steps of an epoch, by the ticks at which they end, for all tiles of the worker. With `update_first`, a tile has
    /// already been updated to the first of these ticks, and ends updated to the tick after the last, if that lies in the
    /// epoch.
    fn steps(&mut self, tiles: &mut [Tile], number: u64, ticks: Range<u64>, history: &History) {
        if ticks.is_empty() {
            return;
        }
        let Course { plan, update_first, .. } = self.call.course;
        let last = *self.call.ticks(number).end();
        for (i, tile) in self.exchange.own().zip(tiles) {
            let mut samples = self.call.lock(number, i);
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

    /// Updates a tile of this worker to `tick`. Sends its spikes after the last step of the epoch.
    fn update(&mut self, tile: &mut Tile, index: usize, number: u64, tick: u64) {
        let (first, last) = self.call.ticks(number).into_inner();
        let spikes = self.exchange.message(index, number);
        if tick == first {
            spikes.clear();
        }
        tile.update(self.call.course.plan, tick, spikes);
        if tick == last {
            self.exchange.send(&self.call.channels.mailboxes, index, number);
        }
    }

    /// Waits for the spikes of an epoch and puts them into the history.
    fn receive(&mut self, number: u64, history: &mut History) -> Result<(), Disconnected> {
        let populations = self.call.course.plan.populations.len();
        let mailboxes = &self.call.channels.mailboxes;
        self.exchange.receive(mailboxes, number, self.call.ticks(number), populations, history)
    }

    /// After the last epoch: receives its spikes, and shows everything but the last epoch itself.
    fn catch_up(&mut self, number: u64, history: &mut History) -> Result<(), Disconnected> {
        self.receive(number, history)?;
        self.exchange.wait_for_all(&self.call.channels.mailboxes, number + 1)?;
        if number > 0 {
            self.show(number - 1, history, false);
        }
        Ok(())
    }

    /// Shows the steps up to the end of an epoch, if they are enough, or the last ones.
    fn show(&mut self, number: u64, history: &History, last: bool) {
        let WorkerRun { call, observer: Some(observer), seen, .. } = self else { return };
        if last || (number + 1).is_multiple_of(call.shown) {
            let ticks = *seen + 1..=*call.ticks(number).end();
            *seen = *ticks.end();
            let epoch = Epoch { ticks, history, samples: call.samples(number), widths: &call.channels.widths };
            if observer.epoch(&epoch).is_break() {
                // The others may be that far ahead: all stop there.
                call.last_epoch.fetch_min(number + 4, Ordering::AcqRel);
            }
        }
    }
}

/// One worker's epochs.
fn work(call: &Call, worker: &mut Worker, observer: Option<&mut (dyn Observer + '_)>) -> Result<u64, Disconnected> {
    let Worker { tiles, history, exchange } = worker;
    for (i, tile) in exchange.own().zip(tiles.iter_mut()) {
        let mut samples = call.lock(0, i);
        samples.iter_mut().for_each(Vec::clear);
        if call.start == 0 {
            tile.sample(call.course.plan, 0, &mut samples);
        }
    }
    let mut run = WorkerRun { call, exchange, observer, seen: call.start };
    let mut number = 0;
    let tick = loop {
        run.epoch(tiles, number, history)?;
        let tick = *call.ticks(number).end();
        // The first worker lowers `last_epoch` before it sends a message that every worker needs to finish that epoch.
        if call.last_epoch.load(Ordering::Acquire) <= number || tick == call.end {
            run.catch_up(number, history)?;
            run.show(number, history, true);
            break tick;
        }
        number += 1;
    };
    tiles.iter_mut().for_each(|tile| tile.apply_pending_events(call.course.plan, tick));
    Ok(tick)
}
