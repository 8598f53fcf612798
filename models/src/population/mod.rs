//! Neurons of one population in one tile: the interface to the engine ([`Neurons`]), how neurons are built, and how
//! they are updated.
//!
//! `assemble` builds neurons from the parameters of a membrane and its receptors. `fused` updates membrane and
//! receptors in one pass over memory. `staged` updates one receptor after the other. Both give the same bits.

pub mod assemble;
mod fused;
mod neurons;
mod receptor_list;
mod staged;

pub use neurons::{BlockInput, CLEARING_INTERVAL, Drive, LONGEST_REFRACTORY, NEGLIGIBLE, Neurons, ReceptorSums};
pub use staged::ReceptorStage;
