//! Poisson input: independent spike counts for every neuron and step.
//!
//! A count is drawn with 16 random bits, the code. Each count k from 0 to 14 owns floor(p_k · 65536) of the 65 536
//! codes, where p_k is its Poisson probability. All other codes mean "draw again". The second draw uses the residual
//! probabilities p_k · 65536 − floor(p_k · 65536), in double precision, so that the distribution is exact. A mean above
//! 5 events is split into several draws.
//!
//! Walker's alias method assigns the codes to the 16 outcomes (A. J. Walker, ACM Trans. Math. Softw. 3, 253, 1977). The
//! codes lie in 16 cells of equal size, and a cell holds codes of at most two outcomes. One look-up in a table that
//! fits a vector register, and one comparison, give the outcome, whatever the mean.

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
    text: "In each step every neuron receives n events of the given weight. n is Poisson distributed with mean\n\
           rate·dt. For several independent trains onto one neuron, give the sum of their rates. The distribution\n\
           of n is exact. The weight is rounded like the weights of synapses.",
    fields: &[
        Field {
            name: "rate",
            symbol: "nu",
            dimension: Dimension::Frequency,
            default: DefaultValue::Required,
            range: Range::NonNegative,
            meaning: "rate of the train onto each neuron; the same for all neurons",
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

/// Largest mean of one draw. At this mean one count of 4400 is larger than the counts of the table.
const LARGEST_MEAN: f64 = 5.0;
/// The outcome "draw again". The outcomes below it are counts.
const AGAIN: usize = ENTRIES - 1;
/// Number of codes in a cell.
const CELL: i32 = 65_536 / ENTRIES as i32;

/// The Poisson input.
pub struct Poisson;

/// Table to draw counts of one mean.
#[derive(Clone, Debug)]
pub struct CountTable {
    /// One entry for each cell. The low four bits of a code are its cell. The upper twelve bits, signed, are its place
    /// in the cell. In cell c, the first places belong to outcome c, all others to a second outcome. The upper twelve
    /// bits of the entry are the first place of the second outcome, the low four bits are the second outcome.
    entries: [i16; ENTRIES],
    /// Residual probabilities of the counts, normalised and cumulative.
    residual: Vec<f64>,
}

impl CountTable {
    /// The table for a mean of 0 to 5 events per draw.
    pub fn new(mean: f64) -> Self {
        let mut codes = [0; ENTRIES];
        let mut residual = Vec::new();
        let (mut p, mut k) = (libm::exp(-mean), 0usize);
        while k <= 200 && (k as f64 <= mean || p > 1e-22) {
            let own = if k < AGAIN { libm::floor(p * 65536.0) } else { 0.0 };
            residual.push(p * 65536.0 - own);
            codes[k.min(AGAIN)] += own as i32;
            k += 1;
            p *= mean / k as f64;
        }
        codes[AGAIN] = 65_536 - codes.iter().sum::<i32>();
        let total: f64 = residual.iter().sum();
        let mut sum = 0.0;
        for r in &mut residual {
            // At mean 0 all codes belong to count 0.
            sum += if total > 0.0 { *r / total } else { 1.0 };
            *r = sum;
        }
        CountTable { entries: fill_cells(codes), residual }
    }

    /// Largest count that can be drawn.
    fn largest(&self) -> f64 {
        self.residual.len() as f64 - 1.0
    }

    /// Draws a count from the residual probabilities.
    fn draw_residual(&self, stream: &mut Stream) -> u16 {
        let u = stream.uniform();
        self.residual.iter().position(|&sum| u < sum).unwrap_or(0) as u16
    }
}

/// Assigns the codes of all outcomes to cells; `codes` has the number of codes of each outcome. All codes of the
/// outcome with the fewest codes go into the cell of this outcome. Codes of the outcome with the most codes fill the
/// rest of the cell. The same is done with the remaining outcomes, until every cell is full.
fn fill_cells(mut codes: [i32; ENTRIES]) -> [i16; ENTRIES] {
    let mut entries = [0; ENTRIES];
    let mut remaining: Vec<usize> = (0..ENTRIES).collect();
    while let Some((at, &fewest)) = remaining.iter().enumerate().min_by_key(|&(_, &outcome)| codes[outcome]) {
        let most = remaining.iter().copied().max_by_key(|&outcome| codes[outcome]).unwrap_or(fewest);
        // An outcome that fills a whole cell is stored as the second outcome from the first place on. As the first
        // outcome it would need a boundary at place 2048, which overflows twelve bits.
        let (own, other) = if codes[fewest] == CELL { (0, fewest) } else { (codes[fewest], most) };
        entries[fewest] = ((own - CELL / 2) * ENTRIES as i32 + other as i32) as i16;
        codes[most] -= CELL - codes[fewest];
        remaining.swap_remove(at);
    }
    entries
}

/// The outcome of `code`. `entry` is the table's entry for the cell of the code. With its low four bits set, the code
/// is below the entry exactly if its place lies before the first place of the second outcome.
#[inline(always)]
fn outcome(code: i16, entry: i16) -> u16 {
    const LOW: i16 = ENTRIES as i16 - 1;
    (if code | LOW < entry { code } else { entry } & LOW) as u16
}

/// Poisson trains onto the neurons of a share.
struct PoissonTrains {
    table: CountTable,
    /// Number of draws whose sum is a count.
    draws: usize,
    /// Weight in quanta.
    weight: Amounts<i32>,
    /// One per block.
    generators: Vec<Lanes>,
    /// As in [`InputRecipe`].
    seed: u64,
    identity: u64,
    first_block: usize,
}

/// The table for a rate in Hz and a step of `dt` ms, and the number of draws whose sum is a count.
fn table_and_draws(rate: f64, dt: f64) -> Result<(CountTable, usize), ParameterError> {
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
        let (table, draws) = table_and_draws(parameters.get("rate")?, dt)?;
        Ok(table.largest() * draws as f64)
    }
    fn build(recipe: &InputRecipe<'_>) -> Result<Box<dyn Stimulus>, ParameterError> {
        let values = recipe.table.values(0);
        let rate = recipe.table.parameters(&values)?.get("rate")?;
        if (0..recipe.len).any(|i| recipe.table.values(i)[0] != rate) {
            return Err(ParameterError::new(
                "rate",
                "a Poisson input takes one rate, but the rate differs between neurons: give each rate its own input",
            ));
        }
        let (table, draws) = table_and_draws(rate, recipe.dt)?;
        Ok(Box::new(PoissonTrains {
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

/// Draws the counts of a few successive blocks and adds the events to the input sums. `ONE_DRAW_ONE_WEIGHT`: a count is
/// one draw, and the weight is the same for all neurons.
struct DrawCounts<'a, S, const ONE_DRAW_ONE_WEIGHT: bool> {
    trains: &'a mut PoissonTrains,
    /// The weight in quanta, used if it is the same for all neurons.
    same_weight: i32,
    tick: u64,
    /// First block.
    block: usize,
    sums: &'a mut [SumBlock<S>],
}

/// Splits random numbers into codes. The low half of a number is the code of a neuron of the first chunk, the high half
/// that of the neuron at the same lane of the second chunk. The two codes stay side by side, because separating the
/// chunks would cost as much as drawing the numbers.
#[inline(always)]
fn split_codes(bits: [u32; LANES]) -> [i16; 2 * LANES] {
    let mut codes = [0; 2 * LANES];
    for l in 0..LANES {
        codes[2 * l] = bits[l] as i16;
        codes[2 * l + 1] = (bits[l] >> 16) as i16;
    }
    codes
}

/// Joins counts that lie like the codes of [`split_codes`]: counts of the first chunk in the low halves, counts of the
/// second chunk in the high halves.
#[inline(always)]
fn join_counts(counts: [u16; 2 * LANES]) -> [u32; LANES] {
    let mut joined = [0; LANES];
    for l in 0..LANES {
        joined[l] = u32::from(counts[2 * l]) | u32::from(counts[2 * l + 1]) << 16;
    }
    joined
}

impl CountTable {
    /// Corrects `counts`, to which `outcomes` have been added: replaces each outcome [`AGAIN`] by a count drawn from
    /// the residual probabilities. `stream` returns the random stream for a lane of the two chunks, from 0 to 31.
    #[cold]
    #[inline(never)]
    fn draw_again(&self, outcomes: &[u16; 2 * LANES], counts: &mut [u16; 2 * LANES], stream: &dyn Fn(usize) -> Stream) {
        for (i, (&outcome, count)) in outcomes.iter().zip(counts).enumerate() {
            if usize::from(outcome) == AGAIN {
                *count = *count - outcome + self.draw_residual(&mut stream(i / 2 + LANES * (i % 2)));
            }
        }
    }
}

impl<S: Sum, const ONE_DRAW_ONE_WEIGHT: bool> Kernel for DrawCounts<'_, S, ONE_DRAW_ONE_WEIGHT> {
    type Output = ();
    #[inline(always)]
    fn run(self, with: impl Instructions) {
        let DrawCounts { trains, same_weight, tick, block, sums } = self;
        let (table, entries) = (&trains.table, trains.table.entries);
        for (block, sums) in (block..).zip(sums) {
            let mut lanes = trains.generators[block].clone();
            let (pairs, _) = sums.as_chunks_mut::<2>();
            for (pair, [first, second]) in pairs.iter_mut().enumerate() {
                let mut counts = [0u16; 2 * LANES];
                // Whether all counts fit four bits, as `add_multiples` needs: a single draw, and none drawn again.
                let mut four_bits = ONE_DRAW_ONE_WEIGHT;
                for draw in 0..if ONE_DRAW_ONE_WEIGHT { 1 } else { trains.draws } {
                    let codes = split_codes(lanes.next());
                    let entries = with.look_up(&entries, &codes);
                    let mut outcomes = [0; 2 * LANES];
                    let mut any_again = false;
                    for l in 0..2 * LANES {
                        outcomes[l] = outcome(codes[l], entries[l]);
                        counts[l] += outcomes[l];
                        any_again |= usize::from(outcomes[l]) == AGAIN;
                    }
                    if any_again {
                        // The call gets copies, because it takes addresses. Without copies, the compiler would keep
                        // `outcomes` and `counts` in memory, not in registers, throughout the loop.
                        let (outcomes, mut corrected) = (outcomes, counts);
                        let neuron = (trains.first_block + block) * BLOCK + 2 * pair * LANES;
                        let tick_and_draw = tick.wrapping_add((draw as u64) << 48);
                        table.draw_again(&outcomes, &mut corrected, &|lane| {
                            let identity = [trains.identity << 40 | (neuron + lane) as u64, tick_and_draw];
                            Stream::new(trains.seed, Purpose::PoissonTail, identity)
                        });
                        (counts, four_bits) = (corrected, false);
                    }
                }
                let joined = join_counts(counts);
                if four_bits {
                    S::add_multiples(with, [first, second], same_weight, &joined);
                    continue;
                }
                for (half, sums) in [first, second].into_iter().enumerate() {
                    let chunk = block * CHUNKS + 2 * pair + half;
                    let weight = if ONE_DRAW_ONE_WEIGHT { [same_weight; LANES] } else { trains.weight.chunk(chunk) };
                    let mut new_sums = *sums;
                    for l in 0..LANES {
                        new_sums[l].add_many(weight[l], joined[l] >> (16 * half) & 0xffff);
                    }
                    *sums = new_sums;
                }
            }
            trains.generators[block] = lanes;
        }
    }
}

impl PoissonTrains {
    fn draw<S: Sum>(&mut self, tick: u64, block: usize, sums: &mut [SumBlock<S>]) {
        match self.weight.same() {
            Some(same_weight) if self.draws == 1 => {
                dispatch(DrawCounts::<S, true> { trains: self, same_weight, tick, block, sums });
            }
            _ => dispatch(DrawCounts::<S, false> { trains: self, same_weight: 0, tick, block, sums }),
        }
    }
}

impl Stimulus for PoissonTrains {
    fn step(&mut self, tick: u64, block: usize, sink: InputSink<'_>) {
        match sink {
            InputSink::Receptor(BlockSums::Narrow(sums)) => self.draw(tick, block, sums),
            InputSink::Receptor(BlockSums::Wide(sums)) => self.draw(tick, block, sums),
            InputSink::Membrane { .. } => unreachable!("Poisson events go to a receptor"),
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
