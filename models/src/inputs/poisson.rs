//! Poisson input: independent spike counts for every neuron and step.
//!
//! A count is drawn from 65 536 codes, of which count k gets floor(p_k · 65536). A draw that falls into the few codes left
//! over is drawn again, from the probabilities that the codes left unserved, in full precision: the distribution is exact.
//! A mean above 5 events is split into several draws.
//!
//! Which codes a count gets is Walker's alias method (A. J. Walker, ACM Trans. Math. Softw. 3, 253, 1977): the codes lie in
//! as many cells of one size as there are outcomes, and none holds more than two. So one look into a table that fits a
//! vector, and one comparison, tell the outcome, however large the mean is.

use crate::columns::{BLOCK, CHUNKS, LANES};
use crate::inputs::{Amounts, InputModel, InputRecipe, InputSink, Stimulus};
use crate::numerics::accumulate::{BlockSums, Sum, SumBlock, to_quanta};
use crate::numerics::random::{Lanes, Purpose, Stream};
use crate::page::{DefaultValue, Dimension, Field, Page, Range, Role};
use crate::parameters::{ParameterError, Parameters};
use crate::vector::{ENTRIES, Instructions, Kernel, dispatch};

/// Page of the Poisson input.
pub static PAGE: Page = Page {
    name: "poisson",
    role: Role::Input,
    summary: "independent Poisson spike trains, one per neuron, onto a receptor",
    text: "In each step every neuron receives n events of the given weight, n Poisson with mean rate·dt. Several\n\
           independent trains onto one neuron are one train of the summed rate. The counts are exact; the weight is\n\
           rounded as those of synapses are.",
    fields: &[
        Field {
            name: "rate",
            symbol: "nu",
            dimension: Dimension::Frequency,
            default: DefaultValue::Required,
            range: Range::NonNegative,
            meaning: "rate of the train onto each neuron; one value per population",
        },
        Field {
            name: "weight",
            symbol: "w",
            dimension: Dimension::Weight,
            default: DefaultValue::Required,
            range: Range::Finite,
            meaning: "weight of each event, in the unit of the receptor",
        },
    ],
    variables: &[],
};

/// Largest mean of one draw: one of 4400 is a larger count than the table knows then.
const LARGEST_MEAN: f64 = 5.0;
/// The outcome behind the counts in the table: to be drawn again.
const AGAIN: usize = ENTRIES - 1;
/// Codes in a cell.
const CELL: i32 = 65_536 / ENTRIES as i32;

/// The Poisson input.
pub struct Poisson;

/// The table of one mean.
#[derive(Clone, Debug)]
pub struct CountTable {
    /// One for each cell. The low four bits of a code are its cell, the others, signed, its place there. The upper bits of
    /// an entry are the first place that does not belong to the outcome with the cell's number, the low four bits the
    /// outcome that has this place and those behind.
    entries: [i16; ENTRIES],
    /// Cumulative residual probabilities, normalised.
    residual: Vec<f64>,
}

