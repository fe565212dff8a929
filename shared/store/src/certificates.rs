//! Certificates of erasures, and the keys that sign them: one in force per tenant, and the public
//! halves of all that ever were.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::{
    OrgId, PersonKey, RequestId, Timestamp,
    certificate::{Facts, PublicKey, Signed, SigningKey},
};
use serde::{Deserialize, Serialize};

use crate::{
    Ledger, StoreError, keys,
    table::{Only, Range, Read, readable, sort_key},
    vault,
};

/// What is stored of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certification {
    /// What the certificate will say beside what the request says, noted while the person was known.
    Noted(Facts),
    /// The certificate.
    Issued {
        /// The certificate with its signature.
        signed: Signed,
        /// Whom it is about.
        subject: PersonKey,
        /// Until when it is shown.
        keep_until: Timestamp,
    },
}

impl Certification {
    /// 1 while noted, 2 once issued: which is the last.
    fn version(&self) -> u64 {
        match self {
            Self::Noted(_) => 1,
            Self::Issued { .. } => 2,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct CertificateItem {
    v: u64,
    is: Certification,
    /// When DynamoDB may drop the item, in Unix seconds. Nothing is decided by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ttl: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct PublicItem {
    #[serde(with = "serde_bytes")]
    x: Vec<u8>,
}

/// Signing keys that were had before, so that KMS is not asked for every certificate.
#[derive(Default)]
pub(crate) struct Signers(Mutex<HashMap<(OrgId, u32), Arc<SigningKey>>>);

impl Signers {
    fn get(&self, org: OrgId, number: u32) -> Option<Arc<SigningKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&(org, number)).cloned()
    }

    fn remember(&self, org: OrgId, number: u32, key: &Arc<SigningKey>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((org, number), Arc::clone(key));
    }
}

/// How often a key is looked for again when others make keys at the same time.
const TRIES: u32 = 8;

impl Ledger<'_> {
    /// What is stored of the certificate about a request.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn certificate(&self, id: RequestId) -> Result<Option<Certification>, StoreError> {
        let place = keys::certificate(self.org, id);
        let item: Option<CertificateItem> = self.store.table.get(&place, Read::Consistent).await?;
        Ok(item.map(|item| item.is))
    }

    /// Notes what a certificate will say. What was noted before stays.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn note_certificate(&self, id: RequestId, facts: Facts) -> Result<(), StoreError> {
        match self.put_certificate(id, Certification::Noted(facts), Only::IfAbsent).await {
            Ok(()) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Keeps a certificate, in place of what was noted for it. The first that is issued stays.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if nothing was noted, and when the table cannot be written.
    pub async fn issue_certificate(
        &self,
        id: RequestId,
        subject: PersonKey,
        keep_until: Timestamp,
        signed: Signed,
    ) -> Result<(), StoreError> {
        let issued = Certification::Issued { signed, subject, keep_until };
        let before = issued.version() - 1;
        match self.put_certificate(id, issued, Only::IfVersion(before)).await {
            Err(StoreError::Conflict) => match self.certificate(id).await? {
                Some(Certification::Issued { .. }) => Ok(()),
                Some(Certification::Noted(_)) | None => Err(StoreError::Conflict),
            },
            written => written,
        }
    }

    async fn put_certificate(&self, id: RequestId, is: Certification, only: Only) -> Result<(), StoreError> {
        let ttl = match &is {
            Certification::Noted(_) => None,
            Certification::Issued { keep_until, .. } => Some(keep_until.timestamp()),
        };
        let item = CertificateItem { v: is.version(), is, ttl };
        self.store.table.put(&keys::certificate(self.org, id), &item, &[], only).await
    }

    /// The public keys of all certificates of the tenant, the one in force last.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn certificate_keys(&self) -> Result<Vec<PublicKey>, StoreError> {
        Ok(self.numbered_keys().await?.into_iter().map(|(_, key)| key).collect())
    }

    async fn numbered_keys(&self) -> Result<Vec<(u32, PublicKey)>, StoreError> {
        let unreadable = || StoreError::Unreadable { what: "public key" };
        let pk = keys::certificate_keys(self.org);
        let range = Range { pk: &pk, sk: None, newest_first: false, limit: None, read: Read::Consistent };
        let items = self.store.table.query(range).await?;
        items
            .into_iter()
            .map(|item| {
                let number = sort_key(&item).parse().map_err(|_| unreadable())?;
                let PublicItem { x } = readable(item)?;
                Ok((number, PublicKey::try_from(x.as_slice()).map_err(|_| unreadable())?))
            })
            .collect()
    }

    /// The key that signs the tenant's certificates; made at the first call. Its public half is kept
    /// before it signs anything.
    ///
    /// # Errors
    /// When the key cannot be had.
    pub async fn certificate_signer(&self) -> Result<Arc<SigningKey>, StoreError> {
        let mut lost = None;
        for _ in 0..TRIES {
            let next = match self.numbered_keys().await?.pop() {
                None => 1,
                // The key table has no backups: what is lost there is replaced.
                Some((number, _)) if lost == Some(number) => number + 1,
                Some((number, public)) => match self.secret_of(number).await? {
                    Some(key) if key.public() == public => return Ok(key),
                    // Perhaps it was just retired: look again whether there is another.
                    Some(_) | None => {
                        lost = Some(number);
                        continue;
                    }
                },
            };
            match self.make_key(next).await {
                Err(StoreError::Conflict) => {}
                made => return made,
            }
        }
        Err(StoreError::Conflict)
    }

    /// Makes a new key for the tenant's certificates and destroys those before, so that they sign
    /// nothing any more. What they signed is still verified by their public halves.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the key was not the first at its place, and when it cannot be made.
    pub async fn replace_certificate_key(&self) -> Result<PublicKey, StoreError> {
        let known = self.numbered_keys().await?;
        let key = self.make_key(known.last().map_or(0, |(number, _)| *number) + 1).await?;
        for (number, _) in known {
            self.store.vault.destroy_secret(&keys::certificate_secret(self.org, number)).await?;
        }
        Ok(key.public())
    }

    async fn secret_of(&self, number: u32) -> Result<Option<Arc<SigningKey>>, StoreError> {
        if let Some(known) = self.store.signers.get(self.org, number) {
            return Ok(Some(known));
        }
        let place = keys::certificate_secret(self.org, number);
        let Some(secret) = self.store.vault.known_secret(&place).await? else { return Ok(None) };
        let key = Arc::new(signing_key(&secret)?);
        self.store.signers.remember(self.org, number, &key);
        Ok(Some(key))
    }

    /// Makes the key with this number. Whoever comes second gets the same.
    async fn make_key(&self, number: u32) -> Result<Arc<SigningKey>, StoreError> {
        let place = keys::certificate_secret(self.org, number);
        let secret = self.store.vault.secret(&place, vault::new_pair).await?;
        let key = Arc::new(signing_key(&secret)?);
        let public = PublicItem { x: key.public().as_bytes().to_vec() };
        let place = keys::certificate_key(self.org, number);
        match self.store.table.put(&place, &public, &[], Only::IfAbsent).await {
            Ok(()) => {}
            // Somebody else was first, with the same secret unless it was retired since.
            Err(StoreError::Conflict) => {
                let stored = self.store.table.get::<PublicItem>(&place, Read::Consistent).await?;
                if stored.is_none_or(|stored| stored.x != public.x) {
                    return Err(StoreError::Conflict);
                }
            }
            Err(error) => return Err(error),
        }
        self.store.signers.remember(self.org, number, &key);
        Ok(key)
    }
}

fn signing_key(pkcs8: &[u8]) -> Result<SigningKey, StoreError> {
    SigningKey::from_pkcs8(pkcs8).map_err(|_| StoreError::Sealing("read"))
}
