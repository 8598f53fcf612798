//! Expressions: strings that start with "=". They are computed with units.
//!
//! Operators from lowest to highest precedence: `+` and `-`; `*` and `/`; the sign `-`; `^` (right-associative).
//! Operands are numbers with an optional unit, names, function calls and parentheses. A word directly after a number is
//! its unit. Any other word is a name, or a unit if there is no such name ("= 3 mV/ms").
//!
//! `exp`, `log` and `^` use the crate libm, because the results of system libraries differ in the last bit. A
//! configuration thus gives the same bits on every machine.

use super::problem::nearest;
use super::units::{self, Quantity};
use std::ops::Range;

/// A parsed expression.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    root: Term,
}

/// An error in an expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ExpressionError {
    /// Bytes of the text after the "=".
    pub span: Range<usize>,
    pub message: String,
    pub remedy: Option<String>,
    /// The expression itself is right, but the definition of a name in it is wrong. That definition has been reported.
    pub already_reported: bool,
}

/// The result of looking up a name.
pub(crate) enum LookupResult {
    Value(Quantity),
    /// The name exists, but its definition is wrong, which has been reported.
    Invalid,
    /// There is no such name.
    Unknown,
}

/// The names that an expression may use, with their values.
pub(crate) trait NameLookup {
    /// The value of a name.
    fn look_up(&self, name: &str) -> LookupResult;
    /// All names, for messages.
    fn all_names(&self) -> Vec<String>;
}

/// A node of the syntax tree.
#[derive(Clone, Debug)]
struct Term {
    span: Range<usize>,
    kind: TermKind,
}

#[derive(Clone, Debug)]
enum TermKind {
    Constant(Quantity),
    Name(String),
    Negative(Box<Term>),
    Operation(char, Box<Term>, Box<Term>),
    Call(Function, Vec<Term>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Sqrt,
    Exp,
    Log,
    Abs,
    Min,
    Max,
    Round,
    Floor,
    Ceil,
}

const FUNCTIONS: [(&str, Function); 9] = [
    ("sqrt", Function::Sqrt),
    ("exp", Function::Exp),
    ("log", Function::Log),
    ("abs", Function::Abs),
    ("min", Function::Min),
    ("max", Function::Max),
    ("round", Function::Round),
    ("floor", Function::Floor),
    ("ceil", Function::Ceil),
];

/// Maximum number of operators and operands in one expression, as the parser counts them. The parser and the evaluation
/// recurse; the limit prevents a stack overflow.
const MAX_PARTS: usize = 200;

impl ExpressionError {
    fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        ExpressionError { span, message: message.into(), remedy: None, already_reported: false }
    }
}

