//! Values of the fields of a model: of one neuron, and of all neurons of a share (one value for all, or one each).

use crate::page::{DefaultValue, Page};

/// The values of a model's fields for one neuron, in the order of the page; NaN where a field is absent.
#[derive(Clone, Debug)]
pub struct Parameters<'a> {
    page: &'static Page,
    values: &'a [f64],
}

impl<'a> Parameters<'a> {
    /// `values` in the engine's units, one per field of `page`, NaN for an absent one.
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

    /// The value of a field, if present.
    pub fn optional(&self, name: &str) -> Option<f64> {
        let value = self.values[self.page.field(name)?];
        (!value.is_nan()).then_some(value)
    }

    /// The value of a field that is required or has a default.
    pub fn get(&self, name: &str) -> Result<f64, ParameterError> {
        self.optional(name)
            .ok_or_else(|| ParameterError::new(name, format!("{name} is missing in model \"{}\"", self.page.name)))
    }
}

/// A parameter that a constructor refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterError {
    /// The field at fault; empty where several are.
    pub field: String,
    /// What was given, what is accepted.
    pub message: String,
}

impl ParameterError {
    /// A refusal of `field` with a message that says given, bound and remedy.
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

/// One field.
#[derive(Clone, Debug, PartialEq)]
pub enum ParameterColumn {
    /// The same for all neurons; NaN where absent.
    Same(f64),
    /// One per neuron.
    Each(Vec<f64>),
}

/// The fields of a model, in the order of its page.
#[derive(Clone, Debug)]
pub struct ParameterTable {
    page: &'static Page,
    columns: Vec<ParameterColumn>,
}

impl ParameterTable {
    /// One column per field of the page.
    pub fn new(page: &'static Page, columns: Vec<ParameterColumn>) -> Self {
        debug_assert_eq!(page.fields.len(), columns.len());
        ParameterTable { page, columns }
    }

    /// The page.
    pub fn page(&self) -> &'static Page {
        self.page
    }

    /// Whether neurons differ in any field.
    pub fn differs(&self) -> bool {
        self.columns.iter().any(|c| matches!(c, ParameterColumn::Each(_)))
    }

    /// The values of one neuron.
    pub fn values(&self, neuron: usize) -> Vec<f64> {
        let value = |c: &ParameterColumn| match c {
            ParameterColumn::Same(value) => *value,
            ParameterColumn::Each(values) => values[neuron],
        };
        self.columns.iter().map(value).collect()
    }

    /// BlockValues as checked parameters.
    pub fn parameters<'a>(&self, values: &'a [f64]) -> Result<Parameters<'a>, ParameterError> {
        Parameters::new(self.page, values)
    }
}
