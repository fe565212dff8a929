//! Tokens: what opens the door, what does not, and what is said of it (RFC 7519, RFC 8725).

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::{self, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::TimeDelta;
use domain::Permission;
use futures_util::{StreamExt as _, stream};
use jsonwebtoken::{
    Algorithm, EncodingKey, crypto,
    jwk::{Jwk, JwkSet},
};
use local::Identity;
use reqwest::Method;
use runtime::Issuer;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};

use crate::world::{Setup, World, send};

const ISS: &str = "https://tokens.example.com";
const AUD: &str = "https://lethe.example.com";
const SUB: &str = "903c1ff9-f2cc-435c-b242-9d8a690fcf0a";

/// An issuer whose keys the tests hold: what it signs is signed rightly, whatever it says.
struct Mint {
    ed: EncodingKey,
    ec: EncodingKey,
    rsa: rsa::KeyPair,
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// An Ed25519 key of a fixed seed, as PKCS#8.
fn ed25519(seed: u8) -> EncodingKey {
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    der.extend([seed; 32]);
    EncodingKey::from_ed_der(&der)
}

/// The public half of a key, named.
fn public(key: &EncodingKey, algorithm: Algorithm, kid: &str) -> Jwk {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
    jwk.common.key_id = Some(kid.to_owned());
    jwk
}

impl Mint {
    fn new() -> Self {
        let ec =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        Self {
            ed: ed25519(7),
            ec: EncodingKey::from_ec_der(ec.as_ref()),
            rsa: rsa::KeyPair::generate(KeySize::Rsa2048).unwrap(),
        }
    }

    fn keys(&self) -> JwkSet {
        // Two numbers in DER: after nine bytes of lengths the modulus, then the exponent.
        let modulus = &self.rsa.public_key().as_ref()[9..9 + self.rsa.public_modulus_len()];
        let rsa = json!({"kty": "RSA", "kid": "rsa", "e": "AQAB", "n": b64(modulus)});
        JwkSet {
            keys: vec![
                public(&self.ed, Algorithm::EdDSA, "ed"),
                public(&self.ec, Algorithm::ES256, "ec"),
                serde_json::from_value(rsa).unwrap(),
            ],
        }
    }

    fn issuer(&self) -> Issuer {
        Issuer {
            iss: ISS.to_owned(),
            audience: AUD.to_owned(),
            algorithms: vec![Algorithm::EdDSA, Algorithm::ES256, Algorithm::RS256],
            jwks_url: None,
            jwks: Some(self.keys()),
            org: None,
        }
    }

    /// A world that trusts this issuer, and knows one tenant only.
    async fn world(&self) -> World {
        let mut setup = Setup::new();
        setup.issuers = vec![self.issuer()];
        setup.tenants = Some(vec![setup.identity.tenant()]);
        setup.begin().await
    }

    /// A token of exactly this header and payload, signed rightly.
    fn ed(&self, header: &str, payload: &str) -> String {
        let input = format!("{}.{}", b64(header), b64(payload));
        let signature = crypto::sign(input.as_bytes(), &self.ed, Algorithm::EdDSA).unwrap();
        format!("{input}.{signature}")
    }

    fn ec(&self, header: &str, payload: &str) -> String {
        let input = format!("{}.{}", b64(header), b64(payload));
        let signature = crypto::sign(input.as_bytes(), &self.ec, Algorithm::ES256).unwrap();
        format!("{input}.{signature}")
    }

