//! The one place with unsafe code: run-time choice of the vector instructions, look-up in a small table, addition to
//! random sums, prefetch, and advice on large pages.
//!
//! A kernel is plain Rust over arrays, marked `#[inline(always)]`, behind the trait [`Kernel`]. [`dispatch`] compiles it
//! once for every [`Level`] and calls the widest that the CPU has. The portable twin is thus the same source, and as
//! Rust never fuses, reorders or approximates floating-point operations, every level gives the same bits; where an
//! operation is fused here, [`Instructions::add_exact_product`], nothing is left to round before. The tests of this crate
//! compare the levels anyway. On aarch64 NEON is part of the base instruction set and of the portable build.
//! What compilers do not make vector code of is asked of the [`Instructions`] that a kernel is given.
//!
//! Safety. (1) A function with `target_feature` may only run on a CPU that has the features: `dispatch` calls it for a
//! level that [`supported`] has confirmed, and [`force`] refuses any other. (2) A prefetch never faults, whatever the
//! address, and changes no memory. (3) `madvise(MADV_HUGEPAGE)` changes how memory is backed, never what it holds; the
//! range given lies inside one live allocation. (4) What adds lines reads one, and adds to sums at indices of 16 bits, of
//! which there are as many, or at indices that are less than the number of sums. (5) `Instructions` other than the portable
//! ones are made here alone, for a level that `supported` has confirmed; what reads or writes whole arrays takes just as
//! many bytes as they hold.
#![allow(unsafe_code)]

use crate::sum::{add_words, add_words_in_rows};
use std::sync::atomic::{AtomicU8, Ordering};

/// Instruction sets that kernels are compiled for, narrow to wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// The base instruction set of the target.
    Portable = 1,
    /// x86-64 with AVX2, FMA, BMI1, BMI2, LZCNT and POPCNT: every CPU with the first but for a few has the others.
    Avx2 = 2,
    /// The same with AVX-512 F, DQ, BW, VL.
    Avx512 = 3,
}

impl Level {
    /// Every level, narrow to wide.
    pub const ALL: [Level; 3] = [Level::Portable, Level::Avx2, Level::Avx512];

    /// The name shown to users.
    pub fn name(self) -> &'static str {
        match self {
            Level::Portable if cfg!(target_arch = "aarch64") => "neon",
            Level::Portable => "portable",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        }
    }
}

/// Entries of a table to look up.
pub const ENTRIES: usize = 16;
/// Rows of sums at most.
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
        add_words(sums, line, gap_bits);
    }

    /// The same where sums, fewer than 2³¹, lie in rows: the `row_bits` bits behind the low `gap_bits` say in which of them a
    /// word adds the number in the bits that are left. `rows` has the first sum of each. There are less than 32 such bits
    /// together, and no word that adds something leads from one row into another.
    #[inline(always)]
    fn add_line_in_rows(self, sums: &mut [i32], rows: &[u32; ROWS], line: &[u32; 16], gap_bits: u32, row_bits: u32) {
        add_words_in_rows(sums, rows, line, gap_bits, row_bits);
    }
}

/// The base instruction set of the target.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

impl Instructions for Portable {
    #[cfg(not(all(target_arch = "aarch64", target_endian = "little")))]
    #[inline(always)]
    fn look_up(self, table: &[i16; ENTRIES], indices: &[i16; 32]) -> [i16; 32] {
        indices.map(|index| table[index as usize % ENTRIES])
    }
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    #[inline(always)]
    fn look_up(self, table: &[i16; ENTRIES], indices: &[i16; 32]) -> [i16; 32] {
        use std::arch::aarch64::*;
        // SAFETY: NEON is part of the base instruction set; arrays of as many bytes as the vectors hold (5).
        unsafe {
            let table = std::mem::transmute::<[i16; 16], uint8x16x2_t>(*table);
            let entries = std::mem::transmute::<[i16; 32], [uint16x8_t; 4]>(*indices).map(|index| {
                // Numbers of an entry's two bytes.
                let entry = vandq_u16(index, vdupq_n_u16(ENTRIES as u16 - 1));
                let bytes = vmlaq_n_u16(vdupq_n_u16(0x0100), entry, 0x0202);
                vqtbl2q_u8(table, vreinterpretq_u8_u16(bytes))
            });
            std::mem::transmute::<[uint8x16_t; 4], [i16; 32]>(entries)
        }
    }
}

/// Proof that this CPU has the instructions of [`Level::Avx2`].
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug)]
pub struct Avx2(());

#[cfg(target_arch = "x86_64")]
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

/// Proof that this CPU has the instructions of [`Level::Avx512`], and so those of [`Level::Avx2`].
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug)]
pub struct Avx512(Avx2);

#[cfg(target_arch = "x86_64")]
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
#[cfg(target_arch = "x86_64")]
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
#[cfg(target_arch = "x86_64")]
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

