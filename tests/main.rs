//! Integration tests (temporary head; the full list of modules replaces it).
mod determinism;
mod estimators;
mod networks;
#[allow(dead_code)] // the unit tests of models use the rest of it
#[path = "../models/src/statistics.rs"]
mod statistics;
mod wiring;
