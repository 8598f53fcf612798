//! The quantum of each receptor: weights are whole numbers of it, so that sums of inputs do not depend on their order.
//!
//! A power of two, as small as a sum allows that can never overflow: the largest of Σ (in-degree × largest |weight|)
//! over the receptor's neurons must fit, with the most events that inputs can bring. All factors are known before a weight
//! is drawn and do not depend on tiles.

/// What is known about the weights onto one receptor of one population: of synapses, and of the events of inputs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Load {
    /// Largest over neurons of Σ in-degree × largest |weight|.
    pub sum: f64,
    /// Largest in-degree.
    pub degree: f64,
    /// Largest |weight|.
    pub largest: f64,
    /// Smallest typical |weight| of a projection or input.
    pub typical: f64,
    /// Largest |weight| that is stored one by one.
    pub individual: f64,
}

/// Largest relative rounding of weights with 32-bit sums; coarser networks are summed in 64 bits.
pub const ROUNDING: f64 = 1e-5;

/// Smallest power of two that is at least `x`.
fn power_of_two(x: f64) -> f64 {
    let mut q = libm::exp2(libm::floor(libm::log2(x)));
    while q < x {
        q *= 2.0;
    }
    q
}

impl Load {
    /// The quantum for sums of 32 or 64 bits, of weights of 32 or 16 bits; 1 where there is nothing to weigh.
    pub fn quantum(&self, wide: bool, compact: bool) -> f64 {
        if self.largest == 0.0 {
            return 1.0;
        }
        // Rounding adds up to half a quantum per synapse.
        let by_sum = if wide { self.sum / 4e18 } else { self.sum / (f64::from(i32::MAX) - self.degree).max(1.0) };
        let by_weight = self.largest / f64::from(i32::MAX - 1);
        // Weights that are stored one by one take the fewer bits the coarser the quantum is.
        let by_storage = match compact {
            true => self.individual / f64::from(i16::MAX),
            false if self.individual > 0.0 => ROUNDING * self.typical,
            false => 0.0,
        };
        power_of_two(by_sum.max(by_weight).max(by_storage))
    }

    /// Largest rounding of a weight relative to a typical weight, for a quantum.
    pub fn rounding(&self, quantum: f64) -> f64 {
        if self.typical > 0.0 { 0.5 * quantum / self.typical } else { 0.0 }
    }

    /// Takes a kind of weights into account.
    pub fn include_weight(&mut self, largest: f64, typical: f64) {
        self.largest = self.largest.max(largest);
        if typical > 0.0 {
            self.typical = if self.typical == 0.0 { typical } else { self.typical.min(typical) };
        }
    }

    /// Quanta that are left in a sum of 32 or 64 bits.
    pub fn headroom(&self, quantum: f64, wide: bool) -> f64 {
        let most = if wide { 4e18 } else { f64::from(i32::MAX) };
        most - self.sum / quantum - 0.5 * self.degree
    }

    /// The larger of both, item by item.
    pub fn merge(&mut self, other: &Load) {
        self.sum = self.sum.max(other.sum);
        self.degree = self.degree.max(other.degree);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_sum_fits_and_the_quantum_is_no_coarser_than_needed() {
        for (degree, weight) in [(1.0, 1.0), (3000.0, 87.8), (12500.0, 0.5), (40000.0, 1e-3), (2e9, 1.0)] {
            let load = Load { sum: degree * weight, degree, largest: weight, typical: weight, individual: 0.0 };
            for wide in [false, true] {
                let q = load.quantum(wide, false);
                let quanta = degree * (weight / q).round();
                let limit = if wide { i64::MAX as f64 } else { f64::from(i32::MAX) };
                assert!(quanta <= limit, "{degree} × {weight}: {quanta} quanta do not fit");
                assert!(wide || quanta >= limit / 4.0 || degree > 1e8, "{degree} × {weight}: quantum {q} is coarse");
                assert_eq!(q.log2().fract(), 0.0);
                // Stored one by one, weights are rounded as far as is allowed, unless the sum already asks for more.
                let q = Load { individual: weight, ..load }.quantum(wide, false);
                let rounding = load.rounding(q);
                assert!(rounding > 0.5 * ROUNDING && (rounding <= ROUNDING || q == load.quantum(wide, false)));
            }
        }
        assert!(
            Load { sum: 12500.0 * 0.1, degree: 12500.0, largest: 0.1, typical: 0.1, individual: 0.0 }
                .rounding(2f64.powi(-20))
                < ROUNDING
        );
    }
}
