//! The OpenAPI document: every operation of the catalog with all that it takes and answers.
//!
//! Schemas come from the types that handlers read and write; errors from the one table of codes, each
//! told as its dialect does.

use domain::Permission;
use runtime::{
    Allow, Credentials, LINES, Route,
    docs::{Good, Operation, Param, Said, SchemaOf, schema_of},
};
use schemars::{
    JsonSchema, SchemaGenerator,
    generate::{Contract, SchemaSettings},
};
use serde_json::{Map, Value, json};
use wire::{Code, Dialect, Problem, Reason, errors};

use crate::{SynthError, sample};

/// Where the document lies.
pub(crate) const FILE: &str = "infra/openapi.json";

/// The id of the call in the examples of errors, from `000_c2491cd37c7c1d0e.txt`.
const CALL: &str = "cbgmhslmp1o9or9kh1p0";

/// The document.
pub(crate) fn document(operations: &[Operation]) -> Result<String, SynthError> {
    let mut writer = Writer::new();
    let mut paths = Map::new();
    for operation in operations {
        let route = operation.route;
        for (place, path) in std::iter::once(&route.path).chain(route.aliases).enumerate() {
            let item = paths.entry(*path).or_insert_with(|| json!({}));
            item[route.method.as_str().to_ascii_lowercase()] = writer.operation(operation, place)?;
        }
    }
    let mut document = json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Lethe",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Consents, takeouts, purges and personal data requests under the GDPR.",
            "description": "Five published interfaces and one of our own, all over one ledger. Every answer has a `Request-Id`, by which its call is found in the logs.",
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "Where this document was had."}],
        "tags": Dialect::ALL.map(|dialect| json!({"name": tag(dialect), "description": about(dialect)})),
        "paths": paths,
        "components": writer.components()?,
    });
    without_links(&mut document);
    Ok(format!("{document:#}\n"))
}

/// Descriptions come from our own documentation, whose links lead nowhere from here.
fn without_links(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(text)) = fields.get_mut("description") {
                *text = text.replace("[`", "`").replace("`]", "`");
            }
            fields.values_mut().for_each(without_links);
        }
        Value::Array(values) => values.iter_mut().for_each(without_links),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The name under which the operations of a dialect stand together.
const fn tag(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::JsonApi => "PACE",
        Dialect::Envelope => "SlashID",
        Dialect::Connect => "Instacart",
        Dialect::Detail => "RallyHere",
        Dialect::Management => "Trivore",
        Dialect::Native => "Lethe",
        Dialect::Page => "Pages",
    }
}

const fn about(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::JsonApi => "Takeouts, in JSON:API.",
        Dialect::Envelope => "Consents, in an envelope of `result` and `errors`.",
        Dialect::Connect => "Deletion requests.",
        Dialect::Detail => "Purges and restrictions.",
        Dialect::Management => "Personal data requests of every kind, and the package of a person's data.",
        Dialect::Native => {
            "What no vendor has: the registry of persons, plans, holds, objections, certificates."
        }
        Dialect::Page => "The console of the staff, and what the persons themselves see.",
    }
}

/// Writes operations, and keeps what they share.
struct Writer {
    /// Of what we read.
    asked: SchemaGenerator,
    /// Of what we write: the same type may have other fields there.
    answered: SchemaGenerator,
    examples: Map<String, Value>,
    /// The errors of one status that some operations have in common.
    responses: Map<String, Value>,
}

impl Writer {
    fn new() -> Self {
        let generator = |contract: Contract| {
            SchemaSettings::draft2020_12()
                .with(|settings| {
                    settings.definitions_path = "/components/schemas".into();
                    settings.contract = contract;
                })
                .into_generator()
        };
        Self {
            asked: generator(Contract::Deserialize),
            answered: generator(Contract::Serialize),
            examples: Map::new(),
            responses: Map::new(),
        }
    }

