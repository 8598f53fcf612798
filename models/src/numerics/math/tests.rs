//! Elementary functions: errors against a table of exact values, special points, and golden bits.
use super::*;

/// Each line has a function, x, the exact value rounded to f64, and the exact value minus the rounded one in 10⁻⁵ ulp.
/// The values were computed with mpmath 1.4.1 at 250 bits. The points are the ends of the ranges, the points where the
/// reduction switches, powers of 2 around zero and one, and random numbers.
const REFERENCE: &str = include_str!("reference.txt");

/// One unit in the last place of `v`: the distance between neighbouring f64 with the exponent of `v`.
fn ulp(v: f64) -> f64 {
    f64::from_bits(v.abs().to_bits() & 0x7FF0_0000_0000_0000) * f64::EPSILON
}

/// Number of lines of a function in the table, its largest error in ulp, and the x of this error.
fn largest_error(name: &str, function: fn(f64) -> f64) -> (usize, f64, f64) {
    let (mut points, mut worst, mut at) = (0, 0.0, 0.0);
    for line in REFERENCE.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        if fields[0] != name {
            continue;
        }
        let number = |s: &str| f64::from_bits(u64::from_str_radix(s, 16).expect("hexadecimal"));
        let (x, rounded) = (number(fields[1]), number(fields[2]));
        let rounding = fields[3].parse::<f64>().expect("a number") * 1e-5;
        let y = function(x);
        let error = if y == rounded { rounding.abs() } else { ((y - rounded) / ulp(rounded) - rounding).abs() };
        points += 1;
        if error > worst || error.is_nan() {
            (worst, at) = (error, x);
        }
    }
    (points, worst, at)
}

#[test]
fn exp_is_within_0_8_ulp_of_the_exact_value() {
    let (points, worst, at) = largest_error("exp", exp);
    assert!(points > 1000 && worst <= 0.8, "{points} points, {worst} ulp at {at:e}");
}

#[test]
fn ln_is_within_0_9_ulp_of_the_exact_value() {
    let (points, worst, at) = largest_error("ln", ln);
    assert!(points > 1000 && worst <= 0.9, "{points} points, {worst} ulp at {at:e}");
}

#[test]
fn exp_at_its_special_points() {
    assert_eq!(exp(0.0), 1.0);
    assert_eq!(exp(-0.0), 1.0);
    assert_eq!(exp(f64::INFINITY), f64::INFINITY);
    assert_eq!(exp(f64::NEG_INFINITY).to_bits(), 0);
    assert_eq!(exp(709.782_712_893_385), f64::INFINITY);
    assert_eq!(exp(f64::MAX), f64::INFINITY);
    assert!(exp(709.782_712_893_384).is_finite());
    assert_eq!(exp(-708.000_000_000_001).to_bits(), 0);
    assert_eq!(exp(f64::MIN).to_bits(), 0);
    assert!(exp(-708.0) >= f64::MIN_POSITIVE);
    assert!(exp(f64::NAN).is_nan());
    assert!(exp(-f64::NAN).is_nan());
}

#[test]
fn ln_at_its_special_points() {
    assert_eq!(ln(1.0), 0.0);
    assert_eq!(ln(0.0), f64::NEG_INFINITY);
    assert_eq!(ln(-0.0), f64::NEG_INFINITY);
    assert_eq!(ln(f64::MIN_POSITIVE / 2.0), f64::NEG_INFINITY);
    assert_eq!(ln(f64::INFINITY), f64::INFINITY);
    assert!(ln(-1e-320).is_nan());
    assert!(ln(-1.0).is_nan());
    assert!(ln(f64::NEG_INFINITY).is_nan());
    assert!(ln(f64::NAN).is_nan());
}

#[test]
fn ln_is_the_inverse_of_exp() {
    for i in -7000..=7000 {
        let x = f64::from(i) * 0.1;
        let back = ln(exp(x));
        assert!((back - x).abs() <= 2.0 * f64::EPSILON * x.abs().max(1.0), "ln(exp({x})) = {back}");
    }
}

#[test]
fn ln_f32_is_within_1_ulp() {
    assert_eq!(ln_f32(1.0), 0.0);
    // Every 97th f32 from 2^-34 to 1. The documentation of the module has the result for every f32.
    for bits in (0x2E80_0001..0x3F80_0000_u32).step_by(97) {
        let x = f32::from_bits(bits);
        let exact = libm::log(f64::from(x));
        let error = (f64::from(ln_f32(x)) - exact).abs() / (ulp(exact) * 2f64.powi(29));
        assert!(error <= 1.0, "{error} ulp at {x:e}");
    }
}

#[test]
fn sine_and_cosine_are_within_2_ulp() {
    for bits in (0x3080_0000..0x3F80_0000_u32).step_by(97) {
        let u = f32::from_bits(bits);
        let quarter = libm::rint(4.0 * f64::from(u));
        let angle = (f64::from(u) - quarter / 4.0) * std::f64::consts::TAU;
        let (s, c) = libm::sincos(angle);
        let (s, c) = match quarter as u32 % 4 {
            0 => (s, c),
            1 => (c, -s),
            2 => (-s, -c),
            _ => (-c, s),
        };
        let (sin, cos) = sin_cos_turn_f32(u);
        for (value, exact) in [(sin, s), (cos, c)] {
            let error = (f64::from(value) - exact).abs();
            assert!(error <= 2.0 * ulp(exact) * 2f64.powi(29), "{error:e} at {u:e}");
        }
    }
}

