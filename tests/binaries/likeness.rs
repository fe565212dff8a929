//! Answers as they are but for what differs from one run to the next: ids, times, and where the world is.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::DateTime;
use domain::PersonKey;
use uuid::Uuid;

use crate::world::World;

/// An answer in which ids, times, keys and tokens are only named.
pub(crate) fn likeness(answer: &[u8], world: &World) -> String {
    let gateway = &world.stack.gateway;
    let encoded = gateway.replace(':', "%3A").replace('/', "%2F");
    let text = String::from_utf8_lossy(answer).replace(gateway, "<gateway>").replace(&encoded, "<gateway>");
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "-_.:+".contains(letter);
    let mut like = String::new();
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
        // No word begins or ends with what stands between words.
        let word = if first != '.' && first != ':' { rest[..end].trim_end_matches(['.', ':']) } else { "" };
        let length = word.len().max(first.len_utf8());
        let (word, other) = rest.split_at(length);
        match name_of(word) {
            Some(name) => like.push_str(name),
            // Such as a URN that ends in an id, or the id of a client with its key.
            None => like.extend(word.split_inclusive([':', '.']).flat_map(|part| {
                let word = part.trim_end_matches([':', '.']);
                [name_of(word).unwrap_or(word), &part[word.len()..]]
            })),
        }
        rest = other;
    }
    like
}

/// What a word is, if it is another each time.
fn name_of(word: &str) -> Option<&'static str> {
    let is_id = word.len() == 36 && Uuid::try_parse(word).is_ok();
    // The id of a call.
    let is_xid = word.len() == 20 && word.parse::<xid::Id>().is_ok();
    let is_seconds =
        word.len() == 10 && word.starts_with('1') && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_key = word.len() == 43 && URL_SAFE_NO_PAD.decode(word).is_ok();
    let is_client = word.strip_prefix('c').is_some_and(|id| id.len() == 32 && Uuid::try_parse(id).is_ok());
    let is_token = word.starts_with("eyJ") && word.len() > 100;
    let is_pseudonym = word.parse::<PersonKey>().is_ok();
    match () {
        () if is_id || is_xid || is_client || is_pseudonym => Some("<id>"),
        () if is_seconds || DateTime::parse_from_rfc3339(word).is_ok() => Some("<time>"),
        () if is_key => Some("<key>"),
        () if is_token => Some("<token>"),
        () => None,
    }
}
