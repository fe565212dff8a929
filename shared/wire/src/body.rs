//! Reading JSON bodies into typed values, with faults that say where.

use std::{borrow::Cow, fmt, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned, IgnoredAny, MapAccess, value::MapAccessDeserializer},
};
use serde_path_to_error::Segment;

use crate::{At, Code, Fault, Problem, Reason, Step, time::NOT_A_TIME};

/// A value that must be written as an object: a derived type alone would take a list as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Object<T>(pub T);

impl<T: JsonSchema> JsonSchema for Object<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Visitor(PhantomData))
    }
}

/// Reads a body that must be one JSON object.
///
/// # Errors
/// [`Code::Malformed`] when it is not JSON, [`Code::InvalidField`] when it says something else
/// than expected. Neither repeats what was given.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::faults(
            Code::InvalidField,
            vec![Fault::new(At::Body(Vec::new()), Reason::Missing)],
        ));
    }
    // The parser looks into the texts that it reads only; what it skips must be UTF-8 as well.
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(not_json(error.valid_up_to()));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize::<_, Object<T>>(&mut deserializer);
    match read {
        Ok(Object(value)) => match deserializer.end() {
            Ok(()) => Ok(value),
            Err(error) => Err(malformed(bytes, &error)),
        },
        Err(error) => {
            // After a fault the parser does not read on, and where it wants one of several texts, it
            // takes anything else for bad syntax: the body as a whole says whether it is JSON.
            if let Err(error) = serde_json::from_slice::<IgnoredAny>(bytes) {
                return Err(malformed(bytes, &error));
            }
            let steps = error.path().iter().filter_map(step).collect();
            let fault = fault(steps, &error.into_inner().to_string());
            Err(Problem::faults(Code::InvalidField, vec![fault]))
        }
    }
}

fn step(segment: &Segment) -> Option<Step> {
    match segment {
        Segment::Seq { index } => Some(Step::Index(*index)),
        Segment::Map { key } => Some(Step::Field(key.clone())),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

fn malformed(bytes: &[u8], error: &serde_json::Error) -> Problem {
    let before: usize = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    not_json((before + error.column().saturating_sub(1)).min(bytes.len()))
}

fn not_json(offset: usize) -> Problem {
    Problem::faults(Code::Malformed, vec![Fault::new(At::Body(Vec::new()), Reason::NotJson { offset })])
}

/// Serde tells what is wrong as a text only; its forms are matched here and nowhere else. What it
/// repeats of the input is left out.
fn fault(mut steps: Vec<Step>, message: &str) -> Fault {
    let message = message.split(" at line ").next().unwrap_or(message);
    let quoted = || message.split('`').nth(1).unwrap_or_default().to_owned();
    let expected = message.rsplit_once("expected ").map_or("", |(_, expected)| expected);
    let reason = if message.starts_with("missing field") {
        steps.push(Step::Field(quoted()));
        Reason::Missing
    } else if message.starts_with("duplicate field") {
        steps.push(Step::Field(quoted()));
        Reason::Other("must be given once".into())
    } else if message.starts_with("unknown field") {
        Reason::Other("is not a known field".into())
    } else if message.contains(NOT_A_TIME) {
        Reason::Time
    } else if message.starts_with("invalid type") || message.starts_with("invalid length") {
        Reason::Type(type_name(expected))
    } else if message.starts_with("unknown variant") {
        Reason::Other(format!("must be one of {}", expected.trim_start_matches("one of ").replace('`', "")))
    } else {
        Reason::Other("is not valid".into())
    };
    Fault::new(At::Body(steps), reason)
}

fn type_name(expected: &str) -> &'static str {
    match expected {
        text if text.contains("string") => "string",
        text if text.contains("sequence") || text.contains("list") => "list",
        text if text.contains("boolean") => "boolean",
        text if text.contains("u64") || text.contains("i64") || text.contains("number") => "number",
        text if text.contains("variant") || text.contains("enum") => "string",
        _ => "object",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its reading is tested")]
    struct Ask {
        name: String,
        inner: Option<Object<Inner>>,
        list: Option<Vec<String>>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its reading is tested")]
    struct Inner {
        kind: Kind,
    }

    #[derive(Debug, Deserialize)]
    enum Kind {
        A,
        B,
    }

    fn check(body: &str, at: &str, reason: Reason) {
        let problem = read::<Ask>(body.as_bytes()).unwrap_err();
        assert_eq!(
            (problem.faults[0].at.to_string(), &problem.faults[0].reason),
            (at.to_owned(), &reason),
            "{body}"
        );
    }

    #[test]
    fn faults_say_where_and_what() {
        check("", "body", Reason::Missing);
        check("{", "body", Reason::NotJson { offset: 0 });
        check("{\"name\":\n nope}", "body", Reason::NotJson { offset: 11 });
        check(r#"{"name":"x"} {}"#, "body", Reason::NotJson { offset: 13 });
        check("[]", "body", Reason::Type("object"));
        check(r#"["x",null,null]"#, "body", Reason::Type("object"));
        check("{}", "name", Reason::Missing);
        check(r#"{"name":1}"#, "name", Reason::Type("string"));
        check(r#"{"name":"a","name":"b"}"#, "name", Reason::Other("must be given once".into()));
        check(r#"{"name":"a","inner":["A"]}"#, "inner", Reason::Type("object"));
        check(r#"{"name":"a","inner":{}}"#, "inner.kind", Reason::Missing);
        check(
            r#"{"name":"a","inner":{"kind":"C"}}"#,
            "inner.kind",
            Reason::Other("must be one of A or B".into()),
        );
        check(r#"{"name":"a","inner":{"kind":1}}"#, "inner.kind", Reason::Other("is not valid".into()));
        check(r#"{"name":1,"inner":nope}"#, "body", Reason::NotJson { offset: 19 });
        check(r#"{"name":"a","list":["x",2]}"#, "list[1]", Reason::Type("string"));
    }

    #[test]
    fn what_is_not_utf8_is_no_json_even_where_it_is_skipped() {
        let problem = read::<Ask>(b"{\"name\":\"x\",\"other\":\"\xff\"}").unwrap_err();

        assert_eq!(problem.code, Code::Malformed);
        assert_eq!(problem.faults[0].reason, Reason::NotJson { offset: 21 });
    }

    #[test]
    fn depth_is_limited() {
        let deep = format!("{{\"name\":{}{}", "[".repeat(100_000), "]".repeat(100_000));

        assert!(read::<Ask>(deep.as_bytes()).is_err());
    }
}
