//! Building: from a plan to tiles with neurons, inputs and synapses, in parallel and without a second copy of the
//! synapses.
//!
//! 1. Every tile learns the in-degrees of its targets; from their maxima follow the quanta of the receptors.
//! 2. Every tile builds its tables: one pass over all draws counts the synapses of each (source, delay), a second pass
//!    makes the same draws again and puts every synapse in its place.
//!
//! What is drawn depends on (seed, projection, target) alone, so the network is the same for any number of tiles.

use crate::bits::Bits;
use crate::error::BuildError;
use crate::layout::{Share, TileLayout, layout};
use crate::plan::{Plan, Population, Projection, Rule, Value, WeightStorage};
use crate::quantum::{Load, ROUNDING, to_quanta};
use crate::ring::{DEEPEST, SHARD};
use crate::sampler::Sampler;
use crate::synapses::{Code, Dense, Rows, Shard, Table};
use crate::wiring::{Bundle, Degrees, Wiring};
use lapicque_models::columns::BLOCK;
use lapicque_models::random::Purpose;
use lapicque_models::vector::advise_huge_pages;
use rayon::prelude::*;
use std::ops::Range;

/// What all tiles share.
pub struct Blueprint {
    /// Layout of each tile.
    pub layouts: Vec<TileLayout>,
    /// Quantum of each receptor of each population.
    pub quanta: Vec<Vec<f64>>,
    /// Largest rounding of a weight, relative to the typical weight of its projection.
    pub rounding: f64,
    /// Whether inputs are summed in 64 bits.
    pub wide: bool,
    /// log2 of the slots of a shard.
    pub bits: u32,
    /// Most bytes of a tile's input sums, those of one step at least.
    pub ring_bytes: usize,
}

/// The synapses of one tile.
pub struct Synapses {
    /// Those of each shard.
    pub shards: Vec<Shard>,
    /// All-to-all connections without stored targets.
    pub dense: Vec<Dense>,
}

/// In-degrees of one tile: per projection, for the targets of the tile.
type TileDegrees = Vec<Degrees>;

/// The targets of a projection that a share holds.
pub fn targets_in(projection: &Projection, share: &Share) -> Range<u32> {
    let (to, mine) = (&projection.to.neurons, &share.neurons);
    let start = to.start.max(mine.start);
    start..to.end.min(mine.end).max(start)
}

/// Whether a projection is stored without targets.
pub fn is_dense(projection: &Projection) -> bool {
    let constant = |v: &Value| matches!(v, Value::Constant(_));
    projection.rule == Rule::AllToAll && constant(&projection.weight) && constant(&projection.delay)
}

/// What is known of the synapses before they are built.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Synapses of each projection of the plan, as they will be.
    pub synapses: Vec<u64>,
    /// Largest rounding of a weight, relative to the typical weight of its projection.
    pub rounding: f64,
    /// Whether inputs are summed in 64 bits, because in-degrees are very large.
    pub wide: bool,
}

/// Counts the synapses of a plan and finds how weights are rounded, without building them.
pub fn preview(plan: &Plan) -> Result<Preview, BuildError> {
    crate::check::plan(plan)?;
    let sizes: Vec<_> = plan.populations.iter().map(|p| (p.size, p.receptors.len())).collect();
    let tile = &layout(&sizes, 1)[0];
    let degrees = tile_degrees(plan, tile);
    let count = |(p, degrees): (&Projection, &Degrees)| degrees.total(p.to.neurons.len());
    let synapses = plan.projections.iter().zip(&degrees).map(count).collect();
    let loads = merge_loads(plan, vec![tile_loads(plan, tile, &degrees)]);
    let (wide, rounding) = summing(plan, &loads);
    Ok(Preview { synapses, rounding, wide })
}

