//! Fields that are lists, and the types of their elements.

use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use toml::de::DeValue;

use super::fields::Field;
use super::values::{Value, Wrong, describe, path};

/// An element of a list.
pub(super) trait Item: Sized {
    const KIND: &'static str;
    const EXPECTED: &'static str;
    /// What parts elements in one text.
    const SEPARATORS: &'static [char] = &[','];
    fn parse(text: &str) -> Option<Self>;
    fn text(&self) -> String;
}

impl<T: Item> Value for Vec<T> {
    const KIND: &'static str = T::KIND;

    /// Takes parts with separators between them, or a JSON array of strings.
    fn from_text(text: &str, _: &Field) -> Result<Self, Wrong> {
        let wrong = |got: &str| Wrong::new(T::EXPECTED, format!("`{got}`"));
        if text.starts_with('[') && text.ends_with(']') && !text.contains("]:") {
            let parts: Vec<String> = serde_json::from_str(text).map_err(|_| wrong(text))?;
            return parts.iter().map(|part| T::parse(part).ok_or_else(|| wrong(part))).collect();
        }
        let parts = text.split(T::SEPARATORS).map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| T::parse(part).ok_or_else(|| wrong(part))).collect()
    }

    fn from_toml(value: &DeValue<'_>, _: &Field) -> Result<Self, Wrong> {
        let wrong = |got: String| Wrong::new(T::EXPECTED, got);
        let parts = value.as_array().ok_or_else(|| Wrong::new("an array of strings", describe(value)))?;
        let read = |part: &DeValue<'_>| {
            let text = part.as_str().ok_or_else(|| wrong(describe(part)))?;
            T::parse(text).ok_or_else(|| wrong(describe(part)))
        };
        parts.iter().map(|part| read(part.get_ref())).collect()
    }

    fn json(&self) -> serde_json::Value {
        self.iter().map(Item::text).collect()
    }
}

impl Item for PathBuf {
    const KIND: &'static str = "list of paths";
    const EXPECTED: &'static str = "paths";
    const SEPARATORS: &'static [char] = &[',', ':'];

    fn parse(text: &str) -> Option<Self> {
        path(text).ok()
    }

    fn text(&self) -> String {
        self.to_string_lossy().into_owned()
    }
}

impl Item for IpNet {
    const KIND: &'static str = "list of networks";
    const EXPECTED: &'static str = "addresses or networks such as `10.0.0.0/8`";

    fn parse(text: &str) -> Option<Self> {
        let net = text.parse().or_else(|_| text.parse().map(|address: IpAddr| address.into())).ok()?;
        Some(IpNet::trunc(&net))
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

/// Who may call from a page in a browser: every origin, or one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorsOrigin {
    /// `*`
    Any,
    /// Scheme, host and port as browsers send them: lower case, no path.
    One(String),
}

impl Item for CorsOrigin {
    const KIND: &'static str = "list of origins";
    const EXPECTED: &'static str = "`*` or origins such as `https://example.org:8443`, without a path";

    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        let uri: http::Uri = text.parse().ok()?;
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?;
        let authority =
            uri.authority().filter(|a| !a.as_str().contains(['@', '*']) && !a.host().is_empty())?;
        let bare = text.trim_end_matches('/').len() == scheme.len() + 3 + authority.as_str().len();
        let default_port = if scheme == "http" { ":80" } else { ":443" };
        let host = authority.as_str().to_ascii_lowercase();
        let host = host.strip_suffix(default_port).unwrap_or(&host);
        bare.then(|| Self::One(format!("{scheme}://{host}")))
    }

    fn text(&self) -> String {
        match self {
            Self::Any => "*".to_owned(),
            Self::One(origin) => origin.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_what_browsers_send() {
        let one = |text: &str| Some(CorsOrigin::One(text.into()));
        for (text, expected) in [
            ("*", Some(CorsOrigin::Any)),
            ("https://Example.org", one("https://example.org")),
            ("https://example.org:443/", one("https://example.org")),
            ("http://[::1]:3000", one("http://[::1]:3000")),
            ("https://example.org/path", None),
            ("https://user@example.org", None),
            ("example.org", None),
            ("file://x", None),
            ("https://*.example.org", None),
        ] {
            assert_eq!(CorsOrigin::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn networks_take_single_addresses() {
        assert_eq!(IpNet::parse("10.1.2.3/8").map(|n| n.text()), Some("10.0.0.0/8".into()));
        assert_eq!(IpNet::parse("::1").map(|n| n.text()), Some("::1/128".into()));
        assert_eq!(IpNet::parse("10.0.0.0/33"), None);
    }
}
