//! Drawing values from distributions: parameters and initial values of neurons, weights and delays of synapses.
//!
//! A sampler is a [`Value`] with final bounds: a weight has the sign of the mean, a delay is at least half a step. A
//! sampler also knows hard bounds of the values that it can return ([`Sampler::bounds`]). The quantum of the weights is
//! chosen from these bounds.

use crate::plan::{Shape, Value};
use lapicque_models::columns::LANES;
use lapicque_models::numerics::math;
use lapicque_models::numerics::random::{Lanes, NORMAL_BOUND, Purpose, Stream};
use lapicque_models::vector::{Instructions, Kernel, dispatch};

/// A constant, or a distribution with final bounds.
#[derive(Clone, Copy, Debug)]
pub struct Sampler {
    value: Value,
}

impl Sampler {
    /// A sampler with the bounds of the value.
    pub fn new(value: Value) -> Self {
        Sampler { value }
    }

    /// A sampler of weights: a draw whose sign differs from that of the mean is repeated. A mean of 0 allows both
    /// signs.
    pub fn weight(value: Value) -> Self {
        let mean = mean(&value);
        match value {
            Value::Constant(_) => Sampler { value },
            Value::Drawn { shape, min, max } if mean > 0.0 => {
                Sampler { value: Value::Drawn { shape, min: min.max(0.0), max } }
            }
            Value::Drawn { shape, min, max } if mean < 0.0 => {
                Sampler { value: Value::Drawn { shape, min, max: max.min(0.0) } }
            }
            Value::Drawn { .. } => Sampler { value },
        }
    }

    /// A sampler of delays. `value` is in ms, the draws are in steps of `dt` ms. A draw below half a step is repeated.
    /// [`Sampler::steps`] rounds a draw to whole steps.
    pub fn delay(value: Value, dt: f64) -> Self {
        match value {
            Value::Constant(ms) => Sampler { value: Value::Constant(ms / dt) },
            Value::Drawn { shape, min, max } => {
                let shape = match shape {
                    Shape::Uniform { low, high } => Shape::Uniform { low: low / dt, high: high / dt },
                    Shape::Normal { mean, sd } => Shape::Normal { mean: mean / dt, sd: sd / dt },
                    Shape::LogNormal { mean, sd } => Shape::LogNormal { mean: mean / dt, sd: sd / dt },
                };
                Sampler { value: Value::Drawn { shape, min: (min / dt).max(0.5), max: max / dt } }
            }
        }
    }

    /// A delay rounded to the nearest whole number of steps, at least one.
    pub fn steps(delay: f64) -> u32 {
        ((delay + 0.5) as u32).max(1)
    }

    /// The value, if it is a constant.
    pub fn constant(&self) -> Option<f64> {
        match self.value {
            Value::Constant(value) => Some(value),
            Value::Drawn { .. } => None,
        }
    }

    /// Bounds of all values that can be drawn: smallest and largest. A normal deviate lies within ±[`NORMAL_BOUND`]
    /// standard deviations.
    pub fn bounds(&self) -> (f64, f64) {
        match self.value {
            Value::Constant(value) => (value, value),
            Value::Drawn { shape, min, max } => {
                let (low, high) = match shape {
                    Shape::Uniform { low, high } => (low, high),
                    Shape::Normal { mean, sd } => (mean - NORMAL_BOUND * sd, mean + NORMAL_BOUND * sd),
                    Shape::LogNormal { mean, sd } => {
                        let (mu, sigma) = log_parameters(mean, sd);
                        let (low, high) = (math::exp(mu - NORMAL_BOUND * sigma), math::exp(mu + NORMAL_BOUND * sigma));
                        if mean < 0.0 { (-high, -low) } else { (low, high) }
                    }
                };
                (low.max(min), high.min(max))
            }
        }
    }

    /// Probability that one draw lies within the bounds.
    pub fn acceptance(&self) -> f64 {
        let Value::Drawn { shape, min, max } = self.value else { return 1.0 };
        let normal_cdf = |z: f64| 0.5 * libm::erfc(-z / std::f64::consts::SQRT_2);
        let normal_between = |low: f64, high: f64, mean: f64, sd: f64| {
            if sd > 0.0 {
                normal_cdf((high - mean) / sd) - normal_cdf((low - mean) / sd)
            } else {
                f64::from(u8::from(low <= mean && mean <= high))
            }
        };
        match shape {
            Shape::Uniform { low, high } if low < high => ((high.min(max) - low.max(min)) / (high - low)).max(0.0),
            Shape::Uniform { low, .. } => f64::from(u8::from(min <= low && low <= max)),
            Shape::Normal { mean, sd } => normal_between(min, max, mean, sd),
            Shape::LogNormal { mean, sd } => {
                let (mu, sigma) = log_parameters(mean, sd);
                let (low, high) = if mean < 0.0 { (-max, -min) } else { (min, max) };
                normal_between(libm::log(low.max(0.0)), libm::log(high.max(0.0)), mu, sigma)
            }
        }
    }

