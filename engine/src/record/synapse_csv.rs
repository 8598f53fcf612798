//! The realised network as a table of comma-separated values, a line for each synapse.

use super::error::RecordError;
use super::format::CSV_HEAD;
use super::publish::Output;
use crate::run::Simulation;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes every synapse of a built network into a table. What lapicque wrote there before is replaced; anything else only if
/// `force` is set. Returns the number of synapses.
pub fn export_csv(simulation: &Simulation, output: impl AsRef<Path>, force: bool) -> Result<u64, RecordError> {
    let output = Output::claim(output.as_ref(), force)?;
    let count = rows(simulation, output.part()).map_err(|e| RecordError::io("write", output.part(), &e))?;
    output.publish()?;
    Ok(count)
}

fn rows(simulation: &Simulation, path: &Path) -> io::Result<u64> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "{CSV_HEAD}")?;
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
