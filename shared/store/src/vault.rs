//! Keys: pseudonyms, sealing, and forgetting by destroying a key.
//!
//! KMS wraps one key per tenant; from it come the key of the pseudonyms and the key that wraps the
//! data key of each person. KMS is asked once per tenant and execution environment. A person's
//! data key lies in a table without point-in-time recovery: once it is deleted, what it sealed is
//! unreadable in every backup of the ledger.
//!
//! All cryptography is the library's: AES-256-GCM with nonces that the library draws itself,
//! HKDF-SHA256, HMAC-SHA256.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, RandomizedNonceKey},
    encoding::{AsDer, Pkcs8V1Der},
    hkdf, hmac,
    rand::{SecureRandom, SystemRandom},
    signature::Ed25519KeyPair,
};
use aws_sdk_kms::{primitives::Blob, types::DataKeySpec};
use domain::{OrgId, PersonKey, RequestId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::{
    Services, StoreError,
    keys::{self, Key},
    table::{Only, Read, Table, place_of, readable},
};

/// Whose key seals something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    /// A person; destroyed when they are erased.
    Person(PersonKey),
    /// What is still to be said about a request after that; destroyed when it has been said.
    Request(RequestId),
}

impl Owner {
    fn place(self, org: OrgId) -> Key {
        match self {
            Self::Person(person) => keys::person_key(org, person),
            Self::Request(id) => keys::request_key(org, id),
        }
    }
}

/// A key in the key table, wrapped.
#[derive(Serialize, Deserialize)]
struct Wrapped {
    #[serde(with = "serde_bytes")]
    k: Vec<u8>,
}

/// Keys of all tenants.
pub(crate) struct Vault {
    table: Table,
    services: Services,
    kms_key: String,
    tenants: Mutex<HashMap<OrgId, Arc<TenantKeys>>>,
}

impl Vault {
    pub(crate) fn new(table: Table, services: Services, kms_key: String) -> Self {
        Self { table, services, kms_key, tenants: Mutex::default() }
    }

