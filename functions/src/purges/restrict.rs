//! `POST /users/v1/person/{person_id}/restrictions`: bar something for a person.

use domain::{
    Permission,
    restriction::{Restriction, RestrictionType},
};
use http::{Method, StatusCode};
use runtime::{
    Allow, Body, Credentials, Failure, Json, Need, Org, Path, PersonUuid, Route, State,
    docs::{Docs, Good},
};
use schemars::JsonSchema;
use serde::Deserialize;
use wire::{Code, Dialect, Problem, Reason, shapes::rallyhere::RestrictionEntry, time::Time};

/// The route.
pub static ROUTE: Route = Route {
    name: "restrict-person",
    method: Method::POST,
    path: "/users/v1/person/{person_id}/restrictions",
    aliases: &[],
    dialect: Dialect::Detail,
    credentials: Credentials::BearerOrCookie,
    allow: Allow::AnyOf(&[Permission::RestrictionModifyAny]),
    errors: &[Code::InvalidField, Code::PersonNotFound, Code::Conflict],
    needs: &[Need::WriteLedger],
    summary: "Set a restriction on a person",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    201,
    "The restriction that was set",
    r#"{"type":"account_lockout","reason":"user_request","expiration":null}"#,
)])
.ask(r#"{"type":"account_lockout","reason":"user_request"}"#);

/// A restriction to set.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Ask {
    r#type: RestrictionType,
    reason: Option<String>,
    expiration: Option<Time>,
    issuer_type: Option<String>,
    issuer: Option<String>,
}

/// The longest text of any kind, in characters.
const LONGEST: usize = 200;

impl Ask {
    fn check(self) -> Result<Restriction, Problem> {
        if self.r#type == RestrictionType::AccountPendingDeletion {
            let must = "follows from a purge and cannot be set by hand";
            return Err(Problem::field("type", Reason::Other(must.to_owned())));
        }
        for (name, text) in
            [("reason", &self.reason), ("issuer_type", &self.issuer_type), ("issuer", &self.issuer)]
        {
            if text.as_ref().is_some_and(|text| text.is_empty() || text.chars().count() > LONGEST) {
                let must = format!("must have 1 to {LONGEST} characters");
                return Err(Problem::field(name, Reason::Other(must)));
            }
        }
        Ok(Restriction {
            kind: self.r#type,
            reason: self.reason,
            expiration: self.expiration.map(|time| time.0),
            issuer_type: self.issuer_type,
            issuer: self.issuer,
        })
    }
}

/// Sets it. The same type by the same issuer replaces what was set before.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(person): Path<PersonUuid>,
    Body(ask): Body<Ask>,
) -> Result<(StatusCode, Json<RestrictionEntry>), Failure> {
    let restriction = ask.check()?;
    let (key, before) = app.subject(&tenant, &person.into()).await?;
    let now = app.now();
    let mut after = before.clone();
    after.restrictions.retain(|known| {
        let same = (known.kind, &known.issuer_type, &known.issuer)
            == (restriction.kind, &restriction.issuer_type, &restriction.issuer);
        known.is_active(now) && !same
    });
    if after.restrictions.len() >= Restriction::MAX {
        let must = format!("must not be more than {} at once", Restriction::MAX);
        return Err(Problem::field("type", Reason::Other(must)).into());
    }
    let entry = RestrictionEntry::from(&restriction);
    after.restrictions.push(restriction);
    (after.version, after.changed_at) = (before.version + 1, now);
    app.ledger(tenant.org).put_person(key, &after, Some(&before)).await?;
    Ok((StatusCode::CREATED, Json(entry)))
}

endpoint!(handle);
