//! From headers to a principal. No I/O: what is known of a key is looked up by the caller.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::key::ApiKey;
use super::keys::KeyRecord;
use super::scope::{Scope, Scopes};
use super::token::Tokens;
use crate::clock::Micros;
use crate::config::Secret;

/// Longest credential that is looked at, in bytes.
const MAX_LEN: usize = 8192;

/// Who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// `key:<id>`, `token:<sub>`, or `anonymous`.
    pub id: String,
    /// What they may do.
    pub scopes: Scopes,
}

impl Principal {
    /// Someone without a key.
    pub fn anonymous(scopes: Scopes) -> Self {
        Self { id: "anonymous".to_owned(), scopes }
    }

    /// Whom new runs belong to; nobody's runs belong to everyone.
    pub fn owner(&self) -> Option<&str> {
        (self.id != "anonymous").then_some(self.id.as_str())
    }

    /// Whether runs of `owner` may be seen.
    pub fn may_see(&self, owner: Option<&str>) -> bool {
        self.scopes.allow(Scope::Admin) || owner.is_none() || owner == self.owner()
    }
}

/// What a request shows to prove who makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// An API key.
    Key(ApiKey),
    /// Anything else, which may be a token.
    Token(Secret),
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// It shows nothing.
    Missing,
    /// It shows something that cannot be read, or two different things.
    Malformed(&'static str),
    /// The key is unknown, or its secret part is wrong.
    WrongKey,
    /// The key was revoked.
    RevokedKey,
    /// The key has expired.
    ExpiredKey,
    /// The token does not hold.
    BadToken(&'static str),
    /// Known, but not allowed to do this.
    Scope(Scope),
}

impl Denial {
    /// A stable word.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "authentication-required",
            Self::Malformed(_) => "bad-credentials",
            Self::WrongKey => "wrong-key",
            Self::RevokedKey => "revoked-key",
            Self::ExpiredKey => "expired-key",
            Self::BadToken(_) => "bad-token",
            Self::Scope(_) => "missing-scope",
        }
    }

    /// What is wrong, for the caller; no part of the credential is repeated.
    pub fn message(self) -> String {
        match self {
            Self::Missing => "this service needs an API key".to_owned(),
            Self::Malformed(what) => format!("the credentials cannot be read: {what}"),
            Self::WrongKey => "the API key is not known".to_owned(),
            Self::RevokedKey => "the API key was revoked".to_owned(),
            Self::ExpiredKey => "the API key has expired".to_owned(),
            Self::BadToken(why) => format!("the token is not accepted: {why}"),
            Self::Scope(scope) => format!("this needs the scope `{scope}`"),
        }
    }

    /// What would help.
    pub fn fix(self) -> &'static str {
        match self {
            Self::Missing | Self::Malformed(_) => {
                "Send `Authorization: Bearer <key>`, `Authorization: JWT <key>` or `X-API-Key: <key>`."
            }
            Self::WrongKey => {
                "Check that the key was copied completely; `cts-lite key list` shows the known ones."
            }
            Self::RevokedKey | Self::ExpiredKey => "Ask for a new key, made by `cts-lite key create`.",
            Self::BadToken(_) => "Get a new token from the service that issues them.",
            Self::Scope(_) => "Use a key with that scope; `cts-lite key create --scope` gives one.",
        }
    }
}

impl Credential {
    /// What `headers` show; `None` when nothing.
    ///
    /// # Errors
    /// [`Denial::Malformed`]
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, Denial> {
        let mut all = Vec::new();
        for value in headers.get_all(AUTHORIZATION) {
            all.push(after_scheme(text(value)?)?);
        }
        for value in headers.get_all("x-api-key") {
            all.push(text(value)?);
        }
        // An empty header is what clients send that have no key configured.
        all.retain(|secret| !secret.is_empty());
        all.dedup();
        match all.as_slice() {
            [] => Ok(None),
            [secret] => {
                Ok(Some(ApiKey::parse(secret).map_or_else(|| Self::Token(Secret::new(*secret)), Self::Key)))
            }
            _ => Err(Denial::Malformed("there are several, and they differ")),
        }
    }
}

fn text(value: &http::HeaderValue) -> Result<&str, Denial> {
    match value.to_str() {
        Ok(text) if text.len() <= MAX_LEN => Ok(text.trim()),
        Ok(_) => Err(Denial::Malformed("they are too long")),
        Err(_) => Err(Denial::Malformed("they are not plain text")),
    }
}

/// `JWT` is what the clients of the old service send, whatever the key is.
fn after_scheme(value: &str) -> Result<&str, Denial> {
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "jwt" | "" => Ok(rest.trim()),
        _ => Err(Denial::Malformed("the scheme is neither `Bearer` nor `JWT`")),
    }
}

/// Who shows `credential`. `record` is what the store has of the key of that id.
///
/// # Errors
/// Why not. That a key was revoked is told only to those who have all of it.
pub fn authorize(
    credential: &Credential,
    record: Option<&KeyRecord>,
    tokens: Option<&Tokens>,
    now: Micros,
) -> Result<Principal, Denial> {
    match credential {
        Credential::Key(key) => {
            let proven = record.filter(|record| record.id == key.id() && key.is(&record.hash));
            holder(proven.ok_or(Denial::WrongKey)?, now)
        }
        Credential::Token(token) => {
            let claims = tokens.ok_or(Denial::WrongKey)?.check(token.reveal()).map_err(Denial::BadToken)?;
            Ok(Principal { id: format!("token:{}", claims.subject), scopes: claims.scopes })
        }
    }
}

/// Whose key that is, if it holds at `now`.
///
/// # Errors
/// [`Denial::RevokedKey`], [`Denial::ExpiredKey`]
pub(super) fn holder(record: &KeyRecord, now: Micros) -> Result<Principal, Denial> {
    match record {
        record if record.revoked_at.is_some() => Err(Denial::RevokedKey),
        record if record.expires_at.is_some_and(|at| at <= now) => Err(Denial::ExpiredKey),
        record => Ok(Principal { id: format!("key:{}", record.id), scopes: record.scopes }),
    }
}
