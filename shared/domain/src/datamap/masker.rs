//! Carrying out masking strategies with the secrets of one request.
//!
//! All secrets follow from 32 bytes that are drawn for the request and never kept: once it is over, nobody
//! can tell which value a masked one was.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{digest, hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::cast::Cast as _;
use super::masking::{Digest, Masking};
use super::model::Scalar;
use crate::row::Value;

/// The secrets with which the values of one request are masked.
pub struct Masker {
    key: [u8; 32],
    salt: [u8; 32],
    cipher: LessSafeKey,
    nonces: hmac::Key,
    texts: hmac::Key,
    /// How many random texts were made.
    drawn: AtomicU64,
}

impl Masker {
    /// Secrets from the machine's randomness.
    ///
    /// # Panics
    /// When the operating system has no randomness to give; nothing can be masked safely then.
    #[must_use]
    pub fn random() -> Self {
        let mut secret = [0; 32];
        rand::fill(&mut secret).expect("the operating system gives randomness");
        Self::from_secret(secret)
    }

    /// Secrets that follow from `secret`, which must be random and known to nobody.
    #[must_use]
    pub fn from_secret(secret: [u8; 32]) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let derive = |what: &str| {
            let mut bytes = [0; 32];
            bytes.copy_from_slice(hmac::sign(&secret, what.as_bytes()).as_ref());
            bytes
        };
        let cipher =
            UnboundKey::new(&AES_256_GCM, &derive("cipher")).expect("32 bytes are a key of AES-256-GCM");
        Self {
            key: derive("key"),
            salt: derive("salt"),
            cipher: LessSafeKey::new(cipher),
            nonces: hmac::Key::new(hmac::HMAC_SHA256, &derive("nonces")),
            texts: hmac::Key::new(hmac::HMAC_SHA512, &derive("texts")),
            drawn: AtomicU64::new(0),
        }
    }

    /// What `value` becomes. A text is cut to `length` characters, what is added to it included.
    ///
    /// Null stays null where the result would be made from the value.
    ///
    /// ```
    /// use domain::datamap::{Masker, Masking};
    /// use domain::row::Value;
    ///
    /// let masker = Masker::from_secret([7; 32]);
    /// let masking = Masking::StringRewrite { value: "masked".into(), suffix: None };
    /// assert_eq!(masker.mask(&masking, &"Ada".into(), Some(4)), Value::from("mask"));
    /// ```
    #[must_use]
    pub fn mask(&self, masking: &Masking, value: &Value, length: Option<u32>) -> Value {
        let (text, suffix) = match masking {
            Masking::Preserve => return value.clone(),
            Masking::NullRewrite => return Value::Null,
            Masking::StringRewrite { value, suffix } => (Some(value.clone()), suffix),
            Masking::RandomStringRewrite { length, suffix } => (Some(self.draw(*length)), suffix),
            Masking::Hash { algorithm, suffix } => (text(value).map(|it| self.hash(*algorithm, it)), suffix),
            Masking::Hmac { algorithm, suffix } => (text(value).map(|it| self.hmac(*algorithm, it)), suffix),
            Masking::AesEncrypt { suffix } => (text(value).and_then(|it| self.encrypt(it)), suffix),
        };
        let Some(mut text) = text else {
            return Value::Null;
        };
        text.extend(suffix.as_deref());
        Value::Text(match length.and_then(|length| usize::try_from(length).ok()) {
            Some(length) => text.chars().take(length).collect(),
            None => text,
        })
    }

    fn hash(&self, algorithm: Digest, text: String) -> String {
        let algorithm = match algorithm {
            Digest::Sha256 => &digest::SHA256,
            Digest::Sha512 => &digest::SHA512,
        };
        hex::encode(digest::digest(algorithm, &self.salted(text)))
    }

    fn hmac(&self, algorithm: Digest, text: String) -> String {
        let algorithm = match algorithm {
            Digest::Sha256 => hmac::HMAC_SHA256,
            Digest::Sha512 => hmac::HMAC_SHA512,
        };
        hex::encode(hmac::sign(&hmac::Key::new(algorithm, &self.key), &self.salted(text)))
    }

    fn salted(&self, text: String) -> Vec<u8> {
        let mut bytes = text.into_bytes();
        bytes.extend(self.salt);
        bytes
    }

    /// Encrypts under a nonce that only equal texts share, so that equal values stay equal.
    ///
    /// Gives nothing for what is too long to be encrypted, tens of gigabytes.
    fn encrypt(&self, text: String) -> Option<String> {
        let mut bytes = text.into_bytes();
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&hmac::sign(&self.nonces, &bytes).as_ref()[..NONCE_LEN]);
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.cipher.seal_in_place_append_tag(nonce, Aad::empty(), &mut bytes).ok()?;
        Some(STANDARD.encode(bytes))
    }

    /// The next random text: letters and digits, each equally likely.
    fn draw(&self, length: u32) -> String {
        const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        /// Bytes from here on would make the first letters likelier.
        const EVEN: u8 = 252;

        let no = self.drawn.fetch_add(1, Ordering::Relaxed);
        let block = |block: u64| {
            let place = [no.to_be_bytes(), block.to_be_bytes()].concat();
            hmac::sign(&self.texts, &place).as_ref().to_vec()
        };
        (0..)
            .flat_map(block)
            .filter(|byte| *byte < EVEN)
            .map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]))
            .take(usize::try_from(length).unwrap_or(usize::MAX))
            .collect()
    }
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masker").finish_non_exhaustive()
    }
}

