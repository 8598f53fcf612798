//! The list of models: what a configuration can name. Adding a model is one line here.

use crate::alpha::Alpha;
use crate::charge_pulse::ChargePulse;
use crate::columns::{Columns, Constants};
use crate::composition::{Composed, MembraneColumns, Receptors, START};
use crate::current::Current;
use crate::delta::Delta;
use crate::eif::Eif;
use crate::exponential::Exponential;
use crate::lif::Lif;
use crate::membrane::{Membrane, Response};
use crate::neurons::{LONGEST_REFRACTORY, Neurons, chunks_for};
use crate::page::{Page, ParameterError};
use crate::passive::Passive;
use crate::poisson::Poisson;
use crate::receptor::Receptor;
use crate::source::{Source, SourceModel, SourceRecipe};
use crate::stage::{ReceptorColumns, ReceptorStage};
use crate::table::Table;
use crate::white_noise::WhiteNoise;

/// The models that a network may use.
#[derive(Clone, Default)]
pub struct Models {
    membranes: Vec<MembraneEntry>,
    receptors: Vec<ReceptorEntry>,
    sources: Vec<SourceEntry>,
}

impl Models {
    /// The models of this crate.
    pub fn standard() -> Self {
        Models::default()
            .with_membrane::<Passive>()
            .with_membrane::<Lif>()
            .with_membrane::<Eif>()
            .with_receptor::<Delta>()
            .with_receptor::<Exponential>()
            .with_receptor::<Alpha>()
            .with_source::<Current>()
            .with_source::<ChargePulse>()
            .with_source::<Poisson>()
            .with_source::<WhiteNoise>()
    }

    /// This list and one more membrane, from this crate or any other.
    pub fn with_membrane<M: Membrane>(mut self) -> Self {
        self.membranes.push(MembraneEntry { page: M::PAGE, build: build::<M>, response: M::response });
        self
    }

    /// This list and one more receptor.
    pub fn with_receptor<A: Receptor>(mut self) -> Self {
        self.receptors.push(ReceptorEntry { page: A::PAGE, jumps: A::JUMPS, stage: stage::<A> });
        self
    }

    /// This list and one more source.
    pub fn with_source<S: SourceModel>(mut self) -> Self {
        self.sources.push(SourceEntry { page: S::PAGE, most_events: S::most_events, build: S::build });
        self
    }

    /// The pages of all models: membranes, receptors, sources.
    pub fn pages(&self) -> Vec<&'static Page> {
        let membranes = self.membranes.iter().map(|m| m.page);
        membranes.chain(self.receptors.iter().map(|r| r.page)).chain(self.sources.iter().map(|s| s.page)).collect()
    }

    /// A membrane by its page.
    pub fn membrane(&self, page: &Page) -> Option<&MembraneEntry> {
        self.membranes.iter().find(|m| m.page.name == page.name)
    }

    /// A receptor by its page.
    pub fn receptor(&self, page: &Page) -> Option<&ReceptorEntry> {
        self.receptors.iter().find(|r| r.page.name == page.name)
    }

    /// A source by its page.
    pub fn source(&self, page: &Page) -> Option<&SourceEntry> {
        self.sources.iter().find(|s| s.page.name == page.name)
    }
}

/// What the neurons of one share are built from.
pub struct NeuronRecipe<'a> {
    /// Step in ms.
    pub dt: f64,
    /// Number of neurons.
    pub len: usize,
    /// Parameters of the membrane.
    pub neuron: &'a Table,
    /// Receptors and their parameters.
    pub receptors: &'a [(&'a ReceptorEntry, Table)],
    /// Whether a fused pass may be used; the bits are the same either way.
    pub fuse: bool,
}

