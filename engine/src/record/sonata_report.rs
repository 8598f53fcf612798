//! `lapicque export sonata-report`: one recorded variable as a SONATA report, for libsonata and bmtk.
//!
//! A report holds one variable of one population in single precision, one element per neuron. It is written beside the
//! output and put in its place when it is whole, under the same rules as a recording.

use super::publish::Output;
use super::reader::{Reader, TraceAttributes};
use super::{FORMAT, RecordError, hdf};
use hdf5::File;
use ndarray::ArrayView2;
use std::path::Path;

/// Values copied at a time.
const BLOCK: u64 = 262_144;

/// Writes the trace of `variable` of `population` in the recording `input` as the SONATA report `output`. What lapicque
/// wrote there before is replaced; anything else only if `force` is set.
pub fn export_report(
    input: impl AsRef<Path>,
    population: &str,
    variable: &str,
    output: impl AsRef<Path>,
    force: bool,
) -> Result<(), RecordError> {
    let reader = Reader::open(input)?;
    let attributes = reader.trace_attributes(population, variable)?;
    if let (Ok(from), Ok(to)) = (reader.path().canonicalize(), output.as_ref().canonicalize())
        && from == to
    {
        return Err(RecordError::NotAFile {
            path: output.as_ref().to_path_buf(),
            what: "the recording itself",
            example: from.with_extension(format!("{population}.{variable}.h5")),
        });
    }
    let output = Output::claim(output.as_ref(), force)?;
    let failed = |e: hdf5::Error| RecordError::hdf5("write", output.part(), &e);
    let file = create(output.part(), population, variable, &attributes).map_err(failed)?;
    let rows = (BLOCK / attributes.node_ids.len().max(1) as u64).max(1);
    let mut start = 0;
    while start < attributes.rows {
        let values = reader.trace_rows(population, variable, start..start + rows)?;
        append(&file, population, start, attributes.node_ids.len(), &values).map_err(failed)?;
        start += rows;
    }
    file.flush().and_then(|()| file.close()).map_err(failed)?;
    output.publish()
}

fn create(path: &Path, population: &str, variable: &str, trace: &TraceAttributes) -> hdf5::Result<File> {
    let file = hdf::create(path)?;
    hdf::put(&file, "magic", &0x0A7A_u32)?;
    hdf::put_list(&file, "version", &[0_u32, 1])?;
    hdf::put_text(&file, "format", &format!("{FORMAT} sonata-report"))?;
    file.create_group("report")?;
    let group = file.create_group(&format!("report/{population}"))?;
    let neurons = trace.node_ids.len();
    let rows = usize::try_from(trace.rows).map_err(|_| "more rows than this machine can address")?;
    let data = group.new_dataset::<f32>().shape((rows, neurons)).create("data")?;
    hdf::put_text(&data, "units", &trace.units)?;
    hdf::put_text(&data, "variable", variable)?;
    let mapping = group.create_group("mapping")?;
    let ids = mapping.new_dataset::<u64>().shape(neurons).create("node_ids")?;
    ids.write_raw(&trace.node_ids)?;
    hdf::put(&ids, "sorted", &1_u8)?;
    let pointers: Vec<u64> = (0..=neurons as u64).collect();
    mapping.new_dataset::<u64>().shape(pointers.len()).create("index_pointers")?.write_raw(&pointers)?;
    // The name bmtk reads.
    mapping.link_hard("index_pointers", "index_pointer")?;
    mapping.new_dataset::<u32>().shape(neurons).create("element_ids")?.write_raw(&vec![0_u32; neurons])?;
    // Not in the specification; bmtk does not read a report without it.
    mapping.new_dataset::<f32>().shape(neurons).create("element_pos")?.write_raw(&vec![0_f32; neurons])?;
    let stop = trace.start_ms + trace.rows as f64 * trace.interval_ms;
    let time = mapping.new_dataset::<f64>().shape(3).create("time")?;
    time.write_raw(&[trace.start_ms, stop, trace.interval_ms])?;
    hdf::put_text(&time, "units", "ms")?;
    Ok(file)
}

fn append(file: &File, population: &str, start: u64, width: usize, values: &[f64]) -> hdf5::Result<()> {
    let single: Vec<f32> = values.iter().map(|&value| value as f32).collect();
    let rows = single.len() / width;
    let start = usize::try_from(start).map_err(|_| "more rows than this machine can address")?;
    let view = ArrayView2::from_shape((rows, width), &single)?;
    file.dataset(&format!("report/{population}/data"))?.write_slice(view, (start..start + rows, 0..width))
}
