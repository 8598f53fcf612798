//! Wrong input on the command line. lapicque must exit with code 2 and report all problems at once, each with its line,
//! its key and what is accepted. Nothing is run and no output file appears.

use crate::program::{Ended, names, run, write};

/// A valid configuration. Tests replace a piece of text in it by a wrong one.
const VALID: &str = r#"[parameters]
J = "0.1 mV"
g = 5
[simulation]
duration = "20 ms"
dt = "0.1 ms"
[population.E]
size = 80
neuron = { kind = "lif", tau_m = "20 ms", v_threshold = "20 mV", v_reset = "10 mV", t_ref = "2 ms" }
receptor.syn = { kind = "delta" }
[population.I]
like = "E"
size = 20
[input.drive]
kind = "poisson"
to = ["E", "I"]
rate = "12 kHz"
weight = "= J"
[projection.excitation]
from = "E"
to = ["E", "I"]
rule = { fixed_in_degree = 10 }
weight = "= J"
delay = "1.5 ms"
[projection.inhibition]
from = "I"
to = ["E", "I"]
rule = { erdos_renyi = 0.1 }
weight = "= -g * J"
delay = "1.5 ms"
[record]
from = "5 ms"
activity = { bin = "1 ms" }
traces = [{ population = "E", variables = ["v"], neurons = "0..5", every = "0.2 ms" }]
"#;

/// Runs a configuration with `extra` arguments in an empty folder. Asserts that it is refused: exit code 2, no result
/// printed, no file written. `lapicque check` must print the same messages, unless they are about `--threads`, an
/// option that `check` does not have.
#[track_caller]
fn refused(text: &str, extra: &[&str]) -> Ended {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    write(folder, "net.toml", text);
    let ended = run(folder, &[&["run", "net.toml"], extra].concat());
    assert_eq!(ended.code, 2, "exit code, with {extra:?}\n{}\n{}", ended.out, ended.err);
    assert_eq!(ended.out, "", "nothing was run");
    assert_eq!(names(folder), ["net.toml"], "no output was made");
    assert!(!ended.err.contains("panicked"), "{}", ended.err);
    let checked = run(folder, &[&["check", "net.toml"], extra.split(|a| *a == "--threads").next().unwrap()].concat());
    if !extra.contains(&"--threads") {
        assert_eq!((checked.code, &checked.err), (2, &ended.err), "check prints the same messages");
    }
    ended
}

/// Replaces `right` by `wrong` and asserts that exactly one problem is reported. The message must name the line of the
/// replacement and `key`, and contain all of `words`.
#[track_caller]
fn assert_problem(right: &str, wrong: &str, key: &str, words: &[&str]) {
    let at = VALID.find(right).unwrap_or_else(|| panic!("{right} is not in the file"));
    let text = VALID.replacen(right, wrong, 1);
    // The line of the first changed byte.
    let unchanged = right.bytes().zip(wrong.bytes()).take_while(|(a, b)| a == b).count();
    let line = text[..at + unchanged].matches('\n').count() + 1;
    let ended = refused(&text, &[]);
    assert_eq!(ended.err.matches("error:").count(), 1, "one problem: {}", ended.err);
    let head = format!("error: net.toml:{line}: {key}");
    assert_eq!(ended.err.lines().next(), Some(head.as_str()), "{}", ended.err);
    for word in words {
        assert!(ended.err.contains(word), "\"{word}\" is missing in the message: {}", ended.err);
    }
}

