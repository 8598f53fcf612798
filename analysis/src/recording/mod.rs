//! Recordings: the HDF5 files that `lapicque run` writes.
//!
//! [`Reader`] opens a recording and reads all or part of its data. [`Contents`] lists what a recording contains.
//! [`compare`] finds the first difference between two recordings.

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
