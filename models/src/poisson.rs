//! Poisson input: independent spike counts for every neuron and step.
//!
//! A count is drawn by inversion with a table of 16-bit codes: count k gets floor(p_k · 65536) of the 65 536 codes. A
//! draw that falls into the few codes left over is drawn again, from the probabilities that the codes left unserved,
//! in full precision: the distribution is exact. A mean above 8 events is split into several draws.

use crate::columns::{BLOCK, CHUNKS, LANES};
use crate::page::{Default, Dimension, Field, Page, ParameterError, Parameters, Range, Role};
use crate::random::{Lanes, Purpose, Stream};
use crate::source::{Amounts, Sink, Source, SourceModel, SourceRecipe};
use crate::sum::{BlockOf, BlockSums, Sum, to_quanta};
use crate::vector::{Kernel, dispatch};

/// Page of the Poisson input.
pub static PAGE: Page = Page {
    name: "poisson",
    role: Role::Source,
    summary: "independent Poisson spike trains, one per neuron, onto a receptor",
    text: "In each step every neuron receives n events of the given weight, n Poisson with mean rate·dt. Several\n\
           independent trains onto one neuron are one train of the summed rate. The counts are exact; the weight is\n\
           rounded as those of synapses are.",
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
/// Codes begin at -32 768, the signed number with these bits: not every CPU compares unsigned numbers of this size.
const FIRST_CODE: u32 = 0x8000;
/// The chance of a larger count, or of a code left over, up to which it is seen to apart.
const RARE: f64 = 1e-3;

/// The Poisson input.
pub struct Poisson;

/// The inversion table of one mean.
#[derive(Clone, Debug)]
pub struct CountTable {
    /// Last code of count k or fewer: a code above it means more than k. Beyond `used` no code is above.
    thresholds: [i16; CODES],
    used: usize,
    /// First code left over.
    limit: i16,
    /// Cumulative residual probabilities, normalised.
    residual: Vec<f64>,
}

impl CountTable {
    /// The table of a mean in 0..=8 events per step.
    pub fn new(mean: f64) -> Self {
        let (mut thresholds, mut used, mut given) = ([i16::MAX; CODES], 0, 0u32);
        let mut residual = Vec::new();
        let (mut p, mut k) = (libm::exp(-mean), 0u32);
        while k <= 200 && (f64::from(k) <= mean || p > 1e-22) {
            let codes = libm::floor(p * 65536.0);
            residual.push(p * 65536.0 - codes);
            // All 65 536 codes for one count happen only at mean 0; one is left over then, and drawn again as 0.
            given = (given + codes as u32).min(65535);
            if codes > 0.0 && used < CODES {
                thresholds[used] = ((given - 1) ^ FIRST_CODE) as i16;
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
        CountTable { thresholds, used, limit: (given ^ FIRST_CODE) as i16, residual }
    }

    /// First code that needs more than the first `usual` thresholds.
    fn rare(&self, usual: usize) -> i16 {
        self.thresholds.get(usual).map_or(self.limit, |threshold| self.limit.min(threshold.saturating_add(1)))
    }

    /// Largest count.
    fn largest(&self) -> f64 {
        self.residual.len() as f64 - 1.0
    }

    /// A count from the residual probabilities.
    fn rest(&self, stream: &mut Stream) -> u16 {
        let u = stream.uniform();
        self.residual.iter().position(|&sum| u < sum).unwrap_or(0) as u16
    }
}

struct Counts {
    table: CountTable,
    /// Thresholds compared with every code.
    usual: usize,
    draws: usize,
    /// In quanta.
    weight: Amounts<i32>,
    generators: Vec<Lanes>,
    seed: u64,
    identity: u64,
    first_block: usize,
}

/// The table of a rate in Hz at a step of `dt` ms, and how many draws make a count.
fn draws(rate: f64, dt: f64) -> Result<(CountTable, usize), ParameterError> {
    let mean = rate * 1e-3 * dt;
    let draws = (mean / LARGEST_MEAN).ceil().max(1.0);
    if draws > 1000.0 {
        return Err(ParameterError::new(
            "rate",
            format!("rate = {rate} Hz makes {mean} events per step of {dt} ms; at most 8000 are possible"),
        ));
    }
    Ok((CountTable::new(mean / draws), draws as usize))
}

impl SourceModel for Poisson {
    const PAGE: &'static Page = &PAGE;
    fn most_events(parameters: &Parameters, dt: f64) -> Result<f64, ParameterError> {
        let (table, draws) = draws(parameters.get("rate")?, dt)?;
        Ok(table.largest() * draws as f64)
    }
    fn build(recipe: &SourceRecipe<'_>) -> Result<Box<dyn Source>, ParameterError> {
        let values = recipe.table.values(0);
        let rate = recipe.table.parameters(&values)?.get("rate")?;
        if (0..recipe.len).any(|i| recipe.table.values(i)[0] != rate) {
            return Err(ParameterError::new(
                "rate",
                "a Poisson rate is one value per population; give each part its own input",
            ));
        }
        let (table, draws) = draws(rate, recipe.dt)?;
        let rarely = |&usual: &usize| 32768.0 - f64::from(table.rare(usual)) < RARE * 65536.0;
        Ok(Box::new(Counts {
            usual: [4, 8, 12, 16].into_iter().find(rarely).unwrap_or(CODES),
            table,
            draws,
            weight: recipe.amounts(|p, _| p.get("weight"))?.map(|w| to_quanta(w, 1.0 / recipe.quantum)),
            generators: recipe.generators(Purpose::Poisson),
            seed: recipe.seed,
            identity: recipe.identity,
            first_block: recipe.first_block,
        }))
    }
}

struct Draw<'a, S, const USUAL: usize> {
    counts: &'a mut Counts,
    tick: u64,
    block: usize,
    sums: &'a mut BlockOf<S>,
}

/// The codes in random numbers: the low halves are those of the first chunk, the high halves those of the second. They
/// stay where they are, beside each other, because to sort them apart would cost as much as to draw them.
#[inline(always)]
fn codes(bits: [u32; LANES]) -> [i16; 2 * LANES] {
    let mut codes = [0; 2 * LANES];
    for l in 0..LANES {
        let both = bits[l] ^ (FIRST_CODE << 16 | FIRST_CODE);
        codes[2 * l] = both as i16;
        codes[2 * l + 1] = (both >> 16) as i16;
    }
    codes
}

/// Counts of the first chunk in the low halves, and of the second in the high halves.
#[inline(always)]
fn halves(n: [u16; 2 * LANES]) -> [u32; LANES] {
    let mut halves = [0; LANES];
    for l in 0..LANES {
        halves[l] = u32::from(n[2 * l]) | u32::from(n[2 * l + 1]) << 16;
    }
    halves
}

impl CountTable {
    /// Completes the counts `n`, of which the first `usual` thresholds have been compared with `codes`: larger counts,
    /// and those lanes whose code is left over, drawn again by `stream`, which is given the lane.
    #[cold]
    #[inline(never)]
    fn complete(
        &self,
        usual: usize,
        codes: &[i16; 2 * LANES],
        n: &mut [u16; 2 * LANES],
        stream: &dyn Fn(usize) -> Stream,
    ) {
        for (i, (&code, n)) in codes.iter().zip(n).enumerate() {
            if code >= self.limit {
                *n = *n - self.used.min(usual) as u16 + self.rest(&mut stream(i / 2 + LANES * (i % 2)));
            } else if code >= self.rare(usual) {
                *n += self.thresholds[usual..].iter().filter(|&&threshold| code > threshold).count() as u16;
            }
        }
    }
}

impl<S: Sum, const USUAL: usize> Kernel for Draw<'_, S, USUAL> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        self.draw::<false>();
    }
    #[inline(always)]
    fn run_masked(self) {
        self.draw::<true>();
    }
}

