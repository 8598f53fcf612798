//! Builds the neurons of a population from the parameters of its membrane and receptors.

use super::fused::{CLOCK_START, MembraneColumns, MembraneWithReceptors};
use super::neurons::{LONGEST_REFRACTORY, Neurons};
use super::receptor_list::ReceptorList;
use super::staged::{ReceptorColumns, ReceptorStage};
use crate::columns::{Columns, Constants, LANES, chunks_for};
use crate::membranes::{MembraneModel, Response};
use crate::page::Page;
use crate::parameters::{ParameterError, ParameterTable, Parameters};
use crate::receptors::{Delta, Exponential, ReceptorModel};

/// Builds a receptor from its parameters, the responses of the membranes, dt in ms and the number of neurons.
pub type BuildReceptor = fn(&ParameterTable, &[Response], f64, usize) -> Result<Box<dyn ReceptorStage>, ParameterError>;

/// A receptor of a population: its model and its parameters.
pub struct ReceptorRecipe {
    /// The page of the model.
    pub page: &'static Page,
    /// Builds the receptor.
    pub build: BuildReceptor,
    /// Parameters of the receptor.
    pub table: ParameterTable,
}

/// Everything that the neurons of one share are built from.
pub struct NeuronRecipe<'a> {
    /// Step in ms.
    pub dt: f64,
    /// Number of neurons.
    pub len: usize,
    /// Parameters of the membrane.
    pub membrane: &'a ParameterTable,
    /// The receptors.
    pub receptors: &'a [ReceptorRecipe],
    /// Whether membrane and receptors may be fused. The bits are the same either way.
    pub fuse: bool,
}

/// Responses of the membranes of a share to currents: one if all neurons have the same parameters, else one per neuron.
pub fn responses(
    response: fn(&Parameters) -> Result<Response, ParameterError>,
    table: &ParameterTable,
    len: usize,
) -> Result<Vec<Response>, ParameterError> {
    let at = |i| response(&table.parameters(&table.values(i))?);
    if table.differs() { (0..len).map(at).collect() } else { Ok(vec![at(0)?]) }
}

/// Builds a staged receptor for all neurons of a share.
pub fn receptor<A: ReceptorModel>(
    table: &ParameterTable,
    responses: &[Response],
    dt: f64,
    len: usize,
) -> Result<Box<dyn ReceptorStage>, ParameterError> {
    Ok(Box::new(receptor_columns::<A>(table, responses, dt, len)?))
}

/// Builds the neurons of a share. Membrane and receptors are fused if all neurons have the same parameters and the
/// receptors are one of the combinations in this function. Otherwise the receptors are staged.
pub fn neurons<M: MembraneModel>(recipe: &NeuronRecipe<'_>) -> Result<Box<dyn Neurons>, ParameterError> {
    let NeuronRecipe { dt, len, membrane: table, receptors, fuse } = *recipe;
    let membrane = membrane_columns::<M>(table, dt, len)?;
    let responses = responses(M::response, table, len)?;
    if fuse && !table.differs() && receptors.iter().all(|r| !r.table.differs()) {
        let is = |i: usize, page: &Page| receptors[i].page.name == page.name;
        let tables = receptors.iter().map(|r| &r.table).collect::<Vec<_>>();
        match *tables {
            [one] if is(0, Delta::PAGE) => {
                let fused = (receptor_columns(one, &responses, dt, len)?, ());
                return Ok(with_receptors::<M, (Delta, ())>(membrane, fused, Vec::new()));
            }
            [one] if is(0, Exponential::PAGE) => {
                let fused = (receptor_columns(one, &responses, dt, len)?, ());
                return Ok(with_receptors::<M, (Exponential, ())>(membrane, fused, Vec::new()));
            }
            [one, two] if is(0, Exponential::PAGE) && is(1, Exponential::PAGE) => {
                let second = receptor_columns(two, &responses, dt, len)?;
                let fused = (receptor_columns(one, &responses, dt, len)?, (second, ()));
                return Ok(with_receptors::<M, (Exponential, (Exponential, ()))>(membrane, fused, Vec::new()));
            }
            _ => {}
        }
    }
    let staged = receptors.iter().map(|r| (r.build)(&r.table, &responses, dt, len)).collect::<Result<Vec<_>, _>>()?;
    Ok(with_receptors::<M, ()>(membrane, (), staged))
}

fn with_receptors<M: MembraneModel, R: ReceptorList>(
    membrane: MembraneColumns<M>,
    fused: R::Columns,
    staged: Vec<Box<dyn ReceptorStage>>,
) -> Box<dyn Neurons> {
    Box::new(MembraneWithReceptors::<M, R> { membrane, fused, staged })
}

fn membrane_columns<M: MembraneModel>(
    table: &ParameterTable,
    dt: f64,
    len: usize,
) -> Result<MembraneColumns<M>, ParameterError> {
    let at = |i: usize| M::constants(&table.parameters(&table.values(i))?, dt);
    Ok(MembraneColumns {
        len,
        constants: constants(table.differs(), len, at)?,
        state: vec![M::State::ZERO; chunks_for(len)],
        free_from: vec![[CLOCK_START; LANES]; chunks_for(len)],
        clock: CLOCK_START,
        refractory_steps: refractory_steps::<M>(table, dt, len)?,
    })
}

fn receptor_columns<A: ReceptorModel>(
    table: &ParameterTable,
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

fn refractory_steps<M: MembraneModel>(table: &ParameterTable, dt: f64, len: usize) -> Result<Vec<u16>, ParameterError> {
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
