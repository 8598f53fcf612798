//! Draws which neurons a projection connects.
//!
//! Random numbers depend only on (seed, projection, target); with `fixed_out_degree` on (seed, projection, source). A
//! tile draws only the synapses onto its own targets, and the result is the same for any number of tiles.
//!
//! With every rule except `fixed_out_degree`, the in-degree of each target is determined first ([`Wiring::degrees`]),
//! then the sources of the target, with or without replacement. `fixed_total_number` distributes its synapses over the
//! targets with a binary tree: in each node a binomial draw (hypergeometric without multapses) says how many synapses
//! go to the left half of the targets. The random stream of a node depends on (projection, node). `fixed_out_degree`
//! distributes the synapses of every source in the same way.

use super::layout::{TileLayout, targets_in};
use crate::plan::{Plan, Projection, Rule};
use lapicque_models::numerics::random::{Purpose, Stream};
use std::ops::Range;

/// The connections of one projection.
pub struct Wiring<'a> {
    projection: &'a Projection,
    /// Index of the projection in the plan; part of the key of its random streams.
    index: u64,
    seed: u64,
}

/// In-degree of each target in a range of targets.
#[derive(Clone, Debug)]
pub enum InDegrees {
    /// The same for all targets.
    Same(u32),
    /// One for each target of the range.
    Each(Vec<u32>),
}

impl InDegrees {
    /// In-degree of the i-th target of the range.
    pub fn of(&self, i: usize) -> u32 {
        match self {
            InDegrees::Same(n) => *n,
            InDegrees::Each(n) => n[i],
        }
    }

    /// Number of synapses onto all targets of the range. `len`: number of targets.
    pub fn total(&self, len: usize) -> u64 {
        match self {
            InDegrees::Same(n) => u64::from(*n) * len as u64,
            InDegrees::Each(n) => n.iter().map(|&n| u64::from(n)).sum(),
        }
    }
}

/// In-degrees of the targets in one tile, one item for each projection.
pub type TileDegrees = Vec<InDegrees>;

/// Draws the in-degrees of the targets in one tile.
pub fn tile_degrees(plan: &Plan, tile: &TileLayout) -> TileDegrees {
    let degrees_of = |(index, projection): (usize, &Projection)| {
        let targets = targets_in(projection, &tile.shares[projection.to.population]);
        if targets.is_empty() {
            InDegrees::Same(0)
        } else {
            Wiring::new(projection, index, plan.wiring_seed).degrees(targets)
        }
    };
    plan.projections.iter().enumerate().map(degrees_of).collect()
}

/// Pairs of source and target that a projection connects: all sources of one target, or with `fixed_out_degree` the
/// targets of one source in a small range of the targets. One pair for each synapse.
#[derive(Default)]
pub struct DrawnPairs {
    /// Key of the random streams of the weights and delays, for [`crate::plan::Sampler::fill`].
    pub identity: [u64; 2],
    /// Source of each pair: index in the source population.
    pub sources: Vec<u32>,
    /// Target of each pair: index in the target population.
    pub targets: Vec<u32>,
    /// Buffer of [`draw_distinct`].
    taken: Vec<u64>,
}

impl<'a> Wiring<'a> {
    /// `index`: index of the projection in the plan. `seed`: the plan's seed of the wiring.
    pub fn new(projection: &'a Projection, index: usize, seed: u64) -> Self {
        Wiring { projection, index: index as u64, seed }
    }

    /// Number of source neurons.
    fn sources(&self) -> u64 {
        u64::from(self.projection.from.neurons.end - self.projection.from.neurons.start)
    }

    /// Whether `target` is among the sources but must not connect to itself.
    fn excludes_autapse_of_target(&self, target: u32) -> bool {
        let p = self.projection;
        !p.autapses && p.from.population == p.to.population && p.from.neurons.contains(&target)
    }

    /// Number of sources that `target` can have.
    fn allowed_sources(&self, target: u32) -> u64 {
        self.sources() - u64::from(self.excludes_autapse_of_target(target))
    }

    /// Number of pairs of a target in `targets` and a source that it can have.
    fn allowed_pairs(&self, targets: &Range<u32>) -> u64 {
        let p = self.projection;
        let all = u64::from(targets.end - targets.start) * self.sources();
        if p.autapses || p.from.population != p.to.population {
            return all;
        }
        let (start, end) = (targets.start.max(p.from.neurons.start), targets.end.min(p.from.neurons.end));
        all - u64::from(end.saturating_sub(start))
    }

