//! What stands around every handler: authentication, permissions, limits, idempotency, errors
//! in the caller's dialect, one log line.

use std::{future::Future, marker::PhantomData, sync::Arc};

use bytes::Bytes;
use domain::{Permission, PersonId};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use lambda_http::{Body as LambdaBody, Request, RequestExt as _, Response, request::RequestContext};
use wire::{Code, Dialect, Problem, Query};

use crate::{
    Allow, Answer, App, Call, Caller, Credentials, Failure, FromCall, IntoAnswer, PersonUuid, Route, Source,
    auth::{self, session},
    call::PathParam as _,
    docs::Operation,
    idempotency::{self, Asked, Turn},
    log::Line,
    trace::Trace,
    trouble,
};

/// Where staff sign in.
pub const SIGN_IN: &str = "/console/sign-in";

/// The largest body that is read, in bytes.
const BODY_LIMIT: usize = 64 * 1024;
/// The same for personal data requests, whose remarks may be long.
const MANAGEMENT_BODY_LIMIT: usize = 256 * 1024;
/// The same for our own bulk endpoints.
const NATIVE_BODY_LIMIT: usize = 5 * 1024 * 1024;

type Run = dyn Fn(Call) -> BoxFuture<'static, Result<Answer, Failure>> + Send + Sync;

/// A route with its handler.
#[derive(Clone)]
pub struct Endpoint {
    /// What is particular to it, as data.
    pub route: &'static Route,
    /// The Lambda that it is part of: one of its own, or one of several pages.
    pub lambda: &'static str,
    run: Arc<Run>,
}

/// A function that handles calls: it takes what it needs of a [`Call`] and answers or fails.
pub trait Handler<Args>: Send + Sync + 'static {
    /// Handles a call.
    fn handle(&self, call: Call) -> impl Future<Output = Result<Answer, Failure>> + Send;

    /// What its arguments and its answer say of the operation.
    fn describe(operation: &mut Operation);
}

macro_rules! handlers {
    ($($arg:ident),*) => {
        impl<F, Fut, R, $($arg),*> Handler<($($arg,)*)> for F
        where
            F: Fn($($arg),*) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = Result<R, Failure>> + Send,
            R: IntoAnswer + Send,
            $($arg: FromCall + Send,)*
        {
            #[expect(non_snake_case, reason = "the arguments are named after their types")]
            async fn handle(&self, call: Call) -> Result<Answer, Failure> {
                let dialect = call.route.dialect;
                $(let $arg = $arg::from_call(&call)?;)*
                drop(call);
                self($($arg),*).await?.into_answer(dialect)
            }

            fn describe(operation: &mut Operation) {
                $($arg::describe(operation);)*
                R::describe(operation);
            }
        }
    };
}

handlers!(A);
handlers!(A, B);
handlers!(A, B, C);
handlers!(A, B, C, D);
handlers!(A, B, C, D, E);
handlers!(A, B, C, D, E, G);

/// Puts a route and its handler together.
pub fn mount<Args: 'static>(route: &'static Route, handler: impl Handler<Args>) -> Endpoint {
    let handler = Arc::new((handler, PhantomData::<fn(Args)>));
    Endpoint {
        route,
        lambda: route.name,
        run: Arc::new(move |call| {
            let handler = Arc::clone(&handler);
            Box::pin(async move { handler.0.handle(call).await })
        }),
    }
}

impl Endpoint {
    /// The same as a part of a Lambda that serves several.
    #[must_use]
    pub fn within(self, lambda: &'static str) -> Self {
        Self { lambda, ..self }
    }

