//! API clients that sign in with a secret.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
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

/// What is known of clients that called a short while ago.
#[derive(Default)]
pub(crate) struct Known {
    /// By id. Reading one anew with each call would cost as much as the call itself.
    clients: Memory<String, ApiClient>,
    /// Secrets that were verified, by their digests: Argon2 is dear on purpose, and a client that
    /// calls every second must not pay for it every time.
    secrets: Memory<[u8; 32], ()>,
}

/// How long a client is not read again: one that was removed may call for so long.
const CLIENT_LIFE: TimeDelta = TimeDelta::minutes(1);
/// How long a verified secret is not verified again.
const SECRET_LIFE: TimeDelta = TimeDelta::minutes(5);
/// How many of each are remembered.
const MOST: usize = 1000;

/// Remembers things for a while.
struct Memory<K, V>(Mutex<HashMap<K, (V, Timestamp)>>);

impl<K, V> Default for Memory<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Memory<K, V> {
    fn recall<Q: Eq + Hash + ?Sized>(&self, key: &Q, now: Timestamp) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).filter(|(_, until)| now < *until).map(|(value, _)| value.clone())
    }

    fn remember(&self, key: K, value: V, until: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(key, (value, until));
    }
}

/// The client with this id.
async fn client(app: &App, id: &str) -> Result<Option<ApiClient>, Failure> {
    let (known, now) = (&app.gatekeeper().known.clients, app.now());
    if let Some(client) = known.recall(id, now) {
        return Ok(Some(client));
    }
    let client = app.store().client(id).await?;
    if let Some(client) = &client {
        known.remember(id.to_owned(), client.clone(), now + CLIENT_LIFE);
    }
    Ok(client)
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
    let usable = ApiClient::is_id(id) && secret.len() <= 512;
    let client = if usable { client(app, id).await? } else { None };
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
    let known = &app.gatekeeper().known.secrets;
    if known.recall(&digest, now).is_none() {
        let hash = PasswordHash::new(&client.secret_hash).map_err(|_| Code::BadClient)?;
        Argon2::default().verify_password(secret.as_bytes(), &hash).map_err(|_| Code::BadClient)?;
        known.remember(digest, (), now + SECRET_LIFE);
    }
    let ApiClient { id, org, secret_hash: _, grants } = client;
    Ok(Caller {
        org,
        subject: id,
        is_client: true,
        grants: grants.into_iter().collect::<Grants>(),
        linked_identities: Default::default(),
        staff: None,
    })
}
