//! Which pages in browsers may call.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};

use crate::config::CorsOrigin;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, content-range, idempotency-key, if-match, if-modified-since, if-none-match, if-range, \
     if-unmodified-since, last-event-id, prefer, range, x-api-key, x-request-id",
);
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "accept-ranges, content-disposition, content-range, cts-next-before, cts-reused, etag, location, ratelimit-limit, \
     ratelimit-remaining, ratelimit-reset, retry-after, x-request-id",
);

/// What is done with a request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cors {
    /// It goes on; its answer gets these headers.
    Go(HeaderMap),
    /// It is a preflight, answered with these headers.
    Preflight(HeaderMap),
    /// A page that is not allowed asks beforehand, or wants to change something.
    Refuse,
}

/// Decides, with these origins allowed. Requests without `Origin` come from no page of another site. A page that is not
/// allowed may still cause a request that only reads, since the browser keeps the answer from it; whatever else it asks
/// for is refused here, because a browser does not ask beforehand for every form of POST, and for no WebSocket.
pub(super) fn decide(allowed: &[CorsOrigin], method: &Method, headers: &HeaderMap) -> Cors {
    let mut out = HeaderMap::new();
    out.insert(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = headers.get(header::ORIGIN) else { return Cors::Go(out) };
    let is_preflight =
        method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let hidden = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
        && !headers.contains_key(header::SEC_WEBSOCKET_KEY);
    match allows(allowed, origin) {
        None if is_preflight => return Cors::Refuse,
        None if hidden || is_same_origin(origin, headers) => return Cors::Go(out),
        None => return Cors::Refuse,
        Some(credentials) => {
            out.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            if credentials {
                out.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            }
        }
    }
    if !is_preflight {
        out.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        return Cors::Go(out);
    }
    let more: [(HeaderName, HeaderValue); 3] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
    ];
    out.extend(more);
    Cors::Preflight(out)
}

/// Whether `origin` is allowed, and if so, whether with credentials: only an origin that was named gets them.
fn allows(allowed: &[CorsOrigin], origin: &HeaderValue) -> Option<bool> {
    let named =
        allowed.iter().any(|o| matches!(o, CorsOrigin::One(one) if one.as_bytes() == origin.as_bytes()));
    (named || allowed.contains(&CorsOrigin::Any)).then_some(named)
}

/// Whether the page came from this service, as its own documentation does.
fn is_same_origin(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let uri = origin.to_str().ok().and_then(|text| text.parse::<Uri>().ok());
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    match (uri.as_ref().and_then(Uri::authority), host) {
        (Some(authority), Some(host)) => authority.as_str().eq_ignore_ascii_case(host),
        _ => false,
    }
}