/// The one text of all values that a store treats as equal; none for null.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bytes(bytes) => Some(STANDARD.encode(bytes)),
        // Lists and objects always have a JSON form.
        Value::List(_) | Value::Map(_) => serde_json::to_string(value).ok(),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Decimal(_) | Value::Text(_) => {
            match Scalar::String.cast(value) {
                Some(Value::Text(text)) => Some(text),
                Some(_) | None => None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::{any, prop_assert, prop_assert_eq, prop_assert_ne, proptest};

    use super::*;
    use crate::row::Float;

    /// The secret 00 01 .. 1f, with which the expected values were computed by other libraries.
    fn masker() -> Masker {
        Masker::from_secret(std::array::from_fn(|i| u8::try_from(i).unwrap()))
    }

    fn hash(algorithm: Digest) -> Masking {
        Masking::Hash { algorithm, suffix: None }
    }

    fn hmac(algorithm: Digest) -> Masking {
        Masking::Hmac { algorithm, suffix: None }
    }

    fn aes() -> Masking {
        Masking::AesEncrypt { suffix: None }
    }

    #[track_caller]
    fn check(masking: &Masking, value: impl Into<Value>, expected: &str) {
        let Value::Text(text) = masker().mask(masking, &value.into(), None) else { panic!("no text") };
        assert_eq!(text, expected);
    }

    #[test]
    fn digests_and_ciphers_are_those_of_other_libraries() {
        let ada = "ada@example.org";
        check(&hash(Digest::Sha256), ada, "733c937f94a5d6f2762cf1ec3e079e77377773b33302094c30d2ec6309b9ed1d");
        check(
            &hash(Digest::Sha512),
            ada,
            "3f811533c85f6a6fef2b3793ab38e79afd030b8f09163334c69b834f5c60cabb\
             528c44c51bc606dc94fa69a26123bed864a80fd56bcf637f56f68e91508290fa",
        );
        check(&hmac(Digest::Sha256), ada, "b42193d2331e7276bf38b170cfc54d68a80a955dbd6cc44adb359db40c68a78a");
        check(
            &hmac(Digest::Sha512),
            ada,
            "e3fdd926871a19d5ac1aef839ae86b9fe1d6d3b2901786420d4ff7a8faf80f96\
             dceec888c8face80b70e073b261c7ec1b7f2d67f79b220d82fd4777d0027d748",
        );
        check(&aes(), ada, "F0zxJcQUErcxbO5sBzl/1N2VZddbBQLATpHb9mkgsw==");
        check(&aes(), "ü", "9JanGP7c+634PfVqtFkYgvaV");
    }

    #[test]
    fn what_is_no_text_is_masked_as_its_text() {
        let digest = "5a00851e367b2cc525268ff9a366abc7b6a613f3f36301b6528bcbf86ae623c9";
        for same in [42.into(), "42".into(), Value::Float(Float(42.0)), Value::Decimal("42".into())] {
            check(&hash(Digest::Sha256), same, digest);
        }
        check(&aes(), Value::List(vec!["a".into(), 1.into()]), "rOTW36DTgzGDwHJFlrdjoDay9zxZb6k=");
        let object = Value::Map(BTreeMap::from([("a".into(), Value::Null)]));
        for value in [object, Value::Bytes(vec![1]), Value::Bool(true), Value::Float(Float(1.5))] {
            assert!(matches!(masker().mask(&hmac(Digest::Sha256), &value, None), Value::Text(_)));
        }
    }

    #[test]
    fn random_texts_follow_from_the_secret_and_never_repeat() {
        let masker = masker();
        let draw = |length| {
            let masking = Masking::RandomStringRewrite { length, suffix: None };
            match masker.mask(&masking, &"Ada".into(), None) {
                Value::Text(text) => text,
                other => panic!("{other:?}"),
            }
        };

        assert_eq!(draw(30), "ma3kg6cwqibgcfi5q1nf8qz8ybn8ie");
        assert_eq!(draw(8), "93utr2of");
        assert_eq!(draw(70), "n3s56y6js2txu3sdschw8c4ee9bp8k64d68db8ol9ehzb3ko6sowh4pab79xhwb1nxpfgj");
    }

    #[test]
    fn null_stays_null_where_the_result_is_made_from_the_value() {
        let masker = Masker::random();
        let fixed = Masking::StringRewrite { value: "x".into(), suffix: None };
        for masking in [hash(Digest::Sha256), hmac(Digest::Sha512), aes(), Masking::NullRewrite] {
            assert_eq!(masker.mask(&masking, &Value::Null, Some(5)), Value::Null);
        }
        assert_eq!(masker.mask(&fixed, &Value::Null, None), "x".into());
        assert_eq!(masker.mask(&Masking::NullRewrite, &"Ada".into(), Some(5)), Value::Null);
        assert_eq!(masker.mask(&Masking::Preserve, &"Ada".into(), Some(1)), "Ada".into());
    }

    #[test]
    fn texts_get_their_suffix_and_are_then_cut_by_characters() {
        let masking =
            |suffix: &str| Masking::StringRewrite { value: "ää".into(), suffix: Some(suffix.into()) };
        let masker = masker();

        assert_eq!(masker.mask(&masking("@x"), &1.into(), None), "ää@x".into());
        assert_eq!(masker.mask(&masking("@x"), &1.into(), Some(3)), "ää@".into());
        assert_eq!(masker.mask(&masking("@x"), &1.into(), Some(9)), "ää@x".into());
        let aes = Masking::AesEncrypt { suffix: Some("@x".into()) };
        assert_eq!(masker.mask(&aes, &"42".into(), None), "1llZPBkwMqjouXiRpgIXSdmc@x".into());
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", masker()), "Masker { .. }");
    }

    #[test]
    fn two_requests_share_nothing() {
        for masking in [hash(Digest::Sha256), hmac(Digest::Sha256), aes()] {
            let mask = || Masker::random().mask(&masking, &"Ada".into(), None);
            assert_ne!(mask(), mask());
        }
    }

    proptest! {
        /// Within a request equal values stay equal and others do not become so; no result shows its value.
        #[test]
        fn masking_keeps_equality_and_nothing_else(
            a in "\\PC{4,40}",
            b in "\\PC{4,40}",
            secret in any::<[u8; 32]>(),
        ) {
            let masker = Masker::from_secret(secret);
            let (short, long) = (Digest::Sha256, Digest::Sha512);
            for masking in [hash(short), hash(long), hmac(short), hmac(long), aes()] {
                let mask = |text: &str| masker.mask(&masking, &text.into(), None);
                prop_assert_eq!(mask(&a), mask(&a));
                prop_assert_eq!(mask(&a) == mask(&b), a == b);
                let Value::Text(masked) = mask(&a) else { panic!("no text") };
                prop_assert_ne!(masked, a.clone());
            }
        }

        #[test]
        fn random_texts_have_their_length_and_alphabet(
            length in 1..200_u32,
            cut in 1..200_u32,
            secret in any::<[u8; 32]>(),
        ) {
            let masker = Masker::from_secret(secret);
            let masking = Masking::RandomStringRewrite { length, suffix: None };
            let Value::Text(text) = masker.mask(&masking, &Value::Null, Some(cut)) else { panic!("no text") };
            prop_assert_eq!(text.len(), usize::try_from(length.min(cut)).unwrap());
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
        }

        #[test]
        fn no_text_is_longer_than_its_cut(value in "\\PC{0,40}", cut in 1..300_u32) {
            let masker = masker();
            let fixed = Masking::StringRewrite { value: value.clone(), suffix: Some("ü@x".into()) };
            for masking in [fixed, hash(Digest::Sha512), hmac(Digest::Sha256), aes()] {
                let whole = masker.mask(&masking, &value.as_str().into(), None);
                let short = masker.mask(&masking, &value.as_str().into(), Some(cut));
                let (Value::Text(whole), Value::Text(short)) = (whole, short) else { panic!("no text") };
                prop_assert!(whole.starts_with(&short));
                let characters = whole.chars().count().min(usize::try_from(cut).unwrap());
                prop_assert_eq!(short.chars().count(), characters);
            }
        }
    }
}
