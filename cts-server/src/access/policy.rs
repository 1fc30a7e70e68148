//! What each route asks of its callers.

use http::Method;

use super::scope::Scope;

/// What a route asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it tells nothing about anyone.
    Nothing,
    /// A principal with this scope.
    Scope(Scope),
}

/// Routes without authentication. They must be cheap, since health checks are not counted either.
const PUBLIC: &[&str] =
    &["/v1/version", "/v1/health", "/v1/health/simple", "/v1/health/live", "/v1/health/ready"];

/// The page about the interface, with what it loads.
const DOCS: &[&str] = &["/docs", "/redoc", "/openapi.json"];

/// What `method` on `path` asks. Everything not named here asks for a scope: a new route is closed until it is opened.
pub fn needs(method: &Method, path: &str) -> Needs {
    let reading = is_reading(method);
    match path {
        _ if method == Method::OPTIONS => Needs::Nothing,
        path if reading && (PUBLIC.contains(&path) || is_docs(path)) => Needs::Nothing,
        path if is_inner(path) => Needs::Scope(Scope::Admin),
        _ if reading => Needs::Scope(Scope::Read),
        _ => Needs::Scope(Scope::Run),
    }
}

/// Routes about the service itself. Another spelling of the path must not be a way around, whatever the dispatch makes
/// of it: escapes are read, empty parts skipped.
fn is_inner(path: &str) -> bool {
    let plain = unescaped(path);
    let parts: Vec<&str> = plain.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    matches!(parts.as_slice(), ["v1", "config" | "admin", ..])
}

fn unescaped(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let escape = after.get(..2).filter(|_| *first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        match escape.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether requests to it count against the limit; those that watch over the service must always get through.
pub fn is_counted(method: &Method, path: &str) -> bool {
    !(method == Method::OPTIONS || is_reading(method) && PUBLIC[1..].contains(&path))
}

/// Whether the audit log tells of it even when all went well.
pub fn is_audited(method: &Method, path: &str) -> bool {
    let changing = !is_reading(method) && method != Method::OPTIONS;
    changing
        || ["/download", "/content", "/artifacts.zip"].iter().any(|end| path.ends_with(end))
        || is_inner(path)
}

fn is_docs(path: &str) -> bool {
    DOCS.iter().any(|docs| below(path, docs))
}

fn is_reading(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

fn below(path: &str, base: &str) -> bool {
    path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_ask_for_scopes() {
        let get = |path| needs(&Method::GET, path);
        assert_eq!(get("/v1/health"), Needs::Nothing);
        assert_eq!(get("/docs/app.js"), Needs::Nothing);
        assert_eq!(get("/docsy"), Needs::Scope(Scope::Read));
        assert_eq!(get("/v1/health/detailed"), Needs::Scope(Scope::Read));
        assert_eq!(get("/metrics"), Needs::Scope(Scope::Read));
        assert_eq!(get("/v1/config/status"), Needs::Scope(Scope::Admin));
        assert_eq!(needs(&Method::POST, "/v1/runs"), Needs::Scope(Scope::Run));
        assert_eq!(needs(&Method::DELETE, "/v1/health"), Needs::Scope(Scope::Run));
        assert_eq!(needs(&Method::from_bytes(b"BREW").unwrap(), "/new"), Needs::Scope(Scope::Run));
    }

    #[test]
    fn other_spellings_are_no_way_around() {
        for path in
            ["/v1/%63onfig/status", "//v1//config/status", "/v1/./admin", "/v1%2Fconfig", "/v1/%E2%82%/../x"]
        {
            let expected = if path.contains("..") { Scope::Read } else { Scope::Admin };
            assert_eq!(needs(&Method::GET, path), Needs::Scope(expected), "{path}");
        }
        assert_eq!(needs(&Method::GET, "/v1/%68ealth"), Needs::Scope(Scope::Read));
    }

    #[test]
    fn only_watching_is_not_counted() {
        assert!(!is_counted(&Method::GET, "/v1/health/ready"));
        assert!(is_counted(&Method::GET, "/v1/version"));
        assert!(is_counted(&Method::POST, "/v1/health"));
    }
}
