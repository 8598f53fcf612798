//! Tests with random changes of a configuration: every text must give a valid plan or a list of problems, never a
//! panic.

use super::{EXPANDED, NETWORK, resolve};
use crate::plan::{Plan, Rule, Selection, Value};
use proptest::prelude::*;

/// Texts that are inserted. Many of them keep the configuration valid TOML.
const PIECES: &[&str] = &[
    "\"20 pA\"",
    "3",
    "0.5",
    "\"3 mV\"",
    "\"0.5 s\"",
    "\"4 Hz\"",
    "false",
    "\"none\"",
    "\"1 ms\"",
    "\"= g*J\"",
    "\"= (\"",
    "\"= min(1,2)^-g\"",
    "nan",
    "-inf",
    "0",
    "-1",
    "1e308",
    "18446744073709551616",
    "true",
    "[]",
    "{}",
    "[1, 2]",
    "{ normal = [\"1 mV\", \"2 mV\"], min = \"0 mV\" }",
    "{ lognormal = [1, 1e-300] }",
    "{ fixed_total_number = 10 }",
    "{ fixed_in_degree = \"= g\" }",
    "\"one_to_one\"",
    "\"I\"",
    "[\"I\", \"I\"]",
    "\"3..\"",
    "{ population = \"I\", neurons = \"0..3\" }",
    "like = \"I\"\n",
    "[population.E]\nlike = \"I\"\n",
    "per_source.X = [1]\n",
    "per_pair.X = [[1, 2]]\n",
    "[projection.b]\n",
    "[input.b]\n",
    "kind = \"poisson\"\n",
    "kind = \"charge_pulse\"\n",
    "times = [\"1 ms\", \"2 ms\"]\n",
    "C = \"250 pF\", ",
    "base = \"x\"\n",
    "\"",
    "'''",
    "\n",
    "=",
    ".",
    "µ",
    "\u{0}",
    "\"5 1/s^9\"",
    "init.v = 1\n",
    "receptor.a = { kind = \"exponential\", tau = \"1 ms\" }\n",
    "2024-01-01",
    "\"1e-320 s\"",
    "0x_f",
    "dt = \"1e-300 ms\"\n",
];

#[derive(Clone, Debug)]
enum Edit {
    Delete(usize, usize),
    Repeat(usize, usize),
    Insert(usize, String),
    Replace(usize, usize, String),
    /// Replaces the value of the n-th key. The text then stays valid TOML more often.
    Value(usize, String),
    /// Replaces the n-th digit by another character.
    Digit(usize, char),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = 0..2000usize;
    let length = 0..40usize;
    let piece = prop_oneof![
        4 => prop::sample::select(PIECES).prop_map(str::to_string),
        1 => any::<f64>().prop_map(|x| format!("{x:e}")),
        1 => any::<i64>().prop_map(|x| x.to_string()),
        1 => "\\PC{0,8}",
        1 => prop::collection::vec(any::<u8>(), 0..6).prop_map(|b| String::from_utf8_lossy(&b).into_owned()),
    ];
    prop_oneof![
        4 => (at.clone(), prop::sample::select(&['0', '1', '3', '7', '9', '-', 'e', '.'][..])).prop_map(|(n, c)| Edit::Digit(n, c)),
        1 => (at.clone(), length.clone()).prop_map(|(a, n)| Edit::Delete(a, n)),
        1 => (at.clone(), length.clone()).prop_map(|(a, n)| Edit::Repeat(a, n)),
        1 => (at.clone(), piece.clone()).prop_map(|(a, p)| Edit::Insert(a, p)),
        1 => (at.clone(), length, piece.clone()).prop_map(|(a, n, p)| Edit::Replace(a, n, p)),
        1 => (at, piece).prop_map(|(a, p)| Edit::Value(a, p)),
    ]
}

/// Moves three of four positions to the next end of a value or line. Edits there keep the text valid TOML more often.
fn boundary(text: &[char], at: usize) -> usize {
    let at = at % (text.len() + 1);
    if at.is_multiple_of(4) {
        at
    } else {
        text[at..].iter().position(|c| "\n\" =,{}[]".contains(*c)).map_or(text.len(), |n| at + n)
    }
}

