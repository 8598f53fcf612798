//! Spike statistics: firing rate, coefficient of variation (CV) of the intervals, pairwise correlation and spectrum of
//! the population activity.
//!
//! The definitions are those of `benches/peers/common.py`, which computed the reference figures of other simulators. So
//! the figures can be compared directly. One test compares all four statistics with the output of that program. There
//! are two differences. The neurons for the correlation are drawn with another generator. And a neuron whose counts do
//! not vary is left out of the correlation, where the Python program returns NaN.
use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

/// Width of the bins in which spikes are counted for correlations, ms.
const COUNT_BIN_MS: f64 = 5.0;
/// Number of neurons drawn for correlations.
const CORRELATED_NEURONS: usize = 200;
/// Width of the bins of population activity, ms.
const ACTIVITY_BIN_MS: f64 = 0.2;
/// A neuron with fewer spikes is left out of the CV.
const LEAST_SPIKES: usize = 10;
/// Range in which the peak of the spectrum is searched, Hz.
const PEAK_RANGE_HZ: (f64, f64) = (20.0, 1000.0);

/// The spikes of one population and the window in which they are counted.
#[derive(Clone, Copy, Debug)]
pub struct Spikes<'a> {
    /// Times in steps, in any order. Spikes outside the window are ignored.
    pub ticks: &'a [u64],
    /// The neuron of each spike, from 0 to `size` − 1.
    pub neurons: &'a [u32],
    /// Number of neurons, including silent ones.
    pub size: usize,
    /// Length of a step, ms.
    pub dt_ms: f64,
    /// The window in steps: first < tick ≤ last.
    pub window: (u64, u64),
}

/// Power spectral density of the population's spike count per 0.2 ms bin.
#[derive(Clone, Debug)]
pub struct Spectrum {
    /// Distance between neighbouring frequencies, Hz. The first frequency is 0.
    pub step_hz: f64,
    /// One-sided density, spikes² per bin² and Hz.
    pub density: Vec<f64>,
}

impl Spectrum {
    /// The frequency in Hz between 20 and 1000 Hz at which the density is largest.
    pub fn peak_hz(&self) -> f64 {
        let (mut best, mut peak) = (f64::NEG_INFINITY, f64::NAN);
        for (k, &power) in self.density.iter().enumerate() {
            let frequency = k as f64 * self.step_hz;
            if (PEAK_RANGE_HZ.0..=PEAK_RANGE_HZ.1).contains(&frequency) && power > best {
                (best, peak) = (power, frequency);
            }
        }
        peak
    }
}

