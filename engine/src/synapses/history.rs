//! The spikes of the last steps, kept until the longest delay has passed.

use std::ops::Range;

/// Spikes of one step: the neurons that spiked, population after population, ascending in each.
#[derive(Clone, Debug, Default)]
pub struct StepSpikes {
    /// Index of each neuron in its population.
    pub neurons: Vec<u32>,
    /// Where the neurons of each population end in `neurons`.
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

    /// Removes all spikes.
    pub fn clear(&mut self) {
        self.neurons.clear();
        self.ends.clear();
    }
}

/// A ring buffer of steps. Its length is a power of two, so that a mask replaces the division by the length.
#[derive(Clone, Debug)]
pub struct History {
    ring: Vec<StepSpikes>,
}

impl History {
    /// A history of at least the last `steps` steps.
    pub fn new(steps: usize) -> Self {
        History { ring: vec![StepSpikes::default(); steps.next_power_of_two()] }
    }

    /// Spikes stamped `tick`, which must be one of the steps kept. Empty before the first step.
    #[inline]
    pub fn at(&self, tick: u64) -> &StepSpikes {
        &self.ring[tick as usize & (self.ring.len() - 1)]
    }

    /// The same spikes, to be changed.
    pub fn at_mut(&mut self, tick: u64) -> &mut StepSpikes {
        let mask = self.ring.len() - 1;
        &mut self.ring[tick as usize & mask]
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.ring.iter().map(|s| 4 * (s.neurons.capacity() + s.ends.capacity())).sum()
    }
}
