//! Staged receptors: each is updated by itself over a whole block and adds to the drive of the membrane, or to the jump
//! of V.

use super::neurons::NEGLIGIBLE;
use crate::columns::{BlockValues, Columns, Constants, ConstantsAccess, ConstantsPerNeuron, LANES, SameConstants};
use crate::receptors::{Arrival, ReceptorModel};
use crate::vector::{Instructions, Kernel, dispatch};
use std::marker::PhantomData;
use std::ops::Range;

/// Sets negligible numbers to zero.
struct ClearNegligible<'a>(&'a mut [f64]);

impl Kernel for ClearNegligible<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self, _: impl Instructions) {
        for x in self.0 {
            *x = if x.abs() < NEGLIGIBLE { 0.0 } else { *x };
        }
    }
}

/// Sets negligible state variables to zero.
pub(super) fn clear_negligible<C: Columns>(state: &mut [C::Chunk]) {
    for chunk in state {
        for column in C::columns_mut(chunk) {
            dispatch(ClearNegligible(column));
        }
    }
}

/// State and constants of one receptor for all neurons of a share.
pub struct ReceptorColumns<A: ReceptorModel> {
    pub(super) constants: Constants<A::Constants>,
    pub(super) state: Vec<<A::State as Columns>::Chunk>,
}

/// A receptor that is updated by itself.
pub trait ReceptorStage: Send + Sync {
    /// Updates a block by one step. Adds to `drive` and to `jump`, both in mV.
    fn step(&mut self, chunks: Range<usize>, events: &BlockValues, drive: &mut BlockValues, jump: &mut BlockValues);
    /// Adds events to the state now, not at the beginning of the next step.
    fn arrive(&mut self, chunks: Range<usize>, events: &BlockValues);
    /// Whether an event makes V jump.
    fn jumps(&self) -> bool;
    /// Sets negligible variables to zero.
    fn clear_negligible(&mut self);
    /// Value of a variable of one neuron.
    fn get(&self, variable: usize, neuron: usize) -> f64;
    /// Sets a variable of one neuron.
    fn set(&mut self, variable: usize, neuron: usize, value: f64);
    /// Bytes held.
    fn bytes(&self) -> usize;
}

/// Updates a receptor over a block.
struct StepReceptor<'a, A: ReceptorModel, K> {
    columns: &'a mut ReceptorColumns<A>,
    chunks: Range<usize>,
    events: &'a BlockValues,
    drive: &'a mut BlockValues,
    jump: &'a mut BlockValues,
    access: PhantomData<K>,
}

impl<A: ReceptorModel, K: ConstantsAccess> Kernel for StepReceptor<'_, A, K> {
    type Output = ();
    #[inline(always)]
    fn run(self, with: impl Instructions) {
        let shared = self.columns.constants.same;
        for (b, chunk) in self.chunks.enumerate() {
            let mut state = self.columns.state[chunk];
            let (mut drive, mut jump, events) = (self.drive[b], self.jump[b], self.events[b]);
            for l in 0..LANES {
                let constants = K::at(&self.columns.constants, shared, chunk, l);
                let arrival = Arrival { with, quanta: events[l], quantum: 1.0 };
                let (next, own_drive) = A::step(constants, A::arrive(constants, A::State::gather(&state, l), arrival));
                next.scatter(&mut state, l);
                if A::DRIVES {
                    drive[l] += own_drive;
                }
                if A::JUMPS {
                    jump[l] += events[l];
                }
            }
            (self.columns.state[chunk], self.drive[b], self.jump[b]) = (state, drive, jump);
        }
    }
}

/// Adds events to the state of a receptor.
struct Arrive<'a, A: ReceptorModel, K> {
    columns: &'a mut ReceptorColumns<A>,
    chunks: Range<usize>,
    events: &'a BlockValues,
    access: PhantomData<K>,
}

impl<A: ReceptorModel, K: ConstantsAccess> Kernel for Arrive<'_, A, K> {
    type Output = ();
    #[inline(always)]
    fn run(self, with: impl Instructions) {
        let shared = self.columns.constants.same;
        for (b, chunk) in self.chunks.enumerate() {
            let mut state = self.columns.state[chunk];
            for (l, quanta) in self.events[b].into_iter().enumerate() {
                let constants = K::at(&self.columns.constants, shared, chunk, l);
                let arrival = Arrival { with, quanta, quantum: 1.0 };
                A::arrive(constants, A::State::gather(&state, l), arrival).scatter(&mut state, l);
            }
            self.columns.state[chunk] = state;
        }
    }
}

impl<A: ReceptorModel> ReceptorStage for ReceptorColumns<A> {
    fn step(&mut self, chunks: Range<usize>, events: &BlockValues, drive: &mut BlockValues, jump: &mut BlockValues) {
        if self.constants.differ() {
            let access = PhantomData::<ConstantsPerNeuron>;
            dispatch(StepReceptor { columns: self, chunks, events, drive, jump, access });
        } else {
            let access = PhantomData::<SameConstants>;
            dispatch(StepReceptor { columns: self, chunks, events, drive, jump, access });
        }
    }
    fn arrive(&mut self, chunks: Range<usize>, events: &BlockValues) {
        if self.constants.differ() {
            dispatch(Arrive { columns: self, chunks, events, access: PhantomData::<ConstantsPerNeuron> });
        } else {
            dispatch(Arrive { columns: self, chunks, events, access: PhantomData::<SameConstants> });
        }
    }
    fn jumps(&self) -> bool {
        A::JUMPS
    }
    fn clear_negligible(&mut self) {
        clear_negligible::<A::State>(&mut self.state);
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
