//! The keys of issuers: looked up by their id in what is configured, never by what a token says
//! of its own keys.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use domain::Timestamp;
use jsonwebtoken::jwk::{Jwk, JwkSet};

use crate::{Issuer, outbound};

/// How long an issuer is left alone after it was asked.
const PAUSE: TimeDelta = TimeDelta::minutes(5);
/// How long keys are used before their issuer is asked whether it still stands by them.
const FRESH: TimeDelta = TimeDelta::hours(1);
/// The largest key set that is read.
const MOST: usize = 256 * 1024;

/// The keys of all configured issuers.
pub(crate) struct KeyRing {
    issuers: Vec<Ring>,
}

struct Ring {
    issuer: Arc<Issuer>,
    state: Mutex<State>,
    /// Held while the issuer is asked, so that many calls at once ask once.
    asking: tokio::sync::Mutex<()>,
}

struct State {
    keys: JwkSet,
    asked_at: Option<Timestamp>,
}

/// A key and the issuer that it belongs to.
pub(super) struct Found {
    pub(super) issuer: Arc<Issuer>,
    pub(super) key: Jwk,
}

/// What the look-up of a key gives.
pub(super) enum LookUp {
    Found(Box<Found>),
    Unknown,
    /// An issuer whose keys were never had cannot be reached.
    Unavailable,
}

impl KeyRing {
    pub(super) fn new(issuers: &[Issuer]) -> Self {
        let ring = |issuer: &Issuer| Ring {
            state: Mutex::new(State {
                keys: issuer.jwks.clone().unwrap_or(JwkSet { keys: Vec::new() }),
                asked_at: None,
            }),
            issuer: Arc::new(issuer.clone()),
            asking: tokio::sync::Mutex::default(),
        };
        Self { issuers: issuers.iter().map(ring).collect() }
    }

    /// The key with this id. Issuers that may have it are asked at most once in a while; keys
    /// that are known stay known while an issuer cannot be reached, and no longer than that.
    pub(super) async fn find(&self, kid: &str, now: Timestamp) -> LookUp {
        let is_fresh = |state: &State| state.asked_at.is_none_or(|at| now < at + FRESH);
        if let Some(found) = self.known(kid, is_fresh) {
            return found;
        }
        let mut unreachable = false;
        for ring in &self.issuers {
            let Some(url) = &ring.issuer.jwks_url else { continue };
            let _asking = ring.asking.lock().await;
            let due = {
                let mut state = ring.state.lock().unwrap_or_else(PoisonError::into_inner);
                let due = state.asked_at.is_none_or(|at| at + PAUSE <= now || now < at);
                if due {
                    state.asked_at = Some(now);
                }
                due
            };
            let fetched = if due { fetch(url).await } else { None };
            let mut state = ring.state.lock().unwrap_or_else(PoisonError::into_inner);
            match fetched {
                Some(keys) => state.keys = keys,
                None => unreachable |= state.keys.keys.is_empty(),
            }
        }
        match self.known(kid, |_| true) {
            Some(found) => found,
            None if unreachable => LookUp::Unavailable,
            None => LookUp::Unknown,
        }
    }

    fn known(&self, kid: &str, is_usable: impl Fn(&State) -> bool) -> Option<LookUp> {
        self.issuers.iter().find_map(|ring| {
            let state = ring.state.lock().unwrap_or_else(PoisonError::into_inner);
            let key = state.keys.find(kid).filter(|_| is_usable(&state))?.clone();
            Some(LookUp::Found(Box::new(Found { issuer: Arc::clone(&ring.issuer), key })))
        })
    }
}

/// Fetches a key set from its configured address.
async fn fetch(url: &str) -> Option<JwkSet> {
    serde_json::from_slice(&outbound::get(url, MOST).await?).ok()
}