impl Expression {
    /// Parses the text after the "=".
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let mut parser = Parser { text, at: 0, parts: 0 };
        let root = parser.sum()?;
        parser.skip_blanks();
        match parser.peek() {
            None => Ok(Expression { root }),
            Some(c) => Err(ExpressionError::new(parser.at..parser.at + c.len_utf8(), format!("unexpected \"{c}\""))),
        }
    }

    /// The words that are not functions: names, and units that do not follow a number.
    pub fn names(&self) -> Vec<&str> {
        let mut found = Vec::new();
        let mut pending = vec![&self.root];
        while let Some(term) = pending.pop() {
            match &term.kind {
                TermKind::Constant(_) => {}
                TermKind::Name(name) => found.push(name.as_str()),
                TermKind::Negative(inner) => pending.push(inner),
                TermKind::Operation(_, a, b) => pending.extend([&**a, &**b]),
                TermKind::Call(_, arguments) => pending.extend(arguments),
            }
        }
        found
    }

    /// Computes the expression. The result must be finite.
    pub fn value(&self, names: &dyn NameLookup) -> Result<Quantity, ExpressionError> {
        let value = evaluate(&self.root, names)?;
        if !value.is_finite() {
            return Err(ExpressionError::new(self.root.span.clone(), "the result is not a finite number"));
        }
        Ok(value)
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    parts: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn skip_blanks(&mut self) {
        while let Some(c) = self.peek().filter(|c| c.is_whitespace()) {
            self.at += c.len_utf8();
        }
    }

    /// Skips blanks and takes the next character if it is one of these.
    fn take(&mut self, accepted: &[char]) -> Option<char> {
        self.skip_blanks();
        let c = self.peek().filter(|c| accepted.contains(c))?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Takes a word of letters, digits and `_`, if the next character begins one.
    fn word(&mut self) -> Option<String> {
        let rest = &self.text[self.at..];
        rest.chars().next().filter(|c| c.is_alphabetic() || *c == '_')?;
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        self.at += length;
        Some(rest[..length].to_string())
    }

    /// Counts one operator or operand; an error beyond [`MAX_PARTS`].
    fn count_part(&mut self) -> Result<(), ExpressionError> {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(ExpressionError::new(
                self.at..self.at,
                format!(
                    "the expression has more than {MAX_PARTS} parts; define some of them as names under [parameters]"
                ),
            ));
        }
        Ok(())
    }

    /// Parses `a + b - c`.
    fn sum(&mut self) -> Result<Term, ExpressionError> {
        let mut left = self.product()?;
        while let Some(sign) = self.take(&['+', '-']) {
            left = self.operation(sign, left, Self::product)?;
        }
        Ok(left)
    }

    /// Parses `a * b / c`.
    fn product(&mut self) -> Result<Term, ExpressionError> {
        let mut left = self.signed()?;
        while let Some(sign) = self.take(&['*', '/']) {
            left = self.operation(sign, left, Self::signed)?;
        }
        Ok(left)
    }

    /// Parses the right operand of an operator with the function `operand`.
    fn operation(
        &mut self,
        sign: char,
        left: Term,
        operand: fn(&mut Self) -> Result<Term, ExpressionError>,
    ) -> Result<Term, ExpressionError> {
        self.count_part()?;
        let right = operand(self)?;
        let span = left.span.start..right.span.end;
        Ok(Term { span, kind: TermKind::Operation(sign, Box::new(left), Box::new(right)) })
    }

    /// Parses an operand with signs before it.
    fn signed(&mut self) -> Result<Term, ExpressionError> {
        self.count_part()?;
        self.skip_blanks();
        let start = self.at;
        match self.take(&['-', '+']) {
            Some('-') => {
                let inner = self.signed()?;
                Ok(Term { span: start..inner.span.end, kind: TermKind::Negative(Box::new(inner)) })
            }
            Some(_) => self.signed(),
            None => self.power(),
        }
    }

    /// Parses `a ^ b`.
    fn power(&mut self) -> Result<Term, ExpressionError> {
        let base = self.primary()?;
        match self.take(&['^']) {
            Some(sign) => self.operation(sign, base, Self::signed),
            None => Ok(base),
        }
    }

    /// Parses a number, a name, a function call or parentheses.
    fn primary(&mut self) -> Result<Term, ExpressionError> {
        self.count_part()?;
        self.skip_blanks();
        let start = self.at;
        if self.take(&['(']).is_some() {
            let inner = self.sum()?;
            if self.take(&[')']).is_none() {
                return Err(ExpressionError::new(start..start + 1, "this parenthesis is not closed"));
            }
            return Ok(inner);
        }
        if let Some(word) = self.word() {
            let span = start..self.at;
            return match self.take(&['(']) {
                Some(_) => self.call(&word, span),
                None => Ok(Term { span, kind: TermKind::Name(word) }),
            };
        }
        match self.peek() {
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) => Err(ExpressionError::new(
                start..start + c.len_utf8(),
                format!("unexpected \"{c}\"; a number, a name or a parenthesis is needed"),
            )),
            None => Err(ExpressionError::new(start..start, "the expression ends where a number or a name is needed")),
        }
    }

    /// Parses a number and its unit.
    fn number(&mut self) -> Result<Term, ExpressionError> {
        let start = self.at;
        self.at += units::number_length(&self.text[start..]);
        let mantissa: f64 =
            self.text[start..self.at].parse().map_err(|_| ExpressionError::new(start..start + 1, "not a number"))?;
        let end = self.at;
        self.skip_blanks();
        let at = self.at;
        let Some(symbol) = self.word() else {
            self.at = end;
            return Ok(Term { span: start..end, kind: TermKind::Constant(Quantity::number(mantissa)) });
        };
        let span = at..self.at;
        let mut factor = units::unit(&symbol).ok_or_else(|| ExpressionError {
            remedy: Some("write * between a number and a name".to_string()),
            ..ExpressionError::new(span, format!("\"{symbol}\" is not a known unit"))
        })?;
        // A power directly after a unit belongs to the unit, as in a quantity: 2 cm^2 is 2 square centimetres.
        let before = self.at;
        if !factor.powers.is_dimensionless() && self.take(&['^']).is_some() {
            self.skip_blanks();
            let digits = units::number_length(&self.text[self.at..]);
            let power = self.text[self.at..self.at + digits].parse::<i32>().ok().filter(|p| p.abs() <= 12);
            match power {
                Some(power) => {
                    factor = whole_power(factor, power);
                    self.at += digits;
                }
                None => {
                    return Err(ExpressionError::new(
                        before..self.at,
                        "the power of a unit must be a whole number from -12 to 12",
                    ));
                }
            }
        }
        let constant = Quantity::number(mantissa) * factor;
        Ok(Term { span: start..self.at, kind: TermKind::Constant(constant) })
    }

    /// Parses the arguments of the function `word` after its opening parenthesis.
    fn call(&mut self, word: &str, span: Range<usize>) -> Result<Term, ExpressionError> {
        let names = || FUNCTIONS.iter().map(|(name, _)| *name);
        let Some(&(_, function)) = FUNCTIONS.iter().find(|(name, _)| *name == word) else {
            let known: Vec<&str> = names().collect();
            return Err(ExpressionError {
                remedy: nearest(word, names()).map(|name| format!("did you mean {name}?")),
                ..ExpressionError::new(span, format!("unknown function \"{word}\"; known are {}", known.join(", ")))
            });
        };
        let mut arguments = vec![self.sum()?];
        while self.take(&[',']).is_some() {
            arguments.push(self.sum()?);
        }
        if self.take(&[')']).is_none() {
            return Err(ExpressionError::new(span, format!("the parenthesis of {word}( is not closed")));
        }
        let takes_several = matches!(function, Function::Min | Function::Max);
        if arguments.len() != 1 && !takes_several {
            return Err(ExpressionError::new(span, format!("{word} takes one argument, not {}", arguments.len())));
        }
        Ok(Term { span: span.start..self.at, kind: TermKind::Call(function, arguments) })
    }
}

