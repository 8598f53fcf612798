//! Builds the neurons of one population in one tile: draws their parameters, builds their models, sets their initial
//! state.
//!
//! Every drawn value depends only on (seed, purpose, population, field or variable, neuron). So a neuron is the same in
//! whatever tile it lies.

use super::layout::Share;
use crate::error::BuildError;
use crate::plan::{Model, Plan, Population, Sampler, Value};
use lapicque_models::list::Models;
use lapicque_models::numerics::random::{Purpose, Stream};
use lapicque_models::page::DefaultValue;
use lapicque_models::parameters::{ParameterColumn, ParameterError, ParameterTable};
use lapicque_models::population::Neurons;
use lapicque_models::population::assemble::NeuronRecipe;
use std::ops::Range;

/// The parameters of a model for the neurons of a share. Values given as distributions are drawn for each neuron.
/// `identity`: number of the model in the network, part of the key of its random streams.
pub fn draw_parameters(
    model: &Model,
    neurons: Range<u32>,
    seed: u64,
    purpose: Purpose,
    identity: u64,
) -> ParameterTable {
    let columns = model.values.iter().enumerate().map(|(field, value)| match value {
        None => ParameterColumn::Same(match model.page.fields[field].default {
            DefaultValue::Value(value) => value,
            DefaultValue::Required | DefaultValue::Absent => f64::NAN,
        }),
        Some(Value::Constant(value)) => ParameterColumn::Same(*value),
        Some(value) => {
            let key = identity << 8 | field as u64;
            ParameterColumn::Each(
                neurons
                    .clone()
                    .map(|n| Sampler::new(*value).draw(&mut Stream::new(seed, purpose, [key, u64::from(n)])))
                    .collect(),
            )
        }
    });
    ParameterTable::new(model.page, columns.collect())
}

/// Turns an error of a model into a build error that says where the model is used.
pub fn parameter_error(what: String) -> impl FnOnce(ParameterError) -> BuildError {
    move |source| BuildError::Parameter { what, source }
}

/// Parameters of the membrane of population number `p`, for the given neurons.
pub fn membrane_table(plan: &Plan, p: usize, neurons: Range<u32>) -> ParameterTable {
    draw_parameters(&plan.populations[p].neuron, neurons, plan.state_seed, Purpose::Parameter, (p as u64) << 16)
}

/// Builds the neurons of one share of population number `p`. All state variables are zero; [`initialise`] sets them.
/// `fuse`: whether membrane and receptors may be updated in one fused pass, which changes no result.
pub fn neurons(
    plan: &Plan,
    models: &Models,
    p: usize,
    share: &Share,
    fuse: bool,
) -> Result<Box<dyn Neurons>, BuildError> {
    let population = &plan.populations[p];
    let what = || format!("population {}", population.name);
    let missing =
        |name: &str| BuildError::Invalid(format!("model \"{name}\" of {} is not in the list of models", what()));
    let table = membrane_table(plan, p, share.neurons.clone());
    let mut receptors = Vec::new();
    for (r, receptor) in population.receptors.iter().enumerate() {
        let entry = models.receptor(receptor.model.page).ok_or_else(|| missing(receptor.model.page.name))?;
        let identity = (p as u64) << 16 | (r as u64 + 1);
        let table =
            draw_parameters(&receptor.model, share.neurons.clone(), plan.state_seed, Purpose::Parameter, identity);
        receptors.push(entry.with(table));
    }
    let entry = models.membrane(population.neuron.page).ok_or_else(|| missing(population.neuron.page.name))?;
    let recipe = NeuronRecipe { dt: plan.dt, len: share.len(), membrane: &table, receptors: &receptors, fuse };
    (entry.build)(&recipe).map_err(parameter_error(what()))
}

/// The state variables of a population, each as (name, receptor, index among the variables of membrane or receptor).
/// The receptor is `None` for a variable of the membrane.
pub fn variables(population: &Population) -> Vec<(String, Option<usize>, usize)> {
    let mut all: Vec<_> =
        population.neuron.page.variables.iter().enumerate().map(|(i, v)| (v.name.to_string(), None, i)).collect();
    for (r, receptor) in population.receptors.iter().enumerate() {
        let named =
            |(i, v): (usize, &lapicque_models::page::Variable)| (format!("{}.{}", receptor.name, v.name), Some(r), i);
        all.extend(receptor.model.page.variables.iter().enumerate().map(named));
    }
    all
}

/// Finds a state variable of a population by its name. Returns its receptor and index, as in [`variables`]. Refuses a
/// name that does not exist.
pub fn find_variable(population: &Population, name: &str) -> Result<(Option<usize>, usize), BuildError> {
    let all = variables(population);
    all.iter().find(|v| v.0 == name).map(|v| (v.1, v.2)).ok_or_else(|| BuildError::Unknown {
        what: "variable",
        name: name.to_string(),
        known: all.iter().map(|v| v.0.as_str()).collect::<Vec<_>>().join(", "),
    })
}

/// Sets the initial state of the neurons of a share. A variable whose initial value is not given starts from the field
/// that the model's page names, or from zero.
pub fn initialise(plan: &Plan, p: usize, share: &Share, neurons: &mut dyn Neurons) -> Result<(), BuildError> {
    let population = &plan.populations[p];
    let page = population.neuron.page;
    let table = membrane_table(plan, p, share.neurons.clone());
    for (index, variable) in page.variables.iter().enumerate() {
        if let Some(field) = variable.starts_from.and_then(|name| page.field(name)) {
            for i in 0..share.len() {
                let value = table.values(i)[field];
                neurons.set(None, index, i, if value.is_nan() { 0.0 } else { value });
            }
        }
    }
    for (name, value) in &population.initial {
        let (receptor, index) = find_variable(population, name)?;
        let identity = (p as u64) << 16 | receptor.map_or(0, |r| r as u64 + 1) << 8 | index as u64;
        let sampler = Sampler::new(*value);
        for (i, neuron) in share.neurons.clone().enumerate() {
            let mut stream = Stream::new(plan.state_seed, Purpose::InitialState, [identity, u64::from(neuron)]);
            neurons.set(receptor, index, i, sampler.draw(&mut stream));
        }
    }
    Ok(())
}
