//! What the link in the mail gives access to: one archive, as long as it can be downloaded.
//!
//! Old, made-up and foreign tokens get one and the same page.

use domain::{OrgId, request::Request, takeout::Archive};
use http::StatusCode;
use pages::download_takeout::Gone;
use runtime::{Answer, App, Failure};
use wire::Query;

use super::link::{self, Token};

/// A takeout that can be downloaded, found by its link.
pub(super) struct Access {
    pub(super) org: OrgId,
    pub(super) request: Request,
    pub(super) archive: Archive,
    pub(super) token: String,
}

/// The takeout of the call's token.
pub(super) async fn find(app: &App, query: &Query) -> Result<Option<Access>, Failure> {
    let Some(text) = query.one("token")? else { return Ok(None) };
    let Ok(token) = text.parse::<Token>() else { return Ok(None) };
    if app.config().tenant(token.org).is_none() {
        return Ok(None);
    }
    let request = app.ledger(token.org).request(token.person, token.request).await?;
    let Some(request) = request else { return Ok(None) };
    let Some(takeout) = request.takeout() else { return Ok(None) };
    if takeout.link != Some(link::digest(&token.secret)) {
        return Ok(None);
    }
    let Some(archive) = takeout.download(app.now()).cloned() else { return Ok(None) };
    Ok(Some(Access { org: token.org, request, archive, token: token.to_string() }))
}

/// What every link is answered that does not work.
pub(super) fn unusable() -> Answer {
    page(StatusCode::GONE, Gone {}.page(), "")
}

/// A page whose buttons may lead to `bucket`, too.
pub(super) fn page(status: StatusCode, html: String, bucket: &str) -> Answer {
    let mut answer = super::confirm::page(status, html);
    for (name, value) in &mut answer.headers {
        if *name == "content-security-policy" {
            *value = value.replace("form-action 'self'", format!("form-action 'self' {bucket}").trim_end());
        }
    }
    answer
}

/// Scheme, host and port of an address.
pub(super) fn origin(link: &str) -> String {
    let (scheme, rest) = link.split_once("://").unwrap_or(("https", link));
    format!("{scheme}://{}", rest.split('/').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_stands_before_the_path() {
        assert_eq!(origin("http://127.0.0.1:9000/bucket/key?X-Amz=1"), "http://127.0.0.1:9000");
        assert_eq!(
            origin("https://b.s3.eu-central-1.amazonaws.com/key"),
            "https://b.s3.eu-central-1.amazonaws.com"
        );
    }
}
