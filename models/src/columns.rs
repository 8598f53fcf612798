//! How the state of neurons lies in memory: columns of numbers, in chunks of [`LANES`] neurons.
//!
//! A model gives the state of one neuron as a short array (`[v]`, `[v, w]`). A population stores these arrays in chunks
//! ([`Chunk`]). Within a chunk, the values of one variable lie side by side, so that the loop over neurons becomes
//! vector code. The chunks of a population lie one after the other, so the loop reads one contiguous range of memory,
//! whatever the number of variables.

/// Number of neurons in a chunk. One variable (f64) of a chunk fills two vector registers of 512 bits, or four of 256
/// bits.
pub const LANES: usize = 16;
/// Number of neurons in a block. A block is updated as a whole before the next one, so that its state stays in the L1
/// cache.
pub const BLOCK: usize = 256;
/// Number of chunks in a block.
pub const CHUNKS: usize = BLOCK / LANES;
/// Largest number of blocks that can be updated in one call. Their 64 chunks fit the 64 bits in which a call marks the
/// chunks with a spike.
pub const BLOCKS_AT_ONCE: usize = 4;

/// One value for each neuron of a chunk.
pub type ChunkValues = [f64; LANES];

/// One value for each neuron of a block. Aligned to a cache line; see [`Chunk`].
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct BlockValues(pub [ChunkValues; CHUNKS]);

impl BlockValues {
    /// 0 for every neuron.
    pub const ZERO: BlockValues = BlockValues([[0.0; LANES]; CHUNKS]);
}

impl std::ops::Deref for BlockValues {
    type Target = [ChunkValues; CHUNKS];
    #[inline(always)]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl std::ops::DerefMut for BlockValues {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// `N` values for each neuron of a chunk, column by column. Aligned to a cache line, so that no vector register is
/// loaded from two cache lines, which would take two accesses.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Chunk<const N: usize>([ChunkValues; N]);

/// A fixed number of values per neuron.
pub trait Columns: Copy + Send + Sync + 'static {
    /// Number of values per neuron.
    const WIDTH: usize;
    /// The values of [`LANES`] neurons.
    type Chunk: Copy + Send + Sync + 'static;
    /// A chunk of zeros.
    const ZERO: Self::Chunk;
    /// Reads the values of the neuron at `lane` of a chunk.
    fn gather(chunk: &Self::Chunk, lane: usize) -> Self;
    /// Writes the values of the neuron at `lane` of a chunk.
    fn scatter(self, chunk: &mut Self::Chunk, lane: usize);
    /// Value number `column` of the neuron at `lane`.
    fn value(chunk: &Self::Chunk, column: usize, lane: usize) -> f64;
    /// Value number `column` of the neuron at `lane`, mutable.
    fn value_mut(chunk: &mut Self::Chunk, column: usize, lane: usize) -> &mut f64;
    /// All columns of a chunk, mutable.
    fn columns_mut(chunk: &mut Self::Chunk) -> &mut [[f64; LANES]];
    /// Adds `amount` to the first value: a jump of the membrane potential.
    fn add_to_first(self, amount: f64) -> Self;
}

impl<const N: usize> Columns for [f64; N] {
    const WIDTH: usize = N;
    type Chunk = Chunk<N>;
    const ZERO: Self::Chunk = Chunk([[0.0; LANES]; N]);
    #[inline(always)]
    fn gather(chunk: &Self::Chunk, lane: usize) -> Self {
        std::array::from_fn(|column| chunk.0[column][lane])
    }
    #[inline(always)]
    fn scatter(self, chunk: &mut Self::Chunk, lane: usize) {
        #[allow(clippy::needless_range_loop)] // the column indexes two arrays
        for column in 0..N {
            chunk.0[column][lane] = self[column];
        }
    }
    #[inline(always)]
    fn value(chunk: &Self::Chunk, column: usize, lane: usize) -> f64 {
        chunk.0[column][lane]
    }
    #[inline(always)]
    fn value_mut(chunk: &mut Self::Chunk, column: usize, lane: usize) -> &mut f64 {
        &mut chunk.0[column][lane]
    }
    fn columns_mut(chunk: &mut Self::Chunk) -> &mut [[f64; LANES]] {
        &mut chunk.0
    }
    #[inline(always)]
    fn add_to_first(mut self, amount: f64) -> Self {
        if let Some(first) = self.first_mut() {
            *first += amount;
        }
        self
    }
}

/// Number of chunks of a share of `len` neurons. It is even, because random numbers are drawn for two chunks at a time.
pub fn chunks_for(len: usize) -> usize {
    len.div_ceil(LANES).next_multiple_of(2)
}

/// Constants of the neurons of a share: one set for all, or one set per neuron.
#[derive(Clone)]
pub struct Constants<C: Columns> {
    /// The set for all neurons. If neurons differ: the set of the last neuron.
    pub(crate) same: C,
    /// One set per neuron; empty if all neurons have the same.
    pub(crate) each: Vec<C::Chunk>,
}

impl<C: Columns> Constants<C> {
    /// The same constants for all neurons.
    pub fn same(constants: C) -> Self {
        Constants { same: constants, each: Vec::new() }
    }

    /// One set per neuron. Copies of the last neuron's set fill the lanes behind the last neuron. `None` if `constants`
    /// is empty.
    pub fn each(constants: &[C]) -> Option<Self> {
        let last = *constants.last()?;
        let chunks = chunks_for(constants.len());
        let mut each = vec![C::ZERO; chunks];
        for index in 0..chunks * LANES {
            constants.get(index).copied().unwrap_or(last).scatter(&mut each[index / LANES], index % LANES);
        }
        Some(Constants { same: last, each })
    }

    /// Whether there is one set per neuron.
    pub fn differ(&self) -> bool {
        !self.each.is_empty()
    }

    /// Constants of one neuron.
    pub fn of(&self, neuron: usize) -> C {
        if self.differ() { C::gather(&self.each[neuron / LANES], neuron % LANES) } else { self.same }
    }
}

/// How a kernel reads [`Constants`]. Each way is a type: the kernel is compiled for each, and its loop has no branch.
pub trait ConstantsAccess: 'static {
    /// Constants of the neuron at `lane` of `chunk`. `same` is `constants.same`, read before the loop, so that the
    /// compiler keeps it in registers.
    fn at<C: Columns>(constants: &Constants<C>, same: C, chunk: usize, lane: usize) -> C;
}

/// All neurons have the same constants.
pub struct SameConstants;

impl ConstantsAccess for SameConstants {
    #[inline(always)]
    fn at<C: Columns>(_: &Constants<C>, same: C, _: usize, _: usize) -> C {
        same
    }
}

/// Every neuron has its own constants.
pub struct ConstantsPerNeuron;

impl ConstantsAccess for ConstantsPerNeuron {
    #[inline(always)]
    fn at<C: Columns>(constants: &Constants<C>, _: C, chunk: usize, lane: usize) -> C {
        C::gather(&constants.each[chunk], lane)
    }
}
