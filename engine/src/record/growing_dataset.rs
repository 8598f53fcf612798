//! An HDF5 dataset that grows: values are collected in a buffer and written in large pieces.
//!
//! A row of the dataset holds one value or more. Appending to the buffer is cheap. The dataset is extended only when
//! the buffer is full, so HDF5 is called a few times per million values. The HDF5 chunks (the pieces in which HDF5
//! stores a dataset) are small enough for HDF5's chunk cache of 1 MiB per dataset; larger chunks are several times
//! slower.

use hdf5::{Dataset, File, H5Type, SimpleExtents};
use ndarray::ArrayView2;

/// Values in an HDF5 chunk of a dataset whose final length is not known.
pub(super) const HDF5_CHUNK_VALUES: usize = 16_384;
/// Largest number of values in an HDF5 chunk.
const MAX_HDF5_CHUNK_VALUES: usize = 65_536;
/// Values in the buffer above which it is written.
const BUFFER_VALUES: usize = 262_144;

/// Shape and storage of a growing dataset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Values per row; `None` for a one-dimensional dataset.
    pub width: Option<usize>,
    /// Expected number of rows, if known. A short dataset gets a small HDF5 chunk.
    pub expected_rows: Option<u64>,
    /// Whether the dataset is compressed.
    pub compress: bool,
}

/// A dataset that grows by appending rows.
#[derive(Debug)]
pub(super) struct GrowingDataset<T> {
    /// Absolute path in the file.
    path: String,
    /// Values per row; `None` for a one-dimensional dataset.
    width: Option<usize>,
    /// `None` while the file is closed.
    dataset: Option<Dataset>,
    written_rows: usize,
    /// Values that are not yet written, row by row.
    buffer: Vec<T>,
}

impl<T: H5Type> GrowingDataset<T> {
    /// Creates an empty dataset at an absolute path. Its group must exist.
    pub fn create(file: &File, path: String, layout: Layout) -> hdf5::Result<Self> {
        let width = layout.width.unwrap_or(1).max(1);
        let columns = width.min(MAX_HDF5_CHUNK_VALUES);
        let expected = layout.expected_rows.map_or(usize::MAX, |rows| usize::try_from(rows).unwrap_or(usize::MAX));
        let chunk_values = if layout.expected_rows.is_some() { MAX_HDF5_CHUNK_VALUES } else { HDF5_CHUNK_VALUES };
        let rows = (chunk_values / columns).min(expected).max(1);
        let mut builder = file.new_dataset_builder();
        if layout.compress {
            builder = builder.shuffle().deflate(1);
        }
        let builder = builder.empty::<T>();
        let dataset = match layout.width {
            None => builder.shape(SimpleExtents::resizable([0])).chunk(rows).create(path.as_str())?,
            Some(_) => {
                let extents = SimpleExtents::new([(0, None), (width, Some(width))]);
                builder.shape(extents).chunk((rows, columns)).create(path.as_str())?
            }
        };
        Ok(GrowingDataset { path, width: layout.width, dataset: Some(dataset), written_rows: 0, buffer: Vec::new() })
    }

    /// The values that are not yet written. Append values here, then call [`GrowingDataset::write_if_full`].
    pub fn buffer(&mut self) -> &mut Vec<T> {
        &mut self.buffer
    }

    /// Number of rows, written and buffered.
    pub fn rows(&self) -> u64 {
        (self.written_rows + self.buffer.len() / self.width.unwrap_or(1).max(1)) as u64
    }

    /// Writes the buffered values if the buffer is full.
    pub fn write_if_full(&mut self) -> hdf5::Result<()> {
        if self.buffer.len() >= BUFFER_VALUES { self.write() } else { Ok(()) }
    }

    /// Writes all buffered values.
    pub fn write(&mut self) -> hdf5::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let dataset = self.dataset.as_ref().ok_or("the file is closed")?;
        let start = self.written_rows;
        match self.width {
            None => {
                let end = start + self.buffer.len();
                dataset.resize(end)?;
                dataset.write_slice(self.buffer.as_slice(), start..end)?;
                self.written_rows = end;
            }
            Some(width) => {
                let rows = self.buffer.len() / width;
                let view = ArrayView2::from_shape((rows, width), self.buffer.as_slice())?;
                dataset.resize((start + rows, width))?;
                dataset.write_slice(view, (start..start + rows, 0..width))?;
                self.written_rows = start + rows;
            }
        }
        self.buffer.clear();
        Ok(())
    }

    /// The HDF5 dataset, for its attributes.
    pub fn dataset(&self) -> hdf5::Result<&Dataset> {
        self.dataset.as_ref().ok_or_else(|| "the file is closed".into())
    }

    /// Closes the dataset. Call [`GrowingDataset::write`] and flush the HDF5 file before: HDF5 does not report an error
    /// if it fails to write cached values while a dataset is being closed.
    pub fn close(&mut self) {
        self.dataset = None;
    }

    /// Opens the dataset again, in a copy of the file.
    pub fn reopen(&mut self, file: &File) -> hdf5::Result<()> {
        self.dataset = Some(file.dataset(&self.path)?);
        Ok(())
    }
}
