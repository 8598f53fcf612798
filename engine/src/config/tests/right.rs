//! Configurations without problems: the plan has the expected values, to the last bit.

use super::super::expression::{Expression, LookupResult, NameLookup};
use super::super::{load, schema, units};
use super::{EXPANDED, NETWORK, changed, pages, resolve, right};
use crate::plan::{Rule, Selection, Shape, Value, WeightStorage};
use lapicque_models::page::Dimension;

#[test]
fn the_test_network_resolves_to_the_expected_plan() {
    let plan = right(NETWORK, &[]).plan;
    assert_eq!((plan.dt, plan.steps, plan.seed), (0.1, 20_000, 1));
    assert_eq!((plan.wiring_seed, plan.state_seed, plan.weights), (1, 1, WeightStorage::Full));
    let population = &plan.populations[0];
    assert_eq!((population.name.as_str(), population.size), ("I", 5000));
    let values: Vec<Option<f64>> = population
        .neuron
        .values
        .iter()
        .map(|v| match v {
            Some(Value::Constant(x)) => Some(*x),
            _ => None,
        })
        .collect();
    assert_eq!(values, [Some(20.0), None, None, Some(0.0), Some(20.0), Some(10.0), Some(2.0)]);
    let uniform =
        Value::Drawn { shape: Shape::Uniform { low: 0.0, high: 20.0 }, min: f64::NEG_INFINITY, max: f64::INFINITY };
    assert_eq!(population.initial, [("v".to_string(), uniform)]);
    let input = &plan.inputs[0];
    assert_eq!((input.start, input.stop, input.receptor, input.drive_in_mv), (0, u64::MAX, None, false));
    let projection = &plan.projections[0];
    assert_eq!((projection.rule, projection.receptor), (Rule::ErdosRenyi(0.2), 0));
    assert_eq!((projection.weight, projection.delay), (Value::Constant(-0.1), Value::Constant(2.0)));
    assert_eq!((projection.autapses, projection.multapses), (true, false));
    let record = &plan.record;
    assert_eq!((record.from, record.activity_bin, record.flush_s, record.compress), (0, Some(1), 5.0, false));
    assert_eq!(record.spikes, [Selection { population: 0, neurons: 0..5000 }]);
    assert_eq!((record.traces[0].of.neurons.clone(), record.traces[0].every), (0..10, 1));
}

#[test]
fn units_convert_exactly() {
    let value = |text: &str, dimension| units::parse(text).ok().and_then(|q| q.in_engine_unit(dimension));
    for (text, dimension, expected) in [
        ("20 ms", Dimension::Time, 20.0),
        ("0.1 ms", Dimension::Time, 0.1),
        ("0.1 s", Dimension::Time, 100.0),
        ("0.57 s", Dimension::Time, 570.0),
        ("1.1s", Dimension::Time, 1100.0),
        ("250 us", Dimension::Time, 0.25),
        ("250 µs", Dimension::Time, 0.25),
        ("2 min", Dimension::Time, 120_000.0),
        ("1 h", Dimension::Time, 3_600_000.0),
        ("-65 mV", Dimension::Voltage, -65.0),
        ("-0.065 V", Dimension::Voltage, -65.0),
        ("87.8 pA", Dimension::Current, 87.8),
        ("0.0878 nA", Dimension::Current, 87.8),
        ("0.3 uA", Dimension::Current, 3e5),
        ("16.7 nS", Dimension::Conductance, 16.7),
        ("0.0167 uS", Dimension::Conductance, 16.7),
        ("0.25 nF", Dimension::Capacitance, 250.0),
        ("8 Hz", Dimension::Frequency, 8.0),
        ("0.008 kHz", Dimension::Frequency, 8.0),
        ("0.008 1/ms", Dimension::Frequency, 8.0),
        ("0.008/ms", Dimension::Frequency, 8.0),
        ("3 pC", Dimension::Charge, 3000.0),
        ("3 pA*ms", Dimension::Charge, 3.0),
        ("10 mV/Mohm", Dimension::Current, 10_000.0),
        ("10 mV/MΩ", Dimension::Current, 10_000.0),
        ("1 uF/cm2 * um^2", Dimension::Capacitance, 0.01),
        ("1e-3", Dimension::One, 1e-3),
        ("5 1", Dimension::One, 5.0),
    ] {
        assert_eq!(value(text, dimension), Some(expected), "{text}");
    }
    for text in ["20 foo", "ms", "", "20 ms ms2^x", "1..2 ms", "0x10", "20 MS/"] {
        assert!(units::parse(text).is_err(), "{text}");
    }
    assert!(units::parse("1 hz").unwrap_err().contains("did you mean Hz?"));
    assert!(units::parse("2 m/s").is_ok() && units::parse("140 mM").is_ok());
}

