//! Values in SQLite: read by storage class, asked for in the form in which the column holds them.

use domain::datamap::{Cast, Scalar};
use domain::row::{Float, Value};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Row as _, Sqlite, TypeInfo as _, ValueRef as _};

/// What a column does to values that are stored in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Affinity {
    /// Numbers become texts.
    Text,
    /// Texts that look like numbers become numbers.
    Numeric,
    /// Values stay as they are.
    None,
}

impl Affinity {
    /// The affinity of a column with this declared type.
    pub(super) fn of(declared: &str, strict: bool) -> Self {
        let declared = declared.to_ascii_uppercase();
        let has = |part| declared.contains(part);
        if has("INT") {
            Self::Numeric
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            Self::Text
        } else if has("BLOB") || declared.is_empty() || (strict && declared == "ANY") {
            Self::None
        } else {
            Self::Numeric
        }
    }

    /// The form in which a column would hold `value`.
    ///
    /// SQLite itself converts more freely when it compares, and so would find `42` for `" 42"`.
    pub(super) fn hold(self, value: &Value) -> Option<Value> {
        match (self, value) {
            (_, Value::Bytes(_)) => Some(value.clone()),
            (_, Value::Null | Value::List(_) | Value::Map(_)) => None,
            (Self::Text, _) => Scalar::String.cast(value),
            (Self::Numeric, Value::Text(text)) => {
                Scalar::Float.cast(value).or_else(|| (!looks_numeric(text)).then(|| value.clone()))
            }
            (Self::Numeric, Value::Decimal(_)) => Scalar::Float.cast(value),
            (Self::Numeric | Self::None, Value::Bool(flag)) => Some(Value::Int((*flag).into())),
            (Self::None, Value::Decimal(_)) => Scalar::String.cast(value),
            (Self::Numeric, Value::Int(_) | Value::Float(_))
            | (Self::None, Value::Int(_) | Value::Float(_) | Value::Text(_)) => Some(value.clone()),
        }
    }
}

/// Whether SQLite would read this text as a number.
fn looks_numeric(text: &str) -> bool {
    let trimmed = text.trim_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    trimmed.bytes().any(|byte| byte.is_ascii_digit()) && trimmed.parse::<f64>().is_ok()
}

/// Reads a column by the class of the value that is stored there, whatever the column declares.
pub(super) fn read(row: &SqliteRow, index: usize) -> Result<Value, sqlx::Error> {
    let raw = row.try_get_raw(index)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let class = raw.type_info().name().to_owned();
    match class.as_str() {
        "INTEGER" => row.try_get_unchecked(index).map(Value::Int),
        "REAL" => row.try_get_unchecked(index).map(|number| Value::Float(Float(number))),
        "TEXT" => match row.try_get_unchecked::<String, _>(index) {
            Ok(text) => Ok(Value::Text(text)),
            // A text need not be valid; its bytes are then all there is.
            Err(_) => row.try_get_unchecked(index).map(Value::Bytes),
        },
        _ => row.try_get_unchecked(index).map(Value::Bytes),
    }
}

/// Binds a value.
pub(super) fn bind<'q>(
    query: Query<'q, Sqlite, SqliteArguments>,
    value: &'q Value,
) -> Query<'q, Sqlite, SqliteArguments> {
    match value {
        Value::Bool(flag) => query.bind(i64::from(*flag)),
        Value::Int(number) => query.bind(*number),
        Value::Float(number) => query.bind(number.0),
        Value::Decimal(text) | Value::Text(text) => query.bind(text.as_str()),
        Value::Bytes(bytes) => query.bind(bytes.as_slice()),
        // No key has these; null equals nothing.
        Value::Null | Value::List(_) | Value::Map(_) => query.bind(None::<i64>),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_hold_values_as_sqlite_stores_them() {
        for (declared, affinity) in [
            ("INTEGER", Affinity::Numeric),
            ("NVARCHAR(40)", Affinity::Text),
            ("text", Affinity::Text),
            ("", Affinity::None),
            ("BLOB", Affinity::None),
            ("NUMERIC(10,2)", Affinity::Numeric),
            // Not what it says: SQLite knows no STRING.
            ("STRING", Affinity::Numeric),
            ("CHARINT", Affinity::Numeric),
        ] {
            assert_eq!(Affinity::of(declared, false), affinity, "{declared}");
        }
    }

    #[test]
    fn no_look_alike_becomes_a_number() {
        assert_eq!(Affinity::Numeric.hold(&"42".into()), Some(Value::Int(42)));
        for look_alike in [" 42", "42\n", "042", "+42", "42.0", "4.2e1", "12345678901234567890"] {
            assert_eq!(Affinity::Numeric.hold(&look_alike.into()), None, "{look_alike}");
        }
        for text in ["ada@example.org", "infinity", "nan", "0x2a", ""] {
            assert_eq!(Affinity::Numeric.hold(&text.into()), Some(text.into()), "{text}");
        }
        assert_eq!(Affinity::Text.hold(&Value::Int(42)), Some("42".into()));
        assert_eq!(Affinity::None.hold(&"42".into()), Some("42".into()));
    }
}