#[test]
fn the_unchanged_configuration_runs() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "net.toml", VALID);
    let ended = run(directory.path(), &["run", "net.toml", "--quiet"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
}

#[test]
fn unknown_keys_and_models_are_reported_with_the_nearest_known_name() {
    assert_problem("dt = ", "dtt = ", "simulation.dtt", &["unknown key \"dtt\"", "did you mean dt?"]);
    assert_problem("tau_m = ", "tau_n = ", "population.E.neuron.tau_n", &["did you mean tau_m?"]);
    assert_problem("rate = ", "raet = ", "input.drive.raet", &["did you mean rate?"]);
    assert_problem("delay = ", "dealy = ", "projection.excitation.dealy", &["did you mean delay?"]);
    assert_problem(
        "\"lif\"",
        "\"lfi\"",
        "population.E.neuron.kind",
        &["unknown model \"lfi\"", "passive", "did you mean \"lif\"?"],
    );
    assert_problem("\"delta\"", "\"delt\"", "population.E.receptor.syn.kind", &["did you mean \"delta\"?"]);
    assert_problem("\"poisson\"", "\"poison\"", "input.drive.kind", &["did you mean \"poisson\"?"]);
    assert_problem("erdos_renyi", "erdos_reny", "projection.inhibition.rule", &["did you mean erdos_renyi?"]);
    assert_problem("[\"v\"]", "[\"w\"]", "record.traces.0.variables", &["no variable \"w\"", "v"]);
}

#[test]
fn units_must_be_given_and_have_the_right_dimension() {
    assert_problem(
        "\"20 ms\", v_th",
        "20, v_th",
        "population.E.neuron.tau_m",
        &["has no unit", "ms, s, us", "write \"20 ms\""],
    );
    assert_problem(
        "\"20 ms\", v_th",
        "\"20 pA\", v_th",
        "population.E.neuron.tau_m",
        &["is a current; a time is needed"],
    );
    assert_problem("\"12 kHz\"", "\"12 kHzz\"", "input.drive.rate", &["unknown unit \"kHzz\""]);
    assert_problem(
        "\"= J\"\n[proj",
        "\"= J / 1 ms\"\n[proj",
        "input.drive.weight",
        &["a voltage (the jump of V) is needed"],
    );
}

#[test]
fn numbers_must_be_finite_and_in_range() {
    assert_problem("g = 5", "g = nan", "parameters.g", &["not a finite number"]);
    assert_problem("\"2 ms\" }", "\"inf ms\" }", "population.E.neuron.t_ref", &["not a finite number"]);
    assert_problem(
        "\"20 ms\", v_th",
        "\"-20 ms\", v_th",
        "population.E.neuron.tau_m",
        &["out of range", "greater than 0"],
    );
    assert_problem(
        "erdos_renyi = 0.1",
        "erdos_renyi = 1.1",
        "projection.inhibition.rule.erdos_renyi",
        &["from 0 to 1"],
    );
    assert_problem("duration = \"20 ms\"", "duration = \"0 ms\"", "simulation.duration", &["greater than 0"]);
    assert_problem("duration = \"20 ms\"", "duration = \"-1 s\"", "simulation.duration", &["greater than 0"]);
    assert_problem("dt = \"0.1 ms\"", "dt = \"0 ms\"", "simulation.dt", &["greater than 0"]);
}

#[test]
fn delays_must_be_from_one_step_to_a_million_steps() {
    assert_problem(
        "delay = \"1.5 ms\"",
        "delay = \"0.04 ms\"",
        "projection.excitation.delay",
        &["at least one step", "0.1 ms"],
    );
    assert_problem("delay = \"1.5 ms\"", "delay = \"-1 ms\"", "projection.excitation.delay", &["at least one step"]);
    assert_problem("delay = \"1.5 ms\"", "delay = \"1000 s\"", "projection.excitation.delay", &["at most 100000 ms"]);
    let drawn = "delay = { lognormal = [\"1.5 ms\", \"15 ms\"] }";
    assert_problem("delay = \"1.5 ms\"", drawn, "projection.excitation.delay", &["at most 100000 ms", "add max"]);
}

#[test]
fn a_rule_must_fit_the_sizes_of_its_populations() {
    let rule = "rule = { fixed_in_degree = 81 }\nmultapses = false";
    assert_problem(
        "rule = { fixed_in_degree = 10 }",
        rule,
        "projection.excitation.rule",
        &["81", "80 sources", "multapses"],
    );
    let rule = "rule = \"one_to_one\"";
    assert_problem(
        "rule = { fixed_in_degree = 10 }",
        rule,
        "projection.excitation.rule",
        &["there are 80 sources and 20 targets"],
    );
}

#[test]
fn populations_must_exist_be_unique_and_have_neurons() {
    assert_problem(
        "from = \"E\"",
        "from = \"EE\"",
        "projection.excitation.from",
        &["unknown population \"EE\"", "E, I"],
    );
    assert_problem("size = 80", "size = 0", "population.E.size", &["at least 1 neuron"]);
    let ended = refused(&VALID.replace("[population.I]", "[population.E]"), &[]);
    assert!(ended.err.contains("net.toml:11") && ended.err.contains("duplicate"), "{}", ended.err);
    let ended = refused(&VALID.replace("size = 80", "size = 80\nsize = 81"), &[]);
    assert!(ended.err.contains("net.toml:9") && ended.err.contains("duplicate"), "{}", ended.err);
}

#[test]
fn sizes_that_overflow_are_refused_and_not_wrapped() {
    assert_problem("size = 80", "size = 4294967296", "population.E.size", &["too many", "4294967295"]);
    assert_problem("size = 80", "size = 99999999999999999999999999", "population.E.size", &["0 to"]);
    assert_problem("size = 80", "size = -1", "population.E.size", &["from 0 to"]);
    assert_problem("size = 80", "size = \"= 2^70\"", "population.E.size", &["out of range"]);
    assert_problem(
        "size = 20",
        "size = 4294967290",
        "population.I.size",
        &["4294967370 neurons", "at most 4294967295"],
    );
    assert_problem(
        "fixed_in_degree = 10",
        "fixed_in_degree = 4294967296",
        "projection.excitation.rule.fixed_in_degree",
        &["large"],
    );
    assert_problem("duration = \"20 ms\"", "duration = \"1e300 s\"", "simulation.duration", &["more than 9e15"]);
}

#[test]
fn a_network_larger_than_memory_is_refused_and_both_sizes_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    write(folder, "net.toml", VALID);
    for command in ["run", "check"] {
        for setting in
            ["population.E.size=4000000000", "projection.excitation.rule={ fixed_total_number = 9000000000000000 }"]
        {
            let ended = run(folder, &[command, "net.toml", "--set", setting]);
            assert_eq!(ended.code, 1, "{}", ended.err);
            assert!(
                ended.err.contains("the network needs about") && ended.err.contains("this machine has"),
                "{}",
                ended.err
            );
            assert_eq!((ended.out.as_str(), ended.err.lines().count()), ("", 1));
        }
    }
}

