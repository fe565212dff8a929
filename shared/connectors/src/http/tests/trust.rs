//! Answers that are not believed, and signatures.

use http::{HeaderMap, HeaderValue, StatusCode};

use super::super::signature::{Covered, Keys, Moment};
use super::*;

/// A service that answers `find` with this content, signed as it should be.
async fn answering(content: impl Fn(&Call) -> serde_json::Value + Send + Sync + 'static) -> World {
    World::with(Tables::sample(), move |call, tables| match call.path.as_str() {
        "find" => Reply::ok(content(call)),
        _ => tables.answer(call),
    })
    .await
}

/// Asking a service that answers so ends with this fault, which tells nothing about anybody.
async fn refused(content: serde_json::Value, reason: &str) {
    let world = answering(move |_| content.clone()).await;
    let fault = ask_for_ada(&world.store().await).await.err().unwrap();
    assert_eq!(fault, format!("find: {reason}"));
}

/// An only page.
fn page(rows: serde_json::Value) -> serde_json::Value {
    json!({"rows": rows, "next": null})
}

fn ada(key: &str) -> serde_json::Value {
    json!({"key": key, "row": {"email": ADA}})
}

#[tokio::test]
async fn answers_that_are_not_as_agreed_are_refused() {
    let form = "the answer is not of the agreed form";
    refused(json!(null), form).await;
    refused(json!({}), form).await;
    refused(json!([]), form).await;
    refused(json!({"rows": {}}), form).await;
    refused(page(json!([{"key": 7, "row": {"email": ADA}}])), form).await;
    refused(page(json!([{"row": {"email": ADA}}])), form).await;
    refused(page(json!([{"key": "c-7", "row": [ADA]}])), form).await;
    refused(json!({"rows": [], "next": 7}), form).await;
    // A word that is spelt wrong must not look like the last page.
    refused(json!({"rows": [], "nxt": "more"}), form).await;
    refused(json!({"rows": []}), form).await;
    refused(page(json!([ada("")])), "the answer has a row without a key, or with one that is too long").await;
    refused(page(json!([ada("a"), ada("a")])), "the answer has a row twice").await;
    let many: Vec<_> = (0..=PAGE).map(|i| ada(&i.to_string())).collect();
    refused(page(json!(many)), "the answer has more rows than were asked for").await;
}

#[tokio::test]
async fn rows_of_others_are_refused() {
    for email in [
        json!("Ada@example.org"),
        json!(" ada@example.org"),
        json!("ada@example.org\n"),
        json!("bob@example.org"),
        json!([["bob@example.org"]]),
        json!({"address": ADA}),
        json!(7),
        json!(null),
    ] {
        let content = page(json!([ada("a"), {"key": "b", "row": {"email": email}}]));
        refused(content, "the answer has a row that was not asked for").await;
    }
    refused(page(json!([{"key": "a", "row": {}}])), "the answer has a row that was not asked for").await;
}

