//! Recordings: the HDF5 files that `lapicque run` writes.
//!
//! [`Reader`] opens one and reads it in parts; [`Contents`] lists what it holds; [`compare`] finds the first difference
//! between two.

mod compare;
mod contents;
mod error;
mod hdf;
mod reader;

pub use compare::{Difference, compare};
pub use contents::{Contents, Origin, RecordedActivity, RecordedSpikes, RecordedTrace};
pub use error::ReadError;
pub use reader::{
    Activity, ActivityAttributes, PopulationStatistics, Reader, SpikeAttributes, Spikes, TraceAttributes, TraceData,
};