/// Whether sums need 64 bits, and how weights are rounded then.
fn summing(plan: &Plan, loads: &[Vec<Load>]) -> (bool, f64) {
    let wide = loads.iter().flatten().any(|load| load.rounding(load.quantum(false, false)) > ROUNDING);
    let compact = plan.weights == WeightStorage::Compact;
    let each = loads.iter().flatten().map(|load| load.rounding(load.quantum(wide, compact)));
    (wide, each.fold(0.0, f64::max))
}

/// Lays out the tiles, finds the quanta, builds the synapses of every tile.
pub fn synapses(plan: &Plan, tiles: usize, ring_bytes: usize) -> Result<(Blueprint, Vec<Synapses>), BuildError> {
    let sizes: Vec<_> = plan.populations.iter().map(|p| (p.size, p.receptors.len())).collect();
    let layouts = layout(&sizes, tiles);
    let degrees: Vec<TileDegrees> = layouts.par_iter().map(|tile| tile_degrees(plan, tile)).collect();
    let loads: Vec<Vec<Vec<Load>>> =
        layouts.par_iter().zip(&degrees).map(|(tile, degrees)| tile_loads(plan, tile, degrees)).collect();
    let loads = merge_loads(plan, loads);
    let compact = plan.weights == WeightStorage::Compact;
    let (wide, rounding) = summing(plan, &loads);
    let degree = loads.iter().flatten().map(|l| l.degree).fold(0.0, f64::max);
    let mut bits = SHARD.trailing_zeros();
    while bits > BLOCK.trailing_zeros() && degree * f64::from(1u32 << bits) > f64::from(u32::MAX) {
        bits -= 1;
    }
    let quanta = loads.iter().map(|p| p.iter().map(|load| load.quantum(wide, compact)).collect()).collect();
    let blueprint = Blueprint { rounding, layouts, quanta, wide, bits, ring_bytes };
    let groups = groups(plan, &blueprint.quanta);
    let built = blueprint
        .layouts
        .par_iter()
        .zip(degrees)
        .map(|(tile, degrees)| tile_synapses(plan, &blueprint, &groups, tile, &degrees))
        .collect::<Result<Vec<_>, _>>()?;
    Ok((blueprint, built))
}

fn tile_degrees(plan: &Plan, tile: &TileLayout) -> TileDegrees {
    let of = |(index, projection): (usize, &Projection)| {
        let targets = targets_in(projection, &tile.shares[projection.to.population]);
        if targets.is_empty() {
            Degrees::Same(0)
        } else {
            Wiring::new(projection, index, plan.wiring_seed).degrees(targets)
        }
    };
    plan.projections.iter().enumerate().map(of).collect()
}

fn tile_loads(plan: &Plan, tile: &TileLayout, degrees: &TileDegrees) -> Vec<Vec<Load>> {
    let population = |(p, population): (usize, &Population)| -> Vec<Load> {
        let share = &tile.shares[p];
        let receptor = |r: usize| {
            let (mut sum, mut degree) = (vec![0.0; share.len()], vec![0.0; share.len()]);
            for (projection, degrees) in plan.projections.iter().zip(degrees) {
                if projection.to.population == p && projection.receptor == r {
                    let largest = Sampler::weight(projection.weight).largest();
                    for (i, t) in targets_in(projection, share).enumerate() {
                        let n = f64::from(degrees.of(i));
                        let at = (t - share.neurons.start) as usize;
                        sum[at] += n * largest;
                        degree[at] += n;
                    }
                }
            }
            let max = |v: &[f64]| v.iter().copied().fold(0.0, f64::max);
            Load { sum: max(&sum), degree: max(&degree), ..Load::default() }
        };
        (0..population.receptors.len()).map(receptor).collect()
    };
    plan.populations.iter().enumerate().map(population).collect()
}

