//! The commands of lapicque: what each one prints, writes and refuses.

use crate::program::{json, names, repository, run, succeed, write};
use hdf5::types::VarLenUnicode;
use lapicque_analysis::recording::Reader;
use lapicque_models::list::Models;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::Path;

/// A small network with all that an export can contain: populations, receptors, drawn delays, activity, a trace.
const SMALL: &str = r#"[parameters]
J = "1 mV"
g = 2
[simulation]
duration = "200 ms"
[population.E]
size = 80
neuron = { kind = "lif", tau_m = "20 ms", v_threshold = "20 mV", v_reset = "10 mV", t_ref = "2 ms" }
receptor.exc = { kind = "delta" }
receptor.inh = { kind = "delta" }
[population.I]
like = "E"
size = 20
[input.drive]
kind = "poisson"
to = ["E", "I"]
receptor = "exc"
rate = "1500 Hz"
weight = "= J"
[projection.excitation]
from = "E"
to = ["E", "I"]
receptor = "exc"
rule = { fixed_in_degree = 10 }
weight = "= J / 2"
delay = { uniform = ["1 ms", "2 ms"] }
[projection.inhibition]
from = "I"
to = "E"
receptor = "inh"
rule = { erdos_renyi = 0.5 }
weight = "= -g * J"
delay = "1.5 ms"
[record]
from = "50 ms"
activity = { bin = "1 ms" }
traces = [{ population = "E", variables = ["v"], neurons = "2..5", every = "0.5 ms" }]
"#;

/// A temporary folder that contains `small.toml`.
fn folder() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "small.toml", SMALL);
    directory
}

#[test]
fn json_output_is_one_object_with_exactly_the_expected_fields() {
    let directory = folder();
    let text = succeed(directory.path(), &["run", "small.toml", "--json", "--threads", "2", "--out", "a/b/run.h5"]);
    assert_eq!(text.lines().count(), 1);
    let report = json(&text);
    let keys: Vec<&str> = report.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = "neurons synapses threads vector_set dt_ms model_time_s build_s simulate_s realtime_factor \
                    synaptic_events peak_memory_bytes output populations";
    assert_eq!(keys, expected.split_whitespace().collect::<Vec<_>>());
    for (key, value) in [("neurons", 100), ("threads", 2)] {
        assert_eq!(report[key].as_u64(), Some(value), "{key}");
    }
    // The excitation has 100 · 10 synapses, the inhibition 20 · 80 · 0.5 = 800 on average.
    assert!((1000 + 600..1000 + 1000).contains(&report["synapses"].as_u64().unwrap()), "{}", report["synapses"]);
    assert!(
        report["synaptic_events"].as_u64().unwrap() > 0 && report["peak_memory_bytes"].as_u64().unwrap() > 1_000_000
    );
    assert_eq!((report["dt_ms"].as_f64(), report["model_time_s"].as_f64()), (Some(0.1), Some(0.2)));
    let factor = report["simulate_s"].as_f64().unwrap() / 0.2;
    // Both numbers were printed as decimal digits and read back, which may change the last bit.
    assert!((report["realtime_factor"].as_f64().unwrap() / factor - 1.0).abs() < 1e-12);
    assert!(report["build_s"].as_f64().unwrap() > 0.0 && !report["vector_set"].as_str().unwrap().is_empty());
    assert_eq!(report["output"], "a/b/run.h5");
    assert_eq!(report["populations"].as_object().unwrap().keys().collect::<Vec<_>>(), ["E", "I"]);
    let reader = Reader::open(directory.path().join("a/b/run.h5")).unwrap();
    for (name, size) in [("E", 80), ("I", 20)] {
        let population = &report["populations"][name];
        let keys: Vec<_> = population.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["size", "spikes", "rate_hz", "cv_isi"]);
        let spikes = reader.spikes(name).unwrap();
        assert_eq!(population["size"].as_u64(), Some(size));
        assert_eq!(population["spikes"].as_u64(), Some(spikes.neurons.len() as u64));
        let rate = spikes.neurons.len() as f64 / size as f64 / 0.15;
        assert!((population["rate_hz"].as_f64().unwrap() - rate).abs() < 1e-9 * rate);
        assert!(population["cv_isi"].is_f64() || population["cv_isi"].is_null());
        assert!(spikes.times_ms.iter().all(|t| *t > 50.0 && *t <= 200.0), "recording starts at record.from");
    }
}

