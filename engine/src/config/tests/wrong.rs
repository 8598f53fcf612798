//! Configurations with mistakes: each problem has its line, and the message says what is wrong and what to do.

use super::{NETWORK, assert_one, changed, resolve};

#[test]
fn unknown_keys_are_reported_with_the_nearest_name() {
    assert_one(
        &changed("duration", "durtion = \"1 s\"\nduration"),
        5,
        &["simulation.durtion", "did you mean duration?"],
    );
    assert_one(&changed("[record]", "[recrd]\n[record]"), 25, &["unknown table \"recrd\"", "did you mean record?"]);
    assert_one(&changed("t_ref", "t_reff"), 10, &["unknown key \"t_reff\"", "did you mean t_ref?"]);
    assert_one(&changed("mean = ", "rate = \"1 Hz\"\nmean = "), 16, &["unknown key \"rate\"", "mean, sigma"]);
    assert_one(&changed("init.v", "init.w"), 12, &["unknown variable or receptor \"w\"; known are v, inh"]);
    assert_one(&changed("{ bin =", "{ bim = 1, bin ="), 28, &["record.activity.bim", "did you mean bin?"]);
}

#[test]
fn unknown_models_are_reported_with_the_nearest_name() {
    assert_one(&changed("\"lif\"", "\"lfi\""), 10, &["unknown model \"lfi\"", "lif, passive", "did you mean \"lif\"?"]);
    assert_one(&changed("\"delta\"", "\"dleta\""), 11, &["did you mean \"delta\"?"]);
    assert_one(&changed("\"white_noise\"", "\"whitenoise\""), 14, &["did you mean \"white_noise\"?"]);
    assert_one(&changed("kind = \"white_noise\"\n", ""), 13, &["kind is missing", "poisson, white_noise"]);
}

#[test]
fn units_must_be_given_and_fit() {
    assert_one(&changed("\"20 ms\"", "\"20\""), 10, &["has no unit", "write \"20 ms\""]);
    assert_one(&changed("\"20 ms\"", "20"), 10, &["20 has no unit; a time is needed", "write \"20 ms\""]);
    let text = changed("\"20 ms\"", "\"20 pA\"");
    assert_one(&text, 10, &["\"20 pA\" is a current; a time is needed (ms, s, us)"]);
    assert_one(&changed("\"25 mV\"", "\"25 pA\""), 16, &["a voltage (R·I", "no capacitance"]);
    assert_one(&changed("0.2 }", "\"0.2 Hz\" }"), 22, &["is a rate; a number without unit is needed"]);
    assert_one(&changed("\"= -J\"", "\"= -J*J\""), 23, &["a voltage (the jump of V) is needed"]);
    assert_one(&changed("\"20 ms\"", "\"20 mS\""), 10, &["is a conductance"]);
}

#[test]
fn the_message_shows_the_line_and_marks_the_value() {
    let error = resolve(&changed("\"20 ms\"", "\"20 pA\""), &[]).unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines[0], "error: net.toml:10: population.I.neuron.tau_m");
    assert!(lines[1].starts_with("  10 | neuron = { kind = \"lif\", tau_m = \"20 pA\""), "{error}");
    let at = lines[1].find("\"20 pA\"").unwrap();
    assert_eq!(lines[2].find("^^^^^^^ \"20 pA\" is a current"), Some(at), "{error}");
}

#[test]
fn numbers_must_be_finite() {
    assert_one(&changed("0.2 }", "nan }"), 22, &["not a finite number"]);
    assert_one(&changed("g = 5", "g = inf"), 3, &["parameters.g", "not a finite number"]);
    assert_one(&changed("\"20 ms\"", "\"nan ms\""), 10, &["not a finite number"]);
    assert_one(&changed("\"20 ms\"", "\"1e400 ms\""), 10, &["too large"]);
    assert_one(&changed("\"= -J\"", "\"= J/(g-5)\""), 23, &["division by zero"]);
    assert_one(&changed("\"= -J\"", "\"= J*exp(1e5)\""), 23, &["not a finite number"]);
}

#[test]
fn values_must_be_in_range() {
    assert_one(&changed("\"20 ms\"", "\"-20 ms\""), 10, &["\"-20 ms\" is out of range; a value greater than 0"]);
    assert_one(&changed("t_ref = \"2 ms\"", "t_ref = \"-1 ms\""), 10, &["0 or more"]);
    assert_one(&changed("0.2 }", "1.2 }"), 22, &["a value from 0 to 1 is needed"]);
    assert_one(&changed("0.2 }", "-0.1 }"), 22, &["a value from 0 to 1 is needed"]);
    assert_one(&changed("\"2 s\"", "\"0 s\""), 5, &["greater than 0"]);
    assert_one(&changed("\"2 s\"", "\"-2 s\""), 5, &["greater than 0"]);
    assert_one(&changed("seed = 1", "seed = -1"), 7, &["a whole number from 0"]);
}

