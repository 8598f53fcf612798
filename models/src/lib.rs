//! Neuron, receptor and source models of Lapicque as struct-of-arrays kernels.
pub mod math;
pub mod page;
pub mod theory;
