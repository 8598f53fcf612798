//! Opens HDF5 files for writing; writes attributes and texts.
//!
//! Texts are variable-length UTF-8 strings, the only kind of string that every SONATA reader accepts. Files have the
//! format of HDF5 1.8 (superblock 2). Every reader of the last fifteen years can open this format, and attributes in
//! this format may exceed 64 KiB.

use hdf5::file::LibraryVersion;
use hdf5::types::{VarLenAscii, VarLenUnicode};
use hdf5::{FileBuilder, Group, H5Type, Location};
use std::path::Path;

/// The order of the spikes in a group, an enumeration defined by SONATA. The names of the members are stored in the
/// file.
#[derive(H5Type, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(non_camel_case_types, reason = "the names are stored in the file")]
#[expect(dead_code, reason = "readers require all three members, lapicque uses one")]
pub(super) enum Sorting {
    /// Unsorted.
    none = 0,
    /// Sorted by neuron.
    by_id = 1,
    /// Sorted by time.
    by_time = 2,
}

/// Options for a file that is written. The locks of HDF5 are switched off: `.NAME.lock` already keeps other writers
/// away. A child process started by another part of the program would inherit a lock of HDF5 and so prevent readers
/// from opening the output.
fn writable_file() -> FileBuilder {
    let mut builder = hdf5::File::with_options();
    builder.with_fapl(|access| access.libver_bounds(LibraryVersion::V18, LibraryVersion::latest()).file_locking(false));
    builder
}

/// Creates a file, replacing an existing one.
pub(super) fn create(path: &Path) -> hdf5::Result<hdf5::File> {
    writable_file().create(path)
}

/// Opens an existing file to append data.
pub(super) fn open_for_appending(path: &Path) -> hdf5::Result<hdf5::File> {
    writable_file().open_rw(path)
}

/// Converts a text to an HDF5 string. NUL characters, which HDF5 cannot store, become replacement characters.
fn hdf5_text(value: &str) -> hdf5::Result<VarLenUnicode> {
    value.replace('\0', "\u{fffd}").parse().map_err(|e| format!("text that HDF5 cannot hold: {e}").into())
}

/// Writes a text attribute, replacing an existing value.
pub(super) fn set_text_attribute(at: &Location, name: &str, value: &str) -> hdf5::Result<()> {
    set_attribute(at, name, &hdf5_text(value)?)
}

/// Writes a scalar attribute, replacing an existing value.
pub(super) fn set_attribute<T: H5Type>(at: &Location, name: &str, value: &T) -> hdf5::Result<()> {
    match at.attr(name) {
        Ok(attribute) => attribute.write_scalar(value),
        Err(_) => at.new_attr::<T>().create(name)?.write_scalar(value),
    }
}

/// Writes a one-dimensional attribute. It must not exist yet.
pub(super) fn set_list_attribute<T: H5Type>(at: &Location, name: &str, values: &[T]) -> hdf5::Result<()> {
    at.new_attr::<T>().shape(values.len()).create(name)?.write_raw(values)
}

/// Writes a long text as a scalar dataset.
pub(super) fn write_text_dataset(at: &Group, name: &str, value: &str) -> hdf5::Result<()> {
    at.new_dataset::<VarLenUnicode>().create(name)?.write_scalar(&hdf5_text(value)?)
}

/// Writes texts as a one-dimensional dataset.
pub(super) fn write_text_list_dataset(at: &Group, name: &str, values: &[String]) -> hdf5::Result<()> {
    let texts = values.iter().map(|value| hdf5_text(value)).collect::<hdf5::Result<Vec<_>>>()?;
    let dataset = at.new_dataset::<VarLenUnicode>().shape(texts.len()).create(name)?;
    if texts.is_empty() { Ok(()) } else { dataset.write_raw(&texts) }
}

/// Reads a text attribute; `None` if it does not exist or is not a text.
pub(super) fn text_attribute(at: &Location, name: &str) -> Option<String> {
    let attribute = at.attr(name).ok()?;
    match attribute.read_scalar::<VarLenUnicode>() {
        Ok(value) => Some(value.to_string()),
        Err(_) => attribute.read_scalar::<VarLenAscii>().ok().map(|value| value.to_string()),
    }
}

/// Whether HDF5 accepts a name for a group or dataset: not empty, not ".", without slash and NUL.
pub(super) fn is_valid_link_name(name: &str) -> bool {
    !name.is_empty() && name != "." && !name.contains(['/', '\0'])
}
