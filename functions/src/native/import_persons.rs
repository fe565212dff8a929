//! `POST /lethe/v1/persons/bulk`: register many persons, one JSON object a line.
//!
//! A line is what `PUT` takes, with its `person_id`. Each line gets its own result, in order; a bad
//! line harms no other.

use domain::{Permission, PersonId};
use http::{Method, StatusCode};
use runtime::{Allow, Answer, Credentials, Failure, Lines, Need, Org, Route, State};
use serde::{Deserialize, Serialize};
use wire::{At, Code, Dialect, Fault, Problem, Reason, body, shapes::native::PersonBody};

/// The route.
pub static ROUTE: Route = Route {
    name: "import-persons",
    method: Method::POST,
    path: "/lethe/v1/persons/bulk",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PersonsWrite]),
    errors: &[Code::Malformed, Code::TooLarge],
    needs: &[Need::WriteLedger],
    summary: "Register many persons, one a line",
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    person_id: PersonId,
    #[serde(default)]
    identities: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    verified: std::collections::BTreeSet<String>,
    #[serde(default)]
    linked_identities: std::collections::BTreeSet<String>,
}

#[derive(Serialize)]
struct LineResult {
    line: usize,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    person_id: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The most lines of one call.
const MOST: usize = 10_000;

/// Registers them.
///
/// # Errors
/// Those of `ROUTE`. What is wrong with a line stands in its result.
pub async fn handle(State(app): State, Org(tenant): Org, Lines(text): Lines) -> Result<Answer, Failure> {
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let is_blank = |line: &&[u8]| line.iter().all(u8::is_ascii_whitespace);
    if lines.iter().all(is_blank) {
        let fault = Fault::new(At::Body(Vec::new()), Reason::Missing);
        return Err(Problem::faults(Code::InvalidField, vec![fault]).into());
    }
    if lines.len() > MOST {
        return Err(Code::TooLarge.into());
    }
    let mut results = Vec::new();
    for (number, line) in lines.iter().enumerate().filter(|(_, line)| !is_blank(line)) {
        let number = number + 1;
        let result = match body::read::<Line>(line) {
            Err(problem) => refused(number, None, problem),
            Ok(Line { person_id, identities, verified, linked_identities }) => {
                let body = PersonBody { identities, verified, linked_identities };
                match super::register(&app, &tenant, person_id.clone(), body).await {
                    Ok((_, is_new)) => LineResult {
                        line: number,
                        status: if is_new { 201 } else { 200 },
                        person_id: Some(person_id),
                        error: None,
                    },
                    Err(failure) => refused(number, Some(person_id), failure.into_problem()),
                }
            }
        };
        serde_json::to_writer(&mut results, &result).map_err(Failure::internal)?;
        results.push(b'\n');
    }
    Ok(Answer {
        status: StatusCode::OK,
        content_type: Some("application/x-ndjson".to_owned()),
        headers: Vec::new(),
        body: results.into(),
    })
}

fn refused(line: usize, person_id: Option<PersonId>, problem: Problem) -> LineResult {
    LineResult { line, status: ROUTE.dialect.status(problem.code), person_id, error: Some(problem.detail()) }
}

endpoint!(handle);
