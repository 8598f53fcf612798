//! Quantities: numbers with units.
//!
//! A quantity is a mantissa, a power of ten and the exponents of the SI base units. A prefix such as m or k changes
//! only the power of ten. Decimal text is therefore converted without rounding errors: "20 ms" becomes exactly 20.0
//! (ms) and "0.1 s" exactly 100.0. A conversion to seconds in binary and back would round.

use lapicque_models::page::Dimension;
use std::ops::{Div, Mul};

/// The unit of a quantity: exponents of metre, kilogram, second, ampere and mole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Powers([i16; 5]);

const DIMENSIONLESS: Powers = Powers([0, 0, 0, 0, 0]);
const TIME: Powers = Powers([0, 0, 1, 0, 0]);
const RATE: Powers = Powers([0, 0, -1, 0, 0]);
const LENGTH: Powers = Powers([1, 0, 0, 0, 0]);
const CURRENT: Powers = Powers([0, 0, 0, 1, 0]);
const CHARGE: Powers = Powers([0, 0, 1, 1, 0]);
const VOLTAGE: Powers = Powers([2, 1, -3, -1, 0]);
const CONDUCTANCE: Powers = Powers([-2, -1, 3, 2, 0]);
const RESISTANCE: Powers = Powers([2, 1, -3, -2, 0]);
const CAPACITANCE: Powers = Powers([-2, -1, 4, 2, 0]);
const AMOUNT: Powers = Powers([0, 0, 0, 0, 1]);
const CONCENTRATION: Powers = Powers([-3, 0, 0, 0, 1]);

impl Powers {
    /// Whether the quantity has no unit.
    pub fn is_dimensionless(self) -> bool {
        self == DIMENSIONLESS
    }

    /// Every exponent times `n`: the unit to the power `n`. Saturates instead of overflowing.
    pub fn times(self, n: i16) -> Self {
        Powers(self.0.map(|p| p.saturating_mul(n)))
    }

    /// Half of every exponent: the square root of the unit. `None` if an exponent is odd.
    pub fn half(self) -> Option<Self> {
        self.0.iter().all(|p| p % 2 == 0).then(|| Powers(self.0.map(|p| p / 2)))
    }

    /// The sum of the exponents (`sign` 1) or their difference (`sign` −1): the unit of a product or a quotient.
    fn plus(self, other: Self, sign: i16) -> Self {
        let mut sum = self.0;
        for (a, b) in sum.iter_mut().zip(other.0) {
            *a = a.saturating_add(b.saturating_mul(sign));
        }
        Powers(sum)
    }

    /// The dimension in words, for messages: "a current". Units without a name here are written in SI base units.
    pub fn noun(self) -> String {
        let known = [
            (DIMENSIONLESS, "a number without unit"),
            (TIME, "a time"),
            (RATE, "a rate"),
            (LENGTH, "a length"),
            (CURRENT, "a current"),
            (CHARGE, "a charge"),
            (VOLTAGE, "a voltage"),
            (CONDUCTANCE, "a conductance"),
            (RESISTANCE, "a resistance"),
            (CAPACITANCE, "a capacitance"),
            (AMOUNT, "an amount of substance"),
            (CONCENTRATION, "a concentration"),
        ];
        if let Some((_, noun)) = known.iter().find(|(powers, _)| *powers == self) {
            return (*noun).to_string();
        }
        let units: Vec<String> = ["m", "kg", "s", "A", "mol"]
            .iter()
            .zip(self.0)
            .filter(|(_, power)| *power != 0)
            .map(|(unit, power)| if power == 1 { (*unit).to_string() } else { format!("{unit}^{power}") })
            .collect();
        format!("a quantity in {}", units.join("·"))
    }
}

/// `mantissa · 10^exponent` in SI base units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quantity {
    pub mantissa: f64,
    pub exponent: i32,
    pub powers: Powers,
}

impl Quantity {
    /// A number without unit.
    pub fn number(x: f64) -> Self {
        Quantity { mantissa: x, exponent: 0, powers: DIMENSIONLESS }
    }

    /// The mantissa if the power of ten were `exponent`.
    pub fn mantissa_at(self, exponent: i32) -> f64 {
        times_power_of_ten(self.mantissa, self.exponent.saturating_sub(exponent))
    }

    /// Whether the value in SI base units is a finite number.
    pub fn is_finite(self) -> bool {
        self.mantissa.is_finite() && self.mantissa_at(0).is_finite()
    }

    /// The value in the engine's unit of `dimension`. `None` if the quantity has another dimension, and for `Drive` and
    /// `Weight`, which have no unit of their own.
    pub fn in_engine_unit(self, dimension: Dimension) -> Option<f64> {
        let (powers, exponent) = engine_unit(dimension)?;
        (powers == self.powers).then(|| self.mantissa_at(exponent))
    }

