//! The JSON Schema of the configuration, for editors. It is built from the list of keys and the pages of the models.

use super::keys::{self, DISTRIBUTIONS, Key, Presence, RULES, ValueKind};
use lapicque_models::page::{DefaultValue, Dimension, Page, Range, Role};
use serde_json::{Map, Value as Json, json};

/// The schema (draft 2020-12) for these models.
pub fn schema(models: &[&'static Page]) -> Json {
    let doc = |name: &str| keys::TOP.iter().find(|(key, _)| *key == name).map_or("", |(_, doc)| *doc);
    let named =
        |name: &str, item: Json| json!({ "type": "object", "description": doc(name), "additionalProperties": item });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lapicque network",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "base": { "type": "string", "description": doc("base") },
            "parameters": named("parameters", reference("quantity")),
            "simulation": with_description(without_required(table(keys::SIMULATION)), doc("simulation")),
            "population": named("population", population()),
            "input": named("input", models_of(models, Role::Input, keys::INPUT)),
            "projection": named("projection", table(keys::PROJECTION)),
            "record": with_description(table(keys::RECORD), doc("record")),
        },
        // A file with a base may leave out the required tables, because its base can have them.
        "anyOf": [
            { "required": ["base"] },
            {
                "required": ["simulation", "population"],
                "properties": { "simulation": { "required": ["duration"] } },
            },
        ],
        "$defs": {
            "quantity": {
                "description": "A number, a quantity such as \"20 ms\", or an expression such as \"= 2*J\".",
                "type": ["number", "string"],
            },
            "value": { "anyOf": [reference("quantity"), reference("distribution")] },
            "distribution": distribution(),
            "selection": { "anyOf": [{ "type": "string" }, table(keys::SELECTION)] },
            "selections": {
                "anyOf": [reference("selection"), { "type": "array", "minItems": 1, "items": reference("selection") }],
            },
            "rule": rule(),
            "neuron": models_of(models, Role::Membrane, &[]),
            "receptor": models_of(models, Role::Receptor, &[]),
        },
    })
}

fn reference(name: &str) -> Json {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn with_description(mut schema: Json, doc: &str) -> Json {
    if let Json::Object(map) = &mut schema {
        map.insert("description".to_string(), json!(doc));
    }
    schema
}

/// The schema of a table that accepts only these keys.
fn table(keys: &'static [Key]) -> Json {
    let properties: Map<String, Json> = keys.iter().map(|key| (key.name.to_string(), property(key))).collect();
    let required: Vec<&str> = keys.iter().filter(|k| k.presence == Presence::Required).map(|k| k.name).collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties, "required": required })
}

/// Removes the list of required keys.
fn without_required(mut schema: Json) -> Json {
    schema.as_object_mut().map(|map| map.remove("required"));
    schema
}

/// The schema of a population. Without `like` the population needs its size and a complete neuron model; with `like` it
/// may give single fields of models.
fn population() -> Json {
    let mut schema = table(keys::POPULATION);
    let Json::Object(map) = &mut schema else { return schema };
    let required = map.remove("required").unwrap_or_else(|| json!([]));
    let mut complete = Map::new();
    if let Some(Json::Object(properties)) = map.get_mut("properties") {
        for name in ["neuron", "receptor"] {
            if let Some(complete_schema) = properties.get_mut(name) {
                let doc = complete_schema.get("description").cloned().unwrap_or_default();
                let any_keys = json!({ "type": "object", "description": doc });
                complete.insert(name.to_string(), std::mem::replace(complete_schema, any_keys));
            }
        }
    }
    let alternatives = json!([{ "required": required, "properties": complete }, { "required": ["like"] }]);
    map.insert("anyOf".to_string(), alternatives);
    schema
}

