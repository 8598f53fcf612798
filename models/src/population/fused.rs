//! Updates membranes with their receptors, refractory times and thresholds, block by block. The step contract stands in
//! this file, because the loop in this file carries it out.
//!
//! # The step contract
//! Time is a grid t_n = n·dt. The contract follows the conventions of NEST, so that traces of single neurons can be
//! compared value by value. In the step from t_n to t_{n+1}:
//! 1. Receptors and membrane propagate over dt. Input currents are held constant over the step. Receptor currents,
//!    whose decay is known, are integrated exactly.
//! 2. Events that arrive at t_{n+1} are added: recurrent spikes, Poisson counts, charge pulses. A delta receptor makes
//!    V jump, after the leak. Every other receptor adds the event to its own variable, which acts from the next step
//!    on.
//! 3. A refractory neuron keeps V at its reset value and loses jumps of V. Its other receptors go on. The refractory
//!    time is rounded to the nearest step; 0 is allowed.
//! 4. V ≥ threshold at t_{n+1} is a spike, stamped t_{n+1}. The reset follows at once.
//!
//! A spike stamped t_k with a delay of d ≥ 1 steps is added in point 2 of the step that ends at t_{k+d}. Sample 0 of a
//! trace is the state at the start. Sample i is the state after the step that ends at the time of the sample, reset
//! included.
//!
//! # One loop
//! [`Step`] is the only loop over neurons. It is compiled for the membrane, for a list of receptors, and for the kinds
//! of drive and jump that can occur. Receptors on the list are updated in the same pass (fused). Other receptors are
//! updated before the loop, one after the other (staged), and add to drive and jump. The same loop then runs with an
//! empty list.
//! Both ways do the same operations in the same order, so they give the same bits. A test compares them.
//!
//! An event that acts from the next step on is added to the receptor at the beginning of that step, not at the end of
//! the step before. This changes nothing but the receptor's variable in between. If the variable is read in between,
//! [`Neurons::arrive`] adds the events first.

use super::neurons::{BlockInput, CLEARING_INTERVAL, Drive, Neurons, ReceptorSums};
use super::receptor_list::{Events, ReceptorList};
use super::staged::{ReceptorStage, clear_negligible};
use crate::columns::{
    BlockValues, CHUNKS, ChunkValues, Columns, Constants, ConstantsAccess, ConstantsPerNeuron, LANES, SameConstants,
};
use crate::membranes::MembraneModel;
use crate::vector::{Instructions, Kernel, dispatch};
use std::marker::PhantomData;
use std::ops::Range;

/// First value of a clock. Clocks are signed, because AVX2 has no comparison of unsigned numbers.
pub(super) const CLOCK_START: i16 = i16::MIN;

/// State and constants of the membranes of a population.
pub(super) struct MembraneColumns<M: MembraneModel> {
    pub len: usize,
    pub constants: Constants<M::Constants>,
    pub state: Vec<<M::State as Columns>::Chunk>,
    /// For each neuron, the clock's value at the first step in which the neuron is no longer refractory. A step writes
    /// this value only if the neuron spikes.
    pub free_from: Vec<[i16; LANES]>,
    /// Steps since negligible variables were last set to zero, counted from [`CLOCK_START`].
    pub clock: i16,
    /// Steps of refractory time after a spike: one number for all, or one per neuron.
    pub refractory_steps: Vec<u16>,
}

/// The drive or the jump that [`Step`] gets as input. Each kind is a type, so that the loop has no branch.
trait Addend: Copy {
    /// Whether there is anything to add.
    const PRESENT: bool;
    /// Whether the value is the same for all neurons.
    const SAME: bool;
    /// The values of one chunk.
    type Chunk: Copy;
    /// Reads the values of chunk `b`.
    fn chunk(self, b: usize) -> Self::Chunk;
    /// The value of one neuron, in mV.
    fn at(chunk: &Self::Chunk, lane: usize) -> f64;
}

/// Nothing to add.
#[derive(Clone, Copy)]
struct Nothing;

/// The same value for all neurons.
#[derive(Clone, Copy)]
struct Same(f64);