    /// The sum (`sign` 1) or difference (`sign` −1). `None` if the dimensions differ.
    pub fn plus(self, other: Self, sign: f64) -> Option<Self> {
        let exponent = self.exponent.min(other.exponent);
        (self.powers == other.powers).then(|| Quantity {
            mantissa: self.mantissa_at(exponent) + sign * other.mantissa_at(exponent),
            exponent,
            powers: self.powers,
        })
    }
}

impl Mul for Quantity {
    type Output = Quantity;

    fn mul(self, other: Quantity) -> Quantity {
        Quantity {
            mantissa: self.mantissa * other.mantissa,
            exponent: self.exponent.saturating_add(other.exponent),
            powers: self.powers.plus(other.powers, 1),
        }
    }
}

impl Div for Quantity {
    type Output = Quantity;

    fn div(self, other: Quantity) -> Quantity {
        Quantity {
            mantissa: self.mantissa / other.mantissa,
            exponent: self.exponent.saturating_sub(other.exponent),
            powers: self.powers.plus(other.powers, -1),
        }
    }
}

/// The engine's unit of a dimension: exponents of the base units, and power of ten.
fn engine_unit(dimension: Dimension) -> Option<(Powers, i32)> {
    Some(match dimension {
        Dimension::One => (DIMENSIONLESS, 0),
        Dimension::Time => (TIME, -3),
        Dimension::Voltage => (VOLTAGE, -3),
        Dimension::Current => (CURRENT, -12),
        Dimension::Conductance => (CONDUCTANCE, -9),
        Dimension::Capacitance => (CAPACITANCE, -12),
        Dimension::Frequency => (RATE, 0),
        Dimension::Charge => (CHARGE, -15),
        Dimension::Drive | Dimension::Weight => return None,
    })
}

/// Units of `dimension`, as examples in messages.
pub(crate) fn examples(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::One => "no unit",
        Dimension::Time => "ms, s, us",
        Dimension::Voltage => "mV, V, uV",
        Dimension::Current => "pA, nA, uA",
        Dimension::Conductance => "nS, uS, mS",
        Dimension::Capacitance => "pF, nF, uF",
        Dimension::Frequency => "Hz, kHz, 1/ms",
        Dimension::Charge => "fC, pC, nC",
        Dimension::Drive | Dimension::Weight => "mV, pA",
    }
}

/// `x · 10^by`, computed on the decimal digits of `x` and rounded once. A multiplication by a power of ten in binary
/// would turn 0.57 s into 569.9999999999999 ms.
fn times_power_of_ten(x: f64, by: i32) -> f64 {
    if by == 0 || x == 0.0 || !x.is_finite() {
        return x;
    }
    let text = format!("{x:e}");
    let Some((digits, exponent)) = text.split_once('e') else { return x };
    let exponent = exponent.parse::<i32>().unwrap_or(0).saturating_add(by);
    format!("{digits}e{exponent}").parse().unwrap_or(f64::NAN)
}

/// A number for messages: with an exponent if it is below 1e-4 or from 1e9 on.
pub(crate) fn show(x: f64) -> String {
    let size = x.abs();
    if x != 0.0 && x.is_finite() && !(1e-4..1e9).contains(&size) { format!("{x:e}") } else { format!("{x}") }
}

/// The unit with this symbol ("ms", "MOhm"), which may end in a power ("cm2").
pub(crate) fn unit(symbol: &str) -> Option<Quantity> {
    let name = symbol.trim_end_matches(|c: char| c.is_ascii_digit());
    let power = match &symbol[name.len()..] {
        "" => 1,
        digits => digits.parse::<i16>().ok().filter(|p| *p <= MAX_POWER)?,
    };
    unit_without_power(name).map(|unit| raise(unit, power))
}

/// Largest accepted power of a unit.
const MAX_POWER: i16 = 12;

/// `unit` to the power `power`.
fn raise(unit: Quantity, power: i16) -> Quantity {
    let one = Quantity::number(1.0);
    (0..power.unsigned_abs()).fold(one, |product, _| if power > 0 { product * unit } else { product / unit })
}

