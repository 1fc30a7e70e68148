//! The user's token: where it lies, and how it stays hidden.

use std::path::{Path, PathBuf};

use ureq::http::HeaderValue;

use crate::{Error, ErrorKind, Result};

/// More than any token.
const MAX_FILE_BYTES: u64 = 1 << 20;
const VARIABLE: &str = "COMMA_JWT";

/// A token of the comma API. It has neither `Debug` nor `Display`, so that it gets into no text by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token as it stands on the page jwt.comma.ai; blanks around it are not part of it. `None` if there is nothing.
    ///
    /// # Errors
    /// `bad-param`, without the text, if it cannot be one.
    pub fn new(text: &str) -> Result<Option<Self>> {
        let text = text.trim();
        // `token68` of RFC 9110: what may stand in the header.
        match text.bytes().all(|c| c.is_ascii_alphanumeric() || b"-._~+/=".contains(&c)) {
            true => Ok((!text.is_empty()).then(|| Self(text.to_owned()))),
            false => Err(bad(VARIABLE)),
        }
    }

    /// The token of this user: of the variable `COMMA_JWT`, else of the file that openpilot's tools write.
    ///
    /// # Errors
    /// `bad-param`, `io`.
    pub fn find() -> Result<Option<Self>> {
        let variable = |name: &str| std::env::var(name).ok();
        if let Some(token) = variable(VARIABLE).map(|text| Self::new(&text)).transpose()?.flatten() {
            return Ok(Some(token));
        }
        let home = variable("HOME").or_else(|| variable("USERPROFILE")).filter(|home| !home.is_empty());
        let prefix = variable("OPENPILOT_PREFIX").unwrap_or_default();
        home.map_or(Ok(None), |home| Self::of_file(&auth_file(Path::new(&home), &prefix)))
    }

    /// The field `access_token` of a JSON file, or all of a file of another form. An absent file holds none.
    ///
    /// # Errors
    /// `bad-param`, `io`.
    pub fn of_file(path: &Path) -> Result<Option<Self>> {
        let text = match read(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(|e| Error::io("read the token", e).path(path))?,
        };
        let found = match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(serde_json::Value::Object(fields)) => match fields.get("access_token") {
                Some(serde_json::Value::String(token)) => Self::new(token),
                Some(serde_json::Value::Null) | None => Ok(None),
                Some(_) => Err(bad("access_token")),
            },
            _ => Self::new(&text),
        };
        found.map_err(|e| e.path(path))
    }

    /// The value of the header `Authorization`.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("JWT {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// `text` without the token, should a server send it back.
    pub(super) fn hide(&self, text: &str) -> String {
        text.replace(&self.0, "***")
    }
}

/// The prefix follows directly: `~/.comma` and `~/.commaprefix`.
///
/// Source: openpilot `system/hardware/hw.py` `Paths.config_root`, `Paths.comma_home`.
fn auth_file(home: &Path, prefix: &str) -> PathBuf {
    home.join(format!(".comma{prefix}")).join("auth.json")
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    std::fs::File::open(path)?.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

#[cold]
fn bad(name: &str) -> Error {
    let expected = "a token from https://jwt.comma.ai, one word of letters, digits and `-._`".to_owned();
    ErrorKind::BadParam { name: name.to_owned(), value: "(hidden)".to_owned(), expected }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_both_forms_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("auth.json");
        let token = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Token::of_file(&path).map(|token| token.map(|token| token.0)).map_err(|e| e.to_string())
        };
        let some = Ok(Some("abc.def".to_owned()));
        assert_eq!(token(r#"{"access_token": " abc.def ", "x": 1}"#), some);
        assert_eq!(token("abc.def\n"), some);
        assert_eq!(token("{}"), Ok(None));
        assert_eq!(token(" \n"), Ok(None));
        for text in [
            r#"{"access_token": 1}"#,
            r#"{"access_token": "se cret"}"#,
            "se cret",
            r#"{"access_token":"secret""#,
        ] {
            let error = token(text).unwrap_err();
            assert!(error.contains("jwt.comma.ai") && error.contains("auth.json"), "{text}: {error}");
            assert!(!error.contains("cret"), "{error}");
        }
        assert!(Token::of_file(&dir.path().join("absent")).unwrap().is_none());
    }

    #[test]
    fn the_prefix_follows_the_directory() {
        assert_eq!(auth_file(Path::new("/h"), ""), Path::new("/h/.comma/auth.json"));
        assert_eq!(auth_file(Path::new("/h"), "2"), Path::new("/h/.comma2/auth.json"));
    }

    #[test]
    fn a_token_is_hidden() {
        let token = Token::new("abc").unwrap().unwrap();
        assert_eq!(token.hide("xabcx"), "x***x");
        assert!(token.header().unwrap().is_sensitive());
    }
}
