//! The names that an expression can use.

/// Names with a fixed meaning, and this meaning in words.
pub(crate) const RESERVED_NAMES: [(&str, &str); 3] =
    [("source_size", "the number of source neurons"), ("target_size", "the number of target neurons"), ("pi", "3.14…")];

/// Whether an expression can use this text as a name: letters, digits and `_`, beginning with a letter or `_`.
pub(crate) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_') && chars.all(|c| c.is_alphanumeric() || c == '_')
}
