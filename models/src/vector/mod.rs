//! The only module with unsafe code: vector instructions, chosen at run time, and hints about memory.
//!
//! A kernel is plain Rust over arrays, marked `#[inline(always)]`, behind the trait [`Kernel`]. [`dispatch`] compiles
//! the kernel once for every [`Level`] and runs it at the widest level that the CPU has. All levels come from the same
//! source. Rust never fuses, reorders or approximates floating-point operations, so every level gives the same bits.
//! The one fused operation is [`Instructions::add_exact_product`]. Its product is exact, so fusing changes nothing.
//! Tests compare the levels. On aarch64, NEON is part of the base instruction set and thus of the portable level.
//! Operations that compilers do not vectorise are methods of [`Instructions`].
//!
//! Safety rules, cited by number in the comments:
//! 1. A function with `target_feature` runs only on a CPU that has the features: `dispatch` calls it for a level that
//!    [`supported`] has confirmed, and [`force`] refuses any other level.
//! 2. A prefetch never faults, whatever the address, and changes no memory.
//! 3. `madvise(MADV_HUGEPAGE)` changes the size of memory pages, never their contents. The range lies inside one live
//!    allocation.
//! 4. Functions that add a line read one line. They add to 2¹⁶ sums at 16-bit indices, or at indices that have been
//!    checked to be less than the number of sums.
//! 5. Values of [`Instructions`] other than the portable one are made in this module only, for a level that `supported`
//!    has confirmed. An array is converted to or from a vector register of exactly as many bytes.
#![allow(unsafe_code)]

mod dispatch;
mod instructions;
mod memory;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use dispatch::{Kernel, Level, dispatch, dispatch_at, force, level, supported};
pub use instructions::{BAND_STEPS, ENTRIES, Instructions, add_words, add_words_in_band};
pub use memory::{advise_huge_pages, prefetch, prefetch_range};

#[cfg(test)]
mod tests;
