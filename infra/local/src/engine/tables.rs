//! Plans and erasures, for people and for scripts.

use std::fmt::Write as _;

use domain::{
    datamap::{Erasure, Outcome},
    plan::{MaskedAs, Method, Plan, PlannedCollection},
};
use serde::{Serialize, Serializer};

/// What an erasure did, by collection.
pub(super) struct Effects<'a>(pub(super) &'a Erasure);

/// What it did to one collection.
#[derive(Serialize)]
struct Effect<'a> {
    found: u64,
    erased: u64,
    masked: u64,
    kept: u64,
    after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

impl Serialize for Effects<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.collections.iter().map(|done| {
            let Outcome { found, erased, masked, kept, after, error, .. } = done;
            let effect = Effect {
                found: *found,
                erased: *erased,
                masked: *masked,
                kept: *kept,
                after: *after,
                error: error.as_deref(),
            };
            (done.at.to_string(), effect)
        }))
    }
}

/// Why collections are not done, one line each.
pub(super) fn failures(erasure: &Erasure) -> String {
    let undone = erasure.collections.iter().filter(|done| !done.is_done());
    let lines: Vec<String> = undone
        .map(|done| format!("{}: {}", done.at, done.error.as_deref().unwrap_or("not proven empty")))
        .collect();
    lines.join("\n")
}

/// An erasure as a table.
pub(super) fn erasure(erasure: &Erasure) -> String {
    let lines = erasure.collections.iter().map(|done| {
        let after = done.after.map_or_else(|| "?".to_owned(), |after| after.to_string());
        // What failed is said beside the result, where no pipe hides it.
        let why = done.kept_because.join("; ");
        let numbers = [done.found, done.erased, done.masked, done.kept].map(|number| number.to_string());
        (done.at.to_string(), [numbers.to_vec(), vec![after]].concat(), why)
    });
    table(&["found", "erased", "masked", "kept", "after"], lines.collect())
}

/// A plan as a table, and what it costs.
pub(super) fn plan(plan: &Plan) -> String {
    let lines = plan.collections.iter().map(|planned| {
        let numbers = [planned.found, planned.affected, planned.kept, planned.bytes];
        let name = format!("{}:{}", planned.dataset, planned.collection);
        (name, numbers.map(|number| number.to_string()).to_vec(), what(planned))
    });
    let mut text = format!("plan {}\n", plan.sha256);
    text += &table(&["found", "affected", "kept", "bytes"], lines.collect());
    if plan.usd > 0.0 {
        // Texts can always be written to.
        let _ = writeln!(text, "{:.6} US dollars for AWS", plan.usd);
    }
    text
}

/// What is done to a collection, and why not more.
fn what(planned: &PlannedCollection) -> String {
    let masked = |field: &MaskedAs| format!("{} ({})", field.field, field.strategy);
    let method = match planned.method {
        Method::Delete => "delete".to_owned(),
        Method::Mask => {
            format!("mask {}", planned.masked_fields.iter().map(masked).collect::<Vec<_>>().join(", "))
        }
        Method::Keep => "keep".to_owned(),
    };
    std::iter::once(method).chain(planned.kept_because.iter().cloned()).collect::<Vec<_>>().join("; ")
}

/// Names to the left, numbers below their headings, remarks to the right.
fn table(headings: &[&str], lines: Vec<(String, Vec<String>, String)>) -> String {
    let width = lines.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
    let heading =
        (String::new(), headings.iter().map(|heading| (*heading).to_owned()).collect(), String::new());
    let mut text = String::new();
    for (name, numbers, remark) in std::iter::once(heading).chain(lines) {
        let numbers: String = numbers.iter().map(|number| format!("{number:>10}")).collect();
        text += format!("{name:<width$}{numbers}  {remark}").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use domain::datamap::CollectionRef;

    use super::*;

    fn outcome(collection: &str, error: Option<&str>) -> Outcome {
        Outcome {
            at: CollectionRef::new("shop", collection),
            method: Method::Delete,
            backup_days: None,
            found: 3,
            erased: 1,
            masked: 1,
            kept: 1,
            kept_because: vec!["shared".to_owned()],
            after: error.is_none().then_some(0),
            asked: true,
            error: error.map(str::to_owned),
        }
    }

    #[test]
    fn an_erasure_tells_by_collection_what_it_did() {
        let erasure = Erasure { collections: vec![outcome("z", None), outcome("a", Some("down"))] };

        assert_eq!(
            serde_json::to_string(&Effects(&erasure)).unwrap(),
            r#"{"shop:z":{"found":3,"erased":1,"masked":1,"kept":1,"after":0},"#.to_owned()
                + r#""shop:a":{"found":3,"erased":1,"masked":1,"kept":1,"after":null,"error":"down"}}"#
        );
        assert_eq!(
            super::erasure(&erasure),
            "           found    erased    masked      kept     after\n\
             shop:z         3         1         1         1         0  shared\n\
             shop:a         3         1         1         1         ?  shared\n"
        );
        assert_eq!(failures(&erasure), "shop:a: down");
    }

    #[test]
    fn a_plan_tells_what_would_be_done_and_why_not_more() {
        let masked = |field: &str| MaskedAs { field: field.to_owned(), strategy: "hash".to_owned() };
        let collection = PlannedCollection {
            dataset: "shop".to_owned(),
            collection: "people".to_owned(),
            method: Method::Mask,
            found: 2,
            affected: 1,
            kept: 1,
            bytes: 80,
            masked_fields: vec![masked("name"), masked("email")],
            kept_because: vec!["shared".to_owned()],
            ..PlannedCollection::default()
        };
        let plan = Plan { sha256: "abc".to_owned(), collections: vec![collection], ..Plan::default() };

        assert_eq!(
            super::plan(&plan),
            "plan abc\n                found  affected      kept     bytes\n\
             shop:people         2         1         1        80  mask name (hash), email (hash); shared\n"
        );
    }
}
