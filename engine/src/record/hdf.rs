//! How attributes and texts are written into a file.
//!
//! Texts are variable-length UTF-8 strings, the only kind every SONATA reader takes. Files are written in the format of
//! HDF5 1.8 (superblock 2), which every reader of the last fifteen years opens, and which lifts the limit of 64 KiB on
//! an attribute.

use hdf5::file::LibraryVersion;
use hdf5::types::{VarLenAscii, VarLenUnicode};
use hdf5::{FileBuilder, Group, H5Type, Location};
use std::path::Path;

/// The order of the spikes in a group, an enumeration of SONATA. Its members are written with these names.
#[derive(H5Type, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(non_camel_case_types, reason = "the names stand in the file")]
#[expect(dead_code, reason = "readers want all three members, we write one")]
pub(super) enum Sorting {
    /// In no order.
    none = 0,
    /// By neuron.
    by_id = 1,
    /// By time.
    by_time = 2,
}

/// How we open a file for writing. HDF5's own locks are off: `.NAME.lock` keeps writers apart, and a child process that
/// some other part of the program starts would inherit HDF5's lock, and with it hold readers off the published file.
fn writing() -> FileBuilder {
    let mut builder = hdf5::File::with_options();
    builder.with_fapl(|access| access.libver_bounds(LibraryVersion::V18, LibraryVersion::latest()).file_locking(false));
    builder
}

/// Creates a file, replacing what is there.
pub(super) fn create(path: &Path) -> hdf5::Result<hdf5::File> {
    writing().create(path)
}

/// Opens a file for appending.
pub(super) fn reopen(path: &Path) -> hdf5::Result<hdf5::File> {
    writing().open_rw(path)
}

/// A text as HDF5 takes it; a NUL, which it cannot hold, becomes a replacement character.
fn unicode(value: &str) -> hdf5::Result<VarLenUnicode> {
    value.replace('\0', "\u{fffd}").parse().map_err(|e| format!("text that HDF5 cannot hold: {e}").into())
}

/// Writes a text attribute, replacing an older one.
pub(super) fn put_text(at: &Location, name: &str, value: &str) -> hdf5::Result<()> {
    put(at, name, &unicode(value)?)
}

/// Writes a scalar attribute, replacing the value of an older one.
pub(super) fn put<T: H5Type>(at: &Location, name: &str, value: &T) -> hdf5::Result<()> {
    match at.attr(name) {
        Ok(attribute) => attribute.write_scalar(value),
        Err(_) => at.new_attr::<T>().create(name)?.write_scalar(value),
    }
}

/// Writes a one-dimensional attribute.
pub(super) fn put_list<T: H5Type>(at: &Location, name: &str, values: &[T]) -> hdf5::Result<()> {
    at.new_attr::<T>().shape(values.len()).create(name)?.write_raw(values)
}

/// Writes a text as a scalar dataset: for long ones.
pub(super) fn put_document(at: &Group, name: &str, value: &str) -> hdf5::Result<()> {
    at.new_dataset::<VarLenUnicode>().create(name)?.write_scalar(&unicode(value)?)
}

/// Writes texts as a one-dimensional dataset.
pub(super) fn put_documents(at: &Group, name: &str, values: &[String]) -> hdf5::Result<()> {
    let texts = values.iter().map(|value| unicode(value)).collect::<hdf5::Result<Vec<_>>>()?;
    let dataset = at.new_dataset::<VarLenUnicode>().shape(texts.len()).create(name)?;
    if texts.is_empty() { Ok(()) } else { dataset.write_raw(&texts) }
}

/// Reads a text attribute; `None` where there is none or where it is no text.
pub(super) fn text(at: &Location, name: &str) -> Option<String> {
    let attribute = at.attr(name).ok()?;
    match attribute.read_scalar::<VarLenUnicode>() {
        Ok(value) => Some(value.to_string()),
        Err(_) => attribute.read_scalar::<VarLenAscii>().ok().map(|value| value.to_string()),
    }
}

/// A name of one HDF5 link: not empty, no slash, not "." and without NUL.
pub(super) fn is_link_name(name: &str) -> bool {
    !name.is_empty() && name != "." && !name.contains(['/', '\0'])
}