#[test]
fn quiet_prints_nothing_and_the_default_output_is_out_name() {
    let directory = folder();
    let ended = run(directory.path(), &["run", "small.toml", "--quiet"]);
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (0, "", ""));
    assert_eq!(names(&directory.path().join("out")), ["small.h5"]);
    assert_eq!(names(directory.path()), ["out", "small.toml"]);
}

#[test]
fn the_table_has_a_row_per_population_and_a_pipe_gets_no_progress_bar() {
    let directory = folder();
    let ended = run(directory.path(), &["run", "small.toml"]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    let report = Reader::open(directory.path().join("out/small.h5")).unwrap().populations().unwrap();
    for population in &report {
        let row = ended.out.lines().find(|line| line.starts_with(&population.name)).unwrap();
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(cells[1..3], [population.size.to_string(), population.spikes.to_string()]);
    }
    for word in ["neurons", "rate Hz", "CV", "build", "simulate", "real time", "memory", "out/small.h5"] {
        assert!(ended.out.contains(word), "\"{word}\" is missing in\n{}", ended.out);
    }
}

/// Number of synapses of each projection, as `lapicque check` prints it.
fn synapses_by_check(folder: &Path, extra: &[&str]) -> Vec<u64> {
    let text = succeed(folder, &[&["check", "small.toml"], extra].concat());
    let lines = text.lines().filter(|line| line.starts_with("projection"));
    lines.map(|line| line.rsplit(", ").next().unwrap().trim_end_matches(" synapses").parse().unwrap()).collect()
}

#[test]
fn check_predicts_the_number_of_synapses_and_runs_nothing() {
    let directory = folder();
    let counts = synapses_by_check(directory.path(), &[]);
    assert_eq!(names(directory.path()), ["small.toml"]);
    assert_eq!(counts[..2], [800, 200]);
    let report = json(&succeed(directory.path(), &["run", "small.toml", "--json"]));
    assert_eq!(report["synapses"].as_u64(), Some(counts.iter().sum()));
    let text = succeed(directory.path(), &["check", "small.toml"]);
    for words in ["2000 steps of 0.1 ms", "population E: 80 × lif, receptors exc (delta), inh (delta)", "memory about"]
    {
        assert!(text.contains(words), "\"{words}\" is missing in\n{text}");
    }
}

#[test]
fn every_configuration_passes_check() {
    for entry in std::fs::read_dir(repository("configs")).unwrap() {
        let path = entry.unwrap().path();
        // The full microcircuit needs three minutes in a debug build.
        if path.ends_with("microcircuit.toml") && cfg!(debug_assertions) {
            continue;
        }
        let text = succeed(Path::new("."), &["check", path.to_str().unwrap()]);
        if path.ends_with("microcircuit_tenth.toml") {
            // 1065 · 0.1 = 106.5 becomes 106: halves are rounded to the even number, as in numpy.
            assert!(
                text.contains("population L5I: 106 ×") && text.contains("\n7717 neurons, 2988807 synapses"),
                "{text}"
            );
        }
        if path.ends_with("microcircuit.toml") {
            assert!(text.contains("\n77169 neurons, 298880968 synapses"), "{text}");
        }
    }
}

#[test]
fn models_lists_every_model_and_prints_its_page() {
    let list = succeed(Path::new("."), &["models"]);
    for page in Models::standard().pages() {
        assert!(list.contains(&format!("  {:14} {}", page.name, page.summary)), "{} is not listed", page.name);
        let text = succeed(Path::new("."), &["models", page.name]);
        assert!(text.starts_with(&format!("{}: {}", page.name, page.summary)), "{text}");
        for field in page.fields {
            assert!(text.contains(field.name) && text.contains(field.meaning), "{} of {}", field.name, page.name);
            assert!(text.contains(field.dimension.unit()) && text.contains(field.range.words()), "{text}");
        }
        for variable in page.variables {
            assert!(text.contains(variable.name) && text.contains(variable.meaning), "{text}");
        }
    }
    let ended = run(Path::new("."), &["models", "liff"]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("no model \"liff\"") && ended.err.contains("lif, eif"), "{}", ended.err);
}

/// Compares `value`, found at the path `at`, with a JSON schema. Supports only the keywords that our schema uses.
/// Returns the path of the first mismatch and what is wrong there, or `None`.
fn first_mismatch(root: &Json, schema: &Json, value: &Json, at: &str) -> Option<String> {
    if let Some(name) = schema["$ref"].as_str() {
        return first_mismatch(root, &root["$defs"][name.trim_start_matches("#/$defs/")], value, at);
    }
    let mismatch = |what: &str| Some(format!("{at}: {value} {what}"));
    for key in ["anyOf", "oneOf"] {
        if let Some(alternatives) = schema[key].as_array() {
            let mismatches: Vec<_> =
                alternatives.iter().map(|schema| first_mismatch(root, schema, value, at)).collect();
            let fitting = mismatches.iter().filter(|m| m.is_none()).count();
            if fitting == 0 || (key == "oneOf" && fitting != 1) {
                return mismatch(&format!("fits {fitting} of {key}: {mismatches:?}"));
            }
        }
    }
    if schema.get("const").is_some_and(|only| only != value) {
        return mismatch("is not the constant of the schema");
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        return mismatch("is not one of the words of the schema");
    }
    let has_type = |name: &Json| match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        other => panic!("the schema has a type \"{other}\" that this test does not know"),
    };
    match &schema["type"] {
        Json::Null => {}
        Json::Array(names) if !names.iter().any(has_type) => return mismatch("has the wrong type"),
        Json::Array(_) => {}
        name if !has_type(name) => return mismatch("has the wrong type"),
        _ => {}
    }
    if let Some(items) = value.as_array() {
        let bound = |key: &str, default: u64| schema[key].as_u64().unwrap_or(default) as usize;
        if items.len() < bound("minItems", 0) || items.len() > bound("maxItems", u32::MAX.into()) {
            return mismatch("has too few or too many items");
        }
        if let Some(each) = schema.get("items") {
            return items
                .iter()
                .enumerate()
                .find_map(|(i, item)| first_mismatch(root, each, item, &format!("{at}.{i}")));
        }
    }
    let object = value.as_object()?;
    if let Some(key) = schema["required"]
        .as_array()
        .and_then(|keys| keys.iter().find(|key| !object.contains_key(key.as_str().unwrap())))
    {
        return mismatch(&format!("lacks {key}"));
    }
    object.iter().find_map(|(key, inner)| {
        let at = format!("{at}.{key}");
        match (schema["properties"].get(key), schema.get("additionalProperties")) {
            (Some(schema), _) => first_mismatch(root, schema, inner, &at),
            (None, Some(Json::Bool(false))) => Some(format!("{at}: unknown key")),
            (None, Some(schema)) if schema.is_object() => first_mismatch(root, schema, inner, &at),
            _ => None,
        }
    })
}

