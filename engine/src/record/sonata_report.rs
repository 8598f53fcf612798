//! SONATA reports: one variable of one population in single precision, for libsonata and bmtk.
//!
//! A report is written beside the output and put in its place when it is whole, under the same rules as a recording.

use super::error::RecordError;
use super::format::FORMAT;
use super::hdf;
use super::publish::Output;
use hdf5::File;
use ndarray::ArrayView2;
use std::path::Path;

/// What a report holds besides its values.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// Name of the population.
    pub population: &'a str,
    /// Name of the variable.
    pub variable: &'a str,
    /// Unit of the variable.
    pub units: &'a str,
    /// Neurons, zero-based in the population, ascending.
    pub node_ids: &'a [u64],
    /// Number of rows.
    pub rows: u64,
    /// Time of the first row, ms.
    pub start_ms: f64,
    /// Time between rows, ms.
    pub interval_ms: f64,
}

/// A report that is being written.
#[derive(Debug)]
pub struct ReportFile {
    file: File,
    output: Output,
    path: String,
    width: usize,
    row: usize,
}

impl ReportFile {
    /// Claims the output and writes everything but the values. What lapicque wrote there before is replaced; anything else
    /// only if `force` is set.
    pub fn create(output: impl AsRef<Path>, report: Report<'_>, force: bool) -> Result<ReportFile, RecordError> {
        let output = Output::claim(output.as_ref(), force)?;
        let file = create(output.part(), report).map_err(|e| RecordError::hdf5("write", output.part(), &e))?;
        let path = format!("report/{}/data", report.population);
        Ok(ReportFile { file, output, path, width: report.node_ids.len(), row: 0 })
    }

    /// Writes the next rows: all neurons at one time, then all at the next, … They become single precision.
    pub fn append(&mut self, values: &[f64]) -> Result<(), RecordError> {
        self.write(values).map_err(|e| RecordError::hdf5("write", self.output.part(), &e))
    }

    fn write(&mut self, values: &[f64]) -> hdf5::Result<()> {
        let single: Vec<f32> = values.iter().map(|&value| value as f32).collect();
        let rows = single.len() / self.width.max(1);
        let view = ArrayView2::from_shape((rows, self.width), &single)?;
        self.file.dataset(&self.path)?.write_slice(view, (self.row..self.row + rows, 0..self.width))?;
        self.row += rows;
        Ok(())
    }

    /// Closes the report and puts it in the place of the output.
    pub fn finish(self) -> Result<(), RecordError> {
        let ReportFile { file, output, .. } = self;
        file.flush().and_then(|()| file.close()).map_err(|e| RecordError::hdf5("write", output.part(), &e))?;
        output.publish()
    }
}

fn create(path: &Path, report: Report<'_>) -> hdf5::Result<File> {
    let file = hdf::create(path)?;
    hdf::put(&file, "magic", &0x0A7A_u32)?;
    hdf::put_list(&file, "version", &[0_u32, 1])?;
    hdf::put_text(&file, "format", &format!("{FORMAT} sonata-report"))?;
    file.create_group("report")?;
    let group = file.create_group(&format!("report/{}", report.population))?;
    let neurons = report.node_ids.len();
    let rows = usize::try_from(report.rows).map_err(|_| "more rows than this machine can address")?;
    let data = group.new_dataset::<f32>().shape((rows, neurons)).create("data")?;
    hdf::put_text(&data, "units", report.units)?;
    hdf::put_text(&data, "variable", report.variable)?;
    let mapping = group.create_group("mapping")?;
    let ids = mapping.new_dataset::<u64>().shape(neurons).create("node_ids")?;
    ids.write_raw(report.node_ids)?;
    hdf::put(&ids, "sorted", &1_u8)?;
    let pointers: Vec<u64> = (0..=neurons as u64).collect();
    mapping.new_dataset::<u64>().shape(pointers.len()).create("index_pointers")?.write_raw(&pointers)?;
    // The name that bmtk reads.
    mapping.link_hard("index_pointers", "index_pointer")?;
    mapping.new_dataset::<u32>().shape(neurons).create("element_ids")?.write_raw(&vec![0_u32; neurons])?;
    // Not in the specification; bmtk does not read a report without it.
    mapping.new_dataset::<f32>().shape(neurons).create("element_pos")?.write_raw(&vec![0_f32; neurons])?;
    let stop = report.start_ms + report.rows as f64 * report.interval_ms;
    let time = mapping.new_dataset::<f64>().shape(3).create("time")?;
    time.write_raw(&[report.start_ms, stop, report.interval_ms])?;
    hdf::put_text(&time, "units", "ms")?;
    Ok(file)
}