/// `base^power`. The power of the mantissa is computed by libm; it is exact for a mantissa of 1, which nearly every
/// unit has.
fn whole_power(base: Quantity, power: i32) -> Quantity {
    let small = i16::try_from(power).unwrap_or(if power > 0 { i16::MAX } else { i16::MIN });
    Quantity {
        mantissa: libm::pow(base.mantissa, f64::from(power)),
        exponent: base.exponent.saturating_mul(power),
        powers: base.powers.times(small),
    }
}

/// Computes a node of the syntax tree.
fn evaluate(term: &Term, names: &dyn NameLookup) -> Result<Quantity, ExpressionError> {
    match &term.kind {
        TermKind::Constant(quantity) => Ok(*quantity),
        TermKind::Name(name) => value_of_name(name, term.span.clone(), names),
        TermKind::Negative(inner) => {
            let value = evaluate(inner, names)?;
            Ok(Quantity { mantissa: -value.mantissa, ..value })
        }
        TermKind::Operation(sign, a, b) => {
            let (a, b) = (evaluate(a, names)?, evaluate(b, names)?);
            operate(*sign, a, b).map_err(|message| ExpressionError::new(term.span.clone(), message))
        }
        TermKind::Call(function, arguments) => {
            let values = arguments.iter().map(|a| evaluate(a, names)).collect::<Result<Vec<_>, _>>()?;
            apply(*function, &values).map_err(|message| ExpressionError::new(term.span.clone(), message))
        }
    }
}

