//! Writes the values of a plan as JSON, in the engine's units. The output file of a run contains this JSON.

use crate::plan::{Input, Model, Plan, Population, Projection, Rule, Selection, Shape, Value, WeightStorage};
use serde_json::{Map, Value as Json, json};

/// The plan as indented JSON.
pub(crate) fn json(plan: &Plan) -> String {
    let record = &plan.record;
    let traces: Vec<Json> = record
        .traces
        .iter()
        .map(|t| json!({ "of": selection(plan, &t.of), "variables": t.variables, "every_steps": t.every }))
        .collect();
    let populations: Map<String, Json> = plan.populations.iter().map(|p| (p.name.clone(), population(p))).collect();
    let document = json!({
        "units": "ms, mV, pA, nS, pF, Hz, fC",
        "simulation": {
            "dt": plan.dt,
            "steps": plan.steps,
            "seed": plan.seed,
            "wiring_seed": plan.wiring_seed,
            "state_seed": plan.state_seed,
            "weights": match plan.weights { WeightStorage::Full => "full", WeightStorage::Compact => "compact" },
        },
        "population": populations,
        "input": plan.inputs.iter().map(|i| input(plan, i)).collect::<Vec<_>>(),
        "projection": plan.projections.iter().map(|p| projection(plan, p)).collect::<Vec<_>>(),
        "record": {
            "from_steps": record.from,
            "spikes": record.spikes.iter().map(|s| selection(plan, s)).collect::<Vec<_>>(),
            "activity_bin_steps": record.activity_bin,
            "traces": traces,
            "compress": record.compress,
            "flush_s": record.flush_s,
        },
    });
    format!("{document:#}")
}

fn population(population: &Population) -> Json {
    let receptors: Map<String, Json> = population.receptors.iter().map(|r| (r.name.clone(), model(&r.model))).collect();
    let initial: Map<String, Json> = population.initial.iter().map(|(name, v)| (name.clone(), value(v))).collect();
    json!({
        "size": population.size,
        "neuron": model(&population.neuron),
        "receptor": receptors,
        "init": initial,
    })
}

fn input(plan: &Plan, input: &Input) -> Json {
    json!({
        "name": input.name,
        "model": model(&input.model),
        "to": selection(plan, &input.to),
        "receptor": receptor(plan, input.to.population, input.receptor),
        "drive_in_mv": input.drive_in_mv,
        "start_step": input.start,
        "stop_step": (input.stop != u64::MAX).then_some(input.stop),
        "pulse_steps": input.times,
        "seed": input.seed,
    })
}

fn projection(plan: &Plan, projection: &Projection) -> Json {
    json!({
        "name": projection.name,
        "from": selection(plan, &projection.from),
        "to": selection(plan, &projection.to),
        "receptor": receptor(plan, projection.to.population, Some(projection.receptor)),
        "rule": rule(projection.rule),
        "autapses": projection.autapses,
        "multapses": projection.multapses,
        "weight": value(&projection.weight),
        "delay": value(&projection.delay),
    })
}

fn rule(rule: Rule) -> Json {
    match rule {
        Rule::AllToAll => json!("all_to_all"),
        Rule::OneToOne => json!("one_to_one"),
        Rule::ErdosRenyi(p) => json!({ "erdos_renyi": p }),
        Rule::FixedInDegree(k) => json!({ "fixed_in_degree": k }),
        Rule::FixedOutDegree(k) => json!({ "fixed_out_degree": k }),
        Rule::FixedTotalNumber(n) => json!({ "fixed_total_number": n }),
    }
}

fn receptor(plan: &Plan, population: usize, receptor: Option<usize>) -> Json {
    receptor
        .and_then(|r| plan.populations.get(population)?.receptors.get(r))
        .map_or(Json::Null, |r| Json::String(r.name.clone()))
}

fn selection(plan: &Plan, selection: &Selection) -> Json {
    let name = plan.populations.get(selection.population).map_or("", |p| p.name.as_str());
    json!({ "population": name, "neurons": format!("{}..{}", selection.neurons.start, selection.neurons.end) })
}

fn model(model: &Model) -> Json {
    let mut fields = Map::new();
    fields.insert("kind".to_string(), json!(model.page.name));
    for (field, given) in model.page.fields.iter().zip(&model.values) {
        if let Some(given) = given {
            fields.insert(field.name.to_string(), value(given));
        }
    }
    Json::Object(fields)
}

fn value(value: &Value) -> Json {
    let (shape, min, max) = match value {
        Value::Constant(x) => return json!(x),
        Value::Drawn { shape, min, max } => (shape, *min, *max),
    };
    let (name, a, b) = match *shape {
        Shape::Uniform { low, high } => ("uniform", low, high),
        Shape::Normal { mean, sd } => ("normal", mean, sd),
        Shape::LogNormal { mean, sd } => ("lognormal", mean, sd),
    };
    let mut table = Map::new();
    table.insert(name.to_string(), json!([a, b]));
    for (key, bound) in [("min", min), ("max", max)] {
        if bound.is_finite() {
            table.insert(key.to_string(), json!(bound));
        }
    }
    Json::Object(table)
}
