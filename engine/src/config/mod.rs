//! Reads the configuration of a network: a TOML file and overrides become a checked [`Plan`](crate::plan::Plan), or a
//! list of all problems found.
//!
//! There are two stages. The first parses the text and keeps, for every key and value, the place where it was written.
//! The second checks the keys and converts the values into a plan in the engine's units. The caller passes the pages of
//! the models; the keys, units and messages of the models come from these pages.
//!
//! ```toml
//! base = "microcircuit.toml"     # optional: this file overrides values of that one
//! [parameters]
//! scale = 0.1                    # named quantities; "= …" strings are expressions over them
//! ```

mod context;
mod expression;
mod inputs;
pub mod keys;
mod load;
mod model;
mod model_checks;
mod names;
mod parameters;
mod part_values;
mod populations;
mod problem;
mod projections;
mod record;
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