#[test]
fn the_schema_accepts_every_configuration_and_refuses_mistakes() {
    let schema = json(&succeed(Path::new("."), &["schema"]));
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let as_json = |text: &str| serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap();
    for entry in std::fs::read_dir(repository("configs")).unwrap() {
        let path = entry.unwrap().path();
        let config = as_json(&std::fs::read_to_string(&path).unwrap());
        assert_eq!(first_mismatch(&schema, &schema, &config, "top"), None, "{}", path.display());
    }
    assert_eq!(first_mismatch(&schema, &schema, &as_json(SMALL), "top"), None);
    for (right, wrong) in [
        ("duration = \"200 ms\"\n", ""),
        ("duration", "durtion"),
        ("tau_m", "tau_n"),
        ("\"lif\"", "\"lfi\""),
        ("erdos_renyi", "erdos"),
        ("uniform = [\"1 ms\",", "uniform = [\"1 ms\", \"3 ms\","),
        ("bin", "bins"),
        ("rate = \"1500 Hz\"\n", ""),
    ] {
        let text = SMALL.replacen(right, wrong, 1);
        assert!(
            first_mismatch(&schema, &schema, &as_json(&text), "top").is_some(),
            "the schema accepts {wrong} in place of {right}"
        );
    }
}

#[test]
fn info_prints_the_contents_of_a_file() {
    let directory = folder();
    succeed(directory.path(), &["run", "small.toml", "--quiet", "--seed", "7", "--set", "parameters.g=3"]);
    let text = succeed(directory.path(), &["info", "out/small.h5"]);
    for words in
        ["complete, 200 ms", "spikes    E", "activity  I: 150 bins of 1 ms", "trace     E: v (mV) of 3 neurons"]
    {
        assert!(text.contains(words), "\"{words}\" is missing in\n{text}");
    }
    for words in ["seed      7", "--set     parameters.g=3", "simulate  ", "lapicque  "] {
        assert!(text.contains(words), "\"{words}\" is missing in\n{text}");
    }
    let ended = run(directory.path(), &["info", "small.toml"]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("small.toml is not a recording of lapicque"), "{}", ended.err);
}

