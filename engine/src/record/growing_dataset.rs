//! A dataset that grows: values are gathered and written in blocks.
//!
//! A column has rows of one or more values. Appending is cheap; the dataset is extended once per block, so that HDF5 is
//! called a few times per million values. Chunks stay within the library's chunk cache (1 MiB per dataset): larger ones
//! are several times slower.

use hdf5::{Dataset, File, H5Type, SimpleExtents};
use ndarray::ArrayView2;

/// Values in a chunk of a dataset whose final length nobody knows.
pub(super) const CHUNK: usize = 16_384;
/// Most values in any chunk.
const LARGEST_CHUNK: usize = 65_536;
/// Values gathered before the dataset is extended.
const BUFFER: usize = 262_144;

/// How a column is laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Values per row; `None` for a one-dimensional dataset.
    pub width: Option<usize>,
    /// Rows expected, where known: a short dataset gets a small chunk.
    pub expected_rows: Option<u64>,
    /// Whether to compress.
    pub compress: bool,
}

/// A growing dataset.
#[derive(Debug)]
pub(super) struct GrowingDataset<T> {
    path: String,
    width: Option<usize>,
    dataset: Option<Dataset>,
    stored_rows: usize,
    pending: Vec<T>,
}

impl<T: H5Type> GrowingDataset<T> {
    /// Creates the empty dataset at an absolute path whose group exists.
    pub fn create(file: &File, path: String, layout: Layout) -> hdf5::Result<Self> {
        let width = layout.width.unwrap_or(1).max(1);
        let columns = width.min(LARGEST_CHUNK);
        let expected = layout.expected_rows.map_or(usize::MAX, |rows| usize::try_from(rows).unwrap_or(usize::MAX));
        let full = if layout.expected_rows.is_some() { LARGEST_CHUNK } else { CHUNK };
        let rows = (full / columns).min(expected).max(1);
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
        Ok(GrowingDataset { path, width: layout.width, dataset: Some(dataset), stored_rows: 0, pending: Vec::new() })
    }

    /// The values gathered and not yet written. Whoever pushes to it calls [`GrowingDataset::write_if_full`] now and then.
    pub fn pending(&mut self) -> &mut Vec<T> {
        &mut self.pending
    }

    /// Rows, written or not.
    pub fn rows(&self) -> u64 {
        (self.stored_rows + self.pending.len() / self.width.unwrap_or(1).max(1)) as u64
    }

    /// Writes what is gathered if it fills a block.
    pub fn write_if_full(&mut self) -> hdf5::Result<()> {
        if self.pending.len() >= BUFFER { self.write() } else { Ok(()) }
    }

    /// Writes what is gathered.
    pub fn write(&mut self) -> hdf5::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let dataset = self.dataset.as_ref().ok_or("the file is closed")?;
        let start = self.stored_rows;
        match self.width {
            None => {
                let end = start + self.pending.len();
                dataset.resize(end)?;
                dataset.write_slice(self.pending.as_slice(), start..end)?;
                self.stored_rows = end;
            }
            Some(width) => {
                let rows = self.pending.len() / width;
                let view = ArrayView2::from_shape((rows, width), self.pending.as_slice())?;
                dataset.resize((start + rows, width))?;
                dataset.write_slice(view, (start..start + rows, 0..width))?;
                self.stored_rows = start + rows;
            }
        }
        self.pending.clear();
        Ok(())
    }

    /// The dataset, for its attributes.
    pub fn dataset(&self) -> hdf5::Result<&Dataset> {
        self.dataset.as_ref().ok_or_else(|| "the file is closed".into())
    }

    /// Lets go of the file. Only after [`GrowingDataset::write`] and a flush of the file: what the library still caches then
    /// would be written without a word about a failure.
    pub fn detach(&mut self) {
        self.dataset = None;
    }

    /// Takes up the same dataset in a copy of the file.
    pub fn attach(&mut self, file: &File) -> hdf5::Result<()> {
        self.dataset = Some(file.dataset(&self.path)?);
        Ok(())
    }
}