fn merge_loads(plan: &Plan, tiles: Vec<Vec<Vec<Load>>>) -> Vec<Vec<Load>> {
    let mut loads: Vec<Vec<Load>> = plan.populations.iter().map(|p| vec![Load::default(); p.receptors.len()]).collect();
    for tile in &tiles {
        for (all, one) in loads.iter_mut().flatten().zip(tile.iter().flatten()) {
            all.merge(one);
        }
    }
    for projection in &plan.projections {
        let sampler = Sampler::weight(projection.weight);
        let (largest, mean) = (sampler.largest(), sampler.mean().abs());
        let load = &mut loads[projection.to.population][projection.receptor];
        // A distribution around zero has no typical weight; a tenth of its largest serves.
        let typical = if mean > 1e-3 * largest { mean } else { 0.1 * largest };
        load.largest = load.largest.max(largest);
        if typical > 0.0 {
            load.typical = if load.typical == 0.0 { typical } else { load.typical.min(typical) };
        }
        if sampler.constant().is_none() {
            load.individual = load.individual.max(largest);
        }
    }
    loads
}

/// Projections that share a table. No two reach the same receptor of the same neuron, and they are in the order of
/// slots, so that the targets of a row ascend.
struct Group {
    population: usize,
    /// Weight in quanta, where all synapses have the same.
    weight: Option<i32>,
    /// Delay in steps, where all weights are the same and all delays too.
    delay: Option<u32>,
    members: Vec<usize>,
}

fn quanta_of(projection: &Projection, quanta: &[Vec<f64>]) -> Option<i32> {
    let quantum = quanta[projection.to.population][projection.receptor];
    Sampler::weight(projection.weight).constant().map(|w| to_quanta(w, 1.0 / quantum))
}

fn groups(plan: &Plan, quanta: &[Vec<f64>]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let overlap = |a: usize, b: usize| {
        let (a, b) = (&plan.projections[a], &plan.projections[b]);
        let (x, y) = (&a.to.neurons, &b.to.neurons);
        (a.to.population, a.receptor) == (b.to.population, b.receptor) && x.start < y.end && y.start < x.end
    };
    for (index, projection) in plan.projections.iter().enumerate().filter(|(_, p)| !is_dense(p)) {
        let weight = quanta_of(projection, quanta);
        let steps = Sampler::delay(projection.delay, plan.dt).constant().map(Sampler::steps);
        let delay = weight.and(steps);
        let population = projection.from.population;
        let same = |g: &&mut Group| {
            g.population == population
                && g.weight == weight
                && g.delay == delay
                && !g.members.iter().any(|&other| overlap(index, other))
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.members.push(index),
            None => groups.push(Group { population, weight, delay, members: vec![index] }),
        }
    }
    for group in &mut groups {
        let to = |&i: &usize| (&plan.projections[i].to, plan.projections[i].receptor);
        group.members.sort_by_key(|i| {
            let (to, receptor) = to(i);
            (to.population, receptor, to.neurons.start)
        });
    }
    groups
}

fn tile_synapses(
    plan: &Plan,
    blueprint: &Blueprint,
    groups: &[Group],
    tile: &TileLayout,
    degrees: &TileDegrees,
) -> Result<Synapses, BuildError> {
    let shards = (tile.slots as usize).div_ceil(1 << blueprint.bits);
    let mut result = Synapses { shards: (0..shards).map(|_| Shard::default()).collect(), dense: Vec::new() };
    for group in groups {
        let builder = TableBuilder { plan, blueprint, tile, degrees, group, shards };
        let tables = match builder.dense_slots() {
            Some((weight, delay, slots)) => {
                let (bits, tables) = builder.build_bits(weight, delay, &slots)?;
                result.shards.iter_mut().zip(bits).for_each(|(shard, bits)| shard.bits.extend(bits));
                tables
            }
            None => builder.build()?,
        };
        for (shard, table) in result.shards.iter_mut().zip(tables) {
            if table.rows.len() > 0 {
                shard.tables.push(table);
            }
        }
    }
    for projection in plan.projections.iter().filter(|p| is_dense(p)) {
        let share = &tile.shares[projection.to.population];
        let targets = targets_in(projection, share);
        if targets.is_empty() {
            continue;
        }
        let first = share.slots[projection.receptor] + (targets.start - share.neurons.start);
        let same = projection.from.population == projection.to.population;
        result.dense.push(Dense {
            population: projection.from.population,
            sources: projection.from.neurons.clone(),
            delay: Sampler::delay(projection.delay, plan.dt).constant().map_or(1, Sampler::steps),
            weight: quanta_of(projection, &blueprint.quanta).unwrap_or(0),
            slots: first..first + targets.len() as u32,
            no_autapses: (same && !projection.autapses).then_some(targets.start),
        });
    }
    Ok(result)
}

