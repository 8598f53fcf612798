//! What is known of the weights onto each receptor before any is drawn: in-degrees, inputs, and how large weights can be.
//! From that follow the quanta.

use super::layout::{TileLayout, targets_in};
use super::neurons::{parameters, refused};
use super::quantum::{Load, ROUNDING};
use super::wiring::TileDegrees;
use crate::error::BuildError;
use crate::plan::{Plan, Population, Sampler, Value, WeightStorage};
use lapicque_models::list::Models;
use lapicque_models::numerics::random::Purpose;

/// Events in a step for which each input has room at least, so that its rate may be raised while the network runs.
const RESERVED: f64 = 200.0;

/// Rounding of weights that users are warned of.
const NOTICEABLE: f64 = 1e-2;

/// How coarsely weights are rounded, and where most.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rounding {
    /// Largest rounding of a weight, relative to the typical weight of its projection or input.
    pub largest: f64,
    /// The population and the receptor with that weight.
    pub at: (usize, usize),
}

impl Rounding {
    /// What to say of it, if it is more than a hundredth.
    pub fn warning(&self, plan: &Plan) -> Option<String> {
        let (population, receptor) = self.at;
        let population = plan.populations.get(population).filter(|_| self.largest > NOTICEABLE)?;
        let full = match plan.weights {
            WeightStorage::Compact => "store weights in full (remove simulation.weights = \"compact\"), ",
            WeightStorage::Full => "",
        };
        Some(format!(
            "typical weights onto receptor {} of population {} are rounded by up to {:.2} %, because others onto it are, \
             or can be, much larger; {full}bound what is drawn by max, or give large weights a receptor of their own",
            population.receptors[receptor].name,
            population.name,
            100.0 * self.largest
        ))
    }
}

/// Whether sums need 64 bits, and how weights are rounded then.
pub fn summing(plan: &Plan, loads: &[Vec<Load>]) -> (bool, Rounding) {
    let wide = loads.iter().flatten().any(|load| load.rounding(load.quantum(false, false)) > ROUNDING);
    let compact = plan.weights == WeightStorage::Compact;
    let mut rounding = Rounding::default();
    for (population, loads) in loads.iter().enumerate() {
        for (receptor, load) in loads.iter().enumerate() {
            let largest = load.rounding(load.quantum(wide, compact));
            if largest > rounding.largest {
                rounding = Rounding { largest, at: (population, receptor) };
            }
        }
    }
    (wide, rounding)
}

/// The typical |weight| of a distribution: that of its mean. For a distribution around zero, a tenth of the largest.
pub fn typical(weight: &Sampler) -> f64 {
    let (largest, mean) = (weight.largest(), weight.mean().abs());
    if mean > 1e-3 * largest || weight.has_sign() { mean.min(largest) } else { 0.1 * largest }
}

/// What is known of the synapses of one tile.
pub fn of_tile(plan: &Plan, tile: &TileLayout, degrees: &TileDegrees) -> Vec<Vec<Load>> {
    let population = |(p, population): (usize, &Population)| -> Vec<Load> {
        let share = &tile.shares[p];
        let receptor = |r: usize| {
            let (mut sum, mut degree) = (vec![0.0; share.len()], vec![0.0; share.len()]);
            for (projection, degrees) in plan.projections.iter().zip(degrees) {
                if projection.to.population == p && projection.receptor == r {
                    let largest = Sampler::weight(projection.weight).largest();
                    for (i, t) in targets_in(projection, share).enumerate() {
                        let n = f64::from(degrees.of(i));
                        let at = (t - share.neurons.start) as usize;
                        sum[at] += n * largest;
                        degree[at] += n;
                    }
                }
            }
            let max = |v: &[f64]| v.iter().copied().fold(0.0, f64::max);
            Load { sum: max(&sum), degree: max(&degree), ..Load::default() }
        };
        (0..population.receptors.len()).map(receptor).collect()
    };
    plan.populations.iter().enumerate().map(population).collect()
}

/// What is known of the synapses of all tiles.
pub fn merge(plan: &Plan, tiles: Vec<Vec<Vec<Load>>>) -> Vec<Vec<Load>> {
    let mut loads: Vec<Vec<Load>> = plan.populations.iter().map(|p| vec![Load::default(); p.receptors.len()]).collect();
    for tile in &tiles {
        for (all, one) in loads.iter_mut().flatten().zip(tile.iter().flatten()) {
            all.merge(one);
        }
    }
    for projection in &plan.projections {
        let sampler = Sampler::weight(projection.weight);
        let load = &mut loads[projection.to.population][projection.receptor];
        load.include_weight(sampler.largest(), typical(&sampler));
        if sampler.constant().is_none() {
            load.individual = load.individual.max(sampler.largest());
        }
    }
    loads
}

/// The most events that an input brings a neuron in a step, and their weight; none for one onto the membrane.
pub fn largest_events(plan: &Plan, models: &Models, index: usize) -> Result<Option<(f64, Sampler)>, BuildError> {
    let input = &plan.inputs[index];
    let page = input.model.page;
    let (Some(field), Some(entry)) = (page.weight(), models.input(page)) else { return Ok(None) };
    let drawn = |i: usize| i != field && matches!(input.model.values[i], Some(Value::Drawn { .. }));
    if let Some(i) = (0..page.fields.len()).find(|&i| drawn(i)) {
        let (name, field) = (&input.name, page.fields[i].name);
        return Err(BuildError::Invalid(format!(
            "input {name}: {field} is one value for all neurons; give each part its own input"
        )));
    }
    let table = parameters(&input.model, 0..1, input.seed, Purpose::Amplitude, index as u64);
    let values = table.values(0);
    let of_one = || {
        let parameters = table.parameters(&values)?;
        Ok(((entry.most_events)(&parameters, plan.dt)?, parameters.get(page.fields[field].name)?))
    };
    let (most, of_one) = of_one().map_err(refused(format!("input {}", input.name)))?;
    // A weight that is not given is the same for all neurons.
    Ok(Some((most, Sampler::new(input.model.values[field].unwrap_or(Value::Constant(of_one))))))
}

/// Adds what inputs bring.
pub fn add_inputs(plan: &Plan, models: &Models, loads: &mut [Vec<Load>]) -> Result<(), BuildError> {
    for (index, input) in plan.inputs.iter().enumerate() {
        if let (Some(receptor), Some((most, weight))) = (input.receptor, largest_events(plan, models, index)?) {
            let (load, events) = (&mut loads[input.to.population][receptor], most.max(RESERVED));
            load.sum += events * weight.largest();
            load.degree += events;
            load.include_weight(weight.largest(), typical(&weight));
        }
    }
    Ok(())
}
