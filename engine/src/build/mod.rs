//! Builds a network: turns a plan into tiles with neurons, inputs and synapses. Tiles are built in parallel.
//!
//! 1. `layout` gives every tile a share of every population.
//! 2. `wiring` draws the in-degrees of all targets. `weight_bounds` computes from in-degrees and largest weights how
//!    large a sum of weights can become. `quantum` chooses the quantum of each receptor so that no sum overflows. The
//!    result is the `Blueprint`, which is the same for all tiles.
//! 3. `tables` builds the tables of synapses of each tile. A first pass over all random draws counts the synapses of
//!    each (source, delay). A second pass makes the same draws again and writes every synapse. So synapses are never
//!    held twice.
//! 4. `neurons` builds the neurons of each tile, `stimuli` the inputs onto them.
//!
//! Random draws depend on seed, projection and target (or source), but not on the tile. So the network is the same for
//! any number of tiles.

mod blueprint;
mod estimate;
mod groups;
mod layout;
mod neurons;
mod quantum;
mod stimuli;
mod tables;
mod tile_synapses;
mod weight_bounds;
mod wiring;

pub use blueprint::{Preview, preview};
pub use estimate::{Estimate, ProjectionEstimate, estimate, estimate_projection};
pub use weight_bounds::WeightRounding;

pub(crate) use blueprint::{Blueprint, check_headroom, prepare};
pub(crate) use layout::{Share, TileLayout};
pub(crate) use neurons::{find_variable, initialise, neurons, variables};
pub(crate) use stimuli::stimulus;
pub(crate) use tile_synapses::tile_synapses;
