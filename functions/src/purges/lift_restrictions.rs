//! `DELETE /users/v1/person/{person_id}/restrictions`: lift what an issuer set, or all.
//!
//! The restriction of a waiting purge is lifted by calling off the purge, not here.

use domain::Permission;
use http::{Method, StatusCode};
use runtime::{
    Allow, Credentials, Failure, Need, Org, Path, PersonUuid, Route, State,
    docs::{Docs, Good, Param},
};
use wire::{Code, Dialect, Query};

/// The route.
pub static ROUTE: Route = Route {
    name: "lift-restrictions",
    method: Method::DELETE,
    path: "/users/v1/person/{person_id}/restrictions",
    aliases: &[],
    dialect: Dialect::Detail,
    credentials: Credentials::BearerOrCookie,
    allow: Allow::AnyOf(&[Permission::RestrictionModifyAny]),
    errors: &[Code::InvalidParameter, Code::PersonNotFound, Code::Conflict],
    needs: &[Need::WriteLedger],
    summary: "Lift restrictions of a person",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::empty(204, "Lifted, or there was none")]).query(&[
    Param::new::<String>("issuer_type", "Only those that this kind of issuer set"),
    Param::new::<String>("issuer", "Only those that this issuer set"),
]);

/// Lifts them.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(person): Path<PersonUuid>,
    query: Query,
) -> Result<StatusCode, Failure> {
    let (issuer_type, issuer) = (query.one("issuer_type")?, query.one("issuer")?);
    let (key, before) = app.subject(&tenant, &person.into()).await?;
    let mut after = before.clone();
    let named = |wanted: Option<&str>, own: &Option<String>| {
        wanted.is_none_or(|wanted| own.as_deref() == Some(wanted))
    };
    after
        .restrictions
        .retain(|known| !(named(issuer_type, &known.issuer_type) && named(issuer, &known.issuer)));
    if after.restrictions.len() != before.restrictions.len() {
        (after.version, after.changed_at) = (before.version + 1, app.now());
        app.ledger(tenant.org).put_person(key, &after, Some(&before)).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

endpoint!(handle);
