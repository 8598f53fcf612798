//! AVX2 and AVX-512 for x86-64. See the safety rules in `mod.rs`.

use super::instructions::{ENTRIES, Instructions, ROWS};

/// Proof that this CPU has the instructions of [`super::Level::Avx2`].
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

/// Proof that this CPU has the instructions of [`super::Level::Avx512`], and so those of [`super::Level::Avx2`].
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
        if !(scatters() && unsafe { add_at_once_avx512(sums, &[0; ROWS], line, gap_bits, 0) }) {
            self.0.add_line(sums, line, gap_bits);
        }
    }

    #[inline(always)]
    fn add_line_in_rows(self, sums: &mut [i32], rows: &[u32; ROWS], line: &[u32; 16], gap_bits: u32, row_bits: u32) {
        // SAFETY: the CPU has AVX-512 F (5).
        if !(scatters() && unsafe { add_at_once_avx512(sums, rows, line, gap_bits, row_bits) }) {
            self.0.add_line_in_rows(sums, rows, line, gap_bits, row_bits);
        }
    }
}

/// Looks products up: to multiply takes twice as many operations, on one of two units.
#[inline]
#[target_feature(enable = "avx512f")]
fn multiples_avx512(weight: i32, numbers: &[u32; 16]) -> [[i32; 16]; 2] {
    use std::arch::x86_64::*;
    let upto_15 = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    let products = _mm512_mullo_epi32(_mm512_set1_epi32(weight), upto_15);
    // SAFETY: arrays of as many bytes as the vectors hold (5).
    let numbers = unsafe { std::mem::transmute::<[u32; 16], __m512i>(*numbers) };
    [numbers, _mm512_srli_epi32::<16>(numbers)].map(|numbers| {
        // SAFETY: as above.
        unsafe { std::mem::transmute::<__m512i, [i32; 16]>(_mm512_permutexvar_epi32(numbers, products)) }
    })
}