/// One value for each neuron of a block.
#[derive(Clone, Copy)]
struct PerNeuron<'a>(&'a BlockValues);

impl Addend for Nothing {
    const PRESENT: bool = false;
    const SAME: bool = true;
    type Chunk = ();
    #[inline(always)]
    fn chunk(self, _: usize) {}
    #[inline(always)]
    fn at((): &(), _: usize) -> f64 {
        0.0
    }
}

impl Addend for Same {
    const PRESENT: bool = true;
    const SAME: bool = true;
    type Chunk = f64;
    #[inline(always)]
    fn chunk(self, _: usize) -> f64 {
        self.0
    }
    #[inline(always)]
    fn at(value: &f64, _: usize) -> f64 {
        *value
    }
}

impl Addend for PerNeuron<'_> {
    const PRESENT: bool = true;
    const SAME: bool = false;
    type Chunk = ChunkValues;
    #[inline(always)]
    fn chunk(self, b: usize) -> ChunkValues {
        self.0[b]
    }
    #[inline(always)]
    fn at(chunk: &ChunkValues, lane: usize) -> f64 {
        chunk[lane]
    }
}

/// Called in a loop over chunks, so that the compiler fills a vector register with lanes of one chunk. Otherwise it may
/// fill the register with the same lane of several chunks, which takes a gather.
#[inline(always)]
fn keep_chunks_apart() {
    std::hint::black_box(());
}

/// Updates the neurons of one block or a few blocks by one step. Types: membrane `M`, fused receptors `R`, events `E`,
/// access to constants `K`, drive `D`, jump `J`.
struct Step<'a, M: MembraneModel, R: ReceptorList, E, K, D, J> {
    membrane: &'a mut MembraneColumns<M>,
    receptors: &'a mut R::Columns,
    chunks: Range<usize>,
    drive: D,
    jump: J,
    events: E,
    spikes: &'a mut Vec<u32>,
    access: PhantomData<K>,
}

impl<'a, M, R, E, K, D, J> Kernel for Step<'a, M, R, E, K, D, J>
where
    M: MembraneModel,
    R: ReceptorList,
    E: Events<'a>,
    K: ConstantsAccess,
    D: Addend,
    J: Addend,
{
    type Output = ();
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // the lane indexes six arrays at once
    fn run(self, with: impl Instructions) {
        let MembraneColumns { constants, state, free_from, clock, .. } = &mut *self.membrane;
        let (shared, first, now) = (constants.same, self.chunks.start, *clock + 1);
        let most = CHUNKS * if D::SAME && !J::PRESENT { E::BLOCKS } else { 1 };
        assert!(self.chunks.len() <= most, "more chunks than may be updated in one call");
        let len = self.chunks.len().min(most);
        let chunks = first..first + len;
        let (states, free_from) = (&mut state[chunks.clone()], &free_from[chunks.clone()]);
        let (mut receptor_chunks, same) = R::chunks::<E>(self.receptors, chunks, self.events);
        // One bit for each chunk: whether a neuron of the chunk spikes. Spikes are handled after the loop: a function
        // call inside it would make the compiler keep every constant in memory instead of a register.
        let mut spiked = 0u64;
        for b in 0..len {
            let mut state = states[b];
            let mut receptors = R::load::<E>(&mut receptor_chunks, len, b);
            let free_from = free_from[b];
            let (drive, jump) = (self.drive.chunk(b), self.jump.chunk(b));
            let mut any = false;
            for l in 0..LANES {
                let c = K::at(constants, shared, first + b, l);
                let s = M::State::gather(&state, l);
                let (drive, jump) = (D::at(&drive, l), J::at(&jump, l));
                // If receptors are staged, the drive already contains the rest drive (`AddRestDrive`).
                let drive = if R::COUNT > 0 { drive + M::rest_drive(c) } else { drive };
                // Points 1 and 2 of the step contract.
                let (drive, jump) = R::step(with, &same, &mut receptors, l, drive, jump);
                let (moved, held) = (M::advance(c, s, drive), M::refractory(c, s, drive));
                let moved = if J::PRESENT || R::JUMPS { moved.add_to_first(jump) } else { moved };
                // Point 3.
                let s = if free_from[l] < now { moved } else { held };
                // Point 4.
                any |= M::fires(c, s);
                s.scatter(&mut state, l);
            }
            states[b] = state;
            R::store::<E>(&mut receptor_chunks, len, b, receptors);
            spiked |= u64::from(any) << b;
            keep_chunks_apart();
        }
        while spiked != 0 {
            self.membrane.fire(first + spiked.trailing_zeros() as usize, self.spikes);
            spiked &= spiked - 1;
        }
    }
}