    fn operation(&mut self, operation: &Operation, place: usize) -> Result<Value, SynthError> {
        let route = operation.route;
        let id = if place == 0 { route.name.to_owned() } else { format!("{}-{}", route.name, place + 1) };
        let mut written = json!({
            "operationId": id,
            "summary": route.summary,
            "tags": [tag(route.dialect)],
            "security": security(route),
            "responses": self.responses(operation)?,
        });
        let parameters = self.parameters(operation);
        if !parameters.is_empty() {
            written["parameters"] = Value::Array(parameters);
        }
        if let Some((media_type, schema)) = operation.body {
            let mut content = json!({"schema": schema(&mut self.asked)});
            if let Some(example) = operation.docs.ask {
                content["example"] = parsed(example)?;
            }
            written["requestBody"] = json!({"required": true, "content": {media_type: content}});
            if media_type == LINES {
                written["requestBody"]["description"] = json!("One such object a line.");
            }
        }
        Ok(written)
    }

    fn parameters(&mut self, operation: &Operation) -> Vec<Value> {
        let route = operation.route;
        let mut parameters = Vec::new();
        // A path may name more than its handler asks for.
        let text: SchemaOf = schema_of::<String>;
        let forms = operation.path.iter().copied().chain(std::iter::repeat(text));
        for (name, schema) in route.params().zip(forms) {
            parameters.push(json!({
                "name": name,
                "in": "path",
                "required": true,
                "schema": schema(&mut self.asked),
                "example": sample::path(name),
            }));
        }
        for Param { name, what, is_required, example, schema } in operation.docs.query {
            let mut parameter = json!({
                "name": name,
                "in": "query",
                "description": format!("{what}."),
                "required": is_required,
                "schema": schema(&mut self.asked),
            });
            if let Some(example) = example {
                let is_list = parameter["schema"]["type"] == "array";
                parameter["example"] = if is_list { json!([example]) } else { json!(example) };
            }
            parameters.push(parameter);
        }
        if route.credentials == Credentials::ApiKey {
            parameters.push(reference("parameters", "SlashID-OrgID"));
        }
        if operation.takes_idempotency_key() {
            parameters.push(reference("parameters", "Idempotency-Key"));
        }
        parameters.push(reference("parameters", "Request-Id"));
        parameters
    }

    fn responses(&mut self, operation: &Operation) -> Result<Value, SynthError> {
        let mut responses = Map::new();
        for good in operation.docs.answers {
            responses.insert(good.status.to_string(), self.good(operation, good)?);
        }
        let dialect = operation.route.dialect;
        let mut codes = operation.errors();
        if dialect == Dialect::Page
            && operation.route.method == http::Method::GET
            && codes.contains(&Code::SignedOut)
        {
            // Whoever is not signed in is led there.
            codes.retain(|code| *code != Code::SignedOut);
            let away = json!({"description": "To signing in.", "headers": headers(&["Location"])});
            responses.insert("303".to_owned(), away);
        }
        let mut statuses: Vec<u16> = codes.iter().map(|code| dialect.status(*code)).collect();
        statuses.sort_unstable();
        statuses.dedup();
        for status in statuses {
            let codes: Vec<Code> =
                codes.iter().copied().filter(|code| dialect.status(*code) == status).collect();
            let response = self.error(operation.route, status, &codes);
            let name = self.shared(&format!("{}-{status}", tag(dialect)), response);
            responses.insert(status.to_string(), reference("responses", &name));
        }
        Ok(Value::Object(responses))
    }

    /// The name under which operations share a response: this one, with a number if it means another.
    fn shared(&mut self, name: &str, response: Value) -> String {
        let mut numbered = name.to_owned();
        for number in 2.. {
            match self.responses.get(&numbered) {
                Some(known) if *known == response => break,
                Some(_) => numbered = format!("{name}-{number}"),
                None => {
                    self.responses.insert(numbered.clone(), response);
                    break;
                }
            }
        }
        numbered
    }

