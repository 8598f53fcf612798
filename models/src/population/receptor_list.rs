//! A list of receptors that is fixed when the program is compiled: `()`, `(A, ())`, `(A, (B, ()))`.
//!
//! The loop of `fused.rs` is compiled for each list that `assemble.rs` names, so that membrane and receptors are
//! updated in one pass over memory.

use super::neurons::ReceptorSums;
use super::staged::{ReceptorColumns, ReceptorStage};
use crate::columns::{BLOCKS_AT_ONCE, BlockValues, ChunkValues, Columns, LANES};
use crate::receptors::{Arrival, ReceptorModel};
use crate::vector::Instructions;
use std::ops::Range;

/// Events onto a list of receptors, for the neurons of one block or a few blocks.
pub(super) trait Events<'a>: Sized {
    /// Events onto one receptor.
    type OneReceptor;
    /// Most blocks that may be updated in one call.
    const BLOCKS: usize;
    /// Splits off the events onto the first receptor, for `len` chunks.
    fn split(self, len: usize) -> (Self::OneReceptor, Self);
    /// The unit in which the events are given.
    fn quantum(events: &Self::OneReceptor) -> f64;
    /// The events of chunk `b` of `len` chunks, in this unit.
    fn take(events: &mut Self::OneReceptor, len: usize, b: usize) -> ChunkValues;
}

/// Events as sums of weights.
impl<'a> Events<'a> for &'a [BlockValues] {
    type OneReceptor = &'a BlockValues;
    const BLOCKS: usize = 1;
    #[inline(always)]
    fn split(self, _: usize) -> (&'a BlockValues, Self) {
        (&self[0], &self[1..])
    }
    #[inline(always)]
    fn quantum(_: &&'a BlockValues) -> f64 {
        1.0
    }
    #[inline(always)]
    fn take(events: &mut &'a BlockValues, _: usize, b: usize) -> ChunkValues {
        events[b]
    }
}