/// A lookup in which no names are defined.
struct NoNames;

impl NameLookup for NoNames {
    fn look_up(&self, _: &str) -> LookupResult {
        LookupResult::Unknown
    }

    fn all_names(&self) -> Vec<String> {
        Vec::new()
    }
}

#[test]
fn expressions_compute_with_units() {
    let value = |text: &str| Expression::parse(text).and_then(|e| e.value(&NoNames));
    let number = |text: &str| value(text).map(|q| q.in_engine_unit(Dimension::One));
    for (text, expected) in [
        ("1 + 2*3", 7.0),
        ("-2^2", -4.0),
        ("2^3^2", 512.0),
        ("2^-1", 0.5),
        ("(1 + 2)*3 - -1", 10.0),
        ("10/4/5", 0.5),
        ("sqrt(4 mV^2)/1 mV", 2.0),
        ("exp(0) + log(1)", 1.0),
        ("min(3, 1, 2) + max(1, 5)", 6.0),
        ("round(2.5) + floor(2.9) + ceil(0.1) + abs(-1)", 6.0),
        ("round(1065 * 0.1) + round(3.5) + round(-0.5)", 110.0),
        ("1 s / 20 ms", 50.0),
        ("20 ms * 8 Hz", 0.16),
        ("3 mV/ms * 2 ms / mV", 6.0),
    ] {
        assert_eq!(number(text), Ok(Some(expected)), "{text}");
    }
    assert_eq!(value("1 s + 1 ms").map(|q| q.in_engine_unit(Dimension::Time)), Ok(Some(1001.0)));
    assert_eq!(value("2 * 0.1 mV").map(|q| q.in_engine_unit(Dimension::Voltage)), Ok(Some(0.2)));
    for (text, words) in [
        ("1 mV + 1 ms", "cannot add a voltage and a time"),
        ("exp(1 mV)", "exp takes a number without unit"),
        ("sqrt(1 mV)", "no square root"),
        ("2 ^ 1 mV", "an exponent is a number"),
        ("(1", "not closed"),
        ("1 +", "ends where"),
        ("1 $ 2", "unexpected \"$\""),
        ("sqr(2)", "unknown function \"sqr\""),
        ("1/0", "division by zero"),
        ("log(0)", "greater than 0"),
        ("min(1, 2 mV)", "cannot compare"),
        ("3 foo", "not a known unit"),
    ] {
        let message = value(text).unwrap_err().message;
        assert!(message.contains(words), "{text}: {message}");
    }
    let nested = "(".repeat(100_000);
    assert!(Expression::parse(&nested).is_err());
    // exp is computed by libm, which gives the same bits on every machine.
    assert_eq!(number("exp(1)").map(|x| x.map(f64::to_bits)), Ok(Some(0x4005_bf0a_8b14_576a)));
}

#[test]
fn parameters_may_refer_to_later_parameters() {
    let text = changed("g = 5", "g = \"= 2*h\"\nh = \"= k/2 ms\"\nk = \"10 ms\"");
    let text = text.replace("= -J", "= -g*J");
    assert_eq!(right(&text, &[]).plan.projections[0].weight, Value::Constant(-1.0));
}