#[test]
fn sine_and_cosine_are_exact_at_quarter_turns() {
    assert_eq!(sin_cos_turn_f32(0.0), (0.0, 1.0));
    assert_eq!(sin_cos_turn_f32(0.25), (1.0, 0.0));
    assert_eq!(sin_cos_turn_f32(0.5), (0.0, -1.0));
    assert_eq!(sin_cos_turn_f32(0.75), (-1.0, 0.0));
}

#[test]
fn phi_functions_are_exact_to_1e_15() {
    // x, phi1(x), phi2(x), computed with mpmath at 300 bits.
    let table = [
        (-30.0, 0.03333333333333022, 344341958738.01154),
        (-5.0, 0.1986524106001829, 23.78610545641226),
        (-1.0, 0.6321205588285577, 1.0),
        (-0.001, 0.9995001666250083, 0.5003334583666736),
        (-1e-9, 0.9999999995, 0.5000000003333334),
        (0.0, 1.0, 0.5),
        (1e-12, 1.0000000000005, 0.49999999999966666),
        (1e-5, 1.0000050000166667, 0.49999666667916665),
        (0.3, 1.1661960252533436, 0.41040347904185304),
        (1.0, 1.7182818284590453, 0.26424111765711533),
        (1.999, 3.1924315838562123, 0.1485793952644288),
        (2.001, 3.196626112338554, 0.14841773345935708),
        (10.0, 2202.5465794806714, 0.009995006007726126),
        (700.0, 1.4489029353357207e301, 2.040816326530612e-6),
    ];
    for (x, one, two) in table {
        assert!((phi1(x) / one - 1.0).abs() <= 1e-15, "phi1({x}) = {:e}", phi1(x));
        assert!((phi2(x) / two - 1.0).abs() <= 1e-15, "phi2({x}) = {:e}", phi2(x));
    }
    assert_eq!((phi1(f64::NEG_INFINITY), phi2(f64::INFINITY)), (0.0, 0.0));
    assert_eq!((phi1(f64::INFINITY), phi2(-1e4)), (f64::INFINITY, f64::INFINITY));
    assert!(phi1(f64::NAN).is_nan() && phi2(f64::NAN).is_nan());
}

/// Every result of a simulation depends on these bits. Renew them, and the golden bits of the networks, only on
/// purpose. To do so, print `to_bits` of each result.
#[test]
fn bits_are_the_same_as_in_earlier_versions() {
    let exp_bits = [
        (-700.25, 0x00ca_f5fe_9a48_5c8e),
        (-20.1, 0x3e20_0532_af8b_0cf5),
        (-1.0, 0x3fd7_8b56_362c_ef38),
        (-0.1, 0x3fec_f46d_99d5_2b3a),
        (1e-9, 0x3ff0_0000_0044_b830),
        (0.3, 0x3ff5_9905_8c8c_1a96),
        (1.0, 0x4005_bf0a_8b14_5769),
        (17.5, 0x4182_fd6c_832e_3c72),
        (709.5, 0x7fe8_1e9b_4b52_d0c9_u64),
    ];
    for (x, bits) in exp_bits {
        assert_eq!(exp(x).to_bits(), bits, "exp({x})");
    }
    let ln_bits = [
        (1e-300, 0xc085_9634_47f8_7fb5),
        (0.1, 0xc002_6bb1_bbb5_5515),
        (0.7, 0xbfd6_d3c3_24e1_3f50),
        (0.9999999, 0xbe7a_d7f2_b104_9b9f),
        (1.0000001, 0x3e7a_d7f2_847b_6492),
        (1.5, 0x3fd9_f323_ecbf_984c),
        (10.0, 0x4002_6bb1_bbb5_5516),
        (1e300, 0x4085_9634_47f8_7fb5_u64),
    ];
    for (x, bits) in ln_bits {
        assert_eq!(ln(x).to_bits(), bits, "ln({x})");
    }
    let ln_f32_bits = [
        (5.9e-11, 0xc1bc_6d89),
        (1e-6, 0xc15d_0c55),
        (0.1, 0xc013_5d8e),
        (0.6, 0xbf02_c577),
        (0.7, 0xbeb6_9e1a),
        (0.9999, 0xb8d1_c2af_u32),
    ];
    for (x, bits) in ln_f32_bits {
        assert_eq!(ln_f32(x).to_bits(), bits, "ln_f32({x})");
    }
    let turn_bits = [
        (1e-7, 0x3528_a9b9, 0x3f80_0000),
        (0.1, 0x3f16_7918_u32, 0x3f4f_1bbc),
        (0.125, 0x3f35_04f3, 0x3f35_04f4),
        (0.3, 0x3f73_7870, 0xbe9e_377d),
        (0.6, 0xbf16_791b, 0xbf4f_1bbc),
        (0.9, 0xbf16_791b, 0x3f4f_1bbc),
        (0.99999, 0xb883_f268, 0x3f80_0000_u32),
    ];
    for (u, sin, cos) in turn_bits {
        let (s, c) = sin_cos_turn_f32(u);
        assert_eq!((s.to_bits(), c.to_bits()), (sin, cos), "sin_cos_turn_f32({u})");
    }
}
