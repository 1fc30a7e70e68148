//! Tokens (JWT) of another service that knows the users.

use std::path::Path;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

use super::scope::Scopes;
use crate::config::{Config, Problem};

/// Checks tokens with one key and one algorithm; a token cannot choose another.
#[derive(Clone)]
pub struct Tokens {
    key: DecodingKey,
    validation: Validation,
}

/// What a valid token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Whom it is about.
    pub subject: String,
    /// What they may do.
    pub scopes: Scopes,
}

#[derive(Deserialize)]
struct Wire {
    sub: String,
    #[serde(default)]
    scope: Option<Words>,
    #[serde(default)]
    scopes: Option<Words>,
}

/// `scope` is one text in RFC 8693; many issuers write a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    Text(String),
    List(Vec<String>),
}

impl Words {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::List(words) => words.join(" "),
        }
    }
}

impl Tokens {
    /// The checker that `config` asks for, if it does.
    ///
    /// # Errors
    /// When a key cannot be read.
    pub fn from_config(config: &Config) -> Result<Option<Self>, Problem> {
        let (key, algorithm) = if let Some(secret) = &config.jwt_secret {
            (DecodingKey::from_secret(secret.reveal().as_bytes()), Algorithm::HS256)
        } else if let Some(path) = &config.jwt_secret_file {
            (secret(path)?, Algorithm::HS256)
        } else if let Some(path) = &config.jwt_public_key_file {
            (public_key(path)?, Algorithm::RS256)
        } else {
            return Ok(None);
        };
        let mut validation = Validation::new(algorithm);
        validation.validate_nbf = true;
        validation.leeway = 30;
        let mut required = vec!["exp", "sub"];
        match &config.jwt_audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                required.push("aud");
            }
            None => validation.validate_aud = false,
        }
        if let Some(issuer) = &config.jwt_issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        validation.set_required_spec_claims(&required);
        Ok(Some(Self { key, validation }))
    }

    /// What `token` says, if it is genuine and holds now.
    ///
    /// # Errors
    /// The reason, without any part of the token.
    pub fn check(&self, token: &str) -> Result<Claims, &'static str> {
        let data = decode::<Wire>(token, &self.key, &self.validation).map_err(|e| reason(e.kind()))?;
        let words = [data.claims.scope, data.claims.scopes].into_iter().flatten().map(Words::text);
        let scopes = Scopes::parse(&words.collect::<Vec<_>>().join(" "));
        match data.claims.sub {
            subject if subject.is_empty() || subject.len() > 256 => Err("its `sub` is empty or too long"),
            subject => Ok(Claims { subject, scopes }),
        }
    }
}

fn reason(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpiredSignature => "it has expired",
        ErrorKind::ImmatureSignature => "it is not valid yet",
        ErrorKind::InvalidSignature => "its signature is wrong",
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => "its algorithm is not accepted",
        ErrorKind::InvalidIssuer => "its `iss` is not accepted",
        ErrorKind::InvalidAudience => "its `aud` is not accepted",
        ErrorKind::MissingRequiredClaim(_) => "a required claim is missing",
        _ => "it cannot be read",
    }
}

fn secret(path: &Path) -> Result<DecodingKey, Problem> {
    let text = read(path, "jwt_secret_file")?;
    let text = text.trim_ascii();
    if text.len() < 32 {
        let message =
            format!("`jwt_secret_file` {} holds {} bytes, fewer than 32", path.display(), text.len());
        return Err(Problem::error(message)
            .remedy("put a random secret into it, such as from `openssl rand -hex 32`"));
    }
    Ok(DecodingKey::from_secret(text))
}

fn public_key(path: &Path) -> Result<DecodingKey, Problem> {
    DecodingKey::from_rsa_pem(&read(path, "jwt_public_key_file")?).map_err(|e| {
        Problem::error(format!("`jwt_public_key_file` {}: {e}", path.display()))
            .remedy("put an RSA public key in PEM into it: `openssl rsa -in private.pem -pubout`")
    })
}

fn read(path: &Path, field: &str) -> Result<Vec<u8>, Problem> {
    std::fs::read(path).map_err(|e| {
        Problem::error(format!("cannot read `{field}` {}: {e}", path.display()))
            .remedy("correct the path, or let the user of the service read the file")
    })
}
