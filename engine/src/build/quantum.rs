//! The quantum of each receptor. Weights are whole numbers of the quantum. A sum of integers does not depend on the
//! order of addition.
//!
//! The quantum is a power of two, and so large that no sum can overflow: even if all sources of a neuron spike in the
//! same step with the largest |weight|, and all inputs bring their largest number of events, the sum must fit. All
//! these numbers are known before a weight is drawn, and do not depend on tiles.

/// Bounds on the weights onto one receptor of one population, from synapses and from events of inputs.
#[derive(Clone, Copy, Debug, Default)]
pub struct WeightBounds {
    /// Largest |sum of weights| that one neuron can receive in a step: Σ over projections and inputs of (number of
    /// synapses or events × largest |weight|).
    pub sum: f64,
    /// Largest number of synapses and events that one neuron can receive in a step.
    pub in_degree: f64,
    /// Largest |weight|.
    pub largest: f64,
    /// Smallest typical |weight| of a projection or input.
    pub typical: f64,
    /// Largest |weight| among drawn weights, which are stored for each synapse.
    pub largest_individual: f64,
}

/// Largest rounding of a weight with 32-bit sums, as a fraction of the typical weight. If rounding would be larger,
/// inputs are summed in 64 bits.
pub const LARGEST_ROUNDING: f64 = 1e-5;

/// Smallest power of two that is at least `x`.
fn power_of_two(x: f64) -> f64 {
    let mut q = libm::exp2(libm::floor(libm::log2(x)));
    while q < x {
        q *= 2.0;
    }
    q
}

impl WeightBounds {
    /// The quantum for sums of 64 (`wide`) or 32 bits, and weights of 16 (`compact`) or 32 bits. 1 if all weights are
    /// 0.
    pub fn quantum(&self, wide: bool, compact: bool) -> f64 {
        if self.largest == 0.0 {
            return 1.0;
        }
        // Rounding can add half a quantum per synapse.
        let by_sum = if wide { self.sum / 4e18 } else { self.sum / (f64::from(i32::MAX) - self.in_degree).max(1.0) };
        let by_weight = self.largest / f64::from(i32::MAX - 1);
        // The coarser the quantum, the fewer bits each drawn weight takes.
        let by_storage = match compact {
            true => self.largest_individual / f64::from(i16::MAX),
            false if self.largest_individual > 0.0 => LARGEST_ROUNDING * self.typical,
            false => 0.0,
        };
        power_of_two(by_sum.max(by_weight).max(by_storage))
    }

    /// Largest rounding of a weight with this quantum, as a fraction of the smallest typical weight.
    pub fn rounding(&self, quantum: f64) -> f64 {
        if self.typical > 0.0 { 0.5 * quantum / self.typical } else { 0.0 }
    }

    /// Includes the weights of a projection or input, given their largest and typical |weight|.
    pub fn include_weight(&mut self, largest: f64, typical: f64) {
        self.largest = self.largest.max(largest);
        if typical > 0.0 {
            self.typical = if self.typical == 0.0 { typical } else { self.typical.min(typical) };
        }
    }

    /// How many quanta can be added to the largest sum before 32 or 64 (`wide`) bits overflow.
    pub fn headroom(&self, quantum: f64, wide: bool) -> f64 {
        let most = if wide { 4e18 } else { f64::from(i32::MAX) };
        most - self.sum / quantum - 0.5 * self.in_degree
    }

    /// Includes sum and in-degree of the neurons of another tile.
    pub fn include_tile(&mut self, tile: &WeightBounds) {
        self.sum = self.sum.max(tile.sum);
        self.in_degree = self.in_degree.max(tile.in_degree);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_sum_fits_and_the_quantum_is_no_coarser_than_needed() {
        for (degree, weight) in [(1.0, 1.0), (3000.0, 87.8), (12500.0, 0.5), (40000.0, 1e-3), (2e9, 1.0)] {
            let sum = degree * weight;
            let bounds =
                WeightBounds { sum, in_degree: degree, largest: weight, typical: weight, largest_individual: 0.0 };
            for wide in [false, true] {
                let q = bounds.quantum(wide, false);
                let quanta = degree * (weight / q).round();
                let limit = if wide { i64::MAX as f64 } else { f64::from(i32::MAX) };
                assert!(quanta <= limit, "{degree} × {weight}: {quanta} quanta do not fit");
                assert!(wide || quanta >= limit / 4.0 || degree > 1e8, "{degree} × {weight}: quantum {q} is coarse");
                assert_eq!(q.log2().fract(), 0.0);
                // Drawn weights are rounded as much as is allowed, or more if the sum needs a coarser quantum.
                let q = WeightBounds { largest_individual: weight, ..bounds }.quantum(wide, false);
                let rounding = bounds.rounding(q);
                assert!(rounding > 0.5 * LARGEST_ROUNDING);
                assert!(rounding <= LARGEST_ROUNDING || q == bounds.quantum(wide, false));
            }
        }
        let bounds = WeightBounds {
            sum: 12500.0 * 0.1,
            in_degree: 12500.0,
            largest: 0.1,
            typical: 0.1,
            largest_individual: 0.0,
        };
        assert!(bounds.rounding(2f64.powi(-20)) < LARGEST_ROUNDING);
    }
}
