//! Describing a network in Rust.
//!
//! A [`Network`] collects populations, inputs and projections by name and checks the names against the list of models.
//! [`Network::into_plan`] turns the network into a [`Plan`]. `Network::build`, in `run/simulation.rs`, builds the
//! network and returns it ready to run. Units: ms, mV, pA, nS, pF, Hz, fC.

use crate::error::BuildError;
use crate::plan::{
    Input, Model, Plan, Population, Projection, Receptor, Record, Rule, Selection, Shape, Trace, Value, WeightStorage,
};
use lapicque_models::list::Models;
use lapicque_models::page::{DefaultValue, Role};

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Value::Constant(value)
    }
}

impl Value {
    /// Uniform on `low..high`.
    pub fn uniform(low: f64, high: f64) -> Self {
        Value::Drawn { shape: Shape::Uniform { low, high }, min: f64::NEG_INFINITY, max: f64::INFINITY }
    }

    /// Normal.
    pub fn normal(mean: f64, sd: f64) -> Self {
        Value::Drawn { shape: Shape::Normal { mean, sd }, min: f64::NEG_INFINITY, max: f64::INFINITY }
    }

    /// Lognormal. Mean and standard deviation are those of the variable itself, not of its logarithm.
    pub fn lognormal(mean: f64, sd: f64) -> Self {
        Value::Drawn { shape: Shape::LogNormal { mean, sd }, min: f64::NEG_INFINITY, max: f64::INFINITY }
    }

    /// The same distribution with bounds: a draw outside `low..=high` is repeated. A constant stays as it is.
    pub fn bounded(self, low: f64, high: f64) -> Self {
        match self {
            Value::Constant(_) => self,
            Value::Drawn { shape, .. } => Value::Drawn { shape, min: low, max: high },
        }
    }
}

/// A network while it is being described.
pub struct Network {
    models: Models,
    plan: Plan,
}

