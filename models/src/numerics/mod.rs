//! Arithmetic that gives the same bits on every machine: elementary functions, random numbers, sums of weights.

pub mod accumulate;
#[cfg(test)]
pub(crate) mod goodness_of_fit;
pub mod math;
pub mod random;
