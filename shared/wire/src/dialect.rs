//! The dialects, and how each tells an error.

use serde_json::{Value, json};

use crate::{At, Code, Fault, Problem, Reason, Step};

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
    /// All dialects, in the order of the columns of [`Code::row`].
    pub const ALL: [Self; 6] =
        [Self::JsonApi, Self::Envelope, Self::Connect, Self::Detail, Self::Management, Self::Native];

    /// The media type of JSON answers.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::JsonApi => "application/vnd.api+json",
            Self::Envelope | Self::Connect | Self::Detail | Self::Management | Self::Native => {
                "application/json"
            }
        }
    }

    /// The status of an error.
    pub const fn status(self, code: Code) -> u16 {
        code.row().statuses[self as usize]
    }

    /// An error in this dialect. `request_id` tells the call in our logs.
    pub fn render(self, problem: &Problem, request_id: &str) -> Rendered {
        let status = self.status(problem.code);
        let body = match self {
            Self::JsonApi => json_api(problem, status, request_id),
            Self::Envelope => json!({"errors": [{"httpcode": status, "message": problem.detail()}]}),
            Self::Connect => connect(problem, status),
            Self::Detail => detail(problem),
            Self::Management => management(problem, status),
            Self::Native => native(problem, status, request_id),
        };
        let mut headers = Vec::new();
        if status == 401 && self == Self::Management {
            headers.push(("www-authenticate", "Basic realm=\"management\", charset=\"UTF-8\"".to_owned()));
        }
        if let Some(seconds) = problem.retry_after {
            headers.push(("retry-after", seconds.to_string()));
        }
        let content_type = match self {
            Self::Native => "application/problem+json",
            Self::JsonApi | Self::Envelope | Self::Connect | Self::Detail | Self::Management => {
                self.media_type()
            }
        };
        Rendered { status, content_type, headers, body }
    }
}

/// PACE: titles and places as its own JSON:API runtime writes them (contracts A.1).
fn json_api(problem: &Problem, status: u16, request_id: &str) -> Value {
    let mut base = json!({"id": request_id, "status": status.to_string()});
    let object = |more: Value| {
        let mut error = base.clone();
        if let (Value::Object(error), Value::Object(more)) = (&mut error, more) {
            error.extend(more);
        }
        error
    };
    let about = problem.about.as_deref().unwrap_or_default();
    let errors: Vec<Value> = match problem.code {
        Code::AuthMalformedAccess => vec![object(json!({"title": "Unauthorized"}))],
        Code::AuthNotJwt
        | Code::AuthTokenFormat
        | Code::AuthTokenUnknown
        | Code::AuthInvalidKeyId
        | Code::AuthInvalidVersion
        | Code::AuthTokenInvalidType
        | Code::AuthTokenSigInvalid
        | Code::AuthTokenExpired
        | Code::AuthTokenInvalidClaim
        | Code::BadClient => vec![object(json!({"title": "user token is invalid"}))],
        Code::InsufficientPermissions => {
            vec![object(json!({"title": format!("Forbidden - requires scope \"{about}\"")}))]
        }
        Code::MissingLinkedIdentity => vec![object(json!({
            "code": problem.code.row().slug,
            "title": problem.title(),
            "detail": "Linked identity is needed to access this resource, please check why the user does not have a linked identity",
        }))],
        Code::NotAcceptable | Code::UnsupportedMediaType => {
            let header = if problem.code == Code::NotAcceptable { "Accept" } else { "Content-Type" };
            let title = format!(
                "request needs to be send with \"{header}\" header, containing value: \"application/vnd.api+json\""
            );
            vec![object(json!({"title": title}))]
        }
        Code::Malformed => {
            vec![object(json!({"title": format!("can't parse content: {}", problem.detail())}))]
        }
        Code::InvalidField | Code::InvalidParameter => problem
            .faults
            .iter()
            .map(|fault| match &fault.at {
                At::Body(_) => object(json!({
                    "title": format!("{} is invalid", capitalised(&fault.at.name())),
                    "detail": fault.to_string(),
                    "source": {"pointer": pointer(&fault.at)},
                })),
                At::Path(name) | At::Query(name) | At::Header(name) => object(json!({
                    "title": format!("invalid value for {name}"),
                    "detail": fault.to_string(),
                    "source": {"parameter": name},
                })),
            })
            .collect(),
        Code::AuthUnavailable
        | Code::CredentialsInQuery
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
        | Code::Internal => vec![object(json!({"title": problem.title()}))],
    };
    if errors.is_empty() {
        base["title"] = json!(problem.title());
        return json!({"errors": [base]});
    }
    json!({ "errors": errors })
}

