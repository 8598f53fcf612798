//! The time loop.
//!
//! Grid t_n = n·dt. An epoch is half as long as the shortest delay in the network, rounded up: its first steps, all of them
//! or all but one, need no spike of the epoch before. In each epoch
//! 1. every tile, in parallel, does these steps: deliver what is due, update its neurons, collect its spikes;
//! 2. each worker receives the spikes of the epoch before, and puts those of all tiles in canonical order (step, neuron)
//!    into a history of its own;
//! 3. the first worker shows the epoch before that to the observer, several at a time where they are short;
//! 4. every tile does the step that is left, if one is.
//!
//! Spikes are sent as soon as those of an epoch are complete. So they have about as long to come as those first steps take,
//! and a worker that falls behind by less holds nobody up.
//!
//! Where no spike moves a potential at once, what is due at the end of a step acts from the next one on. Then a step is
//! updated first and delivered behind that: spikes come while neurons are updated even if the shortest delay is one
//! step. The bits are the same.
//!
//! The step from t_n to t_{n+1} (the step contract; NEST's conventions, so that tables compare row by row):
//! 1. receptors and membrane propagate over dt, currents held constant (or exactly, where the kernel knows their decay);
//! 2. events due at t_{n+1} are added: recurrent spikes, Poisson counts, charge pulses. A delta receptor moves V after
//!    the leak; the others move their own variable, which acts from the next step on;
//! 3. a refractory neuron keeps V at its reset value; delta input to it is lost, other receptors go on integrating; the
//!    refractory time is rounded to the nearest step, 0 is allowed;
//! 4. V ≥ threshold at t_{n+1} is a spike, stamped t_{n+1}; reset follows at once.
//!
//! A spike stamped t_k with a delay of d ≥ 1 steps is added in point 2 of the step that ends at t_{k+d}. Row 0 of a
//! trace is the state at the start, row i the state after the step that ends at its time, reset included.
//!
//! Workers live as long as a call: one task per thread of the pool. Nothing but the spikes of all others holds a worker
//! up. It runs ahead by two epochs at most, and then writes into other mailboxes and samples. Locks of samples are never
//! contended.

use crate::batch::Batch;
use crate::error::RunError;
use crate::history::{History, StepSpikes};
use crate::mailbox::Mailboxes;
use crate::plan::Plan;
use crate::tile::{Samples, SharedSamples, Tile};
use std::ops::{ControlFlow, Range, RangeInclusive};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLockWriteGuard};

/// Longest epoch in steps where delays would allow more: how often the observer is called at least.
const LONGEST_EPOCH: u64 = 64;

/// Steps that the observer is shown at a time at least, unless the run ends: to call it costs the more the shorter
/// epochs are.
pub const SHOWN: u64 = 8;

/// Buffers of samples, used in turn: a worker may write four epochs ahead of the one that is shown.
const SAMPLES: usize = 5;

/// The tiles of one thread and the spikes they need.
pub struct Worker {
    /// Tiles, ascending.
    pub tiles: Vec<Tile>,
    /// Index of the first.
    first: usize,
    /// Spikes of the last steps.
    pub history: History,
    /// Spikes of all tiles, in epochs of even and of odd number.
    inboxes: [Vec<Vec<u32>>; 2],
    scratch: Scratch,
}

/// What [`merge`] needs.
#[derive(Default)]
struct Scratch {
    /// Where the next step begins in each tile's message.
    places: Vec<usize>,
    /// Tiles that have spikes in this step, and where it begins in their messages.
    fired: Vec<(usize, usize)>,
}

impl Worker {
    /// The worker of some of `all` tiles, from index `first` on, who needs the spikes of the last `room` steps.
    pub fn new(tiles: Vec<Tile>, first: usize, all: usize, room: usize) -> Worker {
        let inbox = || vec![Vec::new(); all];
        Worker { tiles, first, history: History::new(room), inboxes: [inbox(), inbox()], scratch: Scratch::default() }
    }
}

/// What goes between workers, and from them to the observer: buffers that stay from call to call.
pub struct Channels {
    mailboxes: Mailboxes,
    samples: [Vec<SharedSamples>; SAMPLES],
    /// Neurons of each trace that each tile holds.
    widths: Vec<Vec<usize>>,
}

impl Channels {
    /// Those of so many workers, and of tiles with so many neurons of each trace.
    pub fn new(workers: usize, widths: Vec<Vec<usize>>) -> Channels {
        let samples = std::array::from_fn(|_| widths.iter().map(|_| SharedSamples::default()).collect());
        Channels { mailboxes: Mailboxes::new(widths.len(), workers), samples, widths }
    }
}

