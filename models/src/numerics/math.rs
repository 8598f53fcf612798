//! Elementary functions for kernels. They have no branches, so that a loop over a slice becomes vector code.
//!
//! `exp` and `ln` are in f64. `ln_f32` and `sin_cos_turn_f32` are in f32; the Box-Muller transform needs them. `phi1`
//! and `phi2` belong to exponential integration and are used only when a network is built.
//!
//! The kernel functions give the same bits on every machine and at every vector width. Each is a fixed sequence of IEEE
//! additions, multiplications and (in `ln`) one division. There is no fused multiply-add, no table and no function
//! call. Conditions only select between values that are already computed.
//!
//! Errors are in units of the last place (ulp) of the exact result. They were measured against `expl` and `logl` with
//! 64-bit mantissa: `exp` and `ln` at 2·10⁸ random points each, the f32 functions at every f32 of their domain above
//! 2⁻³⁷.
//!
//! | function | domain | largest error |
//! |---|---|---|
//! | `exp` | [−708, 709.78] | 0.80 ulp |
//! | `ln` | positive normal numbers | 0.87 ulp |
//! | `ln_f32` | (2⁻³⁴, 1] | 0.993 ulp |
//! | `sin_cos_turn_f32` | [0, 1) | 1.65 ulp (sine), 1.64 ulp (cosine), zeros exact |
//!
//! Why not `libm`: its functions branch, use tables, and cannot be inlined into a vector loop. The functions of the C
//! library differ between machines. Times per value on one core of a Xeon (2048 elements, November 2026):
//!
//! | function | AVX-512 | AVX2 | glibc |
//! |---|---|---|---|
//! | exponential | 0.9 ns | 1.4 ns | 3.6 ns |
//! | logarithm | 1.0 ns | 1.6 ns | 3.0 ns |
//! | normal f32 by Box-Muller | 0.4 ns | 0.55 ns | |

/// log2(e), 1/ln 2.
const LOG2_E: f64 = std::f64::consts::LOG2_E;
/// The upper part of ln 2. Its last 20 bits are zero, so that k·LN2_HI is exact for |k| < 2²⁰.
const LN2_HI: f64 = 6.931_471_803_691_238e-1;
/// ln 2 − LN2_HI.
const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;
/// 1.5·2⁵². Added to x with |x| < 2⁵¹ it rounds x to the nearest integer. The low bits of the sum are this integer.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// Above this e^x exceeds the largest f64.
const EXP_MAX: f64 = 709.782_712_893_384;
/// Below this `exp` returns 0: the smallest results would be subnormal numbers.
const EXP_MIN: f64 = -708.0;

/// e^x (x and result without unit), to 0.8 ulp.
///
/// The result is exactly 0 below −708 (never subnormal), +∞ above 709.782712893384, and NaN for NaN. Method: reduction
/// x = k ln 2 + r with |r| ≤ ln(2)/2, a near-minimax polynomial for (e^r − 1 − r)/r², and a compensated sum 1 + r (Cody
/// and Waite 1980).
#[inline(always)]
pub fn exp(x: f64) -> f64 {
    let shifted = x * LOG2_E + ROUND;
    let k = shifted - ROUND;
    let high = x - k * LN2_HI;
    let low = k * LN2_LO;
    let r = high - low;
    let r_rest = (high - r) - low;
    let r2 = r * r;
    let r4 = r2 * r2;
    let q01 = 0.500_000_000_000_000_1 + r * 0.166_666_666_666_666_69;
    let q23 = 0.041_666_666_666_624_13 + r * 0.008_333_333_333_330_062;
    let q45 = 0.001_388_888_891_721_371_7 + r * 0.000_198_412_698_630_536_18;
    let q67 = 2.480_152_129_595_437_6e-5 + r * 2.755_726_845_999_706_4e-6;
    let q89 = 2.762_008_844_540_974_6e-7 + r * 2.510_038_549_551_032e-8;
    let q = (q01 + r2 * q23) + r4 * ((q45 + r2 * q67) + r4 * q89);
    let sum = 1.0 + r;
    let rest = r - (sum - 1.0);
    let mantissa = sum + (rest + (r_rest + r2 * q));
    // The low bits of `shifted` are k in two's complement. Adding k to the exponent multiplies by 2^k.
    let scaled = f64::from_bits(mantissa.to_bits().wrapping_add(shifted.to_bits() << 52));
    let y = if x > EXP_MAX { f64::INFINITY } else { scaled };
    let y = if x < EXP_MIN { 0.0 } else { y };
    if x.is_nan() { x } else { y }
}

