//! The first difference between two recordings, in time and neuron, or none: `lapicque diff A B`.
//!
//! `/spikes`, `/activity` and `/traces` are compared bit for bit, attributes included; `/provenance` differs by nature
//! and is not looked at. Files are read in blocks, so their size does not matter.

use super::error::{ReadError, listed};
use super::reader::{Reader, Spikes};
use std::fmt;
use std::path::Path;

/// Values read at a time from each file.
const VALUES_AT_A_TIME: u64 = 262_144;

/// The outcome of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// No bit differs.
    None,
    /// The files do not hold the same kind of thing: the first such difference, in words.
    Content(String),
    /// The earliest value that differs.
    Value {
        /// What differs: "spikes of population \"E\"".
        of: String,
        /// When.
        time_ms: f64,
        /// At which neuron, where it is one neuron's.
        neuron: Option<u64>,
        /// How, in words.
        how: String,
    },
}

impl Difference {
    /// Whether the files are the same.
    pub fn is_none(&self) -> bool {
        matches!(self, Difference::None)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::None => f.write_str("no difference in spikes, activity and traces"),
            Difference::Content(words) => f.write_str(words),
            Difference::Value { of, time_ms, neuron: Some(neuron), how } => {
                write!(f, "{of}: at {time_ms} ms neuron {neuron} {how}")
            }
            Difference::Value { of, time_ms, neuron: None, how } => write!(f, "{of}: at {time_ms} ms {how}"),
        }
    }
}

/// A difference of values, to be compared with others in time.
struct Found {
    of: String,
    time_ms: f64,
    neuron: Option<u64>,
    how: String,
}

/// Compares two recordings.
pub fn compare(a: impl AsRef<Path>, b: impl AsRef<Path>) -> Result<Difference, ReadError> {
    let (a, b) = (Reader::open(a)?, Reader::open(b)?);
    if let Some(words) = content(&a, &b)? {
        return Ok(Difference::Content(words));
    }
    let mut first: Option<Found> = None;
    let mut keep = |found: Option<Found>| {
        if let Some(found) = found
            && first.as_ref().is_none_or(|first| earlier(&found, first))
        {
            first = Some(found);
        }
    };
    for population in a.spike_populations()? {
        keep(spikes(&a, &b, &population)?);
    }
    for (population, variable) in a.traces()? {
        keep(traces(&a, &b, &population, &variable)?);
    }
    for population in a.activity_populations()? {
        keep(activity(&a, &b, &population)?);
    }
    if let Some(Found { of, time_ms, neuron, how }) = first {
        return Ok(Difference::Value { of, time_ms, neuron, how });
    }
    Ok(ends(&a, &b)?.map_or(Difference::None, Difference::Content))
}

/// Whether one difference comes clearly before another. The times of bins are sums and may be off by rounding: what
/// was found first wins a tie, and spikes are looked at first.
fn earlier(found: &Found, first: &Found) -> bool {
    let slack = 1e-9 * first.time_ms.abs();
    found.time_ms < first.time_ms - slack
        || ((found.time_ms - first.time_ms).abs() <= slack
            && matches!((found.neuron, first.neuron), (Some(found), Some(first)) if found < first))
}

/// Differences that make a comparison of values meaningless.
fn content(a: &Reader, b: &Reader) -> Result<Option<String>, ReadError> {
    let named = |kind: &str, a: &[String], b: &[String]| {
        (a != b).then(|| format!("{kind}: A holds {}, B holds {}", listed(a), listed(b)))
    };
    let (spikes_a, spikes_b) = (a.spike_populations()?, b.spike_populations()?);
    let (activity_a, activity_b) = (a.activity_populations()?, b.activity_populations()?);
    let (traces_a, traces_b) = (a.traces()?, b.traces()?);
    let flat = |traces: &[(String, String)]| traces.iter().map(|(p, v)| format!("{v} of {p}")).collect::<Vec<_>>();
    if let Some(words) = named("spikes of populations", &spikes_a, &spikes_b)
        .or_else(|| named("activity of populations", &activity_a, &activity_b))
        .or_else(|| named("traces", &flat(&traces_a), &flat(&traces_b)))
    {
        return Ok(Some(words));
    }
    for population in &spikes_a {
        let (x, y) = (a.spike_attributes(population)?, b.spike_attributes(population)?);
        let of = format!("spikes of population \"{population}\"");
        if let Some(words) = unequal(&of, "neurons in the population", &x.size, &y.size)
            .or_else(|| unequal(&of, "recorded neurons", &x.recorded, &y.recorded))
            .or_else(|| unequal(&of, "grid step in ms", &x.dt_ms, &y.dt_ms))
            .or_else(|| unequal(&of, "start in ms", &x.t_start_ms, &y.t_start_ms))
        {
            return Ok(Some(words));
        }
    }
    for population in &activity_a {
        let (x, y) = (a.activity_attributes(population)?, b.activity_attributes(population)?);
        let of = format!("activity of population \"{population}\"");
        if let Some(words) = unequal(&of, "neurons in the population", &x.size, &y.size)
            .or_else(|| unequal(&of, "bin in ms", &x.bin_ms, &y.bin_ms))
            .or_else(|| unequal(&of, "start in ms", &x.t_start_ms, &y.t_start_ms))
        {
            return Ok(Some(words));
        }
    }
    for (population, variable) in &traces_a {
        let (x, y) = (a.trace_attributes(population, variable)?, b.trace_attributes(population, variable)?);
        let of = format!("trace of {variable} of population \"{population}\"");
        if x.node_ids != y.node_ids {
            return Ok(Some(format!("{of}: the recorded neurons differ")));
        }
        if let Some(words) = unequal(&of, "unit", &x.units, &y.units)
            .or_else(|| unequal(&of, "start in ms", &x.start_ms, &y.start_ms))
            .or_else(|| unequal(&of, "interval in ms", &x.interval_ms, &y.interval_ms))
        {
            return Ok(Some(words));
        }
    }
    Ok(None)
}

