//! Answers: JSON and texts, with hashes and compression where they help.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::Serialize;
use warp::reply::Response;

use super::body::Whole;
use super::request::Head;
use crate::files::Hasher;

/// Smaller bodies are not worth compressing.
const WORTH: usize = 1024;

/// JSON with status 200.
pub(super) fn json(value: &impl Serialize) -> Response {
    json_as(StatusCode::OK, "application/json", value)
}

/// JSON of a media type of its own.
pub(super) fn json_as(status: StatusCode, content_type: &'static str, value: &impl Serialize) -> Response {
    text(status, content_type, serde_json::to_vec(value).unwrap_or_default())
}

/// A body that is at hand.
pub(super) fn text(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Bytes::new().into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.extensions_mut().insert(Whole(body.into()));
    response
}

/// What a client says about the answer that it wants.
pub(super) struct Wants {
    if_none_match: Option<HeaderValue>,
    gzip: bool,
}

impl Wants {
    pub(super) fn of(head: &Head) -> Self {
        let reading = matches!(head.method, Method::GET | Method::HEAD);
        let if_none_match = head.headers.get(header::IF_NONE_MATCH).filter(|_| reading).cloned();
        Self { if_none_match, gzip: takes_gzip(&head.headers) }
    }
}

/// What is allowed on a path.
pub(super) fn options(allowed: &str) -> Response {
    let mut response = Response::new(Bytes::new().into());
    *response.status_mut() = StatusCode::NO_CONTENT;
    insert(&mut response, header::ALLOW, allowed);
    response
}

/// Whether the client takes gzip.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT_ENCODING).into_iter().flat_map(|value| value.to_str());
    accepted.flat_map(|list| list.split(',')).any(|one| {
        let (name, quality) = one.split_once(';').unwrap_or((one, ""));
        name.trim() == "gzip"
            && !matches!(quality.trim().trim_start_matches("q=").parse::<f32>(), Ok(q) if q <= 0.0)
    })
}

/// Puts a body that is at hand into the response: not at all if the client has it, else compressed if it is worth it.
pub(super) fn finish(mut response: Response, wants: &Wants) -> Response {
    let Some(Whole(body)) = response.extensions_mut().remove::<Whole>() else {
        return response;
    };
    let worth = body.len() >= WORTH;
    if worth {
        response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    if worth && response.status() == StatusCode::OK {
        let mut hasher = Hasher::default();
        hasher.update(&body);
        // Weak: the same content, compressed or not.
        let tag = format!("W/\"{}\"", &hasher.finish()[..32]);
        insert(&mut response, header::ETAG, &tag);
        let given = wants.if_none_match.as_ref().and_then(|value| value.to_str().ok());
        if given.is_some_and(|given| matches_tag(given, &tag)) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response.headers_mut().remove(header::CONTENT_TYPE);
            return response;
        }
    }
    let packed = (wants.gzip && worth).then(|| pack(&body)).flatten();
    if packed.is_some() {
        insert(&mut response, header::CONTENT_ENCODING, "gzip");
    }
    let body = packed.unwrap_or(body);
    insert(&mut response, header::CONTENT_LENGTH, &body.len().to_string());
    *response.body_mut() = body.into();
    response
}

/// Whether a list of tags has this one; weakness does not matter here.
pub(super) fn matches_tag(list: &str, tag: &str) -> bool {
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    list.trim() == "*" || list.split(',').any(|one| plain(one) == plain(tag))
}

fn pack(body: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

pub(super) fn insert(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_who_ask() {
        let takes = |value: &'static str| {
            takes_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]))
        };
        assert!(takes("gzip, deflate, br") && takes("br;q=1, gzip;q=0.5"));
        assert!(!takes("gzip;q=0") && !takes("identity") && !takes("gzipped"));
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        let big = || json(&"x".repeat(5000));
        let wants = |method, if_none_match: Option<&HeaderValue>, gzip: &'static str| {
            let mut headers =
                HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(gzip))]);
            if_none_match.map(|tag| headers.insert(header::IF_NONE_MATCH, tag.clone()));
            Wants::of(&Head { method, uri: http::Uri::from_static("/"), headers })
        };
        let first = finish(big(), &wants(Method::GET, None, "gzip"));
        assert_eq!(first.headers()[header::CONTENT_ENCODING], "gzip");
        let tag = first.headers()[header::ETAG].clone();
        let second = finish(big(), &wants(Method::GET, Some(&tag), "gzip"));
        assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(second.headers()[header::VARY], "Accept-Encoding");
        let done = finish(big(), &wants(Method::POST, Some(&tag), "gzip"));
        assert_eq!(done.status(), StatusCode::OK, "what a POST did is always told");
        let plain = finish(big(), &wants(Method::GET, None, "identity"));
        assert_eq!(plain.headers()[header::CONTENT_LENGTH], "5002");
        assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
    }
}