/// A membrane in the list.
#[derive(Clone)]
pub struct MembraneEntry {
    /// Its page.
    pub page: &'static Page,
    /// Builds neurons.
    pub build: fn(&NeuronRecipe<'_>) -> Result<Box<dyn Neurons>, ParameterError>,
    /// Response to currents.
    pub response: fn(&crate::page::Parameters) -> Result<Response, ParameterError>,
}

/// Builds a receptor's stage from its parameters, the membranes' responses, dt in ms and the number of neurons.
type BuildStage = fn(&Table, &[Response], f64, usize) -> Result<Box<dyn ReceptorStage>, ParameterError>;

/// A receptor in the list.
#[derive(Clone)]
pub struct ReceptorEntry {
    /// Its page.
    pub page: &'static Page,
    /// Whether it moves the potential at once.
    pub jumps: bool,
    stage: BuildStage,
}

/// A source in the list.
#[derive(Clone)]
pub struct SourceEntry {
    /// Its page.
    pub page: &'static Page,
    /// Largest number of events for a neuron in a step; see [`SourceModel::most_events`].
    pub most_events: fn(&crate::page::Parameters, f64) -> Result<f64, ParameterError>,
    /// Builds the source for a share.
    pub build: fn(&SourceRecipe<'_>) -> Result<Box<dyn Source>, ParameterError>,
}

/// Responses of the neurons of a share: one if they are all alike, else one per neuron.
pub fn responses(entry: &MembraneEntry, table: &Table, len: usize) -> Result<Vec<Response>, ParameterError> {
    let at = |i| (entry.response)(&table.parameters(&table.values(i))?);
    if table.differs() { (0..len).map(at).collect() } else { Ok(vec![at(0)?]) }
}

fn stage<A: Receptor>(
    table: &Table,
    responses: &[Response],
    dt: f64,
    len: usize,
) -> Result<Box<dyn ReceptorStage>, ParameterError> {
    Ok(Box::new(columns::<A>(table, responses, dt, len)?))
}

fn columns<A: Receptor>(
    table: &Table,
    responses: &[Response],
    dt: f64,
    len: usize,
) -> Result<ReceptorColumns<A>, ParameterError> {
    let at = |i: usize| {
        let values = table.values(i);
        A::constants(&table.parameters(&values)?, &responses[if responses.len() > 1 { i } else { 0 }], dt)
    };
    let differ = table.differs() || responses.len() > 1;
    let constants = constants(differ, len, at)?;
    Ok(ReceptorColumns { constants, state: vec![A::State::ZERO; chunks_for(len)] })
}

fn constants<C: Columns>(
    differ: bool,
    len: usize,
    at: impl Fn(usize) -> Result<C, ParameterError>,
) -> Result<Constants<C>, ParameterError> {
    if !differ {
        return Ok(Constants::same(at(0)?));
    }
    let each = (0..len).map(at).collect::<Result<Vec<C>, _>>()?;
    Constants::each(&each).ok_or_else(|| ParameterError::new("", "no neurons"))
}

fn refractory_steps<M: Membrane>(table: &Table, dt: f64, len: usize) -> Result<Vec<u16>, ParameterError> {
    let at = |i: usize| {
        let values = table.values(i);
        let time = M::refractory_time(&table.parameters(&values)?)?;
        let steps = (time / dt).round();
        if steps <= f64::from(LONGEST_REFRACTORY) {
            Ok(steps as u16)
        } else {
            let longest = f64::from(LONGEST_REFRACTORY) * dt;
            Err(ParameterError::new(
                "t_ref",
                format!("t_ref = {time} ms is too long: at most {longest} ms at dt = {dt} ms"),
            ))
        }
    };
    if table.differs() { (0..len).map(at).collect() } else { Ok(vec![at(0)?]) }
}

fn build<M: Membrane>(recipe: &NeuronRecipe<'_>) -> Result<Box<dyn Neurons>, ParameterError> {
    let NeuronRecipe { dt, len, neuron: table, receptors, fuse } = *recipe;
    let at = |i: usize| M::constants(&table.parameters(&table.values(i))?, dt);
    let membrane = MembraneColumns::<M> {
        len,
        constants: constants(table.differs(), len, at)?,
        state: vec![M::State::ZERO; chunks_for(len)],
        free_from: vec![[START; crate::columns::LANES]; chunks_for(len)],
        clock: START,
        refractory_steps: refractory_steps::<M>(table, dt, len)?,
    };
    let entry = MembraneEntry { page: M::PAGE, build: build::<M>, response: M::response };
    let responses = responses(&entry, table, len)?;
    let is = |i: usize, page: &Page| receptors[i].0.page.name == page.name;
    if fuse && !table.differs() && receptors.iter().all(|(_, t)| !t.differs()) {
        // The short list of fused combinations.
        if receptors.len() == 1 && is(0, Delta::PAGE) {
            let fused = (columns::<Delta>(&receptors[0].1, &responses, dt, len)?, ());
            return Ok(compose::<M, (Delta, ())>(membrane, fused, Vec::new()));
        }
        if receptors.len() == 1 && is(0, Exponential::PAGE) {
            let fused = (columns::<Exponential>(&receptors[0].1, &responses, dt, len)?, ());
            return Ok(compose::<M, (Exponential, ())>(membrane, fused, Vec::new()));
        }
        if receptors.len() == 2 && is(0, Exponential::PAGE) && is(1, Exponential::PAGE) {
            let second = columns::<Exponential>(&receptors[1].1, &responses, dt, len)?;
            let fused = (columns::<Exponential>(&receptors[0].1, &responses, dt, len)?, (second, ()));
            return Ok(compose::<M, (Exponential, (Exponential, ()))>(membrane, fused, Vec::new()));
        }
    }
    let staged = receptors
        .iter()
        .map(|(entry, table)| (entry.stage)(table, &responses, dt, len))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(compose::<M, ()>(membrane, (), staged))
}

fn compose<M: Membrane, R: Receptors>(
    membrane: MembraneColumns<M>,
    fused: R::Columns,
    staged: Vec<Box<dyn ReceptorStage>>,
) -> Box<dyn Neurons> {
    Box::new(Composed::<M, R> { membrane, fused, staged })
}