    /// Answers a call.
    pub async fn call(&self, app: &App, request: Request) -> Response<LambdaBody> {
        let id = call_id(app, request.headers());
        let header = request.headers().get(Trace::HEADER).and_then(|value| value.to_str().ok());
        let app = &app.traced(header);
        let asked = request.uri().path_and_query().map_or_else(String::new, ToString::to_string);
        let outcome = self.attempt(app, request).await;
        let dialect = self.route.dialect;
        let (answer, cause) = match outcome {
            Ok(answer) => (answer, None),
            Err(failure) => {
                let cause = failure.cause();
                let problem = failure.into_problem();
                if dialect == Dialect::Page {
                    return self.tell_page(app, &problem, cause, &asked, &id);
                }
                let rendered = dialect.render(&problem, &id);
                let answer = Answer {
                    status: http::StatusCode::from_u16(rendered.status)
                        .unwrap_or(http::StatusCode::BAD_REQUEST),
                    content_type: Some(rendered.content_type.to_owned()),
                    headers: rendered.headers,
                    body: rendered.body.to_string().into(),
                };
                (answer, cause)
            }
        };
        self.end(app, answer, cause, &id)
    }

    /// Tells on a page what went wrong. Whoever only has to sign in is led there, and back.
    fn tell_page(
        &self,
        app: &App,
        problem: &Problem,
        cause: Option<String>,
        asked: &str,
        id: &str,
    ) -> Response<LambdaBody> {
        let answer = if problem.code == Code::SignedOut && self.route.method == Method::GET {
            let next = url::form_urlencoded::byte_serialize(asked.as_bytes()).collect::<String>();
            Answer::see_other(format!("{SIGN_IN}?next={next}"))
        } else {
            let status = http::StatusCode::from_u16(Dialect::Page.status(problem.code));
            let is_console = self.route.credentials == Credentials::Session;
            let mut answer = Answer::page(
                status.unwrap_or(http::StatusCode::BAD_REQUEST),
                trouble::page(problem, is_console),
            );
            answer.headers.extend(problem.retry_after.map(|seconds| ("retry-after", seconds.to_string())));
            answer
        };
        self.end(app, answer, cause, id)
    }

    fn end(&self, app: &App, answer: Answer, cause: Option<String>, id: &str) -> Response<LambdaBody> {
        let answered = answer.status.is_success() || answer.status.is_redirection();
        app.tell(Line {
            function: self.route.name,
            id,
            status: Some(answer.status.as_u16()),
            outcome: if answered { "answered" } else { "refused" },
            cause,
            ..Line::default()
        });
        respond(answer, id)
    }

    async fn attempt(&self, app: &App, request: Request) -> Result<Answer, Failure> {
        let route = self.route;
        let parameters = request.path_parameters_ref();
        let params: Vec<String> = route
            .params()
            .map(|name| parameters.and_then(|all| all.first(name)).unwrap_or_default().to_owned())
            .collect();
        let source = source(&request);
        let (parts, body) = request.into_parts();
        let body: Bytes = match body {
            LambdaBody::Empty => Bytes::new(),
            LambdaBody::Text(text) => text.into(),
            LambdaBody::Binary(bytes) => bytes.into(),
            _ => Bytes::new(),
        };
        let caller = auth::verify(app, route.credentials, &parts.headers).await?;
        let person = named_person(route, &params, caller.as_ref());
        if let Some(caller) = &caller {
            permit(route, caller, person.as_ref())?;
        }
        let limit = match route.dialect {
            Dialect::Management => MANAGEMENT_BODY_LIMIT,
            Dialect::Native => NATIVE_BODY_LIMIT,
            Dialect::JsonApi | Dialect::Envelope | Dialect::Connect | Dialect::Detail | Dialect::Page => {
                BODY_LIMIT
            }
        };
        if body.len() > limit {
            return Err(Code::TooLarge.into());
        }
        if let (Some(caller), true) =
            (&caller, route.credentials == Credentials::Session && route.method != Method::GET)
        {
            session::check_form(app, caller, &parts.headers, &body)?;
        }
        let query = parts.uri.query().unwrap_or_default();
        let asked = Asked { path: &params.join("/"), query, body: &body, person };
        let turn = idempotency::begin(app, route, &parts.headers, caller.as_ref(), asked).await?;
        let (app, keyed) = match turn {
            Turn::Go(app, keyed) => (app, keyed),
            Turn::Answered(answer) => return Ok(answer),
        };
        let call = Call {
            app: app.clone(),
            route,
            params,
            query: Query::parse(query),
            headers: parts.headers,
            body,
            caller,
            source,
        };
        let answer = (self.run)(call).await?;
        if let Some(keyed) = keyed {
            keyed.end(&app, &answer).await?;
        }
        Ok(answer)
    }
}

