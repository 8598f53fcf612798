//! Marks by which a file is recognised as written by lapicque.

/// Root attribute `format` of a recording.
pub(super) const FORMAT: &str = "lapicque/1";
/// First characters of the root attribute `format` of every HDF5 file that lapicque writes, in any version.
pub(super) const FORMAT_FAMILY: &str = "lapicque/";
/// First line of a CSV table of synapses. Delays are in ms, weights in the unit of the receptor.
pub(super) const CSV_HEADER: &str = "source_population,source,target_population,target,receptor,weight,delay_ms";
