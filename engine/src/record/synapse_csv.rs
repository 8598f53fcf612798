//! Writes the synapses of a built network as a table of comma-separated values (CSV), one line per synapse.

use super::error::RecordError;
use super::format::CSV_HEADER;
use super::publish::OutputFiles;
use crate::run::Simulation;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes every synapse of a built network into a CSV table and returns the number of synapses. Weights are in the unit
/// of the receptor, delays in ms. A file that lapicque wrote there before is replaced.
///
/// Refused: a directory or device; an output that another run is writing; unless `force` is set, an existing file that
/// lapicque did not write.
pub fn export_csv(simulation: &Simulation, output: impl AsRef<Path>, force: bool) -> Result<u64, RecordError> {
    let output = OutputFiles::lock(output.as_ref(), force)?;
    let count = write_table(simulation, output.working_file())
        .map_err(|e| RecordError::io("write", output.working_file(), &e))?;
    output.publish()?;
    Ok(count)
}

fn write_table(simulation: &Simulation, path: &Path) -> io::Result<u64> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "{CSV_HEADER}")?;
    let (mut result, mut count) = (Ok(()), 0);
    let populations = &simulation.plan().populations;
    simulation.each_synapse(|s| {
        if result.is_ok() {
            let (from, to) = (&populations[s.source.0], &populations[s.target.0]);
            let receptor = &to.receptors[s.receptor].name;
            let (from, to) = (&from.name, &to.name);
            result = writeln!(file, "{from},{},{to},{},{receptor},{},{}", s.source.1, s.target.1, s.weight, s.delay);
            count += 1;
        }
    });
    result.and_then(|()| file.flush())?;
    Ok(count)
}
