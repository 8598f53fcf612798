//! The engine of Lapicque: configuration, network building, time loop, threads, recording.
//!
//! [`config`] reads a TOML file into a [`plan::Plan`], which says what a network is; [`plan::Network`] writes one in Rust.
//! `build` turns it into tiles with neurons, inputs and synapses, and `synapses` stores and delivers them.
//! [`run::Simulation`] runs the network and shows what happens to an observer. [`record`] writes it into one HDF5 file.

pub mod build;
pub mod config;
pub mod error;
pub mod memory;
pub mod plan;
pub mod record;
pub mod run;
mod synapses;
