//! Receptors one by one: each steps over a block and adds to the drive of the membrane.

use crate::columns::{Columns, Constants, LANES, Values};
use crate::neurons::VANISHED;
use crate::receptor::{Arrival, Receptor};
use crate::vector::{Instructions, Kernel, dispatch};
use std::ops::Range;

/// Sets what has vanished to zero.
struct Flush<'a>(&'a mut [f64]);

impl Kernel for Flush<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self, _: impl Instructions) {
        for x in self.0 {
            *x = if x.abs() < VANISHED { 0.0 } else { *x };
        }
    }
}

pub(crate) fn flush<C: Columns>(state: &mut [C::Chunk]) {
    for chunk in state {
        for column in C::columns_mut(chunk) {
            dispatch(Flush(column));
        }
    }
}

/// One receptor's neurons.
pub struct ReceptorColumns<A: Receptor> {
    pub(crate) constants: Constants<A::Constants>,
    pub(crate) state: Vec<<A::State as Columns>::Chunk>,
}

/// A receptor as one stage.
pub trait ReceptorStage: Send + Sync {
    /// Steps the block: adds to `drive` (mV) and `jumps` (mV).
    fn stage(&mut self, chunks: Range<usize>, events: &Values, drive: &mut Values, jumps: &mut Values);
    /// Lets events arrive.
    fn arrive(&mut self, chunks: Range<usize>, events: &Values);
    /// Whether its events move the potential at once.
    fn jumps(&self) -> bool;
    /// Sets variables that have vanished to zero.
    fn flush(&mut self);
    /// Value of a variable.
    fn get(&self, variable: usize, neuron: usize) -> f64;
    /// Changes a variable.
    fn set(&mut self, variable: usize, neuron: usize, value: f64);
    /// Bytes held.
    fn bytes(&self) -> usize;
}

struct Stage<'a, A: Receptor, const EACH: bool> {
    columns: &'a mut ReceptorColumns<A>,
    chunks: Range<usize>,
    events: &'a Values,
    drive: &'a mut Values,
    jumps: &'a mut Values,
}

impl<A: Receptor, const EACH: bool> Kernel for Stage<'_, A, EACH> {
    type Output = ();
    #[inline(always)]
    fn run(self, with: impl Instructions) {
        for (b, k) in self.chunks.enumerate() {
            let mut state = self.columns.state[k];
            let (mut drive, mut jumps, events) = (self.drive[b], self.jumps[b], self.events[b]);
            for l in 0..LANES {
                let constants = self.columns.constants.at::<EACH>(k, l);
                let arrival = Arrival { with, number: events[l], quantum: 1.0 };
                let (next, adds) = A::step(constants, A::arrive(constants, A::State::gather(&state, l), arrival));
                next.scatter(&mut state, l);
                if A::DRIVES {
                    drive[l] += adds;
                }
                if A::JUMPS {
                    jumps[l] += events[l];
                }
            }
            (self.columns.state[k], self.drive[b], self.jumps[b]) = (state, drive, jumps);
        }
    }
}

struct Arrive<'a, A: Receptor, const EACH: bool> {
    columns: &'a mut ReceptorColumns<A>,
    chunks: Range<usize>,
    events: &'a Values,
}

impl<A: Receptor, const EACH: bool> Kernel for Arrive<'_, A, EACH> {
    type Output = ();
    #[inline(always)]
    fn run(self, with: impl Instructions) {
        for (b, k) in self.chunks.enumerate() {
            let mut state = self.columns.state[k];
            for (l, number) in self.events[b].into_iter().enumerate() {
                let constants = self.columns.constants.at::<EACH>(k, l);
                let arrival = Arrival { with, number, quantum: 1.0 };
                A::arrive(constants, A::State::gather(&state, l), arrival).scatter(&mut state, l);
            }
            self.columns.state[k] = state;
        }
    }
}

impl<A: Receptor> ReceptorStage for ReceptorColumns<A> {
    fn stage(&mut self, chunks: Range<usize>, events: &Values, drive: &mut Values, jumps: &mut Values) {
        if self.constants.differ() {
            dispatch(Stage::<A, true> { columns: self, chunks, events, drive, jumps });
        } else {
            dispatch(Stage::<A, false> { columns: self, chunks, events, drive, jumps });
        }
    }
    fn arrive(&mut self, chunks: Range<usize>, events: &Values) {
        if self.constants.differ() {
            dispatch(Arrive::<A, true> { columns: self, chunks, events });
        } else {
            dispatch(Arrive::<A, false> { columns: self, chunks, events });
        }
    }
    fn jumps(&self) -> bool {
        A::JUMPS
    }
    fn flush(&mut self) {
        flush::<A::State>(&mut self.state);
    }
    fn get(&self, variable: usize, neuron: usize) -> f64 {
        A::State::value(&self.state[neuron / LANES], variable, neuron % LANES)
    }
    fn set(&mut self, variable: usize, neuron: usize, value: f64) {
        *A::State::value_mut(&mut self.state[neuron / LANES], variable, neuron % LANES) = value;
    }
    fn bytes(&self) -> usize {
        size_of_val(&self.state[..]) + size_of_val(&self.constants.each[..])
    }
}