/// Natural logarithm of x (x and result without unit), to 0.9 ulp.
///
/// The accuracy holds for positive normal x. 0, −0 and positive subnormal numbers give −∞, negative numbers NaN, +∞
/// gives +∞, NaN gives NaN. Method: reduction x = 2^k (1 + f) with 1 + f in [√½, √2). With s = f/(2 + f),
/// ln(1 + f) = 2 atanh(s) is summed as f − (f²/2 − s(f²/2 + R(s²))), so that no digits cancel near x = 1 (the scheme of
/// fdlibm).
#[inline(always)]
pub fn ln(x: f64) -> f64 {
    const ONE: u64 = 0x3FF0_0000_0000_0000;
    const SQRT_HALF: u64 = 0x3FE6_A09E_667F_3BCD;
    const TWO_52: u64 = 0x4330_0000_0000_0000;
    let bits = x.to_bits();
    let biased = bits.wrapping_add(ONE - SQRT_HALF) >> 52;
    let f = f64::from_bits(bits.wrapping_sub(biased << 52).wrapping_add(ONE)) - 1.0;
    // Converts `biased` to f64 without a conversion instruction: the bits of 2^52 with an integer below 2^52 as
    // mantissa are the sum of both.
    let k = f64::from_bits(biased | TWO_52) - (4_503_599_627_370_496.0 + 1023.0);
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let r01 = 0.666_666_666_666_667 + z * 0.399_999_999_998_994_44;
    let r23 = 0.285_714_286_260_032_7 + z * 0.222_222_111_302_598_78;
    let r45 = 0.181_828_894_556_749_47 + z * 0.153_317_106_182_107_73;
    let r = z * ((r01 + w * r23) + (w * w) * (r45 + w * 0.146_165_854_248_886_23));
    let half_square = 0.5 * f * f;
    let y = k * LN2_HI - ((half_square - (s * (half_square + r) + k * LN2_LO)) - f);
    let y = if x < f64::MIN_POSITIVE { f64::NEG_INFINITY } else { y };
    let y = if x < 0.0 { f64::NAN } else { y };
    let y = if x == f64::INFINITY { x } else { y };
    if x.is_nan() { x } else { y }
}

/// Natural logarithm of x in (2⁻³⁴, 1] in f32 (x and result without unit), to 1 ulp.
///
/// Any positive normal x below 2¹²⁶ gives a result of the same relative accuracy. The result is undefined for 0,
/// negative numbers and NaN. Method: reduction to [2/3, 4/3), then ln(1 + f) = f − f²/2 + f³ P(f).
#[inline(always)]
pub fn ln_f32(x: f32) -> f32 {
    const ONE: u32 = 0x3F80_0000;
    const TWO_THIRDS: u32 = 0x3F2A_AAAB;
    /// 355/512: ln 2 to 9 bits, so that k·HI is exact.
    const HI: f32 = 0.693_359_4;
    const LO: f32 = -2.121_944_4e-4;
    let bits = x.to_bits();
    let biased = bits.wrapping_add(ONE - TWO_THIRDS) >> 23;
    let f = f32::from_bits(bits.wrapping_sub(biased << 23).wrapping_add(ONE)) - 1.0;
    let k = (biased as i32).wrapping_sub(127) as f32;
    let z = f * f;
    let p01 = 0.333_333_2 + f * -0.249_999_88;
    let p23 = 0.200_037_82 + f * -0.166_701_44;
    let p45 = 0.141_182_36 + f * -0.123_461_23;
    let p67 = 0.134_262_79 + f * -0.121_260_67;
    let p = (p01 + z * p23) + (z * z) * (p45 + z * p67);
    let small = k * LO + (f * (z * p) - 0.5 * z);
    k * HI + (f + small)
}

