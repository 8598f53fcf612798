//! Random numbers. They are functions of (seed, purpose, identity), never of the thread or the order of calls.
//!
//! * [`key`] turns seed, purpose and identity into 64 bits that seed a generator.
//! * [`Stream`] is a scalar generator (xoshiro256++).
//! * [`Lanes`] is sixteen xoshiro128++ generators, for kernels. One call gives a 32-bit number for each lane. The
//!   numbers do not depend on the width of the CPU's vector registers.
//! * Normal, binomial and hypergeometric numbers are computed with the `libm` crate and one rounding per operation, so
//!   that they have the same bits on every machine.

use crate::columns::LANES;
use crate::numerics::math;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Version of the random streams, written into every output file. Raise it with every change of a drawn bit.
pub const STREAM_VERSION: u32 = 3;

/// Bound of |z| for the deviates of [`normal_pair`]: √(−2 ln 2⁻³³) = 6.764, rounded up. Bounds on weights rely on it.
pub const NORMAL_BOUND: f64 = 6.77;

/// What random numbers are for. Numbers of different purposes are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Initial values of state variables.
    InitialState = 1,
    /// Parameters drawn per neuron.
    Parameter = 2,
    /// Number of synapses per target or per source.
    Degree = 3,
    /// The sources of a target, or the targets of a source.
    Partner = 4,
    /// Weights.
    Weight = 5,
    /// Delays.
    Delay = 6,
    /// Further draws of weights and delays that were outside of their bounds.
    Redraw = 7,
    /// Poisson input.
    Poisson = 8,
    /// The second draw of a Poisson count, which few counts need.
    PoissonTail = 9,
    /// White noise.
    Noise = 10,
    /// Parameters of inputs drawn per neuron.
    Amplitude = 11,
}

/// The finaliser of splitmix64.
#[inline(always)]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// 64 bits from seed, purpose and identity, by the finaliser of splitmix64 on each word.
#[inline]
pub fn key(seed: u64, purpose: Purpose, identity: [u64; 2]) -> u64 {
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut h = mix(seed.wrapping_add(STEP));
    for word in [purpose as u64, identity[0], identity[1]] {
        h = mix(h.rotate_left(17) ^ mix(word.wrapping_add(STEP)).wrapping_mul(STEP));
    }
    h
}

/// A scalar random generator, xoshiro256++.
#[derive(Clone, Debug)]
pub struct Stream(Xoshiro256PlusPlus);

impl Stream {
    /// The stream of a purpose and an identity.
    pub fn new(seed: u64, purpose: Purpose, identity: [u64; 2]) -> Self {
        Stream(Xoshiro256PlusPlus::seed_from_u64(key(seed, purpose, identity)))
    }

    /// 64 random bits.
    #[inline(always)]
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A uniform number in [0, 1), of 53 bits.
    #[inline(always)]
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A uniform number in (0, 1), of 52 bits: never 0 or 1.
    #[inline(always)]
    pub fn open_uniform(&mut self) -> f64 {
        ((self.bits() >> 12) as f64 + 0.5) * (1.0 / (1u64 << 52) as f64)
    }

    /// A uniform whole number in 0..n, for n ≥ 1. Relative error of the probabilities: at most n/2⁶⁴.
    #[inline(always)]
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// Two independent standard normal deviates.
    #[inline]
    pub fn normal_pair(&mut self) -> (f32, f32) {
        let bits = self.bits();
        normal_pair((bits >> 32) as u32, bits as u32)
    }

    /// A standard normal deviate of single precision; its absolute value is at most [`NORMAL_BOUND`].
    pub fn normal(&mut self) -> f64 {
        f64::from(self.normal_pair().0)
    }

    /// A binomial number: successes in `n` trials of probability `p`, 0 ≤ p ≤ 1.
    pub fn binomial(&mut self, n: u64, p: f64) -> u64 {
        if n == 0 || p <= 0.0 {
            0
        } else if p >= 1.0 {
            n
        } else if p > 0.5 {
            n - self.binomial_small_p(n, 1.0 - p)
        } else {
            self.binomial_small_p(n, p)
        }
    }

    /// [`Stream::binomial`] for 0 < p ≤ ½.
    fn binomial_small_p(&mut self, n: u64, p: f64) -> u64 {
        let nf = n as f64;
        if nf * p < 10.0 {
            // Inversion by sequential search. Numbers above 110 + 20·np, which is less than 310, have a probability
            // below 1e-30.
            let q = 1.0 - p;
            let ratio = p / q;
            let first = libm::exp(nf * libm::log1p(-p));
            loop {
                let (mut u, mut term) = (self.uniform(), first);
                for k in 0..=n.min(310) {
                    if u < term {
                        return k;
                    }
                    u -= term;
                    term *= ratio * (nf - k as f64) / (k as f64 + 1.0);
                }
            }
        }
        // Transformed rejection (BTRS): W. Hörmann, The generation of binomial random variates, J. Stat. Comput. Simul.
        // 46 (1993).
        let spread = libm::sqrt(nf * p * (1.0 - p));
        let b = 1.15 + 2.53 * spread;
        let a = -0.0873 + 0.0248 * b + 0.01 * p;
        let c = nf * p + 0.5;
        let v_r = 0.92 - 4.2 / b;
        let alpha = (2.83 + 5.1 / b) * spread;
        let log_odds = libm::log(p / (1.0 - p));
        let mode = libm::floor((nf + 1.0) * p);
        let h = libm::lgamma(mode + 1.0) + libm::lgamma(nf - mode + 1.0);
        loop {
            let u = self.uniform() - 0.5;
            let v = self.open_uniform();
            let us = 0.5 - u.abs();
            let k = libm::floor((2.0 * a / us + b) * u + c);
            if k < 0.0 || k > nf {
                continue;
            }
            if us >= 0.07 && v <= v_r {
                return k as u64;
            }
            let bound = h - libm::lgamma(k + 1.0) - libm::lgamma(nf - k + 1.0) + (k - mode) * log_odds;
            if libm::log(v * alpha / (a / (us * us) + b)) <= bound {
                return k as u64;
            }
        }
    }

