//! Integration tests (temporary head; the full list of modules replaces it).
mod estimators;
