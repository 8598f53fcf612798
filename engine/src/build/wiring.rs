//! Which neurons a projection connects: every rule as a function of (seed, projection, target), or of
//! (seed, projection, source) for `fixed_out_degree`.
//!
//! A tile asks for the synapses onto its own targets and gets them in bundles; no draw depends on who asks. All rules
//! but one reduce to "how many sources has this target" ([`Wiring::degrees`]) and "which" (sampling with or without
//! replacement). `fixed_total_number` splits its number over the targets by a binary tree of binomial draws
//! (hypergeometric without multapses) keyed by (projection, node); `fixed_out_degree` does so for every source.

use super::layout::{TileLayout, targets_in};
use crate::plan::{Plan, Projection, Rule};
use lapicque_models::numerics::random::{Purpose, Stream};
use std::ops::Range;

/// The realised connections of one projection.
pub struct Wiring<'a> {
    projection: &'a Projection,
    /// Identity in the plan.
    index: u64,
    seed: u64,
}

/// Numbers of sources of a range of targets.
#[derive(Clone, Debug)]
pub enum InDegrees {
    /// The same for all.
    Same(u32),
    /// One per target of the range.
    Each(Vec<u32>),
}

impl InDegrees {
    /// Number of sources of the i-th target of the range.
    pub fn of(&self, i: usize) -> u32 {
        match self {
            InDegrees::Same(n) => *n,
            InDegrees::Each(n) => n[i],
        }
    }

    /// Synapses onto `len` targets.
    pub fn total(&self, len: usize) -> u64 {
        match self {
            InDegrees::Same(n) => u64::from(*n) * len as u64,
            InDegrees::Each(n) => n.iter().map(|&n| u64::from(n)).sum(),
        }
    }
}

/// In-degrees of the targets in one tile, one item per projection.
pub type TileDegrees = Vec<InDegrees>;

/// The in-degrees of the targets in one tile.
pub fn tile_degrees(plan: &Plan, tile: &TileLayout) -> TileDegrees {
    let of = |(index, projection): (usize, &Projection)| {
        let targets = targets_in(projection, &tile.shares[projection.to.population]);
        if targets.is_empty() {
            InDegrees::Same(0)
        } else {
            Wiring::new(projection, index, plan.wiring_seed).degrees(targets)
        }
    };
    plan.projections.iter().enumerate().map(of).collect()
}

/// Some synapses of a projection that share a key for their weights and delays.
#[derive(Default)]
pub struct Bundle {
    /// Identity for [`crate::plan::Sampler::fill`].
    pub identity: [u64; 2],
    /// Source of each synapse: index in the source population.
    pub sources: Vec<u32>,
    /// Target of each synapse: index in the target population.
    pub targets: Vec<u32>,
    taken: Vec<u64>,
}

impl<'a> Wiring<'a> {
    /// `index` is the projection's position in the plan.
    pub fn new(projection: &'a Projection, index: usize, seed: u64) -> Self {
        Wiring { projection, index: index as u64, seed }
    }

    fn sources(&self) -> u64 {
        u64::from(self.projection.from.neurons.end - self.projection.from.neurons.start)
    }

    /// Whether `target` may not be its own source though it lies in the source range.
    fn excludes_itself(&self, target: u32) -> bool {
        let p = self.projection;
        !p.autapses && p.from.population == p.to.population && p.from.neurons.contains(&target)
    }

    /// Sources that `target` can have.
    fn allowed(&self, target: u32) -> u64 {
        self.sources() - u64::from(self.excludes_itself(target))
    }

    /// Pairs of any allowed source and a target in `targets`.
    fn pairs(&self, targets: &Range<u32>) -> u64 {
        let p = self.projection;
        let all = u64::from(targets.end - targets.start) * self.sources();
        if p.autapses || p.from.population != p.to.population {
            return all;
        }
        let (start, end) = (targets.start.max(p.from.neurons.start), targets.end.min(p.from.neurons.end));
        all - u64::from(end.saturating_sub(start))
    }

    /// How many sources each target of `targets` (inside the projection's targets) has.
    pub fn degrees(&self, targets: Range<u32>) -> InDegrees {
        match self.projection.rule {
            // The i-th source is the i-th target itself, for every i or for none.
            Rule::OneToOne => InDegrees::Same(u32::from(
                !(self.excludes_itself(targets.start)
                    && self.projection.from.neurons.start == self.projection.to.neurons.start),
            )),
            Rule::FixedInDegree(n) => InDegrees::Same(n),
            Rule::AllToAll => InDegrees::Each(targets.map(|t| self.allowed(t) as u32).collect()),
            Rule::ErdosRenyi(p) => {
                let draw = |t: u32| self.stream(Purpose::Degree, u64::from(t)).binomial(self.allowed(t), p) as u32;
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
                let mut bundle = Bundle::default();
                self.by_source(targets.clone(), &mut bundle, &mut |b| {
                    for t in b.targets.iter().filter(|t| targets.contains(t)) {
                        degrees[(t - targets.start) as usize] += 1;
                    }
                });
                InDegrees::Each(degrees)
            }
        }
    }

    /// Calls `f` with every bundle of synapses onto `targets`, whose `degrees` are given; targets ascend. A bundle of
    /// `fixed_out_degree` may also hold targets outside of `targets`: its leaves know nothing of tiles.
    pub fn visit(&self, targets: Range<u32>, degrees: &InDegrees, bundle: &mut Bundle, f: &mut dyn FnMut(&Bundle)) {
        if let Rule::FixedOutDegree(_) = self.projection.rule {
            return self.by_source(targets, bundle, f);
        }
        for (i, target) in targets.enumerate() {
            let degree = degrees.of(i);
            if degree == 0 {
                continue;
            }
            bundle.identity = [self.index, u64::from(target)];
            bundle.sources.clear();
            self.draw_sources(target, degree, bundle);
            bundle.targets.clear();
            bundle.targets.resize(bundle.sources.len(), target);
            f(bundle);
        }
    }

