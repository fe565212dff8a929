//! API clients that sign in with a secret.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use aws_lc_rs::digest;
use chrono::TimeDelta;
use domain::{Timestamp, permission::Grants};
use store::clients::ApiClient;
use wire::Code;

use crate::{App, Caller, Failure};

/// Secrets that were verified a short while ago, by their digests: Argon2 is dear on purpose, and
/// a client that calls every second must not pay for it every time.
#[derive(Default)]
pub(crate) struct Verified(Mutex<HashMap<[u8; 32], Timestamp>>);

/// How long a verified secret is not verified again.
const MEMORY: TimeDelta = TimeDelta::minutes(5);
/// How many are remembered.
const MOST: usize = 1000;

impl Verified {
    fn knows(&self, digest: &[u8; 32], now: Timestamp) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(digest).is_some_and(|until| now < *until)
    }

    fn remember(&self, digest: [u8; 32], now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(digest, now + MEMORY);
    }
}

/// The hash under which a client's secret is registered, as a PHC string.
///
/// # Errors
/// When the salt is not acceptable to the algorithm: never with 16 bytes.
pub fn hash_secret(secret: &str, salt: [u8; 16]) -> Result<String, argon2::password_hash::Error> {
    Ok(Argon2::default().hash_password_with_salt(secret.as_bytes(), &salt)?.to_string())
}

/// Verifies id and secret of a client. Unknown ids take as long as wrong secrets.
pub(super) async fn verify(app: &App, id: &str, secret: &str) -> Result<Caller, Failure> {
    let usable = !id.is_empty() && id.len() <= 128 && secret.len() <= 512;
    let client = if usable { app.store().client(id).await? } else { None };
    let Some(client) = client else {
        // The work of a verification, so that the time tells nothing.
        let _ = hash_secret(secret.get(..64).unwrap_or("none"), [0; 16]);
        return Err(Code::BadClient.into());
    };
    let now = app.now();
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [id, "\0", &client.secret_hash, "\0", secret] {
        context.update(part.as_bytes());
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    let known = &app.gatekeeper().clients;
    if !known.knows(&digest, now) {
        let hash = PasswordHash::new(&client.secret_hash).map_err(|_| Code::BadClient)?;
        Argon2::default().verify_password(secret.as_bytes(), &hash).map_err(|_| Code::BadClient)?;
        known.remember(digest, now);
    }
    let ApiClient { id, org, secret_hash: _, grants } = client;
    Ok(Caller {
        org,
        subject: id,
        is_client: true,
        grants: grants.into_iter().collect::<Grants>(),
        linked_identities: Default::default(),
    })
}
