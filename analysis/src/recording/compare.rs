//! Finds the first difference between two recordings; used by `lapicque diff A B`.
//!
//! `/spikes`, `/activity` and `/traces` are compared bit for bit, including their attributes. `/provenance` differs
//! between any two runs and is not compared. Values are read in parts of limited size, so files may be larger than the
//! memory.

use super::error::{ReadError, listed};
use super::reader::{Reader, Spikes};
use std::fmt;
use std::path::Path;

/// Number of values that are read from each file at a time.
const VALUES_AT_A_TIME: u64 = 262_144;

/// The outcome of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// All bits are equal.
    None,
    /// The files contain different kinds of data, or end at different times. The text describes the first such
    /// difference.
    Content(String),
    /// The earliest value that differs.
    Value {
        /// The data that differ, such as `spikes of population "E"`.
        of: String,
        /// Time of the difference in ms.
        time_ms: f64,
        /// Neuron that differs; `None` for a bin of the activity, or if one trace is shorter.
        neuron: Option<u64>,
        /// Description of the difference.
        how: String,
    },
}

impl Difference {
    /// Whether the files are equal.
    pub fn is_none(&self) -> bool {
        matches!(self, Difference::None)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::None => f.write_str("no difference in spikes, activity and traces"),
            Difference::Content(text) => f.write_str(text),
            Difference::Value { of, time_ms, neuron: Some(neuron), how } => {
                write!(f, "{of}: at {time_ms} ms neuron {neuron} {how}")
            }
            Difference::Value { of, time_ms, neuron: None, how } => write!(f, "{of}: at {time_ms} ms {how}"),
        }
    }
}

/// The fields of [`Difference::Value`], for finding the earliest difference.
struct ValueDifference {
    of: String,
    time_ms: f64,
    neuron: Option<u64>,
    how: String,
}

/// Compares two recordings and returns the earliest difference. Refuses files that are not recordings.
pub fn compare(a: impl AsRef<Path>, b: impl AsRef<Path>) -> Result<Difference, ReadError> {
    let (a, b) = (Reader::open(a)?, Reader::open(b)?);
    if let Some(text) = content_difference(&a, &b)? {
        return Ok(Difference::Content(text));
    }
    let mut first: Option<ValueDifference> = None;
    let mut keep_earliest = |found: Option<ValueDifference>| {
        if let Some(found) = found
            && first.as_ref().is_none_or(|first| is_earlier(&found, first))
        {
            first = Some(found);
        }
    };
    for population in a.spike_populations()? {
        keep_earliest(spike_difference(&a, &b, &population)?);
    }
    for (population, variable) in a.traces()? {
        keep_earliest(trace_difference(&a, &b, &population, &variable)?);
    }
    for population in a.activity_populations()? {
        keep_earliest(activity_difference(&a, &b, &population)?);
    }
    if let Some(ValueDifference { of, time_ms, neuron, how }) = first {
        return Ok(Difference::Value { of, time_ms, neuron, how });
    }
    Ok(end_difference(&a, &b)?.map_or(Difference::None, Difference::Content))
}

/// Whether the difference `found` is earlier than the earliest one so far, `first`. The times of bins may have rounding
/// errors, so times that are nearly equal count as equal. Of two differences at equal times, the one of the neuron with
/// the smaller index is the earlier; without neurons, the one that was found first. Spikes are compared first.
fn is_earlier(found: &ValueDifference, first: &ValueDifference) -> bool {
    let tolerance = 1e-9 * first.time_ms.abs();
    found.time_ms < first.time_ms - tolerance
        || ((found.time_ms - first.time_ms).abs() <= tolerance
            && matches!((found.neuron, first.neuron), (Some(found), Some(first)) if found < first))
}

