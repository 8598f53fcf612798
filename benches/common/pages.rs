//! Plausible parameters for every model of the standard list. A new model is measured without a change here.

use lapicque_models::page::{DefaultValue, Dimension, Page, Range, Role};
use lapicque_models::parameters::{ParameterColumn, ParameterTable};

/// The value of a field, chosen by its name or else by its dimension. The values make a membrane with rest at 0 mV and
/// a time constant of 20 ms fire at about 20 mV.
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

/// The parameters of a model. `given` sets some fields. Other required fields get a plausible value, as do the time
/// constant and the refractory time of a membrane. All others keep their default.
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
