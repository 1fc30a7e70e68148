//! Headers that every answer carries, so that browsers do no more with it than they must.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

const FIXED: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Answers are data. A report in HTML that someone opens in the browser runs no script and reaches no key.
const DATA_POLICY: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";
/// The page about the interface brings scripts along, from here only.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// Adds what `out` does not have yet.
pub(super) fn secure(out: &mut HeaderMap, is_docs: bool, https: bool, private: bool) {
    let policy = if is_docs { DOCS_POLICY } else { DATA_POLICY };
    let mut add = |name: HeaderName, value: &'static str| {
        out.entry(name).or_insert(HeaderValue::from_static(value));
    };
    for (name, value) in FIXED {
        add(name, value);
    }
    add(header::CONTENT_SECURITY_POLICY, policy);
    if https {
        add(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    if private {
        // `no-cache` keeps conditional requests, which ask with the key again.
        add(header::CACHE_CONTROL, "private, no-cache");
    }
}