impl<S: Sum, const USUAL: usize> Draw<'_, S, USUAL> {
    /// The last threshold below a code tells the count (`MASKED`), and so does the number of those below. Where comparisons
    /// give masks, the former takes two instructions for each threshold and the latter three; elsewhere the latter is less.
    #[inline(always)]
    fn draw<const MASKED: bool>(self) {
        let Draw { counts, tick, block, sums } = self;
        let mut lanes = counts.generators[block].clone();
        let table = &counts.table;
        let usual: [i16; USUAL] = std::array::from_fn(|k| table.thresholds[k]);
        let rare = table.rare(USUAL);
        for pair in 0..counts.weight.chunks(block) / 2 {
            let mut n = [0u16; 2 * LANES];
            for draw in 0..counts.draws {
                let codes = codes(lanes.next());
                let mut any = false;
                for l in 0..2 * LANES {
                    let mut last = 0;
                    for (below, threshold) in (1..).zip(usual) {
                        if MASKED {
                            last = if codes[l] > threshold { below } else { last };
                        } else {
                            n[l] += u16::from(codes[l] > threshold);
                        }
                    }
                    n[l] += last;
                    any |= codes[l] >= rare;
                }
                if any {
                    // Copies: what a call can reach would live in memory in every round.
                    let (all, mut complete) = (codes, n);
                    let neuron = (counts.first_block + block) * BLOCK + 2 * pair * LANES;
                    let again = tick.wrapping_add((draw as u64) << 48);
                    table.complete(USUAL, &all, &mut complete, &|lane| {
                        let identity = [counts.identity << 40 | (neuron + lane) as u64, again];
                        Stream::new(counts.seed, Purpose::PoissonTail, identity)
                    });
                    n = complete;
                }
            }
            let counted = halves(n);
            for half in 0..2 {
                let b = 2 * pair + half;
                let weight = counts.weight.chunk(block * CHUNKS + b);
                let mut lane = sums[b];
                for l in 0..LANES {
                    lane[l].add_many(weight[l], counted[l] >> (16 * half) & 0xffff);
                }
                sums[b] = lane;
            }
        }
        counts.generators[block] = lanes;
    }
}

impl Counts {
    fn draw<S: Sum>(&mut self, tick: u64, block: usize, sums: &mut BlockOf<S>) {
        match self.usual {
            4 => dispatch(Draw::<S, 4> { counts: self, tick, block, sums }),
            8 => dispatch(Draw::<S, 8> { counts: self, tick, block, sums }),
            12 => dispatch(Draw::<S, 12> { counts: self, tick, block, sums }),
            16 => dispatch(Draw::<S, 16> { counts: self, tick, block, sums }),
            _ => dispatch(Draw::<S, CODES> { counts: self, tick, block, sums }),
        }
    }
}

impl Source for Counts {
    fn step(&mut self, tick: u64, block: usize, sink: Sink<'_>) {
        match sink {
            Sink::Receptor(BlockSums::Narrow(sums)) => self.draw(tick, block, sums),
            Sink::Receptor(BlockSums::Wide(sums)) => self.draw(tick, block, sums),
            Sink::Membrane { .. } => unreachable!("Poisson events have a weight"),
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
