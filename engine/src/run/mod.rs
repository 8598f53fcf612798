//! Running a built network: the tiles, the time loop over them, and how threads exchange spikes.
//!
//! [`Simulation`] is the interface for users. `tile` updates the neurons of one tile and delivers spikes through its
//! synapses. `time_loop` runs the workers. `exchange` and `mailbox` carry spikes between workers. An [`Observer`] sees
//! the run [`Epoch`] by epoch. A [`Batch`] holds the spikes and samples of a stretch of simulation.

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