    /// Draws the in-degree of each target in `targets`, a range of the projection's targets.
    pub fn degrees(&self, targets: Range<u32>) -> InDegrees {
        match self.projection.rule {
            // Source i and target i are the same neuron either for all i or for no i.
            Rule::OneToOne => InDegrees::Same(u32::from(
                !(self.excludes_autapse_of_target(targets.start)
                    && self.projection.from.neurons.start == self.projection.to.neurons.start),
            )),
            Rule::FixedInDegree(n) => InDegrees::Same(n),
            Rule::AllToAll => InDegrees::Each(targets.map(|t| self.allowed_sources(t) as u32).collect()),
            Rule::ErdosRenyi(p) => {
                let draw =
                    |t: u32| self.stream(Purpose::Degree, u64::from(t)).binomial(self.allowed_sources(t), p) as u32;
                InDegrees::Each(targets.map(draw).collect())
            }
            Rule::FixedTotalNumber(n) => {
                let mut degrees = vec![0; targets.len()];
                self.split(n, &self.projection.to.neurons, 1, 0, &targets, 1, &mut |leaf, _, n| {
                    degrees[(leaf.start - targets.start) as usize] = n as u32;
                });
                InDegrees::Each(degrees)
            }
            Rule::FixedOutDegree(_) => {
                let mut degrees = vec![0; targets.len()];
                let mut pairs = DrawnPairs::default();
                self.draw_pairs_by_source(targets.clone(), &mut pairs, &mut |pairs| {
                    for t in pairs.targets.iter().filter(|t| targets.contains(t)) {
                        degrees[(t - targets.start) as usize] += 1;
                    }
                });
                InDegrees::Each(degrees)
            }
        }
    }

    /// Draws the connections onto `targets`, whose in-degrees `degrees` were drawn before. Calls `f` with some pairs at
    /// a time: one call for each target, in ascending order. With `fixed_out_degree` there is a call for each source
    /// and small range of the projection's targets, and some of these targets may lie outside `targets`. `pairs` is a
    /// buffer.
    pub fn draw_pairs(
        &self,
        targets: Range<u32>,
        degrees: &InDegrees,
        pairs: &mut DrawnPairs,
        f: &mut dyn FnMut(&DrawnPairs),
    ) {
        if let Rule::FixedOutDegree(_) = self.projection.rule {
            return self.draw_pairs_by_source(targets, pairs, f);
        }
        for (i, target) in targets.enumerate() {
            let degree = degrees.of(i);
            if degree == 0 {
                continue;
            }
            pairs.identity = [self.index, u64::from(target)];
            pairs.sources.clear();
            self.draw_sources(target, degree, pairs);
            pairs.targets.clear();
            pairs.targets.resize(pairs.sources.len(), target);
            f(pairs);
        }
    }

    fn stream(&self, purpose: Purpose, identity: u64) -> Stream {
        Stream::new(self.seed, purpose, [self.index, identity])
    }

    /// Appends the `degree` sources of `target` to `pairs`.
    fn draw_sources(&self, target: u32, degree: u32, pairs: &mut DrawnPairs) {
        let first = self.projection.from.neurons.start;
        let allowed = self.allowed_sources(target);
        let excluded = if self.excludes_autapse_of_target(target) { target - first } else { u32::MAX };
        // The i-th allowed source. An excluded source shifts all sources after it by one.
        let source = |i: u32| first + i + u32::from(i >= excluded);
        let p = self.projection;
        match p.rule {
            Rule::OneToOne => pairs.sources.push(first + (target - p.to.neurons.start)),
            Rule::AllToAll => pairs.sources.extend((0..allowed as u32).map(source)),
            Rule::FixedInDegree(_) | Rule::FixedTotalNumber(_) if p.multapses => {
                let mut stream = self.stream(Purpose::Partner, u64::from(target));
                pairs.sources.extend((0..degree).map(|_| source(stream.below(allowed) as u32)));
            }
            _ => {
                let mut stream = self.stream(Purpose::Partner, u64::from(target));
                draw_distinct(allowed as u32, degree, &mut stream, &mut pairs.taken, |i| pairs.sources.push(source(i)));
            }
        }
    }

