//! JSON Schema of the whole configuration, for editors: built from the list of keys and the models' pages.

use super::keys::{self, DISTRIBUTIONS, Key, Presence, RULES, Takes};
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
            "simulation": described(open(table(keys::SIMULATION)), doc("simulation")),
            "population": named("population", population()),
            "input": named("input", models_of(models, Role::Input, keys::INPUT)),
            "projection": named("projection", table(keys::PROJECTION)),
            "record": described(table(keys::RECORD), doc("record")),
        },
        // What a file lays over a base may be given there.
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

fn described(mut schema: Json, doc: &str) -> Json {
    if let Json::Object(map) = &mut schema {
        map.insert("description".to_string(), json!(doc));
    }
    schema
}

/// A closed table with these keys.
fn table(keys: &'static [Key]) -> Json {
    let properties: Map<String, Json> = keys.iter().map(|key| (key.name.to_string(), property(key))).collect();
    let required: Vec<&str> = keys.iter().filter(|k| k.presence == Presence::Required).map(|k| k.name).collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties, "required": required })
}

/// The same without what it requires.
fn open(mut schema: Json) -> Json {
    schema.as_object_mut().map(|map| map.remove("required"));
    schema
}

/// A population needs size and a whole neuron only where it is not like another; else it may change single fields.
fn population() -> Json {
    let mut schema = table(keys::POPULATION);
    let Json::Object(map) = &mut schema else { return schema };
    let required = map.remove("required").unwrap_or_else(|| json!([]));
    let mut whole = Map::new();
    if let Some(Json::Object(properties)) = map.get_mut("properties") {
        for name in ["neuron", "receptor"] {
            if let Some(strict) = properties.get_mut(name) {
                let doc = strict.get("description").cloned().unwrap_or_default();
                let loose = json!({ "type": "object", "description": doc });
                whole.insert(name.to_string(), std::mem::replace(strict, loose));
            }
        }
    }
    let alternatives = json!([{ "required": required, "properties": whole }, { "required": ["like"] }]);
    map.insert("anyOf".to_string(), alternatives);
    schema
}

fn property(key: &Key) -> Json {
    let schema = match key.takes {
        Takes::Quantity(..) | Takes::Whole => reference("quantity"),
        Takes::Value(_) => reference("value"),
        Takes::Flag => json!({ "type": "boolean" }),
        Takes::Word(words) => json!({ "enum": words }),
        Takes::Name | Takes::Neurons => json!({ "type": "string" }),
        Takes::Names => json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] }),
        Takes::Times => {
            json!({ "anyOf": [reference("quantity"), { "type": "array", "items": reference("quantity") }] })
        }
        Takes::Selections => reference("selections"),
        Takes::Spikes => json!({ "anyOf": [{ "enum": ["all", "none"] }, reference("selections")] }),
        Takes::Rule => reference("rule"),
        Takes::Neuron => reference("neuron"),
        Takes::Receptors => json!({ "type": "object", "additionalProperties": reference("receptor") }),
        Takes::Initial => json!({ "type": "object" }),
        Takes::Vectors => vectors(reference("quantity")),
        Takes::Matrices => vectors(json!({ "type": "array", "items": reference("quantity") })),
        Takes::Table(keys) => table(keys),
        Takes::Tables(keys) => json!({ "type": "array", "items": table(keys) }),
    };
    let mut doc = key.doc.to_string();
    if let Takes::Quantity(dimension, range) = key.takes {
        doc.push_str(&format!(" {}, {}.", capital(dimension.noun()), range.words()));
    }
    let mut schema = described(schema, &doc);
    if let (Json::Object(map), Presence::Default(text)) = (&mut schema, key.presence) {
        let default = match key.takes {
            Takes::Flag => json!(text == "true"),
            Takes::Whole => text.parse::<u64>().map_or(json!(text), |n| json!(n)),
            _ => json!(text),
        };
        map.insert("default".to_string(), default);
    }
    schema
}

fn vectors(item: Json) -> Json {
    json!({ "type": "object", "additionalProperties": { "type": "array", "items": item } })
}

fn capital(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

/// The tables of all models of a role, one alternative per kind, with the engine's own keys beside the fields.
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
                let mut schema = described(reference("value"), &format!("{} ({unit}{range})", field.meaning));
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
                    "min": described(reference("quantity"), "Values below are drawn again."),
                    "max": described(reference("quantity"), "Values above are drawn again."),
                },
                "required": [name],
            })
        })
        .collect();
    json!({ "oneOf": alternatives })
}

fn rule() -> Json {
    let words: Vec<&str> = RULES.iter().filter(|(_, valued, _)| !valued).map(|(name, ..)| *name).collect();
    let tables = RULES.iter().filter(|(_, valued, _)| *valued).map(|(name, _, doc)| {
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": { *name: described(reference("quantity"), doc) },
            "required": [name],
        })
    });
    let alternatives: Vec<Json> = std::iter::once(json!({ "enum": words })).chain(tables).collect();
    json!({ "oneOf": alternatives })
}
