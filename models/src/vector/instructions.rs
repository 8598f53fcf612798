//! What kernels ask of vector instructions beyond plain Rust, and the plain Rust that every CPU can run instead.

/// Entries of a table for [`Instructions::look_up`].
pub const ENTRIES: usize = 16;
/// Largest number of rows of sums for [`Instructions::add_line_in_rows`].
pub const ROWS: usize = 64;

/// What kernels ask of vector instructions beyond plain Rust. Methods must be `#[inline(always)]`, and give the same
/// numbers at every level.
pub trait Instructions: Copy {
    /// The entry of `table` for each of `indices`, of which the low four bits count.
    fn look_up(self, table: &[i16; ENTRIES], indices: &[i16; 32]) -> [i16; 32];

    /// `x` + `a`·`b`, where the product is exact: to round it once or twice is the same, so that those that have a fused
    /// multiply-add use it.
    #[inline(always)]
    fn add_exact_product(self, x: f64, a: f64, b: f64) -> f64 {
        if cfg!(target_arch = "aarch64") { a.mul_add(b, x) } else { x + a * b }
    }

    /// `weight` times each of 32 numbers of four bits: those at the low end of the low halves of `numbers`, and those at the
    /// low end of the high halves. Products wrap around.
    #[inline(always)]
    fn multiples(self, weight: i32, numbers: &[u32; 16]) -> [[i32; 16]; 2] {
        [
            numbers.map(|n| weight.wrapping_mul((n & 15) as i32)),
            numbers.map(|n| weight.wrapping_mul((n >> 16 & 15) as i32)),
        ]
    }

    /// Adds the words of a line behind the first to `sums`: each moves on by its low `gap_bits` bits from the index before,
    /// from the low 16 bits of the first word on, and adds the number in its other bits, signed. Sums wrap around.
    /// `gap_bits` is less than 32; no word that adds something leads beyond the sums.
    #[inline(always)]
    fn add_line(self, sums: &mut [i32; 1 << 16], line: &[u32; 16], gap_bits: u32) {
        add_words(sums, line, gap_bits, |sum, weight| *sum = sum.wrapping_add(weight));
    }

    /// The same where sums, fewer than 2³¹, lie in rows: the `row_bits` bits behind the low `gap_bits` say in which of them a
    /// word adds the number in the bits that are left. `rows` has the first sum of each. There are less than 32 such bits
    /// together, and no word that adds something leads from one row into another.
    #[inline(always)]
    fn add_line_in_rows(self, sums: &mut [i32], rows: &[u32; ROWS], line: &[u32; 16], gap_bits: u32, row_bits: u32) {
        add_words_in_rows(sums, rows, line, gap_bits, row_bits, |sum, weight| *sum = sum.wrapping_add(weight));
    }
}

/// Adds the words of a line to sums of any type; see [`Instructions::add_line`]. `add` adds one weight to one sum.
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

/// Adds the words of a line to sums in rows; see [`Instructions::add_line_in_rows`].
#[inline(always)]
pub fn add_words_in_rows<S>(
    sums: &mut [S],
    rows: &[u32; ROWS],
    [first, words @ ..]: &[u32; 16],
    gap_bits: u32,
    row_bits: u32,
    add: impl Fn(&mut S, i32),
) {
    let mask = ((1 << row_bits) - 1) & (ROWS as u32 - 1);
    let mut index = first & 0xffff;
    for &word in words {
        index = index.wrapping_add(word & ((1 << gap_bits) - 1));
        let start = rows[(word >> gap_bits & mask) as usize];
        // A well-formed word never points outside the sums. The check replaces an unsafe access.
        if let Some(sum) = sums.get_mut(start.wrapping_add(index) as usize) {
            add(sum, word as i32 >> (gap_bits + row_bits));
        }
    }
}