#[test]
fn times_must_be_whole_steps() {
    assert_one(&changed("\"2 s\"", "\"2.00005 s\""), 5, &["a whole multiple of dt = 0.1 ms", "the nearest is 200"]);
    assert_one(&changed("bin = \"0.1 ms\"", "bin = \"0.25 ms\""), 28, &["record.activity.bin", "2.5 steps"]);
    assert_one(&changed("every = \"0.1 ms\"", "every = \"0.01 ms\""), 29, &["record.traces.0.every"]);
    assert_one(&changed("delay = \"2 ms\"", "delay = \"0.05 ms\""), 24, &["\"0.05 ms\" is shorter than dt = 0.1 ms"]);
    assert_one(&changed("from = \"0 ms\"", "from = \"2 s\""), 26, &["not before the end"]);
}

#[test]
fn sizes_must_be_in_range() {
    assert_one(&changed("5000", "0"), 9, &["the population is empty"]);
    assert_one(&changed("5000", "-3"), 9, &["a whole number from 0"]);
    assert_one(&changed("5000", "5000000000"), 9, &["too many", "4294967295"]);
    assert_one(&changed("5000", "99999999999999999999999999999999999999999999"), 9, &["out of range"]);
    assert_one(&changed("5000", "\"= 12.5\""), 9, &["a whole number is needed", "round()"]);
    let two = changed("5000", "4000000000") + "[population.E]\nlike = \"I\"\n";
    assert_one(&two, 30, &["8000000000 neurons", "4294967295"]);
}

#[test]
fn degrees_must_be_possible() {
    let rule = |text: &str| changed("{ erdos_renyi = 0.2 }", text);
    assert_one(
        &rule("{ fixed_in_degree = 5001 }\nmultapses = false"),
        22,
        &["5001 is more than the 5000 sources", "without multapses", "multapses = true"],
    );
    assert_one(&rule("{ fixed_in_degree = 5000 }\nmultapses = false\nautapses = false"), 22, &["the 4999 sources"]);
    assert_one(&rule("{ fixed_out_degree = 5001 }\nmultapses = false"), 22, &["5000 targets"]);
    assert_one(&rule("{ fixed_total_number = 25000001 }\nmultapses = false"), 22, &["25000000 pairs"]);
    assert_one(&rule("{ fixed_in_degree = 5000000000 }"), 22, &["a degree is at most"]);
    assert_one(&rule("\"all_to_all\"\nmultapses = false"), 23, &["never connects a pair more than once"]);
    assert_one(&rule("\"fixed_in_degree\""), 22, &["needs a value"]);
    assert_one(&rule("\"al_to_all\""), 22, &["did you mean all_to_all?"]);
    assert_one(&rule("{ erdos_reny = 0.2 }"), 22, &["did you mean erdos_renyi?"]);
    let unequal = rule("\"one_to_one\"").replacen(
        "to = \"I\"\nreceptor",
        "to = { population = \"I\", neurons = \"0..10\" }\nreceptor",
        1,
    );
    assert_one(&unequal, 22, &["as many sources as targets", "5000 sources and 10 targets"]);
}

#[test]
fn names_must_exist() {
    assert_one(&changed("from = \"I\"", "from = \"i\""), 19, &["unknown population \"i\"", "did you mean \"I\"?"]);
    assert_one(&changed("\"inh\"", "\"ihn\""), 21, &["has no receptor \"ihn\"", "did you mean \"inh\"?"]);
    assert_one(&changed("[\"v\"]", "[\"u\"]"), 29, &["has no variable \"u\""]);
    assert_one(&changed("\"= -J\"", "\"= -JJ\""), 23, &["unknown name \"JJ\"", "J, g", "did you mean J?"]);
    assert_one(&changed("\"0..10\"", "\"0..5001\""), 29, &["beyond the population", "0..5000"]);
    assert_one(&changed("\"0..10\"", "\"10..10\""), 29, &["the range is empty"]);
}