    /// The keys of a tenant; made at the first call for the tenant.
    pub(crate) async fn tenant(&self, org: OrgId) -> Result<Arc<TenantKeys>, StoreError> {
        let known = self.tenants.lock().unwrap_or_else(PoisonError::into_inner).get(&org).cloned();
        if let Some(keys) = known {
            return Ok(keys);
        }
        let place = keys::tenant_key(org);
        let secret = match self.table.get::<Wrapped>(&place, Read::Consistent).await? {
            Some(wrapped) => self.unwrap(&place, wrapped).await?,
            None => {
                let made = self
                    .services
                    .kms()
                    .generate_data_key()
                    .key_id(&self.kms_key)
                    .key_spec(DataKeySpec::Aes256)
                    .encryption_context("place", &place.pk)
                    .send()
                    .await
                    .map_err(|error| StoreError::from_sdk("KMS", error))?;
                let blob = made.ciphertext_blob.ok_or(StoreError::Sealing("made"))?.into_inner();
                match self.table.put(&place, &Wrapped { k: blob }, &[], Only::IfAbsent).await {
                    // Somebody else was first: theirs is the tenant's key.
                    Ok(()) | Err(StoreError::Conflict) => {}
                    Err(error) => return Err(error),
                }
                let stored = self.table.get::<Wrapped>(&place, Read::Consistent).await?;
                self.unwrap(&place, stored.ok_or(StoreError::Sealing("made"))?).await?
            }
        };
        let keys = Arc::new(TenantKeys::derive(&secret)?);
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner).insert(org, Arc::clone(&keys));
        Ok(keys)
    }

    async fn unwrap(&self, place: &Key, wrapped: Wrapped) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let answer = self
            .services
            .kms()
            .decrypt()
            .key_id(&self.kms_key)
            .ciphertext_blob(Blob::new(wrapped.k))
            .encryption_context("place", &place.pk)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("KMS", error))?;
        answer.plaintext.map(|blob| Zeroizing::new(blob.into_inner())).ok_or(StoreError::Sealing("opened"))
    }

    /// The data key of `owner`, or nothing if there is none (any more).
    pub(crate) async fn seal_of(&self, org: OrgId, owner: Owner) -> Result<Option<Seal>, StoreError> {
        let secret = self.data_key(org, owner).await?;
        secret.map(|secret| Seal::new(&secret)).transpose()
    }

    async fn data_key(&self, org: OrgId, owner: Owner) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let place = owner.place(org);
        let Some(mut wrapped) = self.table.get::<Wrapped>(&place, Read::Consistent).await? else {
            return Ok(None);
        };
        let tenant = self.tenant(org).await?;
        Ok(Some(Zeroizing::new(tenant.wrap.open(&place.pk, &mut wrapped.k)?.to_vec())))
    }

    /// A secret for one purpose that goes when the data key of `owner` goes; none without one.
    pub(crate) async fn derived(
        &self,
        org: OrgId,
        owner: Owner,
        purpose: &str,
    ) -> Result<Option<Zeroizing<[u8; 32]>>, StoreError> {
        let Some(secret) = self.data_key(org, owner).await? else { return Ok(None) };
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"lethe data key").extract(&secret);
        expand(&root, purpose.as_bytes()).map(Some)
    }

    /// The data keys of several, read together; none for those that are destroyed.
    pub(crate) async fn seals_of(
        &self,
        org: OrgId,
        owners: impl IntoIterator<Item = Owner>,
    ) -> Result<HashMap<Owner, Option<Seal>>, StoreError> {
        let places: BTreeMap<Key, Owner> =
            owners.into_iter().map(|owner| (owner.place(org), owner)).collect();
        let mut seals: HashMap<Owner, Option<Seal>> = places.values().map(|owner| (*owner, None)).collect();
        if places.is_empty() {
            return Ok(seals);
        }
        let tenant = self.tenant(org).await?;
        let keys: Vec<Key> = places.keys().cloned().collect();
        for item in self.table.get_many(&keys, Read::Eventual).await? {
            let place = place_of(&item);
            let Some(owner) = places.get(&place) else { continue };
            let mut wrapped: Wrapped = readable(item)?;
            let seal = Seal::new(tenant.wrap.open(&place.pk, &mut wrapped.k)?)?;
            seals.insert(*owner, Some(seal));
        }
        Ok(seals)
    }

    /// The data key of `owner`, made if there is none.
    pub(crate) async fn seal_for(&self, org: OrgId, owner: Owner) -> Result<Seal, StoreError> {
        if let Some(seal) = self.seal_of(org, owner).await? {
            return Ok(seal);
        }
        let place = owner.place(org);
        let mut secret = Zeroizing::new([0; 32]);
        SystemRandom::new().fill(secret.as_mut()).map_err(|_| StoreError::Sealing("made"))?;
        let k = self.tenant(org).await?.wrap.close(&place.pk, secret.to_vec())?;
        match self.table.put(&place, &Wrapped { k }, &[], Only::IfAbsent).await {
            Ok(()) => Seal::new(secret.as_ref()),
            // Somebody else was first: theirs is the key.
            Err(StoreError::Conflict) => self.seal_of(org, owner).await?.ok_or(StoreError::Conflict),
            Err(error) => Err(error),
        }
    }

    /// Destroys the data key of `owner`, and with it everything that it sealed.
    pub(crate) async fn destroy(&self, org: OrgId, owner: Owner) -> Result<(), StoreError> {
        self.table.delete(&owner.place(org)).await
    }

    /// The secret at `place`, wrapped by KMS itself, or nothing if there is none (any more).
    pub(crate) async fn known_secret(&self, place: &Key) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        match self.table.get::<Wrapped>(place, Read::Consistent).await? {
            Some(wrapped) => self.unwrap(place, wrapped).await.map(Some),
            None => Ok(None),
        }
    }

    /// Destroys the secret at `place`.
    pub(crate) async fn destroy_secret(&self, place: &Key) -> Result<(), StoreError> {
        self.table.delete(place).await
    }

    /// The secret at `place`, wrapped by KMS itself; made by `make` if there is none.
    pub(crate) async fn secret(
        &self,
        place: &Key,
        make: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        if let Some(secret) = self.known_secret(place).await? {
            return Ok(secret);
        }
        let secret = make().ok_or(StoreError::Sealing("made"))?;
        let answer = self
            .services
            .kms()
            .encrypt()
            .key_id(&self.kms_key)
            .plaintext(Blob::new(secret))
            .encryption_context("place", &place.pk)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("KMS", error))?;
        let k = answer.ciphertext_blob.ok_or(StoreError::Sealing("closed"))?.into_inner();
        match self.table.put(place, &Wrapped { k }, &[], Only::IfAbsent).await {
            Ok(()) | Err(StoreError::Conflict) => {}
            Err(error) => return Err(error),
        }
        let stored = self.table.get::<Wrapped>(place, Read::Consistent).await?;
        self.unwrap(place, stored.ok_or(StoreError::Sealing("made"))?).await
    }
}

/// A new Ed25519 key as PKCS#8; nothing without randomness.
pub(crate) fn new_pair() -> Option<Vec<u8>> {
    let der: Pkcs8V1Der<'_> = Ed25519KeyPair::generate().ok()?.as_der().ok()?;
    Some(der.as_ref().to_vec())
}

/// What is derived from a tenant's key.
pub(crate) struct TenantKeys {
    pepper: hmac::Key,
    wrap: Seal,
    replies: Seal,
    records: Seal,
}

/// How many bytes a derived key has.
struct KeyBytes;

impl hkdf::KeyType for KeyBytes {
    fn len(&self) -> usize {
        32
    }
}

fn expand(root: &hkdf::Prk, purpose: &[u8]) -> Result<Zeroizing<[u8; 32]>, StoreError> {
    let mut key = Zeroizing::new([0; 32]);
    root.expand(&[purpose], KeyBytes)
        .and_then(|derived| derived.fill(key.as_mut()))
        .map_err(|_| StoreError::Sealing("derived"))?;
    Ok(key)
}

