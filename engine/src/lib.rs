//! The engine of Lapicque: configuration, network building, time loop, threads, recording.
//!
//! A [`plan::Plan`] describes a network. [`config`] reads a plan from a TOML file; [`plan::Network`] describes a
//! network in Rust. [`build`] turns a plan into tiles with neurons, inputs and synapses. `synapses` stores the synapses
//! and delivers spikes through them. [`run::Simulation`] runs the network and shows spikes and traces to an observer.
//! [`record`] writes spikes and traces into an HDF5 file.

pub mod build;
pub mod config;
pub mod error;
pub mod memory;
pub mod plan;
pub mod record;
pub mod run;
mod synapses;
