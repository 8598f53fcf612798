//! The synapses of one tile: how they are stored, and how spikes are delivered through them.
//!
//! A synapse is stored in its target's tile, in the row of its source neuron. A row is cut into **segments** by delay.
//! The synapses of a segment are sorted by target. Targets are **slots**: one slot per receptor and neuron of the tile.
//! A tile with more than 65 536 slots is cut into **shards**, so that 16 bits name a slot.
//!
//! Storage depends on what the synapses have in common. A weight or delay is common if all synapses have the same:
//!
//! | storage | file | used where | bytes per synapse |
//! |---|---|---|---|
//! | constant | `constant.rs` | common weight | 2 |
//! | bit matrix | `bit_matrix.rs` | common weight and delay, at least one pair in 16 connected | 1 bit per pair |
//! | all-to-all | `all_to_all.rs` | common weight and delay, every pair connected | 0 |
//! | packed | `packed.rs` | own weights; weight, delay and distance from the target before fit 32 bits | 4.9 |
//! | individual | `individual.rs` | own weights; 32 bits are too few, or packing takes more memory | 6 |
//!
//! Weights are whole numbers of a quantum, and inputs are sums of integers ([`Ring`]). A sum of integers does not
//! depend on the order of addition, hence not on threads, tiles or storage.
//!
//! Delivery is deferred (`delivery.rs`). When the shortest delay of a spike's row has passed, each segment of the row
//! is put on the list of the step in which its delay ends. In that step the tile adds the segments on the list. So no
//! ring buffer over all delays is needed. Where rows are short, a segment of packed synapses covers a **band** of 2^k
//! delays. The segment is then added to the sums of 2^k steps at once. One delay per band is the pure deferred scheme.
//! One band with all delays is the pure ring-buffer scheme.

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
pub use ring::{MAX_BAND, Ring, SHARD_SLOTS, shard_of};
pub use table::{ShardSynapses, SynapseTable};
pub use tile_synapses::TileSynapses;
