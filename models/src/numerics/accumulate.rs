//! Sums of weights as whole numbers of a quantum. A sum of integers does not depend on the order of addition.

use crate::columns::{CHUNKS, LANES};
use crate::vector::{BAND_STEPS, Instructions, add_words, add_words_in_band};

/// Rounds a weight to a whole number of quanta, ties to even. `inverse_quantum` is 1/quantum.
///
/// Adding 1.5·2⁵² rounds, and leaves the whole number in the low bits of the sum. Rounding by the standard library
/// would be a function call for every synapse.
#[inline(always)]
pub fn to_quanta(weight: f64, inverse_quantum: f64) -> i32 {
    (weight * inverse_quantum + 6_755_399_441_055_744.0).to_bits() as i32
}

/// A sum of weights in quanta, of 32 or 64 bits. Sums have 64 bits if in-degrees are so large that sums of 32 bits
/// would need a coarse quantum. Sums wrap around on overflow.
pub trait Sum: Copy + Default + Send + Sync + 'static {
    /// Adds a weight.
    fn add(&mut self, weight: i32);
    /// Adds a weight `times` times.
    fn add_many(&mut self, weight: i32, times: u32);
    /// Adds multiples of a weight to the sums of two chunks. For each lane, the low half of `times` is the factor in
    /// the first chunk, and the high half is the factor in the second chunk. Factors are at most 15.
    #[inline(always)]
    fn add_multiples(_: impl Instructions, sums: [&mut [Self; LANES]; 2], weight: i32, times: &[u32; LANES]) {
        for (half, sums) in sums.into_iter().enumerate() {
            for l in 0..LANES {
                sums[l].add_many(weight, times[l] >> (16 * half) & 15);
            }
        }
    }
    /// Adds the synapses of a line to the sums of one step; see [`Instructions::add_line`].
    #[inline(always)]
    fn add_line(_: impl Instructions, sums: &mut [Self; 1 << 16], line: &[u32; 16], gap_bits: u32) {
        add_words(sums, line, gap_bits, Self::add);
    }
    /// Adds the synapses of a line to the sums of the steps of a band; see [`Instructions::add_line_in_band`].
    #[inline(always)]
    fn add_line_in_band(
        _: impl Instructions,
        sums: &mut [Self],
        starts: &[u32; BAND_STEPS],
        line: &[u32; 16],
        gap_bits: u32,
        band_bits: u32,
    ) {
        add_words_in_band(sums, starts, line, gap_bits, band_bits, Self::add);
    }
    /// The sum, in quanta.
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
    fn add_multiples(with: impl Instructions, sums: [&mut [i32; LANES]; 2], weight: i32, times: &[u32; LANES]) {
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
    fn add_line_in_band(
        with: impl Instructions,
        sums: &mut [i32],
        starts: &[u32; BAND_STEPS],
        line: &[u32; 16],
        gap_bits: u32,
        band_bits: u32,
    ) {
        with.add_line_in_band(sums, starts, line, gap_bits, band_bits);
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

/// One sum for each neuron of a block.
pub type SumBlock<S> = [[S; LANES]; CHUNKS];

/// Sums of some blocks, of 32 or 64 bits.
pub enum BlockSums<'a> {
    /// Of 32 bits.
    Narrow(&'a mut [SumBlock<i32>]),
    /// Of 64 bits.
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
