//! The reference service: calls are checked, worked on by a [`Handler`], and answered with a signature.
//!
//! Written from `docs/http-connector.md` alone, without a line of the connector itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};
use sfv::{BareItem, Dictionary, Item, ListEntry, ListSerializer, Parser};
use tokio::net::TcpListener;

/// How far the clocks of both sides may be apart, in seconds; nonces are remembered for twice as long.
const SKEW: u64 = 300;

/// The largest call, in bytes.
const LARGEST: usize = 4 << 20;

/// The keys shared with the caller.
#[derive(Clone)]
pub(crate) struct Keys {
    current: String,
    keys: BTreeMap<String, hmac::Key>,
}

impl Keys {
    /// Reads `{"current": "<id>", "keys": {"<id>": "<base64>", …}}`.
    pub(crate) fn parse(secret: &str) -> Option<Self> {
        let secret: Value = serde_json::from_str(secret).ok()?;
        let key =
            |text: &Value| Some(hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(text.as_str()?).ok()?));
        let keys = secret["keys"].as_object()?.iter();
        let keys = keys.map(|(id, text)| Some((id.clone(), key(text)?))).collect::<Option<_>>()?;
        Some(Self { current: secret["current"].as_str()?.to_owned(), keys })
    }
}

/// A call that was made by who may make it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// What is to be done: `find`, or `operations/7`.
    pub(crate) path: String,
    pub(crate) ask: Value,
    pub(crate) idempotency_key: String,
}

/// What is answered to a call.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content: Value,
}

impl Reply {
    pub(crate) fn ok(content: Value) -> Self {
        Self { status: StatusCode::OK, content }
    }

    /// It takes longer: ask again under this name.
    pub(crate) fn pending(operation: &str) -> Self {
        Self { status: StatusCode::ACCEPTED, content: json!({"operation": operation}) }
    }

    pub(crate) fn refused(status: StatusCode) -> Self {
        Self { status, content: json!({}) }
    }
}

/// Works on calls.
pub(crate) type Handler = Arc<dyn Fn(&Call) -> Reply + Send + Sync>;

/// A service under one address.
#[derive(Clone)]
pub(crate) struct Service {
    authority: String,
    keys: Keys,
    handler: Handler,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Default)]
struct Memory {
    /// When each nonce was used.
    nonces: HashMap<String, u64>,
    /// What was answered under each idempotency key, and to what.
    replies: HashMap<String, (String, Reply)>,
}

impl Service {
    pub(crate) fn new(authority: &str, keys: Keys, handler: Handler) -> Self {
        Self { authority: authority.to_owned(), keys, handler, memory: Arc::default() }
    }

    /// Serves calls until the task ends.
    pub(crate) async fn serve(self, listener: TcpListener) {
        // Serving ends only with an error of the listener.
        let _ = axum::serve(listener, self.router()).await;
    }

    pub(crate) fn router(self) -> Router {
        Router::new().fallback(move |request: Request| {
            let service = self.clone();
            async move { service.answer(request).await }
        })
    }

