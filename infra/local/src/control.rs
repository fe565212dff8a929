//! The routes under `/_local`: the clock, the queues, the mails, a start page. Local mode only.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use chrono::TimeDelta;
use pages::local_home::{Endpoint, Example, LocalHome, OutboxMail};
use runtime::Route;
use serde::Deserialize;
use serde_json::json;

use crate::{VirtualClock, services::Outbox, workers::Runner};

/// What the routes work on.
pub(crate) struct Control {
    pub(crate) runner: Arc<Runner>,
    pub(crate) clock: VirtualClock,
    pub(crate) outbox: Outbox,
    pub(crate) gateway: String,
    pub(crate) routes: Vec<&'static Route>,
    pub(crate) examples: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: i64,
}

/// The furthest that the clock is moved at once: ten years.
const FURTHEST: i64 = 10 * 366 * 24 * 3600;

pub(crate) fn router(control: Arc<Control>) -> Router {
    Router::new()
        .route("/", get(|| async { Redirect::to("/_local") }))
        .route("/_local", get(home))
        .route("/_local/", get(home))
        .route("/_local/advance", post(advance))
        .route("/_local/drain", post(drain))
        .route("/_local/outbox", get(outbox))
        .with_state(control)
}

async fn home(State(control): State<Arc<Control>>) -> Html<String> {
    let endpoint = |route: &&'static Route| Endpoint {
        method: route.method.as_str(),
        path: route.path,
        what: route.summary,
    };
    let example =
        |(what, command): &'_ (String, String)| -> (String, String) { (what.clone(), command.clone()) };
    let examples: Vec<_> = control.examples.iter().map(example).collect();
    let page = LocalHome {
        title: "Lethe on this machine",
        gateway: &control.gateway,
        outbox: "/_local/outbox",
        examples: examples.iter().map(|(what, command)| Example { what, command }).collect(),
        endpoints: control.routes.iter().map(endpoint).collect(),
    };
    Html(page.page())
}

/// Moves the clock and runs what falls due.
async fn advance(State(control): State<Arc<Control>>, body: axum::body::Bytes) -> Response {
    let ask =
        serde_json::from_slice::<Advance>(&body).ok().filter(|ask| (0..=FURTHEST).contains(&ask.seconds));
    let Some(Advance { seconds }) = ask else {
        let error = json!({"error": format!("expected {{\"seconds\": n}} with n from 0 to {FURTHEST}")});
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    };
    if let Err(error) = control.clock.advance(TimeDelta::seconds(seconds)) {
        let error = json!({"error": format!("the clock could not be kept: {error}")});
        return (StatusCode::INTERNAL_SERVER_ERROR, Json(error)).into_response();
    }
    control.runner.run_due_ticks().await;
    control.runner.drain().await;
    Json(json!({"now": control.clock.now()})).into_response()
}

/// Answers once all queues are empty and no worker runs.
async fn drain(State(control): State<Arc<Control>>) -> Response {
    control.runner.drain().await;
    Json(json!({"now": control.clock.now()})).into_response()
}

/// The mails: a page for browsers, JSON for everybody else.
async fn outbox(State(control): State<Arc<Control>>, headers: HeaderMap) -> Response {
    let mails = control.outbox.all();
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accept.contains("text/html") {
        return Json(mails).into_response();
    }
    let to: Vec<String> = mails.iter().map(|mail| mail.to.join(", ")).collect();
    let newest_first = mails.iter().zip(&to).rev();
    let page = pages::local_home::Outbox {
        home: "/_local",
        mails: newest_first
            .map(|(mail, to)| OutboxMail {
                subject: &mail.subject,
                to,
                at: mail.at,
                text: mail.text.as_deref().unwrap_or_default(),
            })
            .collect(),
    };
    Html(page.page()).into_response()
}
