//! Who is who in local mode: one tenant, an issuer of tokens, an API client per dialect. Made once and kept
//! in the data folder.

use std::{fs, io, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rand::{SecureRandom as _, SystemRandom},
    signature::Ed25519KeyPair,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{OrgId, Permission, tenant::Tenant};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{Jwk, JwkSet},
};
use runtime::{
    App, Issuer,
    auth::{self, Audience, TokenClaims},
};
use serde::{Deserialize, Serialize};
use store::clients::ApiClient;
use synth::sample::{self, AUDIENCE, INSTACART, ISSUER, KEY_ID, LINKED, SLASHID, TRIVORE};
use uuid::Uuid;

const FILE: &str = "identity.json";

/// Why the local identity cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The folder cannot be read or written.
    #[error("the data folder cannot be used")]
    Folder(#[from] io::Error),
    /// What the folder holds is not an identity.
    #[error("{FILE} in the data folder is damaged")]
    Damaged,
    /// No randomness, or a key that is none.
    #[error("no key could be made")]
    Key,
}

/// The local tenant and its credentials.
#[derive(Clone, Serialize, Deserialize)]
pub struct Identity {
    /// The tenant.
    pub org_id: OrgId,
    /// Whom the admin token names.
    pub admin: Uuid,
    issuer_key: String,
    slashid_secret: String,
    trivore_secret: String,
    instacart_secret: String,
    /// The access key of the embedded services.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
}

/// What a token is to say.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// Whom it names.
    pub sub: String,
    /// For which tenant; the local one if absent.
    pub org: Option<OrgId>,
    /// Permissions.
    pub permissions: Vec<String>,
    /// Scopes.
    pub scopes: Vec<String>,
    /// Linked identities.
    pub linked_identities: Vec<String>,
    /// How long it lives; a negative time is one that is over.
    pub expires_in: TimeDelta,
}

