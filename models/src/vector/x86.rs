//! AVX2 and AVX-512 for x86-64. See the safety rules in `mod.rs`.

use super::instructions::{BAND_STEPS, ENTRIES, Instructions};

/// Instructions of [`super::Level::Avx2`]. A value proves that this CPU has them.
#[derive(Clone, Copy, Debug)]
pub struct Avx2(pub(super) ());

impl Instructions for Avx2 {
    #[inline(always)]
    fn look_up(self, table: &[i16; ENTRIES], indices: &[i16; 32]) -> [i16; 32] {
        // SAFETY: the CPU has AVX2 (5).
        unsafe { look_up_avx2(table, indices) }
    }

    #[inline(always)]
    fn add_exact_product(self, x: f64, a: f64, b: f64) -> f64 {
        a.mul_add(b, x)
    }

    #[cfg(all(target_pointer_width = "64", not(miri)))]
    #[inline(always)]
    fn add_line(self, sums: &mut [i32; 1 << 16], line: &[u32; 16], gap_bits: u32) {
        // SAFETY: the CPU has BMI2 (5).
        unsafe { add_line_bmi2(sums, line, gap_bits) }
    }
}

/// Instructions of [`super::Level::Avx512`]. A value proves that this CPU has them, and the instructions
/// of [`super::Level::Avx2`].
#[derive(Clone, Copy, Debug)]
pub struct Avx512(pub(super) Avx2);

impl Instructions for Avx512 {
    #[inline(always)]
    fn look_up(self, table: &[i16; ENTRIES], indices: &[i16; 32]) -> [i16; 32] {
        // SAFETY: the CPU has AVX-512 BW (5).
        unsafe { look_up_avx512(table, indices) }
    }

    #[inline(always)]
    fn add_exact_product(self, x: f64, a: f64, b: f64) -> f64 {
        self.0.add_exact_product(x, a, b)
    }

    #[inline(always)]
    fn multiples(self, weight: i32, numbers: &[u32; 16]) -> [[i32; 16]; 2] {
        // SAFETY: the CPU has AVX-512 F (5).
        unsafe { multiples_avx512(weight, numbers) }
    }

    #[inline(always)]
    fn add_line(self, sums: &mut [i32; 1 << 16], line: &[u32; 16], gap_bits: u32) {
        // SAFETY: the CPU has AVX-512 F (5).
        if !(has_fast_scatter() && unsafe { add_by_scatter_avx512(sums, &[0; BAND_STEPS], line, gap_bits, 0) }) {
            self.0.add_line(sums, line, gap_bits);
        }
    }

    #[inline(always)]
    fn add_line_in_band(
        self,
        sums: &mut [i32],
        starts: &[u32; BAND_STEPS],
        line: &[u32; 16],
        gap_bits: u32,
        band_bits: u32,
    ) {
        // SAFETY: the CPU has AVX-512 F (5).
        if !(has_fast_scatter() && unsafe { add_by_scatter_avx512(sums, starts, line, gap_bits, band_bits) }) {
            self.0.add_line_in_band(sums, starts, line, gap_bits, band_bits);
        }
    }
}

/// Looks the products up in a table of the multiples 0 to 15. To multiply would take twice as many operations, and only
/// one of two execution units can do them.
#[inline]
#[target_feature(enable = "avx512f")]
fn multiples_avx512(weight: i32, numbers: &[u32; 16]) -> [[i32; 16]; 2] {
    use std::arch::x86_64::*;
    let zero_to_15 = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    let products = _mm512_mullo_epi32(_mm512_set1_epi32(weight), zero_to_15);
    // SAFETY: array and vector register have the same number of bytes (5).
    let numbers = unsafe { std::mem::transmute::<[u32; 16], __m512i>(*numbers) };
    [numbers, _mm512_srli_epi32::<16>(numbers)].map(|numbers| {
        // SAFETY: as above.
        unsafe { std::mem::transmute::<__m512i, [i32; 16]>(_mm512_permutexvar_epi32(numbers, products)) }
    })
}