/// What an observer sees: the steps since it saw some last, which are one epoch or a few short ones.
pub struct Epoch<'a> {
    /// The steps that have ended.
    pub ticks: RangeInclusive<u64>,
    history: &'a History,
    samples: &'a [SharedSamples],
    widths: &'a [Vec<usize>],
}

impl Epoch<'_> {
    /// Spikes of one of the steps.
    pub fn spikes(&self, tick: u64) -> &StepSpikes {
        self.history.at(tick)
    }

    /// Appends all to a batch for `populations` populations.
    pub fn append_to(&self, batch: &mut Batch, populations: usize) {
        batch.until = *self.ticks.end();
        batch.spikes.resize_with(populations, Default::default);
        for tick in self.ticks.clone() {
            let step = self.spikes(tick);
            for (p, spikes) in batch.spikes.iter_mut().enumerate() {
                let neurons = step.of(p);
                if !neurons.is_empty() {
                    spikes.neurons.extend_from_slice(neurons);
                    spikes.ticks.resize(spikes.neurons.len(), tick);
                }
            }
        }
        if self.widths.first().is_none_or(Vec::is_empty) {
            return;
        }
        let tiles: Vec<_> = self.samples.iter().map(|s| s.read().unwrap_or_else(PoisonError::into_inner)).collect();
        batch.samples.resize_with(self.widths.first().map_or(0, Vec::len), Vec::new);
        for (probe, samples) in batch.samples.iter_mut().enumerate() {
            // Every tile has its neurons' part of every row.
            let parts: Vec<(&[f64], usize)> = tiles
                .iter()
                .zip(self.widths)
                .filter_map(|(samples, widths)| Some((&samples.get(probe)?[..], widths[probe])))
                .filter(|(_, width)| *width > 0)
                .collect();
            let rows = parts.first().map_or(0, |(part, width)| part.len() / width);
            for row in 0..rows {
                for (part, width) in &parts {
                    samples.extend_from_slice(&part[row * width..(row + 1) * width]);
                }
            }
        }
    }
}

/// Watches a run. Called after every epoch, or as soon as [`SHOWN`] steps have ended where epochs are shorter, on the
/// first worker's thread; `Break` ends the run four epochs later, or at its end, and these are shown too.
pub trait Observer: Send {
    /// Sees an epoch.
    fn epoch(&mut self, epoch: &Epoch<'_>) -> ControlFlow<()>;
}

impl<F: FnMut(&Epoch<'_>) -> ControlFlow<()> + Send> Observer for F {
    fn epoch(&mut self, epoch: &Epoch<'_>) -> ControlFlow<()> {
        self(epoch)
    }
}

/// How a run is cut into epochs.
#[derive(Clone, Copy, Debug)]
pub struct Epochs {
    /// Steps of an epoch.
    pub steps: u64,
    /// First steps of an epoch that need no spikes of the one before.
    lead: u64,
}

impl Epochs {
    /// Those of a network whose shortest delay has so many steps.
    pub fn new(shortest_delay: u32) -> Epochs {
        let steps = u64::from(shortest_delay.div_ceil(2)).min(LONGEST_EPOCH);
        Epochs { steps, lead: (u64::from(shortest_delay) - steps).min(steps) }
    }
}

/// What all workers share during a call.
struct Shared<'a> {
    plan: &'a Plan,
    channels: &'a Channels,
    /// Number of the epoch after which all stop; only the first worker lowers it, before it sends the next message.
    last_epoch: AtomicU64,
    start: u64,
    end: u64,
    epochs: Epochs,
    /// Epochs that the observer is shown at a time.
    shown: u64,
    /// Whether events act from the next step on.
    late: bool,
}

/// Runs the steps that follow tick `ticks.start`, up to `ticks.end`. Returns the tick reached: an earlier one if the
/// observer broke off.
#[allow(clippy::too_many_arguments)]
pub fn run(
    pool: &rayon::ThreadPool,
    workers: &[Mutex<Worker>],
    plan: &Plan,
    channels: &mut Channels,
    ticks: Range<u64>,
    epochs: Epochs,
    late: bool,
    observer: &mut dyn Observer,
) -> Result<u64, RunError> {
    if ticks.is_empty() {
        return Ok(ticks.start);
    }
    channels.mailboxes.empty();
    let last_epoch = AtomicU64::new(u64::MAX);
    let shown = SHOWN.div_ceil(epochs.steps);
    let shared = Shared { plan, channels, last_epoch, start: ticks.start, end: ticks.end, epochs, shown, late };
    let observer = Mutex::new(observer);
    let reached = pool.broadcast(|context| {
        let work = || {
            let mut worker = workers[context.index()].lock().unwrap_or_else(PoisonError::into_inner);
            let mut observer = (context.index() == 0).then(|| observer.lock().unwrap_or_else(PoisonError::into_inner));
            work(&shared, &mut worker, observer.as_mut().map(|o| &mut ***o))
        };
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
            shared.channels.mailboxes.break_up();
            let text = panic.downcast_ref::<String>().cloned();
            Err(text.or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string())).unwrap_or_else(|| "panic".into()))
        })
    });
    let failed = |r: &Result<u64, String>| r.as_ref().err().filter(|text| !text.is_empty()).cloned();
    if let Some(text) = reached.iter().find_map(failed) {
        return Err(RunError::Worker(text));
    }
    match reached.into_iter().next() {
        Some(Ok(tick)) => Ok(tick),
        _ => Err(RunError::Worker("without a message".into())),
    }
}

