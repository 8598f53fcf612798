//! `lapicque info`: describes the contents of a recording.

use crate::command_error::CommandError;
use lapicque_analysis::recording::{Contents, Origin, PopulationStatistics, Reader};
use std::path::Path;

/// Describes a recording: its state and length, the firing statistics of each population, the recorded data, and the
/// provenance.
pub fn info(path: &Path) -> Result<String, CommandError> {
    let contents =
        Reader::open(path).and_then(|reader| Contents::read(&reader)).map_err(CommandError::invalid_input)?;
    let reached = contents.reached_ms;
    let mut text = format!("{}\n", path.display());
    text += &match contents.state.as_str() {
        "complete" => format!("state       complete, {reached} ms\n"),
        "interrupted" => format!("state       interrupted at {reached} ms; complete up to this time\n"),
        _ => format!("state       still running, or killed; complete up to {reached} ms\n"),
    };
    list_populations(&contents.populations, &mut text);
    list_recorded_data(&contents, &mut text);
    list_provenance(&contents.origin, &mut text);
    Ok(text)
}

fn list_populations(populations: &[PopulationStatistics], text: &mut String) {
    let width = populations.iter().map(|p| p.name.chars().count()).max().unwrap_or(0).max("population".len());
    *text += &format!("\n{:width$}  {:>9}  {:>12}  {:>9}  {:>6}\n", "population", "neurons", "spikes", "rate Hz", "CV");
    for p in populations {
        let cv = p.cv_isi.map_or("-".to_string(), |cv| format!("{cv:.3}"));
        let (name, size, spikes, rate) = (&p.name, p.size, p.spikes, p.rate_hz);
        *text += &format!("{name:width$}  {size:>9}  {spikes:>12}  {rate:>9.3}  {cv:>6}\n");
    }
}

fn list_recorded_data(contents: &Contents, text: &mut String) {
    *text += "\nrecorded\n";
    for recorded in &contents.spikes {
        let spikes = &recorded.attributes;
        let neurons: u64 = spikes.recorded.iter().map(|range| range.end - range.start).sum();
        let selection = if neurons == spikes.size { String::new() } else { format!(" of {neurons} neurons") };
        *text += &format!(
            "  spikes    {}: {}{selection}, {} to {} ms, dt {} ms\n",
            recorded.population, spikes.count, spikes.t_start_ms, spikes.t_stop_ms, spikes.dt_ms
        );
    }
    for recorded in &contents.activity {
        let activity = &recorded.attributes;
        *text += &format!(
            "  activity  {}: {} bins of {} ms from {} ms\n",
            recorded.population, activity.bins, activity.bin_ms, activity.t_start_ms
        );
    }
    for recorded in &contents.traces {
        let trace = &recorded.attributes;
        *text += &format!(
            "  trace     {}: {} ({}) of {} neurons, {} rows every {} ms from {} ms\n",
            recorded.population,
            recorded.variable,
            trace.units,
            trace.node_ids.len(),
            trace.rows,
            trace.interval_ms,
            trace.start_ms
        );
    }
}

fn list_provenance(origin: &Origin, text: &mut String) {
    let commit = origin.git_commit.as_ref().map_or(String::new(), |commit| format!(" ({commit})"));
    *text += &format!("\nprovenance\n  lapicque  {}{commit}\n", origin.version.as_deref().unwrap_or_default());
    let texts = [("rustc", &origin.rustc), ("vectors", &origin.vector_set), ("started", &origin.started)];
    for (label, value) in texts.into_iter().filter_map(|(label, value)| Some((label, value.as_ref()?))) {
        *text += &format!("  {label:<8}  {value}\n");
    }
    let numbers = [("seed", origin.seed), ("threads", origin.threads), ("ranks", origin.ranks)];
    for (label, value) in numbers.into_iter().filter_map(|(label, value)| Some((label, value?))) {
        *text += &format!("  {label:<8}  {value}\n");
    }
    for (phase, seconds) in &origin.wall_seconds {
        *text += &format!("  {phase:<8}  {seconds:.3} s\n");
    }
    if let Some(bytes) = origin.peak_memory_bytes {
        *text += &format!("  memory    {:.1} MiB at the peak\n", bytes as f64 / 1_048_576.0);
    }
    for setting in &origin.overrides {
        *text += &format!("  --set     {setting}\n");
    }
}
