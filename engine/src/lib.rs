//! The engine of Lapicque: configuration, network building, time loop, threads, recording.
//!
//! A [`plan::Plan`] says what a network is: from a TOML file, or written in Rust. A [`simulation::Simulation`] is built
//! from it, runs, and shows what happens to an observer.

pub use build::{Preview, preview};

pub mod batch;
mod bits;
mod build;
mod check;
pub mod config;
mod delivery;
pub mod error;
pub mod estimate;
pub mod history;
mod layout;
mod loads;
mod mailbox;
pub mod network;
mod packed;
pub mod plan;
mod quantum;
pub mod record;
mod ring;
pub mod sampler;
mod share;
pub mod simulation;
mod synapses;
mod tables;
mod tile;
pub mod time_loop;
mod wiring;
