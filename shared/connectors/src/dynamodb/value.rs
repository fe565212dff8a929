//! Values in DynamoDB.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ScalarAttributeType};
use domain::datamap::{Cast, Scalar};
use domain::row::Value;

/// An attribute as a value. Numbers that no machine integer holds keep their text.
pub(super) fn read(attribute: &AttributeValue) -> Value {
    match attribute {
        AttributeValue::S(text) => Value::Text(text.clone()),
        AttributeValue::N(number) => read_number(number),
        AttributeValue::Bool(flag) => Value::Bool(*flag),
        AttributeValue::B(bytes) => Value::Bytes(bytes.as_ref().to_vec()),
        AttributeValue::Ss(set) => in_order(set.iter().cloned().map(Value::Text)),
        AttributeValue::Ns(set) => in_order(set.iter().map(|number| read_number(number))),
        AttributeValue::Bs(set) => in_order(set.iter().map(|bytes| Value::Bytes(bytes.as_ref().to_vec()))),
        AttributeValue::L(list) => Value::List(list.iter().map(read).collect()),
        AttributeValue::M(map) => {
            Value::Map(map.iter().map(|(name, value)| (name.clone(), read(value))).collect())
        }
        // The type may grow; what it holds then has no form here yet.
        AttributeValue::Null(_) | _ => Value::Null,
    }
}

/// A set, which has no order of its own, so that it is the same whenever it is read.
fn in_order(set: impl Iterator<Item = Value>) -> Value {
    let mut values: Vec<Value> = set.collect();
    values.sort_unstable();
    Value::List(values)
}

fn read_number(text: &str) -> Value {
    text.parse().map_or_else(|_| Value::Decimal(text.to_owned()), Value::Int)
}

/// A key value as an attribute; none for what cannot be compared.
pub(super) fn write(value: &Value) -> Option<AttributeValue> {
    match value {
        Value::Bool(flag) => Some(AttributeValue::Bool(*flag)),
        Value::Int(number) => Some(AttributeValue::N(number.to_string())),
        Value::Float(number) => Some(AttributeValue::N(number.0.to_string())),
        Value::Decimal(text) => Some(AttributeValue::N(text.clone())),
        Value::Text(text) => Some(AttributeValue::S(text.clone())),
        Value::Bytes(bytes) => Some(AttributeValue::B(Blob::new(bytes.clone()))),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

/// Any value as an attribute.
pub(super) fn write_any(value: &Value) -> AttributeValue {
    match value {
        Value::List(values) => AttributeValue::L(values.iter().map(write_any).collect()),
        Value::Map(fields) => {
            AttributeValue::M(fields.iter().map(|(name, value)| (name.clone(), write_any(value))).collect())
        }
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Decimal(_)
        | Value::Text(_)
        | Value::Bytes(_) => write(value).unwrap_or(AttributeValue::Null(true)),
    }
}

/// The form in which an attribute of no declared type would hold `value`, and be read again.
pub(super) fn form(value: &Value) -> Option<Value> {
    let value = value.canonical();
    match &value {
        Value::Null | Value::List(_) | Value::Map(_) => None,
        Value::Float(number) => number.0.is_finite().then(|| Value::Decimal(number.0.to_string())),
        Value::Bool(_) | Value::Int(_) | Value::Decimal(_) | Value::Text(_) | Value::Bytes(_) => Some(value),
    }
}

/// The form in which a key attribute of type `of` would hold `value`.
pub(super) fn hold(of: &ScalarAttributeType, value: &Value) -> Option<Value> {
    match (of, value) {
        (ScalarAttributeType::S, _) => Scalar::String.cast(value),
        (ScalarAttributeType::N, Value::Int(_) | Value::Float(_) | Value::Decimal(_)) => form(value),
        (ScalarAttributeType::N, Value::Text(text)) => Scalar::Integer
            .cast(value)
            .or_else(|| is_long_integer(text).then(|| Value::Decimal(text.clone()))),
        (ScalarAttributeType::B, Value::Bytes(_)) => Some(value.clone()),
        _ => None,
    }
}

/// Whether a text is a whole number in its one written form, of as many digits as DynamoDB keeps.
fn is_long_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    (1..=38).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_every_digit() {
        let long = "12345678901234567890123456789012345678";

        assert_eq!(read(&AttributeValue::N("42".into())), Value::Int(42));
        assert_eq!(read(&AttributeValue::N(long.into())), Value::Decimal(long.into()));
        assert_eq!(read(&AttributeValue::N("0.10".into())), Value::Decimal("0.10".into()));
        assert_eq!(write(&Value::Decimal(long.into())), Some(AttributeValue::N(long.into())));
    }

    #[test]
    fn a_fraction_is_asked_for_as_it_is_read() {
        let half = Value::Float(domain::row::Float(4.5));

        assert_eq!(form(&half), Some(read(&AttributeValue::N("4.5".into()))));
        assert_eq!(form(&Value::Null), None);
        assert_eq!(form(&Value::List(vec![half])), None);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let fields = [("a".to_owned(), Value::List(vec![Value::Null, "x".into(), Value::Int(1)]))];
        let value = Value::Map(fields.into());

        assert_eq!(read(&write_any(&value)), value);
    }

    #[test]
    fn keys_are_asked_for_in_their_own_type() {
        let (text, number) = (ScalarAttributeType::S, ScalarAttributeType::N);

        assert_eq!(hold(&text, &Value::Int(42)), Some("42".into()));
        assert_eq!(hold(&number, &"42".into()), Some(Value::Int(42)));
        assert_eq!(
            hold(&number, &"12345678901234567890".into()),
            Some(Value::Decimal("12345678901234567890".into()))
        );
        for look_alike in ["042", " 42", "42.0", "4e1", "ada", ""] {
            assert_eq!(hold(&number, &look_alike.into()), None, "{look_alike}");
        }
    }
}
