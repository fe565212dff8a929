//! Signatures on calls and answers: HTTP Message Signatures (RFC 9421) with `hmac-sha256`, over the
//! digest of the content (RFC 9530).
//!
//! A narrow profile. A call covers its method, host, path, content and idempotency key; an answer
//! covers its status, its content and the signature of the call that it answers. So an answer is
//! good for one call only, and nobody on the way can change or repeat either.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use sfv::{BareItem, Dictionary, InnerList, Item, ListEntry, ListSerializer, Parser};
use zeroize::Zeroizing;

use crate::fault::Fault;
use crate::secrets::Secret;

/// The name of our signature among those of a message.
const LABEL: &str = "lethe";

/// What a signature is for, so that one made for another purpose is worth nothing.
const TAG: &str = "lethe-v1";

/// How far the clocks of both sides may be apart, in seconds.
const SKEW: i64 = 300;

/// How many bytes a key has at least: as many as the hash.
const KEY_BYTES: usize = 32;

/// The keys shared with a service.
pub(super) struct Keys {
    current: String,
    keys: BTreeMap<String, hmac::Key>,
}

/// The content of the secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    current: String,
    keys: BTreeMap<String, String>,
}

/// What a call covers.
pub(super) struct Covered<'a> {
    pub(super) method: &'a str,
    pub(super) authority: &'a str,
    pub(super) path: &'a str,
    pub(super) content: &'a [u8],
    pub(super) idempotency_key: &'a str,
}

/// When and by what token a signature is made.
pub(super) struct Moment {
    pub(super) created: i64,
    pub(super) nonce: String,
}

/// The headers that sign a call.
pub(super) struct Signed {
    pub(super) content_digest: String,
    pub(super) signature_input: String,
    pub(super) signature: String,
}

impl Moment {
    /// Now, with a token of its own.
    pub(super) fn now() -> Result<Self, Fault> {
        Ok(Self { created: now(), nonce: token()? })
    }
}

/// A random token of 128 bits.
pub(super) fn token() -> Result<String, Fault> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Fault::new("the system gives no random bytes"))?;
    Ok(hex::encode(bytes))
}

#[expect(clippy::disallowed_methods, reason = "the other side judges a signature by the real time")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

impl Keys {
    /// Reads `{"current": "<id>", "keys": {"<id>": "<base64>", …}}`.
    pub(super) fn parse(secret: &Secret) -> Result<Self, Fault> {
        let unusable = |what: &str| Fault::new(format!("the secret with the signing keys {what}"));
        let written: Written =
            serde_json::from_str(secret.expose()).map_err(|_| unusable("is not of the agreed form"))?;
        let mut keys = BTreeMap::new();
        for (id, text) in written.keys {
            let text = Zeroizing::new(text);
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            if id.is_empty() || id.len() > 64 || !id.bytes().all(is_plain) {
                return Err(unusable("has a key id that is not made of letters, digits, `.`, `_` and `-`"));
            }
            let bytes = STANDARD.decode(&*text).map(Zeroizing::new).map_err(|_| unusable("is not base64"))?;
            if bytes.len() < KEY_BYTES {
                return Err(unusable("has a key of less than 32 bytes"));
            }
            keys.insert(id, hmac::Key::new(hmac::HMAC_SHA256, &bytes));
        }
        if !keys.contains_key(&written.current) {
            return Err(unusable("has no key under the id that it names as current"));
        }
        Ok(Self { current: written.current, keys })
    }

    /// Signs a call with the current key.
    pub(super) fn sign(&self, call: &Covered<'_>, moment: &Moment) -> Signed {
        let content_digest = content_digest(call.content);
        let Moment { created, nonce } = moment;
        let params = format!(
            r#"("@method" "@authority" "@path" "content-digest" "idempotency-key");created={created};nonce="{nonce}";keyid="{}";alg="hmac-sha256";tag="{TAG}""#,
            self.current
        );
        let base = format!(
            "\"@method\": {}\n\"@authority\": {}\n\"@path\": {}\n\"content-digest\": {content_digest}\n\
             \"idempotency-key\": {}\n\"@signature-params\": {params}",
            call.method, call.authority, call.path, call.idempotency_key
        );
        // Reading the secret made sure of the current key.
        let tag = hmac::sign(&self.keys[&self.current], base.as_bytes());
        Signed {
            content_digest,
            signature_input: format!("{LABEL}={params}"),
            signature: format!("{LABEL}=:{}:", STANDARD.encode(tag)),
        }
    }

    /// Checks that an answer with this content is one to the call that `to` signed.
    pub(super) fn verify(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        content: &[u8],
        to: &Signed,
    ) -> Result<(), Fault> {
        self.verify_at(now(), status, headers, content, to)
            .map_err(|reason| Fault::new(format!("the answer cannot be trusted: {reason}")))
    }

