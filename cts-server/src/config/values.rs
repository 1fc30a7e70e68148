//! The types of fields, and how text and TOML become values of them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use ipnet::IpNet;
use serde_json::json;
use toml::de::DeValue;

use super::fields::Field;

/// A value as a layer gives it.
#[derive(Clone, Copy)]
pub(super) enum Raw<'a> {
    /// From a variable, a flag or the table of defaults.
    Text(&'a str),
    /// From the file, with its type.
    Toml(&'a DeValue<'a>),
}

/// A value that a field does not accept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// What would be accepted.
    pub(super) expected: String,
    /// What was given.
    pub(super) got: String,
}

impl Wrong {
    fn new(expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self { expected: expected.into(), got: got.into() }
    }
}

/// The type of a field.
pub(super) trait Value: Sized {
    /// The type in words.
    const KIND: &'static str;

    fn from_text(text: &str, field: &Field) -> Result<Self, Wrong>;

    /// Only strings, unless the type says otherwise: a number in quotes is a mistake.
    fn from_toml(value: &DeValue<'_>, field: &Field) -> Result<Self, Wrong> {
        match value {
            DeValue::String(text) => Self::from_text(text, field),
            other => Err(Wrong::new(Self::KIND, describe(other))),
        }
    }

    fn json(&self) -> serde_json::Value;

    fn read(raw: Raw<'_>, field: &Field) -> Result<Self, Wrong> {
        match raw {
            Raw::Text(text) => Self::from_text(text.trim(), field),
            Raw::Toml(value) => Self::from_toml(value, field),
        }
    }
}

fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the string {text:?}"),
        DeValue::Integer(number) => format!("the integer {number}"),
        DeValue::Float(number) => format!("the float {number}"),
        DeValue::Boolean(value) => format!("the boolean {value}"),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

impl Value for bool {
    const KIND: &'static str = "boolean";

    fn from_text(text: &str, _: &Field) -> Result<Self, Wrong> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(Wrong::new("true or false", format!("`{text}`"))),
        }
    }

    fn from_toml(value: &DeValue<'_>, _: &Field) -> Result<Self, Wrong> {
        value.as_bool().ok_or_else(|| Wrong::new("true or false, without quotes", describe(value)))
    }

    fn json(&self) -> serde_json::Value {
        json!(self)
    }
}

macro_rules! numbers {
    ($($ty:ty)*) => { $(
        impl Value for $ty {
            const KIND: &'static str = "integer";

            fn from_text(text: &str, field: &Field) -> Result<Self, Wrong> {
                let wrong = || Wrong::new(field.range(), format!("`{text}`"));
                let number: u64 = text.replace('_', "").parse().map_err(|_| wrong())?;
                if number < field.min || number > field.max {
                    return Err(wrong());
                }
                Self::try_from(number).map_err(|_| wrong())
            }

            fn from_toml(value: &DeValue<'_>, field: &Field) -> Result<Self, Wrong> {
                let wrong = || Wrong::new(field.range(), describe(value));
                let integer = value.as_integer().ok_or_else(wrong)?;
                let number = u64::from_str_radix(integer.as_str(), integer.radix()).map_err(|_| wrong())?;
                Self::from_text(&number.to_string(), field).map_err(|_| wrong())
            }

            fn json(&self) -> serde_json::Value {
                json!(self)
            }
        }
    )* };
}
numbers!(u16 u64);

