//! Expressions: strings that start with "=", computed with units.
//!
//! Grammar, loosest first: `+ -`, `* /`, unary `-`, `^` (to the right), then a number with an optional unit, a name, a
//! function call or parentheses. A word right after a number is its unit; elsewhere it is a name, or a unit where no
//! such name exists ("= 3 mV/ms"). The functions whose last bit differs between system libraries go through libm, so
//! that a configuration means the same bits everywhere.

use super::problem::nearest;
use super::units::{self, Quantity};
use std::ops::Range;

/// An expression, ready to be computed.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    root: Term,
}

/// What is wrong with an expression, and at which bytes of its text (after the "=").
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub span: Range<usize>,
    pub message: String,
    pub remedy: Option<String>,
    /// The expression is fine, but a name in it stands for something that was reported already.
    pub reported: bool,
}

/// What a name stands for.
pub(crate) enum Meaning {
    Known(Quantity),
    /// Its own definition is wrong, which was reported there.
    Broken,
    Unknown,
}

/// The names an expression may use.
pub(crate) trait Names {
    fn meaning(&self, name: &str) -> Meaning;
    /// All names, for messages.
    fn all(&self) -> Vec<String>;
}

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

/// Operators and parentheses in one expression: nesting beyond this is refused, because parser and evaluation recurse.
const LARGEST: usize = 200;

impl Fault {
    fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Fault { span, message: message.into(), remedy: None, reported: false }
    }
}

