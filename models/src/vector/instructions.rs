//! Operations of kernels that compilers do not vectorise, and their plain Rust form for every CPU.

/// Number of entries of a table for [`Instructions::look_up`].
pub const ENTRIES: usize = 16;
/// Largest number of delays in a band, and of steps to which [`Instructions::add_line_in_band`] adds.
pub const BAND_STEPS: usize = 64;

/// Operations of kernels that compilers do not vectorise. Methods are `#[inline(always)]` and give the same numbers at
/// every level.
pub trait Instructions: Copy {
    /// For each of `indices`, the entry of `table` at its low four bits. The other bits are ignored.
    fn look_up(self, table: &[i16; ENTRIES], indices: &[i16; 32]) -> [i16; 32];

    /// `x` + `a`·`b`, for a product that is exact in f64. A fused multiply-add then gives the same bits as two
    /// operations, so levels that have the fused instruction use it.
    #[inline(always)]
    fn add_exact_product(self, x: f64, a: f64, b: f64) -> f64 {
        if cfg!(target_arch = "aarch64") { a.mul_add(b, x) } else { x + a * b }
    }

    /// `weight` times 32 numbers of four bits. The first 16 are the low four bits of the low halves of `numbers`, the
    /// others are the low four bits of the high halves. The other bits are ignored. Products wrap around.
    #[inline(always)]
    fn multiples(self, weight: i32, numbers: &[u32; 16]) -> [[i32; 16]; 2] {
        [
            numbers.map(|n| weight.wrapping_mul((n & 15) as i32)),
            numbers.map(|n| weight.wrapping_mul((n >> 16 & 15) as i32)),
        ]
    }

    /// Adds the synapses of a line to the sums of one step. The low 16 bits of the first word are the start index. In
    /// every other word the low `gap_bits` bits are the distance from the index before, and the other bits are the
    /// signed weight that is added to the sum at the new index. Sums wrap around on overflow. `gap_bits` is less than
    /// 32. A word with a weight other than 0 has an index less than 2¹⁶.
    #[inline(always)]
    fn add_line(self, sums: &mut [i32; 1 << 16], line: &[u32; 16], gap_bits: u32) {
        add_words(sums, line, gap_bits, |sum, weight| *sum = sum.wrapping_add(weight));
    }

    /// Adds the synapses of a line to the sums of several steps: the delays of the synapses lie in one band. Words are
    /// like the words of [`Instructions::add_line`], with `band_bits` more bits between distance and weight. These bits
    /// are the delay within the band. `starts` has, for each delay within the band, the position in `sums` where the
    /// sums of its step start. The index counts from there. `gap_bits` + `band_bits` is less than 32, and there are
    /// fewer than 2³¹ sums. A word with a weight other than 0 has an index within the sums of its step.
    #[inline(always)]
    fn add_line_in_band(
        self,
        sums: &mut [i32],
        starts: &[u32; BAND_STEPS],
        line: &[u32; 16],
        gap_bits: u32,
        band_bits: u32,
    ) {
        add_words_in_band(sums, starts, line, gap_bits, band_bits, |sum, weight| *sum = sum.wrapping_add(weight));
    }
}

/// [`Instructions::add_line`] for sums of any type. `add` adds a weight to a sum.
#[inline(always)]
pub fn add_words<S>(
    sums: &mut [S; 1 << 16],
    [first, words @ ..]: &[u32; 16],
    gap_bits: u32,
    add: impl Fn(&mut S, i32),
) {
    let mut index = *first;
    for &word in words {
        index = index.wrapping_add(word & ((1 << gap_bits) - 1));
        add(&mut sums[usize::from(index as u16)], word as i32 >> gap_bits);
    }
}

/// [`Instructions::add_line_in_band`] for sums of any type. `add` adds a weight to a sum.
#[inline(always)]
pub fn add_words_in_band<S>(
    sums: &mut [S],
    starts: &[u32; BAND_STEPS],
    [first, words @ ..]: &[u32; 16],
    gap_bits: u32,
    band_bits: u32,
    add: impl Fn(&mut S, i32),
) {
    let mask = ((1 << band_bits) - 1) & (BAND_STEPS as u32 - 1);
    let mut index = first & 0xffff;
    for &word in words {
        index = index.wrapping_add(word & ((1 << gap_bits) - 1));
        let start = starts[(word >> gap_bits & mask) as usize];
        // A word with a weight other than 0 never points outside the sums. The check replaces an unsafe access.
        if let Some(sum) = sums.get_mut(start.wrapping_add(index) as usize) {
            add(sum, word as i32 >> (gap_bits + band_bits));
        }
    }
}
