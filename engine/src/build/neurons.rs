//! The neurons of one population in one tile: parameters drawn, neurons built, initial state set.
//!
//! Every value drawn is a function of (seed, purpose, population, field or variable, neuron), so a neuron is the same
//! in whichever tile it lies.

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

/// Parameters of a share's neurons, drawn where they are distributions. `identity` names model and place.
pub fn parameters(model: &Model, neurons: Range<u32>, seed: u64, purpose: Purpose, identity: u64) -> ParameterTable {
    let columns = model.values.iter().enumerate().map(|(field, value)| match value {
        None => ParameterColumn::Same(match model.page.fields[field].default {
            DefaultValue::Value(value) => value,
            DefaultValue::Required | DefaultValue::Absent => f64::NAN,
        }),
        Some(Value::Constant(value)) => ParameterColumn::Same(*value),
        Some(value) => {
            let id = identity << 8 | field as u64;
            ParameterColumn::Each(
                neurons
                    .clone()
                    .map(|n| Sampler::new(*value).draw(&mut Stream::new(seed, purpose, [id, u64::from(n)])))
                    .collect(),
            )
        }
    });
    ParameterTable::new(model.page, columns.collect())
}

/// The refusal of a model, told of what it is in.
pub fn refused(what: String) -> impl FnOnce(ParameterError) -> BuildError {
    move |source| BuildError::Parameter { what, source }
}

/// Parameters of the membrane of population `p` for some of its neurons.
pub fn membrane_table(plan: &Plan, p: usize, neurons: Range<u32>) -> ParameterTable {
    parameters(&plan.populations[p].neuron, neurons, plan.state_seed, Purpose::Parameter, (p as u64) << 16)
}

/// The neurons of population `p` in one share, at zero; see [`initialise`].
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
        let table = parameters(&receptor.model, share.neurons.clone(), plan.state_seed, Purpose::Parameter, identity);
        receptors.push(entry.with(table));
    }
    let entry = models.membrane(population.neuron.page).ok_or_else(|| missing(population.neuron.page.name))?;
    let recipe = NeuronRecipe { dt: plan.dt, len: share.len(), membrane: &table, receptors: &receptors, fuse };
    (entry.build)(&recipe).map_err(refused(what()))
}

/// The variables of a population: name, receptor, index.
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

/// Finds a variable of a population by its name.
pub fn find_variable(population: &Population, name: &str) -> Result<(Option<usize>, usize), BuildError> {
    let all = variables(population);
    all.iter().find(|v| v.0 == name).map(|v| (v.1, v.2)).ok_or_else(|| BuildError::Unknown {
        what: "variable",
        name: name.to_string(),
        known: all.iter().map(|v| v.0.as_str()).collect::<Vec<_>>().join(", "),
    })
}

/// Sets the initial state of a share.
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
