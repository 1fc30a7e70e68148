//! What the gate says to those it does not let through.

use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::authorize::Denial;
use super::gate::{Stop, number};
use super::limit::Quota;
use crate::config::Problem;
use crate::failure::Failure;

fn stop(status: StatusCode, code: &str, message: impl Into<String>, fix: impl Into<String>) -> Stop {
    (status, Some(Failure::validation(code, message, fix)))
}

pub(super) fn denied(denial: Denial) -> Stop {
    let status = match denial {
        Denial::Scope(_) => StatusCode::FORBIDDEN,
        _ => StatusCode::UNAUTHORIZED,
    };
    stop(status, denial.code(), denial.message(), denial.fix())
}

pub(super) fn too_many(limit: u64) -> Stop {
    let message = format!("more than {limit} requests in a minute");
    stop(
        StatusCode::TOO_MANY_REQUESTS,
        "rate-limited",
        message,
        "Wait as long as `Retry-After` says, in seconds.",
    )
}

pub(super) fn too_large(limit: u64) -> Stop {
    let message = format!("the head of the request exceeds the limit of {limit} bytes (max_header_kb)");
    stop(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "headers-too-large",
        message,
        "Send fewer or shorter headers.",
    )
}

pub(super) fn foreign_page() -> Stop {
    let fix = "Add the origin of the page to `cors_allowed_origins`.";
    stop(StatusCode::FORBIDDEN, "origin-not-allowed", "pages of this origin may not call the service", fix)
}

pub(super) fn broken(failure: Failure) -> Stop {
    (StatusCode::SERVICE_UNAVAILABLE, Some(failure))
}

pub(super) fn bad_config(problem: &Problem) -> Failure {
    let fix = problem.remedy.clone().unwrap_or_else(|| "Look at `cts-lite config check`.".to_owned());
    Failure::system("bad-config", problem.message.clone(), fix)
}

/// How to prove oneself, where that is missing.
pub(super) fn challenge(status: StatusCode, headers: &mut HeaderMap) {
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"cts-lite\""));
    }
}

/// What is left of the minute. Source of the names: the IETF draft `ratelimit-headers`, version 7.
pub(super) fn quota(quota: &Quota, headers: &mut HeaderMap) {
    let missing = quota.limit.saturating_sub(quota.remaining);
    let reset = (missing * 60).div_ceil(quota.limit.max(1));
    for (name, value) in [
        ("ratelimit-limit", quota.limit),
        ("ratelimit-remaining", quota.remaining),
        ("ratelimit-reset", reset),
    ] {
        headers.insert(HeaderName::from_static(name), number(value));
    }
    if let Some(wait) = quota.retry_after {
        headers.insert(
            header::RETRY_AFTER,
            number(wait.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(60)),
        );
    }
}