#[cfg(target_arch = "x86_64")]
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
#[cfg(all(target_arch = "x86_64", target_pointer_width = "64", not(miri)))]
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
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f")]
fn add_at_once_avx512(sums: &mut [i32], rows: &[u32; ROWS], line: &[u32; 16], gap_bits: u32, row_bits: u32) -> bool {
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
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn scatters() -> bool {
    std::arch::is_x86_feature_detected!("avx512fp16")
}

/// A piece of work over arrays. `run` must be `#[inline(always)]`, and so must what it calls in its loops.
pub trait Kernel {
    /// What the work returns.
    type Output;
    /// Does the work.
    fn run(self, with: impl Instructions) -> Self::Output;
}

static CHOSEN: AtomicU8 = AtomicU8::new(0);

/// Whether this CPU has the instructions of a level.
pub fn supported(level: Level) -> bool {
    match level {
        Level::Portable => true,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => {
            std::arch::is_x86_feature_detected!("avx2")
                && std::arch::is_x86_feature_detected!("fma")
                && std::arch::is_x86_feature_detected!("bmi1")
                && std::arch::is_x86_feature_detected!("bmi2")
                && std::arch::is_x86_feature_detected!("lzcnt")
                && std::arch::is_x86_feature_detected!("popcnt")
        }
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => {
            supported(Level::Avx2)
                && std::arch::is_x86_feature_detected!("avx512f")
                && std::arch::is_x86_feature_detected!("avx512dq")
                && std::arch::is_x86_feature_detected!("avx512bw")
                && std::arch::is_x86_feature_detected!("avx512vl")
        }
        #[cfg(not(target_arch = "x86_64"))]
        _ => false,
    }
}

/// The level in use: the widest supported, unless [`force`] chose another.
#[inline]
pub fn level() -> Level {
    match CHOSEN.load(Ordering::Relaxed) {
        1 => Level::Portable,
        2 => Level::Avx2,
        3 => Level::Avx512,
        _ => {
            let widest = Level::ALL.into_iter().rev().find(|&l| supported(l)).unwrap_or(Level::Portable);
            CHOSEN.store(widest as u8, Ordering::Relaxed);
            widest
        }
    }
}

/// Uses `level` from now on, in the whole process. False, and no change, where the CPU lacks it.
pub fn force(level: Level) -> bool {
    let ok = supported(level);
    if ok {
        CHOSEN.store(level as u8, Ordering::Relaxed);
    }
    ok
}

/// Runs a kernel with the instructions of the level in use.
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    dispatch_at(level(), kernel)
}

/// Runs a kernel at a given level; at [`Level::Portable`] where the CPU lacks it.
#[inline]
pub fn dispatch_at<K: Kernel>(level: Level, kernel: K) -> K::Output {
    match level {
        // SAFETY: `level()` and the guard return only levels that `supported` has confirmed on this CPU.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 if level == self::level() || supported(level) => unsafe { avx512(kernel) },
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 if level == self::level() || supported(level) => unsafe { avx2(kernel) },
        _ => kernel.run(Portable),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f,avx512dq,avx512bw,avx512vl,bmi1,bmi2,lzcnt,popcnt")]
fn avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx512(Avx2(())))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
fn avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx2(()))
}

/// Asks the CPU to bring `slice[index]` near. Any index is fine: an address outside is ignored.
#[inline(always)]
pub fn prefetch<T>(slice: &[T], index: usize) {
    let address = slice.as_ptr().wrapping_add(index);
    // SAFETY: a prefetch never faults and changes no memory (2).
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast())
    };
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Asks the CPU to bring a range of a slice into its second-level cache. Any range is fine.
#[inline(always)]
pub fn prefetch_range<T>(slice: &[T], range: std::ops::Range<usize>) {
    const LINE: usize = 64;
    let base = slice.as_ptr();
    let start = base.wrapping_add(range.start).cast::<u8>();
    let end = base.wrapping_add(range.end).cast::<u8>();
    // From the beginning of the first line, or a range that ends just inside a line would miss it.
    let mut address = start.wrapping_sub(start.addr() % LINE);
    while address < end {
        // SAFETY: a prefetch never faults and changes no memory (2).
        #[cfg(target_arch = "x86_64")]
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T1 }>(address.cast())
        };
        address = address.wrapping_add(LINE);
    }
}

/// Asks the system to back a large slice with 2 MiB pages: fewer address translations while spikes are delivered.
/// Best before the first write. Advice only: systems without such pages ignore it.
pub fn advise_huge_pages<T>(slice: &mut [T]) {
    #[cfg(target_os = "linux")]
    {
        const PAGE: usize = 4096;
        let start = (slice.as_mut_ptr() as usize).next_multiple_of(PAGE);
        let end = (slice.as_mut_ptr() as usize + size_of_val(slice)) & !(PAGE - 1);
        if end > start + (4 << 20) {
            // SAFETY: whole pages inside one live, exclusively borrowed allocation; contents do not change (3).
            unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_HUGEPAGE) };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = slice;
}

#[cfg(test)]
mod tests;