/// Defines an enum of words.
macro_rules! choices {
    ($(#[$meta:meta])* $name:ident, $kind:literal { $($(#[$inner:meta])* $variant:ident = $word:literal $(| $alias:literal)* ),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name { $($(#[$inner])* $variant),+ }

        impl $name {
            /// The word as it is written.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Value for $name {
            const KIND: &'static str = $kind;

            fn from_text(text: &str, _: &Field) -> Result<Self, Wrong> {
                $(if [$word $(, $alias)*].iter().any(|w| w.eq_ignore_ascii_case(text)) { return Ok(Self::$variant); })+
                Err(Wrong::new(concat!("one of" $(, " ", $word)+), format!("`{text}`")))
            }

            fn json(&self) -> serde_json::Value {
                json!(self.as_str())
            }
        }
    };
}

choices! {
    /// Which profile of defaults holds.
    Environment, "`development`, `staging` or `production`" {
        /// One person's machine.
        #[default]
        Development = "development" | "dev",
        /// A rehearsal.
        Staging = "staging",
        /// Reachable by others; unsafe combinations are refused.
        Production = "production" | "prod",
    }
}

choices! {
    /// How much is logged.
    LogLevel, "`TRACE`, `DEBUG`, `INFO`, `WARNING` or `ERROR`" {
        /// Everything.
        Trace = "TRACE",
        /// Details for finding faults.
        Debug = "DEBUG",
        /// The course of events.
        #[default]
        Info = "INFO",
        /// What needs attention.
        Warning = "WARNING" | "WARN",
        /// What failed.
        Error = "ERROR" | "CRITICAL",
    }
}

choices! {
    /// The form of log lines.
    LogFormat, "`text` or `json`" {
        /// For people.
        #[default]
        Text = "text",
        /// One object a line.
        Json = "json",
    }
}

/// The address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host(pub IpAddr);

impl Default for Host {
    fn default() -> Self {
        Self(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }
}

impl Value for Host {
    const KIND: &'static str = "IP address or `localhost`";

    fn from_text(text: &str, _: &Field) -> Result<Self, Wrong> {
        if text.eq_ignore_ascii_case("localhost") {
            return Ok(Self::default());
        }
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        bare.parse().map(Self).map_err(|_| Wrong::new("an IP address or `localhost`", format!("`{text}`")))
    }

    fn json(&self) -> serde_json::Value {
        json!(self.0.to_string())
    }
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for those who must use it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(super::MASK)
    }
}

impl Value for Secret {
    const KIND: &'static str = "text";

    fn from_text(text: &str, _: &Field) -> Result<Self, Wrong> {
        Ok(Self::new(text))
    }

    fn json(&self) -> serde_json::Value {
        json!(super::MASK)
    }
}

impl Value for String {
    const KIND: &'static str = "text";

    fn from_text(text: &str, _: &Field) -> Result<Self, Wrong> {
        Ok(text.to_owned())
    }

    fn json(&self) -> serde_json::Value {
        json!(self)
    }
}

impl Value for PathBuf {
    const KIND: &'static str = "path";

    fn from_text(text: &str, _: &Field) -> Result<Self, Wrong> {
        path(text).map_err(|expected| Wrong::new(expected, format!("`{text}`")))
    }

    fn json(&self) -> serde_json::Value {
        json!(self.to_string_lossy())
    }
}

/// Relative paths are taken from the working directory, once and for all.
fn path(text: &str) -> Result<PathBuf, &'static str> {
    if text.is_empty() || text.contains('\0') {
        return Err("a path");
    }
    if text.starts_with('~') {
        return Err("a path without `~`, which only shells expand");
    }
    std::path::absolute(text).map_err(|_| "a path")
}

/// Empty text is no value.
impl<T: Value> Value for Option<T> {
    const KIND: &'static str = T::KIND;

    fn from_text(text: &str, field: &Field) -> Result<Self, Wrong> {
        if text.is_empty() { Ok(None) } else { T::from_text(text, field).map(Some) }
    }

    fn json(&self) -> serde_json::Value {
        self.as_ref().map_or(serde_json::Value::Null, T::json)
    }
}

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
    fn secrets_do_not_show() {
        let secret = Some(Secret::new("hunter2hunter2"));
        assert!(!format!("{secret:?} {}", secret.json()).contains("hunter2"));
    }

    #[test]
    fn networks_take_single_addresses() {
        assert_eq!(IpNet::parse("10.1.2.3/8").map(|n| n.text()), Some("10.0.0.0/8".into()));
        assert_eq!(IpNet::parse("::1").map(|n| n.text()), Some("::1/128".into()));
        assert_eq!(IpNet::parse("10.0.0.0/33"), None);
    }
}
