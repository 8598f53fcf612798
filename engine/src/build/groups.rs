//! Which projections share a table of synapses.

use crate::plan::{Plan, Projection, Rule, Sampler, Value};
use lapicque_models::numerics::accumulate::to_quanta;

/// Whether a projection is stored without its targets: all-to-all, with one weight and one delay for all synapses.
pub fn stores_no_targets(projection: &Projection) -> bool {
    let is_constant = |v: &Value| matches!(v, Value::Constant(_));
    projection.rule == Rule::AllToAll && is_constant(&projection.weight) && is_constant(&projection.delay)
}

/// Projections that share a table. All have the same source population. Either all synapses have the same weight, or
/// weights are drawn. No two projections of a group reach the same slot. Members are in the order of their target
/// slots, so that the targets in a row ascend.
pub struct ProjectionGroup {
    /// Source population.
    pub population: usize,
    /// Weight in quanta, if all synapses have the same weight.
    pub weight: Option<i32>,
    /// Delay in steps, if all synapses have the same weight and the same delay.
    pub delay: Option<u32>,
    /// Indices of the projections in the plan.
    pub members: Vec<usize>,
}

/// The weight of a projection in quanta, if all its synapses have the same weight.
pub fn constant_weight(projection: &Projection, quanta: &[Vec<f64>]) -> Option<i32> {
    let quantum = quanta[projection.to.population][projection.receptor];
    Sampler::weight(projection.weight).constant().map(|w| to_quanta(w, 1.0 / quantum))
}

/// Groups the projections of a plan, except those stored without targets.
pub fn group_projections(plan: &Plan, quanta: &[Vec<f64>]) -> Vec<ProjectionGroup> {
    let mut groups: Vec<ProjectionGroup> = Vec::new();
    let overlap = |a: usize, b: usize| {
        let (a, b) = (&plan.projections[a], &plan.projections[b]);
        let (x, y) = (&a.to.neurons, &b.to.neurons);
        (a.to.population, a.receptor) == (b.to.population, b.receptor) && x.start < y.end && y.start < x.end
    };
    for (index, projection) in plan.projections.iter().enumerate().filter(|(_, p)| !stores_no_targets(p)) {
        let weight = constant_weight(projection, quanta);
        let steps = Sampler::delay(projection.delay, plan.dt).constant().map(Sampler::steps);
        let delay = weight.and(steps);
        let population = projection.from.population;
        let accepts = |g: &&mut ProjectionGroup| {
            g.population == population
                && g.weight == weight
                && g.delay == delay
                && !g.members.iter().any(|&other| overlap(index, other))
        };
        match groups.iter_mut().find(accepts) {
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
