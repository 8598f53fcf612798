//! Recording: what a run produces goes into one HDF5 file that opens in SONATA readers.
//!
//! [`Recorder`] takes the loop's batches and hands them to one writer thread, the only one that touches the file.
//! [`export_edges`] and [`export_csv`] write the realised network, [`ReportFile`] a SONATA report. The crate
//! lapicque-analysis reads these files. In this crate HDF5 is used here and nowhere else.
//!
//! Guarantees:
//! - The file at the path given is whole at every moment from [`Recorder::create`] on. It holds exactly what happened up to
//!   the time that its `t_stop_ms` names, whatever kills the process. (A crash of the machine is another matter: nothing
//!   waits for the disk.)
//! - The same batches give the same bits in `/spikes`, `/activity` and `/traces`, however they are cut and whenever the
//!   file is flushed.
//! - A file that lapicque did not write is never replaced unless forced.
//!
//! A flush of HDF5 is not atomic: if the process is killed inside it, the file may not open. Readers therefore never see the
//! file being written. Data are written into a hidden file beside the output (`.NAME.part`). A flush closes it and renames
//! it over the output, which the operating system does atomically. Writing goes on in a copy. `.NAME.lock` keeps two runs
//! apart.
//!
//! Layout (`/spikes`, `/activity`, `/traces`, `/provenance`): every time is tick × dt in ms, one multiplication.

mod activity;
mod error;
mod format;
mod growing_dataset;
mod hdf;
mod provenance;
mod publish;
mod recorder;
mod recording_file;
mod request;
mod sonata_edges;
mod sonata_report;
mod statistics;
mod summary;
mod synapse_csv;
mod writer;

#[cfg(test)]
mod tests;

pub use error::RecordError;
pub use provenance::Provenance;
pub use recorder::{Claim, Recorder};
pub use sonata_edges::export_edges;
pub use sonata_report::{Report, ReportFile};
pub use summary::{PopulationSummary, State, Summary};
pub use synapse_csv::export_csv;