impl TenantKeys {
    fn derive(secret: &[u8]) -> Result<Self, StoreError> {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"lethe tenant").extract(secret);
        let derive = |purpose: &[u8]| expand(&root, purpose);
        Ok(Self {
            pepper: hmac::Key::new(hmac::HMAC_SHA256, derive(b"pseudonyms")?.as_ref()),
            wrap: Seal::new(derive(b"wrapping")?.as_ref())?,
            replies: Seal::new(derive(b"replies")?.as_ref())?,
            records: Seal::new(derive(b"records")?.as_ref())?,
        })
    }

    /// A keyed hash of `text`, the same for the same tenant for ever.
    pub(crate) fn pseudonym(&self, text: &str) -> [u8; 16] {
        let mut short = [0; 16];
        short.copy_from_slice(&self.keyed_hash(text.as_bytes())[..16]);
        short
    }

    /// The same, in full.
    pub(crate) fn keyed_hash(&self, text: &[u8]) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(hmac::sign(&self.pepper, text).as_ref());
        hash
    }

    /// What seals answers that belong to no person.
    pub(crate) fn replies(&self) -> &Seal {
        &self.replies
    }

    /// What seals records of the tenant that belong to no person.
    pub(crate) fn records(&self) -> &Seal {
        &self.records
    }
}

/// Seals and opens with one key. What is sealed for one place cannot be opened at another.
pub(crate) struct Seal(RandomizedNonceKey);

const NONCE: usize = 12;

impl Seal {
    fn new(secret: &[u8]) -> Result<Self, StoreError> {
        RandomizedNonceKey::new(&AES_256_GCM, secret).map(Self).map_err(|_| StoreError::Sealing("opened"))
    }

    fn close(&self, place: &str, mut plain: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(place), &mut plain)
            .map_err(|_| StoreError::Sealing("closed"))?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut plain);
        Ok(sealed)
    }

    fn open<'a>(&self, place: &str, sealed: &'a mut [u8]) -> Result<&'a mut [u8], StoreError> {
        let failed = || StoreError::Sealing("opened");
        let (nonce, sealed) = sealed.split_at_mut_checked(NONCE).ok_or_else(failed)?;
        let nonce = aws_lc_rs::aead::Nonce::try_assume_unique_for_key(nonce).map_err(|_| failed())?;
        self.0.open_in_place(nonce, Aad::from(place), sealed).map_err(|_| failed())
    }

    /// Seals a value for the item at `key`.
    pub(crate) fn seal<T: Serialize>(&self, key: &Key, value: &T) -> Result<Vec<u8>, StoreError> {
        self.seal_bytes(key, serde_json::to_vec(value).map_err(|_| StoreError::Sealing("closed"))?)
    }

    /// Seals bytes for the item at `key`.
    pub(crate) fn seal_bytes(&self, key: &Key, plain: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        self.close(&aad(key), plain)
    }

    /// Opens what was sealed for the item at `key`.
    pub(crate) fn unseal<T: DeserializeOwned>(
        &self,
        key: &Key,
        mut sealed: Vec<u8>,
    ) -> Result<T, StoreError> {
        let plain = self.open(&aad(key), &mut sealed)?;
        serde_json::from_slice(plain).map_err(|_| StoreError::Sealing("read"))
    }

    /// Opens bytes that were sealed for the item at `key`.
    pub(crate) fn unseal_bytes(&self, key: &Key, mut sealed: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        self.open(&aad(key), &mut sealed).map(|plain| plain.to_vec())
    }
}

/// What ties a sealed value to its place.
fn aad(key: &Key) -> String {
    format!("{}|{}", key.pk, key.sk)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_sealed_for_one_place_opens_at_no_other() {
        let seal = Seal::new(&[7; 32]).unwrap();
        let here = Key { pk: "a".into(), sk: "b".into() };
        let there = Key { pk: "a".into(), sk: "c".into() };

        let sealed = seal.seal(&here, &"secret").unwrap();

        assert_eq!(seal.unseal::<String>(&here, sealed.clone()).unwrap(), "secret");
        assert!(seal.unseal::<String>(&there, sealed.clone()).is_err());
        assert!(Seal::new(&[8; 32]).unwrap().unseal::<String>(&here, sealed).is_err());
        assert!(seal.unseal::<String>(&here, vec![1, 2]).is_err());
    }

    #[test]
    fn tenants_share_no_pseudonyms() {
        let one = TenantKeys::derive(&[1; 32]).unwrap();
        let two = TenantKeys::derive(&[2; 32]).unwrap();

        assert_eq!(one.pseudonym("alice"), TenantKeys::derive(&[1; 32]).unwrap().pseudonym("alice"));
        assert_ne!(one.pseudonym("alice"), two.pseudonym("alice"));
    }
}