/// Adds the part from the resting potential to the drive of each neuron; see [`MembraneModel::rest_drive`].
struct AddRestDrive<'a, M: MembraneModel, K> {
    membrane: &'a MembraneColumns<M>,
    chunks: Range<usize>,
    drive: Drive<'a>,
    out: &'a mut BlockValues,
    access: PhantomData<K>,
}

impl<M: MembraneModel, K: ConstantsAccess> Kernel for AddRestDrive<'_, M, K> {
    type Output = ();
    #[inline(always)]
    fn run(self, _: impl Instructions) {
        let (constants, shared) = (&self.membrane.constants, self.membrane.constants.same);
        for (b, (chunk, out)) in self.chunks.zip(&mut self.out.0).enumerate() {
            let drive = match self.drive {
                Drive::Same(drive) => [drive; LANES],
                Drive::Each(drive) => drive[b],
            };
            for l in 0..LANES {
                out[l] = drive[l] + M::rest_drive(K::at(constants, shared, chunk, l));
            }
            keep_chunks_apart();
        }
    }
}

impl<M: MembraneModel> MembraneColumns<M> {
    /// Resets the neurons of a chunk that spike, and appends their indices to `spikes`.
    #[inline(never)]
    fn fire(&mut self, chunk: usize, spikes: &mut Vec<u32>) {
        for l in 0..LANES {
            let neuron = chunk * LANES + l;
            let (c, s) = (self.constants.of(neuron), M::State::gather(&self.state[chunk], l));
            if M::fires(c, s) {
                M::reset(c, s).scatter(&mut self.state[chunk], l);
                // Lanes behind the last neuron only fill up the chunk.
                if neuron < self.len {
                    let steps = self.refractory_steps.get(neuron).copied().unwrap_or(self.refractory_steps[0]);
                    self.free_from[chunk][l] = self.clock.saturating_add_unsigned(1 + steps);
                    spikes.push(neuron as u32);
                }
            }
        }
    }
}

/// A population: its receptors are either fused (`R` lists them) or staged (`R` is empty).
pub(super) struct MembraneWithReceptors<M: MembraneModel, R: ReceptorList> {
    pub membrane: MembraneColumns<M>,
    pub fused: R::Columns,
    pub staged: Vec<Box<dyn ReceptorStage>>,
}

impl<M: MembraneModel, R: ReceptorList> MembraneWithReceptors<M, R> {
    /// Runs the loop over some chunks.
    fn run<'a, K: ConstantsAccess, E: Events<'a>>(
        &'a mut self,
        chunks: Range<usize>,
        drive: impl Addend,
        jump: impl Addend,
        events: E,
        spikes: &'a mut Vec<u32>,
    ) {
        let (membrane, receptors) = (&mut self.membrane, &mut self.fused);
        let access = PhantomData::<K>;
        dispatch(Step::<M, R, E, K, _, _> { membrane, receptors, chunks, drive, jump, events, spikes, access });
    }

    /// Updates a block whose receptors are fused. All neurons have the same constants.
    fn step_fused(&mut self, input: BlockInput<'_>, spikes: &mut Vec<u32>) {
        let BlockInput { chunks, drive, events, jump } = input;
        match (drive, jump) {
            (Drive::Same(drive), None) => {
                self.run::<SameConstants, _>(chunks, Same(drive), Nothing, events, spikes);
            }
            (Drive::Each(drive), None) => {
                self.run::<SameConstants, _>(chunks, PerNeuron(drive), Nothing, events, spikes);
            }
            (drive, Some(jump)) => {
                // Charge pulses are rare, so both kinds of drive use the same loop.
                let all = match drive {
                    Drive::Same(drive) => BlockValues([[drive; LANES]; CHUNKS]),
                    Drive::Each(drive) => *drive,
                };
                self.run::<SameConstants, _>(chunks, PerNeuron(&all), PerNeuron(jump), events, spikes);
            }
        }
    }