impl Spikes<'_> {
    /// Spikes per neuron and second, Hz.
    pub fn rate(&self) -> f64 {
        self.in_window().count() as f64 / self.size as f64 / (self.duration_ms() * 1e-3)
    }

    /// CV of the interspike intervals: their standard deviation (with divisor n) over their mean, averaged over the
    /// neurons with at least 10 spikes. `None` if no neuron has 10 spikes.
    pub fn cv(&self) -> Option<f64> {
        let mut trains = vec![Vec::new(); self.size];
        for (tick, neuron) in self.in_window() {
            trains[neuron as usize].push(tick);
        }
        let (mut sum, mut neurons) = (0.0, 0.0);
        for train in trains.iter_mut().filter(|train| train.len() >= LEAST_SPIKES) {
            train.sort_unstable();
            let intervals: Vec<f64> = train.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
            let (mean, variance) = moments(&intervals);
            sum += variance.sqrt() / mean;
            neurons += 1.0;
        }
        (neurons > 0.0).then(|| sum / neurons)
    }

    /// Mean Pearson correlation of the spike counts in 5 ms bins. The mean is over all pairs among 200 neurons drawn
    /// with `seed`; neurons whose counts do not vary are left out. `None` if fewer than three neurons remain.
    pub fn correlation(&self, seed: u64) -> Option<f64> {
        let bins = (self.duration_ms() / COUNT_BIN_MS + 1e-9).floor() as usize;
        let mut position = vec![usize::MAX; self.size];
        let chosen = choose(self.size, CORRELATED_NEURONS, seed);
        for (i, &neuron) in chosen.iter().enumerate() {
            position[neuron] = i;
        }
        let mut counts = vec![vec![0.0; bins]; chosen.len()];
        for (tick, neuron) in self.in_window() {
            if let Some(counts) = counts.get_mut(position[neuron as usize]) {
                counts[self.bin(tick, COUNT_BIN_MS, bins)] += 1.0;
            }
        }
        // Let z be the standardised counts. The mean over the bins of (sum of z over the neurons)² is the sum of the
        // correlations of all ordered pairs, including each neuron with itself.
        let (mut sum, mut neurons) = (vec![0.0; bins], 0.0);
        for counts in &counts {
            let (mean, variance) = moments(counts);
            if variance > 0.0 {
                for (sum, count) in sum.iter_mut().zip(counts) {
                    *sum += (count - mean) / variance.sqrt();
                }
                neurons += 1.0;
            }
        }
        let correlations = sum.iter().map(|z| z * z).sum::<f64>() / bins as f64;
        (neurons >= 3.0).then(|| (correlations - neurons) / (neurons * (neurons - 1.0)))
    }

    /// Spectrum of the population activity by Welch's method: 0.2 ms bins, periodic Hann window, mean removed. The
    /// segments last 1 s (or the whole window if it is shorter) and overlap by half.
    pub fn spectrum(&self) -> Spectrum {
        let bins = (self.duration_ms() / ACTIVITY_BIN_MS).round() as usize;
        let mut activity = vec![0.0; bins];
        for (tick, _) in self.in_window() {
            activity[self.bin(tick, ACTIVITY_BIN_MS, bins)] += 1.0;
        }
        welch(&activity, 1000.0 / ACTIVITY_BIN_MS)
    }

    /// The spikes in the window: tick and neuron.
    fn in_window(&self) -> impl Iterator<Item = (u64, u32)> {
        let (first, last) = self.window;
        let all = self.ticks.iter().copied().zip(self.neurons.iter().copied());
        all.filter(move |&(tick, _)| tick > first && tick <= last)
    }

    fn duration_ms(&self) -> f64 {
        (self.window.1 - self.window.0) as f64 * self.dt_ms
    }

    /// Index of the bin that holds `tick`. Like the window, a bin excludes its lower end and includes its upper end. If
    /// the window is not a whole number of bins, the last bin takes the rest.
    fn bin(&self, tick: u64, width_ms: f64, bins: usize) -> usize {
        let since = (tick - self.window.0) as f64 * self.dt_ms - 1e-6;
        ((since.max(0.0) / width_ms) as usize).min(bins - 1)
    }
}

/// Mean and variance with divisor n.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / n)
}

/// Draws `count` numbers below `size` without replacement; all of them if `size` is smaller than `count`.
fn choose(size: usize, count: usize, seed: u64) -> Vec<usize> {
    let mut state = seed;
    let mut numbers: Vec<usize> = (0..size).collect();
    for i in 0..count.min(size) {
        let j = i + (split_mix(&mut state) % (size - i) as u64) as usize;
        numbers.swap(i, j);
    }
    numbers.truncate(count);
    numbers
}

/// The SplitMix64 generator (Steele, Lea and Flood 2014).
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Power spectral density of `values`, sampled at `sampling_hz`, by Welch's method.
fn welch(values: &[f64], sampling_hz: f64) -> Spectrum {
    let length = (sampling_hz as usize).min(values.len());
    let window: Vec<f64> =
        (0..length).map(|i| 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / length as f64).cos()).collect();
    let scale = 1.0 / (sampling_hz * window.iter().map(|w| w * w).sum::<f64>());
    let fft = FftPlanner::new().plan_fft_forward(length);
    let mut density = vec![0.0; length / 2 + 1];
    let mut segments = 0.0;
    for segment in values.windows(length).step_by(length - length / 2) {
        let (mean, _) = moments(segment);
        let weighted = segment.iter().zip(&window).map(|(value, w)| Complex::new((value - mean) * w, 0.0));
        let mut transform: Vec<Complex<f64>> = weighted.collect();
        fft.process(&mut transform);
        for (k, (density, z)) in density.iter_mut().zip(&transform).enumerate() {
            let both_sides = if k == 0 || 2 * k == length { 1.0 } else { 2.0 };
            *density += both_sides * scale * z.norm_sqr();
        }
        segments += 1.0;
    }
    density.iter_mut().for_each(|density| *density /= segments);
    Spectrum { step_hz: sampling_hz / length as f64, density }
}

