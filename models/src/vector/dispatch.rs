//! Compiles a kernel for every instruction set and runs the widest one that the CPU has.

use super::instructions::Instructions;
use super::portable::Portable;
#[cfg(target_arch = "x86_64")]
use super::x86::{Avx2, Avx512};
use std::sync::atomic::{AtomicU8, Ordering};

/// Instruction sets that kernels are compiled for, from narrow to wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// The base instruction set of the target.
    Portable = 1,
    /// x86-64 with AVX2, FMA, BMI1, BMI2, LZCNT and POPCNT. Nearly every CPU with AVX2 has the others too.
    Avx2 = 2,
    /// `Avx2` and AVX-512 F, DQ, BW and VL.
    Avx512 = 3,
}

impl Level {
    /// All levels, from narrow to wide.
    pub const ALL: [Level; 3] = [Level::Portable, Level::Avx2, Level::Avx512];

    /// Name of the level, as shown to users.
    pub fn name(self) -> &'static str {
        match self {
            Level::Portable if cfg!(target_arch = "aarch64") => "neon",
            Level::Portable => "portable",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        }
    }
}

/// A piece of work over arrays. `run` must be `#[inline(always)]`, and so must the functions that it calls in its
/// loops.
pub trait Kernel {
    /// Result of the work.
    type Output;
    /// Does the work.
    fn run(self, with: impl Instructions) -> Self::Output;
}

/// The level in use as a number; 0 until it is first needed.
static LEVEL_IN_USE: AtomicU8 = AtomicU8::new(0);

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

/// The level in use: the widest that this CPU supports, unless [`force`] has set another.
#[inline]
pub fn level() -> Level {
    match LEVEL_IN_USE.load(Ordering::Relaxed) {
        1 => Level::Portable,
        2 => Level::Avx2,
        3 => Level::Avx512,
        _ => {
            let widest = Level::ALL.into_iter().rev().find(|&l| supported(l)).unwrap_or(Level::Portable);
            LEVEL_IN_USE.store(widest as u8, Ordering::Relaxed);
            widest
        }
    }
}

/// Uses `level` from now on, in the whole process. If the CPU lacks the level, returns false and changes nothing.
pub fn force(level: Level) -> bool {
    let ok = supported(level);
    if ok {
        LEVEL_IN_USE.store(level as u8, Ordering::Relaxed);
    }
    ok
}

/// Runs a kernel at the level in use.
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    dispatch_at(level(), kernel)
}

/// Runs a kernel at a given level; at [`Level::Portable`] if the CPU lacks the level.
#[inline]
pub fn dispatch_at<K: Kernel>(level: Level, kernel: K) -> K::Output {
    match level {
        // SAFETY: `supported` has confirmed the level, when the level in use was chosen or in the guard (1).
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
