//! Recording: writes the results of a run into one HDF5 file that SONATA readers can open.
//!
//! [`Recorder`] receives the batches of the time loop and passes them to a writer thread. Only the writer thread
//! touches the file. [`export_edges`] and [`export_csv`] write the synapses of a built network, [`ReportFile`] writes a
//! SONATA report. The crate lapicque-analysis reads these files. Within the engine, only this module uses HDF5.
//!
//! Guarantees:
//! - From [`Recorder::create`] on, the file at the output path is always complete and readable. It contains exactly
//!   what happened up to its `t_stop_ms`, even if the process is killed at any moment. (A crash of the whole machine is
//!   not covered: the recorder does not wait until data have reached the disk.)
//! - The same results give the same bits in `/spikes`, `/activity` and `/traces`, for every division of the run into
//!   batches and for any times at which the file is flushed.
//! - A file that lapicque did not write is never replaced unless the user forces it.
//!
//! Flushing an HDF5 file is not atomic: if the process is killed during the flush, HDF5 may be unable to open the file.
//! Readers therefore never see the file while it is being written:
//! - Data are written into a hidden working file in the directory of the output (`.NAME.part`).
//! - A flush closes the working file and renames it to the output. The operating system does this rename atomically.
//! - Writing continues in a new working file, a copy of the output.
//! - `.NAME.lock` prevents two runs from writing the same output.
//!
//! Groups of the file: `/spikes`, `/activity`, `/traces`, `/provenance`. Every time in the file is tick × dt in ms,
//! computed with one multiplication.
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
pub use recorder::{Recorder, ReservedOutput};
pub use sonata_edges::export_edges;
pub use sonata_report::{Report, ReportFile};
pub use summary::{PopulationSummary, State, Summary};
pub use synapse_csv::export_csv;