#[test]
fn diff_names_the_time_and_neuron_of_the_first_difference() {
    let directory = folder();
    let folder = directory.path();
    succeed(folder, &["run", "small.toml", "--quiet", "--out", "a.h5", "--threads", "1"]);
    succeed(folder, &["run", "small.toml", "--quiet", "--out", "b.h5", "--threads", "3"]);
    succeed(folder, &["run", "small.toml", "--quiet", "--out", "c.h5", "--seed", "2"]);
    assert!(succeed(folder, &["diff", "a.h5", "b.h5"]).starts_with("no difference"));
    let ended = run(folder, &["diff", "a.h5", "c.h5"]);
    assert_eq!((ended.code, ended.err.as_str()), (1, ""));
    let words: Vec<&str> = ended.out.split_whitespace().collect();
    let after = |word: &str| words.iter().position(|w| *w == word).and_then(|at| words.get(at + 1)).unwrap();
    assert!((50.0..=200.0).contains(&after("at").parse::<f64>().unwrap()), "{}", ended.out);
    assert!((0..80).contains(&after("neuron").parse::<i32>().unwrap()), "{}", ended.out);
    succeed(folder, &["run", "small.toml", "--quiet", "--out", "d.h5", "--duration", "100 ms"]);
    assert_eq!(run(folder, &["diff", "a.h5", "d.h5"]).code, 1);
    let ended = run(folder, &["diff", "a.h5", "small.toml"]);
    assert_eq!((ended.code, ended.out.as_str()), (2, ""));
}

/// Synapses, sorted: receptor, source population, source, target population, target, bits of weight, bits of delay.
type Synapses = Vec<(String, String, u64, String, u64, u64, u64)>;

/// Reads the synapses of a CSV file written by `export connectivity`.
fn from_csv(path: &Path) -> Synapses {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("source_population,source,target_population,target,receptor,weight,delay_ms"));
    let mut synapses: Synapses = lines
        .map(|line| {
            let c: Vec<&str> = line.split(',').collect();
            let (bits, id) = (|x: &str| x.parse::<f64>().unwrap().to_bits(), |x: &str| x.parse().unwrap());
            (c[4].into(), c[0].into(), id(c[1]), c[2].into(), id(c[3]), bits(c[5]), bits(c[6]))
        })
        .collect();
    synapses.sort();
    synapses
}

