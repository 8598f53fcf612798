//! Bounds on the weights onto each receptor. They follow from in-degrees, inputs and the bounds of the distributions,
//! before any weight is drawn. The quanta are chosen from these bounds.

use super::layout::{TileLayout, targets_in};
use super::neurons::{draw_parameters, parameter_error};
use super::quantum::{LARGEST_ROUNDING, WeightBounds};
use super::wiring::TileDegrees;
use crate::error::BuildError;
use crate::plan::{Plan, Population, Sampler, Value, WeightStorage};
use lapicque_models::list::Models;
use lapicque_models::numerics::random::Purpose;

/// The sums have room for at least this many events of every input in a step, so that the rate of an input can be
/// raised while the network runs.
const RESERVED_EVENTS: f64 = 200.0;

/// The user is warned if weights are rounded by more than this fraction.
const WARN_ABOVE: f64 = 1e-2;

/// How much weights are rounded, and at which receptor most.
#[derive(Clone, Copy, Debug, Default)]
pub struct WeightRounding {
    /// Largest rounding of a weight, as a fraction of the typical weight of its projection or input.
    pub largest: f64,
    /// Population and receptor where the rounding is largest.
    pub receptor: (usize, usize),
}

impl WeightRounding {
    /// A warning for the user, if weights are rounded by more than a hundredth.
    pub fn warning(&self, plan: &Plan) -> Option<String> {
        let (population, receptor) = self.receptor;
        let population = plan.populations.get(population).filter(|_| self.largest > WARN_ABOVE)?;
        let full = match plan.weights {
            WeightStorage::Compact => "store weights in full (remove simulation.weights = \"compact\"), ",
            WeightStorage::Full => "",
        };
        Some(format!(
            "typical weights onto receptor {} of population {} are rounded by up to {:.2} %, because other weights onto \
             the same receptor are, or can be, much larger; {full}limit drawn weights by max, or give large weights a \
             receptor of their own",
            population.receptors[receptor].name,
            population.name,
            100.0 * self.largest
        ))
    }
}

/// Whether inputs must be summed in 64 bits, and how much weights are rounded with this choice. With 32 bits, weights
/// would be rounded by more than [`LARGEST_ROUNDING`] if in-degrees or events are very large.
pub fn sum_width_and_rounding(plan: &Plan, bounds: &[Vec<WeightBounds>]) -> (bool, WeightRounding) {
    let wide = bounds.iter().flatten().any(|b| b.rounding(b.quantum(false, false)) > LARGEST_ROUNDING);
    let compact = plan.weights == WeightStorage::Compact;
    let mut rounding = WeightRounding::default();
    for (population, bounds) in bounds.iter().enumerate() {
        for (receptor, bounds) in bounds.iter().enumerate() {
            let largest = bounds.rounding(bounds.quantum(wide, compact));
            if largest > rounding.largest {
                rounding = WeightRounding { largest, receptor: (population, receptor) };
            }
        }
    }
    (wide, rounding)
}

/// The typical |weight| of a distribution: |mean|. For a distribution around zero: a tenth of the largest |weight|.
pub fn typical_weight(weight: &Sampler) -> f64 {
    let (largest, mean) = (weight.largest(), weight.mean().abs());
    if mean > 1e-3 * largest || weight.has_one_sign() { mean.min(largest) } else { 0.1 * largest }
}

