//! Forms that browsers send to S3 directly: a policy that says what may be sent, and its signature
//! (Signature Version 4). The SDK signs requests, but no policies.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{NaiveDateTime, SecondsFormat, TimeDelta};
use serde_json::{Value, json};

/// As whom, when and for where something is signed.
pub(crate) struct Signer<'a> {
    /// The id of the key, with the day, the region and the service for which it signs.
    pub(crate) credential: &'a str,
    /// The secret half of the key.
    pub(crate) secret: &'a str,
    /// What belongs to keys that live for a while only.
    pub(crate) session_token: Option<&'a str>,
    /// The moment, as AWS writes it.
    pub(crate) date: &'a str,
}

/// How AWS writes a moment.
const DATE: &str = "%Y%m%dT%H%M%SZ";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

impl Signer<'_> {
    /// The fields of a form that sends a file of at most `largest` bytes into `bucket` within `life`: those in
    /// `fixed`, which the sender cannot change, and those that prove it. None if the moment is none.
    pub(crate) fn form(
        &self,
        bucket: &str,
        fixed: &[(&'static str, String)],
        largest: u64,
        life: TimeDelta,
    ) -> Option<Vec<(&'static str, String)>> {
        let at = NaiveDateTime::parse_from_str(self.date, DATE).ok()?.and_utc();
        let mut fields = fixed.to_vec();
        fields.push(("x-amz-algorithm", ALGORITHM.to_owned()));
        fields.push(("x-amz-credential", self.credential.to_owned()));
        fields.push(("x-amz-date", self.date.to_owned()));
        if let Some(token) = self.session_token {
            fields.push(("x-amz-security-token", token.to_owned()));
        }
        let mut conditions = vec![json!({"bucket": bucket}), json!(["content-length-range", 1, largest])];
        conditions.extend(fields.iter().map(|(name, value)| {
            Value::Object(std::iter::once(((*name).to_owned(), Value::from(value.as_str()))).collect())
        }));
        let expiration = (at + life).to_rfc3339_opts(SecondsFormat::Millis, true);
        let policy = STANDARD.encode(json!({"expiration": expiration, "conditions": conditions}).to_string());
        let signature = self.sign(&policy)?;
        fields.push(("policy", policy));
        fields.push(("x-amz-signature", signature));
        Some(fields)
    }

    /// Signs a policy, as it is sent.
    fn sign(&self, policy: &str) -> Option<String> {
        let mut scope = self.credential.split('/').skip(1);
        let first = format!("AWS4{}", self.secret).into_bytes();
        let key =
            scope.try_fold(first, |key, part| (!part.is_empty()).then(|| hmac(&key, part.as_bytes())))?;
        Some(hex::encode(hmac(&key, policy.as_bytes())))
    }
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    sign(&Key::new(HMAC_SHA256, key), text).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The example in the documentation of S3, "Example: Browser-Based Upload using HTTP POST".
    const SIGNER: Signer<'_> = Signer {
        credential: "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request",
        secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        session_token: None,
        date: "20151229T000000Z",
    };
    const POLICY: &str = "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9";

    #[test]
    fn the_example_of_the_documentation_has_its_signature() {
        let signature = SIGNER.sign(POLICY).unwrap();

        assert_eq!(signature, "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e");
    }

    #[test]
    fn every_field_is_in_the_policy_and_nothing_else_may_be_sent() {
        let fixed = [("key", "quarantine/a".to_owned()), ("Content-Type", "text/plain".to_owned())];
        let signer = Signer { session_token: Some("t"), ..SIGNER };
        let fields = signer.form("bucket", &fixed, 7, TimeDelta::minutes(10)).unwrap();

        let value = |wanted: &str| fields.iter().find(|(name, _)| *name == wanted).unwrap().1.clone();
        let policy: Value = serde_json::from_slice(&STANDARD.decode(value("policy")).unwrap()).unwrap();
        assert_eq!(policy["expiration"], "2015-12-29T00:10:00.000Z");
        assert_eq!(policy["conditions"][1], json!(["content-length-range", 1, 7]));
        for (name, value) in fields.iter().filter(|(name, _)| !["policy", "x-amz-signature"].contains(name)) {
            assert!(policy["conditions"].as_array().unwrap().contains(&json!({*name: value})), "{name}");
        }
        assert_eq!(value("x-amz-security-token"), "t");
        assert_eq!(Some(value("x-amz-signature")), signer.sign(&value("policy")));
        assert!(Signer { date: "today", ..SIGNER }.form("b", &[], 1, TimeDelta::zero()).is_none());
    }
}