fn replace_value(chars: &mut Vec<char>, n: usize, piece: &str) {
    let signs: Vec<usize> = (0..chars.len()).filter(|&i| chars[i] == '=' && chars.get(i + 1) == Some(&' ')).collect();
    if signs.is_empty() {
        return;
    }
    let start = signs[n % signs.len()] + 1;
    let end = chars[start..].iter().position(|c| ",}\n".contains(*c)).map_or(chars.len(), |at| start + at);
    chars.splice(start..end, piece.chars());
}

fn apply(text: &str, edits: &[Edit]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for edit in edits {
        let (at, length, new) = match edit {
            Edit::Delete(at, length) => (*at, *length, String::new()),
            Edit::Value(at, _) | Edit::Digit(at, _) => (*at, 0, String::new()),
            Edit::Insert(at, piece) => (*at, 0, piece.clone()),
            Edit::Replace(at, length, piece) => (*at, *length, piece.clone()),
            Edit::Repeat(at, length) => {
                let start = boundary(&chars, *at);
                (*at, 0, chars[start..(start + length).min(chars.len())].iter().collect())
            }
        };
        if let Edit::Value(n, piece) = edit {
            replace_value(&mut chars, *n, piece);
            continue;
        }
        if let Edit::Digit(n, c) = edit {
            let digits: Vec<usize> = (0..chars.len()).filter(|&i| chars[i].is_ascii_digit()).collect();
            if let Some(&at) = digits.get(n % digits.len().max(1)) {
                chars[at] = *c;
            }
            continue;
        }
        let start = boundary(&chars, at);
        let end = if length == 0 { start } else { boundary(&chars, (start + length).min(chars.len())).max(start) };
        chars.splice(start..end, new.chars());
    }
    chars.into_iter().collect()
}

/// Asserts the properties that the builder relies on.
fn assert_valid(plan: &Plan) {
    assert!(plan.dt > 0.0 && plan.dt.is_finite() && plan.steps > 0);
    let within = |s: &Selection| {
        let population = &plan.populations[s.population];
        assert!(s.neurons.start < s.neurons.end && s.neurons.end <= population.size);
    };
    let finite = |value: &Value| match value {
        Value::Constant(x) => assert!(x.is_finite()),
        Value::Drawn { min, max, .. } => assert!(min < max),
    };
    for population in &plan.populations {
        assert!(population.size > 0);
        assert_eq!(population.neuron.values.len(), population.neuron.page.fields.len());
        population.neuron.values.iter().flatten().for_each(finite);
    }
    for input in &plan.inputs {
        within(&input.to);
        assert!(input.start < input.stop);
        assert!(input.receptor.is_none_or(|r| r < plan.populations[input.to.population].receptors.len()));
        assert_eq!(input.model.values.len(), input.model.page.fields.len());
    }
    for projection in &plan.projections {
        within(&projection.from);
        within(&projection.to);
        assert!(projection.receptor < plan.populations[projection.to.population].receptors.len());
        finite(&projection.weight);
        finite(&projection.delay);
        if let Rule::ErdosRenyi(p) = projection.rule {
            assert!((0.0..=1.0).contains(&p));
        }
    }
    assert!(plan.record.from < plan.steps && plan.record.flush_s > 0.0);
    plan.record.spikes.iter().for_each(within);
    plan.record.traces.iter().for_each(|t| {
        within(&t.of);
        assert!(t.every > 0 && !t.variables.is_empty());
    });
}

/// Number of random cases: the environment variable LAPICQUE_FUZZ_CASES, else 500.
fn cases() -> u32 {
    std::env::var("LAPICQUE_FUZZ_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(500)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_text_never_panics(
        base in prop::sample::select(&[NETWORK, EXPANDED][..]),
        edits in prop::collection::vec(edit(), 1..4),
        overrides in prop::collection::vec("[a-zA-Z.0-9_]{0,12}=\\PC{0,6}", 0..2),
    ) {
        let text = apply(base, &edits);
        let overrides: Vec<&str> = overrides.iter().map(String::as_str).collect();
        match resolve(&text, &overrides) {
            Ok(loaded) => assert_valid(&loaded.plan),
            Err(error) => prop_assert!(!error.problems.is_empty() && !error.to_string().is_empty()),
        }
    }

    #[test]
    fn any_expression_never_panics(text in "[0-9a-z.+*/^()=, µ-]{0,30}") {
        let _ = resolve(&NETWORK.replace("= -J", &format!("={}", text)), &[]);
    }
}
