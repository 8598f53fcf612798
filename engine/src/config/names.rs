//! Names that expressions can mention.

/// Names that have a meaning of their own, and which.
pub(crate) const RESERVED: [(&str, &str); 3] =
    [("source_size", "the number of source neurons"), ("target_size", "the number of target neurons"), ("pi", "3.14…")];

/// Whether an expression can mention this name.
pub(crate) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_') && chars.all(|c| c.is_alphanumeric() || c == '_')
}
