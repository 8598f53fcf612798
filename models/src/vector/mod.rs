//! The only place with unsafe code: vector instructions, chosen when the program runs, and hints about memory.
//!
//! A kernel is plain Rust over arrays, marked `#[inline(always)]`, behind the trait [`Kernel`]. [`dispatch`] compiles it
//! once for every [`Level`] and calls the widest that the CPU has. All levels come from the same source. Rust never
//! fuses, reorders or approximates floating-point operations, so every level gives the same bits. The one fused
//! operation, [`Instructions::add_exact_product`], has an exact product, so fusing changes nothing. The tests of this
//! crate compare the levels anyway. On aarch64 NEON is part of the base instruction set, hence of the portable level.
//! Operations that compilers do not vectorise are methods of [`Instructions`].
//!
//! Safety rules, cited by number where they apply:
//! 1. A function with `target_feature` runs only on a CPU that has the features: `dispatch` calls it for a level that
//!    [`supported`] has confirmed, and [`force`] refuses any other.
//! 2. A prefetch never faults, whatever the address, and changes no memory.
//! 3. `madvise(MADV_HUGEPAGE)` changes how memory is backed, never what it holds. The range lies inside one live
//!    allocation.
//! 4. Functions that add a line read one line. They add to sums at 16-bit indices, of which there are as many as sums,
//!    or at indices checked to be less than the number of sums.
//! 5. Values of [`Instructions`] other than the portable one are made in this module alone, for a level that `supported`
//!    has confirmed. Functions that read or write whole arrays take exactly as many bytes as the arrays hold.
#![allow(unsafe_code)]

mod dispatch;
mod instructions;
mod memory;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use dispatch::{Kernel, Level, dispatch, dispatch_at, force, level, supported};
pub use instructions::{ENTRIES, Instructions, ROWS, add_words, add_words_in_rows};
pub use memory::{advise_huge_pages, prefetch, prefetch_range};

#[cfg(test)]
mod tests;
