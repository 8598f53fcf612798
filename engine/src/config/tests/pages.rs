//! Pages of the models that the tests use.

use lapicque_models::page::{DefaultValue, Dimension, Field, Page, Range, Role, Variable};

const fn field(name: &'static str, dimension: Dimension, default: DefaultValue, range: Range) -> Field {
    Field { name, symbol: name, dimension, default, range, meaning: "a parameter of the tests" }
}

const fn needed(name: &'static str, dimension: Dimension, range: Range) -> Field {
    field(name, dimension, DefaultValue::Required, range)
}

const fn page(name: &'static str, role: Role, fields: &'static [Field], variables: &'static [Variable]) -> Page {
    Page { name, role, summary: "a model of the tests", text: "", fields, variables }
}

static LIF: Page = page(
    "lif",
    Role::Membrane,
    &[
        field("tau_m", Dimension::Time, DefaultValue::Absent, Range::Positive),
        field("C", Dimension::Capacitance, DefaultValue::Absent, Range::Positive),
        field("g_L", Dimension::Conductance, DefaultValue::Absent, Range::Positive),
        field("E_L", Dimension::Voltage, DefaultValue::Value(0.0), Range::Finite),
        needed("v_threshold", Dimension::Voltage, Range::Finite),
        needed("v_reset", Dimension::Voltage, Range::Finite),
        field("t_ref", Dimension::Time, DefaultValue::Value(0.0), Range::NonNegative),
    ],
    &[Variable { name: "v", dimension: Dimension::Voltage, meaning: "potential", starts_from: Some("E_L") }],
);

static PASSIVE: Page = page(
    "passive",
    Role::Membrane,
    &[needed("tau_m", Dimension::Time, Range::Positive)],
    &[Variable { name: "v", dimension: Dimension::Voltage, meaning: "potential", starts_from: None }],
);

static DELTA: Page = page("delta", Role::Receptor, &[], &[]);

static EXPONENTIAL: Page = page(
    "exponential",
    Role::Receptor,
    &[needed("tau", Dimension::Time, Range::Positive)],
    &[Variable { name: "i", dimension: Dimension::Drive, meaning: "current", starts_from: None }],
);

static CURRENT: Page = page("current", Role::Input, &[needed("amplitude", Dimension::Drive, Range::Finite)], &[]);

static CHARGE_PULSE: Page =
    page("charge_pulse", Role::Input, &[needed("charge", Dimension::Charge, Range::Finite)], &[]);

static POISSON: Page = page(
    "poisson",
    Role::Input,
    &[needed("rate", Dimension::Frequency, Range::NonNegative), needed("weight", Dimension::Weight, Range::Finite)],
    &[],
);

static WHITE_NOISE: Page = page(
    "white_noise",
    Role::Input,
    &[needed("mean", Dimension::Drive, Range::Finite), needed("sigma", Dimension::Drive, Range::NonNegative)],
    &[],
);

/// All pages.
pub static ALL: &[&Page] = &[&LIF, &PASSIVE, &DELTA, &EXPONENTIAL, &CURRENT, &CHARGE_PULSE, &POISSON, &WHITE_NOISE];
