//! `lapicque models`: lists the models, or prints the page (the documentation) of one model.

use crate::command_error::CommandError;
use lapicque_models::list::Models;
use lapicque_models::page::{DefaultValue, Page, Role};

/// The list of all models, or the page of the model `name`. Refuses an unknown name.
pub fn models(name: Option<&str>) -> Result<String, CommandError> {
    let pages = Models::standard().pages();
    let Some(name) = name else { return Ok(list(&pages)) };
    match pages.iter().find(|p| p.name == name) {
        Some(found) => Ok(page(found)),
        None => {
            let known: Vec<_> = pages.iter().map(|p| p.name).collect();
            Err(CommandError::invalid_input(format!(
                "there is no model \"{name}\"; the models are: {}",
                known.join(", ")
            )))
        }
    }
}

fn list(pages: &[&'static Page]) -> String {
    let mut text = String::new();
    for (role, title) in [
        (Role::Membrane, "neurons: population.NAME.neuron = { kind = … }"),
        (Role::Receptor, "receptors: population.NAME.receptor.NAME = { kind = … }"),
        (Role::Input, "inputs: [input.NAME] kind = …"),
    ] {
        text += &format!("{title}\n");
        for page in pages.iter().filter(|p| p.role == role) {
            text += &format!("  {:14} {}\n", page.name, page.summary);
        }
    }
    text + "\n`lapicque models NAME` prints equations, parameters, units and source.\n"
}

fn page(page: &Page) -> String {
    let mut text = format!("{}: {}\n\n{}\n", page.name, page.summary, page.text);
    if !page.fields.is_empty() {
        text += "\nparameters\n";
    }
    for field in page.fields {
        let default = match field.default {
            DefaultValue::Required => "required".to_string(),
            DefaultValue::Value(value) => format!("default {value}"),
            DefaultValue::Absent => "optional".to_string(),
        };
        let (unit, range) = (field.dimension.unit(), field.range.words());
        text += &format!(
            "  {:12} {:8} {:9} {default}; {range}\n{:34}{}\n",
            field.name, field.symbol, unit, "", field.meaning
        );
    }
    if !page.variables.is_empty() {
        text += "\nvariables (init, traces)\n";
    }
    for variable in page.variables {
        text += &format!("  {:12} {:8} {:9} {}\n", variable.name, "", variable.dimension.unit(), variable.meaning);
    }
    text
}