mod tests {
    use super::*;

    const DT: f64 = 0.1;

    fn uniform(state: &mut u64) -> f64 {
        (split_mix(state) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Independent spikes of `size` neurons over `steps` steps. `probability` is that of a spike in a given step.
    fn bernoulli(size: usize, steps: u64, seed: u64, probability: impl Fn(u64) -> f64) -> (Vec<u64>, Vec<u32>) {
        let (mut ticks, mut neurons, mut state) = (Vec::new(), Vec::new(), seed);
        for tick in 1..=steps {
            let p = probability(tick);
            for neuron in 0..size {
                if uniform(&mut state) < p {
                    ticks.push(tick);
                    neurons.push(neuron as u32);
                }
            }
        }
        (ticks, neurons)
    }

    fn spikes<'a>(trains: &'a (Vec<u64>, Vec<u32>), size: usize, window: (u64, u64)) -> Spikes<'a> {
        Spikes { ticks: &trains.0, neurons: &trains.1, size, dt_ms: DT, window }
    }

    #[test]
    fn a_poisson_population_has_its_rate_cv_1_no_correlation_and_a_flat_spectrum() {
        let (size, steps, p) = (100, 400_000, 0.002);
        let trains = bernoulli(size, steps, 1, |_| p);
        let population = spikes(&trains, size, (0, steps));
        // 20 Hz; 80 000 spikes: standard error 0.07 Hz.
        assert!((population.rate() - 20.0).abs() < 0.3, "{}", population.rate());
        // On a time grid the CV is sqrt(1 − p) = 0.999. Standard error: 0.035 per neuron, 0.0035 for the mean.
        let cv = population.cv().expect("every neuron fires");
        assert!((cv - 0.999).abs() < 0.012, "{cv}");
        // 8000 bins, 4950 pairs: standard error 0.00016.
        let correlation = population.correlation(7).expect("every neuron fires");
        assert!(correlation.abs() < 0.001, "{correlation}");
        // One-sided density of white noise: 2 variance / sampling rate; 981 frequencies, 79 segments.
        let spectrum = population.spectrum();
        let mean = spectrum.density[20..=1000].iter().sum::<f64>() / 981.0;
        let expected = 2.0 * (2.0 * size as f64 * p * (1.0 - p)) / 5000.0;
        assert!((mean / expected - 1.0).abs() < 0.03, "{mean} {expected}");
        assert_eq!(spectrum.step_hz, 1.0);
    }

    #[test]
    fn regular_trains_have_cv_0_and_an_exact_rate() {
        let mut trains = (Vec::new(), Vec::new());
        for k in (1..=100u64).rev() {
            for neuron in 0..4 {
                trains.0.push(100 * k + u64::from(neuron) * 20);
                trains.1.push(neuron);
            }
        }
        // The fifth neuron is silent. The window excludes the spikes at its lower end.
        let population = spikes(&trains, 5, (1000, 10_000));
        assert_eq!(population.cv(), Some(0.0));
        // 90 spikes of each of four neurons in 900 ms.
        assert!((population.rate() - 80.0).abs() < 1e-12, "{}", population.rate());
    }

