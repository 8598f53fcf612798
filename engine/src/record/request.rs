//! Checks, before any file is created, that everything the plan asks to record can be recorded.

use super::error::{RecordError, listed};
use super::hdf;
use crate::plan::{Plan, Population, Selection};
use lapicque_models::page::{Dimension, Variable};

/// Refuses a plan that cannot be recorded. A plan made from a configuration passes; a plan written in Rust may fail.
pub(super) fn check(plan: &Plan) -> Result<(), RecordError> {
    let refuse = |message: String| Err(RecordError::Plan { message });
    if !(plan.dt.is_finite() && plan.dt > 0.0) {
        return refuse(format!("dt = {} ms cannot be recorded: dt must be finite and greater than 0", plan.dt));
    }
    for (index, population) in plan.populations.iter().enumerate() {
        let name = &population.name;
        if !hdf::is_valid_link_name(name) {
            return refuse(format!(
                "population name \"{name}\" cannot be written to a file: it must not be empty, \".\" or contain \"/\""
            ));
        }
        if plan.populations[..index].iter().any(|other| other.name == *name) {
            return refuse(format!("two populations are named \"{name}\": names must differ"));
        }
        if population.size == 0 {
            return refuse(format!("population \"{name}\" is empty: it needs at least one neuron"));
        }
    }
    if plan.record.activity_bin == Some(0) {
        return refuse("the bin of the activity is 0 steps long: it must be at least one step".to_string());
    }
    for selection in &plan.record.spikes {
        check_selection(plan, selection)?;
    }
    let mut recorded: Vec<(usize, &str)> = Vec::new();
    for trace in &plan.record.traces {
        check_selection(plan, &trace.of)?;
        let name = &plan.populations[trace.of.population].name;
        if trace.every == 0 || trace.of.neurons.is_empty() {
            return refuse(format!(
                "a trace of population \"{name}\" needs an interval of at least one step and at least one neuron"
            ));
        }
        for variable in &trace.variables {
            if recorded.contains(&(trace.of.population, variable)) {
                return refuse(format!(
                    "variable \"{variable}\" of population \"{name}\" is recorded by two traces, but a file can hold \
                     only one trace of a variable: use one trace whose range of neurons covers both"
                ));
            }
            recorded.push((trace.of.population, variable));
        }
    }
    Ok(())
}

fn check_selection(plan: &Plan, selection: &Selection) -> Result<(), RecordError> {
    let message = match plan.populations.get(selection.population) {
        None => format!(
            "population number {} cannot be recorded: the plan has {} populations, numbered from 0",
            selection.population,
            plan.populations.len()
        ),
        Some(population) if selection.neurons.end > population.size => format!(
            "neurons {}..{} of population \"{}\" cannot be recorded: it has neurons 0..{}",
            selection.neurons.start, selection.neurons.end, population.name, population.size
        ),
        Some(_) => return Ok(()),
    };
    Err(RecordError::Plan { message })
}

/// The unit of every recorded variable, in the order of `Batch::samples`. Refuses variables that do not exist.
pub(super) fn trace_units(plan: &Plan) -> Result<Vec<&'static str>, RecordError> {
    let mut units = Vec::new();
    for trace in &plan.record.traces {
        let population = &plan.populations[trace.of.population];
        for variable in &trace.variables {
            let Some(found) = find_variable(population, variable).filter(|_| hdf::is_valid_link_name(variable)) else {
                return Err(RecordError::Plan {
                    message: format!(
                        "population \"{}\" has no variable \"{variable}\" to record: it has {}",
                        population.name,
                        listed(&variable_names(population))
                    ),
                });
            };
            units.push(unit(population, found.dimension));
        }
    }
    Ok(units)
}

fn find_variable(population: &Population, name: &str) -> Option<&'static Variable> {
    let (page, variable) = match name.split_once('.') {
        None => (population.neuron.page, name),
        Some((receptor, variable)) => (population.receptors.iter().find(|r| r.name == receptor)?.model.page, variable),
    };
    page.variables.iter().find(|v| v.name == variable)
}

/// The names of all variables of a population that can be recorded: `v`, `RECEPTOR.VARIABLE`.
fn variable_names(population: &Population) -> Vec<String> {
    let of_neuron = population.neuron.page.variables.iter().map(|v| v.name.to_string());
    let of_receptors = population
        .receptors
        .iter()
        .flat_map(|r| r.model.page.variables.iter().map(move |v| format!("{}.{}", r.name, v.name)));
    of_neuron.chain(of_receptors).collect()
}

/// The unit of a dimension in this population. If the membrane has a capacitance, input to the membrane is a current;
/// otherwise it is a voltage.
fn unit(population: &Population, dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Drive | Dimension::Weight => {
            let neuron = &population.neuron;
            let has_capacitance = neuron
                .page
                .fields
                .iter()
                .zip(&neuron.values)
                .any(|(field, value)| field.dimension == Dimension::Capacitance && value.is_some());
            if has_capacitance { Dimension::Current.unit() } else { Dimension::Voltage.unit() }
        }
        other => other.unit(),
    }
}
