//! Recording: what a run produced goes into one HDF5 file that opens in SONATA readers, and comes out of it again.
//!
//! [`Recorder`] takes the loop's batches and hands them to one writer thread, the only one that touches the file;
//! [`Reader`] reads such a file; [`info`] describes it, [`diff`] compares two, [`export_report`] turns a recorded
//! variable into a SONATA report. The library behind the file, HDF5, is used here and nowhere else.
//!
//! Guarantees:
//! - The file at the path given is whole at every moment from [`Recorder::create`] on, and holds exactly what happened
//!   up to the time its `t_stop_ms` names, whatever kills the process. (Not the machine: nothing waits for the disk.)
//! - The same batches give the same bits in `/spikes`, `/activity` and `/traces`, however they are cut and whenever the
//!   file is flushed.
//! - A file that lapicque did not write is never replaced unless forced.
//!
//! A flush of HDF5 is not atomic: killed inside it, the file may not open. Readers therefore never see the file being
//! written. Writing goes to a hidden file beside the output (`.NAME.part`); a flush closes it, renames it over the
//! output, which the operating system does atomically, and goes on with a copy. `.NAME.lock` keeps two runs apart.
//!
//! Layout (`/spikes`, `/activity`, `/traces`, `/provenance`): every time is tick × dt in ms, one multiplication.

mod activity;
mod column;
mod diff;
mod error;
mod hdf;
mod info;
mod provenance;
mod publish;
mod reader;
mod recorder;
mod request;
mod sink;
mod sonata_edges;
mod sonata_report;
mod statistics;
mod synapse_table;
mod writer;

#[cfg(test)]
mod tests;

pub use diff::{Difference, diff};
pub use error::RecordError;
pub use info::info;
pub use provenance::{Provenance, State};
pub use reader::{Activity, ActivityAttributes, Reader, SpikeAttributes, Spikes, TraceAttributes, TraceData};
pub use recorder::{Claim, Recorder, Summary};
pub use sonata_edges::export_edges;
pub use sonata_report::export_report;
pub use statistics::PopulationSummary;
pub use synapse_table::export_table;

/// Root attribute `format` of the files written by this version.
pub const FORMAT: &str = "lapicque/1";
/// What the root attribute `format` of every file written by lapicque starts with.
const FORMAT_FAMILY: &str = "lapicque/";