/// Values of parameters, by name.
pub type NamedValues<'a> = &'a [(&'a str, Value)];

impl Network {
    /// An empty network with time step `dt` in ms and the standard models.
    pub fn new(dt: f64, seed: u64) -> Self {
        Network::with_models(dt, seed, Models::standard())
    }

    /// An empty network with another list of models.
    pub fn with_models(dt: f64, seed: u64, models: Models) -> Self {
        let record = Record {
            from: 0,
            spikes: Vec::new(),
            activity_bin: None,
            traces: Vec::new(),
            compress: false,
            flush_s: 5.0,
        };
        let plan = Plan {
            dt,
            steps: 0,
            seed,
            wiring_seed: seed,
            state_seed: seed,
            weights: WeightStorage::Full,
            populations: Vec::new(),
            inputs: Vec::new(),
            projections: Vec::new(),
            record,
        };
        Network { models, plan }
    }

    /// Finds a model by its role and name and checks its parameters. Refuses an unknown model, an unknown parameter,
    /// and a required parameter that is missing.
    fn model(&self, role: Role, kind: &str, parameters: NamedValues) -> Result<Model, BuildError> {
        let pages: Vec<_> = self.models.pages().into_iter().filter(|p| p.role == role).collect();
        let known = || pages.iter().map(|p| p.name).collect::<Vec<_>>().join(", ");
        let Some(page) = pages.iter().find(|p| p.name == kind) else {
            return Err(BuildError::Unknown { what: "model", name: kind.into(), known: known() });
        };
        let mut values = vec![None; page.fields.len()];
        for (name, value) in parameters {
            let Some(index) = page.field(name) else {
                let known = page.fields.iter().map(|f| f.name).collect::<Vec<_>>().join(", ");
                return Err(BuildError::Unknown { what: "parameter", name: name.to_string(), known });
            };
            values[index] = Some(*value);
        }
        for (field, value) in page.fields.iter().zip(&values) {
            if value.is_none() && field.default == DefaultValue::Required {
                return Err(BuildError::Invalid(format!(
                    "model \"{kind}\" needs {} ({})",
                    field.name,
                    field.dimension.unit()
                )));
            }
        }
        Ok(Model { page, values })
    }

    /// All neurons of a population. Refuses a name that no population has.
    pub fn all(&self, population: &str) -> Result<Selection, BuildError> {
        let index =
            self.plan.populations.iter().position(|p| p.name == population).ok_or_else(|| BuildError::Unknown {
                what: "population",
                name: population.into(),
                known: self.plan.populations.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(", "),
            })?;
        Ok(Selection { population: index, neurons: 0..self.plan.populations[index].size })
    }

    fn receptor_index(&self, population: usize, receptor: &str) -> Result<usize, BuildError> {
        let receptors = &self.plan.populations[population].receptors;
        receptors.iter().position(|r| r.name == receptor).ok_or_else(|| BuildError::Unknown {
            what: "receptor",
            name: receptor.into(),
            known: receptors.iter().map(|r| r.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// Adds a population of `size` neurons of a membrane model.
    pub fn population(
        &mut self,
        name: &str,
        size: u32,
        kind: &str,
        parameters: NamedValues,
    ) -> Result<&mut Self, BuildError> {
        let neuron = self.model(Role::Membrane, kind, parameters)?;
        self.plan.populations.push(Population {
            name: name.into(),
            size,
            neuron,
            receptors: Vec::new(),
            initial: Vec::new(),
        });
        Ok(self)
    }

    /// Adds a receptor to a population.
    pub fn receptor(
        &mut self,
        population: &str,
        name: &str,
        kind: &str,
        parameters: NamedValues,
    ) -> Result<&mut Self, BuildError> {
        let (model, p) = (self.model(Role::Receptor, kind, parameters)?, self.all(population)?.population);
        self.plan.populations[p].receptors.push(Receptor { name: name.into(), model });
        Ok(self)
    }

    /// Sets the initial value of a variable: `v`, or `receptor.variable`.
    pub fn initial(
        &mut self,
        population: &str,
        variable: &str,
        value: impl Into<Value>,
    ) -> Result<&mut Self, BuildError> {
        let p = self.all(population)?.population;
        self.plan.populations[p].initial.push((variable.into(), value.into()));
        Ok(self)
    }

    /// Adds an input onto all neurons of a population: onto a receptor, or with `None` onto the membrane.
    pub fn input(
        &mut self,
        name: &str,
        population: &str,
        receptor: Option<&str>,
        kind: &str,
        parameters: NamedValues,
    ) -> Result<&mut Self, BuildError> {
        let (model, to) = (self.model(Role::Input, kind, parameters)?, self.all(population)?);
        let receptor = receptor.map(|r| self.receptor_index(to.population, r)).transpose()?;
        self.plan.inputs.push(Input {
            name: name.into(),
            model,
            to,
            receptor,
            drive_in_mv: false,
            start: 0,
            stop: u64::MAX,
            times: Vec::new(),
            seed: self.plan.seed,
        });
        Ok(self)
    }

    /// Connects two populations. Autapses and multapses are allowed. `weight` is in the unit of the receptor, `delay`
    /// in ms.
    pub fn project(
        &mut self,
        from: &str,
        to: &str,
        receptor: &str,
        rule: Rule,
        weight: impl Into<Value>,
        delay: impl Into<Value>,
    ) -> Result<&mut Self, BuildError> {
        let (source, target) = (self.all(from)?, self.all(to)?);
        let receptor = self.receptor_index(target.population, receptor)?;
        self.plan.projections.push(Projection {
            name: format!("{from} to {to}"),
            from: source,
            to: target,
            receptor,
            rule,
            autapses: true,
            multapses: true,
            weight: weight.into(),
            delay: delay.into(),
        });
        Ok(self)
    }

    /// Records state variables of the first `neurons` neurons of a population, once every `every` steps.
    pub fn trace(
        &mut self,
        population: &str,
        neurons: u32,
        variables: &[&str],
        every: u64,
    ) -> Result<&mut Self, BuildError> {
        let of = Selection { neurons: 0..neurons, ..self.all(population)? };
        self.plan.record.traces.push(Trace { of, variables: variables.iter().map(|v| v.to_string()).collect(), every });
        Ok(self)
    }

    /// The plan so far, for settings that have no method here.
    pub fn plan_mut(&mut self) -> &mut Plan {
        &mut self.plan
    }

    /// The plan, and the list of models that it may name.
    pub fn into_plan(self) -> (Plan, Models) {
        (self.plan, self.models)
    }
}
