//! Constant or step current.

use crate::columns::{BlockValues, CHUNKS};
use crate::inputs::{Amounts, InputModel, InputRecipe, InputSink, Stimulus};
use crate::page::{DefaultValue, Dimension, Field, Page, Range, Role};
use crate::parameters::ParameterError;
use crate::vector::{Instructions, Kernel, dispatch};

/// Page of the current.
pub static PAGE: Page = Page {
    name: "current",
    role: Role::Input,
    summary: "a constant current, from `start` to `stop`",
    text: "I(t) = amplitude. With `start` or `stop` it is a step or a rectangular pulse.",
    fields: &[Field {
        name: "amplitude",
        symbol: "I",
        dimension: Dimension::Drive,
        default: DefaultValue::Required,
        range: Range::Finite,
        meaning: "the current in pA, or R·I in mV",
    }],
    variables: &[],
};

/// The current.
pub struct Current;

/// Drive in mV per step, one number per neuron.
struct HeldCurrent(Amounts);

impl InputModel for Current {
    const PAGE: &'static Page = &PAGE;
    fn build(recipe: &InputRecipe<'_>) -> Result<Box<dyn Stimulus>, ParameterError> {
        let (dt, voltage) = (recipe.dt, recipe.voltage);
        Ok(Box::new(HeldCurrent(recipe.amounts(|p, response| {
            Ok(p.get("amplitude")? * if voltage { response.held_voltage(dt) } else { response.held(dt) })
        })?)))
    }
}

/// Adds the drive of one block.
struct AddDrive<'a> {
    amounts: &'a Amounts,
    block: usize,
    drive: &'a mut BlockValues,
}

impl Kernel for AddDrive<'_> {
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

impl Stimulus for HeldCurrent {
    fn step(&mut self, _: u64, block: usize, sink: InputSink<'_>) {
        let InputSink::Membrane { drive, .. } = sink else { unreachable!("a current acts on the membrane") };
        dispatch(AddDrive { amounts: &self.0, block, drive });
    }
    fn constant_drive(&self) -> Option<f64> {
        self.0.same()
    }
}
