//! Running a built network: the tiles, the time loop over them, and how threads exchange spikes.
//!
//! [`Simulation`] is what users hold. `tile` updates the neurons of one tile and delivers its synapses. `time_loop` runs the
//! workers, `exchange` and `mailbox` carry spikes between them. [`Epoch`] is what an [`Observer`] sees, [`Batch`] what a
//! stretch of simulation produced.

mod batch;
mod epoch;
mod exchange;
mod mailbox;
mod simulation;
mod tile;
mod time_loop;

pub use batch::{Batch, PopulationSpikes};
pub use epoch::{Epoch, OBSERVED_STEPS, Observer};
pub use simulation::{Options, Simulation, Synapse};
