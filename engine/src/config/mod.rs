//! Configuration: a TOML file and overrides in, a checked [`Plan`] out, or every problem of it at once.
//!
//! Two stages. The first reads text and keeps, for every key and value, where it was written; the second resolves that
//! into a plan in the engine's units. Which models exist is not known here: the caller passes their pages, and
//! keys, units and messages follow from them.
//!
//! ```toml
//! base = "microcircuit.toml"     # optional: this file is laid over that one
//! [parameters]
//! scale = 0.1                    # named quantities; "= …" strings are expressions over them
//! ```

mod bindings;
mod context;
mod expression;
mod inputs;
pub mod keys;
mod load;
mod model;
mod names;
mod parameters;
mod populations;
mod problem;
mod projections;
mod record;
mod refusals;
mod resolve;
mod resolved;
mod rules;
pub mod schema;
mod selection;
mod tree;
mod units;
mod value;

#[cfg(test)]
mod tests;

pub use load::{Loaded, load, parse};
pub use problem::{ConfigError, Place, Problem};