    /// Largest absolute value that can be drawn.
    pub fn largest(&self) -> f64 {
        let (low, high) = self.bounds();
        low.abs().max(high.abs())
    }

    /// Whether all values have the sign of the mean even without bounds, which is so for a lognormal.
    pub fn has_one_sign(&self) -> bool {
        matches!(self.value, Value::Drawn { shape: Shape::LogNormal { .. }, .. })
    }

    /// Mean of the distribution without bounds.
    pub fn mean(&self) -> f64 {
        mean(&self.value)
    }

    /// Draws one value. Repeats the draw until the value lies within the bounds.
    pub fn draw(&self, stream: &mut Stream) -> f64 {
        match self.value {
            Value::Constant(value) => value,
            Value::Drawn { shape, min, max } => loop {
                let x = match shape {
                    Shape::Uniform { low, high } => low + (high - low) * stream.uniform(),
                    Shape::Normal { mean, sd } => mean + sd * stream.normal(),
                    Shape::LogNormal { mean, sd } => {
                        let (mu, sigma) = log_parameters(mean, sd);
                        math::exp(mu + sigma * stream.normal()).copysign(mean)
                    }
                };
                if x >= min && x <= max {
                    return x;
                }
            },
        }
    }

    /// Fills `out` with draws from the random stream of (seed, purpose, identity). Values outside the bounds are then
    /// replaced one by one from a second stream.
    pub fn fill(&self, seed: u64, purpose: Purpose, identity: [u64; 2], out: &mut [f64]) {
        let Value::Drawn { shape, min, max } = self.value else {
            out.fill(self.constant().unwrap_or(f64::NAN));
            return;
        };
        if !dispatch(Fill { lanes: Lanes::new(seed, purpose, identity), shape, min, max, out: &mut *out }) {
            return;
        }
        let mut stream = Stream::new(seed, Purpose::Redraw, [identity[0] << 4 | purpose as u64, identity[1]]);
        for x in out {
            if *x < min || *x > max {
                *x = self.draw(&mut stream);
            }
        }
    }
}

/// Fills `out` without regard to the bounds. Returns whether any value lies outside the bounds.
struct Fill<'a> {
    lanes: Lanes,
    shape: Shape,
    min: f64,
    max: f64,
    out: &'a mut [f64],
}

impl Kernel for Fill<'_> {
    type Output = bool;
    #[inline(always)]
    fn run(mut self, _: impl Instructions) -> bool {
        let mut outside = false;
        for part in self.out.chunks_mut(2 * LANES) {
            let mut x = [0.0; 2 * LANES];
            match self.shape {
                Shape::Uniform { low, high } => {
                    let bits = [self.lanes.next(), self.lanes.next()];
                    for (x, bits) in x.iter_mut().zip(bits.as_flattened()) {
                        *x = low + (high - low) * ((f64::from(*bits) + 0.5) * (1.0 / 4_294_967_296.0));
                    }
                }
                Shape::Normal { mean, sd } => {
                    for (x, z) in x.iter_mut().zip(self.lanes.normals()) {
                        *x = mean + sd * f64::from(z);
                    }
                }
                Shape::LogNormal { mean, sd } => {
                    let (mu, sigma) = log_parameters(mean, sd);
                    for (x, z) in x.iter_mut().zip(self.lanes.normals()) {
                        *x = math::exp(mu + sigma * f64::from(z)).copysign(mean);
                    }
                }
            }
            part.copy_from_slice(&x[..part.len()]);
            for x in part {
                outside |= *x < self.min || *x > self.max;
            }
        }
        outside
    }
}

fn mean(value: &Value) -> f64 {
    match *value {
        Value::Constant(value) => value,
        Value::Drawn { shape, .. } => match shape {
            Shape::Uniform { low, high } => 0.5 * (low + high),
            Shape::Normal { mean, .. } | Shape::LogNormal { mean, .. } => mean,
        },
    }
}

/// Mean and standard deviation of ln|x|, given mean and standard deviation of x.
fn log_parameters(mean: f64, sd: f64) -> (f64, f64) {
    let variance = libm::log1p((sd / mean) * (sd / mean));
    (libm::log(mean.abs()) - 0.5 * variance, libm::sqrt(variance))
}
