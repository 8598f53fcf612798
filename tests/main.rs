//! Integration tests: one binary, cases by topic. Everything here uses the public API or the command line.

mod bad_input;
mod cli;
mod common;
mod conformance;
mod crash;
mod estimators;
mod program;
mod receptors;
mod single_neurons;
mod step_contract;
