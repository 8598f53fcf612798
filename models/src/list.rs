//! The list of models that a network can name. Adding a model is one line in [`Models::standard`].

use crate::inputs::{ChargePulse, Current, InputModel, InputRecipe, Poisson, Stimulus, WhiteNoise};
use crate::membranes::{Eif, Lif, MembraneModel, Passive, Response};
use crate::page::Page;
use crate::parameters::{ParameterError, ParameterTable, Parameters};
use crate::population::Neurons;
use crate::population::assemble::{self, BuildReceptor, NeuronRecipe, ReceptorRecipe};
use crate::receptors::{Alpha, Delta, Exponential, ReceptorModel};

/// The models that a network may use.
#[derive(Clone, Default)]
pub struct Models {
    membranes: Vec<MembraneEntry>,
    receptors: Vec<ReceptorEntry>,
    inputs: Vec<InputEntry>,
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
            .with_input::<Current>()
            .with_input::<ChargePulse>()
            .with_input::<Poisson>()
            .with_input::<WhiteNoise>()
    }

    /// This list and one more membrane, from this crate or any other.
    pub fn with_membrane<M: MembraneModel>(mut self) -> Self {
        let (build, response) = (assemble::neurons::<M>, M::response);
        self.membranes.push(MembraneEntry { page: M::PAGE, build, response });
        self
    }

    /// This list and one more receptor.
    pub fn with_receptor<A: ReceptorModel>(mut self) -> Self {
        self.receptors.push(ReceptorEntry { page: A::PAGE, jumps: A::JUMPS, build: assemble::receptor::<A> });
        self
    }

    /// This list and one more input.
    pub fn with_input<S: InputModel>(mut self) -> Self {
        self.inputs.push(InputEntry { page: S::PAGE, most_events: S::most_events, build: S::build });
        self
    }

    /// The pages of all models: membranes, receptors, inputs.
    pub fn pages(&self) -> Vec<&'static Page> {
        let membranes = self.membranes.iter().map(|m| m.page);
        membranes.chain(self.receptors.iter().map(|r| r.page)).chain(self.inputs.iter().map(|s| s.page)).collect()
    }

    /// A membrane by its page.
    pub fn membrane(&self, page: &Page) -> Option<&MembraneEntry> {
        self.membranes.iter().find(|m| m.page.name == page.name)
    }

    /// A receptor by its page.
    pub fn receptor(&self, page: &Page) -> Option<&ReceptorEntry> {
        self.receptors.iter().find(|r| r.page.name == page.name)
    }

    /// An input by its page.
    pub fn input(&self, page: &Page) -> Option<&InputEntry> {
        self.inputs.iter().find(|s| s.page.name == page.name)
    }
}

/// A membrane in the list.
#[derive(Clone)]
pub struct MembraneEntry {
    /// Its page.
    pub page: &'static Page,
    /// Builds the neurons of a share.
    pub build: fn(&NeuronRecipe<'_>) -> Result<Box<dyn Neurons>, ParameterError>,
    /// Its response to currents.
    pub response: fn(&Parameters) -> Result<Response, ParameterError>,
}

/// A receptor in the list.
#[derive(Clone)]
pub struct ReceptorEntry {
    /// Its page.
    pub page: &'static Page,
    /// Whether its events make V jump.
    pub jumps: bool,
    /// Builds the receptor of all neurons of a share.
    pub build: BuildReceptor,
}

impl ReceptorEntry {
    /// This receptor with parameters, as a part of a population.
    pub fn with(&self, table: ParameterTable) -> ReceptorRecipe {
        ReceptorRecipe { page: self.page, build: self.build, table }
    }
}

/// An input in the list.
#[derive(Clone)]
pub struct InputEntry {
    /// Its page.
    pub page: &'static Page,
    /// Largest number of events for a neuron in a step; see [`InputModel::most_events`].
    pub most_events: fn(&Parameters, f64) -> Result<f64, ParameterError>,
    /// Builds the stimulus onto a share.
    pub build: fn(&InputRecipe<'_>) -> Result<Box<dyn Stimulus>, ParameterError>,
}