impl Shared<'_> {
    /// The steps of an epoch, by the ticks at which they end.
    fn ticks(&self, number: u64) -> RangeInclusive<u64> {
        let before = self.start + number * self.epochs.steps;
        before + 1..=(before + self.epochs.steps).min(self.end)
    }

    /// Where the samples of an epoch are.
    fn samples(&self, number: u64) -> &[SharedSamples] {
        &self.channels.samples[(number / self.shown) as usize % SAMPLES]
    }

    /// The samples of a tile in an epoch, to be written.
    fn lock(&self, number: u64, tile: usize) -> RwLockWriteGuard<'_, Samples> {
        self.samples(number)[tile].write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a worker sends, receives and shows.
struct Exchange<'a, 'o> {
    shared: &'a Shared<'a>,
    /// The worker's tiles.
    own: Range<usize>,
    observer: Option<&'a mut (dyn Observer + 'o)>,
    /// See [`Worker`].
    inboxes: &'a mut [Vec<Vec<u32>>; 2],
    scratch: &'a mut Scratch,
    /// Last tick that the observer has seen.
    seen: u64,
}

impl Exchange<'_, '_> {
    /// An epoch of all tiles.
    fn run(&mut self, tiles: &mut [Tile], number: u64, history: &mut History) -> Result<(), String> {
        let (first, last) = self.shared.ticks(number).into_inner();
        if number > 0 && number.is_multiple_of(self.shared.shown) {
            self.own.clone().for_each(|i| self.shared.lock(number, i).iter_mut().for_each(Vec::clear));
        }
        if self.shared.late {
            self.own.clone().zip(&mut *tiles).for_each(|(i, tile)| self.update(tile, i, number, first));
        }
        let rest = (first + self.shared.epochs.lead).min(last + 1);
        self.steps(tiles, number, first..rest, history);
        if number > 0 {
            self.receive(number - 1, history)?;
        }
        // Who has sent the spikes of an epoch has the samples of the one before.
        if number > 1 {
            self.show(number - 2, history, false);
        }
        self.steps(tiles, number, rest..last + 1, history);
        Ok(())
    }

    /// Steps of an epoch, by the ticks at which they end, of all tiles. Where events act from the next step on, a tile has been
    /// updated to the first of these ticks, and is to that behind the last, if it lies in the epoch.
    fn steps(&mut self, tiles: &mut [Tile], number: u64, ticks: Range<u64>, history: &History) {
        if ticks.is_empty() {
            return;
        }
        let last = *self.shared.ticks(number).end();
        for (i, tile) in self.own.clone().zip(tiles) {
            let mut samples = self.shared.lock(number, i);
            for tick in ticks.clone() {
                tile.deliver(tick, history);
                if !self.shared.late {
                    self.update(tile, i, number, tick);
                }
                tile.sample(self.shared.plan, tick, &mut samples);
                if self.shared.late && tick < last {
                    self.update(tile, i, number, tick + 1);
                }
            }
        }
    }

    /// What is left to receive and to show at the end of the last epoch, but for that itself.
    fn catch_up(&mut self, number: u64, history: &mut History) -> Result<(), String> {
        self.receive(number, history)?;
        self.meet(number + 1)?;
        if number > 0 {
            self.show(number - 1, history, false);
        }
        Ok(())
    }

    /// Updates a tile of this worker to `tick`, and sends its spikes if it is the last of an epoch.
    fn update(&mut self, tile: &mut Tile, index: usize, number: u64, tick: u64) {
        let (first, last) = self.shared.ticks(number).into_inner();
        let spikes = &mut self.inboxes[number as usize % 2][index];
        if tick == first {
            spikes.clear();
        }
        tile.update(self.shared.plan, tick, spikes);
        if tick == last {
            self.send(index, number);
        }
    }

    /// Sends the spikes of a tile of this worker in an epoch.
    fn send(&self, index: usize, number: u64) {
        if self.own.len() < self.shared.channels.widths.len() {
            self.shared.channels.mailboxes.send(index, number, &self.inboxes[number as usize % 2][index]);
        }
    }

