//! Where the service is, and the key that it wants.

use std::net::IpAddr;

use ureq::http::Uri;

use super::{Error, Result};

/// The address of a service: scheme, host, port, and a path before all others if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    text: String,
    uri: Uri,
}

impl Address {
    /// Reads `http://host:8080/prefix`. Without a scheme, `http` is meant.
    ///
    /// # Errors
    /// `bad-address`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let bad = |reason: &str| {
            // A password before the host must not be shown.
            let shown = text.rsplit('@').next().unwrap_or_default().to_owned();
            Error::BadAddress { address: shown, reason: reason.to_owned() }
        };
        let full =
            if text.contains("://") { text.trim().to_owned() } else { format!("http://{}", text.trim()) };
        let full = full.trim_end_matches('/').to_owned();
        let uri: Uri = full.parse().map_err(|e: ureq::http::uri::InvalidUri| bad(&e.to_string()))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(bad("it must start with http:// or https://"));
        }
        if uri.host().is_none_or(str::is_empty) {
            return Err(bad("it names no host"));
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(bad("it holds a user name or password; give the key with CTS_API_KEY"));
        }
        if uri.query().is_some() {
            return Err(bad("it has a query"));
        }
        Ok(Self { text: full, uri })
    }

    /// The address of a path of the service.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    /// Without a slash at the end.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }

    /// Whether others can read what is sent.
    pub(crate) fn is_open(&self) -> bool {
        self.uri.scheme_str() == Some("http") && !self.is_loopback()
    }
}

/// A key. It has neither `Debug` nor `Display`, so that it gets into no text by accident.
#[derive(Clone)]
pub(crate) struct ApiKey(String);

impl ApiKey {
    /// A key; blanks around it are not part of it.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The value of the header `Authorization`.
    pub(super) fn header(&self) -> String {
        format!("JWT {}", self.0)
    }

    /// `text` without the key, should a service send it back.
    pub(super) fn hide(&self, text: &str) -> String {
        text.replace(&self.0, "***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_or_explained() {
        for (text, joined) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1/x"),
            ("localhost:1/", "http://localhost:1/v1/x"),
            ("https://a.example/cts/", "https://a.example/cts/v1/x"),
        ] {
            assert_eq!(Address::parse(text).unwrap().join("/v1/x"), joined);
        }
        for text in ["", "http://", "ftp://a", "http://u:secret@a", "http://a?b=c", "http://a b"] {
            let error = Address::parse(text).unwrap_err();
            assert_eq!(error.code(), "bad-address", "{text}");
            assert!(!error.to_string().contains("secret"));
        }
    }

    #[test]
    fn only_plain_connections_to_elsewhere_are_open() {
        let open = |text| Address::parse(text).unwrap().is_open();
        assert!(open("http://10.0.0.1") && open("http://localhost.example"));
        assert!(!open("https://10.0.0.1") && !open("http://[::1]:1") && !open("http://LOCALHOST"));
    }
}
