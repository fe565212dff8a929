//! One call: signed, repeated where that is safe, waited for, and believed only if the answer is
//! signed too.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HOST, RETRY_AFTER};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};

use super::network::{Client, Unreachable};
use super::protocol::{Pending, Verb};
use super::settings::BaseUrl;
use super::signature::{self, Covered, Keys, Moment};
use crate::fault::Fault;
use crate::secrets::Secrets;

/// How much of a service is put up with.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// How long one try may take.
    pub(super) attempt: Duration,
    /// How long a call may take with all its tries and while it is worked on.
    pub(super) deadline: Duration,
    /// How often a call is tried.
    pub(super) attempts: u32,
    /// The pause before the second try, doubled before each further one.
    pub(super) pause: Duration,
    /// The longest pause, whatever the service asks for.
    pub(super) longest: Duration,
    /// The largest answer, in bytes.
    pub(super) body: usize,
    /// How many pages an answer has at most.
    pub(super) pages: usize,
    /// How many pages without a row may follow each other.
    pub(super) blanks: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(30),
            deadline: Duration::from_secs(300),
            attempts: 5,
            pause: Duration::from_millis(200),
            longest: Duration::from_secs(30),
            body: 8 << 20,
            pages: 10_000,
            blanks: 100,
        }
    }
}

/// Calls one service.
pub(super) struct Caller {
    pub(super) client: Client,
    pub(super) base: BaseUrl,
    /// The name of the secret with the keys, and where it is kept. It is taken from there for each
    /// call, so that keys can be changed at any time.
    pub(super) secret: String,
    pub(super) secrets: Arc<dyn Secrets>,
    pub(super) limits: Limits,
}

/// What is sent: the same for every try but for the signature's date and token.
struct Call<'a> {
    method: Method,
    path: String,
    content: Bytes,
    idempotency_key: &'a str,
}

/// What came back.
enum Answer {
    Done(Bytes),
    Pending { operation: String, after: Duration },
}

/// Why nothing came back that can be used.
enum Trouble {
    /// Trying again may help.
    Passing { reason: &'static str, after: Option<Duration> },
    /// It would not.
    Lasting(Fault),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Lasting(fault)
    }
}

fn lasting(reason: impl Into<String>) -> Trouble {
    Trouble::Lasting(Fault::new(reason))
}

impl Caller {
    /// Calls the service and waits for its answer.
    pub(super) async fn call<A: DeserializeOwned>(
        &self,
        verb: Verb,
        ask: &impl Serialize,
    ) -> Result<A, Fault> {
        let named = |fault: Fault| Fault::new(format!("{}: {fault}", verb.name()));
        // What is asked has no way to fail as JSON, nor to be cut off.
        let content = serde_json::to_vec(ask).map_err(|_| named(Fault::new("it cannot be written")))?;
        let idempotency_key = format!("\"{}\"", signature::token()?);
        let called = timeout(self.limits.deadline, self.answer(verb, content.into(), &idempotency_key)).await;
        let answer = called.unwrap_or_else(|_| Err(Fault::new("it is not done in time"))).map_err(named)?;
        // The reason could quote the answer.
        serde_json::from_slice(&answer).map_err(|_| named(Fault::new("the answer is not of the agreed form")))
    }

    async fn answer(&self, verb: Verb, content: Bytes, idempotency_key: &str) -> Result<Bytes, Fault> {
        let path = |rest: &str| format!("{}/v1/{rest}", self.base.prefix);
        let mut call = Call { method: Method::POST, path: path(verb.name()), content, idempotency_key };
        loop {
            match self.insist(&call).await? {
                Answer::Done(content) => return Ok(content),
                Answer::Pending { operation, after } => {
                    sleep(after).await;
                    call = Call {
                        method: Method::GET,
                        path: path(&format!("operations/{operation}")),
                        content: Bytes::new(),
                        idempotency_key,
                    };
                }
            }
        }
    }

    /// Tries until an answer comes or it has been tried often enough.
    async fn insist(&self, call: &Call<'_>) -> Result<Answer, Fault> {
        let mut pause = self.limits.pause;
        let mut attempt = 1;
        loop {
            let tried = timeout(self.limits.attempt, self.attempt(call)).await;
            let late = Trouble::Passing { reason: "the service does not answer in time", after: None };
            match tried.unwrap_or(Err(late)) {
                Ok(answer) => return Ok(answer),
                Err(Trouble::Lasting(fault)) => return Err(fault),
                Err(Trouble::Passing { reason, .. }) if attempt >= self.limits.attempts => {
                    return Err(Fault::new(reason));
                }
                Err(Trouble::Passing { after, .. }) => sleep(after.unwrap_or(pause)).await,
            }
            pause = (pause * 2).min(self.limits.longest);
            attempt += 1;
        }
    }

