//! The list of models that a network can name. A new model needs one line in [`Models::standard`].

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

    /// Adds a membrane, from this crate or any other.
    pub fn with_membrane<M: MembraneModel>(mut self) -> Self {
        let (build, response) = (assemble::neurons::<M>, M::response);
        self.membranes.push(MembraneEntry { page: M::PAGE, build, response });
        self
    }

    /// Adds a receptor.
    pub fn with_receptor<A: ReceptorModel>(mut self) -> Self {
        self.receptors.push(ReceptorEntry { page: A::PAGE, jumps: A::JUMPS, build: assemble::receptor::<A> });
        self
    }

    /// Adds an input.
    pub fn with_input<S: InputModel>(mut self) -> Self {
        self.inputs.push(InputEntry { page: S::PAGE, most_events: S::most_events, build: S::build });
        self
    }

    /// The pages of all models: membranes, receptors, inputs.
    pub fn pages(&self) -> Vec<&'static Page> {
        let membranes = self.membranes.iter().map(|membrane| membrane.page);
        membranes
            .chain(self.receptors.iter().map(|receptor| receptor.page))
            .chain(self.inputs.iter().map(|input| input.page))
            .collect()
    }

    /// A membrane by its page.
    pub fn membrane(&self, page: &Page) -> Option<&MembraneEntry> {
        self.membranes.iter().find(|entry| entry.page.name == page.name)
    }

    /// A receptor by its page.
    pub fn receptor(&self, page: &Page) -> Option<&ReceptorEntry> {
        self.receptors.iter().find(|entry| entry.page.name == page.name)
    }

    /// An input by its page.
    pub fn input(&self, page: &Page) -> Option<&InputEntry> {
        self.inputs.iter().find(|entry| entry.page.name == page.name)
    }
}

/// A membrane in the list.
#[derive(Clone)]
pub struct MembraneEntry {
    /// Page of the model.
    pub page: &'static Page,
    /// Builds the neurons of a share.
    pub build: fn(&NeuronRecipe<'_>) -> Result<Box<dyn Neurons>, ParameterError>,
    /// Response of the membrane to currents; see [`MembraneModel::response`].
    pub response: fn(&Parameters) -> Result<Response, ParameterError>,
}

/// A receptor in the list.
#[derive(Clone)]
pub struct ReceptorEntry {
    /// Page of the model.
    pub page: &'static Page,
    /// Whether an event makes V jump.
    pub jumps: bool,
    /// Builds the receptor for all neurons of a share.
    pub build: BuildReceptor,
}

impl ReceptorEntry {
    /// The recipe of this receptor in a population, with its parameters.
    pub fn with(&self, table: ParameterTable) -> ReceptorRecipe {
        ReceptorRecipe { page: self.page, build: self.build, table }
    }
}

/// An input in the list.
#[derive(Clone)]
pub struct InputEntry {
    /// Page of the model.
    pub page: &'static Page,
    /// Largest number of events onto one neuron in one step, from the parameters and dt in ms; see
    /// [`InputModel::most_events`].
    pub most_events: fn(&Parameters, f64) -> Result<f64, ParameterError>,
    /// Builds the stimulus onto a share.
    pub build: fn(&InputRecipe<'_>) -> Result<Box<dyn Stimulus>, ParameterError>,
}