    fn stream(&self, purpose: Purpose, identity: u64) -> Stream {
        Stream::new(self.seed, purpose, [self.index, identity])
    }

    fn draw_sources(&self, target: u32, degree: u32, bundle: &mut Bundle) {
        let first = self.projection.from.neurons.start;
        let n = self.allowed(target);
        let skipped = if self.excludes_itself(target) { target - first } else { u32::MAX };
        // Draws run over the allowed sources; the one that is skipped moves those behind it up.
        let source = |i: u32| first + i + u32::from(i >= skipped);
        let p = self.projection;
        match p.rule {
            Rule::OneToOne => bundle.sources.push(first + (target - p.to.neurons.start)),
            Rule::AllToAll => bundle.sources.extend((0..n as u32).map(source)),
            Rule::FixedInDegree(_) | Rule::FixedTotalNumber(_) if p.multapses => {
                let mut stream = self.stream(Purpose::Partner, u64::from(target));
                bundle.sources.extend((0..degree).map(|_| source(stream.below(n) as u32)));
            }
            _ => {
                let mut stream = self.stream(Purpose::Partner, u64::from(target));
                distinct(n as u32, degree, &mut stream, &mut bundle.taken, |i| bundle.sources.push(source(i)));
            }
        }
    }

    /// Splits `n` synapses over `range`, halving it down to `leaf` targets; visits the leaves that meet `wanted`.
    #[allow(clippy::too_many_arguments)]
    fn split(
        &self,
        n: u64,
        range: &Range<u32>,
        node: u64,
        source: u64,
        wanted: &Range<u32>,
        leaf: u32,
        f: &mut dyn FnMut(Range<u32>, u64, u64),
    ) {
        if n == 0 || range.end <= wanted.start || wanted.end <= range.start {
            return;
        }
        if range.end - range.start <= leaf {
            return f(range.clone(), node, n);
        }
        let middle = range.start + (range.end - range.start) / 2;
        let (left, right) = (range.start..middle, middle..range.end);
        let by_source = matches!(self.projection.rule, Rule::FixedOutDegree(_));
        let (places, places_left) = if by_source {
            let places = |r: &Range<u32>| {
                u64::from(r.end - r.start)
                    - u64::from(r.contains(&(source as u32)) && self.excludes_target(source as u32))
            };
            (places(range), places(&left))
        } else {
            (self.pairs(range), self.pairs(&left))
        };
        let mut stream = self.stream(Purpose::Degree, source << 32 | node);
        let n_left = if self.projection.multapses {
            stream.binomial(n, places_left as f64 / places as f64)
        } else {
            stream.hypergeometric(places, places_left, n)
        };
        self.split(n_left, &left, 2 * node, source, wanted, leaf, f);
        self.split(n - n_left, &right, 2 * node + 1, source, wanted, leaf, f);
    }

    /// Whether `source` may not be its own target though it lies in the target range.
    fn excludes_target(&self, source: u32) -> bool {
        let p = self.projection;
        !p.autapses && p.from.population == p.to.population && p.to.neurons.contains(&source)
    }

    /// `fixed_out_degree`: the synapses of every source onto `targets`.
    fn by_source(&self, targets: Range<u32>, bundle: &mut Bundle, f: &mut dyn FnMut(&Bundle)) {
        const LEAF: u32 = 64;
        let p = self.projection;
        let Rule::FixedOutDegree(degree) = p.rule else { return };
        for source in p.from.neurons.clone() {
            self.split(u64::from(degree), &p.to.neurons, 1, u64::from(source), &targets, LEAF, &mut |leaf, node, n| {
                let skipped =
                    if leaf.contains(&source) && self.excludes_target(source) { source - leaf.start } else { u32::MAX };
                let places = leaf.end - leaf.start - u32::from(skipped != u32::MAX);
                let target = |i: u32| leaf.start + i + u32::from(i >= skipped);
                let identity = u64::from(source) << 32 | node;
                let mut stream = self.stream(Purpose::Partner, identity);
                bundle.identity = [self.index, identity];
                bundle.targets.clear();
                if p.multapses {
                    bundle.targets.extend((0..n).map(|_| target(stream.below(u64::from(places)) as u32)));
                } else {
                    let found = &mut bundle.targets;
                    distinct(places, n as u32, &mut stream, &mut bundle.taken, |i| found.push(target(i)));
                }
                // As with the other rules, the targets of a source ascend.
                bundle.targets.sort_unstable();
                bundle.sources.clear();
                bundle.sources.resize(bundle.targets.len(), source);
                f(bundle);
            });
        }
    }
}

/// `k` different numbers of 0..n in random order; all others in ascending order where k is more than half.
fn distinct(n: u32, k: u32, stream: &mut Stream, taken: &mut Vec<u64>, mut f: impl FnMut(u32)) {
    taken.clear();
    taken.resize((n as usize).div_ceil(64), 0);
    let most = k > n / 2;
    let mut left = if most { n - k } else { k };
    while left > 0 {
        let i = stream.below(u64::from(n)) as u32;
        let (word, bit) = (&mut taken[i as usize / 64], 1u64 << (i % 64));
        if *word & bit == 0 {
            *word |= bit;
            left -= 1;
            if !most {
                f(i);
            }
        }
    }
    if most {
        (0..n).filter(|&i| taken[i as usize / 64] & (1 << (i % 64)) == 0).for_each(f);
    }
}