    fn good(&mut self, operation: &Operation, good: &Good) -> Result<Value, SynthError> {
        let mut response = json!({"description": format!("{}.", good.what), "headers": headers(&[])});
        let (media_type, schema) = match good.body {
            Said::Nothing => (None, None),
            Said::Typed => (Some(operation.route.dialect.media_type()), operation.answer),
            Said::Other(media_type, schema) => (Some(media_type), Some(schema)),
            Said::Raw(media_type) => (Some(media_type), None),
        };
        if matches!(good.status, 303 | 307) {
            response["headers"] = headers(&["Location"]);
        }
        if let Some(media_type) = media_type {
            let mut content = json!({});
            if let Some(schema) = schema {
                content["schema"] = schema(&mut self.answered).to_value();
            }
            if let Some(example) = good.example {
                content["example"] = parsed(example)?;
            }
            response["content"] = json!({media_type: content});
        }
        Ok(response)
    }

    /// All errors of one status.
    fn error(&mut self, route: &Route, status: u16, codes: &[Code]) -> Value {
        let dialect = route.dialect;
        if dialect == Dialect::Page {
            return page(status, codes);
        }
        let mut forms: Vec<Value> = Vec::new();
        let mut examples = Map::new();
        let mut media_type = dialect.media_type();
        let mut extra: Vec<&str> = Vec::new();
        for &code in codes {
            let slug = code.row().slug;
            let rendered = dialect.render(&problem(route, code), CALL);
            let form = self.form(dialect, &rendered.body);
            if !forms.contains(&form) {
                forms.push(form);
            }
            media_type = rendered.content_type;
            extra.extend(rendered.headers.iter().filter_map(|(name, _)| header_name(name)));
            let name = format!("{}-{slug}", tag(dialect));
            self.examples.insert(name.clone(), json!({"summary": title(code), "value": rendered.body}));
            examples.insert(slug.to_owned(), reference("examples", &name));
        }
        let schema = match forms.as_slice() {
            [one] => one.clone(),
            _ => json!({"anyOf": forms}),
        };
        let named: Vec<String> = codes.iter().map(|code| format!("`{}`", code.row().slug)).collect();
        extra.dedup();
        json!({
            "description": format!("{}: {}.", reason(status), named.join(", ")),
            "headers": headers(&extra),
            "content": {media_type: {"schema": schema, "examples": examples}},
        })
    }

    /// A reference to the form of an error.
    fn form(&mut self, dialect: Dialect, body: &Value) -> Value {
        fn of<T: JsonSchema>(writer: &mut Writer) -> Value {
            schema_of::<T>(&mut writer.answered).to_value()
        }
        match dialect {
            Dialect::JsonApi => of::<errors::JsonApiErrors>(self),
            Dialect::Envelope => of::<errors::EnvelopeErrors>(self),
            Dialect::Connect => of::<errors::ConnectError>(self),
            Dialect::Detail if body.get("detail").is_some() => of::<errors::ValidationErrors>(self),
            Dialect::Detail => of::<errors::HzApiErrorModel>(self),
            Dialect::Management => of::<errors::ManagementError>(self),
            Dialect::Native | Dialect::Page => of::<errors::ProblemDetails>(self),
        }
    }

    fn components(mut self) -> Result<Value, SynthError> {
        let mut schemas = self.asked.take_definitions(true);
        for (name, schema) in self.answered.take_definitions(true) {
            // One name would stand for two things.
            if schemas.get(&name).is_some_and(|known| *known != schema) {
                return Err(SynthError::TwoForms { name });
            }
            schemas.insert(name, schema);
        }
        Ok(json!({
            "schemas": schemas,
            "responses": self.responses,
            "examples": self.examples,
            "parameters": {
                "SlashID-OrgID": {
                    "name": "SlashID-OrgID",
                    "in": "header",
                    "description": "The organization ID.",
                    "required": true,
                    "schema": {"type": "string", "format": "uuid"},
                    "example": sample::ORG,
                },
                "Idempotency-Key": {
                    "name": "Idempotency-Key",
                    "in": "header",
                    "description": "The same key with the same call has the same answer, for a day.",
                    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
                },
                "Request-Id": {
                    "name": "Request-Id",
                    "in": "header",
                    "description": "The id that the call is to have, an xid. Anything else is ignored.",
                    "schema": {"type": "string"},
                },
            },
            "headers": {
                "Request-Id": {
                    "description": "The id of the call, an xid.",
                    "required": true,
                    "schema": {"type": "string", "pattern": "^[0-9a-v]{20}$"},
                    "example": CALL,
                },
                "Retry-After": {
                    "description": "Seconds after which another try makes sense.",
                    "schema": {"type": "integer", "minimum": 0},
                },
                "WWW-Authenticate": {
                    "description": "How to say who calls.",
                    "schema": {"type": "string"},
                },
                "Location": {
                    "description": "Where it can be had, perhaps as seen from here.",
                    "schema": {"type": "string", "format": "uri-reference"},
                },
            },
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "An access token of one of the configured issuers, or of `POST /v2/oauth/token`.",
                },
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "Authorization",
                    "description": "The same token in a cookie.",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "__Host-lethe",
                    "description": "The session of somebody of the staff, from signing in to the console.",
                },
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "Id and secret of an API client.",
                },
                "key": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "SlashID-API-Key",
                    "description": "Id and secret of an API client, with a dot between them.",
                },
            },
        }))
    }
}