/// Reads the synapses of a SONATA edge file written by `export connectivity`.
fn from_sonata(path: &Path) -> Synapses {
    let file = hdf5::File::open(path).unwrap();
    let mut synapses = Synapses::new();
    for edges in file.group("edges").unwrap().groups().unwrap() {
        let text = |of: &hdf5::Location, name: &str| {
            of.attr(name).unwrap().read_scalar::<VarLenUnicode>().unwrap().to_string()
        };
        let ids = |name: &str| edges.dataset(name).unwrap().read_raw::<u64>().unwrap();
        let values = |name: &str| edges.dataset(name).unwrap().read_raw::<f64>().unwrap();
        let (sources, targets) = (ids("source_node_id"), ids("target_node_id"));
        let (weights, delays) = (values("0/syn_weight"), values("0/delay"));
        let from = text(&edges.dataset("source_node_id").unwrap(), "node_population");
        let to = text(&edges.dataset("target_node_id").unwrap(), "node_population");
        assert_eq!(ids("edge_group_index"), (0..sources.len() as u64).collect::<Vec<_>>());
        for i in 0..sources.len() {
            let (weight, delay) = (weights[i].to_bits(), delays[i].to_bits());
            let receptor = text(&edges, "receptor");
            synapses.push((receptor, from.clone(), sources[i], to.clone(), targets[i], weight, delay));
        }
    }
    synapses.sort();
    synapses
}

#[test]
fn export_connectivity_writes_every_synapse_with_its_weight_and_delay() {
    let directory = folder();
    let folder = directory.path();
    let counts = synapses_by_check(folder, &[]);
    let total: u64 = counts.iter().sum();
    for name in ["edges.csv", "edges.h5"] {
        let printed = succeed(folder, &["export", "connectivity", "small.toml", "--out", name]);
        assert_eq!(printed, format!("{total} synapses in {name}\n"));
    }
    let table = from_csv(&folder.join("edges.csv"));
    assert_eq!(table, from_sonata(&folder.join("edges.h5")));
    let mut pairs: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut degrees: BTreeMap<(&str, u64), u64> = BTreeMap::new();
    for (receptor, from, source, to, target, weight, delay) in &table {
        let (weight, delay) = (f64::from_bits(*weight), f64::from_bits(*delay));
        *pairs.entry((from, to)).or_default() += 1;
        assert!(*source < if from == "E" { 80 } else { 20 } && *target < if to == "E" { 80 } else { 20 });
        if receptor == "exc" {
            *degrees.entry((to, *target)).or_default() += 1;
            assert!((weight - 0.5).abs() < 1e-5 && (0.9999..=2.0001).contains(&delay), "{weight} mV, {delay} ms");
        } else {
            assert!((weight + 2.0).abs() < 2e-5 && (delay - 1.5).abs() < 1e-9, "{weight} mV, {delay} ms");
        }
        assert!((delay * 10.0 - (delay * 10.0).round()).abs() < 1e-9, "{delay} ms is not on the grid");
    }
    let expected: BTreeMap<_, _> = [("E", "E"), ("E", "I"), ("I", "E")].into_iter().zip(counts).collect();
    assert_eq!(pairs, expected);
    assert!(degrees.len() == 100 && degrees.values().all(|degree| *degree == 10));
    // Another seed gives another network. A file that lapicque wrote is replaced. A file from elsewhere is kept.
    succeed(folder, &["export", "connectivity", "small.toml", "--out", "edges.csv", "--seed", "2"]);
    assert_ne!(table, from_csv(&folder.join("edges.csv")));
    write(folder, "mine.csv", "my,own\n1,2\n");
    let ended = run(folder, &["export", "connectivity", "small.toml", "--out", "mine.csv"]);
    assert!(ended.code == 1 && ended.err.contains("not written by lapicque"), "{}", ended.err);
    assert_eq!(std::fs::read_to_string(folder.join("mine.csv")).unwrap(), "my,own\n1,2\n");
    std::fs::create_dir(folder.join("folder.csv")).unwrap();
    let ended = run(folder, &["export", "connectivity", "small.toml", "--out", "folder.csv"]);
    assert!(ended.code == 1 && ended.err.contains("is a directory"), "{}", ended.err);
    let ended = run(folder, &["info", "edges.h5"]);
    assert!(ended.code != 0 && ended.err.contains("edge file that lapicque exported"), "{}", ended.err);
    let ended = run(folder, &["export", "connectivity", "small.toml", "--out", "edges.txt"]);
    assert!(ended.code == 2 && ended.err.contains(".csv"), "{}", ended.err);
}