/// The page of a model gives the range of each single field. Only the model itself can check several fields together.
#[test]
fn problems_found_by_a_model_are_reported_with_their_line() {
    assert_problem(
        "v_reset = \"10 mV\"",
        "v_reset = \"30 mV\"",
        "population.E.neuron.v_reset",
        &["must lie below v_threshold"],
    );
    assert_problem("t_ref = \"2 ms\"", "t_ref = \"100 s\"", "population.E.neuron.t_ref", &["too long", "at most"]);
    assert_problem("tau_m = \"20 ms\", ", "C = \"1 pF\", ", "population.E.neuron.C", &["C needs g_L or tau_m"]);
    assert_problem("\"12 kHz\"", "\"1000000 GHz\"", "input.drive.rate", &["at most 8000"]);
    let drawn = "v_reset = { normal = [\"10 mV\", \"5 mV\"] }";
    assert_problem("v_reset = \"10 mV\"", drawn, "population.E.neuron.v_reset", &["must lie below v_threshold"]);
    let ended = refused(VALID, &["--set", "population.I.neuron.v_reset=\"30 mV\""]);
    assert!(ended.err.starts_with("error: --set population.I.neuron.v_reset"), "{}", ended.err);
}

#[test]
fn all_problems_are_reported_at_once_in_the_order_of_the_file() {
    let text = VALID
        .replace("dt = \"0.1 ms\"", "dt = \"0.1 mV\"")
        .replace("tau_m = \"20 ms\"", "tau_m = \"-20 ms\"")
        .replace("\"12 kHz\"", "12000")
        .replace("erdos_renyi = 0.1", "erdos_renyi = 2")
        .replace("[\"v\"]", "[\"u\"]");
    let ended = refused(&text, &["--set", "population.I.siez=3"]);
    let errors: Vec<&str> = ended.err.lines().filter(|line| line.starts_with("error:")).collect();
    let expected = [
        "error: net.toml:6: simulation.dt",
        "error: net.toml:9: population.E.neuron.tau_m",
        "error: net.toml:17: input.drive.rate",
        "error: net.toml:28: projection.inhibition.rule.erdos_renyi",
        "error: net.toml:34: record.traces.0.variables",
        "error: --set population.I.siez=3: unknown key \"siez\"",
    ];
    assert_eq!(errors.len(), expected.len(), "{}", ended.err);
    for (error, expected) in errors.iter().zip(expected) {
        assert!(error.starts_with(expected), "{error} should start with {expected}");
    }
}

#[test]
fn weights_changed_by_rounding_cause_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    write(folder, "net.toml", VALID);
    let large = "projection.excitation.weight=\"1e9 mV\"";
    for arguments in [&["check", "net.toml"][..], &["run", "net.toml", "--quiet", "--out", "run.h5"]] {
        let ended = run(folder, &[arguments, &["--set", large]].concat());
        assert!(ended.code == 0 && ended.err.starts_with("warning: typical weights onto receptor"), "{}", ended.err);
        let ended = run(folder, arguments);
        assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    }
}