    /// Distributes `n` synapses over the targets in `range`. Halves the range again and again and draws how many
    /// synapses go to the left half, until a part has at most `leaf_size` targets. Calls `f` with the targets, the node
    /// number and the number of synapses of each such part that overlaps with `wanted`. Nodes are numbered from 1 (the
    /// whole range); node k has the halves 2k and 2k + 1. `source`: the source with `fixed_out_degree`, else 0.
    #[allow(clippy::too_many_arguments)]
    fn split(
        &self,
        n: u64,
        range: &Range<u32>,
        node: u64,
        source: u64,
        wanted: &Range<u32>,
        leaf_size: u32,
        f: &mut dyn FnMut(Range<u32>, u64, u64),
    ) {
        if n == 0 || range.end <= wanted.start || wanted.end <= range.start {
            return;
        }
        if range.end - range.start <= leaf_size {
            return f(range.clone(), node, n);
        }
        let middle = range.start + (range.end - range.start) / 2;
        let (left, right) = (range.start..middle, middle..range.end);
        let by_source = matches!(self.projection.rule, Rule::FixedOutDegree(_));
        // Number of pairs that can be connected, in the whole range and in its left half.
        let (pairs, pairs_left) = if by_source {
            let allowed_targets = |r: &Range<u32>| {
                u64::from(r.end - r.start)
                    - u64::from(r.contains(&(source as u32)) && self.excludes_autapse_of_source(source as u32))
            };
            (allowed_targets(range), allowed_targets(&left))
        } else {
            (self.allowed_pairs(range), self.allowed_pairs(&left))
        };
        let mut stream = self.stream(Purpose::Degree, source << 32 | node);
        let n_left = if self.projection.multapses {
            stream.binomial(n, pairs_left as f64 / pairs as f64)
        } else {
            stream.hypergeometric(pairs, pairs_left, n)
        };
        self.split(n_left, &left, 2 * node, source, wanted, leaf_size, f);
        self.split(n - n_left, &right, 2 * node + 1, source, wanted, leaf_size, f);
    }

    /// Whether `source` is among the targets but must not connect to itself.
    fn excludes_autapse_of_source(&self, source: u32) -> bool {
        let p = self.projection;
        !p.autapses && p.from.population == p.to.population && p.to.neurons.contains(&source)
    }

    /// Draws the connections onto `targets` with `fixed_out_degree`, source by source; see [`Wiring::draw_pairs`].
    fn draw_pairs_by_source(&self, targets: Range<u32>, pairs: &mut DrawnPairs, f: &mut dyn FnMut(&DrawnPairs)) {
        /// Largest number of neighbouring targets that are drawn together.
        const LEAF: u32 = 64;
        let p = self.projection;
        let Rule::FixedOutDegree(degree) = p.rule else { return };
        for source in p.from.neurons.clone() {
            self.split(u64::from(degree), &p.to.neurons, 1, u64::from(source), &targets, LEAF, &mut |leaf, node, n| {
                let excluded = if leaf.contains(&source) && self.excludes_autapse_of_source(source) {
                    source - leaf.start
                } else {
                    u32::MAX
                };
                let allowed = leaf.end - leaf.start - u32::from(excluded != u32::MAX);
                let target = |i: u32| leaf.start + i + u32::from(i >= excluded);
                let identity = u64::from(source) << 32 | node;
                let mut stream = self.stream(Purpose::Partner, identity);
                pairs.identity = [self.index, identity];
                pairs.targets.clear();
                if p.multapses {
                    pairs.targets.extend((0..n).map(|_| target(stream.below(u64::from(allowed)) as u32)));
                } else {
                    let targets = &mut pairs.targets;
                    draw_distinct(allowed, n as u32, &mut stream, &mut pairs.taken, |i| targets.push(target(i)));
                }
                // The targets of a source must ascend, as with the other rules.
                pairs.targets.sort_unstable();
                pairs.sources.clear();
                pairs.sources.resize(pairs.targets.len(), source);
                f(pairs);
            });
        }
    }
}

/// Draws `k` different numbers from 0..n and calls `f` with each, in the order of the draws. If k > n/2, the n − k
/// numbers that are not chosen are drawn instead, and `f` is called with the chosen numbers in ascending order. `taken`
/// is a buffer with one bit for each number.
fn draw_distinct(n: u32, k: u32, stream: &mut Stream, taken: &mut Vec<u64>, mut f: impl FnMut(u32)) {
    taken.clear();
    taken.resize((n as usize).div_ceil(64), 0);
    let draw_unchosen = k > n / 2;
    let mut remaining = if draw_unchosen { n - k } else { k };
    while remaining > 0 {
        let i = stream.below(u64::from(n)) as u32;
        let (word, bit) = (&mut taken[i as usize / 64], 1u64 << (i % 64));
        if *word & bit == 0 {
            *word |= bit;
            remaining -= 1;
            if !draw_unchosen {
                f(i);
            }
        }
    }
    if draw_unchosen {
        (0..n).filter(|&i| taken[i as usize / 64] & (1 << (i % 64)) == 0).for_each(f);
    }
}