struct TableBuilder<'a> {
    plan: &'a Plan,
    blueprint: &'a Blueprint,
    tile: &'a TileLayout,
    degrees: &'a TileDegrees,
    group: &'a Group,
    shards: usize,
}

/// How a group's synapses are stored.
#[derive(Clone, Copy)]
enum Storage {
    Constant(i32),
    Individual,
    Packed(Code),
}

impl Storage {
    fn band_bits(self) -> u32 {
        if let Storage::Packed(code) = self { code.band_bits } else { 0 }
    }
}

/// A segment while its table is built.
#[derive(Clone, Copy, Default)]
struct Cell {
    /// First its number of synapses and fillers, later the place of its next one.
    at: u32,
    /// Slot of the target before.
    last: u32,
}

/// The cells of one shard: sources times bands.
struct Cells {
    cells: Vec<Cell>,
    fillers: usize,
}

/// One bundle's synapses onto the tile, with slots and delays.
struct Placed<'a> {
    bundle: &'a Bundle,
    delays: &'a [f64],
    targets: Range<u32>,
    /// Slot of the first of `targets`.
    slot: u32,
}

impl Placed<'_> {
    /// (position in the bundle, source, slot, delay in steps) of each synapse.
    fn each(&self) -> impl Iterator<Item = (usize, usize, u32, u32)> + '_ {
        let bundle = self.bundle;
        let all = bundle.sources.iter().zip(&bundle.targets).zip(self.delays).enumerate();
        all.filter(|(_, ((_, t), _))| self.targets.contains(t)).map(|(i, ((&source, &target), &delay))| {
            (i, source as usize, self.slot + (target - self.targets.start), Sampler::steps(delay))
        })
    }
}

