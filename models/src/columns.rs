//! Columns of state and constants, stored in chunks of [`LANES`] neurons.
//!
//! A model says what one neuron has, as a short array (`[v]`, `[v, w]`). A population keeps them as chunks,
//! [`Chunk`]: struct of arrays within a chunk, so that the loop over lanes becomes vector code, and one
//! stream of memory per population, however many variables there are.

/// Neurons in a chunk: two vectors of doubles at 512 bits, four at 256.
pub const LANES: usize = 16;
/// Neurons of a block, which is stepped stage after stage: the working set stays in the L1 cache.
pub const BLOCK: usize = 256;
/// Chunks in a block.
pub const CHUNKS: usize = BLOCK / LANES;
/// Blocks at most that are stepped in one call where that is possible: one bit of 64 for each of their chunks.
pub const TOGETHER: usize = 4;

/// A value for each neuron of a chunk.
pub type Lane = [f64; LANES];

/// A value for each neuron of a block. As with [`Chunk`], a vector of it never straddles two cache lines.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Values(pub [Lane; CHUNKS]);

impl Values {
    /// Zeros.
    pub const ZERO: Values = Values([[0.0; LANES]; CHUNKS]);
}

impl std::ops::Deref for Values {
    type Target = [Lane; CHUNKS];
    #[inline(always)]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl std::ops::DerefMut for Values {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// `N` values for each neuron of a chunk, column by column, from the beginning of a cache line: a vector that straddles
/// two lines takes two accesses.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Chunk<const N: usize>([Lane; N]);

/// A fixed number of values per neuron.
pub trait Columns: Copy + Send + Sync + 'static {
    /// How many.
    const WIDTH: usize;
    /// The values of [`LANES`] neurons.
    type Chunk: Copy + Send + Sync + 'static;
    /// A chunk of zeros.
    const ZERO: Self::Chunk;
    /// The values of one neuron of a chunk.
    fn gather(chunk: &Self::Chunk, lane: usize) -> Self;
    /// Puts the values of one neuron into a chunk.
    fn scatter(self, chunk: &mut Self::Chunk, lane: usize);
    /// One value of one neuron.
    fn value(chunk: &Self::Chunk, column: usize, lane: usize) -> f64;
    /// One value of one neuron, to change.
    fn value_mut(chunk: &mut Self::Chunk, column: usize, lane: usize) -> &mut f64;
    /// The columns of a chunk, to change.
    fn columns_mut(chunk: &mut Self::Chunk) -> &mut [[f64; LANES]];
    /// The first value plus `amount`: a jump of the membrane potential.
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

/// Constants of a population: the same for all neurons, or one set for each.
#[derive(Clone)]
pub struct Constants<C: Columns> {
    pub(crate) same: C,
    pub(crate) each: Vec<C::Chunk>,
}

impl<C: Columns> Constants<C> {
    /// The same constants for all.
    pub fn same(constants: C) -> Self {
        Constants { same: constants, each: Vec::new() }
    }

    /// One set per neuron; the last chunk is filled up with copies of the last neuron's. `None` for no neuron.
    pub fn each(constants: &[C]) -> Option<Self> {
        let last = *constants.last()?;
        let chunks = constants.len().div_ceil(LANES).next_multiple_of(2);
        let mut each = vec![C::ZERO; chunks];
        for index in 0..chunks * LANES {
            constants.get(index).copied().unwrap_or(last).scatter(&mut each[index / LANES], index % LANES);
        }
        Some(Constants { same: last, each })
    }

    /// Whether neurons differ.
    pub fn differ(&self) -> bool {
        !self.each.is_empty()
    }

    /// Constants of one neuron, whichever way they are stored.
    #[inline(always)]
    pub(crate) fn at<const EACH: bool>(&self, chunk: usize, lane: usize) -> C {
        if EACH { C::gather(&self.each[chunk], lane) } else { self.same }
    }

    /// Constants of one neuron.
    pub fn of(&self, neuron: usize) -> C {
        if self.differ() { C::gather(&self.each[neuron / LANES], neuron % LANES) } else { self.same }
    }
}