#[test]
fn export_sonata_report_holds_the_values_of_the_trace() {
    let directory = folder();
    let folder = directory.path();
    succeed(folder, &["run", "small.toml", "--quiet", "--out", "run.h5"]);
    succeed(folder, &["export", "sonata-report", "run.h5", "--out", "report.h5"]);
    let trace = Reader::open(folder.join("run.h5")).unwrap().trace("E", "v").unwrap();
    let report = hdf5::File::open(folder.join("report.h5")).unwrap();
    let data = report.dataset("report/E/data").unwrap();
    assert_eq!(data.shape(), [trace.attributes.rows as usize, 3]);
    let values: Vec<f64> = data.read_raw().unwrap();
    assert!(values.iter().zip(&trace.values).all(|(a, b)| (a - b).abs() <= 1e-6 * b.abs().max(1.0)));
    let ids: Vec<u64> = report.dataset("report/E/mapping/node_ids").unwrap().read_raw().unwrap();
    assert_eq!(ids, [2, 3, 4]);
    let ended = run(folder, &["export", "sonata-report", "run.h5", "--variable", "u", "--out", "x.h5"]);
    assert!(ended.code == 2 && ended.err.contains("--population E --variable v"), "{}", ended.err);
    // Never onto the recording itself, even with --force.
    let before = std::fs::read(folder.join("run.h5")).unwrap();
    let ended = run(folder, &["export", "sonata-report", "run.h5", "--out", "run.h5", "--force"]);
    assert!(ended.code == 2 && ended.err.contains("is the recording itself"), "{}", ended.err);
    assert_eq!(std::fs::read(folder.join("run.h5")).unwrap(), before);
    // A second report replaces the first.
    succeed(folder, &["export", "sonata-report", "run.h5", "--out", "report.h5"]);
}

#[test]
fn overrides_change_the_run_and_are_recorded_in_the_file() {
    let directory = folder();
    let folder = directory.path();
    let rate = |extra: &[&str]| {
        let text = succeed(folder, &[&["run", "small.toml", "--json", "--out", "run.h5"], extra].concat());
        json(&text)["populations"]["E"]["rate_hz"].as_f64().unwrap()
    };
    let (weak, strong) = (rate(&["--set", "parameters.g=0"]), rate(&["--set", "parameters.g=6"]));
    assert!(strong < 0.8 * weak, "inhibition does not lower the rate: {weak} Hz, {strong} Hz");
    let arguments =
        ["--seed", "9", "--duration", "100 ms", "--set", "parameters.g=6", "--set", "record.from=\"20 ms\""];
    rate(&arguments);
    let reader = Reader::open(folder.join("run.h5")).unwrap();
    assert_eq!(reader.provenance_number("seed"), Some(9));
    assert_eq!(reader.reached_ms(), Some(100.0));
    let spikes = reader.spike_attributes("E").unwrap();
    assert_eq!((spikes.t_start_ms, spikes.t_stop_ms), (20.0, 100.0));
    assert_eq!(
        reader.overrides(),
        ["parameters.g=6", "record.from=\"20 ms\"", "simulation.seed=9", "simulation.duration=100 ms"]
    );
    assert_eq!(reader.provenance_text("config").as_deref(), Some(SMALL));
    let resolved = json(&reader.provenance_text("config_resolved").unwrap());
    assert!(resolved.to_string().contains("\"seed\":9"), "{resolved}");
}
