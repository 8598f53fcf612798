//! Composition: a membrane with its receptors, refractory time and spike rule, stepped block by block.
//!
//! There is one loop, `Step`, generic over the membrane `M` and a static list of receptors `R`. A population whose
//! receptors are on the short list of `list.rs` runs in one fused pass. Any other list of receptors runs staged: each
//! receptor steps over the block and adds to the drive, which begins with what pulls the membrane ([`Membrane::pull`]), then
//! the same loop runs with the empty list `()`. Both paths do the same operations in the same order, so they agree bit for
//! bit; a test compares them.
//!
//! The step contract, points 1, 2 and 4, is the body of `Step::run`. Events that act from the next step on are taken when
//! that begins: nobody can tell but by reading the receptors in between, before which `Neurons::arrive` lets them arrive.

use crate::columns::{CHUNKS, Columns, Constants, LANES, Lane, TOGETHER, Values};
use crate::membrane::Membrane;
use crate::neurons::{Block, Drive, FLUSH_EVERY, Neurons, Sums};
use crate::receptor::{Arrival, Receptor};
use crate::stage::{ReceptorColumns, ReceptorStage, flush};
use crate::vector::{Instructions, Kernel, dispatch};
use std::ops::Range;

/// What clocks start from: a signed number, because AVX2 does not compare others.
pub(crate) const START: i16 = i16::MIN;

/// State of a membrane's neurons.
pub(crate) struct MembraneColumns<M: Membrane> {
    pub(crate) len: usize,
    pub(crate) constants: Constants<M::Constants>,
    pub(crate) state: Vec<<M::State as Columns>::Chunk>,
    /// The step, by the clock, from which on each is free; a step only reads it, but for neurons that fire.
    pub(crate) free_from: Vec<[i16; LANES]>,
    /// Steps since the last flush, from [`START`] on.
    pub(crate) clock: i16,
    /// Steps of refractory time after a spike: one for all, or one per neuron.
    pub(crate) refractory_steps: Vec<u16>,
}

/// Events of a block or some, for one receptor after the other.
pub trait Events<'a>: Sized {
    /// Those of one receptor.
    type Row;
    /// Blocks at most.
    const BLOCKS: usize;
    /// Those of the first receptor, of `len` chunks, and the others.
    fn split(self, len: usize) -> (Self::Row, Self);
    /// One quantum of them.
    fn quantum(row: &Self::Row) -> f64;
    /// Those of one of `len` chunks, in quanta.
    fn take(row: &mut Self::Row, len: usize, b: usize) -> Lane;
}

impl<'a> Events<'a> for &'a [Values] {
    type Row = &'a Values;
    const BLOCKS: usize = 1;
    #[inline(always)]
    fn split(self, _: usize) -> (&'a Values, Self) {
        (&self[0], &self[1..])
    }
    #[inline(always)]
    fn quantum(_: &&'a Values) -> f64 {
        1.0
    }
    #[inline(always)]
    fn take(row: &mut &'a Values, _: usize, b: usize) -> Lane {
        row[b]
    }
}