/// The schema of the value of a key.
fn property(key: &Key) -> Json {
    let schema = match key.value_kind {
        ValueKind::Quantity(..) | ValueKind::WholeNumber => reference("quantity"),
        ValueKind::QuantityOrDistribution(_) => reference("value"),
        ValueKind::Flag => json!({ "type": "boolean" }),
        ValueKind::Word(words) => json!({ "enum": words }),
        ValueKind::Name | ValueKind::Neurons => json!({ "type": "string" }),
        ValueKind::Names => {
            json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
        }
        ValueKind::Times => {
            json!({ "anyOf": [reference("quantity"), { "type": "array", "items": reference("quantity") }] })
        }
        ValueKind::Selections => reference("selections"),
        ValueKind::Spikes => json!({ "anyOf": [{ "enum": ["all", "none"] }, reference("selections")] }),
        ValueKind::Rule => reference("rule"),
        ValueKind::Neuron => reference("neuron"),
        ValueKind::Receptors => json!({ "type": "object", "additionalProperties": reference("receptor") }),
        ValueKind::Initial => json!({ "type": "object" }),
        ValueKind::Vectors => vectors(reference("quantity")),
        ValueKind::Matrices => vectors(json!({ "type": "array", "items": reference("quantity") })),
        ValueKind::Table(keys) => table(keys),
        ValueKind::Tables(keys) => json!({ "type": "array", "items": table(keys) }),
    };
    let mut doc = key.doc.to_string();
    if let ValueKind::Quantity(dimension, range) = key.value_kind {
        doc.push_str(&format!(" {}, {}.", capitalised(dimension.noun()), range.words()));
    }
    let mut schema = with_description(schema, &doc);
    if let (Json::Object(map), Presence::Default(text)) = (&mut schema, key.presence) {
        let default = match key.value_kind {
            ValueKind::Flag => json!(text == "true"),
            ValueKind::WholeNumber => text.parse::<u64>().map_or(json!(text), |n| json!(n)),
            _ => json!(text),
        };
        map.insert("default".to_string(), default);
    }
    schema
}

/// The schema of a table of named lists.
fn vectors(item: Json) -> Json {
    json!({ "type": "object", "additionalProperties": { "type": "array", "items": item } })
}

fn capitalised(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

/// The schema of a table that holds a model of this role: one alternative per `kind`, with the fields of the model and
/// the keys in `keys`.
fn models_of(models: &[&'static Page], role: Role, keys: &'static [Key]) -> Json {
    let alternatives: Vec<Json> = models
        .iter()
        .filter(|page| page.role == role)
        .map(|page| {
            let mut properties: Map<String, Json> =
                keys.iter().map(|key| (key.name.to_string(), property(key))).collect();
            let mut required: Vec<&str> =
                keys.iter().filter(|k| k.presence == Presence::Required).map(|k| k.name).collect();
            properties.insert("kind".to_string(), json!({ "const": page.name, "description": page.summary }));
            if !required.contains(&"kind") {
                required.push("kind");
            }
            for field in page.fields {
                if field.default == DefaultValue::Required {
                    required.push(field.name);
                }
                let unit = match field.dimension {
                    Dimension::One => "no unit".to_string(),
                    dimension => dimension.unit().to_string(),
                };
                let range = match field.range {
                    Range::Finite => String::new(),
                    range => format!(", {}", range.words()),
                };
                let mut schema = with_description(reference("value"), &format!("{} ({unit}{range})", field.meaning));
                if let (Json::Object(map), DefaultValue::Value(value)) = (&mut schema, field.default) {
                    let text = match field.dimension {
                        Dimension::One => json!(value),
                        dimension => json!(format!("{value} {}", dimension.unit())),
                    };
                    map.insert("default".to_string(), text);
                }
                properties.insert(field.name.to_string(), schema);
            }
            json!({
                "type": "object",
                "description": page.summary,
                "additionalProperties": false,
                "properties": properties,
                "required": required,
            })
        })
        .collect();
    json!({ "oneOf": alternatives })
}

fn distribution() -> Json {
    let alternatives: Vec<Json> = DISTRIBUTIONS
        .iter()
        .map(|(name, [first, second], doc)| {
            let pair = json!({
                "type": "array",
                "description": format!("{doc} [{first}, {second}]"),
                "items": reference("quantity"),
                "minItems": 2,
                "maxItems": 2,
            });
            json!({
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    *name: pair,
                    "min": with_description(reference("quantity"), "Draws below this value are repeated."),
                    "max": with_description(reference("quantity"), "Draws above this value are repeated."),
                },
                "required": [name],
            })
        })
        .collect();
    json!({ "oneOf": alternatives })
}

fn rule() -> Json {
    let words: Vec<&str> = RULES.iter().filter(|(_, needs_value, _)| !needs_value).map(|(name, ..)| *name).collect();
    let tables = RULES.iter().filter(|(_, needs_value, _)| *needs_value).map(|(name, _, doc)| {
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": { *name: with_description(reference("quantity"), doc) },
            "required": [name],
        })
    });
    let alternatives: Vec<Json> = std::iter::once(json!({ "enum": words })).chain(tables).collect();
    json!({ "oneOf": alternatives })
}
