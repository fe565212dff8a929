//! Calls to providers of identities, at configured addresses.

use std::time::Duration;

use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::{client::http::HttpConnector as _, http::Request};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use zeroize::Zeroizing;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// What lies at `url`, if it is no longer than `most`.
pub(crate) async fn get(url: &str, most: usize) -> Option<Vec<u8>> {
    let mut request = Request::new(SdkBody::empty());
    request.set_uri(url.to_owned()).ok()?;
    call(request, most).await
}

/// What `url` answers to a form, perhaps with credentials.
pub(crate) async fn post_form(
    url: &str,
    form: String,
    authorization: Option<Zeroizing<String>>,
    most: usize,
) -> Option<Vec<u8>> {
    let length = form.len().to_string();
    let mut request = Request::new(SdkBody::from(form));
    request.set_uri(url.to_owned()).ok()?;
    request.set_method("POST").ok()?;
    request.headers_mut().insert("content-type", "application/x-www-form-urlencoded");
    request.headers_mut().insert("content-length", length);
    request.headers_mut().insert("accept", "application/json");
    if let Some(authorization) = authorization {
        request.headers_mut().insert("authorization", authorization.to_string());
    }
    call(request, most).await
}

async fn call(request: Request<SdkBody>, most: usize) -> Option<Vec<u8>> {
    let connector = Connector::builder()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
        .build();
    let ask = async {
        let response = connector.call(request).await.ok()?;
        if response.status().as_u16() != 200 {
            return None;
        }
        let body = ByteStream::new(response.into_body());
        let bytes = body.collect().await.ok()?.into_bytes();
        (bytes.len() <= most).then(|| bytes.to_vec())
    };
    tokio::time::timeout(PATIENCE, ask).await.ok().flatten()
}
