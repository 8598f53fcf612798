//! Constant or step current.

use crate::columns::{CHUNKS, Values};
use crate::page::{Default, Dimension, Field, Page, ParameterError, Range, Role};
use crate::source::{Amounts, Sink, Source, SourceModel, SourceRecipe};
use crate::vector::{Instructions, Kernel, dispatch};

/// Page of the current.
pub static PAGE: Page = Page {
    name: "current",
    role: Role::Source,
    summary: "a current held constant, from `start` to `stop`",
    text: "I(t) = amplitude. With a time window it is a step or a rectangular pulse.",
    fields: &[Field {
        name: "amplitude",
        symbol: "I",
        dimension: Dimension::Drive,
        default: Default::Required,
        range: Range::Finite,
        meaning: "the current: pA, or mV as R·I",
    }],
    variables: &[],
};

/// The current.
pub struct Current;

struct Held(Amounts);

impl SourceModel for Current {
    const PAGE: &'static Page = &PAGE;
    fn build(recipe: &SourceRecipe<'_>) -> Result<Box<dyn Source>, ParameterError> {
        let (dt, voltage) = (recipe.dt, recipe.voltage);
        Ok(Box::new(Held(recipe.amounts(|p, response| {
            Ok(p.get("amplitude")? * if voltage { response.held_voltage(dt) } else { response.held(dt) })
        })?)))
    }
}

struct Add<'a> {
    amounts: &'a Amounts,
    block: usize,
    drive: &'a mut Values,
}

impl Kernel for Add<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self, _: impl Instructions) {
        for b in 0..CHUNKS {
            let amounts = self.amounts.chunk(self.block * CHUNKS + b);
            for (drive, amount) in self.drive[b].iter_mut().zip(amounts) {
                *drive += amount;
            }
        }
    }
}

impl Source for Held {
    fn step(&mut self, _: u64, block: usize, sink: Sink<'_>) {
        let Sink::Membrane { drive, .. } = sink else { unreachable!("a current has no weight") };
        dispatch(Add { amounts: &self.0, block, drive });
    }
    fn same(&self) -> Option<f64> {
        self.0.same()
    }
}
