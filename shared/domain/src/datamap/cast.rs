//! Casting a value to the declared type of the field that is asked for it.
//!
//! Casts are exact or do not happen: `" 42"`, `"042"` and `"4.2e1"` are texts that no number equals.
//! A looser reading would let one person's identity find another person's row.

use super::model::Scalar;
use crate::row::{Float, Value};

/// Exact conversion of a value to a type.
pub trait Cast {
    /// `value` in this type, if it has a form there that means the same.
    fn cast(self, value: &Value) -> Option<Value>;
}

impl Cast for Scalar {
    fn cast(self, value: &Value) -> Option<Value> {
        match self {
            Self::String | Self::ObjectId => text(value),
            Self::Integer => integer(value),
            Self::Float => float(value),
            Self::Boolean => boolean(value),
            Self::Object => None,
        }
    }
}

fn text(value: &Value) -> Option<Value> {
    match value.canonical() {
        Value::Bool(flag) => Some(Value::Text(flag.to_string())),
        Value::Int(number) => Some(Value::Text(number.to_string())),
        Value::Float(number) => Some(Value::Text(number.0.to_string())),
        Value::Decimal(text) | Value::Text(text) => Some(Value::Text(text)),
        Value::Null | Value::Bytes(_) | Value::List(_) | Value::Map(_) => None,
    }
}

fn integer(value: &Value) -> Option<Value> {
    match value.canonical() {
        Value::Int(number) => Some(Value::Int(number)),
        Value::Bool(flag) => Some(Value::Int(flag.into())),
        Value::Text(text) => {
            text.parse::<i64>().ok().filter(|number| number.to_string() == text).map(Value::Int)
        }
        Value::Null
        | Value::Float(_)
        | Value::Decimal(_)
        | Value::Bytes(_)
        | Value::List(_)
        | Value::Map(_) => None,
    }
}

fn float(value: &Value) -> Option<Value> {
    match value.canonical() {
        Value::Int(number) => Some(Value::Int(number)),
        Value::Float(number) => Some(Value::Float(number)),
        Value::Text(text) | Value::Decimal(text) => integer(&Value::Text(text.clone())).or_else(|| {
            text.parse::<f64>()
                .ok()
                .filter(|number| number.is_finite() && number.to_string() == text)
                .map(|number| Value::Float(Float(number)))
        }),
        Value::Null | Value::Bool(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_) => None,
    }
}

fn boolean(value: &Value) -> Option<Value> {
    match value.canonical() {
        Value::Bool(flag) => Some(Value::Bool(flag)),
        Value::Int(0) => Some(Value::Bool(false)),
        Value::Int(1) => Some(Value::Bool(true)),
        Value::Text(text) => text.parse().ok().map(Value::Bool),
        Value::Null
        | Value::Int(_)
        | Value::Float(_)
        | Value::Decimal(_)
        | Value::Bytes(_)
        | Value::List(_)
        | Value::Map(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_number_only_in_its_one_written_form() {
        assert_eq!(Scalar::Integer.cast(&"42".into()), Some(Value::Int(42)));
        assert_eq!(Scalar::Integer.cast(&"-7".into()), Some(Value::Int(-7)));
        for look_alike in [" 42", "42 ", "042", "+42", "42.0", "4.2e1", "0x2a", "٤٢", "-0", ""] {
            assert_eq!(Scalar::Integer.cast(&look_alike.into()), None, "{look_alike}");
        }
        assert_eq!(Scalar::Float.cast(&"1.5".into()), Some(Value::Float(Float(1.5))));
        for look_alike in ["1.50", "01.5", "15e-1", "inf", "NaN"] {
            assert_eq!(Scalar::Float.cast(&look_alike.into()), None, "{look_alike}");
        }
    }

    #[test]
    fn zero_and_empty_survive_a_cast() {
        assert_eq!(Scalar::String.cast(&Value::Int(0)), Some("0".into()));
        assert_eq!(Scalar::String.cast(&"".into()), Some("".into()));
        assert_eq!(Scalar::String.cast(&Value::Bool(false)), Some("false".into()));
        assert_eq!(Scalar::Integer.cast(&Value::Int(0)), Some(Value::Int(0)));
    }

    #[test]
    fn what_has_no_form_in_a_type_does_not_become_one() {
        assert_eq!(Scalar::Integer.cast(&Value::Float(Float(4.5))), None);
        assert_eq!(Scalar::String.cast(&Value::Bytes(vec![1])), None);
        assert_eq!(Scalar::Boolean.cast(&Value::Int(2)), None);
        assert_eq!(Scalar::Object.cast(&"x".into()), None);
        assert_eq!(Scalar::String.cast(&Value::Null), None);
    }
}
