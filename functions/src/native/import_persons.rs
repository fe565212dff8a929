//! `POST /lethe/v1/persons/bulk`: register many persons, one JSON object a line.
//!
//! A line is what `PUT` takes, with its `person_id`. Each line gets its own result, in order; a bad
//! line harms no other.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter::Peekable,
};

use domain::{Permission, PersonId, tenant::Tenant};
use futures_util::future::join_all;
use http::{Method, StatusCode};
use runtime::{
    Allow, Answer, App, Credentials, Failure, LINES, Lines, Need, Org, Route, State,
    docs::{Docs, Good},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::{
    At, Code, Dialect, Fault, Problem, Reason, body,
    shapes::native::{PersonBody, unique},
};

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

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::written::<LineResult>(
    200,
    "A result for each line, in order",
    LINES,
    r#"{"line":1,"status":201,"person_id":"903c1ff9-f2cc-435c-b242-9d8a690fcf0a"}"#,
)])
.ask(r#"{"person_id":"903c1ff9-f2cc-435c-b242-9d8a690fcf0a","identities":{"email":"alice@example.com"}}"#);

/// A line: what `PUT` takes, with its person.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct Line {
    person_id: PersonId,
    #[serde(default, deserialize_with = "unique")]
    identities: BTreeMap<String, String>,
    #[serde(default)]
    verified: BTreeSet<String>,
    #[serde(default)]
    linked_identities: BTreeSet<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct LineResult {
    line: usize,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    person_id: Option<PersonId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    erased_before: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The most lines of one call.
const MOST: usize = 10_000;

/// Registers them.
///
/// # Errors
/// Those of `ROUTE`. What is wrong with a line stands in its result.
pub async fn handle(State(app): State, Org(tenant): Org, lines: Lines<Line>) -> Result<Answer, Failure> {
    let lines: Vec<&[u8]> = lines.text.split(|byte| *byte == b'\n').collect();
    let is_blank = |line: &&[u8]| line.iter().all(u8::is_ascii_whitespace);
    if lines.iter().all(is_blank) {
        let fault = Fault::new(At::Body(Vec::new()), Reason::Missing);
        return Err(Problem::faults(Code::InvalidField, vec![fault]).into());
    }
    if lines.len() > MOST {
        return Err(Code::TooLarge.into());
    }
    let mut results = Vec::new();
    let numbered = lines.into_iter().zip(1..).filter(|(line, _)| !is_blank(line));
    let numbered: Vec<Numbered> = numbered.map(|(line, number)| (number, body::read(line))).collect();
    let mut lines = numbered.into_iter().peekable();
    while lines.peek().is_some() {
        for result in join_all(wave(&mut lines).map(|line| register(&app, &tenant, line))).await {
            serde_json::to_writer(&mut results, &result).map_err(Failure::internal)?;
            results.push(b'\n');
        }
    }
    Ok(Answer {
        status: StatusCode::OK,
        content_type: Some("application/x-ndjson".to_owned()),
        headers: Vec::new(),
        body: results.into(),
    })
}

/// A line with its number, or what is wrong with it.
type Numbered = (usize, Result<Line, Problem>);

/// How many lines are dealt with at the same time.
const AT_ONCE: usize = 32;

/// The next lines, as many as can be dealt with at the same time: each person once, so that of
/// two lines about one person the later counts.
fn wave(lines: &mut Peekable<impl Iterator<Item = Numbered>>) -> impl Iterator<Item = Numbered> {
    let mut wave = Vec::new();
    let mut persons = BTreeSet::new();
    while wave.len() < AT_ONCE {
        let next = lines.next_if(|(_, line)| match line {
            Ok(line) => persons.insert(line.person_id.clone()),
            Err(_) => true,
        });
        match next {
            Some(line) => wave.push(line),
            None => break,
        }
    }
    wave.into_iter()
}

async fn register(app: &App, tenant: &Tenant, (number, line): Numbered) -> LineResult {
    let Line { person_id, identities, verified, linked_identities } = match line {
        Ok(line) => line,
        Err(problem) => return refused(number, None, &problem),
    };
    let body = PersonBody { identities, verified, linked_identities };
    match super::register(app, tenant, person_id.clone(), body).await {
        Ok(registered) => LineResult {
            line: number,
            status: if registered.is_new { 201 } else { 200 },
            person_id: Some(person_id),
            erased_before: registered.erased_before,
            error: None,
        },
        Err(failure) => refused(number, Some(person_id), &failure.into_problem()),
    }
}

fn refused(line: usize, person_id: Option<PersonId>, problem: &Problem) -> LineResult {
    LineResult {
        line,
        status: ROUTE.dialect.status(problem.code),
        person_id,
        erased_before: Vec::new(),
        error: Some(problem.detail()),
    }
}

endpoint!(handle);