impl CountTable {
    /// The table of a mean in 0..=5 events per step.
    pub fn new(mean: f64) -> Self {
        let mut codes = [0; ENTRIES];
        let mut residual = Vec::new();
        let (mut p, mut k) = (libm::exp(-mean), 0usize);
        while k <= 200 && (k as f64 <= mean || p > 1e-22) {
            let given = if k < AGAIN { libm::floor(p * 65536.0) } else { 0.0 };
            residual.push(p * 65536.0 - given);
            codes[k.min(AGAIN)] += given as i32;
            k += 1;
            p *= mean / k as f64;
        }
        codes[AGAIN] = 65_536 - codes.iter().sum::<i32>();
        let total: f64 = residual.iter().sum();
        let mut sum = 0.0;
        for r in &mut residual {
            // At mean 0 no code is left over.
            sum += if total > 0.0 { *r / total } else { 1.0 };
            *r = sum;
        }
        CountTable { entries: cells(codes), residual }
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

/// Shares out the codes of all outcomes: the outcome with the fewest gets the cell with its number to itself, but for what
/// the one with the most fills up, and so on with the others.
fn cells(mut codes: [i32; ENTRIES]) -> [i16; ENTRIES] {
    let mut entries = [0; ENTRIES];
    let mut open: Vec<usize> = (0..ENTRIES).collect();
    while let Some((at, &fewest)) = open.iter().enumerate().min_by_key(|&(_, &outcome)| codes[outcome]) {
        let most = open.iter().copied().max_by_key(|&outcome| codes[outcome]).unwrap_or(fewest);
        // All that are left have a cell each, or less than one and more than one.
        let (own, other) = if codes[fewest] == CELL { (0, fewest) } else { (codes[fewest], most) };
        entries[fewest] = ((own - CELL / 2) * ENTRIES as i32 + other as i32) as i16;
        codes[most] -= CELL - codes[fewest];
        open.swap_remove(at);
    }
    entries
}

/// The outcome that `code` stands for, where `entry` is that of its cell.
#[inline(always)]
fn outcome(code: i16, entry: i16) -> u16 {
    const LOW: i16 = ENTRIES as i16 - 1;
    (if code | LOW < entry { code } else { entry } & LOW) as u16
}

struct Counts {
    table: CountTable,
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
    if mean > 8000.0 {
        return Err(ParameterError::new(
            "rate",
            format!("rate = {rate} Hz makes {mean} events per step of {dt} ms; at most 8000 are possible"),
        ));
    }
    Ok((CountTable::new(mean / draws), draws as usize))
}

impl InputModel for Poisson {
    const PAGE: &'static Page = &PAGE;
    fn most_events(parameters: &Parameters, dt: f64) -> Result<f64, ParameterError> {
        let (table, draws) = draws(parameters.get("rate")?, dt)?;
        Ok(table.largest() * draws as f64)
    }
    fn build(recipe: &InputRecipe<'_>) -> Result<Box<dyn Stimulus>, ParameterError> {
        let values = recipe.table.values(0);
        let rate = recipe.table.parameters(&values)?.get("rate")?;
        if (0..recipe.len).any(|i| recipe.table.values(i)[0] != rate) {
            return Err(ParameterError::new(
                "rate",
                "a Poisson rate is one value per population; give each part its own input",
            ));
        }
        let (table, draws) = draws(rate, recipe.dt)?;
        Ok(Box::new(Counts {
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

/// Draws the counts of some blocks. `PLAIN`: in one draw, of events that weigh the same for all neurons.
struct Draw<'a, S, const PLAIN: bool> {
    counts: &'a mut Counts,
    /// The weight of plain events.
    same: i32,
    tick: u64,
    block: usize,
    sums: &'a mut [SumBlock<S>],
}

/// The codes in random numbers: the low halves are those of the first chunk, the high halves those of the second. They
/// stay where they are, beside each other, because to sort them apart would cost as much as to draw them.
#[inline(always)]
fn codes(bits: [u32; LANES]) -> [i16; 2 * LANES] {
    let mut codes = [0; 2 * LANES];
    for l in 0..LANES {
        codes[2 * l] = bits[l] as i16;
        codes[2 * l + 1] = (bits[l] >> 16) as i16;
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
    /// Completes counts to which outcomes have been added: where that is [`AGAIN`], draws by `stream`, which is given the lane.
    #[cold]
    #[inline(never)]
    fn complete(&self, outcomes: &[u16; 2 * LANES], n: &mut [u16; 2 * LANES], stream: &dyn Fn(usize) -> Stream) {
        for (i, (&outcome, n)) in outcomes.iter().zip(n).enumerate() {
            if usize::from(outcome) == AGAIN {
                *n = *n - outcome + self.rest(&mut stream(i / 2 + LANES * (i % 2)));
            }
        }
    }
}

impl<S: Sum, const PLAIN: bool> Kernel for Draw<'_, S, PLAIN> {
    type Output = ();
    #[inline(always)]
    fn run(self, with: impl Instructions) {
        let Draw { counts, same, tick, block, sums } = self;
        let (table, entries) = (&counts.table, counts.table.entries);
        for (block, sums) in (block..).zip(sums) {
            let mut lanes = counts.generators[block].clone();
            let (pairs, _) = sums.as_chunks_mut::<2>();
            for (pair, [first, second]) in pairs.iter_mut().enumerate() {
                // Whether all counts are less than the outcome that is drawn again.
                let (mut n, mut few) = ([0u16; 2 * LANES], PLAIN);
                for draw in 0..if PLAIN { 1 } else { counts.draws } {
                    let codes = codes(lanes.next());
                    let entries = with.look_up(&entries, &codes);
                    let mut outcomes = [0; 2 * LANES];
                    let mut any = false;
                    for l in 0..2 * LANES {
                        outcomes[l] = outcome(codes[l], entries[l]);
                        n[l] += outcomes[l];
                        any |= usize::from(outcomes[l]) == AGAIN;
                    }
                    if any {
                        // Copies: what a call can reach would live in memory in every round.
                        let (all, mut complete) = (outcomes, n);
                        let neuron = (counts.first_block + block) * BLOCK + 2 * pair * LANES;
                        let again = tick.wrapping_add((draw as u64) << 48);
                        table.complete(&all, &mut complete, &|lane| {
                            let identity = [counts.identity << 40 | (neuron + lane) as u64, again];
                            Stream::new(counts.seed, Purpose::PoissonTail, identity)
                        });
                        (n, few) = (complete, false);
                    }
                }
                let counted = halves(n);
                if few {
                    S::add_few(with, [first, second], same, &counted);
                    continue;
                }
                for (half, sums) in [first, second].into_iter().enumerate() {
                    let chunk = block * CHUNKS + 2 * pair + half;
                    let weight = if PLAIN { [same; LANES] } else { counts.weight.chunk(chunk) };
                    let mut lane = *sums;
                    for l in 0..LANES {
                        lane[l].add_many(weight[l], counted[l] >> (16 * half) & 0xffff);
                    }
                    *sums = lane;
                }
            }
            counts.generators[block] = lanes;
        }
    }
}

impl Counts {
    fn draw<S: Sum>(&mut self, tick: u64, block: usize, sums: &mut [SumBlock<S>]) {
        match self.weight.same() {
            Some(same) if self.draws == 1 => dispatch(Draw::<S, true> { counts: self, same, tick, block, sums }),
            _ => dispatch(Draw::<S, false> { counts: self, same: 0, tick, block, sums }),
        }
    }
}

impl Stimulus for Counts {
    fn step(&mut self, tick: u64, block: usize, sink: InputSink<'_>) {
        match sink {
            InputSink::Receptor(BlockSums::Narrow(sums)) => self.draw(tick, block, sums),
            InputSink::Receptor(BlockSums::Wide(sums)) => self.draw(tick, block, sums),
            InputSink::Membrane { .. } => unreachable!("Poisson events have a weight"),
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