impl Expression {
    /// Parse the text after the "=".
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let mut parser = Parser { text, at: 0, size: 0 };
        let root = parser.sum()?;
        parser.blank();
        match parser.peek() {
            None => Ok(Expression { root }),
            Some(c) => Err(Fault::new(parser.at..parser.at + c.len_utf8(), format!("unexpected \"{c}\""))),
        }
    }

    /// The names it mentions, units among them.
    pub fn names(&self) -> Vec<&str> {
        let mut found = Vec::new();
        let mut open = vec![&self.root];
        while let Some(term) = open.pop() {
            match &term.kind {
                TermKind::Constant(_) => {}
                TermKind::Name(name) => found.push(name.as_str()),
                TermKind::Negative(inner) => open.push(inner),
                TermKind::Operation(_, a, b) => open.extend([&**a, &**b]),
                TermKind::Call(_, arguments) => open.extend(arguments),
            }
        }
        found
    }

    /// Compute it.
    pub fn value(&self, names: &dyn Names) -> Result<Quantity, Fault> {
        let value = evaluate(&self.root, names)?;
        if !value.is_finite() {
            return Err(Fault::new(self.root.span.clone(), "the result is not a finite number"));
        }
        Ok(value)
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    size: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn blank(&mut self) {
        while let Some(c) = self.peek().filter(|c| c.is_whitespace()) {
            self.at += c.len_utf8();
        }
    }

    /// Take one of these characters, if it is next.
    fn take(&mut self, accepted: &[char]) -> Option<char> {
        self.blank();
        let c = self.peek().filter(|c| accepted.contains(c))?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn word(&mut self) -> Option<String> {
        let rest = &self.text[self.at..];
        rest.chars().next().filter(|c| c.is_alphabetic() || *c == '_')?;
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        self.at += length;
        Some(rest[..length].to_string())
    }

    fn grow(&mut self) -> Result<(), Fault> {
        self.size += 1;
        if self.size > LARGEST {
            return Err(Fault::new(self.at..self.at, format!("an expression has at most {LARGEST} parts")));
        }
        Ok(())
    }

    fn sum(&mut self) -> Result<Term, Fault> {
        let mut left = self.product()?;
        while let Some(sign) = self.take(&['+', '-']) {
            left = self.operation(sign, left, Self::product)?;
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Term, Fault> {
        let mut left = self.negation()?;
        while let Some(sign) = self.take(&['*', '/']) {
            left = self.operation(sign, left, Self::negation)?;
        }
        Ok(left)
    }

    fn operation(
        &mut self,
        sign: char,
        left: Term,
        operand: fn(&mut Self) -> Result<Term, Fault>,
    ) -> Result<Term, Fault> {
        self.grow()?;
        let right = operand(self)?;
        let span = left.span.start..right.span.end;
        Ok(Term { span, kind: TermKind::Operation(sign, Box::new(left), Box::new(right)) })
    }

    fn negation(&mut self) -> Result<Term, Fault> {
        self.grow()?;
        self.blank();
        let start = self.at;
        match self.take(&['-', '+']) {
            Some('-') => {
                let inner = self.negation()?;
                Ok(Term { span: start..inner.span.end, kind: TermKind::Negative(Box::new(inner)) })
            }
            Some(_) => self.negation(),
            None => self.power(),
        }
    }

    fn power(&mut self) -> Result<Term, Fault> {
        let base = self.primary()?;
        match self.take(&['^']) {
            Some(sign) => self.operation(sign, base, Self::negation),
            None => Ok(base),
        }
    }

    fn primary(&mut self) -> Result<Term, Fault> {
        self.grow()?;
        self.blank();
        let start = self.at;
        if self.take(&['(']).is_some() {
            let inner = self.sum()?;
            if self.take(&[')']).is_none() {
                return Err(Fault::new(start..start + 1, "this parenthesis is not closed"));
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
            Some(c) => Err(Fault::new(
                start..start + c.len_utf8(),
                format!("unexpected \"{c}\"; a number, a name or a parenthesis is needed"),
            )),
            None => Err(Fault::new(start..start, "the expression ends where a number or a name is needed")),
        }
    }

    fn number(&mut self) -> Result<Term, Fault> {
        let start = self.at;
        self.at += units::number_length(&self.text[start..]);
        let mantissa: f64 =
            self.text[start..self.at].parse().map_err(|_| Fault::new(start..start + 1, "not a number"))?;
        let end = self.at;
        self.blank();
        let at = self.at;
        let Some(symbol) = self.word() else {
            self.at = end;
            return Ok(Term { span: start..end, kind: TermKind::Constant(Quantity::number(mantissa)) });
        };
        let span = at..self.at;
        let mut factor = units::unit(&symbol).ok_or_else(|| Fault {
            remedy: Some("write * between a number and a name".to_string()),
            ..Fault::new(span, format!("\"{symbol}\" is not a known unit"))
        })?;
        // A power right after a unit belongs to the unit, as in the text of a quantity: 2 cm^2.
        let before = self.at;
        if !factor.powers.is_none() && self.take(&['^']).is_some() {
            self.blank();
            let digits = units::number_length(&self.text[self.at..]);
            let power = self.text[self.at..self.at + digits].parse::<i32>().ok().filter(|p| p.abs() <= 12);
            match power {
                Some(power) => {
                    factor = whole_power(factor, power);
                    self.at += digits;
                }
                None => {
                    return Err(Fault::new(before..self.at, "a whole number is needed after a unit's ^"));
                }
            }
        }
        let constant = Quantity::number(mantissa) * factor;
        Ok(Term { span: start..self.at, kind: TermKind::Constant(constant) })
    }

    fn call(&mut self, word: &str, span: Range<usize>) -> Result<Term, Fault> {
        let names = || FUNCTIONS.iter().map(|(name, _)| *name);
        let Some(&(_, function)) = FUNCTIONS.iter().find(|(name, _)| *name == word) else {
            let known: Vec<&str> = names().collect();
            return Err(Fault {
                remedy: nearest(word, names()).map(|name| format!("did you mean {name}?")),
                ..Fault::new(span, format!("unknown function \"{word}\"; known are {}", known.join(", ")))
            });
        };
        let mut arguments = vec![self.sum()?];
        while self.take(&[',']).is_some() {
            arguments.push(self.sum()?);
        }
        if self.take(&[')']).is_none() {
            return Err(Fault::new(span, format!("the parenthesis of {word}( is not closed")));
        }
        let several = matches!(function, Function::Min | Function::Max);
        if arguments.len() != 1 && !several {
            return Err(Fault::new(span, format!("{word} takes one argument, not {}", arguments.len())));
        }
        Ok(Term { span: span.start..self.at, kind: TermKind::Call(function, arguments) })
    }
}

/// `base^power` by libm on the mantissa: exact where the mantissa is 1, as in every unit.
fn whole_power(base: Quantity, power: i32) -> Quantity {
    let small = i16::try_from(power).unwrap_or(if power > 0 { i16::MAX } else { i16::MIN });
    Quantity {
        mantissa: libm::pow(base.mantissa, f64::from(power)),
        exponent: base.exponent.saturating_mul(power),
        powers: base.powers.times(small),
    }
}

fn evaluate(term: &Term, names: &dyn Names) -> Result<Quantity, Fault> {
    match &term.kind {
        TermKind::Constant(quantity) => Ok(*quantity),
        TermKind::Name(name) => look_up(name, term.span.clone(), names),
        TermKind::Negative(inner) => {
            let value = evaluate(inner, names)?;
            Ok(Quantity { mantissa: -value.mantissa, ..value })
        }
        TermKind::Operation(sign, a, b) => {
            let (a, b) = (evaluate(a, names)?, evaluate(b, names)?);
            operate(*sign, a, b).map_err(|message| Fault::new(term.span.clone(), message))
        }
        TermKind::Call(function, arguments) => {
            let values = arguments.iter().map(|a| evaluate(a, names)).collect::<Result<Vec<_>, _>>()?;
            apply(*function, &values).map_err(|message| Fault::new(term.span.clone(), message))
        }
    }
}

fn look_up(name: &str, span: Range<usize>, names: &dyn Names) -> Result<Quantity, Fault> {
    match names.meaning(name) {
        Meaning::Known(quantity) => return Ok(quantity),
        Meaning::Broken => return Err(Fault { reported: true, ..Fault::new(span, "") }),
        Meaning::Unknown => {}
    }
    if name == "pi" {
        return Ok(Quantity::number(std::f64::consts::PI));
    }
    if let Some(unit) = units::unit(name) {
        return Ok(unit);
    }
    let all = names.all();
    let known = match all.len() {
        0 => "[parameters] is empty".to_string(),
        _ => format!("known are {}", all.join(", ")),
    };
    Err(Fault {
        remedy: nearest(name, all.iter().map(String::as_str)).map(|name| format!("did you mean {name}?")),
        ..Fault::new(span, format!("unknown name \"{name}\"; {known}"))
    })
}

fn operate(sign: char, a: Quantity, b: Quantity) -> Result<Quantity, String> {
    let differ = |words: &str| format!("cannot {words} {} and {}", a.powers.noun(), b.powers.noun());
    match sign {
        '+' => a.plus(b, 1.0).ok_or_else(|| differ("add")),
        '-' => a.plus(b, -1.0).ok_or_else(|| differ("subtract")),
        '*' => Ok(a * b),
        '/' if b.mantissa == 0.0 => Err("division by zero".to_string()),
        '/' => Ok(a / b),
        _ => {
            if !b.powers.is_none() {
                return Err(format!("an exponent is a number without unit, not {}", b.powers.noun()));
            }
            let power = b.at(0);
            if a.powers.is_none() {
                return Ok(Quantity::number(libm::pow(a.at(0), power)));
            }
            if power.fract() != 0.0 || power.abs() > 100.0 {
                return Err(format!("{} can only be raised to a small whole power; use sqrt()", a.powers.noun()));
            }
            Ok(whole_power(a, power as i32))
        }
    }
}

fn apply(function: Function, values: &[Quantity]) -> Result<Quantity, String> {
    let Some(&first) = values.first() else { return Err("an argument is needed".to_string()) };
    let plain = |name: &str, f: fn(f64) -> f64| {
        if !first.powers.is_none() {
            return Err(format!("{name} takes a number without unit, not {}", first.powers.noun()));
        }
        Ok(Quantity::number(f(first.at(0))))
    };
    let extreme = |name: &str, better: fn(f64, f64) -> bool| {
        values[1..].iter().try_fold(first, |best, &next| match next.plus(best, -1.0) {
            Some(difference) => Ok(if better(difference.mantissa, 0.0) { next } else { best }),
            None => Err(format!("{name} cannot compare {} and {}", best.powers.noun(), next.powers.noun())),
        })
    };
    match function {
        Function::Sqrt => {
            let powers = first.powers.half().ok_or_else(|| format!("no square root of {}", first.powers.noun()))?;
            if first.mantissa < 0.0 {
                return Err("no square root of a negative value".to_string());
            }
            // An odd power of ten would leave a factor √10: make it even first.
            let exponent = first.exponent - first.exponent.rem_euclid(2);
            Ok(Quantity { mantissa: first.at(exponent).sqrt(), exponent: exponent / 2, powers })
        }
        Function::Exp => plain("exp", libm::exp),
        Function::Log if first.powers.is_none() && first.mantissa <= 0.0 => {
            Err("log takes a number greater than 0".to_string())
        }
        Function::Log => plain("log", libm::log),
        Function::Abs => Ok(Quantity { mantissa: first.mantissa.abs(), ..first }),
        Function::Min => extreme("min", |a, b| a < b),
        Function::Max => extreme("max", |a, b| a > b),
        // Half to even, as numpy: 1065 * 0.1 is 106.5 and becomes 106.
        Function::Round => plain("round", f64::round_ties_even),
        Function::Floor => plain("floor", f64::floor),
        Function::Ceil => plain("ceil", f64::ceil),
    }
}
