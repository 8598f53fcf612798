//! A model in a table: its `kind`, found in the list of pages, and its fields, checked against the page.

use super::context::{Context, Locals, Section};
use super::problem::nearest;
use super::value::{self, Accept, Form};
use crate::plan::{Model, Value};
use lapicque_models::page::{DefaultValue, Dimension, Field, Page, Role};

/// A model as read, with what decides about its surroundings.
pub(crate) struct Read {
    pub model: Model,
    /// Whether drive values or charges were given as voltages where the membrane takes currents.
    pub in_mv: bool,
}

/// The page that `kind` in this table names.
pub(crate) fn page(cx: &mut Context, section: &Section, role: Role) -> Option<&'static Page> {
    let names: Vec<&str> = cx.models.iter().filter(|page| page.role == role).map(|page| page.name).collect();
    let known = names.join(", ");
    let Some(node) = section.node("kind") else {
        let what = match role {
            Role::Membrane => "the model of the neuron",
            Role::Receptor => "the model of the receptor",
            Role::Input => "the model of the input",
        };
        cx.missing(section, "kind", &format!("{what}, one of {known}"), "");
        return None;
    };
    let path = section.at("kind");
    let kind = cx.text(node, &path, "the name of a model")?;
    let found = cx.models.iter().copied().find(|page| page.role == role && page.name == kind);
    if found.is_none() {
        let remedy = nearest(kind, names.iter().copied()).map(|name| format!("did you mean \"{name}\"?"));
        cx.wrong(node, &path, format!("unknown model {}; known are {known}", node.show()), remedy);
    }
    found
}

/// Whether a model with this page, in this table, is written with a capacitance.
pub(crate) fn has_capacitance(page: &Page, section: &Section) -> bool {
    page.has_capacitance(|field| section.node(page.fields[field].name).is_some())
}

/// The names of a page's fields.
pub(crate) fn field_names(page: &Page) -> Vec<&'static str> {
    page.fields.iter().map(|f| f.name).collect()
}

/// Read the fields of `page` from `section`. `form` is that of the membrane and receptor the model acts on; `as_voltage`
/// allows R·I and jumps of V where the membrane takes currents and charges.
pub(crate) fn fields(
    cx: &mut Context,
    section: &Section,
    page: &'static Page,
    form: Form,
    as_voltage: bool,
    locals: &Locals,
) -> Option<Read> {
    let mut sound = true;
    let mut values: Vec<Option<Value>> = Vec::with_capacity(page.fields.len());
    // Of drives and charges on a membrane that takes currents: the field that decided, and whether it was in mV.
    let mut units: Option<(&Field, bool)> = None;
    for field in page.fields {
        let Some(node) = section.node(field.name) else {
            values.push(match field.default {
                DefaultValue::Value(value) => Some(Value::Constant(value)),
                DefaultValue::Absent => None,
                DefaultValue::Required => {
                    cx.missing(section, field.name, field.meaning, &example(field, form));
                    sound = false;
                    None
                }
            });
            continue;
        };
        let path = section.at(field.name);
        let accept = Accept::new(field.dimension, form, as_voltage);
        let Some((value, dimension)) = value::value(cx, node, &path, accept, field.range.into(), locals) else {
            sound = false;
            continue;
        };
        values.push(Some(value));
        if accept.dimensions.len() > 1 && form.capacitance.is_some() {
            let in_mv = dimension == Dimension::Voltage;
            match units {
                Some((other, before)) if before != in_mv => {
                    let message = format!("{} and {} of one input need units of one kind", other.name, field.name);
                    cx.wrong(node, &path, message, Some("give both as currents or both as voltages".to_string()));
                    sound = false;
                }
                Some(_) => {}
                None => units = Some((field, in_mv)),
            }
        }
    }
    let in_mv = units.is_some_and(|(_, in_mv)| in_mv);
    sound.then_some(Read { model: Model { page, values }, in_mv })
}

fn example(field: &Field, form: Form) -> String {
    let accept = Accept::new(field.dimension, form, true);
    match accept.dimensions.first() {
        Some(Dimension::One) | None => "1".to_string(),
        Some(dimension) => format!("\"1 {}\"", dimension.unit()),
    }
}