#[test]
fn overrides_can_set_any_key() {
    let plan = right(
        NETWORK,
        &[
            "population.I.neuron.v_reset=14 mV",
            "population.I.neuron.t_ref=\"1 ms\"",
            "parameters.J=\"0.3 mV\"",
            "simulation.wiring_seed=7",
            "projection.recurrent.rule={ fixed_in_degree = 10 }",
            "record.traces.0.every=\"1 ms\"",
            "record.compress=true",
            "simulation.seed=18446744073709551615",
        ],
    )
    .plan;
    assert_eq!(plan.populations[0].neuron.values[5], Some(Value::Constant(14.0)));
    assert_eq!(plan.populations[0].neuron.values[6], Some(Value::Constant(1.0)));
    assert_eq!(plan.projections[0].weight, Value::Constant(-0.3));
    assert_eq!(plan.projections[0].rule, Rule::FixedInDegree(10));
    assert_eq!((plan.seed, plan.wiring_seed, plan.state_seed), (u64::MAX, 7, u64::MAX));
    assert_eq!((plan.record.traces[0].every, plan.record.compress), (10, true));
    let error = resolve(NETWORK, &["population.I.neuron.tau_m=\"20 pA\"", "nonsense", "parameters.g.x=1"]).unwrap_err();
    let shown = error.to_string();
    let first = "error: --set population.I.neuron.tau_m=\"20 pA\": \"20 pA\" is a current; a time is needed";
    assert!(shown.contains(first), "{shown}");
    assert!(shown.contains("path=value") && shown.contains("parameters.g is a value"), "{shown}");
}

#[test]
fn a_population_takes_keys_from_the_population_it_is_like() {
    let text = format!(
        "{NETWORK}[population.E]\nlike = \"I\"\nsize = \"= 10*g\"\nneuron.tau_m = \"10 ms\"\n[population.F]\nlike = \"E\"\ninit.v = {{ normal = [\"1 mV\", \"1 mV\"] }}\n"
    );
    let plan = right(&text, &[]).plan;
    let sizes: Vec<u32> = plan.populations.iter().map(|p| p.size).collect();
    assert_eq!(sizes, [5000, 50, 50]);
    assert_eq!(plan.populations[2].neuron.values[0], Some(Value::Constant(10.0)));
    assert_eq!(plan.populations[2].receptors[0].name, "inh");
    assert!(matches!(plan.populations[2].initial[0].1, Value::Drawn { shape: Shape::Normal { .. }, .. }));
}

#[test]
fn a_table_becomes_one_projection_per_pair_and_one_input_per_target() {
    let plan = right(EXPANDED, &[]).plan;
    let numbers: Vec<(usize, usize, Rule)> =
        plan.projections.iter().map(|p| (p.from.population, p.to.population, p.rule)).collect();
    let total = Rule::FixedTotalNumber;
    // The projection from B to B has 0 synapses and is left out.
    assert_eq!(
        numbers,
        [(0, 0, total(10)), (1, 0, total(40)), (0, 1, total(75)), (0, 2, total(100)), (1, 2, total(100))]
    );
    let Value::Drawn { shape: Shape::Normal { mean, sd }, .. } = plan.projections[4].weight else { panic!() };
    assert_eq!((mean, sd), (-12.0, 6.0));
    assert_eq!(plan.projections[0].delay, Value::Constant(1.5));
    assert_eq!(plan.projections[4].delay, Value::Constant(0.8));
    assert_eq!(plan.projections[2].to.neurons, 5..20);
    assert_eq!(plan.inputs[0].model.values[0], Some(Value::Constant(12_800.0)));
    assert_eq!(plan.inputs[1].model.values[0], Some(Value::Constant(12_000.0)));
    assert_eq!((plan.inputs[2].times.as_slice(), plan.inputs[2].drive_in_mv), ([9, 19].as_slice(), true));
    assert_eq!((plan.inputs[3].start, plan.inputs[3].stop, plan.inputs[3].drive_in_mv), (10, 50, false));
    assert_eq!(plan.record.spikes.len(), 2);
}

