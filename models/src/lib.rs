//! Neuron, receptor and input models of Lapicque as struct-of-arrays kernels.
//!
//! This crate has no threads, files, TOML or clock.
//!
//! Physics: [`membranes`], [`receptors`] and [`inputs`]. Each model is one file with its page ([`page::Page`]), its
//! constants and the equations of one neuron over one step.
//!
//! Machinery: [`list`] names the models. [`columns`] says how their state lies in memory. [`population`] updates a
//! membrane with its receptors. [`numerics`] holds arithmetic with the same bits on every machine. [`vector`] runs
//! kernels with the CPU's vector instructions.
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