    async fn answer(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let Ok(content) = axum::body::to_bytes(body, LARGEST).await else {
            return plain(StatusCode::PAYLOAD_TOO_LARGE);
        };
        let path = parts.uri.path();
        let Some(signature) = self.verify(parts.method.as_str(), path, &parts.headers, &content) else {
            return plain(StatusCode::UNAUTHORIZED);
        };
        let Some(path) = path.strip_prefix("/v1/").filter(|_| parts.uri.query().is_none()) else {
            return plain(StatusCode::NOT_FOUND);
        };
        let ask = if content.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&content) };
        let (Ok(ask), Some(idempotency_key)) = (ask, header(&parts.headers, "idempotency-key")) else {
            return plain(StatusCode::BAD_REQUEST);
        };
        let call = Call { path: path.to_owned(), ask, idempotency_key };
        let digest = content_digest(&content);
        self.sign(&self.once(&call, &digest), &signature)
    }

    /// Works on a call, unless it was already worked on: then what was answered is answered again.
    fn once(&self, call: &Call, digest: &str) -> Reply {
        // Reading again does no harm, and what was read should not be kept.
        if call.path != "erase" {
            return (self.handler)(call);
        }
        let mut memory = lock(&self.memory);
        if let Some((of, reply)) = memory.replies.get(&call.idempotency_key) {
            return if of == digest {
                reply.clone()
            } else {
                Reply::refused(StatusCode::UNPROCESSABLE_ENTITY)
            };
        }
        let reply = (self.handler)(call);
        if reply.status.is_success() {
            memory.replies.insert(call.idempotency_key.clone(), (digest.to_owned(), reply.clone()));
        }
        reply
    }

    /// The signature of a call, if it is a good one that was never seen before.
    fn verify(&self, method: &str, path: &str, headers: &HeaderMap, content: &[u8]) -> Option<Vec<u8>> {
        let digests = dictionary(headers, "content-digest")?;
        if bytes(&digests, "sha-256")? != digest(&SHA256, content).as_ref() {
            return None;
        }
        let ListEntry::InnerList(input) = dictionary(headers, "signature-input")?.swap_remove("lethe")?
        else {
            return None;
        };
        let signature = bytes(&dictionary(headers, "signature")?, "lethe")?.to_vec();
        let text = |name: &str| Some(input.params.get(name)?.as_string()?.as_str());
        let created = u64::try_from(i64::from(input.params.get("created")?.as_integer()?)).ok()?;
        if text("tag")? != "lethe-v1" || text("alg")? != "hmac-sha256" || now().abs_diff(created) > SKEW {
            return None;
        }
        let mut base = String::new();
        let mut covered = Vec::new();
        for item in &input.items {
            let name = item.bare_item.as_string()?.as_str();
            let value = match name {
                "@method" => method.to_owned(),
                "@authority" => self.authority.clone(),
                "@path" => path.to_owned(),
                "content-digest" | "idempotency-key" => header(headers, name)?,
                _ => return None,
            };
            base.push_str(&format!("{}: {value}\n", written(ListEntry::Item(item.clone()))));
            covered.push(name);
        }
        let needed = ["@method", "@authority", "@path", "content-digest", "idempotency-key"];
        if !needed.iter().all(|part| covered.contains(part)) {
            return None;
        }
        base.push_str(&format!("\"@signature-params\": {}", written(ListEntry::InnerList(input.clone()))));
        hmac::verify(self.keys.keys.get(text("keyid")?)?, base.as_bytes(), &signature).ok()?;
        let mut memory = lock(&self.memory);
        memory.nonces.retain(|_, used| now().abs_diff(*used) <= 2 * SKEW);
        let is_new = memory.nonces.insert(text("nonce")?.to_owned(), now()).is_none();
        is_new.then_some(signature)
    }

    /// The signed answer to the call with this signature.
    fn sign(&self, reply: &Reply, to: &[u8]) -> Response {
        let content = reply.content.to_string();
        let content_digest = content_digest(content.as_bytes());
        let params = format!(
            r#"("@status" "content-type" "content-digest" "signature";req;key="lethe");created={};keyid="{}";alg="hmac-sha256";tag="lethe-v1""#,
            now(),
            self.keys.current
        );
        let base = format!(
            "\"@status\": {}\n\"content-type\": application/json\n\"content-digest\": {content_digest}\n\
             \"signature\";req;key=\"lethe\": :{}:\n\"@signature-params\": {params}",
            reply.status.as_u16(),
            STANDARD.encode(to)
        );
        let tag = hmac::sign(&self.keys.keys[&self.keys.current], base.as_bytes());
        Response::builder()
            .status(reply.status)
            .header("content-type", "application/json")
            .header("content-digest", content_digest)
            .header("signature-input", format!("lethe={params}"))
            .header("signature", format!("lethe=:{}:", STANDARD.encode(tag)))
            .body(Body::from(content))
            .unwrap_or_default()
    }
}

fn plain(status: StatusCode) -> Response {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

fn content_digest(content: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(digest(&SHA256, content)))
}

/// An item or inner list in its one written form.
fn written(entry: ListEntry) -> String {
    let mut list = ListSerializer::new();
    list.members([&entry]);
    list.finish().unwrap_or_default()
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.trim().to_owned())
}

fn dictionary(headers: &HeaderMap, name: &str) -> Option<Dictionary> {
    Parser::new(&header(headers, name)?).parse().ok()
}

