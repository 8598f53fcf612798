//! Parameters of a share of neurons: every field one value for all, or one per neuron.

use crate::page::{Page, ParameterError, Parameters};

/// One field.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// The same for all neurons; NaN where absent.
    Same(f64),
    /// One per neuron.
    Each(Vec<f64>),
}

/// The fields of a model, in the order of its page.
#[derive(Clone, Debug)]
pub struct Table {
    page: &'static Page,
    columns: Vec<Column>,
}

impl Table {
    /// One column per field of the page.
    pub fn new(page: &'static Page, columns: Vec<Column>) -> Self {
        debug_assert_eq!(page.fields.len(), columns.len());
        Table { page, columns }
    }

    /// The page.
    pub fn page(&self) -> &'static Page {
        self.page
    }

    /// Whether neurons differ in any field.
    pub fn differs(&self) -> bool {
        self.columns.iter().any(|c| matches!(c, Column::Each(_)))
    }

    /// The values of one neuron.
    pub fn values(&self, neuron: usize) -> Vec<f64> {
        let value = |c: &Column| match c {
            Column::Same(value) => *value,
            Column::Each(values) => values[neuron],
        };
        self.columns.iter().map(value).collect()
    }

    /// Values as checked parameters.
    pub fn parameters<'a>(&self, values: &'a [f64]) -> Result<Parameters<'a>, ParameterError> {
        Parameters::new(self.page, values)
    }
}
