//! What must hold for any input whatsoever, of whatever reads what strangers write.
//!
//! Each target takes bytes and panics if something does not hold. The tests here try seeds cut up and put
//! together anew; `fuzz/` hands the same targets to a fuzzer that knows what the code does.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{str, sync::LazyLock};

use domain::{
    OrgId, Permission, Timestamp,
    audit::{Commitment, Edge, Entry, Segment, SignedRoot, Verifier},
    certificate::{self, KeyRing, SigningKey},
    datamap::{DataMap, Declared, Graph},
};
use serde_json::Value;
use wire::{
    Dialect, Problem, Query, body,
    shapes::{
        native::{HoldBody, PersonBody},
        slashid::{ConsentRequest, withdrawal},
    },
    time::{self, Time},
};

/// Something that reads what strangers write.
pub type Target = fn(&[u8]);

/// All of them, by name, each with what it takes for good.
pub const TARGETS: [(&str, Target, &[&str]); 6] = [
    ("time", read_time, &["2026-01-01T02:00:00.5+02:00", "1767225600", "9999-12-31T23:59:59Z", "-1e9"]),
    ("permission", read_permission, &["purge:person:admin", "user:*", "purge:*:*", "lethe:keys:write", "*"]),
    ("datamap", read_map, &[MAP]),
    ("body", read_body, &BODIES),
    ("query", read_query, &["consent_levels=analytics,marketing&deleteAll=true", "limit=10&%6c=%ff&a+b=c"]),
    (
        "signature",
        read_signature,
        &[CERTIFICATE, JWS, JWK, ENTRY, "-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----"],
    ),
];

const MAP: &str = "
dataset:
  - fides_key: shop
    fides_meta: {after: []}
    collections:
      - name: customers
        fields:
          - name: id
            fides_meta: {primary_key: true, data_type: integer}
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {identity: email, length: 40}
      - name: orders
        fields:
          - name: customer_id
            fides_meta: {references: [{dataset: shop, field: customers.id, direction: from}]}
";
const BODIES: [&str; 4] = [
    r#"{"consent_levels":["analytics","none"]}"#,
    r#"{"identities":{"email":"a@example.com"},"verified":["email"],"linked_identities":[]}"#,
    r#"{"kind":"legal_hold","ground":"17(3)(e)","owner":"x","reason":"y","review_on":"2026-09-01","scope":{}}"#,
    r#"{"suggested_purge_time":"2026-03-09T10:00:00Z","x":[1e9,null,{"a":"\u00e9\ud83d\ude00"}]}"#,
];
const CERTIFICATE: &str = r#"{"certificate":{"version":1},"jws":"e30.e30.e30"}"#;
const JWS: &str = "eyJhbGciOiJFZERTQSIsImtpZCI6IngiLCJ0eXAiOiJsZXRoZS1hdWRpdC1yb290In0.e30.AA";
const JWK: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
const ENTRY: &str = r#"{"subject":null,"at":"2026-03-02T10:00:00Z","record":"R","version":1,"commitment":"0000000000000000000000000000000000000000000000000000000000000000","previous":"0000000000000000000000000000000000000000000000000000000000000000"}"#;

/// A time that is read is one of the years 1970 to 9999, and each dialect's own form of it is read as the same.
pub fn read_time(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let last: Timestamp = "9999-12-31T23:59:59.999999999Z".parse().unwrap();
    let told = serde_json::from_str::<Time>(text).map(|Time(at)| at).ok();
    for at in time::read(text).into_iter().chain(told) {
        assert!(at >= Timestamp::UNIX_EPOCH && at <= last, "{at}");
        for print in [time::millis, time::micros, time::offset] {
            let again = time::read(&print(at)).unwrap_or_else(|| panic!("{} is not read", print(at)));
            assert!((again - at).num_milliseconds() == 0, "{at} became {again}");
        }
    }
    if text.bytes().all(|byte| byte.is_ascii_digit())
        && let Some(at) = time::read(text)
    {
        assert_eq!(at.timestamp(), text.parse::<i64>().unwrap(), "numbers are seconds");
    }
}

/// What grants is the name of what it grants, or differs from it by whole segments that are `*`.
pub fn read_permission(input: &[u8]) {
    let Ok(grant) = str::from_utf8(input) else { return };
    for need in Permission::ALL.iter().filter(|need| need.granted_by(grant)) {
        let (given, needed): (Vec<_>, Vec<_>) =
            (grant.split(':').collect(), need.name().split(':').collect());
        let fits = given.iter().zip(&needed).all(|(given, needed)| given == needed || *given == "*");
        let ends = given.len() == needed.len() || given.len() < needed.len() && given.ends_with(&["*"]);
        assert!(fits && ends, "{grant} grants {}", need.name());
    }
}

/// A data map that is read is read as the same again, whatever its graph; one that is not says why and where.
pub fn read_map(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    match DataMap::load([("map.yml", text)]) {
        Ok(map) => {
            let again = DataMap::load([("map.yml", text)]).unwrap();
            assert_eq!((&again.version, format!("{again:?}")), (&map.version, format!("{map:?}")));
            if let Err(errors) = Graph::new(&map, &Declared) {
                assert!(!errors.to_string().is_empty());
            }
        }
        Err(errors) => assert!(errors.to_string().contains("map.yml"), "{errors}"),
    }
}