fn bytes<'a>(dictionary: &'a Dictionary, name: &str) -> Option<&'a [u8]> {
    match dictionary.get(name)? {
        ListEntry::Item(Item { bare_item: BareItem::ByteSequence(bytes), .. }) => Some(bytes),
        ListEntry::Item(_) | ListEntry::InnerList(_) => None,
    }
}

#[expect(clippy::disallowed_methods, reason = "signatures are judged by the real time")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Rows by collection and key.
type Rows = BTreeMap<String, BTreeMap<String, Map<String, Value>>>;

/// Rows in memory.
#[derive(Clone, Default)]
pub(crate) struct Tables {
    pub(crate) collections: Value,
    pub(crate) rows: Arc<Mutex<Rows>>,
    /// How many rows a page has at most.
    pub(crate) page: usize,
    /// From how many rows on an erasure is worked on in the background.
    pub(crate) background_from: usize,
    /// What is under way, and how often it will be asked about before it is done.
    operations: Arc<Mutex<BTreeMap<String, (Value, u32)>>>,
}

impl Tables {
    /// An address book with its tickets.
    pub(crate) fn sample() -> Self {
        let tables = Self {
            collections: json!({
                "contacts": {
                    "key": ["id"],
                    "methods": ["delete", "mask"],
                    "fields": {
                        "id": {"type": "integer", "find": true, "nullable": false, "unique": true},
                        "email": {"type": "string", "find": true, "nullable": false, "unique": true},
                        "name": {"type": "string", "length": 40},
                        "phones": {"type": "string", "find": true},
                        "relatives": {"type": "object"},
                        "relatives.email": {"type": "string", "find": true},
                        "relatives.name": {"type": "string"},
                    },
                },
                "tickets": {
                    "key": ["number"],
                    "methods": ["delete", "mask"],
                    "fields": {
                        "number": {"type": "integer", "nullable": false, "unique": true},
                        "contact": {"type": "integer", "find": true},
                        "text": {"type": "string"},
                    },
                },
            }),
            page: 100,
            background_from: 100,
            ..Self::default()
        };
        for (id, email, name) in [
            (7, "ada@example.org", "Ada"),
            (70, "Ada@example.org", "Another Ada"),
            (71, "bob@example.org", "Bob"),
        ] {
            let relatives =
                json!([{"email": "bob@example.org", "name": "Bob"}, {"email": email, "name": name}]);
            let contact = json!({
                "id": id, "email": email, "name": name, "phones": ["+1"], "relatives": relatives,
            });
            tables.put("contacts", &format!("c-{id}"), contact);
            for number in 0..3 {
                let number = id * 10 + number;
                let ticket = json!({"number": number, "contact": id, "text": format!("from {name}")});
                tables.put("tickets", &format!("t-{number}"), ticket);
            }
        }
        tables
    }

    pub(crate) fn put(&self, collection: &str, key: &str, row: Value) {
        if let Value::Object(row) = row {
            lock(&self.rows).entry(collection.to_owned()).or_default().insert(key.to_owned(), row);
        }
    }

    pub(crate) fn into_handler(self) -> Handler {
        Arc::new(move |call| self.answer(call))
    }

    /// Answers a call.
    pub(crate) fn answer(&self, call: &Call) -> Reply {
        let content = match call.path.as_str() {
            "describe" => Some(json!({"collections": self.collections})),
            "find" | "export" => self.find(&call.ask),
            "verify" => self.matching(&call.ask).map(|rows| json!({"rows": rows.len()})),
            "erase" if call.ask["rows"].as_array().is_some_and(|rows| rows.len() >= self.background_from) => {
                let operation = format!("op-{}", lock(&self.operations).len());
                lock(&self.operations).insert(operation.clone(), (call.ask.clone(), 1));
                return Reply::pending(&operation);
            }
            "erase" => self.erase(&call.ask),
            path => match path.strip_prefix("operations/") {
                Some(operation) => return self.operation(operation),
                None => return Reply::refused(StatusCode::NOT_FOUND),
            },
        };
        content.map_or_else(|| Reply::refused(StatusCode::BAD_REQUEST), Reply::ok)
    }

