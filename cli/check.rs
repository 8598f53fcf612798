//! `lapicque check`: lists the network, counts the synapses of each projection, estimates memory, and reports all
//! mistakes in the configuration.

use crate::command_error::CommandError;
use crate::configuration::Configuration;
use crate::output::{print, warn};
use clap::Args;
use lapicque_engine::build::{estimate, preview};
use lapicque_engine::memory::machine_memory;
use lapicque_engine::plan::Plan;
use lapicque_models::list::Models;
use std::process::ExitCode;

/// Arguments of `check`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    configuration: Configuration,
}

/// Checks a configuration.
pub fn check(arguments: &Arguments) -> Result<ExitCode, CommandError> {
    let loaded = arguments.configuration.load(&Models::standard())?;
    let plan = &loaded.plan;
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let estimate = estimate(plan, threads);
    let available = machine_memory();
    if let Some(available) = available.filter(|&available| estimate.bytes > available as f64) {
        return Err(estimate.too_large(available).into());
    }
    let preview = preview(plan, &Models::standard())?;
    let mut text = format!("{} steps of {} ms, seed {}\n\n", plan.steps, plan.dt, plan.seed);
    list_populations(plan, &mut text);
    list_inputs(plan, &mut text);
    list_projections(plan, &preview.synapses, &mut text);
    text += &format!("\n{} neurons, {} synapses\n", estimate.neurons, preview.synapses.iter().sum::<u64>());
    let bits = if preview.wide { 64 } else { 32 };
    let rounding = preview.rounding.largest;
    text += &format!(
        "weights are rounded by at most {rounding:.1e} of a typical weight; inputs are summed in {bits} bits\n"
    );
    warn(preview.rounding.warning(plan));
    text += &format!("memory about {:.0} MB", estimate.bytes / 1e6);
    if let Some(available) = available {
        text += &format!(", this machine has {:.0} MB", available as f64 / 1e6);
    }
    print(&(text + "\n"))
}

fn list_populations(plan: &Plan, text: &mut String) {
    for p in &plan.populations {
        let receptors: Vec<_> = p.receptors.iter().map(|r| format!("{} ({})", r.name, r.model.page.name)).collect();
        let receptors =
            if receptors.is_empty() { String::new() } else { format!(", receptors {}", receptors.join(", ")) };
        *text += &format!("population {}: {} × {}{receptors}\n", p.name, p.size, p.neuron.page.name);
    }
}

fn list_inputs(plan: &Plan, text: &mut String) {
    for input in &plan.inputs {
        let population = &plan.populations[input.to.population];
        let receptor =
            input.receptor.map(|r| format!(", receptor {}", population.receptors[r].name)).unwrap_or_default();
        *text += &format!("input {}: {} to {}{receptor}\n", input.name, input.model.page.name, population.name);
    }
}

fn list_projections(plan: &Plan, synapses: &[u64], text: &mut String) {
    for (p, n) in plan.projections.iter().zip(synapses) {
        let (from, to) = (&plan.populations[p.from.population], &plan.populations[p.to.population]);
        let receptor = &to.receptors[p.receptor].name;
        *text += &format!("projection {}: {} to {} ({receptor}), {n} synapses\n", p.name, from.name, to.name);
    }
}
