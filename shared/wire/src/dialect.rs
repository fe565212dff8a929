//! The dialects, and how each tells an error.

use serde::Serialize;
use serde_json::Value;

use crate::{
    At, Code, Fault, Problem, Reason, Step,
    errors::{
        ConnectError, ConnectMessage, ConnectMeta, EnvelopeError, EnvelopeErrors, HzApiErrorModel,
        JsonApiError, JsonApiErrors, Loc, ManagementError, ProblemDetails, ProblemFault, Source,
        ValidationError, ValidationErrors,
    },
};

/// The form in which a caller speaks and is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// PACE: JSON:API (`000_c2491cd37c7c1d0e.txt`).
    JsonApi,
    /// SlashID: an envelope of `meta`, `errors`, `result` (`001_371a57b7554a0a7f.txt`).
    Envelope,
    /// Instacart: `error` beside `meta` (`002_a71f3c77ddceadfa.txt`).
    Connect,
    /// RallyHere: `detail` lists and `auth_success` objects (`003_7e754b52a3de9fbd.txt`).
    Detail,
    /// Trivore: plain objects and `errorMessage` (`004_e2c16d59e31fafcb.txt`).
    Management,
    /// Our own: problem details (RFC 9457).
    Native,
    /// Pages for people. What goes wrong is told by a page as well, which `runtime` makes.
    Page,
}

/// An error as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The HTTP status.
    pub status: u16,
    /// The media type of the body.
    pub content_type: &'static str,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Value,
}

impl Dialect {
    /// All dialects, in the order of the columns of [`Code::row`]; pages share the last.
    pub const ALL: [Self; 7] = [
        Self::JsonApi,
        Self::Envelope,
        Self::Connect,
        Self::Detail,
        Self::Management,
        Self::Native,
        Self::Page,
    ];

    /// The media type of answers.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::JsonApi => "application/vnd.api+json",
            Self::Envelope | Self::Connect | Self::Detail | Self::Management | Self::Native => {
                "application/json"
            }
            Self::Page => "text/html; charset=utf-8",
        }
    }

    /// The status of an error.
    pub const fn status(self, code: Code) -> u16 {
        let column = match self {
            Self::Page => Self::Native,
            other => other,
        };
        code.row().statuses[column as usize]
    }

    /// An error in this dialect. `request_id` tells the call in our logs.
    pub fn render(self, problem: &Problem, request_id: &str) -> Rendered {
        let status = self.status(problem.code);
        let body = match self {
            Self::JsonApi => written(&json_api(problem, status, request_id)),
            Self::Envelope => written(&EnvelopeErrors {
                errors: [EnvelopeError { httpcode: status, message: problem.detail() }],
            }),
            Self::Connect => written(&connect(problem, status)),
            Self::Detail => detail(problem),
            Self::Management => written(&management(problem, status)),
            Self::Native | Self::Page => written(&native(problem, status, request_id)),
        };
        let mut headers = Vec::new();
        if status == 401 && self == Self::Management {
            headers.push(("www-authenticate", "Basic realm=\"management\", charset=\"UTF-8\"".to_owned()));
        }
        if let Some(seconds) = problem.retry_after {
            headers.push(("retry-after", seconds.to_string()));
        }
        let content_type = match self {
            Self::Native | Self::Page => "application/problem+json",
            Self::JsonApi | Self::Envelope | Self::Connect | Self::Detail | Self::Management => {
                self.media_type()
            }
        };
        Rendered { status, content_type, headers, body }
    }
}

/// The body as JSON.
fn written(body: &impl Serialize) -> Value {
    // Texts, numbers and lists of them have no way to fail.
    serde_json::to_value(body).unwrap_or_default()
}

