//! All synapses of one tile.

use super::all_to_all::AllToAll;
use super::bit_matrix::BitMatrix;
use super::delivery::{DueLists, deliver};
use super::history::History;
use super::ring::Ring;
use super::table::SynapseTable;
use lapicque_models::numerics::accumulate::Sum;

/// The synapses of one tile.
#[derive(Debug, Default)]
pub struct TileSynapses {
    /// Synapses stored in rows, one table for each group of projections.
    pub tables: Vec<SynapseTable>,
    /// Synapses stored as one bit per pair of neurons.
    pub bit_matrices: Vec<BitMatrix>,
    /// All-to-all connections, for which no target is stored.
    pub all_to_all: Vec<AllToAll>,
}

impl TileSynapses {
    /// Number of steps that the rings must span: as many as there are delays in the widest band.
    pub fn depth(&self) -> usize {
        1 << self.tables.iter().map(SynapseTable::band_bits).max().unwrap_or(0)
    }

    /// Shortest and longest delay, in steps; `None` without synapses. The longest is an upper bound.
    pub fn delays(&self) -> Option<(u32, u32)> {
        let tables = self.tables.iter().map(|t| (t.first_delay, t.last_delay()));
        let all = tables.chain(self.bit_matrices.iter().map(|b| (b.delay, b.delay)));
        all.chain(self.all_to_all.iter().map(|d| (d.delay, d.delay))).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// Adds the number of synapses of every neuron of every population to `degrees`.
    pub fn add_degrees(&self, degrees: &mut [Vec<u64>]) {
        self.tables.iter().for_each(|table| table.add_degrees(&mut degrees[table.population]));
        self.bit_matrices.iter().for_each(|matrix| matrix.add_degrees(&mut degrees[matrix.population]));
        self.all_to_all.iter().for_each(|all| all.add_degrees(&mut degrees[all.population]));
    }

    /// Calls `f` with source population, source, slot in the tile, weight in quanta and delay in steps of every
    /// synapse. A shard has 2^`shard_bits` slots.
    pub fn each(&self, shard_bits: u32, f: &mut dyn FnMut(usize, u32, u32, i32, u32)) {
        for table in &self.tables {
            table.each(&mut |source, shard, slot, delay, weight| {
                f(table.population, source, (shard as u32) << shard_bits | u32::from(slot), weight, delay);
            });
        }
        for matrix in &self.bit_matrices {
            matrix.each(&mut |source, slot| {
                let slot = (matrix.shard as u32) << shard_bits | u32::from(slot);
                f(matrix.population, source, slot, matrix.weight, matrix.delay);
            });
        }
        self.all_to_all.iter().for_each(|all| all.each(f));
    }

    /// Adds the weights of the spikes whose delay ends at `tick` to the input sums. `due` has an item for each table,
    /// `rings` one for each shard of 2^`shard_bits` slots. To be called for every step in turn.
    pub fn deliver<S: Sum>(
        &self,
        tick: u64,
        history: &History,
        due: &mut [DueLists],
        rings: &mut [Ring<S>],
        shard_bits: u32,
    ) {
        for (table, due) in self.tables.iter().zip(&*due) {
            due.request_rows(table, tick, history);
        }
        for (table, due) in self.tables.iter().zip(&mut *due) {
            due.list(table, tick, history);
        }
        for (shard, ring) in rings.iter_mut().enumerate() {
            deliver(&self.tables, shard, tick, due, ring);
        }
        self.bit_matrices.iter().for_each(|matrix| matrix.deliver(tick, history, &mut rings[matrix.shard]));
        self.all_to_all.iter().for_each(|all| all.deliver(tick, history, rings, shard_bits));
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.tables.iter().map(SynapseTable::bytes).chain(self.bit_matrices.iter().map(BitMatrix::bytes)).sum()
    }
}