#[test]
fn the_configuration_file_is_refused_as_output() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    write(folder, "net.toml", VALID);
    let ended = run(folder, &["run", "net.toml", "--force", "--out", "./net.toml"]);
    assert!(ended.code == 2 && ended.err.contains("is the configuration itself"), "{}", ended.err);
    assert_eq!(std::fs::read_to_string(folder.join("net.toml")).unwrap(), VALID);
}

#[test]
fn zero_threads_are_refused() {
    let ended = refused(VALID, &["--threads", "0"]);
    assert!(ended.err.contains("'0' for '--threads <N>'") && ended.err.contains("1..=1024"), "{}", ended.err);
}

#[test]
fn a_syntax_error_is_reported_with_its_line() {
    for (right, wrong, line) in [
        ("[simulation]", "[simulation", 4),
        ("g = 5", "g = ", 3),
        ("dt = \"0.1 ms\"", "dt = \"0.1 ms", 6),
        ("to = [\"E\", \"I\"]", "to = [\"E\" \"I\"]", 16),
        ("size = 20", "size = 20 neurons", 13),
    ] {
        let ended = refused(&VALID.replacen(right, wrong, 1), &[]);
        assert!(ended.err.starts_with(&format!("error: net.toml:{line}")), "{}", ended.err);
    }
}

#[test]
fn mistakes_in_a_set_argument_name_the_argument() {
    for (setting, words) in [
        ("parameters.g", "written path=value"),
        ("=3", "empty part"),
        ("population..size=3", "empty part"),
        ("population.E.sizee=3", "did you mean size?"),
        ("populaton.E.size=3", "did you mean population?"),
        ("population.E.size=three", "not a quantity"),
        ("population.E.size=1.5", "a whole number is needed"),
        ("population.E.size.x=3", "is a value, not a table"),
        ("record.traces.7.every=\"1 ms\"", "no item of this list of 1"),
        ("simulation.dt=\"0.1 mV\"", "a time is needed"),
        ("simulation.seed=-1", "from 0 to"),
        ("projection.excitation.from=X", "unknown population \"X\""),
        ("base=\"other.toml\"", "not by --set"),
    ] {
        let ended = refused(VALID, &["--set", setting]);
        assert!(ended.err.starts_with(&format!("error: --set {setting}")), "{setting}: {}", ended.err);
        assert!(ended.err.contains(words), "{setting}: {}", ended.err);
    }
}

#[test]
fn the_options_duration_and_seed_are_checked_like_keys() {
    let ended = refused(VALID, &["--duration", "10"]);
    assert!(ended.err.contains("has no unit") && ended.err.contains("simulation.duration"), "{}", ended.err);
    let ended = refused(VALID, &["--duration", "0.25 ms"]);
    assert!(ended.err.contains("whole multiple of dt = 0.1 ms"), "{}", ended.err);
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "net.toml", VALID);
    let ended = run(directory.path(), &["run", "net.toml", "--seed=-1"]);
    assert_eq!((ended.code, names(directory.path())), (2, vec!["net.toml".to_string()]));
    assert!(ended.err.contains("--seed"), "{}", ended.err);
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    for command in ["run", "check"] {
        let ended = run(folder, &[command, "none.toml"]);
        assert_eq!(ended.code, 2);
        assert!(ended.err.contains("none.toml: cannot be read: No such file"), "{}", ended.err);
        let ended = run(folder, &[command, "."]);
        assert_eq!(ended.code, 2);
        assert!(ended.err.contains("cannot be read"), "{}", ended.err);
    }
    std::fs::write(folder.join("bytes.toml"), [b'a', b'\n', 0xff]).unwrap();
    let ended = run(folder, &["check", "bytes.toml"]);
    assert!(ended.code == 2 && ended.err.contains("line 2 is not UTF-8"), "{}", ended.err);
    write(folder, "based.toml", "base = \"none.toml\"\n");
    let ended = run(folder, &["check", "based.toml"]);
    assert!(
        ended.code == 2 && ended.err.contains("based.toml:1: base") && ended.err.contains("none.toml"),
        "{}",
        ended.err
    );
    for command in [&["info", "none.h5"][..], &["diff", "none.h5", "none.h5"]] {
        let ended = run(folder, command);
        assert_eq!(ended.code, 2);
        assert!(ended.err.contains("cannot read none.h5: there is no such file"), "{}", ended.err);
    }
}
