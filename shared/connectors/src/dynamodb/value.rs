//! Values in DynamoDB.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ScalarAttributeType};
use domain::datamap::{Cast, Scalar};
use domain::row::Value;

/// An attribute as a value. Numbers that no machine integer holds keep their text.
pub(super) fn read(attribute: &AttributeValue) -> Value {
    let texts = |texts: &[String]| texts.iter().cloned().map(Value::Text).collect();
    match attribute {
        AttributeValue::S(text) => Value::Text(text.clone()),
        AttributeValue::N(number) => read_number(number),
        AttributeValue::Bool(flag) => Value::Bool(*flag),
        AttributeValue::B(bytes) => Value::Bytes(bytes.as_ref().to_vec()),
        AttributeValue::Ss(set) => Value::List(texts(set)),
        AttributeValue::Ns(set) => Value::List(set.iter().map(|number| read_number(number)).collect()),
        AttributeValue::Bs(set) => {
            Value::List(set.iter().map(|bytes| Value::Bytes(bytes.as_ref().to_vec())).collect())
        }
        AttributeValue::L(list) => Value::List(list.iter().map(read).collect()),
        AttributeValue::M(map) => {
            Value::Map(map.iter().map(|(name, value)| (name.clone(), read(value))).collect())
        }
        // The type may grow; what it holds then has no form here yet.
        AttributeValue::Null(_) | _ => Value::Null,
    }
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

/// The form in which a key attribute of type `of` would hold `value`.
pub(super) fn hold(of: &ScalarAttributeType, value: &Value) -> Option<Value> {
    match (of, value) {
        (ScalarAttributeType::S, _) => Scalar::String.cast(value),
        (ScalarAttributeType::N, Value::Int(_) | Value::Float(_) | Value::Decimal(_)) => {
            Some(value.canonical())
        }
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