#[test]
fn duplicates_are_reported() {
    assert_one(&changed("[record]", "[population.I]\n[record]"), 25, &["duplicate name"]);
    assert_one(&changed("seed = 1", "seed = 1\nseed = 2"), 8, &["duplicate name"]);
    assert_one(
        &changed("[{ population", "[{ population = \"I\", variables = \"v\" }, { population"),
        29,
        &["already in another"],
    );
}

#[test]
fn missing_keys_are_named() {
    assert_one(&changed("duration = \"2 s\"\n", ""), 4, &["simulation.duration", "duration is missing"]);
    assert_one(&changed("size = 5000\n", ""), 8, &["size is missing"]);
    assert_one(&changed("v_reset = \"10 mV\", ", ""), 10, &["v_reset is missing", "write v_reset = \"1 mV\""]);
    assert_one(&changed("weight = \"= -J\"\n", ""), 18, &["weight is missing"]);
    assert_one("[simulation]\nduration = \"1 s\"\n", 1, &["there is no population"]);
}

#[test]
fn circles_of_references_are_reported() {
    assert_one(&changed("g = 5", "g = \"= 2*h\"\nh = \"= g+k\"\nk = \"= 1 + g\""), 3, &["in a circle: g → h → k → g"]);
    let text = changed("size = 5000", "like = \"E\"\nsize = 5000") + "[population.E]\nlike = \"I\"\n";
    let error = resolve(&text, &[]).unwrap_err().to_string();
    assert!(error.contains("in a circle: I → E → I"), "{error}");
}

#[test]
fn distributions_must_have_valid_parameters_and_bounds() {
    let tau = |text: &str| changed("\"20 ms\"", text);
    let normal = tau("{ normal = [\"20 ms\", \"5 ms\"] }");
    assert_one(&normal, 10, &["values down to -15 ms", "add min"]);
    assert!(resolve(&tau("{ normal = [\"20 ms\", \"2 ms\"] }"), &[]).is_ok());
    assert!(resolve(&tau("{ normal = [\"20 ms\", \"5 ms\"], min = \"1 ms\" }"), &[]).is_ok());
    assert!(resolve(&tau("{ lognormal = [\"20 ms\", \"5 ms\"] }"), &[]).is_ok());
    assert_one(&tau("{ normal = [\"20 ms\", \"-2 ms\"] }"), 10, &["standard deviation is -2 ms"]);
    assert_one(&tau("{ normal = [\"20 ms\", \"2 ms\"], min = \"40 ms\" }"), 10, &["would lie in the accepted range"]);
    assert_one(&tau("{ uniform = [\"20 ms\", \"10 ms\"] }"), 10, &["low = 20 ms is greater than high = 10 ms"]);
    assert_one(&tau("{ uniform = [\"20 ms\"] }"), 10, &["two are needed: [low, high]"]);
    assert_one(&tau("{ unifrm = [\"1 ms\", \"2 ms\"] }"), 10, &["did you mean uniform?"]);
    assert_one(&tau("{ uniform = [\"1 ms\", \"2 mV\"] }"), 10, &["is a voltage; a time is needed"]);
    assert_one(&changed("\"= -J\"", "{ uniform = [\"-1 mV\", \"1 mV\"] }"), 23, &["have both signs"]);
}

#[test]
fn all_problems_are_reported_at_once_in_the_order_of_the_file() {
    let text = NETWORK
        .replace("\"20 ms\"", "\"20 pA\"")
        .replace("mean = \"25 mV\"", "mean = 25")
        .replace("delay = \"2 ms\"", "dely = \"2 ms\"")
        .replace("spikes = \"all\"", "spikes = \"X\"");
    let error = resolve(&text, &["simulation.sed=3"]).unwrap_err();
    let lines: Vec<Option<usize>> = error.problems.iter().map(|p| p.line()).collect();
    // A misspelled key is one problem; the key is not reported as missing too.
    assert_eq!(lines, [Some(10), Some(16), Some(24), Some(27), None], "{error}");
    let shown = error.to_string();
    assert!(shown.contains("error: --set simulation.sed=3: unknown key \"sed\""), "{shown}");
}

#[test]
fn a_syntax_error_is_the_only_problem_and_has_its_line() {
    assert_one(&changed("seed = 1", "seed = = 1"), 7, &["not valid TOML", "seed = = 1"]);
    assert_one(&changed("\"2 s\"", "\"2 s"), 5, &["not valid TOML"]);
}

