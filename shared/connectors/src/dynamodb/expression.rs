//! Expressions with a placeholder for every name and value, so that no attribute name is a reserved word.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::row::Step;

/// The names and values behind the placeholders of one request.
#[derive(Default)]
pub(super) struct Expression {
    names: Vec<String>,
    values: HashMap<String, AttributeValue>,
}

impl Expression {
    /// The placeholder of an attribute name.
    pub(super) fn name(&mut self, name: &str) -> String {
        let known = self.names.iter().position(|known| known == name);
        let number = known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        format!("#n{number}")
    }

    /// The placeholder of a value.
    pub(super) fn value(&mut self, value: AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    /// The document path to a place.
    pub(super) fn place(&mut self, steps: &[Step]) -> String {
        let mut path = String::new();
        for step in steps {
            match step {
                Step::Field(name) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path += &self.name(name);
                }
                Step::Index(index) => path += &format!("[{index}]"),
            }
        }
        path
    }

    /// The list of attributes to read.
    pub(super) fn projection<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) -> String {
        let mut placeholders: Vec<String> = Vec::new();
        for name in names {
            let placeholder = self.name(name);
            if !placeholders.contains(&placeholder) {
                placeholders.push(placeholder);
            }
        }
        placeholders.join(", ")
    }

    /// What stands behind the placeholders of names.
    pub(super) fn names(&self) -> HashMap<String, String> {
        self.names.iter().enumerate().map(|(number, name)| (format!("#n{number}"), name.clone())).collect()
    }

    /// What stands behind the placeholders of values; none if there are none, as the service demands.
    pub(super) fn values(self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then_some(self.values)
    }
}
