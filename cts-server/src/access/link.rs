//! Links that work without a key for a while.
//!
//! Clients of the old service fetch a `download_url` without the key they used to get it. When keys are required, the
//! address therefore carries its own proof: whom it was given to, until when, and a MAC over both and the path. The key
//! of the MAC is made at each start; so no link outlives the service, and nothing secret is stored.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::authorize::Principal;
use super::scope::{Scope, Scopes};
use crate::clock::Micros;

/// Name of the parameter in the address.
const PARAMETER: &str = "ticket";

/// Makes and checks links.
#[derive(Clone)]
pub struct Links {
    mac: Hmac<Sha256>,
}

impl Links {
    /// With a new key.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new() -> std::io::Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(std::io::Error::other)?;
        Hmac::new_from_slice(&key).map(|mac| Self { mac }).map_err(std::io::Error::other)
    }

    /// What to append to `path` after a `?`: `principal` may read it until `until`.
    pub fn query(&self, path: &str, principal: &Principal, until: Micros) -> String {
        let who = HEXLOWER.encode(principal.id.as_bytes());
        let proof = HEXLOWER.encode(&self.over(path, &who, until).finalize().into_bytes());
        format!("{PARAMETER}={until}-{who}-{proof}")
    }

    /// Whom a request for `path` with `query` was given to, if that holds at `now`; they may read and nothing else.
    pub fn check(&self, path: &str, query: &str, now: Micros) -> Option<Principal> {
        let ticket = query.split('&').find_map(|pair| pair.strip_prefix(PARAMETER)?.strip_prefix('='))?;
        let mut parts = ticket.split('-');
        let (until, who, proof) = (parts.next()?, parts.next()?, parts.next()?);
        let until: Micros = until.parse().ok()?;
        let proof = HEXLOWER.decode(proof.as_bytes()).ok()?;
        self.over(path, who, until).verify_slice(&proof).ok()?;
        let id = String::from_utf8(HEXLOWER.decode(who.as_bytes()).ok()?).ok()?;
        (now < until && parts.next().is_none()).then(|| Principal { id, scopes: Scopes::of(Scope::Read) })
    }

    /// The parts are parted by a byte that none of them has.
    fn over(&self, path: &str, who: &str, until: Micros) -> Hmac<Sha256> {
        self.mac.clone().chain_update(format!("{path}\n{who}\n{until}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_holds_for_its_path_and_time_only() {
        let links = Links::new().unwrap();
        let ann = Principal { id: "key:a".into(), scopes: Scopes::ALL };
        let query = links.query("/v1/artifacts/1/download", &ann, 1000);
        let check = |path: &str, query: &str, now| links.check(path, query, now).map(|p| (p.id, p.scopes));
        let good = Some(("key:a".to_owned(), Scopes::of(Scope::Read)));
        assert_eq!(check("/v1/artifacts/1/download", &query, 999), good);
        assert_eq!(check("/v1/artifacts/1/download", &format!("a=b&{query}"), 999), good);
        assert_eq!(check("/v1/artifacts/1/download", &query, 1000), None);
        assert_eq!(check("/v1/artifacts/2/download", &query, 999), None);
        assert_eq!(check("/v1/artifacts/1/download", &query.replace("1000", "9000"), 999), None);
        let bob = query.replace(&HEXLOWER.encode(b"key:a"), &HEXLOWER.encode(b"key:b"));
        assert_eq!(check("/v1/artifacts/1/download", &bob, 999), None);
        assert_eq!(check("/v1/artifacts/1/download", &format!("{query}0"), 999), None);
        assert_eq!(Links::new().unwrap().check("/v1/artifacts/1/download", &query, 999), None);
    }
}