/// The first difference in what is recorded and how. If there is one, values cannot be compared.
fn content_difference(a: &Reader, b: &Reader) -> Result<Option<String>, ReadError> {
    let names_difference = |kind: &str, a: &[String], b: &[String]| {
        (a != b).then(|| format!("{kind}: A holds {}, B holds {}", listed(a), listed(b)))
    };
    let (spikes_a, spikes_b) = (a.spike_populations()?, b.spike_populations()?);
    let (activity_a, activity_b) = (a.activity_populations()?, b.activity_populations()?);
    let (traces_a, traces_b) = (a.traces()?, b.traces()?);
    let trace_names =
        |traces: &[(String, String)]| traces.iter().map(|(p, v)| format!("{v} of {p}")).collect::<Vec<_>>();
    if let Some(text) = names_difference("spikes of populations", &spikes_a, &spikes_b)
        .or_else(|| names_difference("activity of populations", &activity_a, &activity_b))
        .or_else(|| names_difference("traces", &trace_names(&traces_a), &trace_names(&traces_b)))
    {
        return Ok(Some(text));
    }
    for population in &spikes_a {
        let (x, y) = (a.spike_attributes(population)?, b.spike_attributes(population)?);
        let of = format!("spikes of population \"{population}\"");
        if let Some(text) = attribute_difference(&of, "neurons in the population", &x.size, &y.size)
            .or_else(|| attribute_difference(&of, "recorded neurons", &x.recorded, &y.recorded))
            .or_else(|| attribute_difference(&of, "grid step in ms", &x.dt_ms, &y.dt_ms))
            .or_else(|| attribute_difference(&of, "start in ms", &x.t_start_ms, &y.t_start_ms))
        {
            return Ok(Some(text));
        }
    }
    for population in &activity_a {
        let (x, y) = (a.activity_attributes(population)?, b.activity_attributes(population)?);
        let of = format!("activity of population \"{population}\"");
        if let Some(text) = attribute_difference(&of, "neurons in the population", &x.size, &y.size)
            .or_else(|| attribute_difference(&of, "bin in ms", &x.bin_ms, &y.bin_ms))
            .or_else(|| attribute_difference(&of, "start in ms", &x.t_start_ms, &y.t_start_ms))
        {
            return Ok(Some(text));
        }
    }
    for (population, variable) in &traces_a {
        let (x, y) = (a.trace_attributes(population, variable)?, b.trace_attributes(population, variable)?);
        let of = format!("trace of {variable} of population \"{population}\"");
        if x.node_ids != y.node_ids {
            return Ok(Some(format!("{of}: the recorded neurons differ")));
        }
        if let Some(text) = attribute_difference(&of, "unit", &x.units, &y.units)
            .or_else(|| attribute_difference(&of, "start in ms", &x.start_ms, &y.start_ms))
            .or_else(|| attribute_difference(&of, "interval in ms", &x.interval_ms, &y.interval_ms))
        {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// Describes two different values of an attribute; `None` if they are equal.
fn attribute_difference<T: PartialEq + fmt::Debug>(of: &str, what: &str, a: &T, b: &T) -> Option<String> {
    (a != b).then(|| format!("{of}: {what}: {a:?} in A, {b:?} in B"))
}

/// Describes different end times of two recordings with the same values; `None` if the end times are equal.
fn end_difference(a: &Reader, b: &Reader) -> Result<Option<String>, ReadError> {
    for population in a.spike_populations()? {
        let (x, y) = (a.spike_attributes(&population)?.t_stop_ms, b.spike_attributes(&population)?.t_stop_ms);
        if x != y {
            return Ok(Some(format!(
                "A is complete up to {x} ms, B up to {y} ms; up to the earlier of these times they are the same"
            )));
        }
    }
    Ok(None)
}

/// The first spike that is in only one of the recordings.
fn spike_difference(a: &Reader, b: &Reader, population: &str) -> Result<Option<ValueDifference>, ReadError> {
    let of = || format!("spikes of population \"{population}\"");
    let mut start = 0;
    loop {
        let (x, y) = (
            a.spikes_in(population, start..start + VALUES_AT_A_TIME)?,
            b.spikes_in(population, start..start + VALUES_AT_A_TIME)?,
        );
        let longer = x.times_ms.len().max(y.times_ms.len());
        for index in 0..longer {
            let (in_a, in_b) = (spike(&x, index), spike(&y, index));
            let (only_in, (time_ms, neuron)) = match (in_a, in_b) {
                (Some(a), Some(b)) if a.0.to_bits() == b.0.to_bits() && a.1 == b.1 => continue,
                (Some(a), Some(b)) if b.0 < a.0 || (b.0 == a.0 && b.1 < a.1) => ("B", b),
                (Some(a), _) => ("A", a),
                (None, Some(b)) => ("B", b),
                (None, None) => continue,
            };
            return Ok(Some(ValueDifference {
                of: of(),
                time_ms,
                neuron: Some(neuron),
                how: format!("spikes in {only_in} only"),
            }));
        }
        if longer == 0 {
            return Ok(None);
        }
        start += VALUES_AT_A_TIME;
    }
}

/// Time in ms and neuron of a spike; `None` after the last spike.
fn spike(spikes: &Spikes, index: usize) -> Option<(f64, u64)> {
    Some((*spikes.times_ms.get(index)?, *spikes.neurons.get(index)?))
}

/// The first bin whose spike count or rate differs.
fn activity_difference(a: &Reader, b: &Reader, population: &str) -> Result<Option<ValueDifference>, ReadError> {
    let mut start = 0;
    loop {
        let (x, y) = (
            a.activity_in(population, start..start + VALUES_AT_A_TIME)?,
            b.activity_in(population, start..start + VALUES_AT_A_TIME)?,
        );
        let longer = x.spike_count.len().max(y.spike_count.len());
        for index in 0..longer {
            let (count_a, count_b) = (x.spike_count.get(index), y.spike_count.get(index));
            let bits = |rates: &[f64]| rates.get(index).map(|rate| rate.to_bits());
            if count_a == count_b && bits(&x.rate_hz) == bits(&y.rate_hz) {
                continue;
            }
            let bin = start + index as u64;
            let time_ms = x.attributes.t_start_ms + (bin + 1) as f64 * x.attributes.bin_ms;
            let how = match (count_a, count_b) {
                (Some(a), Some(b)) => format!("the bin that ends at this time counts {a} spikes in A, {b} in B"),
                (Some(_), None) => "A has a bin, but the activity of B has ended".to_string(),
                _ => "B has a bin, but the activity of A has ended".to_string(),
            };
            return Ok(Some(ValueDifference {
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

/// The first value of a trace that differs, or the first row that only one of the recordings has.
fn trace_difference(
    a: &Reader,
    b: &Reader,
    population: &str,
    variable: &str,
) -> Result<Option<ValueDifference>, ReadError> {
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
            return Ok(Some(ValueDifference {
                of: of(),
                time_ms: time_ms(index),
                neuron: attributes.node_ids.get(index % width).copied(),
                how: format!("has {:?} {units} in A, {:?} {units} in B", x[index], y[index]),
            }));
        }
        if x.len() != y.len() {
            let (longer, shorter) = if x.len() > y.len() { ("A", "B") } else { ("B", "A") };
            let how = format!("{longer} has a row, but the trace of {shorter} has ended");
            return Ok(Some(ValueDifference { of: of(), time_ms: time_ms(x.len().min(y.len())), neuron: None, how }));
        }
        if x.is_empty() {
            return Ok(None);
        }
        start += rows;
    }
}
