//! Neuron, receptor and source models of Lapicque as struct-of-arrays kernels, and the theory they are tested against.
//!
//! No threads, no files, no TOML, no clock. A model is one file: a page ([`page::Page`]), derived constants, and the
//! equations of one neuron over one step. [`list::Models`] is the list of models; [`neurons`] is what the engine
//! sees of a population; `composition` steps a membrane with its receptors; [`vector`] compiles the kernels for the
//! vector instructions of the CPU.
//!
//! Units everywhere: ms, mV, pA, nS, pF, Hz, fC.

pub mod alpha;
pub mod charge_pulse;
pub mod columns;
mod composition;
pub mod current;
pub mod delta;
pub mod eif;
pub mod exponential;
pub mod lif;
pub mod list;
pub mod math;
pub mod membrane;
pub mod neurons;
pub mod page;
pub mod passive;
pub mod poisson;
pub mod random;
pub mod receptor;
pub mod source;
mod stage;
#[cfg(test)]
mod statistics;
pub mod sum;
pub mod table;
pub mod theory;
pub mod vector;
pub mod white_noise;