    /// Updates a block whose receptors are staged.
    fn step_staged<K: ConstantsAccess>(&mut self, input: BlockInput<'_>, spikes: &mut Vec<u32>) {
        let BlockInput { chunks, drive, events, jump } = input;
        let mut drives = BlockValues::ZERO;
        dispatch(AddRestDrive::<M, K> {
            membrane: &self.membrane,
            chunks: chunks.clone(),
            drive,
            out: &mut drives,
            access: PhantomData,
        });
        let mut jumps = jump.copied().unwrap_or(BlockValues::ZERO);
        for (receptor, events) in self.staged.iter_mut().zip(events) {
            receptor.step(chunks.clone(), events, &mut drives, &mut jumps);
        }
        let no_events: &[BlockValues] = &[];
        if jump.is_some() || self.staged.iter().any(|receptor| receptor.jumps()) {
            self.run::<K, _>(chunks, PerNeuron(&drives), PerNeuron(&jumps), no_events, spikes);
        } else {
            self.run::<K, _>(chunks, PerNeuron(&drives), Nothing, no_events, spikes);
        }
    }
}

impl<M: MembraneModel, R: ReceptorList> Neurons for MembraneWithReceptors<M, R> {
    fn len(&self) -> usize {
        self.membrane.len
    }
    fn step(&mut self, input: BlockInput<'_>, spikes: &mut Vec<u32>) {
        if R::COUNT > 0 {
            self.step_fused(input, spikes);
        } else if self.membrane.constants.differ() {
            self.step_staged::<ConstantsPerNeuron>(input, spikes);
        } else {
            self.step_staged::<SameConstants>(input, spikes);
        }
    }
    fn takes_sums(&self) -> bool {
        R::COUNT > 0
    }
    fn step_from_sums(
        &mut self,
        chunks: Range<usize>,
        drive: Drive<'_>,
        sums: &mut [ReceptorSums<'_>],
        spikes: &mut Vec<u32>,
    ) {
        assert!(self.takes_sums(), "staged receptors take values, not sums");
        debug_assert!(sums.iter().all(|s| s.quantum.log2().fract() == 0.0), "a quantum is a power of two");
        match drive {
            Drive::Same(drive) => self.run::<SameConstants, _>(chunks, Same(drive), Nothing, sums, spikes),
            Drive::Each(drive) => self.run::<SameConstants, _>(chunks, PerNeuron(drive), Nothing, sums, spikes),
        }
    }
    fn arrive(&mut self, receptor: usize, chunks: Range<usize>, events: &BlockValues) {
        if R::COUNT == 0 {
            self.staged[receptor].arrive(chunks, events);
        } else if let Some(fused) = R::stage_mut(&mut self.fused, receptor) {
            fused.arrive(chunks, events);
        }
    }
    fn end_step(&mut self) {
        let MembraneColumns { state, free_from, clock, .. } = &mut self.membrane;
        *clock += 1;
        if *clock < CLOCK_START.saturating_add_unsigned(CLEARING_INTERVAL) {
            return;
        }
        for step in free_from.as_flattened_mut() {
            *step = step.saturating_sub_unsigned(CLEARING_INTERVAL);
        }
        *clock = CLOCK_START;
        clear_negligible::<M::State>(state);
        self.staged.iter_mut().for_each(|receptor| receptor.clear_negligible());
        for index in 0..R::COUNT {
            if let Some(receptor) = R::stage_mut(&mut self.fused, index) {
                receptor.clear_negligible();
            }
        }
    }
    fn steps_since_clearing(&self) -> u16 {
        self.membrane.clock.abs_diff(CLOCK_START)
    }
    fn set_steps_since_clearing(&mut self, steps: u16) {
        self.membrane.clock = CLOCK_START.saturating_add_unsigned(steps);
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
