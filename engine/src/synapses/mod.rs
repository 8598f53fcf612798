//! The synapses of one tile: how they are stored, and how the spikes that are due are delivered through them.
//!
//! A synapse is stored at its target's tile, in the row of its source neuron. A row is cut into **segments** by delay, and
//! a segment is sorted by target. Targets are **slots**: one slot per receptor and neuron of the tile. A tile with more
//! than 65 536 slots is cut into **shards**, so that 16 bits name a slot.
//!
//! How synapses are stored depends on what they have in common:
//!
//! | storage | file | used where | bytes per synapse |
//! |---|---|---|---|
//! | constant | `constant.rs` | weight and delay the same for all | 2 |
//! | bit matrix | `bit_matrix.rs` | the same, and at least one pair in 16 connected | 1 bit per pair |
//! | all-to-all | `all_to_all.rs` | the same, and every pair connected | 0 |
//! | packed | `packed.rs` | a weight per synapse, weight and distance to the target before fit 32 bits | 4.9 |
//! | individual | `individual.rs` | a weight per synapse that does not fit | 6 |
//!
//! Weights are whole numbers of a quantum, and inputs are sums of integers ([`Ring`]). A sum of integers does not depend
//! on the order of addition, hence not on threads, tiles or storage.
//!
//! Delivery is deferred (`delivery.rs`): when a spike's shortest delay is over, each segment of its row is put on the list
//! of the step in which it is due. In that step the tile adds the segments on its list. No ring buffer of all delays is
//! needed. Where rows are short, a segment of packed synapses covers a **band** of 2^k delays and is added to the sums of
//! the next 2^k steps: one delay per band is the pure deferred scheme, all delays in one band the pure ring buffer.

mod all_to_all;
mod bit_matrix;
mod constant;
mod delivery;
mod history;
mod individual;
mod packed;
mod ring;
mod segments;
mod table;
mod tile_synapses;

pub use all_to_all::AllToAll;
pub use bit_matrix::BitMatrix;
pub use constant::ConstantSynapses;
pub use delivery::DueLists;
pub use history::{History, StepSpikes};
pub use individual::IndividualSynapses;
pub use packed::{LINE_WORDS, PackedSynapses, Place, WordLayout};
pub use ring::{DEEPEST, Ring, SHARD, shard_of};
pub use table::{ShardSynapses, SynapseTable};
pub use tile_synapses::TileSynapses;
