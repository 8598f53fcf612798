//! Parameters for any model of the list, so that a new model gets its row without a line here.

use lapicque_models::page::{DefaultValue, Dimension, Page, Range, Role};
use lapicque_models::parameters::{ParameterColumn, ParameterTable};

/// A value that makes a membrane with rest at 0 mV and a time constant of 20 ms fire at about 20 mV: by the name of the
/// field where the vocabulary fixes it, else by its dimension.
fn value(name: &str, dimension: Dimension) -> f64 {
    match (name, dimension) {
        ("tau_m", _) => 20.0,
        ("t_ref", _) => 2.0,
        ("v_reset", _) => 10.0,
        ("v_peak", _) => 40.0,
        ("delta_T", _) => 2.0,
        (_, Dimension::Time) => 5.0,
        (_, Dimension::Voltage) => 20.0,
        _ => 1.0,
    }
}

/// The fields given; of the others all required ones and, for a membrane, the time constant; the rest as the page has
/// it.
pub fn table(page: &'static Page, given: &[(&str, f64)]) -> ParameterTable {
    let column = |f: &lapicque_models::page::Field| {
        let chosen = match f.default {
            DefaultValue::Required => value(f.name, f.dimension),
            DefaultValue::Absent if page.role == Role::Membrane && f.name == "tau_m" => value(f.name, f.dimension),
            DefaultValue::Value(_) if f.name == "t_ref" => value(f.name, f.dimension),
            DefaultValue::Value(v) => v,
            DefaultValue::Absent => f64::NAN,
        };
        let chosen = given.iter().find(|(name, _)| *name == f.name).map_or(chosen, |(_, v)| *v);
        debug_assert!(chosen.is_nan() || f.range == Range::Finite || chosen >= 0.0);
        ParameterColumn::Same(chosen)
    };
    ParameterTable::new(page, page.fields.iter().map(column).collect())
}