fn capitalised(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A JSON pointer, lower-cased as PACE's runtime does.
fn pointer(at: &At) -> String {
    match at {
        At::Body(steps) => steps
            .iter()
            .map(|step| match step {
                Step::Field(name) => {
                    format!("/{}", name.to_lowercase().replace('~', "~0").replace('/', "~1"))
                }
                Step::Index(index) => format!("/{index}"),
            })
            .collect(),
        At::Path(name) | At::Query(name) | At::Header(name) => format!("/{name}"),
    }
}

/// Instacart's code for a single faulty value.
const INVALID_VALUE: u16 = 1001;
/// Instacart's code for the wrapper around several.
const SEVERAL: u16 = 9999;

fn connect(problem: &Problem, status: u16) -> Value {
    let single = |message: &str, key: &str| json!({"error": {"message": message, "code": INVALID_VALUE}, "meta": {"key": key}});
    match problem.code {
        Code::PersonNotFound => single("User Not Found", problem.about.as_deref().unwrap_or("user_id")),
        Code::FeatureOff => single(problem.code.row().title, "feature_flag"),
        Code::InvalidField | Code::Malformed => {
            let errors: Vec<Value> = problem
                .faults
                .iter()
                .map(|fault| single(&connect_message(fault), &fault.at.to_string()))
                .collect();
            json!({"error": {"message": "There were issues with your request", "code": SEVERAL, "errors": errors}})
        }
        Code::InvalidParameter => match problem.faults.first() {
            Some(fault) => single(&connect_message(fault), &fault.at.to_string()),
            None => json!({"error": {"message": problem.title(), "code": INVALID_VALUE}}),
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
        | Code::BadClient => json!({"error": {"message": "Unauthorized", "code": status}}),
        Code::InsufficientPermissions | Code::CredentialsInQuery => {
            json!({"error": {"message": "Forbidden", "code": status}})
        }
        Code::AuthUnavailable
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
        | Code::ObjectionNotFound
        | Code::UnknownPurpose
        | Code::PurgeInProgress
        | Code::Held
        | Code::IdentityErased
        | Code::IdTaken
        | Code::Conflict
        | Code::TooManyRequests
        | Code::Unavailable
        | Code::Internal => json!({"error": {"message": problem.title(), "code": status}}),
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
        let row = problem.code.row();
        return json!({
            "auth_success": !row.slug.starts_with("auth_"),
            "error_code": row.slug,
            "desc": problem.title(),
        });
    }
    let not_an_object = [Fault::new(At::Body(Vec::new()), Reason::Type("object"))];
    let faults = if problem.faults.is_empty() { &not_an_object[..] } else { &problem.faults[..] };
    let entries: Vec<Value> = faults
        .iter()
        .map(|fault| {
            let (msg, kind) = pydantic(&fault.reason);
            json!({"loc": loc(fault), "msg": msg, "type": kind})
        })
        .collect();
    json!({ "detail": entries })
}

/// The place of a fault as pydantic v1 writes it.
fn loc(fault: &Fault) -> Value {
    match (&fault.at, &fault.reason) {
        (At::Body(_), Reason::NotJson { offset }) => json!(["body", offset]),
        (At::Body(steps), _) => {
            let mut loc = vec![json!("body")];
            loc.extend(steps.iter().map(|step| match step {
                Step::Field(name) => json!(name),
                Step::Index(index) => json!(index),
            }));
            Value::Array(loc)
        }
        (At::Path(name), _) => json!(["path", name]),
        (At::Query(name), _) => json!(["query", name]),
        (At::Header(name), _) => json!(["header", name]),
    }
}

/// Message and type of a fault in the words of pydantic v1.
fn pydantic(reason: &Reason) -> (String, String) {
    let (msg, kind) = match reason {
        Reason::Missing => ("field required", "value_error.missing"),
        Reason::Blank => ("ensure this value has at least 1 characters", "value_error.any_str.min_length"),
        Reason::NotJson { offset } => {
            return (format!("Expecting value: char {offset}"), "value_error.jsondecode".into());
        }
        Reason::Type("object") => ("value is not a valid dict", "type_error.dict"),
        Reason::Type("list") => ("value is not a valid list", "type_error.list"),
        Reason::Type("boolean") => ("value could not be parsed to a boolean", "type_error.bool"),
        Reason::Type("number") => ("value is not a valid integer", "type_error.integer"),
        Reason::Type(_) => ("str type expected", "type_error.str"),
        Reason::Uuid => ("value is not a valid uuid", "type_error.uuid"),
        Reason::Time => ("invalid datetime format", "value_error.datetime"),
        Reason::Other(predicate) => return (predicate.clone(), "value_error".into()),
    };
    (msg.into(), kind.into())
}

fn management(problem: &Problem, status: u16) -> Value {
    let message = match (problem.code, &problem.about) {
        (Code::InsufficientPermissions, Some(permission)) => {
            format!("Client does not have required permission {permission}.")
        }
        _ => format!("{}.", capitalised_unless_field(problem)),
    };
    json!({"errorMessage": message, "statusCode": status})
}

/// Field names keep their spelling; other sentences begin with a capital.
fn capitalised_unless_field(problem: &Problem) -> String {
    if problem.faults.is_empty() { capitalised(&problem.detail()) } else { problem.detail() }
}

fn native(problem: &Problem, status: u16, request_id: &str) -> Value {
    let row = problem.code.row();
    let mut body = json!({
        "type": format!("urn:lethe:problem:{}", row.slug),
        "title": row.title.replace(" - {}", "").replace(": {}", ""),
        "status": status,
        "detail": problem.about.as_ref().map_or_else(|| problem.detail(), |about| format!("{}: {about}", problem.detail())),
        "instance": format!("urn:lethe:call:{request_id}"),
    });
    if !problem.faults.is_empty() {
        let errors: Vec<Value> = problem
            .faults
            .iter()
            .map(|fault| match fault.at {
                At::Body(_) => json!({"pointer": pointer(&fault.at), "detail": fault.reason.to_string()}),
                At::Path(name) | At::Query(name) | At::Header(name) => {
                    json!({"parameter": name, "detail": fault.reason.to_string()})
                }
            })
            .collect();
        body["errors"] = json!(errors);
    }
    body
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
