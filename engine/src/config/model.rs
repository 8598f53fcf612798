//! Reads a model from a table: finds the page of its `kind` and checks its fields against the page.

use super::context::{Context, LocalNames, Section};
use super::problem::nearest;
use super::value::{self, AcceptedUnits, TargetForm};
use crate::plan::{Model, Value};
use lapicque_models::page::{DefaultValue, Dimension, Field, Page, Role};

/// A model as read.
pub(crate) struct ParsedModel {
    pub model: Model,
    /// The membrane has a capacitance, but the currents were given as R·I in mV, or the charges as jumps of V.
    pub in_mv: bool,
}

/// The page of the model that `kind` names.
pub(crate) fn page(cx: &mut Context, section: &Section, role: Role) -> Option<&'static Page> {
    let names: Vec<&str> = cx.models.iter().filter(|page| page.role == role).map(|page| page.name).collect();
    let known = names.join(", ");
    let Some(node) = section.node("kind") else {
        let what = match role {
            Role::Membrane => "the model of the neuron",
            Role::Receptor => "the model of the receptor",
            Role::Input => "the model of the input",
        };
        cx.report_missing(section, "kind", &format!("{what}, one of {known}"), "");
        return None;
    };
    let path = section.path_of("kind");
    let kind = cx.text(node, &path, "the name of a model")?;
    let found = cx.models.iter().copied().find(|page| page.role == role && page.name == kind);
    if found.is_none() {
        let remedy = nearest(kind, names.iter().copied()).map(|name| format!("did you mean \"{name}\"?"));
        cx.report_value(node, &path, format!("unknown model {}; known are {known}", node.show()), remedy);
    }
    found
}

/// Whether a membrane with this page and the keys of this table has a capacitance.
pub(crate) fn has_capacitance(page: &Page, section: &Section) -> bool {
    page.has_capacitance(|field| section.node(page.fields[field].name).is_some())
}

/// The names of the fields of a page.
pub(crate) fn field_names(page: &Page) -> Vec<&'static str> {
    page.fields.iter().map(|f| f.name).collect()
}

/// Reads the fields of `page` from a table. `form` describes the membrane and receptor that the model belongs to or
/// acts on. With `as_voltage`, currents may also be given as R·I and charges as jumps of V on a membrane with
/// capacitance.
pub(crate) fn fields(
    cx: &mut Context,
    section: &Section,
    page: &'static Page,
    form: TargetForm,
    as_voltage: bool,
    local_names: &LocalNames,
) -> Option<ParsedModel> {
    let mut all_valid = true;
    let mut values: Vec<Option<Value>> = Vec::with_capacity(page.fields.len());
    // The first given field that accepts a voltage as well as a current or charge, and whether it was given in mV.
    let mut first_units: Option<(&Field, bool)> = None;
    for field in page.fields {
        let Some(node) = section.node(field.name) else {
            values.push(match field.default {
                DefaultValue::Value(value) => Some(Value::Constant(value)),
                DefaultValue::Absent => None,
                DefaultValue::Required => {
                    cx.report_missing(section, field.name, field.meaning, &example(field, form));
                    all_valid = false;
                    None
                }
            });
            continue;
        };
        let path = section.path_of(field.name);
        let units = AcceptedUnits::new(field.dimension, form, as_voltage);
        let Some((value, dimension)) = value::value(cx, node, &path, units, field.range.into(), local_names) else {
            all_valid = false;
            continue;
        };
        values.push(Some(value));
        if units.dimensions.len() > 1 && form.has_capacitance.is_some() {
            let in_mv = dimension == Dimension::Voltage;
            match first_units {
                Some((other, other_in_mv)) if other_in_mv != in_mv => {
                    let message = format!("{} and {} of one input need units of one kind", other.name, field.name);
                    cx.report_value(
                        node,
                        &path,
                        message,
                        Some("give both as currents or both as voltages".to_string()),
                    );
                    all_valid = false;
                }
                Some(_) => {}
                None => first_units = Some((field, in_mv)),
            }
        }
    }
    let in_mv = first_units.is_some_and(|(_, in_mv)| in_mv);
    all_valid.then_some(ParsedModel { model: Model { page, values }, in_mv })
}

/// A value of the field, as an example in messages.
fn example(field: &Field, form: TargetForm) -> String {
    let units = AcceptedUnits::new(field.dimension, form, true);
    match units.dimensions.first() {
        Some(Dimension::One) | None => "1".to_string(),
        Some(dimension) => format!("\"1 {}\"", dimension.unit()),
    }
}