impl<'a> Events<'a> for &'a mut [Sums<'_>] {
    type Row = (&'a mut [[i32; LANES]], f64);
    const BLOCKS: usize = TOGETHER;
    #[inline(always)]
    fn split(self, len: usize) -> (Self::Row, Self) {
        let (first, others) = self.split_at_mut(1);
        ((&mut first[0].sums.as_flattened_mut()[..len], first[0].quantum), others)
    }
    #[inline(always)]
    fn quantum(row: &Self::Row) -> f64 {
        row.1
    }
    #[inline(always)]
    fn take((sums, _): &mut Self::Row, len: usize, b: usize) -> Lane {
        std::mem::replace(&mut sums[..len][b], [0; LANES]).map(f64::from)
    }
}

/// A static list of receptors: `()`, `(A, ())`, `(A, (B, ()))`.
pub trait Receptors: 'static {
    /// Their columns.
    type Columns: Send + Sync;
    /// State of the chunks of a block, and the events onto them.
    type Rows<'a, E: Events<'a>>;
    /// State and events of one chunk.
    type Row: Copy;
    /// What all neurons share: constants, and the quantum of events.
    type Same: Copy;
    /// How many.
    const COUNT: usize;
    /// Whether one of them moves the potential at once.
    const JUMPS: bool;
    /// The rows of a block, and what they share.
    fn rows<'a, E: Events<'a>>(
        columns: &'a mut Self::Columns,
        chunks: Range<usize>,
        events: E,
    ) -> (Self::Rows<'a, E>, Self::Same);
    /// Reads one of `len` rows.
    fn load<'a, E: Events<'a>>(rows: &mut Self::Rows<'a, E>, len: usize, b: usize) -> Self::Row;
    /// Writes the state of one of `len` rows.
    fn store<'a, E: Events<'a>>(rows: &mut Self::Rows<'a, E>, len: usize, b: usize, row: Self::Row);
    /// One neuron's step: returns drive and jump added to those given.
    fn step<I: Instructions>(
        with: I,
        same: &Self::Same,
        row: &mut Self::Row,
        lane: usize,
        drive: f64,
        jump: f64,
    ) -> (f64, f64);
    /// One receptor, for access to its variables.
    fn stage(columns: &Self::Columns, index: usize) -> Option<&dyn ReceptorStage>;
    /// One receptor, to change its variables.
    fn stage_mut(columns: &mut Self::Columns, index: usize) -> Option<&mut dyn ReceptorStage>;
}

impl Receptors for () {
    type Columns = ();
    type Rows<'a, E: Events<'a>> = ();
    type Row = ();
    type Same = ();
    const COUNT: usize = 0;
    const JUMPS: bool = false;
    #[inline(always)]
    fn rows<'a, E: Events<'a>>(_: &'a mut (), _: Range<usize>, _: E) -> ((), ()) {
        ((), ())
    }
    #[inline(always)]
    fn load<'a, E: Events<'a>>(_: &mut (), _: usize, _: usize) {}
    #[inline(always)]
    fn store<'a, E: Events<'a>>(_: &mut (), _: usize, _: usize, _: ()) {}
    #[inline(always)]
    fn step<I: Instructions>(_: I, _: &(), _: &mut (), _: usize, drive: f64, jump: f64) -> (f64, f64) {
        (drive, jump)
    }
    fn stage(_: &(), _: usize) -> Option<&dyn ReceptorStage> {
        None
    }
    fn stage_mut(_: &mut (), _: usize) -> Option<&mut dyn ReceptorStage> {
        None
    }
}

impl<A: Receptor, T: Receptors> Receptors for (A, T) {
    type Columns = (ReceptorColumns<A>, T::Columns);
    type Rows<'a, E: Events<'a>> = (&'a mut [<A::State as Columns>::Chunk], E::Row, T::Rows<'a, E>);
    type Row = (<A::State as Columns>::Chunk, Lane, T::Row);
    type Same = (A::Constants, f64, T::Same);
    const COUNT: usize = 1 + T::COUNT;
    const JUMPS: bool = A::JUMPS || T::JUMPS;
    #[inline(always)]
    fn rows<'a, E: Events<'a>>(
        columns: &'a mut Self::Columns,
        chunks: Range<usize>,
        events: E,
    ) -> (Self::Rows<'a, E>, Self::Same) {
        let (mine, others) = events.split(chunks.len());
        let (rows, same) = T::rows(&mut columns.1, chunks.clone(), others);
        let same = (columns.0.constants.same, E::quantum(&mine), same);
        ((&mut columns.0.state[chunks], mine, rows), same)
    }
    #[inline(always)]
    fn load<'a, E: Events<'a>>(rows: &mut Self::Rows<'a, E>, len: usize, b: usize) -> Self::Row {
        (rows.0[..len][b], E::take(&mut rows.1, len, b), T::load::<E>(&mut rows.2, len, b))
    }
    #[inline(always)]
    fn store<'a, E: Events<'a>>(rows: &mut Self::Rows<'a, E>, len: usize, b: usize, row: Self::Row) {
        rows.0[..len][b] = row.0;
        T::store::<E>(&mut rows.2, len, b, row.2);
    }
    #[inline(always)]
    fn step<I: Instructions>(
        with: I,
        same: &Self::Same,
        row: &mut Self::Row,
        lane: usize,
        drive: f64,
        jump: f64,
    ) -> (f64, f64) {
        let arrival = Arrival { with, number: row.1[lane], quantum: same.1 };
        let (next, adds) = A::step(same.0, A::arrive(same.0, A::State::gather(&row.0, lane), arrival));
        next.scatter(&mut row.0, lane);
        let drive = if A::DRIVES { drive + adds } else { drive };
        let jump = if A::JUMPS { arrival.add_to(jump, 1.0) } else { jump };
        T::step(with, &same.2, &mut row.2, lane, drive, jump)
    }
    fn stage(columns: &Self::Columns, index: usize) -> Option<&dyn ReceptorStage> {
        if index == 0 { Some(&columns.0) } else { T::stage(&columns.1, index - 1) }
    }
    fn stage_mut(columns: &mut Self::Columns, index: usize) -> Option<&mut dyn ReceptorStage> {
        if index == 0 { Some(&mut columns.0) } else { T::stage_mut(&mut columns.1, index - 1) }
    }
}

/// Keeps a compiler, in a loop over chunks, from making vectors of the same lane of several: it would have to gather them.
#[inline(always)]
fn lane_by_lane() {
    std::hint::black_box(());
}

/// The loop over a block, or some.
struct Step<'a, M: Membrane, R: Receptors, E: Events<'a>, const EACH: bool, const DRIVE: bool, const KICK: bool> {
    membrane: &'a mut MembraneColumns<M>,
    receptors: &'a mut R::Columns,
    chunks: Range<usize>,
    /// For all neurons, unless there is one for each (`DRIVE`).
    same_drive: f64,
    drive: &'a Values,
    kick: &'a Values,
    events: E,
    spikes: &'a mut Vec<u32>,
}

impl<'a, M: Membrane, R: Receptors, E: Events<'a>, const EACH: bool, const DRIVE: bool, const KICK: bool> Kernel
    for Step<'a, M, R, E, EACH, DRIVE, KICK>
{
    type Output = ();
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // the lane indexes six arrays at once
    fn run(self, with: impl Instructions) {
        let MembraneColumns { constants, state, free_from, clock, .. } = &mut *self.membrane;
        let (shared, first, next) = (constants.same, self.chunks.start, *clock + 1);
        let most = CHUNKS * if DRIVE || KICK { 1 } else { E::BLOCKS };
        assert!(self.chunks.len() <= most, "more chunks than may be stepped at a time");
        let len = self.chunks.len().min(most);
        let chunks = first..first + len;
        let (states, free_from) = (&mut state[chunks.clone()], &free_from[chunks.clone()]);
        let (mut rows, same) = R::rows::<E>(self.receptors, chunks, self.events);
        // Chunks with a neuron that fires. They are seen to behind the loop: a call in it would move every constant from
        // its register to memory and back.
        let mut fired = 0u64;
        for b in 0..len {
            let mut state = states[b];
            let mut row = R::load::<E>(&mut rows, len, b);
            let free_from = free_from[b];
            let (drive, kick) =
                (if DRIVE { self.drive[b] } else { NONE[0] }, if KICK { self.kick[b] } else { NONE[0] });
            let mut any = false;
            for l in 0..LANES {
                let c = if EACH { constants.at::<true>(first + b, l) } else { shared };
                let s = M::State::gather(&state, l);
                let jump = if KICK { kick[l] } else { 0.0 };
                let drive = if DRIVE { drive[l] } else { self.same_drive };
                // Staged receptors have been added to it already.
                let drive = if R::COUNT > 0 { drive + M::pull(c) } else { drive };
                let (total, jump) = R::step(with, &same, &mut row, l, drive, jump);
                let (moved, held) = (M::advance(c, s, total), M::refractory(c, s, total));
                let moved = if KICK || R::JUMPS { moved.add_to_first(jump) } else { moved };
                let s = if free_from[l] < next { moved } else { held };
                any |= M::fires(c, s);
                s.scatter(&mut state, l);
            }
            states[b] = state;
            R::store::<E>(&mut rows, len, b, row);
            fired |= u64::from(any) << b;
            lane_by_lane();
        }
        while fired != 0 {
            self.membrane.fire(first + fired.trailing_zeros() as usize, self.spikes);
            fired &= fired - 1;
        }
    }
}

/// The drive of each neuron, with what pulls the membrane.
struct Pull<'a, M: Membrane, const EACH: bool> {
    membrane: &'a MembraneColumns<M>,
    chunks: Range<usize>,
    drive: Drive<'a>,
    out: &'a mut Values,
}

impl<M: Membrane, const EACH: bool> Kernel for Pull<'_, M, EACH> {
    type Output = ();
    #[inline(always)]
    fn run(self, _: impl Instructions) {
        for (b, (k, out)) in self.chunks.zip(&mut self.out.0).enumerate() {
            let drive = match self.drive {
                Drive::Same(drive) => [drive; LANES],
                Drive::Each(drive) => drive[b],
            };
            for l in 0..LANES {
                out[l] = drive[l] + M::pull(self.membrane.constants.at::<EACH>(k, l));
            }
            lane_by_lane();
        }
    }
}

impl<M: Membrane> MembraneColumns<M> {
    /// Resets the neurons of a chunk that fire and notes their indices.
    #[inline(never)]
    fn fire(&mut self, k: usize, spikes: &mut Vec<u32>) {
        for l in 0..LANES {
            let neuron = k * LANES + l;
            let (c, s) = (self.constants.of(neuron), M::State::gather(&self.state[k], l));
            if M::fires(c, s) {
                M::reset(c, s).scatter(&mut self.state[k], l);
                // Lanes beyond the last neuron only fill up the chunk.
                if neuron < self.len {
                    let steps = self.refractory_steps.get(neuron).copied().unwrap_or(self.refractory_steps[0]);
                    self.free_from[k][l] = self.clock.saturating_add_unsigned(1 + steps);
                    spikes.push(neuron as u32);
                }
            }
        }
    }
}

/// A membrane with receptors: fused (`R` holds them) or staged (`R` is empty and `staged` holds them).
pub(crate) struct Composed<M: Membrane, R: Receptors> {
    pub(crate) membrane: MembraneColumns<M>,
    pub(crate) fused: R::Columns,
    pub(crate) staged: Vec<Box<dyn ReceptorStage>>,
}

const NONE: Values = Values::ZERO;

impl<M: Membrane, R: Receptors> Composed<M, R> {
    /// Steps the membranes, with the receptors that are fused with them.
    fn run<'a, E: Events<'a>, const EACH: bool>(
        &'a mut self,
        chunks: Range<usize>,
        drive: Drive<'a>,
        events: E,
        kick: Option<&'a Values>,
        spikes: &'a mut Vec<u32>,
    ) {
        let (membrane, receptors) = (&mut self.membrane, &mut self.fused);
        macro_rules! step {
            ($drives:literal, $kicks:literal, $same_drive:expr, $drive:expr, $kick:expr) => {
                dispatch(Step::<M, R, E, EACH, $drives, $kicks> {
                    membrane,
                    receptors,
                    chunks,
                    same_drive: $same_drive,
                    drive: $drive,
                    kick: $kick,
                    events,
                    spikes,
                })
            };
        }
        match (drive, kick) {
            (Drive::Same(drive), None) => step!(false, false, drive, &NONE, &NONE),
            (Drive::Same(drive), Some(kick)) => step!(false, true, drive, &NONE, kick),
            (Drive::Each(drive), None) => step!(true, false, 0.0, drive, &NONE),
            (Drive::Each(drive), Some(kick)) => step!(true, true, 0.0, drive, kick),
        }
    }
}

impl<M: Membrane, R: Receptors> Neurons for Composed<M, R> {
    fn len(&self) -> usize {
        self.membrane.len
    }
    fn step(&mut self, block: Block<'_>, spikes: &mut Vec<u32>) {
        let Block { chunks, drive, events, kick } = block;
        if R::COUNT > 0 {
            self.run::<_, false>(chunks, drive, events, kick, spikes);
            return;
        }
        let mut drives = NONE;
        let (membrane, each) = (&self.membrane, self.membrane.constants.differ());
        if each {
            dispatch(Pull::<M, true> { membrane, chunks: chunks.clone(), drive, out: &mut drives });
        } else {
            dispatch(Pull::<M, false> { membrane, chunks: chunks.clone(), drive, out: &mut drives });
        }
        let mut jumps = *kick.unwrap_or(&NONE);
        for (receptor, events) in self.staged.iter_mut().zip(events) {
            receptor.stage(chunks.clone(), events, &mut drives, &mut jumps);
        }
        let kicks = kick.is_some() || self.staged.iter().any(|r| r.jumps());
        let (drive, none, kick): (_, &[Values], _) = (Drive::Each(&drives), &[], kicks.then_some(&jumps));
        if each {
            self.run::<_, true>(chunks, drive, none, kick, spikes)
        } else {
            self.run::<_, false>(chunks, drive, none, kick, spikes)
        }
    }
    fn takes_sums(&self) -> bool {
        R::COUNT > 0
    }
    fn step_from_sums(&mut self, chunks: Range<usize>, drive: Drive<'_>, sums: &mut [Sums<'_>], spikes: &mut Vec<u32>) {
        assert!(self.takes_sums(), "receptors that are staged take values");
        debug_assert!(sums.iter().all(|s| s.quantum.log2().fract() == 0.0), "a quantum is a power of two");
        self.run::<_, false>(chunks, drive, sums, None, spikes)
    }
    fn arrive(&mut self, receptor: usize, chunks: Range<usize>, events: &Values) {
        if R::COUNT == 0 {
            self.staged[receptor].arrive(chunks, events);
        } else if let Some(fused) = R::stage_mut(&mut self.fused, receptor) {
            fused.arrive(chunks, events);
        }
    }
    fn end_step(&mut self) {
        let MembraneColumns { state, free_from, clock, .. } = &mut self.membrane;
        *clock += 1;
        if *clock < START.saturating_add_unsigned(FLUSH_EVERY) {
            return;
        }
        for step in free_from.as_flattened_mut() {
            *step = step.saturating_sub_unsigned(FLUSH_EVERY);
        }
        *clock = START;
        flush::<M::State>(state);
        self.staged.iter_mut().for_each(|r| r.flush());
        for index in 0..R::COUNT {
            if let Some(receptor) = R::stage_mut(&mut self.fused, index) {
                receptor.flush();
            }
        }
    }
    fn since_flush(&self) -> u16 {
        self.membrane.clock.abs_diff(START)
    }
    fn set_since_flush(&mut self, steps: u16) {
        self.membrane.clock = START.saturating_add_unsigned(steps);
    }
    fn get(&self, receptor: Option<usize>, variable: usize, neuron: usize) -> f64 {
        match receptor {
            None => M::State::value(&self.membrane.state[neuron / LANES], variable, neuron % LANES),
            Some(index) if R::COUNT == 0 => self.staged[index].get(variable, neuron),
            Some(index) => R::stage(&self.fused, index).map_or(f64::NAN, |r| r.get(variable, neuron)),
        }
    }
    fn set(&mut self, receptor: Option<usize>, variable: usize, neuron: usize, value: f64) {
        match receptor {
            None => *M::State::value_mut(&mut self.membrane.state[neuron / LANES], variable, neuron % LANES) = value,
            Some(index) if R::COUNT == 0 => self.staged[index].set(variable, neuron, value),
            Some(index) => {
                if let Some(receptor) = R::stage_mut(&mut self.fused, index) {
                    receptor.set(variable, neuron, value);
                }
            }
        }
    }
    fn refractory_left(&self, neuron: usize) -> u16 {
        let MembraneColumns { free_from, clock, .. } = &self.membrane;
        free_from[neuron / LANES][neuron % LANES].max(*clock).abs_diff(*clock)
    }
    fn set_refractory_left(&mut self, neuron: usize, steps: u16) {
        self.membrane.free_from[neuron / LANES][neuron % LANES] = self.membrane.clock.saturating_add_unsigned(steps);
    }
    fn bytes(&self) -> usize {
        let membrane = &self.membrane;
        let receptors: usize = if R::COUNT == 0 {
            self.staged.iter().map(|r| r.bytes()).sum()
        } else {
            (0..R::COUNT).filter_map(|i| R::stage(&self.fused, i)).map(|r| r.bytes()).sum()
        };
        receptors
            + size_of_val(&membrane.state[..])
            + size_of_val(&membrane.free_from[..])
            + size_of_val(&membrane.refractory_steps[..])
            + size_of_val(&membrane.constants.each[..])
    }
}
