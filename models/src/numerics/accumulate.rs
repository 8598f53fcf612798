//! Sums of weights in whole numbers of a quantum, so that no order of addition can show in the result.

use crate::columns::{CHUNKS, LANES};
use crate::vector::{Instructions, ROWS, add_words, add_words_in_rows};

/// The whole number nearest to `weight`/`quantum`, ties to even, given 1/quantum. Adding 1.5·2⁵² leaves the number in
/// the low bits: library rounding would be a call for every synapse.
#[inline(always)]
pub fn to_quanta(weight: f64, per_quantum: f64) -> i32 {
    (weight * per_quantum + 6_755_399_441_055_744.0).to_bits() as i32
}

/// A sum of weights: 32 bits, or 64 where in-degrees are so large that 32 would make the quantum coarse.
pub trait Sum: Copy + Default + Send + Sync + 'static {
    /// Adds a weight.
    fn add(&mut self, weight: i32);
    /// Adds a weight several times.
    fn add_many(&mut self, weight: i32, times: u32);
    /// Adds a weight to the first sums as often as the low halves of `times` say, to the second as the high halves say: up
    /// to 15 times.
    #[inline(always)]
    fn add_few(_: impl Instructions, sums: [&mut [Self; LANES]; 2], weight: i32, times: &[u32; LANES]) {
        for (half, sums) in sums.into_iter().enumerate() {
            for l in 0..LANES {
                sums[l].add_many(weight, times[l] >> (16 * half) & 15);
            }
        }
    }
    /// Adds a line of packed weights; see [`Instructions::add_line`].
    #[inline(always)]
    fn add_line(_: impl Instructions, sums: &mut [Self; 1 << 16], line: &[u32; 16], gap_bits: u32) {
        add_words(sums, line, gap_bits, Self::add);
    }
    /// Adds a line of packed weights to sums in rows; see [`Instructions::add_line_in_rows`].
    #[inline(always)]
    fn add_line_in_rows(
        _: impl Instructions,
        sums: &mut [Self],
        rows: &[u32; ROWS],
        line: &[u32; 16],
        gap_bits: u32,
        row_bits: u32,
    ) {
        add_words_in_rows(sums, rows, line, gap_bits, row_bits, Self::add);
    }
    /// The value in quanta.
    fn value(self) -> f64;
}

impl Sum for i32 {
    #[inline(always)]
    fn add(&mut self, weight: i32) {
        *self = self.wrapping_add(weight);
    }
    #[inline(always)]
    fn add_many(&mut self, weight: i32, times: u32) {
        *self = self.wrapping_add(weight.wrapping_mul(times as i32));
    }
    #[inline(always)]
    fn add_few(with: impl Instructions, sums: [&mut [i32; LANES]; 2], weight: i32, times: &[u32; LANES]) {
        let products = with.multiples(weight, times);
        for (sums, products) in sums.into_iter().zip(products) {
            for l in 0..LANES {
                sums[l] = sums[l].wrapping_add(products[l]);
            }
        }
    }
    #[inline(always)]
    fn add_line(with: impl Instructions, sums: &mut [i32; 1 << 16], line: &[u32; 16], gap_bits: u32) {
        with.add_line(sums, line, gap_bits);
    }
    #[inline(always)]
    fn add_line_in_rows(
        with: impl Instructions,
        sums: &mut [i32],
        rows: &[u32; ROWS],
        line: &[u32; 16],
        gap_bits: u32,
        row_bits: u32,
    ) {
        with.add_line_in_rows(sums, rows, line, gap_bits, row_bits);
    }
    #[inline(always)]
    fn value(self) -> f64 {
        f64::from(self)
    }
}

impl Sum for i64 {
    #[inline(always)]
    fn add(&mut self, weight: i32) {
        *self = self.wrapping_add(i64::from(weight));
    }
    #[inline(always)]
    fn add_many(&mut self, weight: i32, times: u32) {
        *self = self.wrapping_add(i64::from(weight).wrapping_mul(i64::from(times)));
    }
    #[inline(always)]
    fn value(self) -> f64 {
        self as f64
    }
}

/// Sums of a block, one for each neuron.
pub type SumBlock<S> = [[S; LANES]; CHUNKS];

/// Sums of some blocks in one width or the other.
pub enum BlockSums<'a> {
    /// In 32 bits.
    Narrow(&'a mut [SumBlock<i32>]),
    /// In 64 bits.
    Wide(&'a mut [SumBlock<i64>]),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_become_the_nearest_whole_number_of_quanta() {
        for (weight, quantum, quanta) in
            [(3.0, 1.0, 3), (-3.4, 1.0, -3), (0.1, 0.0625, 2), (-0.1, 0.015625, -6), (2e9, 1.0, 2_000_000_000)]
        {
            assert_eq!(to_quanta(weight, 1.0 / quantum), quanta);
        }
    }
}
