//! Where the API is.

use std::net::IpAddr;

use ureq::http::Uri;

use crate::{ErrorKind, Result};

/// The API of the web application.
const DEFAULT: &str = "https://api.comma.ai";

/// The base address of the API.
#[derive(Clone, Debug)]
pub(super) struct Address {
    text: String,
    host: String,
    plain: bool,
}

impl Address {
    /// Reads `https://host`; without a scheme, `https` is meant. `http` is for this machine only, since the token must
    /// not go over a network unencrypted.
    ///
    /// # Errors
    /// `bad-param`.
    pub(super) fn parse(text: Option<&str>) -> Result<Self> {
        let text = text.map(str::trim).filter(|text| !text.is_empty()).unwrap_or(DEFAULT);
        let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let full = full.trim_end_matches('/').to_owned();
        let uri: Uri = full.parse().map_err(|_| bad(text, "an address such as https://api.comma.ai"))?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        if host.is_empty() || uri.query().is_some() || has_user {
            return Err(bad(text, "an address such as https://api.comma.ai, without user name and query"));
        }
        let local =
            host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        match uri.scheme_str() {
            Some("https") => Ok(Self { text: full, host, plain: false }),
            Some("http") if local => Ok(Self { text: full, host, plain: true }),
            _ => Err(bad(text, "an https address")),
        }
    }

    pub(super) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is a plain connection within this machine, as tests have it.
    pub(super) fn is_plain(&self) -> bool {
        self.plain
    }
}

#[cold]
fn bad(text: &str, expected: &str) -> crate::Error {
    // A password before the host must not be shown.
    let value = text.rsplit('@').next().unwrap_or_default().to_owned();
    ErrorKind::BadParam { name: "API_HOST".to_owned(), value, expected: expected.to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_asked_unencrypted() {
        let join = |text: &str| Address::parse(Some(text)).map(|address| address.join("/v1/me"));
        assert_eq!(Address::parse(None).unwrap().join("/v1/me"), "https://api.comma.ai/v1/me");
        for (text, want) in [
            ("", "https://api.comma.ai/v1/me"),
            ("https://api.commadotai.com/", "https://api.commadotai.com/v1/me"),
            ("api.example:8443", "https://api.example:8443/v1/me"),
            ("http://127.0.0.1:1", "http://127.0.0.1:1/v1/me"),
            ("http://[::1]:1", "http://[::1]:1/v1/me"),
        ] {
            assert_eq!(join(text).unwrap(), want);
        }
        for text in ["http://api.comma.ai", "ftp://a", "https://u:secret@a", "https://a?b", "https://", "a b"]
        {
            let error = join(text).unwrap_err();
            assert_eq!(error.code(), "bad-param", "{text}");
            assert!(!error.to_string().contains("secret"));
        }
    }
}
