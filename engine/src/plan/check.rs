//! Checks that every plan must pass before it is built.
//!
//! A plan from a TOML file was already checked in more detail, with line numbers, when the file was read. The checks
//! here are needed for plans written in Rust.

use crate::error::BuildError;
use crate::plan::sampler::Sampler;
use crate::plan::{Plan, Projection, Rule, Selection, Shape, Value};

/// Longest delay accepted, in steps. Memory grows with the delay, because the spikes of that many steps are kept.
pub const LONGEST_DELAY: f64 = 1e6;

/// Refuses a plan that cannot be built. The error says what is wrong, in which population, input or projection.
pub fn check(plan: &Plan) -> Result<(), BuildError> {
    let invalid = |text: String| Err(BuildError::Invalid(text));
    if !(plan.dt.is_finite() && plan.dt > 0.0) {
        return invalid(format!("dt is {} ms; a value greater than 0 is needed", plan.dt));
    }
    if plan.populations.is_empty() {
        return invalid("the network has no population".into());
    }
    let total: u64 = plan.populations.iter().map(|p| u64::from(p.size)).sum();
    if total > u64::from(u32::MAX) {
        return invalid(format!("the network has {total} neurons; at most {} are possible", u32::MAX));
    }
    for (i, population) in plan.populations.iter().enumerate() {
        let name = &population.name;
        if population.size == 0 {
            return invalid(format!("population {name} is empty; at least 1 neuron is needed"));
        }
        if plan.populations[..i].iter().any(|p| p.name == *name) {
            return invalid(format!("there are two populations \"{name}\"; names must differ"));
        }
        let models = std::iter::once(&population.neuron).chain(population.receptors.iter().map(|r| &r.model));
        for model in models {
            for (field, v) in model.page.fields.iter().zip(&model.values) {
                v.map_or(Ok(()), |v| check_value(&v, &format!("{} of population {name}", field.name)))?;
            }
        }
        for (variable, v) in &population.initial {
            check_value(v, &format!("init.{variable} of population {name}"))?;
        }
    }
    for input in &plan.inputs {
        check_selection(plan, &input.to, &format!("input {}", input.name))?;
        let receptors = plan.populations[input.to.population].receptors.len();
        if input.receptor.is_some_and(|r| r >= receptors) {
            return invalid(format!("input {} names a receptor that its population does not have", input.name));
        }
        let (name, page) = (&input.name, input.model.page);
        match (page.weight(), input.receptor) {
            (Some(_), None) => return invalid(format!("input {name}: \"{}\" acts on a receptor; name one", page.name)),
            (None, Some(_)) => {
                return invalid(format!("input {name}: \"{}\" acts on the membrane, not on a receptor", page.name));
            }
            _ => {}
        }
        if !input.times.is_sorted_by(|a, b| a < b) {
            return invalid(format!("input {name}: times of pulses must ascend, and each must occur once"));
        }
        for (field, v) in input.model.page.fields.iter().zip(&input.model.values) {
            v.map_or(Ok(()), |v| check_value(&v, &format!("{} of input {}", field.name, input.name)))?;
        }
    }
    plan.projections.iter().try_for_each(|p| check_projection(plan, p))?;
    for trace in &plan.record.traces {
        check_selection(plan, &trace.of, "a trace")?;
        if trace.every == 0 {
            return invalid("a trace has an interval of 0 steps; at least 1 is needed".into());
        }
    }
    Ok(())
}

/// Refuses a selection if its population or its neurons do not exist, or if its range of neurons is empty.
fn check_selection(plan: &Plan, selection: &Selection, what: &str) -> Result<(), BuildError> {
    let Some(population) = plan.populations.get(selection.population) else {
        return Err(BuildError::Invalid(format!(
            "{what} names population {}, which does not exist",
            selection.population
        )));
    };
    let n = &selection.neurons;
    if n.start >= n.end || n.end > population.size {
        return Err(BuildError::Invalid(format!(
            "{what} names neurons {}..{} of population {}, which has 0..{}",
            n.start, n.end, population.name, population.size
        )));
    }
    Ok(())
}

