//! The stand-in for an API Gateway HTTP API in front of Lambda functions.
//!
//! Each request becomes the event Lambda would get (payload format 2.0), goes through the conversion of
//! `lambda_http` to the handler and back, and becomes an HTTP answer again, so that nothing a handler sees or says
//! differs from AWS. Limits are those of AWS too: what is too long there is refused here.
//!
//! | what                             | limit         | answer                              |
//! |----------------------------------|---------------|-------------------------------------|
//! | request line and headers         | 10,240 bytes  | 431                                 |
//! | body of a request                | 10 MB         | 413                                 |
//! | event, i.e. body as JSON or Base64 | 6 MB        | 413                                 |
//! | answer of a handler, as JSON     | 6 MB          | 500                                 |
//! | time a handler may take          | 30 s          | 503; the handler goes on            |
//! | panic of a handler               |               | 500                                 |
//!
//! Deliberately absent: authorizers (the product verifies tokens itself), CORS, stages, and throttling.

mod event;
mod reply;
mod routes;

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{Method, StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use http_body_util::BodyExt;
use lambda_http::{Adapter, LambdaEvent, Service, request::LambdaRequest, service_fn};
use lambda_runtime::Context;

use self::{
    event::Origin,
    reply::Refusal,
    routes::{Match, Routes},
};
use crate::services::Clock;

/// A Lambda function, as `lambda_http` calls it.
pub type Handler = Arc<
    dyn Fn(lambda_http::Request) -> BoxFuture<'static, lambda_http::Response<lambda_http::Body>>
        + Send
        + Sync,
>;

/// A route of the API, and the function behind it.
#[derive(Clone)]
pub struct GatewayRoute {
    /// The method; `HEAD` and `OPTIONS` are no more implied than on AWS.
    pub method: Method,
    /// The path as API Gateway writes it: `/a/{b}/c`, and `{rest+}` for all that remains.
    pub path: String,
    /// What answers.
    pub handler: Handler,
}

/// How much of a body API Gateway takes.
const MAX_BODY: usize = 10 * 1024 * 1024;
/// How much request line and headers API Gateway takes.
const MAX_HEAD: usize = 10_240;
/// How much Lambda takes and gives, as JSON.
const MAX_PAYLOAD: usize = 6 * 1024 * 1024;
/// How long API Gateway waits for a function.
const MAX_TIME: Duration = Duration::from_secs(30);

/// Serves the routes, and `extra` for everything that is none of them, until `shutdown`; requests under way are
/// finished.
pub async fn serve(
    listener: tokio::net::TcpListener,
    routes: Vec<GatewayRoute>,
    extra: Router,
    clock: Clock,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), std::io::Error> {
    let gateway =
        Gateway { port: listener.local_addr()?.port(), routes: Routes::new(routes), clock, count: 0.into() };
    let app = Router::new().fallback(answer).with_state((Arc::new(gateway), extra));
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(shutdown)
        .await
}

struct Gateway {
    port: u16,
    routes: Routes,
    clock: Clock,
    /// Of requests so far, which makes their ids unique.
    count: AtomicU64,
}

async fn answer(
    State((gateway, mut extra)): State<(Arc<Gateway>, Router)>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    if let Some(found) = gateway.routes.find(request.method(), request.uri().path()) {
        return gateway.invoke(found, peer, request).await.unwrap_or_else(Refusal::into_response);
    }
    let Ok(response) = extra.call(request).await;
    // The answer of a router that knows no such path. API Gateway says more.
    let unknown = response.status() == StatusCode::NOT_FOUND
        && hyper::body::Body::size_hint(response.body()).exact() == Some(0);
    if unknown { Refusal::NotFound.into_response() } else { response }
}

impl Gateway {
    async fn invoke(
        &self,
        found: Match<'_>,
        peer: SocketAddr,
        request: Request,
    ) -> Result<Response, Refusal> {
        let (head, body) = request.into_parts();
        if length(&head) > MAX_HEAD {
            return Err(Refusal::HeadersTooLong);
        }
        let body = read(body).await?;
        let now = (self.clock)();
        let id = format!("{:x}-{:x}", now.timestamp_millis(), self.count.fetch_add(1, Ordering::Relaxed));
        let origin = Origin { peer, port: self.port, now, id: &id };
        let event = event::event(&head, &body, &found, &origin);
        let payload = serde_json::to_vec(&event).map_err(|_| Refusal::Failed)?;
        if payload.len() > MAX_PAYLOAD {
            return Err(Refusal::BodyTooLong);
        }
        // In a task of its own, so that a panic ends only the task, and a client that leaves ends nothing.
        let task = tokio::spawn(run(found.handler.clone(), payload, id.clone(), now + MAX_TIME));
        let output = tokio::time::timeout(MAX_TIME, task)
            .await
            .map_err(|_| Refusal::TooSlow)?
            .map_err(|_| Refusal::Failed)??;
        reply::response(&output, &id)
    }
}

/// Runs a function on an event as Lambda does, from JSON to JSON; nothing if it fails.
pub(crate) async fn invoke(handler: Handler, event: &[u8], now: DateTime<Utc>) -> Option<Vec<u8>> {
    run(handler, event.to_vec(), String::new(), now + MAX_TIME).await.ok()
}

/// The same for a request that came over the network.
async fn run(
    handler: Handler,
    payload: Vec<u8>,
    id: String,
    deadline: DateTime<Utc>,
) -> Result<Vec<u8>, Refusal> {
    let event: LambdaRequest = serde_json::from_slice(&payload).map_err(|_| Refusal::Failed)?;
    let mut context = Context::default();
    context.request_id = id;
    context.deadline = u64::try_from(deadline.timestamp_millis()).unwrap_or_default();
    let mut function = Adapter::from(service_fn(move |request| {
        let answering = handler(request);
        async move { Ok::<_, Infallible>(answering.await) }
    }));
    let Ok(output) = function.call(LambdaEvent::new(event, context)).await;
    let output = serde_json::to_vec(&output).map_err(|_| Refusal::Failed)?;
    if output.len() > MAX_PAYLOAD { Err(Refusal::Failed) } else { Ok(output) }
}

/// The length of request line and headers.
fn length(head: &Parts) -> usize {
    let line = head.method.as_str().len() + head.uri.path_and_query().map_or(0, |path| path.as_str().len());
    let headers = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    line + headers.sum::<usize>()
}

/// Reads a body, to its end even if it is too long: a client that is still writing would not see the refusal.
async fn read(mut body: Body) -> Result<Bytes, Refusal> {
    let mut bytes = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::BadRequest)?.into_data() else { continue };
        length += data.len();
        if length <= MAX_BODY {
            bytes.extend_from_slice(&data);
        } else {
            bytes = Vec::new();
        }
    }
    if length > MAX_BODY { Err(Refusal::BodyTooLong) } else { Ok(bytes.into()) }
}

#[cfg(test)]
mod tests;
