//! The event a function gets: API Gateway's payload format 2.0.

use std::{collections::BTreeMap, net::SocketAddr};

use axum::http::{HeaderMap, header, request::Parts};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::routes::{Match, decoded};
use crate::services::ACCOUNT;

/// Where and when a request came from.
pub(super) struct Origin<'a> {
    pub(super) peer: SocketAddr,
    pub(super) port: u16,
    pub(super) now: DateTime<Utc>,
    pub(super) id: &'a str,
    /// Of requests before this one.
    pub(super) count: u64,
}

/// The event for a request. What is empty is absent, as on AWS.
pub(super) fn event(head: &Parts, body: &[u8], route: &Match<'_>, origin: &Origin<'_>) -> Value {
    let path = path(head.uri.path());
    let query = head.uri.query().unwrap_or_default();
    let headers = headers(&head.headers, origin);
    let domain =
        headers.get("host").map_or("localhost", |host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    let mut event = json!({
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": path,
        "rawQueryString": query,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": domain,
            "domainPrefix": domain.split('.').next(),
            "http": {
                "method": head.method.as_str(),
                "path": path,
                "protocol": format!("{:?}", head.version),
                "sourceIp": origin.peer.ip().to_string(),
                "userAgent": headers.get("user-agent").map_or("", String::as_str),
            },
            "requestId": origin.id,
            "routeKey": route.key,
            "stage": "$default",
            "time": origin.now.format("%d/%b/%Y:%H:%M:%S %z").to_string(),
            "timeEpoch": origin.now.timestamp_millis(),
        },
        "headers": headers,
        "isBase64Encoded": false,
    });
    let mut add = |name: &str, value: Value| {
        event[name] = value;
    };

    let cookies = cookies(&head.headers);
    if !cookies.is_empty() {
        add("cookies", json!(cookies));
    }
    let parameters = query_parameters(query);
    if !parameters.is_empty() {
        add("queryStringParameters", json!(parameters));
    }
    if !route.parameters.is_empty() {
        let parameters: Map<_, _> =
            route.parameters.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        add("pathParameters", Value::Object(parameters));
    }
    if !body.is_empty() {
        match std::str::from_utf8(body) {
            Ok(text) if is_text(&head.headers) => add("body", json!(text)),
            _ => {
                add("body", json!(BASE64.encode(body)));
                add("isBase64Encoded", json!(true));
            }
        }
    }
    event
}

/// HTTP APIs hand the path on decoded, and cut it off at a question mark that comes to light by that.
fn path(raw: &str) -> String {
    let mut path = decoded(raw);
    if let Some(end) = path.find('?') {
        path.truncate(end);
    }
    path
}

/// All headers but cookies, several of one name joined, with those API Gateway sets itself.
fn headers(headers: &HeaderMap, origin: &Origin<'_>) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = headers
        .keys()
        .filter(|name| **name != header::COOKIE)
        .map(|name| (name.as_str().to_owned(), joined(headers, name, ",")))
        .collect();
    let mut forwarded = all.remove("x-forwarded-for").map_or_else(String::new, |before| before + ", ");
    forwarded.push_str(&origin.peer.ip().to_string());
    all.insert("x-forwarded-for".into(), forwarded);
    all.entry("x-amzn-trace-id".into())
        .or_insert_with(|| format!("Root=1-{:08x}-{:024x}", origin.now.timestamp(), origin.count));
    all.insert("x-forwarded-port".into(), origin.port.to_string());
    all.insert("x-forwarded-proto".into(), "http".into());
    all
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let cookies = joined(headers, &header::COOKIE, ";");
    cookies.split(';').map(|cookie| cookie.trim().to_owned()).filter(|cookie| !cookie.is_empty()).collect()
}

fn joined(headers: &HeaderMap, name: &header::HeaderName, separator: &str) -> String {
    let values: Vec<_> =
        headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    values.join(separator)
}

fn query_parameters(query: &str) -> BTreeMap<String, String> {
    // Every text can be read as a query.
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in pairs {
        match parameters.get_mut(&name) {
            Some(values) => {
                values.push(',');
                values.push_str(&value);
            }
            None => {
                parameters.insert(name, value);
            }
        }
    }
    parameters
}

/// Whether API Gateway takes a body for text. A form, for one, is not: it arrives as Base64.
fn is_text(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return true };
    let kind = String::from_utf8_lossy(kind.as_bytes()).to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.starts_with("text/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || matches!(kind, "application/json" | "application/javascript" | "application/xml")
}