#[test]
fn units_of_charges_depend_on_the_capacitance_of_the_membrane() {
    let text = |charge: &str, capacitance: &str| {
        format!(
            "{}[input.pulse]\nkind = \"charge_pulse\"\nto = \"I\"\ncharge = \"{charge}\"\ntimes = \"1 ms\"\n",
            changed("tau_m =", &format!("{capacitance}tau_m ="))
        )
        .replace("25 mV", if capacitance.is_empty() { "25 mV" } else { "25 pA" })
        .replace("sigma = \"1 mV\"", if capacitance.is_empty() { "sigma = \"1 mV\"" } else { "sigma = \"1 pA\"" })
    };
    for (charge, capacitance, value, in_mv) in
        [("2 mV", "", 2.0, false), ("2 mV", "C = \"250 pF\", ", 2.0, true), ("2 pC", "C = \"250 pF\", ", 2000.0, false)]
    {
        let plan = right(&text(charge, capacitance), &[]).plan;
        assert_eq!(plan.inputs[1].model.values[0], Some(Value::Constant(value)));
        assert_eq!(plan.inputs[1].drive_in_mv, in_mv);
    }
    let mixed = changed("tau_m =", "C = \"250 pF\", tau_m =").replace("25 mV", "25 pA");
    let error = resolve(&mixed, &[]).unwrap_err().to_string();
    assert!(error.contains("mean and sigma of one input need units of one kind"), "{error}");
}

#[test]
fn a_file_overrides_its_base() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("full.toml", NETWORK);
    write(
        "tenth.toml",
        "base = \"full.toml\"\n[parameters]\nJ = \"0.2 mV\"\n[population.I]\nsize = 500\n[record]\nspikes = \"none\"\n",
    );
    let loaded = load(&folder.path().join("tenth.toml"), &[], pages::ALL).unwrap();
    assert_eq!(loaded.plan.populations[0].size, 500);
    assert_eq!(loaded.plan.projections[0].weight, Value::Constant(-0.2));
    assert!(loaded.plan.record.spikes.is_empty());
    assert!(
        loaded.text.contains("full.toml")
            && loaded.text.contains("size = 5000")
            && loaded.text.contains("size = 500\n")
    );
    // A problem has the line of the file with the mistake.
    write("tenth.toml", "base = \"full.toml\"\n[population.I]\nsize = 0\n[input.drive]\nmean = \"= J*x\"\n");
    let error = load(&folder.path().join("tenth.toml"), &[], pages::ALL).unwrap_err();
    let lines: Vec<_> = error.problems.iter().map(|p| p.line()).collect();
    assert_eq!(lines, [Some(3), Some(5)], "{error}");
    write("full.toml", "base = \"tenth.toml\"\n");
    let error = load(&folder.path().join("tenth.toml"), &[], pages::ALL).unwrap_err().to_string();
    assert!(error.contains("in a circle"), "{error}");
}

#[test]
fn the_resolved_values_are_json() {
    let resolved: serde_json::Value = serde_json::from_str(&right(NETWORK, &[]).resolved).unwrap();
    assert_eq!(resolved["population"]["I"]["neuron"]["tau_m"], 20.0);
    assert_eq!(resolved["projection"][0]["weight"], -0.1);
}

#[test]
fn the_schema_has_keys_and_defaults() {
    let schema = schema::schema(pages::ALL);
    let simulation = &schema["properties"]["simulation"]["properties"];
    assert_eq!(simulation["dt"]["default"], "0.1 ms");
    let membranes = schema["$defs"]["neuron"]["oneOf"].as_array().unwrap();
    assert_eq!(membranes[0]["properties"]["kind"]["const"], "lif");
    assert_eq!(membranes[0]["properties"]["t_ref"]["default"], "0 ms");
    assert!(schema["properties"]["input"]["additionalProperties"]["oneOf"][0]["properties"]["to"].is_object());
}

#[test]
fn a_lognormal_weight_below_zero_needs_no_bounds() {
    let plan = right(&changed("weight = \"= -J\"", "weight = { lognormal = [\"-0.1 mV\", \"0.05 mV\"] }"), &[]).plan;
    let shape = Shape::LogNormal { mean: -0.1, sd: 0.05 };
    assert_eq!(plan.projections[0].weight, Value::Drawn { shape, min: f64::NEG_INFINITY, max: f64::INFINITY });
}
