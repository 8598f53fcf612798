//! Integration tests: one binary, one file per topic. All tests use the public API or the command line.

mod bad_input;
mod cli;
mod common;
mod conformance;
mod crash;
mod determinism;
mod estimators;
#[allow(dead_code)] // the unit tests of lapicque_models use the rest of this file
#[path = "../models/src/numerics/goodness_of_fit.rs"]
mod goodness_of_fit;
mod imports;
mod library;
mod networks;
mod program;
mod receptors;
mod single_neurons;
mod step_contract;
mod twin;
mod wiring;
