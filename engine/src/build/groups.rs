//! Which projections share a table of synapses.

use crate::plan::{Plan, Projection, Rule, Sampler, Value};
use lapicque_models::numerics::accumulate::to_quanta;

/// Whether no target is stored for a projection: all-to-all with one weight and one delay.
pub fn stores_no_targets(projection: &Projection) -> bool {
    let constant = |v: &Value| matches!(v, Value::Constant(_));
    projection.rule == Rule::AllToAll && constant(&projection.weight) && constant(&projection.delay)
}

/// Projections that share a table. No two reach the same receptor of the same neuron, and they are in the order of
/// slots, so that the targets of a row ascend.
pub struct ProjectionGroup {
    /// Source population.
    pub population: usize,
    /// Weight in quanta, where all synapses have the same.
    pub weight: Option<i32>,
    /// Delay in steps, where all weights are the same and all delays too.
    pub delay: Option<u32>,
    /// Indices of the projections.
    pub members: Vec<usize>,
}

/// The weight of a projection in whole numbers of its quantum, where all its synapses have the same.
pub fn constant_quanta(projection: &Projection, quanta: &[Vec<f64>]) -> Option<i32> {
    let quantum = quanta[projection.to.population][projection.receptor];
    Sampler::weight(projection.weight).constant().map(|w| to_quanta(w, 1.0 / quantum))
}

/// Groups the projections of a plan, all but those for which no target is stored.
pub fn groups(plan: &Plan, quanta: &[Vec<f64>]) -> Vec<ProjectionGroup> {
    let mut groups: Vec<ProjectionGroup> = Vec::new();
    let overlap = |a: usize, b: usize| {
        let (a, b) = (&plan.projections[a], &plan.projections[b]);
        let (x, y) = (&a.to.neurons, &b.to.neurons);
        (a.to.population, a.receptor) == (b.to.population, b.receptor) && x.start < y.end && y.start < x.end
    };
    for (index, projection) in plan.projections.iter().enumerate().filter(|(_, p)| !stores_no_targets(p)) {
        let weight = constant_quanta(projection, quanta);
        let steps = Sampler::delay(projection.delay, plan.dt).constant().map(Sampler::steps);
        let delay = weight.and(steps);
        let population = projection.from.population;
        let same = |g: &&mut ProjectionGroup| {
            g.population == population
                && g.weight == weight
                && g.delay == delay
                && !g.members.iter().any(|&other| overlap(index, other))
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.members.push(index),
            None => groups.push(ProjectionGroup { population, weight, delay, members: vec![index] }),
        }
    }
    for group in &mut groups {
        let to = |&i: &usize| (&plan.projections[i].to, plan.projections[i].receptor);
        group.members.sort_by_key(|i| {
            let (to, receptor) = to(i);
            (to.population, receptor, to.neurons.start)
        });
    }
    groups
}
