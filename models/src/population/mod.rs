//! Neurons of one population: what the engine sees of them ([`Neurons`]), and how they are put together and updated.
//!
//! `assemble` builds them from the parameters of a membrane and its receptors. `fused` updates membrane and receptors in
//! one pass over memory, `staged` one receptor after the other. Both give the same bits.

pub mod assemble;
mod fused;
mod neurons;
mod receptor_list;
mod staged;

pub use neurons::{BlockInput, CLEARING_INTERVAL, Drive, LONGEST_REFRACTORY, NEGLIGIBLE, Neurons, ReceptorSums};
pub use staged::ReceptorStage;
