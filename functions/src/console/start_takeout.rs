//! `POST /console/requests/{request_id}/takeout`: have the takeout made that somebody asked for.
//!
//! It goes to the verified address alone, locked with a password that is shown once, to whoever starts it.

use domain::{
    Permission, RequestId,
    request::{Kind, Request, Work},
    takeout::{self, Delivery, Takeout},
};
use http::Method;
use pages::console::{Here, started::Started};
use runtime::{
    Allow, Answer, App, Caller, Credentials, Failure, Form, Need, Org, Path, Route, State,
    docs::{Docs, Good},
    queues::{Job, Queue},
};
use schemars::JsonSchema;
use serde::Deserialize;
use wire::{Code, Dialect};

use super::{frame, page, request_of, request_path};

/// The route.
pub static ROUTE: Route = Route {
    name: "start-takeout",
    method: Method::POST,
    path: "/console/requests/{request_id}/takeout",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::Session,
    allow: Allow::AnyOf(&[Permission::TakeoutCreate]),
    errors: &[
        Code::InvalidParameter,
        Code::InvalidField,
        Code::RequestNotFound,
        Code::PersonNotFound,
        Code::Conflict,
        Code::PurgeInProgress,
    ],
    needs: &[Need::WriteLedger, Need::QueueTakeouts],
    summary: "Start the takeout of a request",
};

/// What the OpenAPI document says of it.
static DOCS: Docs =
    Docs::answers(&[Good::page(200, "Started, with its password")]).ask(r#"{"form_token":"7f3a"}"#);

/// The form.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Ask {
    #[expect(dead_code, reason = "compared before")]
    form_token: String,
}

/// Starts it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Path(id): Path<RequestId>,
    Form(_): Form<Ask>,
) -> Result<Answer, Failure> {
    let ledger = app.ledger(tenant.org);
    let request = request_of(&app, &tenant, id).await?;
    let person = ledger.person(request.person).await?.ok_or(Code::PersonNotFound)?;
    app.refuse_while_erasing(&tenant, request.person).await?;
    let address = person.verified_email().map(str::to_owned);
    let delivery = address.map_or(Delivery::DownloadOnly, Delivery::To);
    let password = password(&app);
    let now = app.now();
    let form = takeout::Form { locale: tenant.locale, ..takeout::Form::default() };
    let takeout = Takeout::order(password.clone(), delivery, [0; 32], form, &tenant, now);
    let key = request.person;
    let start = |request: Request| {
        let is_open = request.kind == Kind::Access && request.work == Work::Manual;
        if !is_open || request.confirmation.is_some() {
            return Err(Failure::from(Code::Conflict));
        }
        Ok(Some(request.with_work(Work::Takeout(takeout.clone()), now)))
    };
    ledger.amend_request(request, start).await?;
    app.nudge(Queue::Takeouts, Job { org: tenant.org, person: key, request: Some(id) }).await;
    let path = request_path(id);
    let view = Started { frame: frame(&caller, Here::Requests)?, request: &path, password: &password };
    Ok(page(view.page()))
}

/// A password that can be read out on the telephone: 20 digits and letters that nobody mistakes for one
/// another, a hundred bits.
fn password(app: &App) -> String {
    const LETTERS: [u8; 32] = *b"23456789abcdefghjkmnpqrstuvwxyz0";
    let bytes: [u8; 20] = app.entropy().bytes();
    let letters: Vec<char> =
        bytes.iter().filter_map(|byte| LETTERS.get(usize::from(byte % 32))).map(|b| char::from(*b)).collect();
    letters.chunks(5).map(String::from_iter).collect::<Vec<_>>().join("-")
}

page!(super::CHANGE, handle);