impl TableBuilder<'_> {
    /// Makes all draws of the group, in order, and hands them out bundle by bundle with the projection's index.
    fn visit(&self, f: &mut dyn FnMut(usize, Placed<'_>)) {
        let (mut bundle, mut delays) = (Bundle::default(), Vec::new());
        for &index in &self.group.members {
            let projection = &self.plan.projections[index];
            let share = &self.tile.shares[projection.to.population];
            let targets = targets_in(projection, share);
            if targets.is_empty() {
                continue;
            }
            let slot = share.slots[projection.receptor] + (targets.start - share.neurons.start);
            let sampler = Sampler::delay(projection.delay, self.plan.dt);
            let wiring = Wiring::new(projection, index, self.plan.wiring_seed);
            wiring.visit(targets.clone(), &self.degrees[index], &mut bundle, &mut |bundle| {
                delays.resize(bundle.sources.len(), 0.0);
                sampler.fill(self.plan.wiring_seed, Purpose::Delay, bundle.identity, &mut delays);
                f(index, Placed { bundle, delays: &delays, targets: targets.clone(), slot });
            });
        }
    }

    /// Smallest and largest delay that the group can draw, in steps.
    fn delay_range(&self) -> (u32, u32) {
        let range = |&index: &usize| {
            let (low, high) = Sampler::delay(self.plan.projections[index].delay, self.plan.dt).bounds();
            (Sampler::steps(low), Sampler::steps(high))
        };
        let both = |a: (u32, u32), b: (u32, u32)| (a.0.min(b.0), a.1.max(b.1));
        self.group.members.iter().map(range).reduce(both).unwrap_or((1, 1))
    }

    /// Largest |weight| of the group, in quanta.
    fn largest(&self) -> i32 {
        let of = |&index: &usize| {
            let projection = &self.plan.projections[index];
            let quantum = self.blueprint.quanta[projection.to.population][projection.receptor];
            to_quanta(Sampler::weight(projection.weight).largest(), 1.0 / quantum)
        };
        self.group.members.iter().map(of).max().unwrap_or(0)
    }

    fn build(&self) -> Result<Vec<Table>, BuildError> {
        let (first, last) = self.delay_range();
        if let Some(weight) = self.group.weight {
            return self.fill(self.count(Storage::Constant(weight), first, last)?, Storage::Constant(weight), first);
        }
        let steps = (last - first + 1).next_power_of_two().min(ring_depth(self.tile, self.blueprint));
        if let Some(code) = Code::new(self.largest(), steps.trailing_zeros()) {
            let cells = self.count(Storage::Packed(code), first, last)?;
            let (fillers, all) = cells.iter().fold((0, 0u64), |(fillers, all), shard| {
                (fillers + shard.fillers, all + shard.cells.iter().map(|c| u64::from(c.at)).sum::<u64>())
            });
            if fillers as u64 <= all / FILLERS {
                return self.fill(cells, Storage::Packed(code), first);
            }
        }
        self.fill(self.count(Storage::Individual, first, last)?, Storage::Individual, first)
    }

    /// First pass: counts the synapses, and fillers, of every segment.
    fn count(&self, storage: Storage, first: u32, last: u32) -> Result<Vec<Cells>, BuildError> {
        let sources = self.plan.populations[self.group.population].size as usize;
        let (bits, mask) = (self.blueprint.bits, (1u32 << self.blueprint.bits) - 1);
        let bands = (((last - first) >> storage.band_bits()) + 1) as usize;
        let cells = sources.checked_mul(bands).filter(|&n| n <= 1 << 33).ok_or_else(|| {
            let delays = last - first + 1;
            too_large(&format!(
                "{sources} sources with {delays} different delays are too many; bound the delays (min, max)"
            ))
        })?;
        let mut shards: Vec<Cells> =
            (0..self.shards).map(|_| Cells { cells: vec![Cell::default(); cells], fillers: 0 }).collect();
        self.visit(&mut |_, placed| {
            for (_, source, slot, delay) in placed.each() {
                let shard = &mut shards[(slot >> bits) as usize];
                let cell = &mut shard.cells[source * bands + ((delay - first) >> storage.band_bits()) as usize];
                cell.at += 1;
                if let Storage::Packed(code) = storage {
                    let target = slot & mask;
                    let fillers = code.fillers(target.wrapping_sub(cell.last));
                    cell.at += fillers;
                    cell.last = target;
                    shard.fillers += fillers as usize;
                }
            }
        });
        Ok(shards)
    }

    /// Second pass: makes the same draws again and puts every synapse in its place.
    fn fill(&self, cells: Vec<Cells>, storage: Storage, first: u32) -> Result<Vec<Table>, BuildError> {
        let (bits, mask) = (self.blueprint.bits, (1u32 << self.blueprint.bits) - 1);
        let mut shards = Vec::with_capacity(self.shards);
        for cells in cells {
            shards.push(self.allocate(cells, storage, first).ok_or_else(|| too_large(TOO_MANY))?);
        }
        let mut weights = Vec::new();
        self.visit(&mut |index, placed| {
            let projection = &self.plan.projections[index];
            let per_quantum = 1.0 / self.blueprint.quanta[projection.to.population][projection.receptor];
            if self.group.weight.is_none() {
                weights.resize(placed.delays.len(), 0.0);
                Sampler::weight(projection.weight).fill(
                    self.plan.wiring_seed,
                    Purpose::Weight,
                    placed.bundle.identity,
                    &mut weights,
                );
            }
            // Nearly every access here misses the cache, but the CPU keeps many under way by itself: sweeps that prefetch
            // (cells first, then positions, then stores) took 15 % more CPU time on the full microcircuit.
            for (i, source, slot, delay) in placed.each() {
                let (table, cells) = &mut shards[(slot >> bits) as usize];
                let delay = delay - table.first_delay;
                let cell = &mut cells[source * table.bands as usize + (delay >> storage.band_bits()) as usize];
                let target = slot & mask;
                match &mut table.rows {
                    Rows::Constant { targets, .. } => targets[cell.at as usize] = target as u16,
                    Rows::Individual { targets, weights: stored } => {
                        targets[cell.at as usize] = target as u16;
                        stored[cell.at as usize] = to_quanta(weights[i], per_quantum);
                    }
                    Rows::Packed { codes, code, .. } => {
                        let delay = delay & ((1 << code.band_bits) - 1);
                        let weight = to_quanta(weights[i], per_quantum);
                        cell.at = code.put(codes, cell.at as usize, target - cell.last, delay, weight) as u32;
                        cell.last = target;
                        continue;
                    }
                }
                cell.at += 1;
            }
        });
        Ok(shards.into_iter().map(finished).collect())
    }

    /// Weight, delay, and in each shard the slots from the first to the last target, of a group whose connections take
    /// no more room as one bit for each pair of neurons than as 16 bits for each synapse.
    fn dense_slots(&self) -> Option<(i32, u32, Vec<Range<u32>>)> {
        let (weight, delay) = (self.group.weight?, self.group.delay?);
        let sources = self.plan.populations[self.group.population].size as usize;
        let bits = self.blueprint.bits;
        let mut slots: Vec<Range<u32>> = vec![0..0; self.shards];
        let mut synapses = 0;
        for &index in &self.group.members {
            let projection = &self.plan.projections[index];
            let share = &self.tile.shares[projection.to.population];
            let targets = targets_in(projection, share);
            synapses += self.degrees[index].total(targets.len());
            let first = share.slots[projection.receptor] + (targets.start - share.neurons.start);
            let last = first + targets.len() as u32;
            for (shard, slots) in slots.iter_mut().enumerate() {
                let (start, end) =
                    ((shard as u32) << bits, ((shard as u64 + 1) << bits).min(u64::from(u32::MAX)) as u32);
                let (start_here, end_here) = (first.max(start), last.min(end));
                if start_here < end_here {
                    let (start, end) = (start_here - start, end_here - start);
                    *slots = if slots.end == 0 { start..end } else { slots.start.min(start)..slots.end.max(end) };
                }
            }
        }
        let bytes = slots.iter().map(|s| (sources * Bits::row_bytes(s)) as u64).sum::<u64>();
        (0 < synapses && bytes <= 2 * synapses).then_some((weight, delay, slots))
    }

    /// Builds one bit for each pair of neurons, and tables with those synapses that are a pair's second or later.
    fn build_bits(
        &self,
        weight: i32,
        delay: u32,
        slots: &[Range<u32>],
    ) -> Result<(Vec<Option<Bits>>, Vec<Table>), BuildError> {
        let sources = self.plan.populations[self.group.population].size as usize;
        let (bits, mask) = (self.blueprint.bits, (1u32 << self.blueprint.bits) - 1);
        let shard = |slots: &Range<u32>| {
            let bits = (slots.end > 0).then(|| Bits::new(self.group.population, delay, weight, sources, slots));
            (bits, vec![Cell::default(); sources])
        };
        let (mut pairs, mut cells): (Vec<_>, Vec<_>) = slots.iter().map(shard).unzip();
        self.visit(&mut |_, placed| {
            for (_, source, slot, _) in placed.each() {
                let shard = (slot >> bits) as usize;
                if !pairs[shard].as_mut().is_some_and(|bits| bits.connect(source, (slot & mask) as usize)) {
                    cells[shard][source].at += 1;
                }
            }
        });
        if cells.iter().flatten().all(|cell| cell.at == 0) {
            return Ok((pairs, Vec::new()));
        }
        let mut shards = Vec::with_capacity(self.shards);
        for cells in cells {
            let cells = Cells { cells, fillers: 0 };
            shards.push(self.allocate(cells, Storage::Constant(weight), delay).ok_or_else(|| too_large(TOO_MANY))?);
        }
        pairs.iter_mut().flatten().for_each(Bits::clear);
        self.visit(&mut |_, placed| {
            for (_, source, slot, _) in placed.each() {
                let shard = (slot >> bits) as usize;
                if !pairs[shard].as_mut().is_some_and(|bits| bits.connect(source, (slot & mask) as usize)) {
                    let (table, cells) = &mut shards[shard];
                    if let Rows::Constant { targets, .. } = &mut table.rows {
                        targets[cells[source].at as usize] = (slot & mask) as u16;
                    }
                    cells[source].at += 1;
                }
            }
        });
        Ok((pairs, shards.into_iter().map(finished).collect()))
    }

    /// A table with room for the synapses counted, and its cells set for filling. Unused bands at both ends go.
    fn allocate(&self, cells: Cells, storage: Storage, first: u32) -> Option<(Table, Vec<Cell>)> {
        let Cells { mut cells, fillers } = cells;
        let sources = self.plan.populations[self.group.population].size as usize;
        let bands = cells.len() / sources;
        let used = |band: usize| (0..sources).any(|s| cells[s * bands + band].at > 0);
        let low = (0..bands).find(|&band| used(band)).unwrap_or(0);
        let high = (low..bands).rev().find(|&band| used(band)).unwrap_or(low);
        let kept = high - low + 1;
        if kept < bands {
            for s in 0..sources {
                cells.copy_within(s * bands + low..s * bands + high + 1, s * kept);
            }
            cells.truncate(sources * kept);
            cells.shrink_to_fit();
        }
        let mut sum = 0u64;
        for cell in &mut cells {
            let n = u64::from(cell.at);
            *cell = Cell { at: u32::try_from(sum).ok()?, last: 0 };
            sum += n;
        }
        u32::try_from(sum).ok()?;
        let n = sum as usize;
        let rows = match storage {
            Storage::Constant(weight) => Rows::Constant { targets: large(n), weight },
            Storage::Individual => Rows::Individual { targets: large(n), weights: large(n) },
            Storage::Packed(code) => Rows::Packed { codes: large(n), code, fillers },
        };
        let first_delay = first + ((low as u32) << storage.band_bits());
        let (population, bands) = (self.group.population, kept as u32);
        Some((Table { population, first_delay, bands, starts: Vec::new(), rows }, cells))
    }
}