#[test]
fn deep_nesting_is_refused_without_a_stack_overflow() {
    assert_one(&format!("{}a = 1", "a.".repeat(5000)), 1, &["nested deeper"]);
    for text in [
        format!("{}a = 1", "a.".repeat(499)),
        format!("[{}a]", "population.".repeat(499)),
        format!("x = {}", "[".repeat(100_000)),
        format!("x = {}", "{a=".repeat(100_000)),
        format!("parameters.x = \"= {}\"", "(".repeat(100_000)),
        format!("parameters.x = \"= {}1\"", "-".repeat(100_000)),
        format!("parameters.x = \"= 1{}\"", "+1".repeat(100_000)),
        format!("parameters.x = \"= 1{}\"", "^1".repeat(100_000)),
    ] {
        assert!(resolve(&text, &[]).is_err());
    }
    let path = format!("{}a=1", "a.".repeat(100_000));
    assert!(resolve(NETWORK, &[&path, &format!("x={}", "[".repeat(100_000))]).is_err());
}

#[test]
fn a_name_is_defined_once() {
    let recurrent = |bound: &str| changed("delay = ", &format!("{bound}\ndelay = "));
    assert_one(
        &recurrent("per_source.x = [1]\nper_target.x = [2]"),
        25,
        &["\"x\" is already taken (per_source)", "another name"],
    );
    assert_one(&recurrent("per_pair.target_size = [[1]]"), 24, &["already taken (the number of target neurons)"]);
    assert_one(
        &changed("J = ", "source_size = 3\nJ = "),
        2,
        &["already taken (the number of source neurons)", "another name"],
    );
}

#[test]
fn files_that_cannot_be_read_are_reported() {
    let error = super::super::load(std::path::Path::new("/no/such.toml"), &[], super::pages::ALL).unwrap_err();
    assert!(error.to_string().starts_with("error: /no/such.toml: cannot be read"), "{error}");
    assert_one(&format!("base = \"nowhere.toml\"\n{NETWORK}"), 1, &["nowhere.toml: cannot be read"]);
}

#[test]
fn inputs_must_fit_their_target() {
    let input = |text: &str| format!("{NETWORK}[input.x]\nto = \"I\"\n{text}");
    assert_one(&input("kind = \"current\"\namplitude = \"1 mV\"\nreceptor = \"inh\""), 34, &["acts on the membrane"]);
    assert_one(&input("kind = \"current\"\namplitude = \"1 mV\"\ntimes = [\"1 ms\"]"), 34, &["gives no pulses"]);
    assert_one(&input("kind = \"charge_pulse\"\ncharge = \"1 mV\""), 30, &["times is missing"]);
    assert_one(&input("kind = \"charge_pulse\"\ncharge = \"1 mV\"\ntimes = \"0 ms\""), 34, &["too early"]);
    let twice = "kind = \"charge_pulse\"\ncharge = \"1 mV\"\ntimes = [\"1 ms\", \"0.3 ms\", \"0.3 ms\"]";
    assert_one(&input(twice), 34, &["two pulses come at 0.3 ms"]);
    assert_one(&input("kind = \"charge_pulse\"\ncharge = \"1 pC\"\ntimes = \"1 ms\""), 33, &["the jump of V"]);
    assert_one(&input("kind = \"poisson\"\nrate = \"1 Hz\"\nweight = \"1 pA\""), 34, &["a voltage (the jump of V)"]);
    assert_one(
        &input("kind = \"current\"\namplitude = \"1 mV\"\nstart = \"2 ms\"\nstop = \"1 ms\""),
        35,
        &["not later"],
    );
}

#[test]
fn problems_of_a_population_do_not_hide_other_problems() {
    let text = NETWORK
        .replace("size = 5000", "size = 0")
        .replace("kind = \"delta\"", "kind = \"dleta\"")
        .replace("0.2 }", "1.2 }")
        .replace("\"= -J\"", "\"2 ms\"")
        .replace("delay = \"2 ms\"", "delay = \"0.01 ms\"")
        .replace("sigma = \"1 mV\"", "sigma = \"-1 mV\"")
        .replace("[\"v\"]", "[]");
    let error = resolve(&text, &[]).unwrap_err();
    let lines: Vec<Option<usize>> = error.problems.iter().map(|p| p.line()).collect();
    assert_eq!(lines, [9, 11, 17, 22, 23, 24, 29].map(Some), "{error}");
    let lost = NETWORK.replace("to = \"I\"", "to = \"J\"").replace("0.2 }", "-1 }").replace("\"25 mV\"", "25");
    let error = resolve(&lost, &[]).unwrap_err();
    let lines: Vec<Option<usize>> = error.problems.iter().map(|p| p.line()).collect();
    assert_eq!(lines, [15, 16, 20, 22].map(Some), "{error}");
}