/// PACE: titles and places as its own JSON:API runtime writes them (contracts A.1).
fn json_api(problem: &Problem, status: u16, request_id: &str) -> JsonApiErrors {
    let error = |title: String| JsonApiError {
        id: request_id.to_owned(),
        status: status.to_string(),
        title,
        ..JsonApiError::default()
    };
    let about = problem.about.as_deref().unwrap_or_default();
    let single = match problem.code {
        Code::AuthMalformedAccess => error("Unauthorized".to_owned()),
        Code::AuthNotJwt
        | Code::AuthTokenFormat
        | Code::AuthTokenUnknown
        | Code::AuthInvalidKeyId
        | Code::AuthInvalidVersion
        | Code::AuthTokenInvalidType
        | Code::AuthTokenSigInvalid
        | Code::AuthTokenExpired
        | Code::AuthTokenInvalidClaim
        | Code::BadClient => error("user token is invalid".to_owned()),
        Code::InsufficientPermissions => error(format!("Forbidden - requires scope \"{about}\"")),
        Code::MissingLinkedIdentity => JsonApiError {
            code: Some(problem.code.row().slug),
            detail: Some("Linked identity is needed to access this resource, please check why the user does not have a linked identity".to_owned()),
            ..error(problem.title())
        },
        Code::NotAcceptable | Code::UnsupportedMediaType => {
            let header = if problem.code == Code::NotAcceptable { "Accept" } else { "Content-Type" };
            error(format!(
                "request needs to be send with \"{header}\" header, containing value: \"application/vnd.api+json\""
            ))
        }
        Code::Malformed => error(format!("can't parse content: {}", problem.detail())),
        Code::InvalidField | Code::InvalidParameter if !problem.faults.is_empty() => {
            let told = |fault: &Fault| JsonApiError {
                detail: Some(fault.to_string()),
                source: Some(Source::of(&fault.at)),
                ..error(match &fault.at {
                    At::Body(_) => format!("{} is invalid", capitalised(&fault.at.name())),
                    At::Path(name) | At::Query(name) | At::Header(name) => {
                        format!("invalid value for {name}")
                    }
                })
            };
            return JsonApiErrors { errors: problem.faults.iter().map(told).collect() };
        }
        Code::InvalidField
        | Code::InvalidParameter
        | Code::AuthUnavailable
        | Code::CredentialsInQuery
        | Code::SignedOut
        | Code::SignInFailed
        | Code::FormExpired
        | Code::TooLarge
        | Code::PersonNotFound
        | Code::TakeoutNotFound
        | Code::RequestNotFound
        | Code::PurgeNotFound
        | Code::DataNotFound
        | Code::CertificateNotFound
        | Code::PlanNotFound
        | Code::PlanChanged
        | Code::PlanRefused
        | Code::NothingToRelease
        | Code::SamePerson
        | Code::HoldNotFound
        | Code::ClientNotFound
        | Code::ObjectionNotFound
        | Code::UnknownPurpose
        | Code::PurgeInProgress
        | Code::Held
        | Code::IdentityErased
        | Code::IdTaken
        | Code::IdempotencyConflict
        | Code::Conflict
        | Code::FeatureOff
        | Code::TooManyRequests
        | Code::Unavailable
        | Code::Internal => error(problem.title()),
    };
    JsonApiErrors { errors: vec![single] }
}

impl Source {
    fn of(at: &At) -> Self {
        match at {
            At::Body(steps) => Self::Pointer(pointer(steps)),
            At::Path(name) | At::Query(name) | At::Header(name) => Self::Parameter(name),
        }
    }
}

