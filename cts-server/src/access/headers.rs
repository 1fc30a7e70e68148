//! Headers that every answer carries, so that browsers do no more with it than they must.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

const FIXED: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Answers are data. A report in HTML that someone opens in the browser runs no script and reaches no key.
const DATA_POLICY: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";

/// Adds what `out` does not have yet.
pub(super) fn secure(out: &mut HeaderMap, https: bool, private: bool) {
    let mut add = |name: HeaderName, value: &'static str| {
        out.entry(name).or_insert(HeaderValue::from_static(value));
    };
    for (name, value) in FIXED {
        add(name, value);
    }
    add(header::CONTENT_SECURITY_POLICY, DATA_POLICY);
    if https {
        add(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    // States change, and keys are revoked: whoever keeps an answer asks whether it still holds.
    add(header::CACHE_CONTROL, if private { "private, no-cache" } else { "no-cache" });
}