    pub(super) fn verify_at(
        &self,
        now: i64,
        status: StatusCode,
        headers: &HeaderMap,
        content: &[u8],
        to: &Signed,
    ) -> Result<(), &'static str> {
        let digests = dictionary(headers, "content-digest").ok_or("it has no digest of its content")?;
        if bytes(&digests, "sha-256") != Some(digest(&SHA256, content).as_ref()) {
            return Err("its content is not what its digest says");
        }
        let inputs = dictionary(headers, "signature-input").ok_or("it is not signed")?;
        let signatures = dictionary(headers, "signature").ok_or("it is not signed")?;
        let Some(ListEntry::InnerList(input)) = inputs.get(LABEL) else {
            return Err("it is not signed");
        };
        let signature = bytes(&signatures, LABEL).ok_or("it is not signed")?;
        self.check_terms(input, now)?;
        let key = text(input, "keyid").and_then(|id| self.keys.get(id)).ok_or("its key is unknown")?;
        let base = answer_base(input, status, headers, to)?;
        hmac::verify(key, base.as_bytes(), signature).map_err(|_| "its signature is wrong")
    }

    /// Checks what a signature says of itself.
    fn check_terms(&self, input: &InnerList, now: i64) -> Result<(), &'static str> {
        if text(input, "tag") != Some(TAG) {
            return Err("its signature is for something else");
        }
        if text(input, "alg").is_some_and(|alg| alg != "hmac-sha256") {
            return Err("its signature is of another kind");
        }
        let time = |name| input.params.get(name).and_then(BareItem::as_integer).map(i64::from);
        let created = time("created").ok_or("its signature has no date")?;
        if now.abs_diff(created) > SKEW.unsigned_abs() || time("expires").is_some_and(|end| end < now) {
            return Err("its signature is too old, or the clocks differ");
        }
        Ok(())
    }
}

/// The value of the `Content-Digest` header.
fn content_digest(content: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(digest(&SHA256, content)))
}

/// What an answer's signature was made over: a line for each covered part, then its terms.
fn answer_base(
    input: &InnerList,
    status: StatusCode,
    headers: &HeaderMap,
    to: &Signed,
) -> Result<String, &'static str> {
    const UNKNOWN: &str = "its signature covers something that is not known";
    let mut base = String::new();
    let mut covered = BTreeSet::new();
    for item in &input.items {
        let name = item.bare_item.as_string().ok_or(UNKNOWN)?.as_str();
        let value = match (name, item.params.len()) {
            ("@status", 0) => status.as_str().to_owned(),
            ("content-type" | "content-digest", 0) => header(headers, name).ok_or(UNKNOWN)?,
            ("signature", 2) if is_of_the_call(item) => {
                to.signature.split_once('=').ok_or(UNKNOWN)?.1.to_owned()
            }
            _ => return Err(UNKNOWN),
        };
        if !covered.insert(name) {
            return Err("its signature covers something twice");
        }
        // Writing to a text does not fail.
        let _ = writeln!(base, "{}: {value}", written(item));
    }
    if !["@status", "content-digest", "signature"].iter().all(|part| covered.contains(part)) {
        return Err("its signature does not cover status, content and call");
    }
    let mut terms = ListSerializer::new();
    terms.members([&ListEntry::InnerList(input.clone())]);
    base.push_str("\"@signature-params\": ");
    base.push_str(&terms.finish().ok_or(UNKNOWN)?);
    Ok(base)
}

/// Whether an item is our signature on the call: `"signature";req;key="lethe"`.
fn is_of_the_call(item: &Item) -> bool {
    let key = item.params.get("key").and_then(BareItem::as_string);
    let req = item.params.get("req").and_then(BareItem::as_boolean);
    key.is_some_and(|key| key.as_str() == LABEL) && req == Some(true)
}

/// The name of a covered part, as a signature writes it.
fn written(item: &Item) -> String {
    let mut list = ListSerializer::new();
    list.members([&ListEntry::Item(item.clone())]);
    list.finish().unwrap_or_default()
}

/// A header's value, its lines joined.
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(name).iter().map(|value| value.to_str().ok().map(str::trim));
    let lines = lines.collect::<Option<Vec<_>>>().filter(|lines| !lines.is_empty())?;
    Some(lines.join(", "))
}

fn dictionary(headers: &HeaderMap, name: &str) -> Option<Dictionary> {
    Parser::new(&header(headers, name)?).parse().ok()
}

fn bytes<'a>(dictionary: &'a Dictionary, name: &str) -> Option<&'a [u8]> {
    match dictionary.get(name)? {
        ListEntry::Item(item) => item.bare_item.as_byte_sequence(),
        ListEntry::InnerList(_) => None,
    }
}

fn text<'a>(input: &'a InnerList, name: &str) -> Option<&'a str> {
    input.params.get(name).and_then(BareItem::as_string).map(|text| text.as_str())
}
