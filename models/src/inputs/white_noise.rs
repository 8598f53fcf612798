//! White noise.

use crate::columns::{BlockValues, CHUNKS, LANES};
use crate::inputs::{Amounts, InputModel, InputRecipe, InputSink, Stimulus};
use crate::numerics::random::{Lanes, Purpose};
use crate::page::{DefaultValue, Dimension, Field, Page, Range, Role};
use crate::parameters::ParameterError;
use crate::vector::{Instructions, Kernel, dispatch};

/// Page of white noise.
pub static PAGE: Page = Page {
    name: "white_noise",
    role: Role::Input,
    summary: "Gaussian white noise with a mean, independent for each neuron",
    text: "tau_m dV/dt = … + mean + sigma √tau_m xi(t), <xi(t) xi(t')> = delta(t − t').\n\
           The noise is held constant over each step and changes V by a normal deviate. The standard deviation of the\n\
           deviate is sigma √((1 − e^{−2dt/tau_m})/2) on a linear membrane, and sigma √(dt/tau_m) on a nonlinear one.\n\
           On a linear membrane without threshold the result is exact, with stationary variance sigma²/2.\n\
           Deviates: Box-Muller transform in single precision.",
    fields: &[
        Field {
            name: "mean",
            symbol: "mu",
            dimension: Dimension::Drive,
            default: DefaultValue::Value(0.0),
            range: Range::Finite,
            meaning: "mean of the current in pA, or of R·I in mV",
        },
        Field {
            name: "sigma",
            symbol: "sigma",
            dimension: Dimension::Drive,
            default: DefaultValue::Required,
            range: Range::NonNegative,
            meaning: "strength of the noise, in the unit of `mean`",
        },
    ],
    variables: &[],
};

/// White noise.
pub struct WhiteNoise;

struct Noise {
    /// Drive of the mean current per step, in mV.
    mean: Amounts,
    /// Standard deviation of the drive per step, in mV.
    sd: Amounts,
    /// One per block.
    generators: Vec<Lanes>,
}

impl InputModel for WhiteNoise {
    const PAGE: &'static Page = &PAGE;
    fn build(recipe: &InputRecipe<'_>) -> Result<Box<dyn Stimulus>, ParameterError> {
        let (dt, voltage) = (recipe.dt, recipe.voltage);
        let mean = recipe.amounts(|p, response| {
            Ok(p.get("mean")? * if voltage { response.held_voltage(dt) } else { response.held(dt) })
        })?;
        let sd = recipe.amounts(|p, response| {
            let resistance = if voltage { 1.0 } else { response.per_charge / response.per_voltage };
            Ok(p.get("sigma")? * resistance * response.noise(dt))
        })?;
        Ok(Box::new(Noise { mean, sd, generators: recipe.generators(Purpose::Noise) }))
    }
}

/// Draws the noise of one block and adds it to the drive.
struct DrawNoise<'a> {
    noise: &'a mut Noise,
    block: usize,
    drive: &'a mut BlockValues,
}

impl Kernel for DrawNoise<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self, _: impl Instructions) {
        let DrawNoise { noise, block, drive } = self;
        let mut lanes = noise.generators[block].clone();
        for pair in 0..CHUNKS / 2 {
            let z = lanes.normals();
            for half in 0..2 {
                let b = 2 * pair + half;
                let (mean, sd) = (noise.mean.chunk(block * CHUNKS + b), noise.sd.chunk(block * CHUNKS + b));
                let mut chunk = drive[b];
                for l in 0..LANES {
                    chunk[l] += mean[l] + sd[l] * f64::from(z[half * LANES + l]);
                }
                drive[b] = chunk;
            }
        }
        noise.generators[block] = lanes;
    }
}

impl Stimulus for Noise {
    fn step(&mut self, _: u64, block: usize, sink: InputSink<'_>) {
        let InputSink::Membrane { drive, .. } = sink else { unreachable!("white noise acts on the membrane") };
        dispatch(DrawNoise { noise: self, block, drive });
    }
    fn generators(&self) -> &[Lanes] {
        &self.generators
    }
    fn set_generators(&mut self, generators: Vec<Lanes>) {
        self.generators = generators;
    }
}

#[cfg(test)]
mod tests;