/// The unit with this symbol, with or without a prefix.
fn unit_without_power(name: &str) -> Option<Quantity> {
    let make = |mantissa: f64, exponent: i32, powers: Powers| Some(Quantity { mantissa, exponent, powers });
    match name {
        "min" => return make(6.0, 1, TIME),
        "h" => return make(36.0, 2, TIME),
        "cm" => return make(1.0, -2, LENGTH),
        _ => {}
    }
    let base = |name: &str| -> Option<(Powers, i32)> {
        Some(match name {
            "s" => (TIME, 0),
            "V" => (VOLTAGE, 0),
            "A" => (CURRENT, 0),
            "S" => (CONDUCTANCE, 0),
            "F" => (CAPACITANCE, 0),
            "ohm" | "Ohm" | "Ω" | "\u{2126}" => (RESISTANCE, 0),
            "Hz" => (RATE, 0),
            "C" => (CHARGE, 0),
            "M" => (CONCENTRATION, 3), // mol per litre
            "mol" => (AMOUNT, 0),
            "m" => (LENGTH, 0),
            _ => return None,
        })
    };
    if let Some((powers, exponent)) = base(name) {
        return make(1.0, exponent, powers);
    }
    let mut rest = name.chars();
    let prefix = match rest.next()? {
        'f' => -15,
        'p' => -12,
        'n' => -9,
        'u' | 'µ' | 'μ' => -6,
        'm' => -3,
        'k' => 3,
        'M' => 6,
        'G' => 9,
        _ => return None,
    };
    let (powers, exponent) = base(rest.as_str())?;
    make(1.0, exponent + prefix, powers)
}

/// Parses text such as "20 ms", "-0.5 uA/cm2", "3 1/ms", "1e-3" or "5". The error says what is wrong with the text.
pub(crate) fn parse(text: &str) -> Result<Quantity, String> {
    let text = text.trim();
    let length = number_length(text);
    let (digits, units) = text.split_at(length);
    let mantissa: f64 = match digits.parse() {
        Ok(x) => x,
        Err(_) => return Err(number_error(text)),
    };
    if !mantissa.is_finite() {
        return Err("too large for a number".to_string());
    }
    Ok(Quantity::number(mantissa) * parse_units(units)?)
}

/// The message about a text that does not begin with a number.
fn number_error(text: &str) -> String {
    match text.trim_start_matches(['+', '-']).to_lowercase().as_str() {
        t if t.starts_with("nan") || t.starts_with("inf") => "not a finite number".to_string(),
        _ => "not a quantity: write a number and a unit, as in \"20 ms\", or an expression that starts with \"=\""
            .to_string(),
    }
}

/// Length in bytes of the decimal number at the beginning of `text`; 0 if there is no number.
pub(crate) fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let end_of_digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let mut end = end_of_digits(usize::from(matches!(bytes.first(), Some(b'+' | b'-'))));
    if bytes.get(end) == Some(&b'.') {
        end = end_of_digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let after = end_of_digits(end + 1 + sign);
        if after > end + 1 + sign {
            end = after;
        }
    }
    end
}

/// Parses a product of units: symbols joined by `*`, `·`, `/` or blanks. A symbol may have a power ("cm2", "cm^2",
/// "s^-1"). A `/` divides only by the symbol that follows it.
fn parse_units(text: &str) -> Result<Quantity, String> {
    let mut product = Quantity::number(1.0);
    let mut rest = text.trim();
    let mut first = true;
    while !rest.is_empty() {
        let (divide, after) = match rest.chars().next() {
            Some('/') => (true, &rest[1..]),
            Some('*') if !first => (false, &rest[1..]),
            Some('·') if !first => (false, &rest['·'.len_utf8()..]),
            _ => (false, rest),
        };
        let after = after.trim_start();
        let length = after.find(|c: char| !c.is_alphanumeric()).unwrap_or(after.len());
        let (symbol, mut tail) = after.split_at(length);
        let mut factor = match symbol {
            "1" => Quantity::number(1.0),
            _ => unit(symbol).ok_or_else(|| unknown_unit(symbol, after))?,
        };
        if let Some(power) = tail.trim_start().strip_prefix('^') {
            let power = power.trim_start();
            let length = number_length(power);
            let exponent = power[..length].parse::<i16>().ok().filter(|p| p.abs() <= MAX_POWER);
            factor = raise(
                factor,
                exponent.ok_or_else(|| {
                    format!("the power after \"{symbol}^\" must be a whole number from -{MAX_POWER} to {MAX_POWER}")
                })?,
            );
            tail = &power[length..];
        }
        product = if divide { product / factor } else { product * factor };
        rest = tail.trim_start();
        first = false;
    }
    Ok(product)
}

/// The message about a unit that does not exist. `rest` is the text from the symbol on.
fn unknown_unit(symbol: &str, rest: &str) -> String {
    let wrong = if symbol.is_empty() { rest } else { symbol };
    let common =
        ["ms", "s", "us", "mV", "V", "pA", "nA", "uA", "nS", "uS", "pF", "nF", "Hz", "kHz", "fC", "pC", "MOhm"];
    let lower = wrong.to_lowercase();
    let hint = match common.iter().find(|unit| unit.to_lowercase() == lower) {
        Some(unit) => format!("did you mean {unit}? (units are case-sensitive)"),
        None => "known are s, V, A, S, F, ohm, Hz, C, M, mol, m with the prefixes f p n u m k M G, and cm, min, h"
            .to_string(),
    };
    format!("unknown unit \"{}\"; {hint}", wrong.escape_debug())
}