    /// A hypergeometric number: how many marked items are drawn. `draws` of `total` items are drawn without
    /// replacement, and `marked` of the `total` items are marked.
    pub fn hypergeometric(&mut self, total: u64, marked: u64, draws: u64) -> u64 {
        debug_assert!(marked <= total && draws <= total);
        // Symmetries reduce the problem to marked ≤ draws ≤ total/2.
        if marked > total - marked {
            return draws - self.hypergeometric(total, total - marked, draws);
        }
        if draws > total - draws {
            return marked - self.hypergeometric(total, marked, total - draws);
        }
        if marked > draws {
            return self.hypergeometric(total, draws, marked);
        }
        if marked <= 12 {
            // Decides for one marked item after the other whether the item is drawn. `left`: items not decided yet.
            // `places`: draws not taken yet.
            let (mut left, mut places, mut hits) = (total, draws, 0);
            for _ in 0..marked {
                if self.below(left) < places {
                    hits += 1;
                    places -= 1;
                }
                left -= 1;
            }
            return hits;
        }
        // Ratio of uniforms (HRUA): E. Stadlober, The ratio of uniforms approach for generating discrete random
        // variates, J. Comput. Appl. Math. 31 (1990).
        let (n, m, k) = (total as f64, marked as f64, draws as f64);
        let p = m / n;
        let mean = k * p;
        let sd = libm::sqrt((n - k) * k * p * (1.0 - p) / (n - 1.0) + 0.5);
        let h = 1.715_527_769_921_413_5 * sd + 0.898_916_162_058_898_7;
        let mode = libm::floor((k + 1.0) * (m + 1.0) / (n + 2.0));
        let log_weight = |x: f64| {
            libm::lgamma(x + 1.0)
                + libm::lgamma(m - x + 1.0)
                + libm::lgamma(k - x + 1.0)
                + libm::lgamma(n - m - k + x + 1.0)
        };
        let top = log_weight(mode);
        let end = (m.min(k) + 1.0).min(libm::floor(mean + 0.5 + 16.0 * sd));
        loop {
            let (u, v) = (self.open_uniform(), self.open_uniform());
            let x = mean + 0.5 + h * (v - 0.5) / u;
            if x < 0.0 || x >= end {
                continue;
            }
            let x = libm::floor(x);
            if 2.0 * libm::log(u) <= top - log_weight(x) {
                return x as u64;
            }
        }
    }
}

/// Two independent standard normal deviates from two random 32-bit numbers, by the Box-Muller transform in single
/// precision.
#[inline(always)]
pub fn normal_pair(radius: u32, angle: u32) -> (f32, f32) {
    const UNIT: f32 = 1.0 / 4_294_967_296.0;
    let u = radius as f32 * UNIT + 0.5 * UNIT;
    let r = (-2.0 * math::ln_f32(if u > 1.0 { 1.0 } else { u })).sqrt();
    let (sin, cos) = math::sin_cos_turn_f32((angle >> 8) as f32 * (1.0 / 16_777_216.0));
    (r * sin, r * cos)
}

/// Sixteen xoshiro128++ generators (Blackman & Vigna 2021), one for each lane of a chunk.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct Lanes([[u32; LANES]; 4]);

impl Lanes {
    /// The generators of a purpose and an identity.
    pub fn new(seed: u64, purpose: Purpose, identity: [u64; 2]) -> Self {
        let start = key(seed, purpose, identity);
        let mut state = [[0u32; LANES]; 4];
        for lane in 0..LANES {
            for half in 0..2 {
                let word = (2 * lane + half) as u64 + 1;
                let bits = mix(start.wrapping_add(word.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
                state[2 * half][lane] = bits as u32;
                state[2 * half + 1][lane] = (bits >> 32) as u32;
            }
            // A state of zeros would never change. Its probability is 2⁻¹²⁸.
            state[0][lane] |= u32::from(state.iter().all(|word| word[lane] == 0));
        }
        Lanes(state)
    }

    /// The next number of every lane.
    #[allow(clippy::should_implement_trait)] // not an iterator: there is always a next number
    #[inline(always)]
    pub fn next(&mut self) -> [u32; LANES] {
        let [s0, s1, s2, s3] = &mut self.0;
        let mut out = [0; LANES];
        for l in 0..LANES {
            out[l] = s0[l].wrapping_add(s3[l]).rotate_left(7).wrapping_add(s0[l]);
            let t = s1[l] << 9;
            s2[l] ^= s0[l];
            s3[l] ^= s1[l];
            s1[l] ^= s2[l];
            s0[l] ^= s3[l];
            s2[l] ^= t;
            s3[l] = s3[l].rotate_left(11);
        }
        out
    }

    /// 32 standard normal deviates, enough for two chunks.
    #[inline(always)]
    pub fn normals(&mut self) -> [f32; 2 * LANES] {
        let (radius, angle) = (self.next(), self.next());
        let (mut first, mut second) = ([0.0; LANES], [0.0; LANES]);
        for l in 0..LANES {
            (first[l], second[l]) = normal_pair(radius[l], angle[l]);
        }
        let mut z = [0.0; 2 * LANES];
        z[..LANES].copy_from_slice(&first);
        z[LANES..].copy_from_slice(&second);
        z
    }
}

#[cfg(test)]
mod tests;
