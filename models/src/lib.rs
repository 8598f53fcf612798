//! Neuron, receptor and input models of Lapicque as struct-of-arrays kernels.
//!
//! No threads, no files, no TOML, no clock. Physics: [`membranes`], [`receptors`] and [`inputs`], one file a model, with
//! its page ([`page::Page`]), its constants and the equations of one neuron over one step. Machinery: [`list`] names the
//! models, [`columns`] says how their state lies in memory, [`population`] steps a membrane with its receptors,
//! [`numerics`] holds arithmetic that is the same on every machine, [`vector`] runs kernels with the CPU's vector
//! instructions.
//!
//! Units everywhere: ms, mV, pA, nS, pF, Hz, fC.

pub mod columns;
pub mod inputs;
pub mod list;
pub mod membranes;
pub mod numerics;
pub mod page;
pub mod parameters;
pub mod population;
pub mod receptors;
pub mod vector;