    /// Waits for the messages of the others in an epoch.
    fn receive_all(&mut self, number: u64) -> Result<(), String> {
        let inbox = &mut self.inboxes[number as usize % 2];
        let mailboxes = &self.shared.channels.mailboxes;
        let others = |(i, _): &(usize, &mut Vec<u32>)| !self.own.contains(i);
        // The last messages say about how long these are.
        inbox.iter_mut().enumerate().filter(others).for_each(|(i, last)| mailboxes.ask(i, number, last.len()));
        for (i, spikes) in inbox.iter_mut().enumerate().filter(others) {
            mailboxes.receive(i, number, spikes).map_err(|_| String::new())?;
        }
        Ok(())
    }

    /// Waits for the spikes of the others in an epoch, and puts all into the history.
    fn receive(&mut self, number: u64, history: &mut History) -> Result<(), String> {
        self.receive_all(number)?;
        let (inbox, populations) = (&self.inboxes[number as usize % 2], self.shared.plan.populations.len());
        merge(inbox, self.scratch, self.shared.ticks(number), populations, history);
        Ok(())
    }

    /// Waits until all others have come this far, by messages of an epoch that is not run.
    fn meet(&mut self, number: u64) -> Result<(), String> {
        let inbox = &mut self.inboxes[number as usize % 2];
        inbox.iter_mut().for_each(Vec::clear);
        self.own.clone().for_each(|i| self.send(i, number));
        self.receive_all(number)
    }

    /// Shows the steps up to the end of an epoch, if there are enough of them or these are the last.
    fn show(&mut self, number: u64, history: &History, last: bool) {
        let Exchange { shared, observer: Some(observer), seen, .. } = self else { return };
        if last || (number + 1).is_multiple_of(shared.shown) {
            let ticks = *seen + 1..=*shared.ticks(number).end();
            *seen = *ticks.end();
            let epoch = Epoch { ticks, history, samples: shared.samples(number), widths: &shared.channels.widths };
            if observer.epoch(&epoch).is_break() {
                // The others may be that far ahead: all stop there.
                shared.last_epoch.fetch_min(number + 4, Ordering::AcqRel);
            }
        }
    }
}

/// One worker's epochs. An empty error says that another worker failed.
fn work(shared: &Shared, worker: &mut Worker, observer: Option<&mut (dyn Observer + '_)>) -> Result<u64, String> {
    let Worker { tiles, first, history, inboxes, scratch } = worker;
    let own = *first..*first + tiles.len();
    let mut exchange = Exchange { shared, own: own.clone(), observer, inboxes, scratch, seen: shared.start };
    for (i, tile) in own.clone().zip(tiles.iter_mut()) {
        let mut samples = shared.lock(0, i);
        samples.iter_mut().for_each(Vec::clear);
        if shared.start == 0 {
            tile.sample(shared.plan, 0, &mut samples);
        }
    }
    let mut number = 0;
    let tick = loop {
        exchange.run(tiles, number, history)?;
        let tick = *shared.ticks(number).end();
        // The first worker lowers it before it sends a message without which nobody gets to the end of that epoch.
        if shared.last_epoch.load(Ordering::Acquire) <= number || tick == shared.end {
            exchange.catch_up(number, history)?;
            exchange.show(number, history, true);
            break tick;
        }
        number += 1;
    };
    tiles.iter_mut().for_each(|tile| tile.settle(shared.plan, tick));
    Ok(tick)
}

/// Puts the spikes of all tiles into the history, in (step, neuron) order.
fn merge(
    inbox: &[Vec<u32>],
    Scratch { places, fired }: &mut Scratch,
    ticks: RangeInclusive<u64>,
    populations: usize,
    history: &mut History,
) {
    places.clear();
    places.resize(inbox.len(), 0);
    for t in ticks {
        let all = history.at_mut(t);
        all.clear();
        // In most steps most tiles have no spike, and of others most populations: not even the call for nothing is wanted.
        fired.clear();
        for (i, (spikes, place)) in inbox.iter().zip(&mut *places).enumerate() {
            let end = spikes[*place..*place + populations].last().map_or(0, |&end| end as usize);
            if end > 0 {
                fired.push((i, *place));
            }
            *place += populations + end;
        }
        for p in 0..populations {
            for &(i, place) in &*fired {
                let (ends, neurons) = inbox[i][place..].split_at(populations);
                let start = if p == 0 { 0 } else { ends[p - 1] };
                if start < ends[p] {
                    all.neurons.extend_from_slice(&neurons[start as usize..ends[p] as usize]);
                }
            }
            all.ends.push(all.neurons.len() as u32);
        }
    }
}
