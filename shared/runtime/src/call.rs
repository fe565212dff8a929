//! A call, and what handlers take from it.

use std::{convert::Infallible, marker::PhantomData, str::FromStr};

use bytes::Bytes;
use domain::{AttachmentId, HoldId, OrgId, PersonId, RequestId, tenant::Tenant};
use http::HeaderMap;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use store::Read;
use uuid::Uuid;
use wire::{At, Code, Dialect, Fault, Problem, Query, Reason};

use crate::{
    App, Caller, Failure, Route, Source,
    docs::{Operation, schema_of},
};

/// A call, verified and allowed.
pub struct Call {
    pub(crate) app: App,
    pub(crate) route: &'static Route,
    pub(crate) params: Vec<String>,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) caller: Option<Caller>,
    pub(crate) source: Source,
}

/// What a handler can take from a call.
pub trait FromCall: Sized {
    /// Takes it.
    ///
    /// # Errors
    /// When the call does not have it, or not in the right form.
    fn from_call(call: &Call) -> Result<Self, Failure>;

    /// What taking it says of the operation.
    fn describe(_: &mut Operation) {}
}

/// What cannot be taken is left to the handler to judge.
impl<T: FromCall> FromCall for Result<T, Failure> {
    fn from_call(call: &Call) -> Result<Self, Failure> {
        Ok(T::from_call(call))
    }

    fn describe(operation: &mut Operation) {
        T::describe(operation);
    }
}

/// The App.
pub struct State(pub App);

impl FromCall for State {
    fn from_call(call: &Call) -> Result<Self, Failure> {
        Ok(Self(call.app.clone()))
    }
}

impl FromCall for Caller {
    fn from_call(call: &Call) -> Result<Self, Failure> {
        call.caller.clone().ok_or_else(|| Code::AuthMalformedAccess.into())
    }
}

/// The settings of the caller's tenant.
pub struct Org(pub Tenant);

impl FromCall for Org {
    fn from_call(call: &Call) -> Result<Self, Failure> {
        let caller = Caller::from_call(call)?;
        let tenant = call.app.config().tenant(caller.org);
        tenant.map(Self).ok_or_else(|| Problem::about(Code::AuthTokenInvalidClaim, "org").into())
    }
}

impl FromCall for Query {
    fn from_call(call: &Call) -> Result<Self, Failure> {
        Ok(call.query.clone())
    }
}

impl FromCall for HeaderMap {
    fn from_call(call: &Call) -> Result<Self, Failure> {
        Ok(call.headers.clone())
    }
}

/// How much the answer must know: every write before it if the caller says `Cache-Control: no-cache`
/// (RFC 9111, 5.2.1.4), else perhaps not the newest, which costs half.
pub struct Freshness(pub Read);

impl FromCall for Freshness {
    fn from_call(call: &Call) -> Result<Self, Failure> {
        let asked = call.headers.get_all(http::header::CACHE_CONTROL).iter();
        let is_fresh = asked
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|directive| directive.trim().eq_ignore_ascii_case("no-cache"));
        Ok(Self(if is_fresh { Read::Consistent } else { Read::Eventual }))
    }
}

/// Something that a part of the path says.
pub trait PathParam: JsonSchema + Sized {
    /// Reads it.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn parse(text: &str) -> Result<Self, Reason>;
}

/// The id of a person in a dialect that speaks of UUIDs only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(inline)]
pub struct PersonUuid(pub Uuid);

impl From<PersonUuid> for PersonId {
    fn from(id: PersonUuid) -> Self {
        id.0.into()
    }
}

/// The version in the path of the PACE API, such as `2024-3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(inline, with = "String", extend("pattern" = "^[0-9]{4}-[0-9]{1,2}$"))]
pub struct ApiVersion;

fn read<T: FromStr>(text: &str, reason: Reason) -> Result<T, Reason> {
    text.parse().map_err(|_| reason)
}

impl PathParam for PersonId {
    fn parse(text: &str) -> Result<Self, Reason> {
        text.parse().map_err(|error: domain::ids::IdError| Reason::Other(error.to_string()))
    }
}

impl PathParam for PersonUuid {
    fn parse(text: &str) -> Result<Self, Reason> {
        read(text, Reason::Uuid).map(Self)
    }
}

impl PathParam for RequestId {
    fn parse(text: &str) -> Result<Self, Reason> {
        read(text, Reason::Uuid)
    }
}

impl PathParam for OrgId {
    fn parse(text: &str) -> Result<Self, Reason> {
        read(text, Reason::Uuid)
    }
}

impl PathParam for HoldId {
    fn parse(text: &str) -> Result<Self, Reason> {
        read(text, Reason::Uuid)
    }
}

impl PathParam for AttachmentId {
    fn parse(text: &str) -> Result<Self, Reason> {
        read(text, Reason::Uuid)
    }
}

impl PathParam for String {
    fn parse(text: &str) -> Result<Self, Reason> {
        let read: Result<Self, Infallible> = text.parse();
        read.map_err(|never| match never {})
    }
}