/// Bounds on sum and in-degree from the synapses in one tile, for each receptor of each population.
pub fn tile_weight_bounds(plan: &Plan, tile: &TileLayout, degrees: &TileDegrees) -> Vec<Vec<WeightBounds>> {
    let population = |(p, population): (usize, &Population)| -> Vec<WeightBounds> {
        let share = &tile.shares[p];
        let receptor = |r: usize| {
            // For each neuron of the share.
            let (mut sum, mut in_degree) = (vec![0.0; share.len()], vec![0.0; share.len()]);
            for (projection, degrees) in plan.projections.iter().zip(degrees) {
                if projection.to.population == p && projection.receptor == r {
                    let largest = Sampler::weight(projection.weight).largest();
                    for (i, t) in targets_in(projection, share).enumerate() {
                        let n = f64::from(degrees.of(i));
                        let neuron = (t - share.neurons.start) as usize;
                        sum[neuron] += n * largest;
                        in_degree[neuron] += n;
                    }
                }
            }
            let max = |v: &[f64]| v.iter().copied().fold(0.0, f64::max);
            WeightBounds { sum: max(&sum), in_degree: max(&in_degree), ..WeightBounds::default() }
        };
        (0..population.receptors.len()).map(receptor).collect()
    };
    plan.populations.iter().enumerate().map(population).collect()
}

/// Bounds from the synapses of all tiles, for each receptor of each population. Adds the bounds on single weights.
pub fn merge_tiles(plan: &Plan, tiles: Vec<Vec<Vec<WeightBounds>>>) -> Vec<Vec<WeightBounds>> {
    let mut bounds: Vec<Vec<WeightBounds>> =
        plan.populations.iter().map(|p| vec![WeightBounds::default(); p.receptors.len()]).collect();
    for tile in &tiles {
        for (all, one) in bounds.iter_mut().flatten().zip(tile.iter().flatten()) {
            all.include_tile(one);
        }
    }
    for projection in &plan.projections {
        let sampler = Sampler::weight(projection.weight);
        let bounds = &mut bounds[projection.to.population][projection.receptor];
        bounds.include_weight(sampler.largest(), typical_weight(&sampler));
        if sampler.constant().is_none() {
            bounds.largest_individual = bounds.largest_individual.max(sampler.largest());
        }
    }
    bounds
}

/// Largest number of events that an input can bring to one neuron in a step, and their weight. `None` for an input onto
/// the membrane. Refuses an input with a drawn parameter other than the weight.
pub fn most_events(plan: &Plan, models: &Models, index: usize) -> Result<Option<(f64, Sampler)>, BuildError> {
    let input = &plan.inputs[index];
    let page = input.model.page;
    let (Some(field), Some(entry)) = (page.weight(), models.input(page)) else { return Ok(None) };
    let is_drawn = |i: usize| i != field && matches!(input.model.values[i], Some(Value::Drawn { .. }));
    if let Some(i) = (0..page.fields.len()).find(|&i| is_drawn(i)) {
        let (name, field) = (&input.name, page.fields[i].name);
        return Err(BuildError::Invalid(format!(
            "input {name}: {field} is one value for all neurons; for several values, add one input for each part of \
             the population"
        )));
    }
    let table = draw_parameters(&input.model, 0..1, input.seed, Purpose::Amplitude, index as u64);
    let values = table.values(0);
    // Number of events, and weight for the first neuron.
    let of_first_neuron = || {
        let parameters = table.parameters(&values)?;
        Ok(((entry.most_events)(&parameters, plan.dt)?, parameters.get(page.fields[field].name)?))
    };
    let (most, first_weight) = of_first_neuron().map_err(parameter_error(format!("input {}", input.name)))?;
    // A weight that is not given has its default value, which is the same for all neurons.
    Ok(Some((most, Sampler::new(input.model.values[field].unwrap_or(Value::Constant(first_weight))))))
}

/// Adds the events of the inputs to the bounds.
pub fn add_inputs(plan: &Plan, models: &Models, bounds: &mut [Vec<WeightBounds>]) -> Result<(), BuildError> {
    for (index, input) in plan.inputs.iter().enumerate() {
        if let (Some(receptor), Some((most, weight))) = (input.receptor, most_events(plan, models, index)?) {
            let (bounds, events) = (&mut bounds[input.to.population][receptor], most.max(RESERVED_EVENTS));
            bounds.sum += events * weight.largest();
            bounds.in_degree += events;
            bounds.include_weight(weight.largest(), typical_weight(&weight));
        }
    }
    Ok(())
}
