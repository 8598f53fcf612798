//! What the plan asks to be recorded, held against what can be: before any file is made.

use super::error::{RecordError, listed};
use super::hdf;
use crate::plan::{Plan, Population, Selection};
use lapicque_models::page::{Dimension, Variable};

/// Refuses a plan whose `record` cannot be carried out. Plans of the configuration pass; those written in Rust may not.
pub(super) fn check(plan: &Plan) -> Result<(), RecordError> {
    let refuse = |message: String| Err(RecordError::Plan { message });
    if !(plan.dt.is_finite() && plan.dt > 0.0) {
        return refuse(format!("dt = {} ms cannot be recorded: a finite value greater than 0 is needed", plan.dt));
    }
    for (index, population) in plan.populations.iter().enumerate() {
        let name = &population.name;
        if !hdf::is_link_name(name) {
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
        return refuse("the bin of the activity is 0 steps long: at least one step is needed".to_string());
    }
    for selection in &plan.record.spikes {
        check_selection(plan, selection)?;
    }
    let mut seen: Vec<(usize, &str)> = Vec::new();
    for trace in &plan.record.traces {
        check_selection(plan, &trace.of)?;
        let name = &plan.populations[trace.of.population].name;
        if trace.every == 0 || trace.of.neurons.is_empty() {
            return refuse(format!(
                "a trace of population \"{name}\" needs an interval of at least one step and at least one neuron"
            ));
        }
        for variable in &trace.variables {
            if seen.contains(&(trace.of.population, variable)) {
                return refuse(format!(
                    "variable \"{variable}\" of population \"{name}\" is recorded by two traces; a file holds one per \
                     variable: use one trace whose range covers both"
                ));
            }
            seen.push((trace.of.population, variable));
        }
    }
    Ok(())
}

fn check_selection(plan: &Plan, selection: &Selection) -> Result<(), RecordError> {
    let message = match plan.populations.get(selection.population) {
        None => format!(
            "population number {} is to be recorded, the plan has {}",
            selection.population,
            plan.populations.len()
        ),
        Some(population) if selection.neurons.end > population.size => format!(
            "neurons {}..{} of population \"{}\" are to be recorded, it has neurons 0..{}",
            selection.neurons.start, selection.neurons.end, population.name, population.size
        ),
        Some(_) => return Ok(()),
    };
    Err(RecordError::Plan { message })
}

/// The units of every recorded variable, in the order of `Batch::samples`.
pub(super) fn trace_units(plan: &Plan) -> Result<Vec<&'static str>, RecordError> {
    let mut units = Vec::new();
    for trace in &plan.record.traces {
        let population = &plan.populations[trace.of.population];
        for variable in &trace.variables {
            let Some(found) = find(population, variable).filter(|_| hdf::is_link_name(variable)) else {
                return Err(RecordError::Plan {
                    message: format!(
                        "population \"{}\" has no variable \"{variable}\" to record; it has {}",
                        population.name,
                        listed(&variables(population))
                    ),
                });
            };
            units.push(unit(population, found.dimension));
        }
    }
    Ok(units)
}

fn find(population: &Population, name: &str) -> Option<&'static Variable> {
    let (page, variable) = match name.split_once('.') {
        None => (population.neuron.page, name),
        Some((receptor, variable)) => (population.receptors.iter().find(|r| r.name == receptor)?.model.page, variable),
    };
    page.variables.iter().find(|v| v.name == variable)
}

fn variables(population: &Population) -> Vec<String> {
    let own = population.neuron.page.variables.iter().map(|v| v.name.to_string());
    let received = population
        .receptors
        .iter()
        .flat_map(|r| r.model.page.variables.iter().map(move |v| format!("{}.{}", r.name, v.name)));
    own.chain(received).collect()
}

/// The unit of a dimension in this population: what drives a membrane is a current where it has a capacitance.
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
