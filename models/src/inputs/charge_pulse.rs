//! Charge pulses at given times.

use crate::columns::CHUNKS;
use crate::inputs::{Amounts, InputModel, InputRecipe, InputSink, Stimulus};
use crate::page::{DefaultValue, Dimension, Field, Page, Range, Role};
use crate::parameters::ParameterError;

/// Page of the charge pulse.
pub static PAGE: Page = Page {
    name: "charge_pulse",
    role: Role::Input,
    summary: "a pulse of charge q at each of `times`: V jumps by q/C",
    text: "V → V + q/C at each time, after the leak. A refractory neuron loses the pulse.",
    fields: &[Field {
        name: "charge",
        symbol: "q",
        dimension: Dimension::Charge,
        default: DefaultValue::Required,
        range: Range::Finite,
        meaning: "charge in fC or pC (membranes with C only), or the jump q/C in mV (all membranes)",
    }],
    variables: &[],
};

/// The charge pulse.
pub struct ChargePulse;

/// Jumps of V in mV, one per neuron.
struct Pulse(Amounts);

impl InputModel for ChargePulse {
    const PAGE: &'static Page = &PAGE;
    fn build(recipe: &InputRecipe<'_>) -> Result<Box<dyn Stimulus>, ParameterError> {
        let jump = recipe.jump;
        Ok(Box::new(Pulse(
            recipe.amounts(|p, response| Ok(p.get("charge")? * if jump { 1.0 } else { response.per_charge }))?,
        )))
    }
}

impl Stimulus for Pulse {
    fn step(&mut self, _: u64, block: usize, sink: InputSink<'_>) {
        let InputSink::Membrane { jump, .. } = sink else { unreachable!("a charge pulse acts on the membrane") };
        for b in 0..CHUNKS {
            let amounts = self.0.chunk(block * CHUNKS + b);
            for (jump, amount) in jump[b].iter_mut().zip(amounts) {
                *jump += amount;
            }
        }
    }
    fn jumps(&self) -> bool {
        true
    }
}