#[tokio::test]
async fn numbers_are_exact_or_refused() {
    let reason = "the answer has a number that must be a text to be exact";
    for number in ["9223372036854775808", "12345678901234567890123", "9007199254740994.0"] {
        let number: serde_json::Value = serde_json::from_str(number).unwrap();
        refused(page(json!([{"key": "a", "row": {"email": [ADA, {"deep": [number]}]}}])), reason).await;
    }
    let world =
        answering(|_| page(json!([{"key": "a", "row": {"email": [ADA, i64::MAX, 1.5, 42.0]}}]))).await;
    let rows = ask_for_ada(&world.store().await).await.unwrap();
    assert_eq!(
        serde_json::to_string(&rows[0].row).unwrap(),
        format!(r#"{{"email":["{ADA}",{},1.5,42.0]}}"#, i64::MAX)
    );
}

#[tokio::test]
async fn fields_that_were_not_asked_for_are_left_out() {
    let world = answering(|_| page(json!([{"key": "a", "row": {"email": ADA, "diagnosis": "x"}}]))).await;
    let rows = ask_for_ada(&world.store().await).await.unwrap();
    assert_eq!(serde_json::to_value(&rows[0].row).unwrap(), json!({"email": ADA}));
}

#[tokio::test]
async fn an_answer_without_end_is_refused() {
    refused(json!({"rows": [], "next": "same"}), "the answer leads back to a page that was read").await;
    refused(json!({"rows": [], "next": "x".repeat(5000)}), "the answer leads back to a page that was read")
        .await;

    for (with_rows, calls) in [(false, 10), (true, 50)] {
        let count = Arc::new(AtomicUsize::new(0));
        let world = answering({
            let count = Arc::clone(&count);
            move |_| {
                let i = count.fetch_add(1, Ordering::SeqCst).to_string();
                let rows = if with_rows { vec![ada(&i)] } else { Vec::new() };
                json!({"rows": rows, "next": i})
            }
        })
        .await;
        let fault = ask_for_ada(&world.store().await).await.err().unwrap();
        assert_eq!(fault, "find: the answer does not end");
        assert_eq!(count.load(Ordering::SeqCst), calls);
    }
}

#[tokio::test]
async fn results_for_other_rows_are_refused() {
    let done = |key: &str| json!({"key": key, "outcome": "done"});
    for (results, reason) in [
        (vec![], "the answer says nothing about some rows"),
        (vec![done("c-7"), done("c-7")], "the answer is about a row that was not asked for"),
        (vec![done("c-7"), done("c-71")], "the answer is about a row that was not asked for"),
        (vec![json!({"key": "c-7", "outcome": "mostly"})], "the answer is not of the agreed form"),
        (
            vec![json!({"key": "c-7", "outcome": "failed", "reason": "ada@example.org is dear to us"})],
            "the answer is not of the agreed form",
        ),
    ] {
        let world = World::with(Tables::sample(), move |call, tables| match call.path.as_str() {
            "erase" => Reply::ok(json!({"results": results})),
            _ => tables.answer(call),
        })
        .await;
        let store = world.store().await;
        let rows = ask_for_ada(&store).await.unwrap();
        let (values, want) = ([Value::from(ADA)], fields(&["email"]));
        let question = Question { collection: "contacts", path: "email", values: &values, want: &want };

        let fault = store.delete(&question, &rows).await.unwrap_err();

        assert_eq!(fault.to_string(), format!("erase: {reason}"));
    }
}

#[tokio::test]
async fn an_operation_must_have_a_name_that_leads_nowhere_else() {
    for name in ["", "../find", "a/b", "a?b", "a b", "%2e%2e", "é", &"x".repeat(129)] {
        let name = name.to_owned();
        let world = World::with(Tables::sample(), move |call, tables| match call.path.as_str() {
            "find" => Reply::pending(&name),
            _ => tables.answer(call),
        })
        .await;
        let fault = ask_for_ada(&world.store().await).await.err().unwrap();
        assert_eq!(fault, "find: the answer names no operation to wait for");
        assert_eq!(world.calls(), ["find"]);
    }
}

/// A service of which something changes the answers to `find` on their way.
async fn tampered<F>(change: impl Fn(Response) -> F + Clone + Send + Sync + 'static) -> World
where
    F: Future<Output = Response> + Send + 'static,
{
    let front = move |router: Router| {
        router.layer(from_fn(move |request: Request, next: Next| {
            let change = change.clone();
            async move {
                let is_find = request.uri().path().ends_with("/v1/find");
                let response = next.run(request).await;
                if is_find { change(response).await } else { response }
            }
        }))
    };
    World::behind(Tables::sample(), |call, tables| tables.answer(call), front).await
}

async fn untrusted<F>(change: impl Fn(Response) -> F + Clone + Send + Sync + 'static, reason: &str)
where
    F: Future<Output = Response> + Send + 'static,
{
    let world = tampered(change).await;
    let fault = ask_for_ada(&world.store().await).await.err().unwrap();
    assert_eq!(fault, format!("find: {reason}"));
}

/// Sets a header of an answer, or takes it away.
fn with_header(
    name: &'static str,
    value: Option<&'static str>,
) -> impl Fn(Response) -> std::future::Ready<Response> + Clone + Send + Sync + 'static {
    move |mut response| {
        match value {
            Some(value) => drop(response.headers_mut().insert(name, HeaderValue::from_static(value))),
            None => drop(response.headers_mut().remove(name)),
        }
        std::future::ready(response)
    }
}

#[tokio::test]
async fn answers_that_were_changed_on_the_way_are_refused() {
    let distrust = |reason: &str| format!("the answer cannot be trusted: {reason}");
    untrusted(with_header("signature", None), &distrust("it is not signed")).await;
    untrusted(with_header("signature-input", None), &distrust("it is not signed")).await;
    untrusted(with_header("content-digest", None), &distrust("it has no digest of its content")).await;
    untrusted(with_header("signature", Some("lethe=:AAAA:")), &distrust("its signature is wrong")).await;
    untrusted(with_header("signature", Some("other=:AAAA:")), &distrust("it is not signed")).await;
    untrusted(with_header("signature", Some("no dictionary \"")), &distrust("it is not signed")).await;
    untrusted(with_header("content-type", Some("text/html")), "the answer is not JSON").await;
    untrusted(
        with_header("content-type", Some("application/json; charset=utf-8")),
        &distrust("its signature is wrong"),
    )
    .await;
    untrusted(with_header("content-encoding", Some("gzip")), "the answer is not JSON").await;
    untrusted(
        |response: Response| async { response.map(|_| axum::body::Body::from(r#"{"rows":[],"next":null}"#)) },
        &distrust("its content is not what its digest says"),
    )
    .await;
    untrusted(
        |mut response: Response| async {
            *response.status_mut() = StatusCode::ACCEPTED;
            response
        },
        &distrust("its signature is wrong"),
    )
    .await;
}

#[tokio::test]
async fn an_answer_to_another_call_is_refused() {
    let first: Arc<tokio::sync::Mutex<Option<(http::response::Parts, axum::body::Bytes)>>> = Arc::default();
    let world = tampered(move |response: Response| {
        let first = Arc::clone(&first);
        async move {
            let mut first = first.lock().await;
            if first.is_none() {
                let (parts, body) = response.into_parts();
                *first = Some((parts, axum::body::to_bytes(body, usize::MAX).await.unwrap()));
            }
            let (parts, content) = first.clone().unwrap();
            Response::from_parts(parts, content.into())
        }
    })
    .await;
    let store = world.store().await;
    assert_eq!(ask_for_ada(&store).await.unwrap().len(), 1);

    // The same question, but not the same call.
    let fault = ask_for_ada(&store).await.err().unwrap();

    assert_eq!(fault, "find: the answer cannot be trusted: its signature is wrong");
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_read_to_its_end() {
    untrusted(
        |response: Response| async {
            let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 1 << 16]));
            response.map(|_| axum::body::Body::from_stream(endless))
        },
        "the answer is too long",
    )
    .await;
}

#[tokio::test]
async fn keys_are_changed_without_a_restart() {
    let world = World::new().await;
    let store = world.store().await;
    let at = |current: &str, known: &str| {
        let mut secret: serde_json::Value = serde_json::from_str(KEYS).unwrap();
        secret["current"] = json!(current);
        secret["keys"].as_object_mut().unwrap().retain(|id, _| known.contains(id.as_str()));
        secret.to_string()
    };

    world.secrets.put(&at("b", "ab"));
    assert_eq!(ask_for_ada(&store).await.unwrap().len(), 1);

    // The service still answers with the key that is gone.
    world.secrets.put(&at("b", "b"));
    let fault = ask_for_ada(&store).await.err().unwrap();
    assert_eq!(fault, "find: the answer cannot be trusted: its key is unknown");
}

#[tokio::test]
async fn a_key_that_the_service_does_not_have_opens_nothing() {
    let world = World::new().await;
    world.secrets.put(&KEYS.replace("YSBr", "AAAA"));

    let refused = world.opened().await.err().unwrap();

    assert_eq!(refused, "connections.yml:2: describe: the service does not accept our signature");
}

#[test]
fn secrets_are_of_one_form_and_never_quoted() {
    let key = "YSBrZXkgb2YgYXQgbGVhc3QgdGhpcnR5LXR3byBieXRlcw==";
    for (secret, reason) in [
        (key.to_owned(), "is not of the agreed form"),
        (r#"{"current": "a"}"#.to_owned(), "is not of the agreed form"),
        (
            format!(r#"{{"current": "a", "keys": {{"b": "{key}"}}}}"#),
            "has no key under the id that it names as current",
        ),
        (r#"{"current": "a", "keys": {"a": "not base64!"}}"#.to_owned(), "is not base64"),
        (r#"{"current": "a", "keys": {"a": "c2hvcnQ="}}"#.to_owned(), "has a key of less than 32 bytes"),
        (
            format!(r#"{{"current": "a\"", "keys": {{"a\"": "{key}"}}}}"#),
            "has a key id that is not made of letters, digits, `.`, `_` and `-`",
        ),
    ] {
        let fault = Keys::parse(&Secret::new(secret)).err().unwrap();
        assert_eq!(fault.to_string(), format!("the secret with the signing keys {reason}"));
    }
}

#[tokio::test]
async fn the_reference_service_answers_nobody_else() {
    let world = World::new().await;
    let keys = Keys::parse(&Secret::new(KEYS.to_owned())).unwrap();
    let content = br#"{"collection":"contacts","field":"email","values":["ada@example.org"],"fields":["email"],"limit":9}"#;
    let call = Covered {
        method: "POST",
        authority: &world.address,
        path: "/v1/find",
        content,
        idempotency_key: "\"k\"",
    };
    let client = network::client(Arc::new(System), world.settings().reach, None).unwrap();
    let send = |path: &'static str,
                content: &'static [u8],
                key: &'static str,
                signed: super::super::signature::Signed| {
        let request = http::Request::post(format!("http://{}{path}", world.address))
            .header("idempotency-key", key)
            .header("content-digest", signed.content_digest)
            .header("signature-input", signed.signature_input)
            .header("signature", signed.signature)
            .body(http_body_util::Full::new(content.into()))
            .unwrap();
        let response = client.request(request);
        async move { response.await.unwrap().status().as_u16() }
    };
    let sign = |moment: &Moment| keys.sign(&call, moment);
    let now = || Moment::now().unwrap();

    assert_eq!(send("/v1/find", content, "\"k\"", sign(&now())).await, 200);
    assert_eq!(send("/v1/export", content, "\"k\"", sign(&now())).await, 401);
    assert_eq!(send("/v1/find", b"{}", "\"k\"", sign(&now())).await, 401);
    assert_eq!(send("/v1/find", content, "\"other\"", sign(&now())).await, 401);
    let once = now();
    assert_eq!(send("/v1/find", content, "\"k\"", sign(&once)).await, 200);
    assert_eq!(send("/v1/find", content, "\"k\"", sign(&once)).await, 401);
    for minutes in [-6, 6] {
        let moment = Moment { created: now().created + minutes * 60, ..now() };
        assert_eq!(send("/v1/find", content, "\"k\"", sign(&moment)).await, 401, "{minutes}");
    }
}

/// The worked example of the contract, so that the page cannot differ from what is sent.
#[test]
fn the_example_of_the_contract_is_what_is_signed() {
    const PAGE: &str = include_str!("../../../../../docs/http-connector.md");
    let secret =
        r#"{"current": "2026-11", "keys": {"2026-11": "YSBrZXkgZm9yIHRyeWluZyB0aGluZ3Mgb3V0IG9ubHk="}}"#;
    let keys = Keys::parse(&Secret::new(secret.to_owned())).unwrap();
    let content =
        br#"{"collection":"contacts","field":"email","values":["ada@example.org"],"fields":["id","email"],"limit":1000}"#;
    let call = Covered {
        method: "POST",
        authority: "crm.internal.example",
        path: "/v1/find",
        content,
        idempotency_key: "\"f3b1c7d2a49e4d06a1c5f0de2b7c9e88\"",
    };
    let moment = Moment { created: 1_795_341_600, nonce: "0d9c4e1fb2a84c61b7d25fe3a6480c17".into() };

    let signed = keys.sign(&call, &moment);

    let shown = |text: &str| assert!(PAGE.contains(text), "the page does not show: {text}");
    shown(secret);
    shown(std::str::from_utf8(content).unwrap());
    shown(&format!("Content-Digest: {}", signed.content_digest));
    shown(&format!("Signature-Input: {}", signed.signature_input));
    shown(&format!("Signature: {}", signed.signature));
    let answer = r#"{"rows":[{"key":"c-7","row":{"id":7,"email":"ada@example.org"}}],"next":null}"#;
    let of_answer = PAGE.split("HTTP/1.1 200 OK\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let headers: HeaderMap = of_answer
        .lines()
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
        .collect::<HeaderMap>();
    shown(answer);
    keys.verify_at(1_795_341_601, StatusCode::OK, &headers, answer.as_bytes(), &signed).unwrap();
}

#[test]
fn terms_of_a_signature_are_checked() {
    let keys = Keys::parse(&Secret::new(KEYS.to_owned())).unwrap();
    let call = Covered { method: "GET", authority: "a", path: "/", content: b"", idempotency_key: "\"k\"" };
    let signed = keys.sign(&call, &Moment { created: 1000, nonce: "n".into() });
    let digest = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
    let check = |input: &str, now: i64| {
        let headers: HeaderMap =
            [("content-digest", digest), ("signature-input", input), ("signature", "lethe=:AAAA:")]
                .into_iter()
                .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
                .collect::<HeaderMap>();
        keys.verify_at(now, StatusCode::OK, &headers, b"", &signed).unwrap_err()
    };
    let covers = r#"lethe=("@status" "content-digest" "signature";req;key="lethe")"#;
    let good = format!(r#"{covers};created=1000;keyid="a";tag="lethe-v1""#);
    let without = |part: &str| good.replace(part, "");

    // As good as it can be without the right signature.
    for now in [700, 1000, 1300] {
        assert_eq!(check(&good, now), "its signature is wrong");
    }
    assert_eq!(check(&good, 699), "its signature is too old, or the clocks differ");
    assert_eq!(check(&good, 1301), "its signature is too old, or the clocks differ");
    assert_eq!(check(&format!("{good};expires=999"), 1000), "its signature is too old, or the clocks differ");
    assert_eq!(check(&without(";created=1000"), 1000), "its signature has no date");
    assert_eq!(check(&without(r#";tag="lethe-v1""#), 1000), "its signature is for something else");
    assert_eq!(check(&without(r#";keyid="a""#), 1000), "its key is unknown");
    assert_eq!(check(&format!(r#"{good};alg="ed25519""#), 1000), "its signature is of another kind");
    for part in [r#""@status" "#, r#" "content-digest""#, r#" "signature";req;key="lethe""#] {
        assert_eq!(check(&without(part), 1000), "its signature does not cover status, content and call");
    }
    for (part, other) in [
        (";req", ""),
        (r#"key="lethe""#, r#"key="other""#),
        ("content-digest", "x-digest"),
        (r#""@status""#, r#""@status";req"#),
        (r#""@status""#, "status"),
    ] {
        assert_eq!(
            check(&good.replacen(part, other, 1), 1000),
            "its signature covers something that is not known",
            "{other}"
        );
    }
    let twice = good.replacen(r#""@status""#, r#""@status" "@status""#, 1);
    assert_eq!(check(&twice, 1000), "its signature covers something twice");
}