/// Events as whole numbers of quanta. Reading them sets them to zero.
impl<'a> Events<'a> for &'a mut [ReceptorSums<'_>] {
    type OneReceptor = (&'a mut [[i32; LANES]], f64);
    const BLOCKS: usize = BLOCKS_AT_ONCE;
    #[inline(always)]
    fn split(self, len: usize) -> (Self::OneReceptor, Self) {
        let (first, others) = self.split_at_mut(1);
        ((&mut first[0].sums.as_flattened_mut()[..len], first[0].quantum), others)
    }
    #[inline(always)]
    fn quantum(events: &Self::OneReceptor) -> f64 {
        events.1
    }
    #[inline(always)]
    fn take((sums, _): &mut Self::OneReceptor, len: usize, b: usize) -> ChunkValues {
        std::mem::replace(&mut sums[..len][b], [0; LANES]).map(f64::from)
    }
}

/// A list of receptors.
pub(super) trait ReceptorList: 'static {
    /// State and constants of all neurons.
    type Columns: Send + Sync;
    /// States of some chunks, and the events onto them.
    type Chunks<'a, E: Events<'a>>;
    /// State of one chunk, and the events onto it.
    type Chunk: Copy;
    /// Constants and the unit of events, which are the same for all neurons.
    type Same: Copy;
    /// Number of receptors.
    const COUNT: usize;
    /// Whether events of any receptor of the list make V jump.
    const JUMPS: bool;
    /// Borrows the chunks `range`.
    fn chunks<'a, E: Events<'a>>(
        columns: &'a mut Self::Columns,
        range: Range<usize>,
        events: E,
    ) -> (Self::Chunks<'a, E>, Self::Same);
    /// Reads chunk `b` of `len` chunks.
    fn load<'a, E: Events<'a>>(chunks: &mut Self::Chunks<'a, E>, len: usize, b: usize) -> Self::Chunk;
    /// Writes the state of chunk `b` of `len` chunks.
    fn store<'a, E: Events<'a>>(chunks: &mut Self::Chunks<'a, E>, len: usize, b: usize, chunk: Self::Chunk);
    /// Updates the receptors of the neuron at `lane`. Returns `drive` and `jump` (mV) with the contributions of the
    /// receptors.
    fn step<I: Instructions>(
        with: I,
        same: &Self::Same,
        chunk: &mut Self::Chunk,
        lane: usize,
        drive: f64,
        jump: f64,
    ) -> (f64, f64);
    /// Receptor number `index`, to read its variables.
    fn stage(columns: &Self::Columns, index: usize) -> Option<&dyn ReceptorStage>;
    /// Receptor number `index`, to change its variables.
    fn stage_mut(columns: &mut Self::Columns, index: usize) -> Option<&mut dyn ReceptorStage>;
}

impl ReceptorList for () {
    type Columns = ();
    type Chunks<'a, E: Events<'a>> = ();
    type Chunk = ();
    type Same = ();
    const COUNT: usize = 0;
    const JUMPS: bool = false;
    #[inline(always)]
    fn chunks<'a, E: Events<'a>>(_: &'a mut (), _: Range<usize>, _: E) -> ((), ()) {
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

impl<A: ReceptorModel, T: ReceptorList> ReceptorList for (A, T) {
    type Columns = (ReceptorColumns<A>, T::Columns);
    type Chunks<'a, E: Events<'a>> = (&'a mut [<A::State as Columns>::Chunk], E::OneReceptor, T::Chunks<'a, E>);
    type Chunk = (<A::State as Columns>::Chunk, ChunkValues, T::Chunk);
    type Same = (A::Constants, f64, T::Same);
    const COUNT: usize = 1 + T::COUNT;
    const JUMPS: bool = A::JUMPS || T::JUMPS;
    #[inline(always)]
    fn chunks<'a, E: Events<'a>>(
        columns: &'a mut Self::Columns,
        range: Range<usize>,
        events: E,
    ) -> (Self::Chunks<'a, E>, Self::Same) {
        let (mine, others) = events.split(range.len());
        let (chunks, same) = T::chunks(&mut columns.1, range.clone(), others);
        let same = (columns.0.constants.same, E::quantum(&mine), same);
        ((&mut columns.0.state[range], mine, chunks), same)
    }
    #[inline(always)]
    fn load<'a, E: Events<'a>>(chunks: &mut Self::Chunks<'a, E>, len: usize, b: usize) -> Self::Chunk {
        (chunks.0[..len][b], E::take(&mut chunks.1, len, b), T::load::<E>(&mut chunks.2, len, b))
    }
    #[inline(always)]
    fn store<'a, E: Events<'a>>(chunks: &mut Self::Chunks<'a, E>, len: usize, b: usize, chunk: Self::Chunk) {
        chunks.0[..len][b] = chunk.0;
        T::store::<E>(&mut chunks.2, len, b, chunk.2);
    }
    #[inline(always)]
    fn step<I: Instructions>(
        with: I,
        same: &Self::Same,
        chunk: &mut Self::Chunk,
        lane: usize,
        drive: f64,
        jump: f64,
    ) -> (f64, f64) {
        let arrival = Arrival { with, quanta: chunk.1[lane], quantum: same.1 };
        let (next, own_drive) = A::step(same.0, A::arrive(same.0, A::State::gather(&chunk.0, lane), arrival));
        next.scatter(&mut chunk.0, lane);
        let drive = if A::DRIVES { drive + own_drive } else { drive };
        let jump = if A::JUMPS { arrival.add_to(jump, 1.0) } else { jump };
        T::step(with, &same.2, &mut chunk.2, lane, drive, jump)
    }
    fn stage(columns: &Self::Columns, index: usize) -> Option<&dyn ReceptorStage> {
        if index == 0 { Some(&columns.0) } else { T::stage(&columns.1, index - 1) }
    }
    fn stage_mut(columns: &mut Self::Columns, index: usize) -> Option<&mut dyn ReceptorStage> {
        if index == 0 { Some(&mut columns.0) } else { T::stage_mut(&mut columns.1, index - 1) }
    }
}