/// Looks up the low and the high bytes of the entries separately, because AVX2 looks up in tables of 16 bytes only.
#[inline]
#[target_feature(enable = "avx2")]
fn look_up_avx2(table: &[i16; ENTRIES], indices: &[i16; 32]) -> [i16; 32] {
    use std::arch::x86_64::*;
    // SAFETY: arrays and vector registers have the same number of bytes. Any bits are valid (5).
    let (table, indices) = unsafe {
        (std::mem::transmute::<[i16; 16], __m256i>(*table), std::mem::transmute::<[i16; 32], [__m256i; 2]>(*indices))
    };
    // Puts all sixteen bytes into both halves of a vector register, because a shuffle does not cross the halves.
    let bytes = |of: __m256i| _mm256_permute4x64_epi64::<0b10_00_10_00>(_mm256_packus_epi16(of, of));
    let low = bytes(_mm256_and_si256(table, _mm256_set1_epi16(0xff)));
    let high = bytes(_mm256_srli_epi16::<8>(table));
    let entries = indices.map(|index| {
        let index = _mm256_and_si256(index, _mm256_set1_epi16(ENTRIES as i16 - 1));
        // A shuffle returns 0 where the highest bit of an index byte is set: here in every high byte.
        let low = _mm256_shuffle_epi8(low, _mm256_or_si256(index, _mm256_set1_epi16(0xff00u16 as i16)));
        _mm256_or_si256(low, _mm256_slli_epi16::<8>(_mm256_shuffle_epi8(high, index)))
    });
    // SAFETY: as above (5).
    unsafe { std::mem::transmute::<[__m256i; 2], [i16; 32]>(entries) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn look_up_avx512(table: &[i16; ENTRIES], indices: &[i16; 32]) -> [i16; 32] {
    use std::arch::x86_64::*;
    // SAFETY: arrays and vector registers have the same number of bytes. Any bits are valid (5).
    let (table, indices) = unsafe {
        (std::mem::transmute::<[i16; 16], __m256i>(*table), std::mem::transmute::<[i16; 32], __m512i>(*indices))
    };
    // The instruction uses five bits of an index. The register holds the table twice, so that the fifth bit has no
    // effect.
    let entries = _mm512_permutexvar_epi16(indices, _mm512_broadcast_i64x4(table));
    // SAFETY: as above (5).
    unsafe { std::mem::transmute::<__m512i, [i16; 32]>(entries) }
}

/// Adds a line with six instructions per word.
///
/// A compiler needs a seventh instruction to reduce the index to 16 bits; here a 16-bit addition does that. A compiler
/// also adds to memory in one instruction, which the CPU splits into several. The number of instructions matters if the
/// other hardware thread of the core is busy. Measured in this case on an Intel Xeon, 26 November 2026: with separate
/// load and store a packed word in the first-level cache took 1.2 ns instead of 1.5 ns. Without the seventh instruction
/// the full microcircuit took 0.95 of the time. Five instructions, which read distance and weight directly from
/// memory, took longer.
///
/// # Safety
/// The CPU must have BMI2.
#[cfg(all(target_pointer_width = "64", not(miri)))]
#[inline(always)]
unsafe fn add_line_bmi2(sums: &mut [i32; 1 << 16], line: &[u32; 16], gap_bits: u32) {
    macro_rules! add_words {
        ($($offset:literal)*) => {
            // SAFETY: reads the 64 bytes of the line. An index of 16 bits lies inside the sums, borrowed exclusively
            // (4).
            unsafe {
                std::arch::asm!(
                    "movzx {index:e}, word ptr [{line}]",
                    $(
                        concat!("mov {sum:e}, dword ptr [{line} + ", $offset, "]"),
                        "bzhi {gap:e}, {sum:e}, {gap_bits:e}",
                        "sarx {sum:e}, {sum:e}, {gap_bits:e}",
                        "add {index:x}, {gap:x}",
                        "add {sum:e}, dword ptr [{sums} + 4 * {index:r}]",
                        "mov dword ptr [{sums} + 4 * {index:r}], {sum:e}",
                    )*
                    line = in(reg) line.as_ptr(),
                    sums = in(reg) sums.as_mut_ptr(),
                    gap_bits = in(reg) gap_bits,
                    index = out(reg) _,
                    gap = out(reg) _,
                    sum = out(reg) _,
                    options(nostack)
                )
            }
        };
    }
    add_words!(4 8 12 16 20 24 28 32 36 40 44 48 52 56 60);
}

/// Adds all words of a line by one gather and one scatter. If two words may add to the same sum, returns false and adds
/// nothing; this happens for one line of 23 in the full microcircuit. Arguments as in
/// [`Instructions::add_line_in_band`].
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn add_by_scatter_avx512(
    sums: &mut [i32],
    starts: &[u32; BAND_STEPS],
    line: &[u32; 16],
    gap_bits: u32,
    band_bits: u32,
) -> bool {
    use std::arch::x86_64::*;
    // SAFETY: arrays and vector registers have the same number of bytes (5).
    let (words, starts) = unsafe {
        (
            std::mem::transmute::<[u32; 16], __m512i>(*line),
            std::mem::transmute::<[u32; BAND_STEPS], [__m512i; 4]>(*starts),
        )
    };
    let weights = _mm512_sra_epi32(words, _mm_cvtsi32_si128((gap_bits + band_bits) as i32));
    // Distances. The first word has the start index instead.
    let gaps =
        _mm512_and_si512(words, _mm512_mask_set1_epi32(_mm512_set1_epi32(((1u32 << gap_bits) - 1) as i32), 1, 0xffff));
    // Words with a weight other than 0. The first word has no weight.
    let used = _mm512_mask_test_epi32_mask(0xfffe, weights, weights);
    // A distance of 0 may lead to the sum of the word before.
    if _mm512_mask_testn_epi32_mask(used & 0xfffc, gaps, gaps) != 0 {
        return false;
    }
    // Prefix sums of the distances, over 2, 4, 8 and then 16 words.
    let zero = _mm512_setzero_si512();
    let indices = _mm512_add_epi32(gaps, _mm512_alignr_epi32::<15>(gaps, zero));
    let indices = _mm512_add_epi32(indices, _mm512_alignr_epi32::<14>(indices, zero));
    let indices = _mm512_add_epi32(indices, _mm512_alignr_epi32::<12>(indices, zero));
    let indices = _mm512_add_epi32(indices, _mm512_alignr_epi32::<8>(indices, zero));
    // The start of each word's step. One look-up covers 32 delays.
    let delays = _mm512_srl_epi32(words, _mm_cvtsi32_si128(gap_bits as i32));
    let delays = _mm512_and_si512(delays, _mm512_set1_epi32((1 << band_bits) - 1));
    let mut start = _mm512_permutex2var_epi32(starts[0], delays, starts[1]);
    if band_bits > 5 {
        let upper = _mm512_permutex2var_epi32(starts[2], delays, starts[3]);
        start = _mm512_mask_mov_epi32(start, _mm512_test_epi32_mask(delays, _mm512_set1_epi32(32)), upper);
    }
    let indices = _mm512_add_epi32(indices, start);
    let used = _mm512_mask_cmplt_epu32_mask(used, indices, _mm512_set1_epi32(sums.len().min(1 << 31) as i32));
    // SAFETY: indices lie inside the sums, borrowed exclusively, and are less than 2³¹ (4).
    unsafe {
        let before = _mm512_mask_i32gather_epi32::<4>(zero, used, indices, sums.as_ptr());
        _mm512_mask_i32scatter_epi32::<4>(sums.as_mut_ptr(), used, indices, _mm512_add_epi32(before, weights));
    }
    true
}

/// Whether a gather and a scatter take less time on this CPU than fifteen additions.
///
/// Measured on a Xeon (Sapphire Rapids): with gather and scatter the full microcircuit took 0.96 of the time while the
/// other hardware threads of the cores were busy, and 0.99 in the fastest twentieth of the runs (26 November 2026). A
/// network as large as one of eight tiles of the microcircuit, with delays in bands, took 0.87 (27 November).
///
/// Scatters are said to be slow on AMD CPUs. Gathers are said to be slow on earlier Intel CPUs, since microcode keeps
/// them from leaking data. So the function tests for the CPU feature FP16, which the Xeon above has and those CPUs
/// lack. Instructions of FP16 are not used. The test costs one load for every line. In `dispatch` it would cost one
/// load for every kernel.
#[inline(always)]
fn has_fast_scatter() -> bool {
    std::arch::is_x86_feature_detected!("avx512fp16")
}
