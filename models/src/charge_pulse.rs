//! Charge pulses at given times.

use crate::columns::CHUNKS;
use crate::page::{Default, Dimension, Field, Page, ParameterError, Range, Role};
use crate::source::{Amounts, Sink, Source, SourceModel, SourceRecipe};

/// Page of the charge pulse.
pub static PAGE: Page = Page {
    name: "charge_pulse",
    role: Role::Source,
    summary: "a charge q at each of `times`: V jumps by q/C",
    text: "V → V + q/C at each time, after the leak. A refractory neuron loses the pulse.",
    fields: &[Field {
        name: "charge",
        symbol: "q",
        dimension: Dimension::Charge,
        default: Default::Required,
        range: Range::Finite,
        meaning: "the charge: fC or pC on a membrane with C, or the jump q/C itself in mV on any",
    }],
    variables: &[],
};

/// The charge pulse.
pub struct ChargePulse;

struct Pulse(Amounts);

impl SourceModel for ChargePulse {
    const PAGE: &'static Page = &PAGE;
    fn build(recipe: &SourceRecipe<'_>) -> Result<Box<dyn Source>, ParameterError> {
        let jump = recipe.jump;
        Ok(Box::new(Pulse(
            recipe.amounts(|p, response| Ok(p.get("charge")? * if jump { 1.0 } else { response.per_charge }))?,
        )))
    }
}

impl Source for Pulse {
    fn step(&mut self, _: u64, block: usize, sink: Sink<'_>) {
        let Sink::Membrane { kick, .. } = sink else { unreachable!("a charge has no weight") };
        for b in 0..CHUNKS {
            let amounts = self.0.chunk(block * CHUNKS + b);
            for (kick, amount) in kick[b].iter_mut().zip(amounts) {
                *kick += amount;
            }
        }
    }
    fn kicks(&self) -> bool {
        true
    }
}
