//! Randomness and new ids.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use aws_lc_rs::{
    digest,
    rand::{SecureRandom, SystemRandom},
};
use domain::{PersonKey, RequestId, Timestamp};
use store::consents::Once;
use uuid::Uuid;

/// Where random bytes come from.
#[derive(Clone)]
pub struct Entropy(Source);

#[derive(Clone)]
enum Source {
    System,
    Derived { seed: [u8; 32], drawn: Arc<AtomicU64>, is_repeat: bool },
}

impl Entropy {
    /// The machine's.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// Bytes that follow from `seed`: a call that is repeated under its idempotency key makes the
    /// same ids again, so that what it had begun is found and finished. The seed is secret.
    pub fn derived(seed: [u8; 32], is_repeat: bool) -> Self {
        Self(Source::Derived { seed, drawn: Arc::default(), is_repeat })
    }

    /// What tells what a call under an idempotency key makes from what others make; nothing without a key.
    pub fn once(&self) -> Option<Once> {
        match &self.0 {
            Source::System => None,
            Source::Derived { seed, drawn: _, is_repeat } => {
                let mut context = digest::Context::new(&digest::SHA256);
                context.update(seed);
                context.update(b"once");
                let mut id = [0; Once::BYTES];
                id.copy_from_slice(&context.finish().as_ref()[..Once::BYTES]);
                Some(Once { id, is_repeat: *is_repeat })
            }
        }
    }

    /// Random bytes.
    ///
    /// # Panics
    /// When the operating system has no randomness to give; nothing can be done safely then.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match &self.0 {
            #[expect(clippy::expect_used, reason = "without randomness nothing can be done safely")]
            Source::System => {
                SystemRandom::new().fill(&mut bytes).expect("the operating system gives randomness")
            }
            Source::Derived { seed, drawn, is_repeat: _ } => {
                for chunk in bytes.chunks_mut(32) {
                    let mut context = digest::Context::new(&digest::SHA256);
                    context.update(seed);
                    context.update(&drawn.fetch_add(1, Ordering::Relaxed).to_be_bytes());
                    chunk.copy_from_slice(&context.finish().as_ref()[..chunk.len()]);
                }
            }
        }
        bytes
    }

    /// The id of a new request of this person.
    pub fn request_id(&self, person: PersonKey) -> RequestId {
        RequestId::of(person, u64::from_be_bytes(self.bytes()))
    }

    /// A new id. Ids made later sort later, unless they are derived.
    pub fn id(&self, now: Timestamp) -> Uuid {
        match self.0 {
            Source::System => {
                let millis = u64::try_from(now.timestamp_millis()).unwrap_or_default();
                uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
            }
            Source::Derived { .. } => uuid::Builder::from_random_bytes(self.bytes()).into_uuid(),
        }
    }
}