/// A body that is refused is refused in words that each dialect can say, with a status of its own.
pub fn read_body(input: &[u8]) {
    fn refused<T>(read: Result<T, Problem>) {
        let Err(problem) = read else { return };
        for dialect in Dialect::ALL {
            let said = dialect.render(&problem, "id");
            assert!((400..500).contains(&said.status), "{problem:?}");
            assert!(said.body.is_object() || said.body.is_array(), "{problem:?}");
        }
    }
    refused(body::read::<PersonBody>(input));
    refused(body::read::<HoldBody>(input));
    refused(body::read::<Value>(input));
    for relaxed in [true, false] {
        refused(body::read::<ConsentRequest>(input).and_then(|asked| asked.change(relaxed)));
    }
    if let Ok(value) = body::read::<Value>(input) {
        assert!(value.is_object(), "a body is an object");
    }
}

/// A query asks for the same however often it is read, and for everything only in so many words.
pub fn read_query(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let query = Query::parse(text);
    assert_eq!(query, Query::parse(text));
    if let Ok(domain::consent::Change::WithdrawAll) = withdrawal(&query) {
        assert_eq!(query.one("deleteAll").ok().flatten(), Some("true"));
    }
    let _ = query.list("consent_levels");
}

/// Nobody forges a signature, whatever they write and whatever keys they bring: none of those that sign here
/// were ever used.
pub fn read_signature(input: &[u8]) {
    static KEYS: LazyLock<KeyRing> = LazyLock::new(|| {
        let pkcs8 =
            [&b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"[..], &[7; 32]].concat();
        [SigningKey::from_pkcs8(&pkcs8).unwrap().public()].into_iter().collect()
    });
    let Ok(text) = str::from_utf8(input) else { return };
    assert!(certificate::verify(text, &KEYS).is_err());
    assert!(SignedRoot(text.to_owned()).open(&KEYS).is_err());
    let _ = KeyRing::read(text);
    if let Ok(entry) = serde_json::from_str::<Entry>(text) {
        let again: Entry = serde_json::from_str(&serde_json::to_string(&entry).unwrap()).unwrap();
        assert_eq!(again, entry, "written and read it is another");
        let org: OrgId = "af5fbd30-7ce7-4548-8b30-4cd59cb2aba1".parse().unwrap();
        let root = SignedRoot(text.to_owned());
        let segment = Segment { before: Edge::default(), entries: vec![entry], root };
        let taken = Verifier::new(org, &KEYS, &[]).unwrap().take(&segment);
        assert!(taken.is_err() && segment.entries[0].commitment != Commitment::to(input));
    }
    if let Ok(segment) = serde_json::from_str::<Segment>(text) {
        let _ = segment.edge().root();
        assert!(Verifier::new(OrgId(Default::default()), &KEYS, &[]).unwrap().take(&segment).is_err());
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::Index};

    use super::*;

    /// Seeds cut up and put together anew, with what nobody expects in between.
    fn inputs(seeds: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
        let piece = (prop::sample::select(seeds), any::<Index>(), any::<Index>()).prop_map(|(seed, a, b)| {
            let (a, b) = (a.index(seed.len() + 1), b.index(seed.len() + 1));
            seed.as_bytes()[a.min(b)..a.max(b)].to_vec()
        });
        let whole = prop::sample::select(seeds).prop_map(|seed| seed.as_bytes().to_vec());
        let odd = prop::sample::select(vec![
            "\0", "\u{feff}", "é", "\"", "\\", "}", "]", "e9", "-", ":", "\n", "*",
        ]);
        let odd = odd.prop_map(|text| text.as_bytes().to_vec());
        let noise = prop::collection::vec(any::<u8>(), 0..6);
        let part = prop_oneof![4 => piece, 2 => odd, 1 => noise];
        let splice =
            (whole.clone(), any::<Index>(), any::<Index>(), part.clone()).prop_map(|(all, a, b, new)| {
                let (a, b) = (a.index(all.len() + 1), b.index(all.len() + 1));
                [&all[..a.min(b)], &new, &all[a.max(b)..]].concat()
            });
        let heap = prop::collection::vec(part, 0..5).prop_map(|parts| parts.concat());
        prop_oneof![1 => whole, 6 => splice, 3 => heap]
    }

    /// `PROPTEST_CASES` makes it more.
    fn check(wanted: &str) {
        let (_, target, seeds) = TARGETS.into_iter().find(|(name, ..)| *name == wanted).unwrap();
        proptest!(|(input in inputs(seeds))| target(&input));
    }

    #[test]
    fn times() {
        check("time");
    }

    #[test]
    fn permissions() {
        check("permission");
    }

    #[test]
    fn data_maps() {
        check("datamap");
    }

    #[test]
    fn bodies() {
        check("body");
    }

    #[test]
    fn queries() {
        check("query");
    }

    #[test]
    fn signatures() {
        check("signature");
    }

    #[test]
    fn seeds_are_good() {
        assert!(time::read("2026-01-01T02:00:00.5+02:00").is_some());
        assert!(DataMap::load([("map.yml", MAP)]).is_ok_and(|map| Graph::new(&map, &Declared).is_ok()));
        assert!(body::read::<ConsentRequest>(BODIES[0].as_bytes()).is_ok());
        assert!(body::read::<PersonBody>(BODIES[1].as_bytes()).is_ok());
        assert!(body::read::<HoldBody>(BODIES[2].as_bytes()).is_ok());
        assert!(KeyRing::read(JWK).is_ok() && serde_json::from_str::<Entry>(ENTRY).is_ok());
        for (_, target, seeds) in TARGETS {
            seeds.iter().for_each(|seed| target(seed.as_bytes()));
        }
    }
}