/// A page that tells of these errors.
fn page(status: u16, codes: &[Code]) -> Value {
    let named: Vec<String> = codes.iter().map(|code| format!("`{}`", code.row().slug)).collect();
    json!({
        "description": format!("{}: {}.", reason(status), named.join(", ")),
        "headers": headers(&[]),
        "content": {Dialect::Page.media_type(): {}},
    })
}

fn parsed(example: &'static str) -> Result<Value, SynthError> {
    serde_json::from_str(example).map_err(|source| SynthError::Example { example, source })
}

fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}

/// The headers of an answer: what all have, and these.
fn headers(extra: &[&str]) -> Value {
    let all = ["Request-Id"].into_iter().chain(extra.iter().copied());
    all.map(|name| (name.to_owned(), reference("headers", name))).collect::<Map<_, _>>().into()
}

fn header_name(name: &str) -> Option<&'static str> {
    ["Retry-After", "WWW-Authenticate"].into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

/// Any one of these is enough: a way to say who calls, with a permission.
fn security(route: &Route) -> Value {
    let schemes: &[&str] = match route.credentials {
        Credentials::None => &[],
        Credentials::Bearer => &["bearer"],
        Credentials::BearerOrCookie => &["bearer", "cookie"],
        Credentials::ApiKey => &["key"],
        Credentials::BasicOrBearer => &["basic", "bearer"],
        Credentials::Session => &["session"],
    };
    let ways: Vec<&[Permission]> = match route.allow {
        Allow::Anyone => vec![&[]],
        Allow::AnyOf(permissions) => permissions.chunks(1).collect(),
        Allow::AllOf(permissions) => vec![permissions],
    };
    let ways = ways.into_iter().flat_map(|permissions| {
        let names: Vec<&str> = permissions.iter().map(|permission| permission.name()).collect();
        schemes.iter().map(move |scheme| json!({*scheme: names}))
    });
    // A page leads whoever has no session to where one begins.
    let without = route.credentials == Credentials::Session && route.method == http::Method::GET;
    ways.chain(without.then(|| json!({}))).collect()
}

/// How an error is told at its simplest.
fn problem(route: &Route, code: Code) -> Problem {
    let about = match code {
        Code::InvalidField => return Problem::field("name", Reason::Missing),
        Code::InvalidParameter => return Problem::query("name", Reason::Other("must be given once".into())),
        // What is wrong is said by the reader of bodies alone.
        Code::Malformed => {
            return wire::body::read::<Value>(b"{").err().unwrap_or_else(|| Problem::new(code));
        }
        Code::Unavailable => return runtime::Failure::unavailable(std::fmt::Error).into_problem(),
        Code::InsufficientPermissions => match route.allow {
            Allow::AnyOf([first, ..]) | Allow::AllOf([first, ..]) => first.name(),
            Allow::AnyOf([]) | Allow::AllOf([]) | Allow::Anyone => "connect:fulfillment",
        },
        Code::AuthTokenFormat => "algorithm",
        Code::AuthTokenInvalidClaim => "aud",
        Code::IdentityErased => "email",
        _ => return Problem::new(code),
    };
    Problem::about(code, about)
}

/// What an error means, without what depends on the case.
fn title(code: Code) -> String {
    Problem::new(code).title()
}

fn reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error")
}
