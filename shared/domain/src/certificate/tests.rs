#![allow(clippy::unwrap_used)]

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::{
    mandate::Release,
    purge::{Purge, PurgeState},
    request::Work,
    tenant::Tenant,
};

fn now() -> Timestamp {
    "2026-03-02T10:00:00Z".parse().unwrap()
}

fn tenant() -> OrgId {
    "af5fbd30-7ce7-4548-8b30-4cd59cb2aba1".parse().unwrap()
}

/// The key of this seed, as PKCS#8 (RFC 8410).
fn key(seed: [u8; 32]) -> SigningKey {
    let head = hex::decode("302e020100300506032b657004220420").unwrap();
    SigningKey::from_pkcs8(&[head, seed.to_vec()].concat()).unwrap()
}

fn ring(seed: u8) -> KeyRing {
    [key([seed; 32]).public()].into_iter().collect()
}

fn outcome(collection: &str, found: u64, kept: u64) -> StoreOutcome {
    let (dataset, collection) = collection.split_once(':').unwrap();
    StoreOutcome {
        dataset: dataset.into(),
        collection: collection.into(),
        found,
        erased: found - kept,
        kept,
        kept_because: if kept > 0 { vec!["shared with others".into()] } else { Vec::new() },
        method: Method::Delete,
        after: Some(0),
        ..StoreOutcome::default()
    }
}

fn purged(outcomes: Vec<StoreOutcome>) -> Request {
    let id = "c0daf39b-4df5-4241-9e7d-b1b85f829090".parse().unwrap();
    let alice = "alice".parse().unwrap();
    let asked = now() - TimeDelta::days(30);
    let mut request = Request::new(id, PersonKey([0xa1; 10]), alice, Kind::Erasure, Door::RallyHere, asked);
    let purge = Purge::queue(None, &Tenant::new(tenant()), asked);
    request.work = Work::Purge(Purge { state: PurgeState::Running, outcomes, attempts: 2, ..purge });
    request.forgotten(now() + TimeDelta::days(1096), now())
}

fn facts() -> Facts {
    Facts { searched_by: vec!["email".into()], data_map: "0a1b".into() }
}

/// The same outcomes, of stores that have backups for so many days.
fn kept_for(days: Option<u32>, outcomes: Vec<StoreOutcome>) -> Vec<StoreOutcome> {
    outcomes.into_iter().map(|outcome| StoreOutcome { backup_days: days, ..outcome }).collect()
}

fn certificate() -> Certificate {
    let outcomes = vec![outcome("shop:customers", 1, 0), outcome("shop:\"órders\\", 2, 1)];
    let request = purged(kept_for(Some(35), outcomes));
    Certificate::of(tenant(), &request, facts(), "lethe 0.1.0", now()).unwrap()
}

fn file() -> String {
    Signed::sign(&certificate(), &key([1; 32])).unwrap().file().unwrap()
}

