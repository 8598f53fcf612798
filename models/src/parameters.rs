//! Values of a model's fields, for one neuron and for all neurons of a share.

use crate::page::{DefaultValue, Page};

/// Checked values of a model's fields for one neuron, in the order of the page. NaN stands for an absent field.
#[derive(Clone, Debug)]
pub struct Parameters<'a> {
    page: &'static Page,
    values: &'a [f64],
}

impl<'a> Parameters<'a> {
    /// Checks `values`: one per field of `page`, in the engine's units, NaN for an absent field. Refuses a wrong number
    /// of values, a value outside of the range of its field, and NaN for a field that must not be absent.
    pub fn new(page: &'static Page, values: &'a [f64]) -> Result<Self, ParameterError> {
        if values.len() != page.fields.len() {
            return Err(ParameterError::new(
                "",
                format!("model \"{}\" has {} fields, {} values were given", page.name, page.fields.len(), values.len()),
            ));
        }
        for (field, &value) in page.fields.iter().zip(values) {
            let absent = value.is_nan() && field.default == DefaultValue::Absent;
            if !absent && !field.range.contains(value) {
                return Err(ParameterError::new(
                    field.name,
                    format!(
                        "{} = {value} {} is out of range: {} is needed",
                        field.name,
                        field.dimension.unit(),
                        field.range.words()
                    ),
                ));
            }
        }
        Ok(Parameters { page, values })
    }

    /// The value of the field `name`; `None` if it is absent.
    pub fn optional(&self, name: &str) -> Option<f64> {
        let value = self.values[self.page.field(name)?];
        (!value.is_nan()).then_some(value)
    }

    /// The value of the field `name`. Refuses an absent field.
    pub fn get(&self, name: &str) -> Result<f64, ParameterError> {
        self.optional(name)
            .ok_or_else(|| ParameterError::new(name, format!("{name} is missing in model \"{}\"", self.page.name)))
    }
}

/// A parameter that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterError {
    /// The field that is wrong; empty if it is not one field alone.
    pub field: String,
    /// What was given, what is accepted, and what to do.
    pub message: String,
}

impl ParameterError {
    /// Refuses `field` with a message.
    pub fn new(field: &str, message: impl Into<String>) -> Self {
        ParameterError { field: field.to_string(), message: message.into() }
    }
}

impl std::fmt::Display for ParameterError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ParameterError {}

/// Values of one field, in the engine's unit.
#[derive(Clone, Debug, PartialEq)]
pub enum ParameterColumn {
    /// The same value for all neurons; NaN if the field is absent.
    Same(f64),
    /// One value per neuron.
    Each(Vec<f64>),
}

/// Values of a model's fields for all neurons of a share, in the order of the page.
#[derive(Clone, Debug)]
pub struct ParameterTable {
    page: &'static Page,
    columns: Vec<ParameterColumn>,
}

impl ParameterTable {
    /// A table of `columns`, one per field of the page.
    pub fn new(page: &'static Page, columns: Vec<ParameterColumn>) -> Self {
        debug_assert_eq!(page.fields.len(), columns.len());
        ParameterTable { page, columns }
    }

    /// Page of the model.
    pub fn page(&self) -> &'static Page {
        self.page
    }

    /// Whether a field has one value per neuron.
    pub fn differs(&self) -> bool {
        self.columns.iter().any(|column| matches!(column, ParameterColumn::Each(_)))
    }

    /// Values of all fields for one neuron.
    pub fn values(&self, neuron: usize) -> Vec<f64> {
        let value = |column: &ParameterColumn| match column {
            ParameterColumn::Same(value) => *value,
            ParameterColumn::Each(values) => values[neuron],
        };
        self.columns.iter().map(value).collect()
    }

    /// Checks the values of one neuron; see [`Parameters::new`].
    pub fn parameters<'a>(&self, values: &'a [f64]) -> Result<Parameters<'a>, ParameterError> {
        Parameters::new(self.page, values)
    }
}
