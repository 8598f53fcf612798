//! Building: from a plan to tiles with neurons, inputs and synapses, in parallel and without a second copy of the
//! synapses.
//!
//! 1. `layout` gives every tile its share of every population.
//! 2. `wiring` draws the in-degrees of every tile's targets. From their maxima and the largest weights (`loads`) follows the
//!    `quantum` of each receptor. The result is the [`Blueprint`] that all tiles share.
//! 3. Every tile builds its tables of synapses (`tables`). A first pass over all draws counts the synapses of each (source,
//!    delay); a second pass makes the same draws again and puts every synapse in its place.
//! 4. Every tile builds its `neurons` and the `stimuli` onto them.
//!
//! What is drawn depends on (seed, projection, target) alone, so the network is the same for any number of tiles.

mod blueprint;
mod estimate;
mod groups;
mod layout;
mod loads;
mod neurons;
mod quantum;
mod stimuli;
mod tables;
mod tile_synapses;
mod wiring;

pub use blueprint::{Blueprint, Preview, check_headroom, prepare, preview};
pub use estimate::{Estimate, ProjectionEstimate, estimate, projection};
pub use layout::{Share, TileLayout};
pub use loads::Rounding;
pub use neurons::{find_variable, initialise, neurons, variables};
pub use stimuli::stimulus;
pub use tile_synapses::tile_synapses;