/// The value of a name: of a parameter or local name, else of `pi`, else of a unit.
fn value_of_name(name: &str, span: Range<usize>, names: &dyn NameLookup) -> Result<Quantity, ExpressionError> {
    match names.look_up(name) {
        LookupResult::Value(quantity) => return Ok(quantity),
        LookupResult::Invalid => {
            return Err(ExpressionError { already_reported: true, ..ExpressionError::new(span, "") });
        }
        LookupResult::Unknown => {}
    }
    if name == "pi" {
        return Ok(Quantity::number(std::f64::consts::PI));
    }
    if let Some(unit) = units::unit(name) {
        return Ok(unit);
    }
    let all = names.all_names();
    let known = match all.len() {
        0 => "[parameters] is empty".to_string(),
        _ => format!("known are {}", all.join(", ")),
    };
    Err(ExpressionError {
        remedy: nearest(name, all.iter().map(String::as_str)).map(|name| format!("did you mean {name}?")),
        ..ExpressionError::new(span, format!("unknown name \"{name}\"; {known}"))
    })
}

fn operate(sign: char, a: Quantity, b: Quantity) -> Result<Quantity, String> {
    let dimensions_differ = |words: &str| format!("cannot {words} {} and {}", a.powers.noun(), b.powers.noun());
    match sign {
        '+' => a.plus(b, 1.0).ok_or_else(|| dimensions_differ("add")),
        '-' => a.plus(b, -1.0).ok_or_else(|| dimensions_differ("subtract")),
        '*' => Ok(a * b),
        '/' if b.mantissa == 0.0 => Err("division by zero".to_string()),
        '/' => Ok(a / b),
        _ => {
            if !b.powers.is_dimensionless() {
                return Err(format!("an exponent is a number without unit, not {}", b.powers.noun()));
            }
            let power = b.mantissa_at(0);
            if a.powers.is_dimensionless() {
                return Ok(Quantity::number(libm::pow(a.mantissa_at(0), power)));
            }
            if power.fract() != 0.0 || power.abs() > 100.0 {
                return Err(format!(
                    "{} can only be raised to a whole power from -100 to 100; sqrt() gives square roots",
                    a.powers.noun()
                ));
            }
            Ok(whole_power(a, power as i32))
        }
    }
}

fn apply(function: Function, values: &[Quantity]) -> Result<Quantity, String> {
    let Some(&first) = values.first() else { return Err("an argument is needed".to_string()) };
    let of_number = |name: &str, f: fn(f64) -> f64| {
        if !first.powers.is_dimensionless() {
            return Err(format!("{name} takes a number without unit, not {}", first.powers.noun()));
        }
        Ok(Quantity::number(f(first.mantissa_at(0))))
    };
    // `better(d, 0.0)` tells whether a value replaces the best value so far; d is the value minus the best value.
    let extreme = |name: &str, better: fn(f64, f64) -> bool| {
        values[1..].iter().try_fold(first, |best, &next| match next.plus(best, -1.0) {
            Some(difference) => Ok(if better(difference.mantissa, 0.0) { next } else { best }),
            None => Err(format!("{name} cannot compare {} and {}", best.powers.noun(), next.powers.noun())),
        })
    };
    match function {
        Function::Sqrt => {
            let powers = first
                .powers
                .half()
                .ok_or_else(|| format!("no square root of {}: its unit is not a square", first.powers.noun()))?;
            if first.mantissa < 0.0 {
                return Err("no square root of a negative value".to_string());
            }
            // Make the power of ten even, because the root of an odd one would leave a factor √10.
            let exponent = first.exponent - first.exponent.rem_euclid(2);
            Ok(Quantity { mantissa: first.mantissa_at(exponent).sqrt(), exponent: exponent / 2, powers })
        }
        Function::Exp => of_number("exp", libm::exp),
        Function::Log if first.powers.is_dimensionless() && first.mantissa <= 0.0 => {
            Err("log takes a number greater than 0".to_string())
        }
        Function::Log => of_number("log", libm::log),
        Function::Abs => Ok(Quantity { mantissa: first.mantissa.abs(), ..first }),
        Function::Min => extreme("min", |a, b| a < b),
        Function::Max => extreme("max", |a, b| a > b),
        // Halves are rounded to even, as in numpy: 1065 * 0.1 is 106.5 and becomes 106.
        Function::Round => of_number("round", f64::round_ties_even),
        Function::Floor => of_number("floor", f64::floor),
        Function::Ceil => of_number("ceil", f64::ceil),
    }
}
