//! Tests of reading configurations, with a small list of models made for these tests.

mod mutated;
mod pages;
mod right;
mod wrong;

use super::{ConfigError, Loaded, parse};

/// A small network with every kind of table. Tests change pieces of this text.
const NETWORK: &str = r#"[parameters]
J = "0.1 mV"
g = 5
[simulation]
duration = "2 s"
dt = "0.1 ms"
seed = 1
[population.I]
size = 5000
neuron = { kind = "lif", tau_m = "20 ms", v_threshold = "20 mV", v_reset = "10 mV", t_ref = "2 ms" }
receptor.inh = { kind = "delta" }
init.v = { uniform = ["0 mV", "20 mV"] }
[input.drive]
kind = "white_noise"
to = "I"
mean = "25 mV"
sigma = "1 mV"
[projection.recurrent]
from = "I"
to = "I"
receptor = "inh"
rule = { erdos_renyi = 0.2 }
weight = "= -J"
delay = "2 ms"
[record]
from = "0 ms"
spikes = "all"
activity = { bin = "0.1 ms" }
traces = [{ population = "I", variables = ["v"], neurons = "0..10", every = "0.1 ms" }]
"#;

/// A network with several populations, tables that become several projections or inputs, and inputs of every kind.
const EXPANDED: &str = r#"[simulation]
duration = "10 ms"
[population.A]
size = 10
neuron = { kind = "lif", tau_m = "10 ms", C = "250 pF", v_threshold = "15 mV", v_reset = "0 mV" }
receptor.syn = { kind = "exponential", tau = "0.5 ms" }
[population.B]
like = "A"
size = 20
[population.C]
like = "A"
[projection.all]
from = ["A", "B"]
to = ["A", { population = "B", neurons = "5.." }, "C"]
rule = { fixed_total_number = "= round(p*source_size*target_size)" }
weight = { normal = ["= w*s", "= 0.5*abs(w*s)"] }
delay = "= d"
per_pair.p = [[0.1, 0.2], [0.5, 0], [1, "= 0.5"]]
per_source.w = ["87.8 pA", "-4 pA"]
per_target.s = [1, 2, 3]
per_source.d = ["1.5 ms", "0.8 ms"]
[input.background]
kind = "poisson"
to = ["A", "B"]
rate = "= 8 Hz * k"
weight = "87.8 pA"
per_target.k = [1600, 1500]
[input.pulse]
kind = "charge_pulse"
to = "A"
charge = "3 mV"
times = ["2 ms", "1 ms"]
[input.dc]
kind = "current"
to = "A"
amplitude = { uniform = ["1 nA", "2 nA"] }
start = "1 ms"
stop = "5 ms"
[record]
spikes = [{ population = "A", neurons = "..3" }, "B"]
"#;

fn resolve(text: &str, overrides: &[&str]) -> Result<Loaded, ConfigError> {
    let overrides: Vec<String> = overrides.iter().map(|s| (*s).to_string()).collect();
    parse("net.toml", text, &overrides, pages::ALL)
}

/// Loads a text that must have no problems.
fn right(text: &str, overrides: &[&str]) -> Loaded {
    match resolve(text, overrides) {
        Ok(loaded) => loaded,
        Err(error) => panic!("unexpected problems:\n{error}"),
    }
}

/// `NETWORK` with the first occurrence of a text replaced.
fn changed(old: &str, new: &str) -> String {
    assert!(NETWORK.contains(old), "the test's network has no {old:?}");
    NETWORK.replacen(old, new, 1)
}

/// Asserts that a text has exactly one problem, that it is in this line, and that its message contains these words.
#[track_caller]
fn assert_one(text: &str, line: usize, words: &[&str]) {
    match resolve(text, &[]) {
        Ok(_) => panic!("no problem was found in\n{text}"),
        Err(error) => {
            let shown = error.to_string();
            assert_eq!(error.problems.len(), 1, "{shown}");
            assert_eq!(error.problems[0].line(), Some(line), "{shown}");
            for word in words {
                assert!(shown.contains(word), "{word:?} is not in\n{shown}");
            }
        }
    }
}
