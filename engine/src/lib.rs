//! The engine of Lapicque: configuration, network building, time loop, threads, recording.
pub mod batch;
pub mod config;
pub mod plan;