    #[test]
    fn alternating_intervals_have_the_cv_of_their_spread() {
        // Intervals 80, 120, 80, …: mean 100, sd 20.
        let mut trains = (Vec::new(), Vec::new());
        for k in 0..21u64 {
            trains.0.push(1 + 200 * (k / 2) + 80 * (k % 2));
            trains.1.push(0);
        }
        let cv = spikes(&trains, 1, (0, 10_000)).cv().expect("21 spikes");
        assert!((cv - 0.2).abs() < 1e-15, "{cv}");
        assert_eq!(spikes(&trains, 1, (0, 880)).cv(), None, "nine spikes are too few");
    }

    #[test]
    fn the_frequency_of_a_modulated_population_is_found() {
        for hz in [62.0, 187.0] {
            let rate = |tick: u64| 0.002 * (1.0 + 0.5 * (std::f64::consts::TAU * hz * tick as f64 * DT * 1e-3).sin());
            let trains = bernoulli(500, 50_000, 3, rate);
            // The resolution of 1 s segments is 1 Hz.
            assert_eq!(spikes(&trains, 500, (0, 50_000)).spectrum().peak_hz().round(), hz);
        }
    }

    #[test]
    fn thinned_copies_of_one_train_have_the_probability_of_a_copy_as_correlation() {
        let (size, steps, copied) = (300, 600_000, 0.3);
        let (common, _) = bernoulli(1, steps, 5, |_| 0.003);
        let (mut trains, mut state) = ((Vec::new(), Vec::new()), 6);
        for &tick in &common {
            for neuron in 0..size {
                if uniform(&mut state) < copied {
                    trains.0.push(tick);
                    trains.1.push(neuron as u32);
                }
            }
        }
        // Counts of a Poisson train thinned with probability p have covariance p² λ and variance p λ, so the
        // correlation is p. 12 000 bins, 1800 spikes of the common train: standard error about 0.005.
        let correlation = spikes(&trains, size, (0, steps)).correlation(1).expect("every neuron fires");
        assert!((correlation - copied).abs() < 0.015, "{correlation}");
    }

    #[test]
    fn the_draw_of_neurons_is_without_replacement_and_follows_the_seed() {
        let mut drawn = choose(1000, 200, 1);
        assert_ne!(drawn, choose(1000, 200, 2));
        assert_eq!(drawn, choose(1000, 200, 1));
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), 200);
        assert_eq!(choose(3, 200, 1).len(), 3);
    }

    #[test]
    fn all_estimates_agree_with_peers_common_py() {
        // The same spikes were drawn in Python and analysed by common.py (numpy 2, scipy): 50 neurons, 10 s, window
        // from 500 ms. Intervals are uniform from 1 to 1500 steps. In addition there is a common event every 161 steps,
        // at which each neuron spikes with probability 1/4. The correlation uses all neurons.
        let mut state = 42;
        let mut events = Vec::new();
        for neuron in 0..50u32 {
            let mut tick = 0;
            loop {
                tick += 1 + split_mix(&mut state) % 1500;
                if tick > 100_000 {
                    break;
                }
                events.push((tick, neuron));
            }
            for common in (161..=100_000).step_by(161) {
                if split_mix(&mut state).is_multiple_of(4) {
                    events.push((common, neuron));
                }
            }
        }
        events.sort_unstable();
        events.dedup();
        let trains = events.iter().copied().unzip();
        let population = spikes(&trains, 50, (5000, 100_000));
        let near = |value: f64, expected: f64| (value - expected).abs() < 1e-9 * expected.abs();
        assert!(near(population.rate(), 29.012631578947367), "{}", population.rate());
        assert!(population.cv().is_some_and(|cv| near(cv, 0.8225453317338985)), "{:?}", population.cv());
        // common.py stores the counts in single precision.
        let correlation = population.correlation(0);
        assert!(correlation.is_some_and(|c| (c - 0.1004296636373919).abs() < 1e-6), "{correlation:?}");
        let spectrum = population.spectrum();
        assert!(near(spectrum.peak_hz(), 559.0), "{}", spectrum.peak_hz());
        assert!(near(spectrum.density[62], 0.032473719101616866), "{}", spectrum.density[62]);
        assert!(near(spectrum.density[2500], 5.470978144144532e-05), "{}", spectrum.density[2500]);
    }
}