    /// A token of usual header with these claims.
    fn saying(&self, claims: &Value) -> String {
        self.ed(ED, &claims.to_string())
    }
}

/// The usual header.
const ED: &str = r#"{"alg":"EdDSA","kid":"ed","typ":"at+jwt"}"#;

/// Claims that are in order.
fn claims(world: &World) -> Value {
    let now = world.now().timestamp();
    json!({"iss": ISS, "aud": AUD, "sub": SUB, "org": world.org(), "iat": now, "exp": now + 3600, "ver": 1})
}

/// The same with one other.
fn with(world: &World, name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims(world);
    claims[name] = value.into();
    claims
}

/// The same without one.
fn without(world: &World, name: &str) -> Value {
    let mut claims = claims(world);
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// What a route answers that wants a valid token and nothing else: a person whom it lets in has no purge.
const ACCEPTED: &str = "purge_not_found";

/// The code, and what is said of it.
async fn answer(world: &World, token: &str) -> (String, String) {
    let reply = send(world.call(Method::GET, "/users/v1/person/me/purge").bearer_auth(token)).await;
    let body = reply.json();
    let (code, desc) =
        (body["error_code"].as_str().unwrap().to_owned(), body["desc"].as_str().unwrap().to_owned());
    assert_eq!(reply.status, if code == ACCEPTED { 404 } else { 403 }, "{token}");
    assert_eq!(body["auth_success"], code == ACCEPTED, "{token}");
    (code, desc)
}

#[track_caller]
fn assert_answer(answer: &(String, String), code: &str, desc: &str, what: &str) {
    assert_eq!((answer.0.as_str(), answer.1.as_str()), (code, desc), "{what}");
}

#[tokio::test]
async fn tokens_in_order_open_the_door_whatever_their_algorithm() {
    let mint = Mint::new();
    let world = mint.world().await;
    let payload = claims(&world).to_string();
    let input = format!("{}.{}", b64(r#"{"alg":"RS256","kid":"rsa"}"#), b64(&payload));
    let mut signature = vec![0; mint.rsa.public_modulus_len()];
    let padding = &aws_lc_rs::signature::RSA_PKCS1_SHA256;
    mint.rsa.sign(padding, &SystemRandom::new(), input.as_bytes(), &mut signature).unwrap();

    for token in [
        mint.saying(&claims(&world)),
        mint.ed(r#"{"alg":"EdDSA","kid":"ed"}"#, &payload),
        mint.ed(r#"{"alg":"EdDSA","kid":"ed","typ":"JWT"}"#, &payload),
        mint.ed(r#"{"alg":"EdDSA","kid":"ed","typ":"application/at+jwt","more":[1]}"#, &payload),
        mint.ec(r#"{"alg":"ES256","kid":"ec"}"#, &payload),
        format!("{input}.{}", b64(signature)),
        mint.saying(&with(&world, "aud", json!(["elsewhere", AUD]))),
        mint.saying(&with(&world, "unknown", json!({"deep": [1]}))),
        mint.saying(&without(&world, "ver")),
        mint.saying(&without(&world, "iat")),
    ] {
        assert_eq!(answer(&world, &token).await.0, ACCEPTED, "{token}");
    }
}

#[tokio::test]
async fn a_call_without_a_token_is_malformed() {
    let world = World::new().await;
    let call = || world.call(Method::GET, "/users/v1/person/me/purge");
    let token = world.token(SUB, &[]);

    for call in [
        call(),
        call().header("authorization", ""),
        call().header("authorization", "Bearer"),
        call().header("authorization", "Bearer "),
        call().header("authorization", &token),
        call().header("authorization", format!("Token {token}")),
        call().header("authorization", format!("Bearer{token}")),
        call().basic_auth("user", Some(&token)),
        call().header("authorization", b"Bearer \xff\xfe".as_slice()),
    ] {
        let body = send(call).await.expect(403).json();
        assert_eq!(body["error_code"], "auth_malformed_access");
        assert_eq!(body["desc"], "Invalid Authorization - malformed access token");
        assert_eq!(body["auth_success"], false);
    }
}

#[tokio::test]
async fn what_is_no_jwt_is_told() {
    let world = World::new().await;
    let good = world.token(SUB, &[]);

    for token in [
        "x",
        "a.b",
        "..",
        "a..c",
        ".b.c",
        "a.b.",
        "a.b.c.d",
        "a.b.c.d.e",
        &good.replace('.', ""),
        &format!("{good}.{good}"),
        &format!("{good}."),
        &format!("{good}.x"),
        &"x".repeat(9 * 1024),
    ] {
        assert_answer(&answer(&world, token).await, "auth_not_jwt", "Invalid Authorization", token);
    }
}

#[tokio::test]
async fn a_header_must_have_the_form_of_one() {
    let mint = Mint::new();
    let world = mint.world().await;
    let payload = claims(&world).to_string();
    let format = "auth_token_format";

    for header in [
        "x",
        "null",
        "5",
        "[]",
        "{}",
        r#"{"kid":"ed"}"#,
        r#"{"alg":5,"kid":"ed"}"#,
        r#"{"alg":"EdDSA","kid":5}"#,
        r#"{"alg":"EdDSA","kid":["ed"]}"#,
        r#"{"alg":["EdDSA"],"kid":"ed"}"#,
        r#"{"alg":"EdDSA","kid":"ed","typ":1}"#,
        r#"{"alg":"EdDSA","alg":"EdDSA","kid":"ed"}"#,
        r#"{"alg":"EdDSA","kid":"x","kid":"ed"}"#,
        r#"{"alg":"EdDSA","kid":"ed"} x"#,
        r#"{"alg":"EdDSA","kid":"ed""#,
    ] {
        let answer = answer(&world, &mint.ed(header, &payload)).await;
        assert_answer(&answer, format, "Invalid Authorization - header", header);
    }
    for header in [
        r#"{"alg":"EdDSA","kid":"ed","crit":[]}"#,
        r#"{"alg":"EdDSA","kid":"ed","crit":["exp"]}"#,
        r#"{"alg":"EdDSA","kid":"ed","b64":true}"#,
        r#"{"alg":"EdDSA","kid":"ed","b64":false,"crit":["b64"]}"#,
    ] {
        let answer = answer(&world, &mint.ed(header, &payload)).await;
        assert_answer(&answer, format, "Invalid Authorization - unsupported header", header);
    }
    for header in [
        r#"{"alg":"none","kid":"ed"}"#,
        r#"{"alg":"HS256","kid":"ed"}"#,
        r#"{"alg":"ES256","kid":"ed"}"#,
        r#"{"alg":"RS256","kid":"ed"}"#,
        r#"{"alg":"eddsa","kid":"ed"}"#,
        r#"{"alg":"EdDSA","kid":"ec"}"#,
        r#"{"alg":"RS512","kid":"rsa"}"#,
        r#"{"alg":"PS256","kid":"rsa"}"#,
        r#"{"alg":"ES384","kid":"ec"}"#,
        r#"{"alg":"","kid":"ed"}"#,
        r#"{"alg":"HS256","kid":"lethe"}"#,
    ] {
        let answer = answer(&world, &mint.ed(header, &payload)).await;
        assert_answer(&answer, format, "Invalid Authorization - algorithm", header);
    }
    let good = mint.saying(&claims(&world));
    let (input, _) = good.rsplit_once('.').unwrap();
    let answer = answer(&world, &format!("{input}.!!!!")).await;
    assert_answer(&answer, format, "Invalid Authorization - signature", "no base64");
}

#[tokio::test]
async fn only_access_tokens_are_tokens() {
    let mint = Mint::new();
    let world = mint.world().await;
    let payload = claims(&world).to_string();

    for typ in
        ["id_token", "logout+jwt", "dpop+jwt", "JWE", "secevent+jwt", "at+jwt ", "", "application/jwt-x"]
    {
        let header = json!({"alg": "EdDSA", "kid": "ed", "typ": typ}).to_string();
        let answer = answer(&world, &mint.ed(&header, &payload)).await;
        assert_answer(&answer, "auth_token_invalid_type", "Token is of an invalid type", typ);
    }
}

#[tokio::test]
async fn a_key_must_be_known() {
    let mint = Mint::new();
    let world = mint.world().await;
    let payload = claims(&world).to_string();
    let desc = "Invalid Authorization - Invalid Key ID in Access Token";

    for header in [
        r#"{"alg":"EdDSA"}"#,
        r#"{"alg":"EdDSA","kid":null}"#,
        r#"{"alg":"EdDSA","kid":""}"#,
        r#"{"alg":"EdDSA","kid":"other"}"#,
        r#"{"alg":"EdDSA","kid":"ED"}"#,
        r#"{"alg":"EdDSA","kid":"../../ed"}"#,
        r#"{"alg":"EdDSA","kid":"ed' OR '1'='1"}"#,
        r#"{"alg":"EdDSA","kid":"/dev/null"}"#,
        r#"{"alg":"EdDSA","kid":"https://evil.example.com/keys"}"#,
    ] {
        let answer = answer(&world, &mint.ed(header, &payload)).await;
        assert_answer(&answer, "auth_invalid_key_id", desc, header);
    }
}

#[tokio::test]
async fn a_signature_must_be_of_the_key() {
    let mint = Mint::new();
    let world = mint.world().await;
    let payload = claims(&world).to_string();
    let stranger = Mint { ed: ed25519(8), ..Mint::new() };
    let good = mint.ed(ED, &payload);
    let parts: Vec<&str> = good.split('.').collect();
    let other = claims(&world).to_string().replace(SUB, "903c1ff9-f2cc-435c-b242-9d8a690fcf0b");

    for token in [
        stranger.ed(ED, &payload),
        format!("{}.{}.{}", parts[0], b64(other), parts[2]),
        format!("{}.{}.{}", b64(r#"{"alg":"EdDSA","kid":"ed"}"#), parts[1], parts[2]),
        format!("{}.{}.{}", parts[0], parts[1], b64([0; 64])),
        format!("{}.{}.{}", parts[0], parts[1], b64([0])),
        // The local issuer's key does not speak for this one's id, nor the other way round.
        stranger.ed(r#"{"alg":"EdDSA","kid":"local"}"#, &payload),
        Identity::generate().unwrap().admin_token(world.now()).unwrap(),
    ] {
        let answer = answer(&world, &token).await;
        assert_answer(&answer, "auth_token_sig_invalid", "Token Signature is invalid", &token);
    }
}

#[tokio::test]
async fn claims_must_be_readable() {
    let mint = Mint::new();
    let world = mint.world().await;
    let text = claims(&world).to_string();
    let open = text.trim_end_matches('}');

    let mut tokens = vec![
        mint.ed(ED, "x"),
        mint.ed(ED, "null"),
        mint.ed(ED, "5"),
        mint.ed(ED, "{}"),
        mint.ed(ED, &text.replace('}', "")),
        mint.ed(ED, &format!("{text} x")),
        // The second of two claims of one name must not win, nor the first.
        mint.ed(ED, &format!(r#"{open},"exp":99999999999}}"#)),
        mint.ed(ED, &format!(r#"{open},"sub":"{SUB}"}}"#)),
        mint.ed(ED, &format!(r#"{open},"permissions":[],"permissions":["purge:*:*"]}}"#)),
    ];
    for name in ["iss", "aud", "sub", "exp"] {
        tokens.push(mint.saying(&without(&world, name)));
        for wrong in [json!(null), json!(true), json!({}), json!([5])] {
            tokens.push(mint.saying(&with(&world, name, wrong)));
        }
    }
    for wrong in [json!("1772532000"), json!(1_772_532_000.5), json!(1e300), json!(u64::MAX)] {
        tokens.push(mint.saying(&with(&world, "exp", wrong.clone())));
        tokens.push(mint.saying(&with(&world, "nbf", wrong)));
    }
    for (name, wrong) in [
        ("iss", json!([ISS])),
        ("sub", json!([SUB])),
        ("ver", json!("1")),
        ("ver", json!(-1)),
        ("org", json!("x")),
        ("org", json!(5)),
        ("scope", json!(["a"])),
        ("permissions", json!("purge:*:*")),
        ("permissions", json!([1])),
        ("linked_identities", json!("default")),
        ("client", json!("true")),
        ("iat", json!("now")),
    ] {
        tokens.push(mint.saying(&with(&world, name, wrong)));
    }
    for token in tokens {
        let answer = answer(&world, &token).await;
        assert_answer(&answer, "auth_token_unknown", "Failed to parse token", &token);
    }
}

#[tokio::test]
async fn another_version_is_told() {
    let mint = Mint::new();
    let world = mint.world().await;

    for version in [0, 2, 99] {
        let answer = answer(&world, &mint.saying(&with(&world, "ver", version))).await;
        assert_answer(&answer, "auth_invalid_version", "Invalid Authorization - version", "");
    }
}

#[tokio::test]
async fn each_claim_is_checked_and_named() {
    let mint = Mint::new();
    let world = mint.world().await;
    let check = async |name: &str, value: Value| {
        let answer = answer(&world, &mint.saying(&with(&world, name, value.clone()))).await;
        let desc = format!("Token contained invalid claim value: {name}");
        assert_answer(&answer, "auth_token_invalid_claim", &desc, &value.to_string());
    };

    check("iss", "https://issuer.lethe.localhost".into()).await;
    check("iss", format!("{ISS}/").into()).await;
    check("iss", "".into()).await;
    check("iss", "lethe".into()).await;
    check("aud", "elsewhere".into()).await;
    check("aud", format!("{AUD}/").into()).await;
    check("aud", json!([])).await;
    check("aud", json!(["elsewhere"])).await;
    check("sub", "".into()).await;
    check("sub", "a program".into()).await;
    check("org", "00000000-0000-0000-0000-000000000000".into()).await;
    check("exp", i64::MAX.into()).await;
    check("exp", i64::MIN.into()).await;
    check("nbf", i64::MAX.into()).await;
    let answer = answer(&world, &mint.saying(&without(&world, "org"))).await;
    assert_answer(&answer, "auth_token_invalid_claim", "Token contained invalid claim value: org", "no org");
}

#[tokio::test]
async fn the_end_of_time_is_an_end_like_any_other() {
    let mint = Mint::new();
    let world = mint.world().await;
    let last = chrono::DateTime::<chrono::Utc>::MAX_UTC.timestamp();
    let first = chrono::DateTime::<chrono::Utc>::MIN_UTC.timestamp();

    assert_eq!(answer(&world, &mint.saying(&with(&world, "exp", last))).await.0, ACCEPTED);
    assert_eq!(answer(&world, &mint.saying(&with(&world, "exp", first))).await.0, "auth_token_expired");
    assert_eq!(answer(&world, &mint.saying(&with(&world, "nbf", first))).await.0, ACCEPTED);
    assert_eq!(answer(&world, &mint.saying(&with(&world, "nbf", last))).await.0, "auth_token_invalid_claim");
}

#[tokio::test]
async fn clocks_may_differ_by_a_minute_and_no_more() {
    let mint = Mint::new();
    let world = mint.world().await;
    let now = world.now().timestamp();
    let check = async |name: &str, at: i64, code: &str| {
        let answer = answer(&world, &mint.saying(&with(&world, name, at))).await;
        assert_eq!(answer.0, code, "{name} {}", at - now);
    };

    check("exp", now + 1, ACCEPTED).await;
    check("exp", now, ACCEPTED).await;
    check("exp", now - 59, ACCEPTED).await;
    check("exp", now - 60, "auth_token_expired").await;
    check("exp", now - 61, "auth_token_expired").await;
    check("exp", 0, "auth_token_expired").await;
    check("exp", -1, "auth_token_expired").await;
    check("nbf", now, ACCEPTED).await;
    check("nbf", now + 59, ACCEPTED).await;
    check("nbf", now + 60, ACCEPTED).await;
    check("nbf", now + 61, "auth_token_invalid_claim").await;
}

#[tokio::test]
async fn a_token_that_may_not_is_told_so() {
    let mint = Mint::new();
    let world = mint.world().await;
    let alice = world.person_with_data("alice").await;
    let call = |claims: &Value| {
        let path = format!("/users/v1/person/{alice}/purge");
        world.call(Method::POST, &path).bearer_auth(mint.saying(claims)).json(&json!({}))
    };

    let reply = send(call(&claims(&world))).await.expect(403).json();
    assert_eq!(
        reply,
        json!({"auth_success": true, "error_code": "insufficient_permissions", "desc": "Insufficient Permissions"})
    );
    send(call(&with(&world, "permissions", json!(["purge:*:*"])))).await.expect(202);
    send(call(&with(&world, "scope", "openid purge:person:admin"))).await.expect(202);
}

#[tokio::test]
async fn an_issuer_of_one_tenant_speaks_for_no_other() {
    let mint = Mint::new();
    let mut setup = Setup::new();
    let own = setup.identity.org_id;
    setup.issuers = vec![Issuer { org: Some(own), ..mint.issuer() }];
    let world = setup.begin().await;

    assert_eq!(answer(&world, &mint.saying(&claims(&world))).await.0, ACCEPTED);
    assert_eq!(answer(&world, &mint.saying(&without(&world, "org"))).await.0, ACCEPTED);
    let other = with(&world, "org", "5d5b5c53-5a4e-4c42-8d5d-1d2c3b4a5f60");
    assert_eq!(answer(&world, &mint.saying(&other)).await.0, "auth_token_invalid_claim");
}

#[tokio::test]
async fn nobody_but_us_makes_tokens_of_programs() {
    let mint = Mint::new();
    let world = mint.world().await;

    // Believed in our own tokens only: here the bearer stays the person that the token names.
    assert_eq!(answer(&world, &mint.saying(&with(&world, "client", true))).await.0, ACCEPTED);
    let ours = with(&world, "iss", "lethe");
    let token = mint.ed(r#"{"alg":"EdDSA","kid":"lethe"}"#, &ours.to_string());
    assert_eq!(answer(&world, &token).await.0, "auth_token_sig_invalid");
}

#[tokio::test]
async fn a_token_that_is_too_long_is_not_read() {
    let mint = Mint::new();
    let world = mint.world().await;

    for length in [10_000, 20_000, 100_000] {
        let token = mint.saying(&with(&world, "more", "x".repeat(length)));
        let reply = send(world.call(Method::GET, "/users/v1/person/me/purge").bearer_auth(token)).await;
        assert!([403, 431].contains(&reply.status), "{length}: {}", reply.status);
    }
}

/// Tokens that are forged in every way that is known, each of which claims to be in order.
fn forged(mint: &Mint, world: &World) -> Vec<String> {
    let payload = with(world, "permissions", json!(["purge:*:*", "*"])).to_string();
    let body = b64(&payload);
    let good = mint.ed(ED, &payload);
    let (input, signature) = good.rsplit_once('.').unwrap();
    let unsigned = |header: &str, signature: &str| format!("{}.{body}.{signature}", b64(header));
    let mac = |header: &str, secret: &[u8], algorithm| {
        let input = format!("{}.{body}", b64(header));
        let signature = crypto::sign(input.as_bytes(), &EncodingKey::from_secret(secret), algorithm).unwrap();
        format!("{input}.{signature}")
    };
    let mut tokens = Vec::new();

    // No algorithm, in all spellings.
    for alg in
        ["none", "None", "NONE", "nOnE", "noNe", "none ", " none", "no\\u006ee", "null", "", "non\\u0000e"]
    {
        for signature in ["", "x", signature] {
            for kid in ["ed", "local", "lethe"] {
                tokens.push(unsigned(&format!(r#"{{"alg":"{alg}","kid":"{kid}"}}"#), signature));
            }
        }
    }
    // Public keys as secrets: as they are written, raw and in other coats.
    let jwks = mint.keys();
    let local = world.stack.identity.issuer().unwrap().jwks.unwrap();
    let x509: PublicKeyX509Der<'_> = mint.rsa.public_key().as_der().unwrap();
    let encoded = STANDARD.encode(x509.as_ref());
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
    let mut secrets: Vec<Vec<u8>> =
        vec![Vec::new(), b"secret".to_vec(), pem.into_bytes(), x509.as_ref().to_vec()];
    secrets.push(mint.rsa.public_key().as_ref().to_vec());
    for key in jwks.keys.iter().chain(&local.keys) {
        let text = serde_json::to_value(key).unwrap();
        secrets.push(text.to_string().into_bytes());
        for part in ["x", "y", "n"] {
            if let Some(part) = text[part].as_str() {
                secrets.push(part.as_bytes().to_vec());
                secrets.push(URL_SAFE_NO_PAD.decode(part).unwrap());
            }
        }
    }
    for secret in &secrets {
        for (alg, algorithm) in
            [("HS256", Algorithm::HS256), ("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)]
        {
            for kid in ["ed", "ec", "rsa", "local", "lethe"] {
                tokens.push(mac(&format!(r#"{{"alg":"{alg}","kid":"{kid}"}}"#), secret, algorithm));
            }
        }
    }
    // Keys that the token brings along, or says where to find.
    let evil = Mint { ed: ed25519(66), ..Mint::new() };
    let jwk = serde_json::to_value(public(&evil.ed, Algorithm::EdDSA, "ed")).unwrap();
    for kid in ["ed", "evil"] {
        for (name, value) in [
            ("jwk", jwk.clone()),
            ("jku", json!("http://127.0.0.1:9/keys")),
            ("x5u", json!("http://127.0.0.1:9/cert")),
            ("x5c", json!(["MIIB"])),
            ("x5t", json!("x")),
            ("jwks", json!({"keys": [jwk]})),
        ] {
            let mut header = json!({"alg": "EdDSA", "kid": kid});
            header[name] = value;
            tokens.push(evil.ed(&header.to_string(), &payload));
        }
    }
    // Somebody else's key under our ids.
    for kid in ["ed", "local", "lethe", "ec", "rsa", "nobody"] {
        tokens.push(evil.ed(&format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#), &payload));
        tokens.push(evil.ec(&format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#), &payload));
    }
    tokens.push(Identity::generate().unwrap().admin_token(world.now()).unwrap());
    // Signatures of nothing, of the wrong length, or of the other parts.
    for length in [1, 32, 63, 64, 65, 96, 132, 256, 4096] {
        for (alg, kid) in [("EdDSA", "ed"), ("ES256", "ec"), ("RS256", "rsa")] {
            for byte in [0, 0xff] {
                let header = format!(r#"{{"alg":"{alg}","kid":"{kid}"}}"#);
                tokens.push(unsigned(&header, &b64(vec![byte; length])));
            }
        }
    }
    tokens.push(format!("{input}.{}", &signature[..signature.len() - 2]));
    tokens.push(format!("{input}.{signature}AA"));
    tokens.push(format!("{input}.{signature}=="));
    tokens.push(format!("{input}.{}", signature.to_lowercase()));
    let parts: Vec<&str> = good.split('.').collect();
    for [a, b, c] in
        [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0], [0, 0, 2], [1, 1, 2], [0, 1, 1], [0, 1, 0]]
    {
        tokens.push(format!("{}.{}.{}", parts[a], parts[b], parts[c]));
    }
    let es256 = mint.ec(r#"{"alg":"ES256","kid":"ec"}"#, &payload);
    tokens.push(format!("{input}.{}", es256.rsplit_once('.').unwrap().1));
    // Five parts, as an encrypted token has, and parts glued together.
    tokens.push(format!("{}.a.b.c.d", b64(r#"{"alg":"RSA-OAEP","enc":"A256GCM","kid":"rsa"}"#)));
    tokens.push(format!("{}.a.b.c.d", b64(r#"{"alg":"dir","enc":"A256GCM","kid":"rsa"}"#)));
    tokens.push(format!("{good}.{signature}"));
    tokens.push(format!("{good}.{good}"));
    // Headers that ask for more than is understood.
    for more in [
        r#""crit":["exp"]"#,
        r#""crit":[]"#,
        r#""b64":false,"crit":["b64"]"#,
        r#""b64":false"#,
        r#""zip":"DEF","crit":["zip"]"#,
    ] {
        tokens.push(mint.ed(&format!(r#"{{"alg":"EdDSA","kid":"ed",{more}}}"#), &payload));
    }
    // One name twice.
    let open = payload.trim_end_matches('}');
    tokens.push(mint.ed(ED, &format!(r#"{open},"sub":"somebody else"}}"#)));
    tokens.push(mint.ed(ED, &format!(r#"{open},"iss":"{ISS}"}}"#)));
    tokens.push(mint.ed(r#"{"alg":"none","alg":"EdDSA","kid":"ed"}"#, &payload));
    // No text, other alphabets.
    tokens.push(format!("{}.{}.{signature}", b64([0xff; 30]), b64([0xff; 30])));
    tokens.push(format!("{}.{}.{signature}", STANDARD.encode(ED), STANDARD.encode(&payload)));
    tokens.push(format!("{}\u{7f}.{body}.{signature}", parts[0]).replace('\u{7f}', "%00"));
    tokens
}

#[tokio::test]
async fn no_forged_token_is_accepted() {
    let mint = Mint::new();
    let world = mint.world().await;
    let tokens = forged(&mint, &world);
    assert!(tokens.len() >= 40);

    for token in &tokens {
        let answer = answer(&world, token).await;
        assert_ne!(answer.0, ACCEPTED, "{token}");
        assert_ne!(answer.0, "insufficient_permissions", "{token}");
        // What the token says is not repeated.
        assert!(!answer.1.contains(SUB), "{token}");
    }
    assert_eq!(answer(&world, &mint.saying(&claims(&world))).await.0, ACCEPTED);
}

#[test]
fn grants_agree_with_an_oracle_on_all_short_strings() {
    const WORDS: [&str; 6] = ["purge", "person", "admin", "self", "*", ""];
    // A grant of three segments: each must be the one needed or a star; a star at the end may be any.
    let oracle = |grant: [&str; 3], need: &str| {
        let need: Vec<&str> = need.split(':').collect();
        let fits = |place: usize| grant[place] == "*" || need.get(place) == Some(&grant[place]);
        let long_enough = need.len() == 3 || (need.len() > 3 && grant[2] == "*");
        long_enough && (0..3).all(fits)
    };
    let needs = [
        Permission::PurgeAny,
        Permission::PurgePersonAdmin,
        Permission::PurgePersonSelf,
        Permission::RestrictionReadAny,
        Permission::RestrictionModifyAny,
    ];

    for (a, b, c) in
        WORDS.iter().flat_map(|a| WORDS.iter().flat_map(move |b| WORDS.iter().map(move |c| (a, b, c))))
    {
        let grant = format!("{a}:{b}:{c}");
        for need in needs {
            assert_eq!(
                need.granted_by(&grant),
                oracle([a, b, c], need.name()),
                "{grant} for {}",
                need.name()
            );
        }
    }
}

/// An issuer's web server: it serves its keys, and counts how often.
struct KeyServer {
    url: String,
    keys: Arc<Mutex<JwkSet>>,
    asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl KeyServer {
    async fn start(keys: JwkSet) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/.well-known/jwks.json", listener.local_addr().unwrap());
        let (keys, asked) = (Arc::new(Mutex::new(keys)), Arc::new(AtomicUsize::new(0)));
        let (served, count) = (Arc::clone(&keys), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(stream.read_u8().await.unwrap());
                }
                count.fetch_add(1, Ordering::SeqCst);
                let body = serde_json::to_string(&*served.lock().unwrap()).unwrap();
                let length = body.len();
                let reply = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
        });
        Self { url, keys, asked, task }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// From now on nobody answers there.
    async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// A world that knows the issuer by its address only.
    async fn world(&self, mint: &Mint) -> World {
        let mut setup = Setup::new();
        setup.issuers = vec![Issuer { jwks: None, jwks_url: Some(self.url.clone()), ..mint.issuer() }];
        setup.begin().await
    }
}

/// A token in order but for its key, which nobody knows.
fn of_unknown_key(mint: &Mint, world: &World, number: usize) -> String {
    mint.ed(&format!(r#"{{"alg":"EdDSA","kid":"unknown-{number}"}}"#), &claims(world).to_string())
}

#[tokio::test]
async fn an_issuer_is_asked_once_for_a_thousand_unknown_keys() {
    let mint = Mint::new();
    let server = KeyServer::start(mint.keys()).await;
    let world = server.world(&mint).await;

    let codes = stream::iter(0..1000)
        .map(|number| {
            let token = of_unknown_key(&mint, &world, number);
            let world = &world;
            async move { answer(world, &token).await.0 }
        })
        .buffer_unordered(32);
    assert!(codes.all(|code| async move { code == "auth_invalid_key_id" }).await);

    assert_eq!(server.asked(), 1);
    assert_eq!(answer(&world, &mint.saying(&claims(&world))).await.0, ACCEPTED);
    assert_eq!(server.asked(), 1);
    world.stack.clock.advance(TimeDelta::minutes(5)).unwrap();
    answer(&world, &of_unknown_key(&mint, &world, 1000)).await;
    answer(&world, &of_unknown_key(&mint, &world, 1001)).await;
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn known_keys_work_while_their_issuer_is_down() {
    let mint = Mint::new();
    let server = KeyServer::start(mint.keys()).await;
    let world = server.world(&mint).await;
    assert_eq!(answer(&world, &mint.saying(&claims(&world))).await.0, ACCEPTED);
    server.stop().await;

    for hour in 0..25 {
        assert_eq!(answer(&world, &mint.saying(&claims(&world))).await.0, ACCEPTED, "hour {hour}");
        assert_eq!(answer(&world, &of_unknown_key(&mint, &world, hour)).await.0, "auth_invalid_key_id");
        world.stack.clock.advance(TimeDelta::hours(1)).unwrap();
    }
}

#[tokio::test]
async fn an_issuer_that_was_never_reached_makes_us_unavailable_not_wrong() {
    let mint = Mint::new();
    let server = KeyServer::start(mint.keys()).await;
    let world = server.world(&mint).await;
    server.stop().await;

    let call = world.call(Method::GET, "/users/v1/person/me/purge").bearer_auth(mint.saying(&claims(&world)));
    let reply = send(call).await.expect(503).json();
    assert_eq!(reply["error_code"], "auth_unavailable");
    // Other issuers are not concerned.
    assert_eq!(answer(&world, &world.token(SUB, &[])).await.0, ACCEPTED);
}

#[tokio::test]
async fn keys_come_and_go_with_their_issuer() {
    let mint = Mint::new();
    let server = KeyServer::start(mint.keys()).await;
    let world = server.world(&mint).await;
    assert_eq!(answer(&world, &mint.saying(&claims(&world))).await.0, ACCEPTED);
    let next = Mint { ed: ed25519(9), ..Mint::new() };
    let new = || next.ed(r#"{"alg":"EdDSA","kid":"new"}"#, &claims(&world).to_string());

    *server.keys.lock().unwrap() = JwkSet { keys: vec![public(&next.ed, Algorithm::EdDSA, "new")] };

    // What was fetched a moment ago is not fetched again, what is new is known after the pause at the latest.
    assert_eq!(answer(&world, &new()).await.0, "auth_invalid_key_id");
    world.stack.clock.advance(TimeDelta::minutes(5)).unwrap();
    assert_eq!(answer(&world, &new()).await.0, ACCEPTED);
    assert_eq!(answer(&world, &mint.saying(&claims(&world))).await.0, "auth_invalid_key_id");
}

#[tokio::test]
async fn a_key_that_its_issuer_withdrew_opens_nothing_for_longer_than_an_hour() {
    let mint = Mint::new();
    let server = KeyServer::start(mint.keys()).await;
    let world = server.world(&mint).await;
    assert_eq!(answer(&world, &mint.saying(&claims(&world))).await.0, ACCEPTED);

    server.keys.lock().unwrap().keys.clear();
    world.stack.clock.advance(TimeDelta::hours(1)).unwrap();

    assert_ne!(answer(&world, &mint.saying(&claims(&world))).await.0, ACCEPTED);
}
