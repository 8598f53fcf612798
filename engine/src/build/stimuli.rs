//! Builds the inputs onto the neurons of one population in one tile.

use super::layout::Share;
use super::neurons::{draw_parameters, membrane_table, parameter_error};
use crate::error::BuildError;
use crate::plan::{Input, Plan};
use lapicque_models::columns::BLOCK;
use lapicque_models::inputs::{InputRecipe, Stimulus};
use lapicque_models::list::Models;
use lapicque_models::numerics::random::Purpose;
use lapicque_models::population::assemble::responses;

/// Builds the stimulus of input number `index` onto one share. Weights become whole numbers of `quantum`. `None` if no
/// target of the input lies in the share.
pub fn stimulus(
    plan: &Plan,
    models: &Models,
    quantum: f64,
    index: usize,
    share: &Share,
) -> Result<Option<Box<dyn Stimulus>>, BuildError> {
    let input: &Input = &plan.inputs[index];
    let (to, own) = (&input.to.neurons, &share.neurons);
    if to.start.max(own.start) >= to.end.min(own.end) {
        return Ok(None);
    }
    let what = || format!("input {}", input.name);
    let missing =
        |name: &str| BuildError::Invalid(format!("model \"{name}\" of {} is not in the list of models", what()));
    let population = &plan.populations[input.to.population];
    let membrane = models.membrane(population.neuron.page).ok_or_else(|| missing(population.neuron.page.name))?;
    let membranes = membrane_table(plan, input.to.population, own.clone());
    let responses = responses(membrane.response, &membranes, share.len()).map_err(parameter_error(what()))?;
    // Whether each neuron of the share is a target; empty if all are.
    let inside: Vec<bool> = if to.start <= own.start && own.end <= to.end {
        Vec::new()
    } else {
        own.clone().map(|n| to.contains(&n)).collect()
    };
    let table = draw_parameters(&input.model, own.clone(), input.seed, Purpose::Amplitude, index as u64);
    let entry = models.input(input.model.page).ok_or_else(|| missing(input.model.page.name))?;
    let takes_currents = population.neuron.page.has_capacitance(|field| population.neuron.values[field].is_some());
    let recipe = InputRecipe {
        table: &table,
        inside: &inside,
        responses: &responses,
        voltage: input.drive_in_mv,
        jump: input.drive_in_mv || !takes_currents,
        quantum,
        dt: plan.dt,
        len: share.len(),
        first_block: own.start as usize / BLOCK,
        seed: input.seed,
        identity: index as u64,
    };
    (entry.build)(&recipe).map(Some).map_err(parameter_error(what()))
}
