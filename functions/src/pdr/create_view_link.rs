//! `POST /api/rest/users/{userId}/personaldatarequest/view-uri`: a one-time link to the person's
//! own view of their requests. A new link replaces the one before.

use chrono::TimeDelta;
use domain::{Permission, PersonId, tenant::Tenant};
use http::Method;
use runtime::{
    Allow, Credentials, Failure, Json, Need, NoBody, Org, Path, Route, State,
    docs::{Docs, Good, Param},
};
use schemars::JsonSchema;
use serde::Serialize;
use store::links::ViewLink;
use url::Url;
use wire::{Code, Dialect, Problem, Query, Reason};

use crate::portal::{token::ViewToken, view_link};

/// The route.
pub static ROUTE: Route = Route {
    name: "create-view-link",
    method: Method::POST,
    path: "/api/rest/users/{userId}/personaldatarequest/view-uri",
    aliases: &["/api/rest/v1/user/{userId}/personaldatarequests/view-uri"],
    dialect: Dialect::Management,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PdrModify]),
    errors: &[Code::InvalidParameter, Code::PersonNotFound],
    needs: &[Need::WriteLedger],
    summary: "Create a one-time link to the personal data view",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    200,
    "A link of 30 days",
    r#"{"viewUri":"https://id.example.com/personal-data-view?ssdt=abc123..."}"#,
)])
.query(&[Param::new::<String>("returnUri", "Where the page leads back to: one of the tenant's origins")]);

/// The link.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    view_uri: String,
}

/// How long a link works.
const LIFE: TimeDelta = TimeDelta::days(30);

/// Creates it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(user): Path<PersonId>,
    query: Query,
    NoBody: NoBody,
) -> Result<Json<Reply>, Failure> {
    let return_uri = query.one("returnUri")?.map(|uri| check_return(&tenant, uri)).transpose()?;
    let (key, _) = app.subject(&tenant, &user).await?;
    let token = ViewToken { org: tenant.org, person: key, secret: app.entropy().bytes() };
    let link = ViewLink {
        digest: token.digest(),
        expires_at: app.now() + LIFE,
        return_uri,
        used_at: None,
        view: None,
        version: u32::from_be_bytes(app.entropy().bytes()).into(),
    };
    app.ledger(tenant.org).put_view_link(key, &link).await?;
    Ok(Json(Reply { view_uri: format!("{}{}?ssdt={token}", app.config().public_url, view_link::ROUTE.path) }))
}

/// A place to return to: https, exactly one of the tenant's origins, without credentials.
fn check_return(tenant: &Tenant, uri: &str) -> Result<String, Problem> {
    let refused = || Problem::query("returnUri", Reason::Other("must lead to an allowed origin".into()));
    // What the parser would silently mend is refused instead.
    if uri.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(refused());
    }
    let url = Url::parse(uri).map_err(|_| refused())?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.scheme() == "https";
    let origin = url.origin().ascii_serialization();
    if is_plain && uri.starts_with(&origin) && tenant.return_origins.contains(&origin) {
        Ok(url.into())
    } else {
        Err(refused())
    }
}

endpoint!(handle);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_allowed_origins_are_returned_to() {
        let mut tenant = Tenant::new("af5fbd30-7ce7-4548-8b30-4cd59cb2aba1".parse().unwrap());
        tenant.return_origins.insert("https://app.example.com".into());

        for good in ["https://app.example.com", "https://app.example.com/", "https://app.example.com/a?b=c#d"]
        {
            assert!(check_return(&tenant, good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/",
            "//app.example.com",
            "http://app.example.com",
            "https://app.example.com.evil.com",
            "https://evil.com/https://app.example.com",
            "https://app.example.com@evil.com",
            "https://user@app.example.com",
            "https://app.example.com:444",
            "https://evil.com\\@app.example.com",
            "https:app.example.com",
            "https:/app.example.com",
            "https:///app.example.com",
            "https://APP.example.com.",
            "https://app.example.com%2eevil.com",
            "https://app.example.com%00.evil.com",
            "https://app\u{3002}example.com.evil",
            " https://app.example.com",
            "https://app.example.com\n",
            "\thttps://app.example.com",
            "javascript:alert(1)",
            "javascript://app.example.com/%0aalert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "https://xn--app-example.com",
            "https://example.com",
            "https://sub.app.example.com",
        ] {
            assert!(check_return(&tenant, bad).is_err(), "{bad}");
        }
    }
}
