//! Writes SONATA reports: the trace of one variable of one population, in single precision, for libsonata and bmtk.
//!
//! As for a recording, the report is written into a working file, which is renamed to the output when the report is
//! complete.

use super::error::RecordError;
use super::format::FORMAT;
use super::hdf;
use super::publish::OutputFiles;
use hdf5::File;
use ndarray::ArrayView2;
use std::path::Path;

/// Description of a report: everything except the values.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// Name of the population.
    pub population: &'a str,
    /// Name of the variable.
    pub variable: &'a str,
    /// Unit of the variable.
    pub units: &'a str,
    /// Indices of the neurons in the population, counted from 0, in ascending order.
    pub node_ids: &'a [u64],
    /// Number of rows. A row holds the values of all neurons at one time.
    pub rows: u64,
    /// Time of the first row, in ms.
    pub start_ms: f64,
    /// Time between two rows, in ms.
    pub interval_ms: f64,
}

/// A report that is being written.
#[derive(Debug)]
pub struct ReportFile {
    file: File,
    output: OutputFiles,
    /// Path of the dataset in the file.
    path: String,
    /// Number of neurons.
    width: usize,
    /// Next row to write.
    row: usize,
}

impl ReportFile {
    /// Creates a report without values. [`ReportFile::finish`] replaces a file that lapicque wrote there before.
    ///
    /// Refused: a directory or device; an output that another run is writing; unless `force` is set, an existing file
    /// that lapicque did not write.
    pub fn create(output: impl AsRef<Path>, report: Report<'_>, force: bool) -> Result<ReportFile, RecordError> {
        let output = OutputFiles::lock(output.as_ref(), force)?;
        let file = create_file(output.working_file(), report)
            .map_err(|e| RecordError::hdf5("write", output.working_file(), &e))?;
        let path = format!("report/{}/data", report.population);
        Ok(ReportFile { file, output, path, width: report.node_ids.len(), row: 0 })
    }

    /// Writes the next rows: the values of all neurons at one time, then at the next time, and so on. The values are
    /// rounded to single precision.
    pub fn append(&mut self, values: &[f64]) -> Result<(), RecordError> {
        self.write(values).map_err(|e| RecordError::hdf5("write", self.output.working_file(), &e))
    }

    fn write(&mut self, values: &[f64]) -> hdf5::Result<()> {
        let single: Vec<f32> = values.iter().map(|&value| value as f32).collect();
        let rows = single.len() / self.width.max(1);
        let view = ArrayView2::from_shape((rows, self.width), &single)?;
        self.file.dataset(&self.path)?.write_slice(view, (self.row..self.row + rows, 0..self.width))?;
        self.row += rows;
        Ok(())
    }

    /// Closes the report and renames it to the output.
    pub fn finish(self) -> Result<(), RecordError> {
        let ReportFile { file, output, .. } = self;
        file.flush().and_then(|()| file.close()).map_err(|e| RecordError::hdf5("write", output.working_file(), &e))?;
        output.publish()
    }
}

/// Creates the file of a report with everything except the values.
fn create_file(path: &Path, report: Report<'_>) -> hdf5::Result<File> {
    let file = hdf::create(path)?;
    hdf::set_attribute(&file, "magic", &0x0A7A_u32)?;
    hdf::set_list_attribute(&file, "version", &[0_u32, 1])?;
    hdf::set_text_attribute(&file, "format", &format!("{FORMAT} sonata-report"))?;
    file.create_group("report")?;
    let group = file.create_group(&format!("report/{}", report.population))?;
    let neurons = report.node_ids.len();
    let rows = usize::try_from(report.rows).map_err(|_| "more rows than this machine can address")?;
    let data = group.new_dataset::<f32>().shape((rows, neurons)).create("data")?;
    hdf::set_text_attribute(&data, "units", report.units)?;
    hdf::set_text_attribute(&data, "variable", report.variable)?;
    let mapping = group.create_group("mapping")?;
    let ids = mapping.new_dataset::<u64>().shape(neurons).create("node_ids")?;
    ids.write_raw(report.node_ids)?;
    hdf::set_attribute(&ids, "sorted", &1_u8)?;
    let pointers: Vec<u64> = (0..=neurons as u64).collect();
    mapping.new_dataset::<u64>().shape(pointers.len()).create("index_pointers")?.write_raw(&pointers)?;
    // bmtk reads the pointers under this name.
    mapping.link_hard("index_pointers", "index_pointer")?;
    mapping.new_dataset::<u32>().shape(neurons).create("element_ids")?.write_raw(&vec![0_u32; neurons])?;
    // Not part of the SONATA specification, but bmtk does not read a report without it.
    mapping.new_dataset::<f32>().shape(neurons).create("element_pos")?.write_raw(&vec![0_f32; neurons])?;
    let stop = report.start_ms + report.rows as f64 * report.interval_ms;
    let time = mapping.new_dataset::<f64>().shape(3).create("time")?;
    time.write_raw(&[report.start_ms, stop, report.interval_ms])?;
    hdf::set_text_attribute(&time, "units", "ms")?;
    Ok(file)
}
