//! What can go wrong between here and the service.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

/// A failure of a command that talks to the service.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Something on this side.
    #[error(transparent)]
    Core(#[from] cts_core::Error),
    /// An address that cannot be used.
    #[error("`{address}` is no address of a service: {reason}")]
    BadAddress { address: String, reason: String },
    /// No answer.
    #[error("no answer from {url}: {reason}")]
    Unreachable { url: String, reason: String, transient: bool },
    /// An answer that says no.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// An answer that cannot be understood.
    #[error("{what} is not what a cts-lite service answers: {reason}")]
    BadAnswer { what: String, reason: String },
    /// Bytes that are not those that were sent.
    #[error("`{name}` arrived damaged: SHA-256 is {got}, not {expected}")]
    Damaged { name: String, expected: String, got: String },
    /// A transfer that was cut and could not be finished.
    #[error("`{name}` is cut after {got} of {expected} bytes: {reason}")]
    Cut { name: String, expected: u64, got: u64, reason: String },
    /// A file that is there already.
    #[error("the file exists already: {0:?}")]
    Exists(PathBuf),
    /// A wish that makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The service wants a newer client.
    #[error("this client speaks version {have} of the interface, the service wants {need} or newer")]
    TooOld { need: String, have: String },
    /// Ctrl-C.
    #[error("canceled")]
    Canceled,
}

impl Error {
    /// A stable word.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Core(error) => error.code(),
            Self::BadAddress { .. } => "bad-address",
            Self::Unreachable { .. } => "unreachable",
            Self::Refused(problem) => &problem.code,
            Self::BadAnswer { .. } => "bad-answer",
            Self::Damaged { .. } => "damaged-transfer",
            Self::Cut { .. } => "cut-transfer",
            Self::Exists(_) => "file-exists",
            Self::Usage(_) => "usage",
            Self::TooOld { .. } => "client-too-old",
            Self::Canceled => "canceled",
        }
    }

    /// What would help.
    pub(crate) fn hint(&self) -> Option<&str> {
        Some(match self {
            Self::BadAddress { .. } => "an address looks like http://127.0.0.1:8080",
            Self::Unreachable { .. } => {
                "check that the service runs, and its address: --url, CTS_URL, or `url` in cts/config.toml"
            }
            Self::Refused(problem) => return problem.fix.as_deref(),
            Self::BadAnswer { .. } => "check the address: something else may answer there",
            Self::Damaged { .. } => "try again; nothing was written",
            Self::Cut { .. } => "try again",
            Self::Exists(_) => "--force replaces it",
            Self::TooOld { .. } => "upgrade cts",
            Self::Core(_) | Self::Usage(_) | Self::Canceled => return None,
        })
    }

    /// Whether the same request may succeed a little later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { transient, .. } => *transient,
            // 501: never implemented by waiting. Disks do not get emptier within seconds either.
            Self::Refused(problem) => {
                problem.status == 429 || (problem.status >= 500 && !matches!(problem.status, 501 | 507))
            }
            _ => false,
        }
    }

    /// The pause that the service asked for.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(problem) => problem.retry_after,
            _ => None,
        }
    }

    /// An answer that lacks something.
    #[cold]
    pub(crate) fn answer(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::BadAnswer { what: what.into(), reason: reason.into() }
    }
}

/// Why the service says no, or why a run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// HTTP status; 0 for the failure of a run.
    pub(crate) status: u16,
    /// A stable word; `http-404` where the service gives none.
    pub(crate) code: String,
    /// `tool_error`, `validation_error`, `system_error` or `tool_not_found`.
    pub(crate) category: Option<String>,
    /// What went wrong.
    pub(crate) message: String,
    /// What would help.
    pub(crate) fix: Option<String>,
    /// Under which the log of the service knows the request.
    pub(crate) request_id: Option<String>,
    /// The pause that the service asked for.
    pub(crate) retry_after: Option<Duration>,
}

impl Problem {
    /// Reads problem details (RFC 9457), the `detail` of older services, or plain text.
    pub(super) fn of_answer(status: u16, body: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        let message = text("detail").or_else(|| faults(&value["detail"])).or_else(|| text("title"));
        let plain = || {
            let text = String::from_utf8_lossy(body);
            let line: String = text.lines().next().unwrap_or_default().chars().take(200).collect();
            if line.trim().is_empty() || text.trim_start().starts_with('<') {
                "the service refuses".to_owned()
            } else {
                line
            }
        };
        Self {
            status,
            code: text("code").unwrap_or_else(|| format!("http-{status}")),
            category: text("error_category"),
            message: message.unwrap_or_else(plain),
            fix: text("suggested_fix").or_else(|| remedy(status)),
            request_id: text("request_id"),
            retry_after: None,
        }
    }

    /// Applies `change` to all texts.
    pub(super) fn map(mut self, change: impl Fn(&str) -> String) -> Self {
        self.message = change(&self.message);
        self.code = change(&self.code);
        for text in [&mut self.fix, &mut self.category, &mut self.request_id].into_iter().flatten() {
            *text = change(text);
        }
        self
    }
}

/// The single faults of a malformed request, as older services list them.
fn faults(detail: &Value) -> Option<String> {
    let faults = detail.as_array()?.iter().map(|fault| {
        let place: Vec<String> = fault["loc"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned))
            .collect();
        format!("{}: {}", place.join("."), fault["msg"].as_str().unwrap_or("wrong"))
    });
    Some(faults.collect::<Vec<_>>().join("; "))
}

fn remedy(status: u16) -> Option<String> {
    let text = match status {
        300..=399 => "The address leads elsewhere; give the one that it leads to.",
        401 => "Give a key with --api-key, CTS_API_KEY, or `api_key` in cts/config.toml.",
        403 => "Use a key that is allowed to do this.",
        429 => "Try again a little later.",
        502..=504 => "Check that the service runs behind this address.",
        _ => return None,
    };
    Some(text.to_owned())
}

impl std::fmt::Display for Problem {
    /// Writes `Run 'x' not found (validation_error, HTTP 404)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.message)?;
        match (&self.category, self.status) {
            (Some(category), 0) => write!(f, " ({category})"),
            (Some(category), status) => write!(f, " ({category}, HTTP {status})"),
            (None, 0) => Ok(()),
            (None, status) => write!(f, " (HTTP {status})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, want: &str) {
        let problem = Problem::of_answer(status, body.as_bytes());
        assert_eq!(format!("[{}] {problem}", problem.code), want);
    }

    #[test]
    fn every_form_of_refusal_is_understood() {
        check(
            404,
            r#"{"detail":"Run 'x' not found","code":"no-such-run","error_category":"validation_error"}"#,
            "[no-such-run] Run 'x' not found (validation_error, HTTP 404)",
        );
        check(400, r#"{"detail":"bad"}"#, "[http-400] bad (HTTP 400)");
        check(
            422,
            r#"{"detail":[{"type":"missing","loc":["body","tool_id"],"msg":"Field required"}]}"#,
            "[http-422] body.tool_id: Field required (HTTP 422)",
        );
        check(502, "<html>Bad Gateway</html>", "[http-502] the service refuses (HTTP 502)");
        check(500, "", "[http-500] the service refuses (HTTP 500)");
        check(500, "out of luck\nmore", "[http-500] out of luck (HTTP 500)");
    }
}