/// Looks the lower and the upper bytes of entries up apart: AVX2 knows tables of 16 bytes only.
#[inline]
#[target_feature(enable = "avx2")]
fn look_up_avx2(table: &[i16; ENTRIES], indices: &[i16; 32]) -> [i16; 32] {
    use std::arch::x86_64::*;
    // SAFETY: arrays of as many bytes as the vectors hold, whatever they are (5).
    let (table, indices) = unsafe {
        (std::mem::transmute::<[i16; 16], __m256i>(*table), std::mem::transmute::<[i16; 32], [__m256i; 2]>(*indices))
    };
    // All sixteen bytes in each half of a vector, for a shuffle stays in its half.
    let bytes = |of: __m256i| _mm256_permute4x64_epi64::<0b10_00_10_00>(_mm256_packus_epi16(of, of));
    let low = bytes(_mm256_and_si256(table, _mm256_set1_epi16(0xff)));
    let high = bytes(_mm256_srli_epi16::<8>(table));
    let entries = indices.map(|index| {
        let index = _mm256_and_si256(index, _mm256_set1_epi16(ENTRIES as i16 - 1));
        // A shuffle makes bytes zero whose index has the highest bit set.
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
    // SAFETY: arrays of as many bytes as the vectors hold, whatever they are (5).
    let (table, indices) = unsafe {
        (std::mem::transmute::<[i16; 16], __m256i>(*table), std::mem::transmute::<[i16; 32], __m512i>(*indices))
    };
    // The instruction looks at five bits of an index: the table twice, so that the fifth does not matter.
    let entries = _mm512_permutexvar_epi16(indices, _mm512_broadcast_i64x4(table));
    // SAFETY: as above (5).
    unsafe { std::mem::transmute::<__m512i, [i16; 32]>(entries) }
}

/// Six instructions for a word. A compiler needs a seventh to make an index of 16 bits, which a 16-bit addition leaves here,
/// and adds into memory, which the CPU splits further. Beside a busy twin thread of the core every instruction counts: with
/// load and store apart a packed word in the first-level cache took 1.2 ns for 1.5, and without the seventh the full
/// microcircuit 0.95 of the time. Five, with both fields taken from memory, took longer (26 November 2026, Intel Xeon).
///
/// # Safety
/// The CPU must have BMI2.
#[cfg(all(target_pointer_width = "64", not(miri)))]
#[inline(always)]
unsafe fn add_line_bmi2(sums: &mut [i32; 1 << 16], line: &[u32; 16], gap_bits: u32) {
    macro_rules! add_words {
        ($($offset:literal)*) => {
            // SAFETY: reads the 64 bytes of the line; an index of 16 bits lies inside the sums, borrowed exclusively (4).
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

/// Adds all words at once. False, and nothing is added, where a word may lead to the same sum as the one before: in one line
/// of 23 of the full microcircuit.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn add_at_once_avx512(
    sums: &mut [i32],
    rows: &[u32; ROWS],
    line: &[u32; 16],
    gap_bits: u32,
    row_bits: u32,
) -> bool {
    use std::arch::x86_64::*;
    // SAFETY: arrays of as many bytes as the vectors hold (5).
    let (words, rows) = unsafe {
        (std::mem::transmute::<[u32; 16], __m512i>(*line), std::mem::transmute::<[u32; ROWS], [__m512i; 4]>(*rows))
    };
    let weights = _mm512_sra_epi32(words, _mm_cvtsi32_si128((gap_bits + row_bits) as i32));
    let gaps =
        _mm512_and_si512(words, _mm512_mask_set1_epi32(_mm512_set1_epi32(((1u32 << gap_bits) - 1) as i32), 1, 0xffff));
    // Not the first word, which has no weight, and none that adds nothing.
    let used = _mm512_mask_test_epi32_mask(0xfffe, weights, weights);
    if _mm512_mask_testn_epi32_mask(used & 0xfffc, gaps, gaps) != 0 {
        return false;
    }
    // What each moves on by and all before it: two of them, four, eight, all.
    let zero = _mm512_setzero_si512();
    let indices = _mm512_add_epi32(gaps, _mm512_alignr_epi32::<15>(gaps, zero));
    let indices = _mm512_add_epi32(indices, _mm512_alignr_epi32::<14>(indices, zero));
    let indices = _mm512_add_epi32(indices, _mm512_alignr_epi32::<12>(indices, zero));
    let indices = _mm512_add_epi32(indices, _mm512_alignr_epi32::<8>(indices, zero));
    let row = _mm512_srl_epi32(words, _mm_cvtsi32_si128(gap_bits as i32));
    let row = _mm512_and_si512(row, _mm512_set1_epi32((1 << row_bits) - 1));
    let mut starts = _mm512_permutex2var_epi32(rows[0], row, rows[1]);
    if row_bits > 5 {
        let behind = _mm512_permutex2var_epi32(rows[2], row, rows[3]);
        starts = _mm512_mask_mov_epi32(starts, _mm512_test_epi32_mask(row, _mm512_set1_epi32(32)), behind);
    }
    let indices = _mm512_add_epi32(indices, starts);
    let used = _mm512_mask_cmplt_epu32_mask(used, indices, _mm512_set1_epi32(sums.len().min(1 << 31) as i32));
    // SAFETY: indices lie inside the sums, borrowed exclusively, and are not negative (4).
    unsafe {
        let before = _mm512_mask_i32gather_epi32::<4>(zero, used, indices, sums.as_ptr());
        _mm512_mask_i32scatter_epi32::<4>(sums.as_mut_ptr(), used, indices, _mm512_add_epi32(before, weights));
    }
    true
}

/// Whether this CPU takes less time for a gather and a scatter than for fifteen additions. With those the full microcircuit
/// took 0.96 of the time beside busy twin threads, 0.99 in the quickest moments (Xeon, Sapphire Rapids, 26 November 2026), and
/// a network like one of eight tiles of it, in bands of delays, 0.87 (27 November).
///
/// Scatters are said to be slow on AMD's CPUs, and gathers on Intel's before this one, since microcode keeps them from
/// leaking data. FP16, which is not used, tells them apart. To ask for every line costs a load; to ask before would be one
/// for every kernel.
#[inline(always)]
fn scatters() -> bool {
    std::arch::is_x86_feature_detected!("avx512fp16")
}