fn capitalised(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A JSON pointer, lower-cased as PACE's runtime does.
fn pointer(steps: &[Step]) -> String {
    let step = |step: &Step| match step {
        Step::Field(name) => format!("/{}", name.to_lowercase().replace('~', "~0").replace('/', "~1")),
        Step::Index(index) => format!("/{index}"),
    };
    steps.iter().map(step).collect()
}

/// Instacart's code for a single faulty value.
const INVALID_VALUE: u16 = 1001;
/// Instacart's code for the wrapper around several.
const SEVERAL: u16 = 9999;

fn connect(problem: &Problem, status: u16) -> ConnectError {
    let plain = |message: &str, code: u16| ConnectError {
        error: ConnectMessage { message: message.to_owned(), code, errors: Vec::new() },
        meta: None,
    };
    let single = |message: &str, key: &str| ConnectError {
        meta: Some(ConnectMeta { key: key.to_owned() }),
        ..plain(message, INVALID_VALUE)
    };
    match problem.code {
        Code::PersonNotFound => single("User Not Found", problem.about.as_deref().unwrap_or("user_id")),
        Code::FeatureOff => single(problem.code.row().title, "feature_flag"),
        Code::InvalidField | Code::Malformed => {
            let told = |fault: &Fault| single(&connect_message(fault), &fault.at.to_string());
            let mut several = plain("There were issues with your request", SEVERAL);
            several.error.errors = problem.faults.iter().map(told).collect();
            several
        }
        Code::InvalidParameter => match problem.faults.first() {
            Some(fault) => single(&connect_message(fault), &fault.at.to_string()),
            None => plain(&problem.title(), INVALID_VALUE),
        },
        Code::IdempotencyConflict => single(problem.code.row().title, "Idempotency-Key"),
        Code::AuthMalformedAccess
        | Code::AuthNotJwt
        | Code::AuthTokenFormat
        | Code::AuthTokenUnknown
        | Code::AuthInvalidKeyId
        | Code::AuthInvalidVersion
        | Code::AuthTokenInvalidType
        | Code::AuthTokenSigInvalid
        | Code::AuthTokenExpired
        | Code::AuthTokenInvalidClaim
        | Code::BadClient => plain("Unauthorized", status),
        Code::InsufficientPermissions | Code::CredentialsInQuery => plain("Forbidden", status),
        Code::AuthUnavailable
        | Code::SignedOut
        | Code::SignInFailed
        | Code::FormExpired
        | Code::MissingLinkedIdentity
        | Code::NotAcceptable
        | Code::UnsupportedMediaType
        | Code::TooLarge
        | Code::TakeoutNotFound
        | Code::RequestNotFound
        | Code::PurgeNotFound
        | Code::DataNotFound
        | Code::CertificateNotFound
        | Code::PlanNotFound
        | Code::PlanChanged
        | Code::PlanRefused
        | Code::NothingToRelease
        | Code::SamePerson
        | Code::HoldNotFound
        | Code::ClientNotFound
        | Code::ObjectionNotFound
        | Code::UnknownPurpose
        | Code::PurgeInProgress
        | Code::Held
        | Code::IdentityErased
        | Code::IdTaken
        | Code::Conflict
        | Code::TooManyRequests
        | Code::Unavailable
        | Code::Internal => plain(&problem.title(), status),
    }
}

fn connect_message(fault: &Fault) -> String {
    match fault.reason {
        Reason::Missing | Reason::Blank => "can't be blank".to_owned(),
        Reason::NotJson { .. } | Reason::Type(_) | Reason::Uuid | Reason::Time | Reason::Other(_) => {
            fault.reason.to_string()
        }
    }
}

fn detail(problem: &Problem) -> Value {
    if problem.faults.is_empty() && problem.code != Code::UnsupportedMediaType {
        let slug = problem.code.row().slug;
        return written(&HzApiErrorModel {
            auth_success: !slug.starts_with("auth_"),
            error_code: slug,
            desc: problem.title(),
        });
    }
    let not_an_object = [Fault::new(At::Body(Vec::new()), Reason::Type("object"))];
    let faults = if problem.faults.is_empty() { &not_an_object[..] } else { &problem.faults[..] };
    let told = |fault: &Fault| {
        let (msg, kind) = pydantic(&fault.reason);
        ValidationError { loc: loc(fault), msg, r#type: kind }
    };
    written(&ValidationErrors { detail: faults.iter().map(told).collect() })
}

/// The place of a fault as pydantic v1 writes it.
fn loc(fault: &Fault) -> Vec<Loc> {
    let name = |name: &str| Loc::Name(name.to_owned());
    match (&fault.at, &fault.reason) {
        (At::Body(_), Reason::NotJson { offset }) => vec![name("body"), Loc::Place(*offset)],
        (At::Body(steps), _) => {
            let step = |step: &Step| match step {
                Step::Field(field) => name(field),
                Step::Index(index) => Loc::Place(*index),
            };
            std::iter::once(name("body")).chain(steps.iter().map(step)).collect()
        }
        (At::Path(parameter), _) => vec![name("path"), name(parameter)],
        (At::Query(parameter), _) => vec![name("query"), name(parameter)],
        (At::Header(header), _) => vec![name("header"), name(header)],
    }
}

/// Message and type of a fault in the words of pydantic v1.
fn pydantic(reason: &Reason) -> (String, &'static str) {
    let (msg, kind) = match reason {
        Reason::Missing => ("field required", "value_error.missing"),
        Reason::Blank => ("ensure this value has at least 1 characters", "value_error.any_str.min_length"),
        Reason::NotJson { offset } => {
            return (format!("Expecting value: char {offset}"), "value_error.jsondecode");
        }
        Reason::Type("object") => ("value is not a valid dict", "type_error.dict"),
        Reason::Type("list") => ("value is not a valid list", "type_error.list"),
        Reason::Type("boolean") => ("value could not be parsed to a boolean", "type_error.bool"),
        Reason::Type("number") => ("value is not a valid integer", "type_error.integer"),
        Reason::Type(_) => ("str type expected", "type_error.str"),
        Reason::Uuid => ("value is not a valid uuid", "type_error.uuid"),
        Reason::Time => ("invalid datetime format", "value_error.datetime"),
        Reason::Other(predicate) => return (predicate.clone(), "value_error"),
    };
    (msg.into(), kind)
}

fn management(problem: &Problem, status: u16) -> ManagementError {
    let error_message = match (problem.code, &problem.about) {
        (Code::InsufficientPermissions, Some(permission)) => {
            format!("Client does not have required permission {permission}.")
        }
        _ => format!("{}.", capitalised_unless_field(problem)),
    };
    ManagementError { error_message, status_code: status }
}

/// Field names keep their spelling; other sentences begin with a capital.
fn capitalised_unless_field(problem: &Problem) -> String {
    if problem.faults.is_empty() { capitalised(&problem.detail()) } else { problem.detail() }
}

fn native(problem: &Problem, status: u16, request_id: &str) -> ProblemDetails {
    let row = problem.code.row();
    let detail = problem.detail();
    let told = |fault: &Fault| ProblemFault { at: Source::of(&fault.at), detail: fault.reason.to_string() };
    ProblemDetails {
        r#type: format!("urn:lethe:problem:{}", row.slug),
        title: row.title.replace(" - {}", "").replace(": {}", ""),
        status,
        detail: problem.about.as_ref().map_or_else(|| detail.clone(), |about| format!("{detail}: {about}")),
        instance: format!("urn:lethe:call:{request_id}"),
        errors: problem.faults.iter().map(told).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn every_code_has_its_own_name_and_an_error_status_everywhere() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.row().slug).collect();

        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.row().statuses.iter().all(|status| (400..=503).contains(status)), "{code:?}");
        }
    }

    #[test]
    fn every_code_has_a_body_in_every_dialect() {
        for dialect in Dialect::ALL {
            for &code in Code::ALL {
                let rendered = dialect.render(&Problem::new(code), "cbgmhslmp1o9or9kh1p0");
                assert!(rendered.body.is_object(), "{dialect:?} {code:?}");
                let text = rendered.body.to_string();
                assert!(!text.contains("{}") || code == Code::InsufficientPermissions, "{text}");
            }
        }
    }

    #[test]
    fn a_missing_linked_identity_is_told_as_in_the_seed() {
        let rendered =
            Dialect::JsonApi.render(&Problem::new(Code::MissingLinkedIdentity), "cbgmhslmp1o9or9kh1p0");

        assert_eq!(
            rendered.body,
            json!({"errors": [{
                "id": "cbgmhslmp1o9or9kh1p0",
                "title": "Missing linked identity for authorized access",
                "detail": "Linked identity is needed to access this resource, please check why the user does not have a linked identity",
                "status": "401",
                "code": "missing-linked-identity"
            }]})
        );
    }

    #[test]
    fn an_unknown_user_is_told_as_in_the_seed() {
        let rendered = Dialect::Connect.render(&Problem::new(Code::PersonNotFound), "");

        assert_eq!(rendered.status, 400);
        assert_eq!(
            rendered.body,
            json!({"error": {"message": "User Not Found", "code": 1001}, "meta": {"key": "user_id"}})
        );
    }

    #[test]
    fn faults_stand_where_each_dialect_looks_for_them() {
        let problem = Problem::field("data.attributes.password", Reason::Missing);

        let pace = Dialect::JsonApi.render(&problem, "x").body;
        assert_eq!(pace["errors"][0]["source"]["pointer"], "/data/attributes/password");
        assert_eq!(pace["errors"][0]["title"], "Password is invalid");
        let rally = Dialect::Detail.render(&problem, "x").body;
        assert_eq!(rally["detail"][0]["loc"], json!(["body", "data", "attributes", "password"]));
        assert_eq!(rally["detail"][0]["type"], "value_error.missing");
        let trivore = Dialect::Management.render(&problem, "x").body;
        assert_eq!(trivore, json!({"errorMessage": "password is required.", "statusCode": 400}));
    }
}