/// Refuses numbers that are not finite, impossible parameters such as sd < 0, and bounds that exclude nearly all draws.
fn check_value(value: &Value, what: &str) -> Result<(), BuildError> {
    let usable = match *value {
        Value::Constant(x) => x.is_finite(),
        Value::Drawn { shape, min, max } => {
            let possible = match shape {
                Shape::Uniform { low, high } => low.is_finite() && high.is_finite() && low <= high,
                Shape::Normal { mean, sd } => mean.is_finite() && sd.is_finite() && sd >= 0.0,
                Shape::LogNormal { mean, sd } => mean.is_finite() && mean != 0.0 && sd.is_finite() && sd >= 0.0,
            };
            possible && min <= max
        }
    };
    if !usable {
        return Err(BuildError::Invalid(format!(
            "{what}: {value} cannot be used; needed are finite numbers, low ≤ high, sd ≥ 0, min ≤ max, and for a \
             lognormal a mean other than 0"
        )));
    }
    let chance = Sampler::new(*value).acceptance();
    if chance < 1e-3 {
        return Err(BuildError::Invalid(format!(
            "{what}: the bounds of {value} keep a fraction of {chance:.1e} of the draws; at least 1e-3 is needed"
        )));
    }
    Ok(())
}

/// Refuses a projection whose selections, receptor, weight, delay or numbers of synapses are not possible.
fn check_projection(plan: &Plan, p: &Projection) -> Result<(), BuildError> {
    let name = format!("projection {}", p.name);
    check_selection(plan, &p.from, &name)?;
    check_selection(plan, &p.to, &name)?;
    let target = &plan.populations[p.to.population];
    if p.receptor >= target.receptors.len() {
        return Err(BuildError::Invalid(format!(
            "{name} names receptor {} of population {}, which does not exist",
            p.receptor, target.name
        )));
    }
    check_value(&p.weight, &format!("weight of {name}"))?;
    check_value(&p.delay, &format!("delay of {name}"))?;
    let delay = Sampler::delay(p.delay, plan.dt);
    if delay.constant().is_some_and(|steps| steps < 1.0 - 1e-9) {
        return Err(BuildError::Invalid(format!(
            "{name}: its delay is shorter than dt = {} ms; at least one step is needed",
            plan.dt
        )));
    }
    if delay.acceptance() < 1e-3 || delay.bounds().1 > LONGEST_DELAY {
        return Err(BuildError::Invalid(format!(
            "{name}: its delay in ms is {}; delays between half a step and 1e6 steps are needed",
            p.delay
        )));
    }
    let size = |s: &Selection| u64::from(s.neurons.end - s.neurons.start);
    let (sources, targets) = (size(&p.from), size(&p.to));
    let overlap = p.from.population == p.to.population
        && p.from.neurons.start < p.to.neurons.end
        && p.to.neurons.start < p.from.neurons.end;
    // 1 if some neuron must not connect to itself, and so has one possible partner fewer.
    let excluded = u64::from(!p.autapses && overlap);
    let check_number = |given: u64, possible: u64, what: &str| {
        if given > 0 && possible == 0 || !p.multapses && given > possible {
            return Err(BuildError::Invalid(format!(
                "{name}: {what} = {given}, but only {possible} are possible without multapses and autapses; lower it, \
                 or allow them"
            )));
        }
        Ok(())
    };
    match p.rule {
        Rule::ErdosRenyi(chance) if !(0.0..=1.0).contains(&chance) => {
            Err(BuildError::Invalid(format!("{name}: erdos_renyi = {chance} is not a probability; 0 to 1 is needed")))
        }
        Rule::FixedInDegree(k) => check_number(u64::from(k), sources - excluded, "fixed_in_degree"),
        Rule::FixedOutDegree(k) => check_number(u64::from(k), targets - excluded, "fixed_out_degree"),
        Rule::FixedTotalNumber(k) => {
            let (a, b) = (&p.from.neurons, &p.to.neurons);
            let autapses = if excluded > 0 { u64::from(a.end.min(b.end) - a.start.max(b.start)) } else { 0 };
            check_number(k, sources * targets - autapses, "fixed_total_number")
        }
        Rule::OneToOne if sources != targets => Err(BuildError::Invalid(format!(
            "{name}: one_to_one needs as many targets as sources; {sources} sources and {targets} targets are given"
        ))),
        _ => Ok(()),
    }
}