/// The person whom the path names, or the caller where it says `me` or nobody.
fn named_person(route: &Route, params: &[String], caller: Option<&Caller>) -> Option<PersonId> {
    let Some(name) = route.person_param() else { return caller.and_then(Caller::person) };
    let text = params.get(route.params().position(|param| param == name)?)?;
    match route.dialect {
        // These read a UUID in any spelling.
        Dialect::JsonApi | Dialect::Detail => PersonUuid::parse(text).ok().map(PersonId::from),
        Dialect::Envelope | Dialect::Connect | Dialect::Management | Dialect::Native | Dialect::Page => {
            text.parse().ok()
        }
    }
}

/// Whether the caller may call this route about this person.
fn permit(route: &Route, caller: &Caller, person: Option<&PersonId>) -> Result<(), Problem> {
    let is_self = caller.person().is_some_and(|own| Some(&own) == person);
    let has =
        |permission: &&Permission| caller.grants.allow(**permission) && (is_self || !permission.own_only());
    let missing = match route.allow {
        Allow::Anyone => None,
        Allow::AnyOf(permissions) if permissions.iter().any(|permission| has(&permission)) => None,
        Allow::AnyOf(permissions) => permissions.first(),
        Allow::AllOf(permissions) => permissions.iter().find(|permission| !has(permission)),
    };
    let Some(missing) = missing.map(|permission| permission.name()) else { return Ok(()) };
    Err(Problem::about(Code::InsufficientPermissions, missing))
}

/// Where a call comes from, as the gateway says.
fn source(request: &Request) -> Source {
    let address = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
        Some(_) | None => None,
    };
    Source::of(address.unwrap_or_default())
}

/// The id of a call: the caller's own `Request-Id` if it is an xid, else a new one.
fn call_id(app: &App, headers: &HeaderMap) -> String {
    let given = headers.get("request-id").and_then(|value| value.to_str().ok());
    if let Some(id) = given.and_then(|text| text.parse::<xid::Id>().ok().filter(|id| id.to_string() == text))
    {
        return id.to_string();
    }
    let seconds = u32::try_from(app.now().timestamp()).unwrap_or_default();
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&seconds.to_be_bytes());
    bytes[4..].copy_from_slice(&app.entropy().bytes::<8>());
    xid::Id::from_bytes(&bytes).map(|id| id.to_string()).unwrap_or_default()
}

fn respond(answer: Answer, id: &str) -> Response<LambdaBody> {
    let is_text = answer.content_type.as_deref().is_some_and(|name| name != "application/zip");
    let body = if answer.body.is_empty() {
        LambdaBody::Empty
    } else {
        match (is_text, String::from_utf8(answer.body.to_vec())) {
            (true, Ok(text)) => LambdaBody::Text(text),
            (true | false, _) => LambdaBody::Binary(answer.body.to_vec()),
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &str| {
        // Our own values are plain text; one that is not is left out rather than breaking the answer.
        if let Ok(value) = HeaderValue::from_str(value) {
            // There may be several cookies.
            if name == http::header::SET_COOKIE {
                headers.append(name, value);
            } else {
                headers.insert(name, value);
            }
        }
    };
    set(HeaderName::from_static("request-id"), id);
    set(http::header::CACHE_CONTROL, "no-store");
    set(http::header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(http::header::REFERRER_POLICY, "no-referrer");
    set(http::header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains");
    set(http::header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    if let Some(content_type) = &answer.content_type {
        set(http::header::CONTENT_TYPE, content_type);
    }
    for (name, value) in &answer.headers {
        set(HeaderName::from_static(name), value);
    }
    response
}