/// The file with another JWS than the signed one, under the same readable text.
fn with_jws(jws: &str) -> String {
    format!(r#"{{"certificate":{},"jws":"{jws}"}}"#, serde_json::to_string(&certificate()).unwrap())
}

/// A JWS over `payload` with any header, by the right key.
fn jws(head: &str, payload: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(payload));
    let signature = key([1; 32]).sign(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn what_is_signed_is_verified_and_says_the_same() {
    let verified = verify(&file(), &ring(1)).unwrap();

    assert_eq!((verified.certificate, verified.key), (certificate(), key([1; 32]).public()));
}

#[test]
fn nothing_in_it_tells_who_the_person_is() {
    assert!(!file().contains("alice") && !serde_json::to_string(&certificate()).unwrap().contains("alice"));
}

/// RFC 8037, A.1 to A.4.
#[test]
fn keys_and_signatures_are_those_of_the_standard() {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let seed = decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
    let key = key(seed.try_into().unwrap());
    let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

    assert_eq!(key.public().jwk().x, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    assert_eq!(key.public().id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    assert_eq!(URL_SAFE_NO_PAD.encode(key.sign(message)), signature);
    assert!(key.public().verifies(message, &decode(signature)));
}

#[test]
fn a_byte_changed_anywhere_is_noticed() {
    let file = file().into_bytes();
    let keys = ring(1);
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut changed = file.clone();
            changed[at] ^= 1 << bit;
            // What is not even text is refused by whoever reads the file.
            let Ok(text) = String::from_utf8(changed) else { continue };
            assert!(verify(&text, &keys).is_err(), "bit {bit} of byte {at}: {text}");
        }
    }
}

proptest! {
    #[test]
    fn no_other_text_is_taken_for_it(at in any::<prop::sample::Index>(), with in "\\PC{0,3}", cut in 0_usize..3) {
        let file = file();
        let places: Vec<usize> = file.char_indices().map(|(at, _)| at).chain([file.len()]).collect();
        let start = at.index(places.len());
        let end = (start + cut).min(places.len() - 1);
        let changed = format!("{}{with}{}", &file[..places[start]], &file[places[end]..]);
        let is_same = without_spaces(&changed) == without_spaces(&file);

        prop_assert!(is_same || verify(&changed, &ring(1)).is_err(), "{changed}");
    }
}

fn without_spaces(text: &str) -> String {
    text.replace(' ', "")
}

#[test]
fn a_file_may_be_laid_out_for_reading() {
    let signed = Signed::sign(&certificate(), &key([1; 32])).unwrap();
    let readable = serde_json::to_string_pretty(&certificate()).unwrap();
    let file = |readable: &str| {
        format!("\n{{\r\n\t\"certificate\" : {readable} ,\n \"jws\":\"{}\"}}\n", signed.as_str())
    };

    assert_eq!(verify(&file(&readable), &ring(1)).map(|verified| verified.certificate), Ok(certificate()));
    assert_eq!(verify(&file(&readable.replace("lethe 0", "lethe  0")), &ring(1)), Err(Refused::Differs));
}

#[test]
fn only_the_key_that_signed_verifies() {
    let others = || [key([2; 32]).public(), key([3; 32]).public()].into_iter();
    assert_eq!(verify(&file(), &ring(2)), Err(Refused::UnknownKey));
    assert_eq!(verify(&file(), &others().collect()), Err(Refused::UnknownKey));
    assert!(verify(&file(), &others().chain([key([1; 32]).public()]).collect()).is_ok());

    // Another key that calls itself the same.
    let head =
        format!(r#"{{"alg":"EdDSA","kid":"{}","typ":"lethe-certificate"}}"#, key([2; 32]).public().id());
    let forged = jws(&head, &serde_json::to_string(&certificate()).unwrap());
    assert_eq!(verify(&with_jws(&forged), &ring(2)), Err(Refused::Signature));
}

#[test]
fn a_header_says_that_it_is_a_certificate_and_nothing_more() {
    let kid = key([1; 32]).public().id();
    let payload = serde_json::to_string(&certificate()).unwrap();
    let check = |head: String, expected: Result<(), Refused>| {
        let result = verify(&with_jws(&jws(&head, &payload)), &ring(1)).map(drop);
        assert_eq!(result, expected, "{head}");
    };

    check(format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"lethe-certificate"}}"#), Ok(()));
    for head in [
        format!(r#"{{"alg":"none","kid":"{kid}","typ":"lethe-certificate"}}"#),
        format!(r#"{{"alg":"HS256","kid":"{kid}","typ":"lethe-certificate"}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt"}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#),
        r#"{"alg":"EdDSA","typ":"lethe-certificate"}"#.to_owned(),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"lethe-certificate","b64":false,"crit":["b64"]}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"lethe-certificate","jwk":{{}}}}"#),
        format!(r#"{{"alg":"EdDSA","alg":"EdDSA","kid":"{kid}","typ":"lethe-certificate"}}"#),
    ] {
        check(head, Err(Refused::Header));
    }
}

#[test]
fn what_is_no_certificate_of_a_complete_erasure_is_refused_whoever_signed_it() {
    let head =
        format!(r#"{{"alg":"EdDSA","kid":"{}","typ":"lethe-certificate"}}"#, key([1; 32]).public().id());
    let check = |payload: String, expected: Refused| {
        let file = format!(r#"{{"certificate":{payload},"jws":"{}"}}"#, jws(&head, &payload));
        assert_eq!(verify(&file, &ring(1)), Err(expected), "{payload}");
    };
    let changed = |change: &dyn Fn(&mut Certificate)| {
        let mut certificate = certificate();
        change(&mut certificate);
        serde_json::to_string(&certificate).unwrap()
    };

    check("{}".into(), Refused::Content);
    check(changed(&|certificate| certificate.version = 2), Refused::Version);
    check(r#"{"version":2,"what":"is to come"}"#.into(), Refused::Version);
    check(changed(&|certificate| certificate.kind = Kind::Access), Refused::Content);
    check(changed(&|certificate| certificate.collections[0].after = 1), Refused::Content);
    check(changed(&|certificate| certificate.backup_horizon = None), Refused::Content);
    check(changed(&|certificate| certificate.executed_at = now() - TimeDelta::days(31)), Refused::Content);
}

#[test]
fn files_of_other_forms_are_refused() {
    let check = |file: &str, expected: Refused| assert_eq!(verify(file, &ring(1)), Err(expected), "{file}");
    let certificate = serde_json::to_string(&certificate()).unwrap();

    check("", Refused::File);
    check("[]", Refused::File);
    check(&certificate, Refused::File);
    check(&file().replace("\"jws\"", "\"jws\":\"\",\"jws\""), Refused::File);
    check(&file().replace("\"jws\"", "\"note\":1,\"jws\""), Refused::File);
    check(&format!("{} {{}}", file()), Refused::File);
    check(&with_jws(""), Refused::Jws);
    check(&with_jws("a.b"), Refused::Jws);
    check(&with_jws("e30.e30"), Refused::Jws);
    check(&with_jws("e30.e30.e30"), Refused::Header);
}

#[test]
fn only_a_complete_purge_is_certified() {
    let of = |request: &Request| Certificate::of(tenant(), request, facts(), "", now()).map(drop);
    let with = |change: &dyn Fn(&mut StoreOutcome)| {
        let mut outcome = outcome("shop:orders", 2, 0);
        change(&mut outcome);
        purged(vec![outcome])
    };

    assert_eq!(of(&with(&|_| ())), Ok(()));
    assert_eq!(of(&with(&|outcome| outcome.after = Some(1))), Err(Uncertifiable::NotVerified));
    assert_eq!(of(&with(&|outcome| outcome.after = None)), Err(Uncertifiable::NotVerified));
    assert_eq!(of(&with(&|outcome| outcome.error = Some("x".into()))), Err(Uncertifiable::NotVerified));
    assert_eq!(of(&Request { keep_until: None, ..with(&|_| ()) }), Err(Uncertifiable::NotForgotten));
    assert_eq!(of(&Request { work: Work::Manual, ..with(&|_| ()) }), Err(Uncertifiable::NoPurge));
}

#[test]
fn a_clock_that_is_behind_makes_no_certificate_that_is_refused() {
    let (behind, key) = (now() - TimeDelta::days(31), key([1; 32]));
    let made = Certificate::of(tenant(), &purged(Vec::new()), facts(), "", behind).unwrap();

    assert_eq!(made.executed_at, made.requested_at);
    let file = Signed::sign(&made, &key).unwrap().file().unwrap();
    assert!(verify(&file, &ring(1)).is_ok());
}

#[test]
fn backups_last_as_long_as_the_longest_and_are_unknown_if_one_is() {
    let check = |days: &[Option<u32>], expected: Option<&str>| {
        let outcomes = days.iter().flat_map(|days| kept_for(*days, vec![outcome("shop:orders", 1, 0)]));
        let made = Certificate::of(tenant(), &purged(outcomes.collect()), facts(), "", now()).unwrap();
        assert_eq!(made.backup_horizon, expected.map(|day| day.parse().unwrap()), "{days:?}");
    };

    check(&[Some(0)], Some("2026-03-02"));
    check(&[Some(7), Some(35), Some(0)], Some("2026-04-06"));
    check(&[Some(7), None], None);
    check(&[Some(u32::MAX)], None);
    check(&[], Some("2026-03-02"));
}

#[test]
fn what_was_done_is_told_as_it_was_noted() {
    let masked = StoreOutcome { masked: 3, method: Method::Mask, ..outcome("shop:orders", 0, 0) };
    let kept = StoreOutcome { method: Method::Keep, ..outcome("shop:invoices", 4, 4) };
    let mut request = purged(vec![StoreOutcome { found: 3, ..masked }, kept]);
    let release = |by| Some(Release { plan: "released".into(), rows: 9, by });
    let mut plan_of = |mandate: Mandate| {
        let Work::Purge(purge) = &mut request.work else { unreachable!("it is a purge") };
        purge.mandate = mandate;
        Certificate::of(tenant(), &request, facts(), "", now()).unwrap()
    };

    let asked = Mandate { policy: Some("gdpr".into()), plan: Some("asked".into()), ..Mandate::default() };
    let made = plan_of(asked);
    let rows: Vec<_> = made
        .collections
        .iter()
        .map(|one| (one.method, one.found, one.erased, one.masked, one.kept, one.kept_because.len()))
        .collect();
    assert_eq!(rows, [(Method::Mask, 3, 0, 3, 0, 0), (Method::Keep, 4, 0, 0, 4, 1)]);
    assert_eq!((made.policy.as_deref(), made.plan_sha256.as_deref()), (Some("gdpr"), Some("asked")));
    let released = Mandate { release: release(Some(PersonKey([1; 10]))), ..Mandate::default() };
    assert_eq!(plan_of(released).plan_sha256.as_deref(), Some("released"));
    assert_eq!(plan_of(Mandate { release: release(None), ..Mandate::default() }).plan_sha256, None);
}

#[test]
fn public_keys_are_read_in_the_forms_that_people_have() {
    let (one, two) = (key([1; 32]).public(), key([2; 32]).public());
    let pem = |key: &PublicKey| {
        let der = [&hex::decode("302a300506032b6570032100").unwrap()[..], key.as_bytes()].concat();
        let body = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN PUBLIC KEY-----\n{}\n{}\n-----END PUBLIC KEY-----\n", &body[..20], &body[20..])
    };
    let jwk = serde_json::to_string(&one.jwk()).unwrap();
    let set = serde_json::to_string(&[one, two].into_iter().collect::<JwkSet>()).unwrap();
    let rsa = r#"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"},"#;

    assert_eq!(KeyRing::read(&jwk), Ok(KeyRing::from_iter([one])));
    assert_eq!(KeyRing::read(&set), Ok(KeyRing::from_iter([one, two])));
    assert_eq!(KeyRing::read(&set.replace(r#"{"keys":["#, rsa)), Ok(KeyRing::from_iter([one, two])));
    assert_eq!(KeyRing::read(&pem(&one)), Ok(KeyRing::from_iter([one])));
    assert_eq!(KeyRing::read(&format!("{}\r\n{}", pem(&one), pem(&two))), Ok(KeyRing::from_iter([one, two])));
    for wrong in [
        "",
        "{}",
        r#"{"keys":[]}"#,
        r#"{"kty":"OKP","crv":"X25519","x":"AA"}"#,
        r#"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#,
        r#"{"kty":"OKP","crv":"Ed25519"}"#,
        "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----",
        "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----",
        "-----BEGIN PUBLIC KEY-----",
    ] {
        assert_eq!(KeyRing::read(wrong), Err(KeyError::Public), "{wrong}");
    }
}

#[test]
fn a_signing_key_is_shown_by_its_id_alone() {
    let key = key([1; 32]);

    assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.public().id()));
    assert_eq!(SigningKey::from_pkcs8(b"no key").err(), Some(KeyError::Private));
}

#[test]
fn facts_name_identities_that_lead_into_the_map_and_no_values() {
    let map = DataMap::load([(
        "map.yml",
        "
dataset:
  - fides_key: shop
    collections:
      - name: customers
        fields:
          - name: email
            fides_meta: {identity: email}
",
    )])
    .unwrap();

    let identities = [("phone_number", "1"), ("email", "a@example.com")].into_iter().collect();

    let facts = Facts::of(&map, &identities);

    assert_eq!((facts.searched_by, facts.data_map), (vec!["email".to_owned()], map.version));
}