    async fn attempt(&self, call: &Call<'_>) -> Result<Answer, Trouble> {
        let keys = Keys::parse(&self.secrets.secret(&self.secret).await?)?;
        let covered = Covered {
            method: call.method.as_str(),
            authority: &self.base.authority,
            path: &call.path,
            content: &call.content,
            idempotency_key: call.idempotency_key,
        };
        let signed = keys.sign(&covered, &Moment::now()?);
        let request = Request::builder()
            .method(&call.method)
            .uri(self.base.uri(&call.path))
            .header(HOST, &self.base.authority)
            .header(ACCEPT, JSON)
            .header(ACCEPT_ENCODING, "identity")
            .header(CONTENT_TYPE, JSON)
            .header("idempotency-key", call.idempotency_key)
            .header("content-digest", &signed.content_digest)
            .header("signature-input", &signed.signature_input)
            .header("signature", &signed.signature)
            .body(Full::new(call.content.clone()))
            .map_err(|_| lasting("the call cannot be written"))?;
        let response = self.client.request(request).await.map_err(|error| broken(&error))?;
        let status = response.status();
        match status {
            StatusCode::OK | StatusCode::ACCEPTED => {}
            other => return Err(self.refusal(other, response.headers())),
        }
        let headers = response.headers().clone();
        if !is_json(&headers) {
            return Err(lasting("the answer is not JSON"));
        }
        let content = self.content(response).await?;
        keys.verify(status, &headers, &content, &signed)?;
        if status == StatusCode::OK {
            return Ok(Answer::Done(content));
        }
        match serde_json::from_slice::<Pending>(&content) {
            Ok(Pending { operation }) if is_id(&operation) => Ok(Answer::Pending {
                operation,
                after: self.wait(&headers).unwrap_or_default().max(self.limits.pause),
            }),
            Ok(_) | Err(_) => Err(lasting("the answer names no operation to wait for")),
        }
    }

    /// The content of an answer, as far as it is not too long.
    async fn content<B>(&self, response: Response<B>) -> Result<Bytes, Trouble>
    where
        B: http_body::Body<Data = Bytes, Error: Error + 'static> + Unpin,
    {
        let mut body = response.into_body();
        let mut content = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| broken(&error))?;
            let Ok(data) = frame.into_data() else { continue };
            if content.len() + data.len() > self.limits.body {
                return Err(lasting("the answer is too long"));
            }
            content.extend_from_slice(&data);
        }
        Ok(content.freeze())
    }

    /// What a status other than success means. It need not be signed: the worst that a forged one
    /// does is that the call is not made.
    fn refusal(&self, status: StatusCode, headers: &HeaderMap) -> Trouble {
        match status {
            StatusCode::TOO_MANY_REQUESTS => {
                Trouble::Passing { reason: "the service has too much to do", after: self.wait(headers) }
            }
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                Trouble::Passing { reason: "the service is not available", after: self.wait(headers) }
            }
            StatusCode::UNAUTHORIZED => lasting("the service does not accept our signature"),
            StatusCode::NOT_FOUND => lasting("the service does not know the path"),
            other if other.is_redirection() => lasting("the service redirects, which is not followed"),
            other => lasting(format!("the service answers {}", other.as_u16())),
        }
    }

    /// How long the service asks to wait.
    fn wait(&self, headers: &HeaderMap) -> Option<Duration> {
        let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds).min(self.limits.longest))
    }
}

const JSON: &str = "application/json";

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case(JSON) && !headers.contains_key(CONTENT_ENCODING)
}

/// Whether an operation's name can stand in a path.
fn is_id(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    !name.is_empty() && name.len() <= 128 && name.bytes().all(is_plain)
}

/// Why a connection did not come about or broke off, from the error's causes.
fn broken(error: &(dyn Error + 'static)) -> Trouble {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(unreachable) = error.downcast_ref::<Unreachable>() {
            return match unreachable {
                Unreachable::Forbidden(_) | Unreachable::Unknown => {
                    lasting(format!("the service cannot be reached: {unreachable}"))
                }
                Unreachable::Closed => Trouble::Passing {
                    reason: "the service cannot be reached: it takes no connections",
                    after: None,
                },
            };
        }
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return lasting("the service has no certificate that is trusted, or no TLS");
        }
        cause = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    Trouble::Passing { reason: "the connection to the service broke off", after: None }
}
