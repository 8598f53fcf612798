//! What every plan must fulfil before it is built, wherever it comes from. A configuration is checked in more detail,
//! with lines, when it is read; these checks protect the builder from plans written in Rust.

use crate::error::BuildError;
use crate::plan::sampler::Sampler;
use crate::plan::{Plan, Projection, Rule, Selection, Shape, Value};

/// Longest delay in steps: the spikes of so many steps are kept.
pub const LONGEST_DELAY: f64 = 1e6;

/// Checks a plan.
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
                v.map_or(Ok(()), |v| value(&v, &format!("{} of population {name}", field.name)))?;
            }
        }
        for (variable, v) in &population.initial {
            value(v, &format!("init.{variable} of population {name}"))?;
        }
    }
    for input in &plan.inputs {
        selection(plan, &input.to, &format!("input {}", input.name))?;
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
            return invalid(format!("input {name}: times of pulses must ascend, each once"));
        }
        for (field, v) in input.model.page.fields.iter().zip(&input.model.values) {
            v.map_or(Ok(()), |v| value(&v, &format!("{} of input {}", field.name, input.name)))?;
        }
    }
    plan.projections.iter().try_for_each(|p| projection(plan, p))?;
    for trace in &plan.record.traces {
        selection(plan, &trace.of, "a trace")?;
        if trace.every == 0 {
            return invalid("a trace has an interval of 0 steps; at least 1 is needed".into());
        }
    }
    Ok(())
}

fn selection(plan: &Plan, selection: &Selection, what: &str) -> Result<(), BuildError> {
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

/// A value must be finite, and its bounds must leave something to draw.
fn value(value: &Value, what: &str) -> Result<(), BuildError> {
    let finite = match *value {
        Value::Constant(x) => x.is_finite(),
        Value::Drawn { shape, min, max } => {
            let numbers = match shape {
                Shape::Uniform { low, high } => low.is_finite() && high.is_finite() && low <= high,
                Shape::Normal { mean, sd } => mean.is_finite() && sd.is_finite() && sd >= 0.0,
                Shape::LogNormal { mean, sd } => mean.is_finite() && mean != 0.0 && sd.is_finite() && sd >= 0.0,
            };
            numbers && min <= max
        }
    };
    if !finite {
        return Err(BuildError::Invalid(format!("{what}: {value:?} is not a usable value or distribution")));
    }
    let chance = Sampler::new(*value).acceptance();
    if chance < 1e-3 {
        return Err(BuildError::Invalid(format!(
            "{what}: the bounds of {value:?} exclude nearly everything it can draw (chance {chance:.1e}); at least 1e-3 is needed"
        )));
    }
    Ok(())
}

fn projection(plan: &Plan, p: &Projection) -> Result<(), BuildError> {
    let name = format!("projection {}", p.name);
    selection(plan, &p.from, &name)?;
    selection(plan, &p.to, &name)?;
    let target = &plan.populations[p.to.population];
    if p.receptor >= target.receptors.len() {
        return Err(BuildError::Invalid(format!(
            "{name} names receptor {} of population {}, which does not exist",
            p.receptor, target.name
        )));
    }
    value(&p.weight, &format!("weight of {name}"))?;
    value(&p.delay, &format!("delay of {name}"))?;
    let delay = Sampler::delay(p.delay, plan.dt);
    if delay.constant().is_some_and(|steps| steps < 1.0 - 1e-9) {
        return Err(BuildError::Invalid(format!(
            "{name}: its delay is shorter than dt = {} ms; at least one step is needed",
            plan.dt
        )));
    }
    if delay.acceptance() < 1e-3 || delay.bounds().1 > LONGEST_DELAY {
        return Err(BuildError::Invalid(format!(
            "{name}: delays of {:?} do not lie between half a step and 1e6 steps",
            p.delay
        )));
    }
    let n = |s: &Selection| u64::from(s.neurons.end - s.neurons.start);
    let (sources, targets) = (n(&p.from), n(&p.to));
    let overlap = p.from.population == p.to.population
        && p.from.neurons.start < p.to.neurons.end
        && p.to.neurons.start < p.from.neurons.end;
    let without = u64::from(!p.autapses && overlap);
    let bound = |given: u64, places: u64, what: &str| {
        if given > 0 && places == 0 || !p.multapses && given > places {
            return Err(BuildError::Invalid(format!(
                "{name}: {what} = {given}, but only {places} are possible without multapses and autapses"
            )));
        }
        Ok(())
    };
    match p.rule {
        Rule::ErdosRenyi(chance) if !(0.0..=1.0).contains(&chance) => {
            Err(BuildError::Invalid(format!("{name}: erdos_renyi = {chance} is not a probability; 0 to 1 is needed")))
        }
        Rule::FixedInDegree(k) => bound(u64::from(k), sources - without, "fixed_in_degree"),
        Rule::FixedOutDegree(k) => bound(u64::from(k), targets - without, "fixed_out_degree"),
        Rule::FixedTotalNumber(k) => {
            let (a, b) = (&p.from.neurons, &p.to.neurons);
            let own = if without > 0 { u64::from(a.end.min(b.end) - a.start.max(b.start)) } else { 0 };
            bound(k, sources * targets - own, "fixed_total_number")
        }
        Rule::OneToOne if sources != targets => Err(BuildError::Invalid(format!(
            "{name}: one_to_one needs equal numbers, here are {sources} sources and {targets} targets"
        ))),
        _ => Ok(()),
    }
}