impl PathParam for ApiVersion {
    fn parse(text: &str) -> Result<Self, Reason> {
        let known = text.split_once('-').is_some_and(|(year, number)| {
            let digits = |text: &str, most: usize| {
                (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
            };
            year.len() == 4 && digits(year, 4) && digits(number, 2)
        });
        if known { Ok(Self) } else { Err(Reason::Other("must be a version such as 2024-3".into())) }
    }
}

/// What the path says: one part, or a tuple of all its parts in order.
pub struct Path<T>(pub T);

fn param<T: PathParam>(call: &Call, place: usize) -> Result<T, Failure> {
    let name = call.route.params().nth(place).unwrap_or("path");
    let text = call.params.get(place).map_or("", String::as_str);
    T::parse(text).map_err(|reason| {
        Problem::faults(Code::InvalidParameter, vec![Fault::new(At::Path(name), reason)]).into()
    })
}

impl<A: PathParam> FromCall for Path<A> {
    fn from_call(call: &Call) -> Result<Self, Failure> {
        param(call, 0).map(Self)
    }

    fn describe(operation: &mut Operation) {
        operation.path = vec![schema_of::<A>];
    }
}

impl<A: PathParam, B: PathParam> FromCall for Path<(A, B)> {
    fn from_call(call: &Call) -> Result<Self, Failure> {
        Ok(Self((param(call, 0)?, param(call, 1)?)))
    }

    fn describe(operation: &mut Operation) {
        operation.path = vec![schema_of::<A>, schema_of::<B>];
    }
}

impl<A: PathParam, B: PathParam, C: PathParam> FromCall for Path<(A, B, C)> {
    fn from_call(call: &Call) -> Result<Self, Failure> {
        Ok(Self((param(call, 0)?, param(call, 1)?, param(call, 2)?)))
    }

    fn describe(operation: &mut Operation) {
        operation.path = vec![schema_of::<A>, schema_of::<B>, schema_of::<C>];
    }
}

/// A JSON body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + JsonSchema> FromCall for Body<T> {
    fn from_call(call: &Call) -> Result<Self, Failure> {
        check_media_types(call)?;
        Ok(Self(wire::body::read(&call.body)?))
    }

    fn describe(operation: &mut Operation) {
        operation.body = Some((operation.route.dialect.media_type(), schema_of::<T>));
    }
}

/// A form, as browsers send it.
pub struct Form<T>(pub T);

impl<T: DeserializeOwned + JsonSchema> FromCall for Form<T> {
    fn from_call(call: &Call) -> Result<Self, Failure> {
        let read = serde_urlencoded::from_bytes(&call.body);
        read.map(Self).map_err(|_| Problem::field("form", Reason::Other("cannot be read".into())).into())
    }

    fn describe(operation: &mut Operation) {
        operation.body = Some((FORM, schema_of::<T>));
    }
}

/// The media type of forms.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// A body that is taken as it is, each line of it JSON that should be a `T`.
pub struct Lines<T> {
    /// All of them.
    pub text: Bytes,
    form: PhantomData<T>,
}

impl<T: JsonSchema> FromCall for Lines<T> {
    fn from_call(call: &Call) -> Result<Self, Failure> {
        Ok(Self { text: call.body.clone(), form: PhantomData })
    }

    fn describe(operation: &mut Operation) {
        operation.body = Some((LINES, schema_of::<T>));
    }
}

/// The media type of lines of JSON.
pub const LINES: &str = "application/x-ndjson";

/// No body: whatever is sent is ignored.
pub struct NoBody;

impl FromCall for NoBody {
    fn from_call(_: &Call) -> Result<Self, Failure> {
        Ok(Self)
    }
}

/// Whether body and answer are of media types that the dialect speaks (contracts A.1, decision 1).
fn check_media_types(call: &Call) -> Result<(), Problem> {
    let dialect = call.route.dialect;
    let header =
        |name: &str| call.headers.get(name).map(|value| value.to_str().unwrap_or("?").trim().to_owned());
    let refuse = |code: Code| Err(Problem::about(code, dialect.media_type()));
    let tenant = call.caller.as_ref().and_then(|caller| call.app.config().tenant(caller.org));
    let strict = tenant.is_some_and(|tenant| tenant.strict_accept);
    let content_type = header("content-type");
    match dialect {
        Dialect::JsonApi => {
            let accept = header("accept");
            let acceptable = match &accept {
                Some(accept) if strict => accept == dialect.media_type(),
                Some(accept) => accept.split(',').any(|range| acceptable_range(range, dialect.media_type())),
                None => !strict,
            };
            if !acceptable {
                return refuse(Code::NotAcceptable);
            }
            let content_type = content_type.unwrap_or_default();
            let (media_type, params) = content_type.split_once(';').unwrap_or((&content_type, ""));
            let profile_only = params.split(';').all(|param| {
                param.trim().is_empty() || param.trim().to_ascii_lowercase().starts_with("profile=")
            });
            let known = media_type.trim().eq_ignore_ascii_case(dialect.media_type());
            if !known || !profile_only || (strict && !params.is_empty()) {
                return refuse(Code::UnsupportedMediaType);
            }
        }
        Dialect::Envelope
        | Dialect::Connect
        | Dialect::Detail
        | Dialect::Management
        | Dialect::Native
        | Dialect::Page => {
            if let Some(content_type) = content_type.filter(|text| !text.is_empty()) {
                let media_type =
                    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
                if media_type != "application/json" && !media_type.ends_with("+json") {
                    return refuse(Code::UnsupportedMediaType);
                }
            }
        }
    }
    Ok(())
}

fn acceptable_range(range: &str, media_type: &str) -> bool {
    let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
    let named =
        parts.next().is_some_and(|name| name == "*/*" || name == "application/*" || name == media_type);
    named
        && parts.all(|param| {
            param.is_empty() || (param.starts_with("q=") && param != "q=0") || param.starts_with("profile=")
        })
}
