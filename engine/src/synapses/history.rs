//! Spikes of the last steps, kept for as long as the longest delay needs them.

use std::ops::Range;

/// Spikes of one step: neurons of every population, ascending.
#[derive(Clone, Debug, Default)]
pub struct StepSpikes {
    /// Index in the population.
    pub neurons: Vec<u32>,
    /// End of each population in `neurons`.
    pub ends: Vec<u32>,
}

impl StepSpikes {
    /// The neurons of one population that spiked.
    #[inline]
    pub fn of(&self, population: usize) -> &[u32] {
        &self.neurons[self.range(population)]
    }

    #[inline]
    fn range(&self, population: usize) -> Range<usize> {
        let Some(&end) = self.ends.get(population) else { return 0..0 };
        let start = if population == 0 { 0 } else { self.ends[population - 1] };
        start as usize..end as usize
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.neurons.clear();
        self.ends.clear();
    }
}

/// A ring of steps; its length is a power of two, so that looking back is a mask and no division.
#[derive(Clone, Debug)]
pub struct History {
    ring: Vec<StepSpikes>,
}

impl History {
    /// Room for the last `steps` steps at least.
    pub fn new(steps: usize) -> Self {
        History { ring: vec![StepSpikes::default(); steps.next_power_of_two()] }
    }

    /// Spikes stamped `tick`, which must lie within the room; empty before the first step.
    #[inline]
    pub fn at(&self, tick: u64) -> &StepSpikes {
        &self.ring[tick as usize & (self.ring.len() - 1)]
    }

    /// The same, to be filled.
    pub fn at_mut(&mut self, tick: u64) -> &mut StepSpikes {
        let mask = self.ring.len() - 1;
        &mut self.ring[tick as usize & mask]
    }

    /// Room in steps.
    pub fn steps(&self) -> usize {
        self.ring.len()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.ring.iter().map(|s| 4 * (s.neurons.capacity() + s.ends.capacity())).sum()
    }
}
