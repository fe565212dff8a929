//! Log lines: one JSON object per call, from an allow-list of fields, without anything personal; and
//! the metrics behind alarms.

use std::sync::Arc;

use domain::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::trace::Trace;

/// The longest line about a call, in bytes: CloudWatch is paid for by them.
const LONGEST: usize = 200;
/// The longest cause that is told in a line of its own.
const LONGEST_CAUSE: usize = 1000;
/// Where CloudWatch keeps our metrics.
const NAMESPACE: &str = "Lethe";

/// Where log lines go.
#[derive(Clone)]
pub struct Log(Arc<dyn Fn(String) + Send + Sync>);

/// All that a line may say.
#[derive(Clone, Default, Serialize)]
pub(crate) struct Line<'a> {
    /// The function.
    pub(crate) function: &'a str,
    /// Which call or message.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) id: &'a str,
    /// The HTTP status, or nothing for a worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// What became of it.
    pub(crate) outcome: &'a str,
    /// The pseudonym of the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) person: Option<String>,
    /// The trace that it is a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trace: Option<String>,
    /// Why it failed, from our own error types, which carry no values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
}

/// A cause that is too long for the line about its call.
#[derive(Serialize)]
struct Cause<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a str>,
    cause: &'a str,
}

impl Log {
    /// Lines go to `write`.
    pub fn new(write: impl Fn(String) + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    /// Lines go to standard output, where Lambda picks them up.
    pub fn stdout() -> Self {
        Self::new(|line| println!("{line}"))
    }

    /// A line about a call in `trace`. Should its cause not fit, that has a line of its own.
    pub(crate) fn line(&self, line: Line<'_>, trace: Option<Trace>) {
        let mut line = Line { trace: trace.map(|trace| trace.to_string()), ..line };
        if written(&line).len() <= LONGEST {
            return self.write(&line);
        }
        let cause = line.cause.take();
        self.write(&line);
        if let Some(cause) = cause {
            let cause = &cause[..cause.floor_char_boundary(LONGEST_CAUSE)];
            self.write(&Cause { id: line.id, trace: line.trace.as_deref(), cause });
        }
    }

    /// Counts for CloudWatch, in its embedded metric format. What is zero is not sent, and if all are,
    /// nothing is: a metric is paid for in the hours in which it is sent, and no data is no alarm.
    pub(crate) fn counts(&self, counts: &[(&str, usize)], now: Timestamp) {
        let counts: Vec<_> = counts.iter().filter(|(_, count)| *count > 0).collect();
        if counts.is_empty() {
            return;
        }
        let metrics: Vec<Value> =
            counts.iter().map(|(name, _)| json!({"Name": name, "Unit": "Count"})).collect();
        let mut line: Map<String, Value> =
            counts.iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
        let directive = json!({"Namespace": NAMESPACE, "Dimensions": [[]], "Metrics": metrics});
        line.insert(
            "_aws".to_owned(),
            json!({"Timestamp": now.timestamp_millis(), "CloudWatchMetrics": [directive]}),
        );
        self.write(&line);
    }

    fn write(&self, line: &impl Serialize) {
        (self.0)(written(line));
    }
}

/// A line as JSON.
fn written(line: &impl Serialize) -> String {
    // Texts and numbers have no way to fail.
    serde_json::to_string(line).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Mutex;

    use super::*;

    /// The lines that `tell` writes.
    fn lines(tell: impl Fn(&Log)) -> Vec<Value> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let log = {
            let lines = Arc::clone(&lines);
            Log::new(move |line| lines.lock().unwrap().push(line))
        };
        tell(&log);
        let lines = lines.lock().unwrap();
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_long_cause_has_a_line_of_its_own() {
        let trace = Trace::read("Root=1-69a55fa0-0123456789abcdef01234567");
        let told = |cause: &str| {
            let line = Line { function: "f", id: "x", cause: Some(cause.to_owned()), ..Line::default() };
            lines(|log| log.line(line.clone(), trace))
        };

        assert_eq!(told("short")[0]["cause"], "short");
        let long = told(&"ä".repeat(1000));
        assert_eq!((long.len(), &long[0]["cause"]), (2, &Value::Null));
        assert_eq!((&long[1]["id"], &long[1]["trace"]), (&json!("x"), &long[0]["trace"]));
        assert_eq!(long[1]["cause"].as_str().unwrap(), "ä".repeat(500));
    }

    #[test]
    fn only_what_there_is_is_counted() {
        let now: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();

        let told = lines(|log| {
            log.counts(&[("A", 0)], now);
            log.counts(&[("A", 0), ("B", 2)], now);
        });

        assert_eq!(
            told,
            [json!({
                "_aws": {
                    "Timestamp": 1_772_445_600_000_u64,
                    "CloudWatchMetrics": [{
                        "Namespace": "Lethe",
                        "Dimensions": [[]],
                        "Metrics": [{"Name": "B", "Unit": "Count"}],
                    }],
                },
                "B": 2,
            })]
        );
    }
}