/// sin(2πu) and cos(2πu) for u in [0, 1) turns, in f32, each to 2 ulp; exact at multiples of a quarter turn.
///
/// The nearest quarter turn is subtracted exactly, so that results near 0 keep their relative accuracy. Outside of
/// [0, 1) results are as accurate as u itself, for |u| < 2²⁰.
#[inline(always)]
pub fn sin_cos_turn_f32(u: f32) -> (f32, f32) {
    /// 1.5·2²³: as [`ROUND`], in f32.
    const ROUND_F32: f32 = 12_582_912.0;
    const TWO_PI: f32 = std::f32::consts::TAU;
    /// 2π − TWO_PI.
    const TWO_PI_LO: f32 = -1.748_455_5e-7;
    let shifted = u * 4.0 + ROUND_F32;
    let quarter = shifted.to_bits();
    let r = u - (shifted - ROUND_F32) * 0.25;
    let z = r * r;
    let sine_rest = TWO_PI_LO + z * (-41.341_698 + z * (81.599_52 + z * -75.726_204));
    let sine = r * TWO_PI + r * sine_rest;
    let cosine = 1.0 + z * (-19.739_208 + z * (64.939_37 + z * (-85.448_82 + z * 59.424_023)));
    let odd = quarter & 1 == 1;
    let sin = if odd { cosine } else { sine };
    let cos = if odd { sine } else { cosine };
    let sin_sign = (quarter & 2) << 30;
    let cos_sign = (quarter.wrapping_add(1) & 2) << 30;
    (f32::from_bits(sin.to_bits() ^ sin_sign), f32::from_bits(cos.to_bits() ^ cos_sign))
}

/// φ₁(x) = (e^x − 1)/x, 1 at x = 0 (x and result without unit), to 1·10⁻¹⁵ relative.
///
/// It is the mean of e^(xt) over t in [0, 1]: the effect of a constant drive in one step of an exponential integrator
/// (Hochbruck and Ostermann 2010). Not for kernels: it branches and calls libm.
pub fn phi1(x: f64) -> f64 {
    if x == 0.0 {
        1.0
    } else if x == f64::INFINITY {
        x
    } else {
        libm::expm1(x) / x
    }
}

/// (1 − e^(−x)(1 + x))/x², ½ at x = 0 (x and result without unit), to 1·10⁻¹⁵ relative.
///
/// It is the mean of t e^(−xt) over t in [0, 1]: the effect of an alpha current in one step. It is e^(−x) times the
/// φ₂ of exponential integrators, (e^x − 1 − x)/x². Not for kernels: it branches and calls libm.
pub fn phi2(x: f64) -> f64 {
    if x == f64::INFINITY {
        0.0
    } else if x > 2.0 {
        (1.0 - libm::exp(-x) * (1.0 + x)) / x / x
    } else if x > 0.0 {
        // e^(−x) Σ xⁿ/(n+2)!. All terms are positive, so nothing cancels.
        let (mut term, mut sum, mut n) = (0.5, 0.0, 0.0);
        while term > 1e-18 {
            sum += term;
            n += 1.0;
            term *= x / (n + 2.0);
        }
        libm::exp(-x) * sum
    } else if x >= -1.0 {
        // Σ (−x)ⁿ/(n! (n+2)). All terms are positive.
        let (mut power, mut sum, mut n) = (1.0, 0.0, 0.0);
        while power > 1e-18 {
            sum += power / (n + 2.0);
            n += 1.0;
            power *= -x / n;
        }
        sum
    } else {
        (1.0 - libm::exp(-x) * (1.0 + x)) / x / x
    }
}

#[cfg(test)]
mod tests;