    /// Goes on with what is under way.
    fn operation(&self, name: &str) -> Reply {
        let mut operations = lock(&self.operations);
        match operations.get_mut(name) {
            None => Reply::refused(StatusCode::NOT_FOUND),
            Some((_, left @ 1..)) => {
                *left -= 1;
                Reply::pending(name)
            }
            Some((ask, 0)) => {
                let done = self.erase(ask);
                done.map_or_else(|| Reply::refused(StatusCode::BAD_REQUEST), Reply::ok)
            }
        }
    }

    /// The keys of the rows that hold one of the values at the field.
    fn matching(&self, ask: &Value) -> Option<Vec<String>> {
        let (field, values) = (ask["field"].as_str()?, ask["values"].as_array()?);
        let tables = lock(&self.rows);
        let rows = tables.get(ask["collection"].as_str()?)?.iter();
        Some(rows.filter(|(_, row)| holds(row, field, values)).map(|(key, _)| key.clone()).collect())
    }

    fn find(&self, ask: &Value) -> Option<Value> {
        let limit = usize::try_from(ask["limit"].as_u64()?).ok()?.min(self.page);
        let after = ask["after"].as_str().unwrap_or_default();
        let wanted: Vec<&str> = ask["fields"].as_array()?.iter().filter_map(Value::as_str).collect();
        let mut keys = self.matching(ask)?;
        keys.retain(|key| key.as_str() > after);
        let more = keys.len() > limit;
        keys.truncate(limit);
        let tables = lock(&self.rows);
        let table = tables.get(ask["collection"].as_str()?)?;
        let rows: Vec<Value> = keys
            .iter()
            .map(|key| {
                let fields = table[key].iter().filter(|(name, _)| wanted.contains(&name.as_str()));
                let row: Map<_, _> = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
                json!({"key": key, "row": row})
            })
            .collect();
        Some(json!({"rows": rows, "next": if more { keys.last() } else { None }}))
    }

    fn erase(&self, ask: &Value) -> Option<Value> {
        let (field, values) = (ask["field"].as_str()?, ask["values"].as_array()?);
        let mut tables = lock(&self.rows);
        let table = tables.get_mut(ask["collection"].as_str()?)?;
        let mut results = Vec::new();
        for target in ask["rows"].as_array()? {
            let key = target["key"].as_str()?;
            let still = table.get_mut(key).filter(|row| holds(row, field, values));
            let outcome = match (ask["method"].as_str()?, still) {
                (_, None) => "unchanged",
                ("delete", Some(_)) => {
                    table.remove(key);
                    "done"
                }
                ("mask", Some(row)) => {
                    let sets = target["set"].as_array()?;
                    // All of a row or nothing: an element that has moved away must not be taken for another.
                    if sets.iter().all(|set| {
                        place(row, set).is_some_and(|now| set["was"].is_null() || *now == set["was"])
                    }) {
                        for set in sets {
                            *place(row, set)? = set["value"].clone();
                        }
                        "done"
                    } else {
                        "unchanged"
                    }
                }
                _ => return None,
            };
            results.push(json!({"key": key, "outcome": outcome}));
        }
        Some(json!({"results": results}))
    }
}

/// Whether a row holds one of the values at a dotted path, exactly.
fn holds(row: &Map<String, Value>, path: &str, values: &[Value]) -> bool {
    fn walk(value: &Value, path: &[&str], values: &[Value]) -> bool {
        match (value, path) {
            (Value::Array(elements), _) => elements.iter().any(|element| walk(element, path, values)),
            (Value::Object(fields), [first, rest @ ..]) => {
                fields.get(*first).is_some_and(|value| walk(value, rest, values))
            }
            (value, []) => values.contains(value),
            _ => false,
        }
    }
    let path: Vec<&str> = path.split('.').collect();
    row.get(path[0]).is_some_and(|value| walk(value, &path[1..], values))
}

/// The place in a row that a new value is for.
fn place<'r>(row: &'r mut Map<String, Value>, set: &Value) -> Option<&'r mut Value> {
    let (first, rest) = set["at"].as_array()?.split_first()?;
    rest.iter().try_fold(row.get_mut(first.as_str()?)?, |value, step| match step {
        Value::String(name) => value.get_mut(name),
        step => value.get_mut(usize::try_from(step.as_u64()?).ok()?),
    })
}
