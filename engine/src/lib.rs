//! The engine of Lapicque: configuration, network building, time loop, threads, recording.
pub mod batch;
pub mod plan;
pub mod record;
