//! `lapicque info FILE`: what a recording holds, in words.

use super::{Reader, RecordError};
use std::fmt::Write;
use std::path::Path;

/// Describes a recording: state and window, populations with their rates, what is recorded of each, where it comes from.
pub fn info(path: impl AsRef<Path>) -> Result<String, RecordError> {
    let reader = Reader::open(path)?;
    let mut text = String::new();
    // Writing to a String cannot fail; the result of `write!` carries nothing.
    let _ = describe(&reader, &mut text)?;
    Ok(text)
}

fn describe(reader: &Reader, out: &mut String) -> Result<std::fmt::Result, RecordError> {
    let mut ok = writeln!(out, "{}", reader.path().display());
    let reached = reader.reached_ms().unwrap_or(0.0);
    ok = ok.and(match reader.state().as_str() {
        "complete" => writeln!(out, "state       complete, {reached} ms"),
        "interrupted" => writeln!(out, "state       interrupted at {reached} ms; complete up to there"),
        _ => writeln!(out, "state       running, or killed; complete up to {reached} ms"),
    });
    let populations = reader.populations()?;
    let width = populations.iter().map(|p| p.name.chars().count()).max().unwrap_or(0).max("population".len());
    ok = ok.and(writeln!(
        out,
        "\n{:width$}  {:>9}  {:>12}  {:>9}  {:>6}",
        "population", "neurons", "spikes", "Hz", "CV"
    ));
    for p in &populations {
        let cv = p.cv_isi.map_or("-".to_string(), |cv| format!("{cv:.3}"));
        let (name, size, spikes, rate) = (&p.name, p.size, p.spikes, p.rate_hz);
        ok = ok.and(writeln!(out, "{name:width$}  {size:>9}  {spikes:>12}  {rate:>9.3}  {cv:>6}"));
    }
    ok = ok.and(writeln!(out, "\nrecorded"));
    for name in reader.spike_populations()? {
        let spikes = reader.spike_attributes(&name)?;
        let neurons: u64 = spikes.recorded.iter().map(|range| range.end - range.start).sum();
        let part = if neurons == spikes.size { String::new() } else { format!(" of {neurons} neurons") };
        ok = ok.and(writeln!(
            out,
            "  spikes    {name}: {}{part}, {} to {} ms, dt {} ms",
            spikes.count, spikes.t_start_ms, spikes.t_stop_ms, spikes.dt_ms
        ));
    }
    for name in reader.activity_populations()? {
        let activity = reader.activity_attributes(&name)?;
        ok = ok.and(writeln!(
            out,
            "  activity  {name}: {} bins of {} ms from {} ms",
            activity.bins, activity.bin_ms, activity.t_start_ms
        ));
    }
    for (population, variable) in reader.traces()? {
        let trace = reader.trace_attributes(&population, &variable)?;
        ok = ok.and(writeln!(
            out,
            "  trace     {population}: {variable} ({}) of {} neurons, {} rows every {} ms from {} ms",
            trace.units,
            trace.node_ids.len(),
            trace.rows,
            trace.interval_ms,
            trace.start_ms
        ));
    }
    Ok(ok.and(provenance(reader, out)))
}

fn provenance(reader: &Reader, out: &mut String) -> std::fmt::Result {
    writeln!(out, "\nprovenance")?;
    let commit = reader.provenance_text("git_commit").map_or(String::new(), |commit| format!(" ({commit})"));
    writeln!(out, "  lapicque  {}{commit}", reader.provenance_text("version").unwrap_or_default())?;
    for (label, name) in [("rustc", "rustc"), ("vectors", "vector_set"), ("started", "started")] {
        if let Some(value) = reader.provenance_text(name).filter(|value| !value.is_empty()) {
            writeln!(out, "  {label:<8}  {value}")?;
        }
    }
    for name in ["seed", "threads", "ranks"] {
        if let Some(value) = reader.provenance_number(name) {
            writeln!(out, "  {name:<8}  {value}")?;
        }
    }
    for (phase, seconds) in reader.wall_seconds() {
        writeln!(out, "  {phase:<8}  {seconds:.3} s")?;
    }
    if let Some(bytes) = reader.provenance_number("peak_memory_bytes") {
        writeln!(out, "  memory    {:.1} MiB at most", bytes as f64 / 1_048_576.0)?;
    }
    for setting in reader.overrides() {
        writeln!(out, "  --set     {setting}")?;
    }
    Ok(())
}
