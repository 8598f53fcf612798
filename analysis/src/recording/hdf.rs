//! Reads attributes and the names of members of groups.

use hdf5::types::{VarLenAscii, VarLenUnicode};
use hdf5::{Group, H5Type, Location};

/// Reads a text attribute; `None` if it does not exist or is not a text.
pub(super) fn text_attribute(at: &Location, name: &str) -> Option<String> {
    let attribute = at.attr(name).ok()?;
    match attribute.read_scalar::<VarLenUnicode>() {
        Ok(value) => Some(value.to_string()),
        Err(_) => attribute.read_scalar::<VarLenAscii>().ok().map(|value| value.to_string()),
    }
}

/// Reads a scalar attribute.
pub(super) fn scalar_attribute<T: H5Type>(at: &Location, name: &str) -> hdf5::Result<T> {
    at.attr(name)?.read_scalar()
}

/// The names of the members of a group, sorted; empty if the group does not exist.
pub(super) fn member_names(parent: &Group, name: &str) -> hdf5::Result<Vec<String>> {
    if !parent.link_exists(name) {
        return Ok(Vec::new());
    }
    let mut names = parent.group(name)?.member_names()?;
    names.sort_unstable();
    Ok(names)
}
