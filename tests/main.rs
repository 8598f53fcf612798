//! Integration tests: one binary, cases by topic. Everything here uses the public API or the command line.

mod common;
mod conformance;
mod estimators;
mod receptors;
mod single_neurons;
mod step_contract;