/// One filler in so many codes is the most: with more, synapses are stored unpacked.
const FILLERS: u64 = 5;

/// Steps that the ring of a tile spans where synapses have weights of their own: as many as fit, a power of two. A small
/// tile has all its delays in the ring, which is the ring-buffer scheme; one of 100 000 slots delivers delay by delay.
fn ring_depth(tile: &TileLayout, blueprint: &Blueprint) -> u32 {
    let bytes = tile.slots as usize * if blueprint.wide { 8 } else { 4 };
    let fit = (blueprint.ring_bytes / bytes.max(1)).max(1);
    1 << fit.ilog2().min(DEEPEST.trailing_zeros())
}

const TOO_MANY: &str = "more than 4e9 synapses in one shard";

/// A table whose cells were filled: every cell moved to its end, which is the next one's start.
fn finished((mut table, cells): (Table, Vec<Cell>)) -> Table {
    table.starts = std::iter::once(0).chain(cells.iter().map(|c| c.at)).collect();
    table
}

fn too_large(what: &str) -> BuildError {
    BuildError::Invalid(format!("{what}; use more threads, or fewer synapses"))
}

fn large<T: Clone + std::default::Default>(n: usize) -> Vec<T> {
    let mut v = vec![T::default(); n];
    advise_huge_pages(&mut v);
    v
}
