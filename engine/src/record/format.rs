//! How the files of this version name themselves.

/// Root attribute `format` of a recording.
pub(super) const FORMAT: &str = "lapicque/1";
/// Beginning of the root attribute `format` of every HDF5 file that lapicque writes.
pub(super) const FORMAT_FAMILY: &str = "lapicque/";
/// First line of a table of synapses; delays in ms, weights in the unit of the receptor.
pub(super) const CSV_HEAD: &str = "source_population,source,target_population,target,receptor,weight,delay_ms";
