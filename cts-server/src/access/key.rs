//! API keys: `cts_`, 16 digits that name the key, `_`, 64 digits that prove it.
//!
//! The secret part is 256 random bits, so nobody can guess it, however fast a guess is: slow password hashes protect
//! what people choose, and would only cost every request a tenth of a second here. One SHA-256 keeps a stolen store from
//! being a list of usable keys. The comparison takes the same time for every guess.

use std::fmt;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const PREFIX: &str = "cts_";
const ID_DIGITS: usize = 16;
const SECRET_DIGITS: usize = 64;

/// A key as its owner has it. It does not show its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    id: String,
    secret: String,
}

/// What is kept of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHash(pub [u8; 32]);

impl ApiKey {
    /// A new key.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn generate() -> std::io::Result<Self> {
        let (mut id, mut secret) = ([0; ID_DIGITS / 2], [0; SECRET_DIGITS / 2]);
        getrandom::fill(&mut id).map_err(std::io::Error::other)?;
        getrandom::fill(&mut secret).map_err(std::io::Error::other)?;
        Ok(Self { id: HEXLOWER.encode(&id), secret: HEXLOWER.encode(&secret) })
    }

    /// The key that `text` is, if it has the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let is = |text: &str, digits| {
            text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        (is(id, ID_DIGITS) && is(secret, SECRET_DIGITS))
            .then(|| Self { id: id.into(), secret: secret.into() })
    }

    /// The part that is no secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The whole, to be shown once.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}_{}", self.id, self.secret)
    }

    /// What is kept.
    pub fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(self.reveal()).into())
    }

    /// Whether `hash` is this key's; in constant time.
    pub fn is(&self, hash: &KeyHash) -> bool {
        self.hash().0.ct_eq(&hash.0).into()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}_{}", self.id, crate::config::MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_and_hides_its_secret() {
        let key = ApiKey::generate().unwrap();
        let text = key.reveal();
        assert_eq!(ApiKey::parse(&text), Some(key.clone()));
        assert!(key.is(&key.hash()) && !key.is(&ApiKey::generate().unwrap().hash()));
        assert!(!format!("{key:?}").contains(&text[text.len() - 64..]));
    }

    #[test]
    fn other_texts_are_no_keys() {
        let good = ApiKey::generate().unwrap().reveal();
        for bad in
            [good.to_uppercase(), good[1..].into(), format!("{good}0"), good.replace('_', "-"), String::new()]
        {
            assert_eq!(ApiKey::parse(&bad), None, "{bad}");
        }
    }
}
