//! Poisson input: independent spike counts for every neuron and step.
//!
//! A count is drawn by inversion with a table of 16-bit codes: count k gets floor(p_k · 65536) of the 65 536 codes. A
//! draw that falls into the few codes left over is drawn again, from the probabilities that the codes left unserved,
//! in full precision: the distribution is exact. A mean above 8 events is split into several draws.

use crate::columns::{BLOCK, CHUNKS, LANES, Values};
use crate::page::{Default, Dimension, Field, Page, ParameterError, Range, Role};
use crate::random::{Lanes, Purpose, Stream};
use crate::source::{Amounts, Sink, Source, SourceModel, SourceRecipe};
use crate::vector::{Kernel, dispatch};

/// Page of the Poisson input.
pub static PAGE: Page = Page {
    name: "poisson",
    role: Role::Source,
    summary: "independent Poisson spike trains, one per neuron, onto a receptor",
    text: "In each step every neuron receives n events of the given weight, n Poisson with mean rate·dt. Several\n\
           independent trains onto one neuron are one train of the summed rate. The counts are exact.",
    fields: &[
        Field {
            name: "rate",
            symbol: "nu",
            dimension: Dimension::Frequency,
            default: Default::Required,
            range: Range::NonNegative,
            meaning: "rate of the train onto each neuron; one value per population",
        },
        Field {
            name: "weight",
            symbol: "w",
            dimension: Dimension::Weight,
            default: Default::Required,
            range: Range::Finite,
            meaning: "weight of each event, in the unit of the receptor",
        },
    ],
    variables: &[],
};

/// Largest mean of one draw; the table has at most [`CODES`] thresholds then.
const LARGEST_MEAN: f64 = 8.0;
/// Most thresholds of a table.
const CODES: usize = 32;
/// Thresholds compared at a time: a whole number of groups, unrolled.
const GROUP: usize = 4;

/// The Poisson input.
pub struct Poisson;

/// The inversion table of one mean.
#[derive(Clone, Debug)]
pub struct CountTable {
    /// Last code of count k or fewer: a code above it means more than k. Beyond `used` no code is above.
    thresholds: [u16; CODES],
    used: usize,
    /// First code left over.
    limit: u32,
    /// Cumulative residual probabilities, normalised.
    residual: Vec<f64>,
}

impl CountTable {
    /// The table of a mean in 0..=8 events per step.
    pub fn new(mean: f64) -> Self {
        let (mut thresholds, mut used, mut given) = ([u16::MAX; CODES], 0, 0u32);
        let mut residual = Vec::new();
        let (mut p, mut k) = (libm::exp(-mean), 0u32);
        while k <= 200 && (f64::from(k) <= mean || p > 1e-22) {
            let codes = libm::floor(p * 65536.0);
            residual.push(p * 65536.0 - codes);
            // All 65 536 codes for one count happen only at mean 0; one is left over then, and drawn again as 0.
            given = (given + codes as u32).min(65535);
            if codes > 0.0 && used < CODES {
                thresholds[used] = (given - 1) as u16;
                used += 1;
            }
            k += 1;
            p *= mean / f64::from(k);
        }
        let total: f64 = residual.iter().sum();
        let mut sum = 0.0;
        for r in &mut residual {
            sum += if total > 0.0 { *r / total } else { 1.0 };
            *r = sum;
        }
        CountTable { thresholds, used, limit: given, residual }
    }

    /// A count from the residual probabilities.
    fn rest(&self, stream: &mut Stream) -> u16 {
        let u = stream.uniform();
        self.residual.iter().position(|&sum| u < sum).unwrap_or(0) as u16
    }
}

struct Counts {
    table: CountTable,
    draws: usize,
    weight: Amounts,
    generators: Vec<Lanes>,
    seed: u64,
    identity: u64,
    first_block: usize,
}

impl SourceModel for Poisson {
    const PAGE: &'static Page = &PAGE;
    fn build(recipe: &SourceRecipe<'_>) -> Result<Box<dyn Source>, ParameterError> {
        let values = recipe.table.values(0);
        let rate = recipe.table.parameters(&values)?.get("rate")?;
        if (0..recipe.len).any(|i| recipe.table.values(i)[0] != rate) {
            return Err(ParameterError::new(
                "rate",
                "a Poisson rate is one value per population; give each part its own input",
            ));
        }
        let mean = rate * 1e-3 * recipe.dt;
        let draws = (mean / LARGEST_MEAN).ceil().max(1.0);
        if draws > 1000.0 {
            return Err(ParameterError::new(
                "rate",
                format!("rate = {rate} Hz makes {mean} events per step of {} ms; at most 8000 are possible", recipe.dt),
            ));
        }
        Ok(Box::new(Counts {
            table: CountTable::new(mean / draws),
            draws: draws as usize,
            weight: recipe.amounts(|p, _| p.get("weight"))?,
            generators: recipe.generators(Purpose::Poisson),
            seed: recipe.seed,
            identity: recipe.identity,
            first_block: recipe.first_block,
        }))
    }
}

struct Draw<'a> {
    counts: &'a mut Counts,
    tick: u64,
    block: usize,
    events: &'a mut Values,
}

impl Draw<'_> {
    /// Draws again those lanes whose code is left over; rare.
    #[inline(never)]
    fn draw_again(counts: &Counts, tick: u64, neuron: usize, codes: &[u16; 2 * LANES], n: &mut [u16; 2 * LANES]) {
        for l in 0..2 * LANES {
            if u32::from(codes[l]) >= counts.table.limit {
                let mut stream =
                    Stream::new(counts.seed, Purpose::PoissonTail, [counts.identity << 40 | (neuron + l) as u64, tick]);
                let extra = n[l] - counts.table.used as u16;
                n[l] = extra + counts.table.rest(&mut stream);
            }
        }
    }
}

impl Kernel for Draw<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Draw { counts, tick, block, events } = self;
        let mut lanes = counts.generators[block].clone();
        let limit = counts.table.limit as u16;
        let (groups, _) = counts.table.thresholds.as_chunks::<GROUP>();
        let groups = &groups[..counts.table.used.div_ceil(GROUP)];
        for pair in 0..counts.weight.chunks(block) / 2 {
            let mut n = [0u16; 2 * LANES];
            for draw in 0..counts.draws {
                let bits = lanes.next();
                let mut codes = [0u16; 2 * LANES];
                for l in 0..LANES {
                    codes[l] = bits[l] as u16;
                    codes[LANES + l] = (bits[l] >> 16) as u16;
                }
                for group in groups {
                    for l in 0..2 * LANES {
                        let mut above = 0;
                        for threshold in group {
                            above += u16::from(codes[l] > *threshold);
                        }
                        n[l] += above;
                    }
                }
                let mut left_over = false;
                for code in codes {
                    left_over |= code >= limit;
                }
                if left_over {
                    let neuron = (counts.first_block + block) * BLOCK + 2 * pair * LANES;
                    let again = tick.wrapping_add((draw as u64) << 48);
                    Self::draw_again(counts, again, neuron, &codes, &mut n);
                }
            }
            for half in 0..2 {
                let b = 2 * pair + half;
                let weight = counts.weight.chunk(block * CHUNKS + b);
                let mut lane = events[b];
                for l in 0..LANES {
                    lane[l] += f64::from(n[half * LANES + l]) * weight[l];
                }
                events[b] = lane;
            }
        }
        counts.generators[block] = lanes;
    }
}

impl Source for Counts {
    fn step(&mut self, tick: u64, block: usize, sink: Sink<'_>) {
        if let Some(events) = sink.events {
            dispatch(Draw { counts: self, tick, block, events });
        }
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
