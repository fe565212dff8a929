//! What must never be read where it does not belong, looked for in every row, message and log line of every test.

use std::sync::LazyLock;

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::HttpRequest,
        runtime_components::RuntimeComponents,
    },
    shared::IntoShared as _,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::world::PASSWORD;

/// The password of takeouts and the end of every address.
const CANARIES: [&str; 2] = [PASSWORD, "@example.com"];

static FORMS: LazyLock<Vec<(&str, Vec<u8>)>> = LazyLock::new(|| {
    CANARIES.iter().flat_map(|canary| forms(canary).into_iter().map(|form| (*canary, form))).collect()
});

/// A secret as it may lie about: plain, hexadecimal, in a URL, in UTF-16, and in Base64 wherever it begins.
pub(crate) fn forms(secret: &str) -> Vec<Vec<u8>> {
    let utf16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let url: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let shifted = (0..3).map(|shift| {
        let text = STANDARD.encode([&b"000"[..shift], secret.as_bytes()].concat());
        // The first and the last characters depend on what stands around it.
        let inner = text.trim_end_matches('=');
        inner.as_bytes()[if shift == 0 { 0 } else { 4 }..inner.len() - 1].to_vec()
    });
    [secret.into(), hex::encode(secret).into(), url.into(), utf16].into_iter().chain(shifted).collect()
}

/// The first of the canaries in a text, in any form.
pub(crate) fn found(text: &[u8]) -> Option<&'static str> {
    let holds = |form: &[u8]| memchr::memmem::find(text, form).is_some();
    FORMS.iter().find(|(_, form)| holds(form)).map(|(canary, _)| *canary)
}

/// Whether a call writes into our own tables or queues; the company's stores hold what they hold.
fn is_ours(target: &str, body: &[u8]) -> bool {
    let names = |name: &[u8]| memchr::memmem::find(body, name).is_some();
    target.starts_with("AmazonSQS.Send")
        || target.starts_with("DynamoDB_") && names(br#""TableName":"lethe"#)
        || target.contains("BatchWriteItem") && names(br#"{"lethe"#)
}

/// Looks at what is written on its way to AWS.
#[derive(Debug)]
pub(crate) struct Watched<T>(T);

impl Watched<SharedHttpClient> {
    pub(crate) fn over(http: SharedHttpClient) -> SharedHttpClient {
        Self(http).into_shared()
    }
}

impl HttpClient for Watched<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Watched(self.0.http_connector(settings, components)))
    }
}

impl HttpConnector for Watched<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let body = request.body().bytes().unwrap_or_default();
        if is_ours(target, body)
            && let Some(canary) = found(body)
        {
            // A panic might be caught, or end a worker alone.
            eprintln!("{canary} in {target}: {}", String::from_utf8_lossy(body));
            std::process::exit(1);
        }
        self.0.call(request)
    }
}

#[test]
fn a_canary_is_seen_in_any_form() {
    for canary in CANARIES {
        for form in forms(canary) {
            assert_eq!(found(&[b"before ", &*form, b" after"].concat()), Some(canary));
        }
        for before in ["", "a", "ab", "abc"] {
            let text = STANDARD.encode(format!("{before}{canary} and more"));
            assert_eq!(found(text.as_bytes()), Some(canary), "{before}");
        }
    }
    assert!(is_ours("DynamoDB_20120810.PutItem", br#"{"TableName":"lethe","Item":{}}"#));
    assert!(is_ours("AmazonSQS.SendMessageBatch", b""));
    assert!(!is_ours("DynamoDB_20120810.PutItem", br#"{"TableName":"customers","Item":{}}"#));
}