fn unequal<T: PartialEq + fmt::Debug>(of: &str, what: &str, a: &T, b: &T) -> Option<String> {
    (a != b).then(|| format!("{of}: {what}: {a:?} in A, {b:?} in B"))
}

/// Recordings with the same values that claim to reach different times.
fn ends(a: &Reader, b: &Reader) -> Result<Option<String>, ReadError> {
    for population in a.spike_populations()? {
        let (x, y) = (a.spike_attributes(&population)?.t_stop_ms, b.spike_attributes(&population)?.t_stop_ms);
        if x != y {
            return Ok(Some(format!("A is complete up to {x} ms, B up to {y} ms; up to there they are the same")));
        }
    }
    Ok(None)
}

fn spikes(a: &Reader, b: &Reader, population: &str) -> Result<Option<Found>, ReadError> {
    let of = || format!("spikes of population \"{population}\"");
    let mut start = 0;
    loop {
        let (x, y) = (
            a.spikes_in(population, start..start + VALUES_AT_A_TIME)?,
            b.spikes_in(population, start..start + VALUES_AT_A_TIME)?,
        );
        let longer = x.times_ms.len().max(y.times_ms.len());
        for index in 0..longer {
            let (s, t) = (spike(&x, index), spike(&y, index));
            let (only, (time_ms, neuron)) = match (s, t) {
                (Some(s), Some(t)) if s.0.to_bits() == t.0.to_bits() && s.1 == t.1 => continue,
                (Some(s), Some(t)) if t.0 < s.0 || (t.0 == s.0 && t.1 < s.1) => ("B", t),
                (Some(s), _) => ("A", s),
                (None, Some(t)) => ("B", t),
                (None, None) => continue,
            };
            return Ok(Some(Found { of: of(), time_ms, neuron: Some(neuron), how: format!("spikes in {only} only") }));
        }
        if longer == 0 {
            return Ok(None);
        }
        start += VALUES_AT_A_TIME;
    }
}

fn spike(spikes: &Spikes, index: usize) -> Option<(f64, u64)> {
    Some((*spikes.times_ms.get(index)?, *spikes.neurons.get(index)?))
}

fn activity(a: &Reader, b: &Reader, population: &str) -> Result<Option<Found>, ReadError> {
    let mut start = 0;
    loop {
        let (x, y) = (
            a.activity_in(population, start..start + VALUES_AT_A_TIME)?,
            b.activity_in(population, start..start + VALUES_AT_A_TIME)?,
        );
        let longer = x.spike_count.len().max(y.spike_count.len());
        for index in 0..longer {
            let (m, n) = (x.spike_count.get(index), y.spike_count.get(index));
            let bits = |rates: &[f64]| rates.get(index).map(|rate| rate.to_bits());
            if m == n && bits(&x.rate_hz) == bits(&y.rate_hz) {
                continue;
            }
            let bin = start + index as u64;
            let time_ms = x.attributes.t_start_ms + (bin + 1) as f64 * x.attributes.bin_ms;
            let how = match (m, n) {
                (Some(m), Some(n)) => format!("the bin that ends there counts {m} spikes in A, {n} in B"),
                (Some(_), None) => "A has a bin, B has ended".to_string(),
                _ => "B has a bin, A has ended".to_string(),
            };
            return Ok(Some(Found {
                of: format!("activity of population \"{population}\""),
                time_ms,
                neuron: None,
                how,
            }));
        }
        if longer == 0 {
            return Ok(None);
        }
        start += VALUES_AT_A_TIME;
    }
}

fn traces(a: &Reader, b: &Reader, population: &str, variable: &str) -> Result<Option<Found>, ReadError> {
    let of = || format!("trace of {variable} of population \"{population}\"");
    let attributes = a.trace_attributes(population, variable)?;
    let (width, units) = (attributes.node_ids.len().max(1), &attributes.units);
    let rows = (VALUES_AT_A_TIME / width as u64).max(1);
    let mut start = 0;
    loop {
        let x = a.trace_rows(population, variable, start..start + rows)?;
        let y = b.trace_rows(population, variable, start..start + rows)?;
        let time_ms =
            |index: usize| attributes.start_ms + (start + (index / width) as u64) as f64 * attributes.interval_ms;
        if let Some(index) = x.iter().zip(&y).position(|(u, v)| u.to_bits() != v.to_bits()) {
            return Ok(Some(Found {
                of: of(),
                time_ms: time_ms(index),
                neuron: attributes.node_ids.get(index % width).copied(),
                how: format!("has {:?} {units} in A, {:?} {units} in B", x[index], y[index]),
            }));
        }
        if x.len() != y.len() {
            let (more, ended) = if x.len() > y.len() { ("A", "B") } else { ("B", "A") };
            let how = format!("{more} has a row, {ended} has ended");
            return Ok(Some(Found { of: of(), time_ms: time_ms(x.len().min(y.len())), neuron: None, how }));
        }
        if x.is_empty() {
            return Ok(None);
        }
        start += rows;
    }
}