impl Identity {
    /// A new identity.
    ///
    /// # Errors
    /// When the machine has no randomness.
    pub fn generate() -> Result<Self, IdentityError> {
        let secret = || {
            let mut bytes = [0; 24];
            SystemRandom::new().fill(&mut bytes).map_err(|_| IdentityError::Key)?;
            Ok::<_, IdentityError>(URL_SAFE_NO_PAD.encode(bytes))
        };
        let uuid = || {
            let mut bytes = [0; 16];
            SystemRandom::new().fill(&mut bytes).map_err(|_| IdentityError::Key)?;
            Ok::<_, IdentityError>(uuid::Builder::from_random_bytes(bytes).into_uuid())
        };
        let pair = Ed25519KeyPair::generate().map_err(|_| IdentityError::Key)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| IdentityError::Key)?;
        Ok(Self {
            org_id: OrgId(uuid()?),
            admin: uuid()?,
            issuer_key: URL_SAFE_NO_PAD.encode(der.as_ref()),
            slashid_secret: secret()?,
            trivore_secret: secret()?,
            instacart_secret: secret()?,
            access_key_id: "lethe-local".to_owned(),
            secret_access_key: secret()?,
        })
    }

    /// The identity of the sample events. Its secrets are public.
    ///
    /// # Errors
    /// When a sample id is none.
    pub fn sample() -> Result<Self, IdentityError> {
        Ok(Self {
            org_id: sample::ORG.parse().map_err(|_| IdentityError::Damaged)?,
            admin: sample::STAFF.parse().map_err(|_| IdentityError::Damaged)?,
            issuer_key: URL_SAFE_NO_PAD.encode(sample::signing_key()),
            slashid_secret: sample::SECRET.to_owned(),
            trivore_secret: sample::SECRET.to_owned(),
            instacart_secret: sample::SECRET.to_owned(),
            access_key_id: "lethe-local".to_owned(),
            secret_access_key: sample::SECRET.to_owned(),
        })
    }

    /// The identity that a folder holds; made if it holds none.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn of_folder(folder: &Path) -> Result<Self, IdentityError> {
        match Self::read(folder) {
            Err(IdentityError::Folder(error)) if error.kind() == io::ErrorKind::NotFound => {
                let identity = Self::generate()?;
                fs::create_dir_all(folder)?;
                let text = serde_json::to_vec_pretty(&identity).map_err(|_| IdentityError::Damaged)?;
                let mut options = fs::OpenOptions::new();
                // Secrets of a local stack, but secrets: for the owner's eyes only.
                options.write(true).create_new(true).mode(0o600).open(folder.join(FILE))?.write_all(&text)?;
                Ok(identity)
            }
            other => other,
        }
    }

    /// The identity that a folder holds.
    ///
    /// # Errors
    /// When it holds none.
    pub fn read(folder: &Path) -> Result<Self, IdentityError> {
        let text = fs::read(folder.join(FILE))?;
        serde_json::from_slice(&text).map_err(|_| IdentityError::Damaged)
    }

    fn signing_key(&self) -> Result<Vec<u8>, IdentityError> {
        URL_SAFE_NO_PAD.decode(&self.issuer_key).map_err(|_| IdentityError::Damaged)
    }

    /// The issuer of local tokens.
    ///
    /// # Errors
    /// When its key is damaged.
    pub fn issuer(&self) -> Result<Issuer, IdentityError> {
        let key = EncodingKey::from_ed_der(&self.signing_key()?);
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::EdDSA).map_err(|_| IdentityError::Damaged)?;
        jwk.common.key_id = Some(KEY_ID.to_owned());
        Ok(Issuer {
            iss: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
            algorithms: vec![Algorithm::EdDSA],
            jwks_url: None,
            jwks: Some(JwkSet { keys: vec![jwk] }),
            org: None,
        })
    }

    /// A token of the local issuer.
    ///
    /// # Errors
    /// When its key is damaged.
    pub fn token(&self, request: &TokenRequest, now: DateTime<Utc>) -> Result<String, IdentityError> {
        let claims = TokenClaims {
            iss: ISSUER.to_owned(),
            sub: request.sub.clone(),
            aud: Audience::One(AUDIENCE.to_owned()),
            exp: (now + request.expires_in).timestamp(),
            nbf: None,
            iat: Some(now.timestamp()),
            ver: Some(1),
            org: Some(request.org.unwrap_or(self.org_id)),
            scope: (!request.scopes.is_empty()).then(|| request.scopes.join(" ")),
            permissions: request.permissions.clone(),
            linked_identities: request.linked_identities.clone(),
            client: None,
        };
        auth::sign(&claims, &self.signing_key()?, KEY_ID).map_err(|_| IdentityError::Key)
    }

    /// The name of the issuer of local tokens.
    pub fn issuer_name(&self) -> &'static str {
        ISSUER
    }

    /// What says who somebody is, signed by the local issuer.
    ///
    /// # Errors
    /// When its key is damaged.
    pub fn id_token(&self, claims: &serde_json::Value) -> Result<String, IdentityError> {
        let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::EdDSA) };
        let key = EncodingKey::from_ed_der(&self.signing_key()?);
        jsonwebtoken::encode(&header, claims, &key).map_err(|_| IdentityError::Key)
    }

    /// A token that may do everything.
    ///
    /// # Errors
    /// When the key is damaged.
    pub fn admin_token(&self, now: DateTime<Utc>) -> Result<String, IdentityError> {
        let request = TokenRequest {
            sub: self.admin.to_string(),
            org: None,
            permissions: Permission::ALL.iter().map(|permission| permission.name().to_owned()).collect(),
            scopes: Vec::new(),
            linked_identities: vec![LINKED.to_owned()],
            // Longer than anybody will move the clock.
            expires_in: TimeDelta::days(3650),
        };
        self.token(&request, now)
    }

    /// The settings of the local tenant.
    pub fn tenant(&self) -> Tenant {
        let mut tenant = Tenant::new(self.org_id);
        tenant.required_identities.insert(LINKED.to_owned());
        tenant.return_origins.insert("https://app.example.com".to_owned());
        // Whoever tries Lethe at home is alone, and nobody else could release anything.
        tenant.blast_radius = 1_000_000;
        tenant
    }

    /// The SlashID API key.
    pub fn slashid_api_key(&self) -> String {
        format!("{SLASHID}.{}", self.slashid_secret)
    }

    /// User and password for the Trivore dialect.
    pub fn trivore_basic(&self) -> (&str, &str) {
        (TRIVORE, &self.trivore_secret)
    }

    /// Id and secret for the Instacart dialect.
    pub fn instacart_client(&self) -> (&str, &str) {
        (INSTACART, &self.instacart_secret)
    }

    /// Registers the API clients, unless they are.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn register_clients(&self, app: &App) -> Result<(), store::StoreError> {
        let grants =
            |permissions: &[Permission]| permissions.iter().map(|p| p.name().to_owned()).collect::<Vec<_>>();
        let clients = [
            (SLASHID, &self.slashid_secret, grants(&[Permission::ConsentRead, Permission::ConsentWrite])),
            (
                TRIVORE,
                &self.trivore_secret,
                grants(&[
                    Permission::PdrModify,
                    Permission::PdrView,
                    Permission::AccountView,
                    Permission::PdrViewAll,
                    Permission::PdrConfirm,
                ]),
            ),
            (INSTACART, &self.instacart_secret, grants(&[Permission::Fulfillment, Permission::Compliance])),
        ];
        for (id, secret, grants) in clients {
            if app.store().client(id).await?.is_none() {
                let secret_hash = auth::hash_secret(secret, app.entropy().bytes())
                    .map_err(|_| store::StoreError::Sealing("made"))?;
                let client = ApiClient { id: id.to_owned(), org: self.org_id, secret_hash, grants };
                app.store().put_client(&client).await?;
            }
        }
        Ok(())
    }
}
