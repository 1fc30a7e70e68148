//! Failures as answers: problem details of RFC 9457, whose `detail` older clients read.

use http::{HeaderName, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use warp::reply::Response;

use super::reply;
use crate::failure::{Category, Details, Failure};

/// An answer that says what is wrong.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    failure: Box<Failure>,
    /// Single faults of a malformed request.
    errors: Option<Value>,
    headers: Vec<(HeaderName, String)>,
}

/// Problem details.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemView<'a> {
    /// `urn:cts:problem:` and the code.
    r#type: String,
    /// The status in words.
    title: &'a str,
    status: u16,
    /// What is wrong, and where.
    detail: &'a str,
    /// The path that was asked for.
    instance: &'a str,
    error_category: Category,
    /// A stable word.
    code: &'a str,
    /// What would help.
    suggested_fix: &'a str,
    /// Whether it was tried again before.
    recovery_attempted: bool,
    #[schema(value_type = Details)]
    error_details: &'a Details,
    /// As in the header `X-Request-Id` and in the log of the service.
    request_id: &'a str,
    /// Single faults of a malformed request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    errors: Option<Value>,
}

/// What a handler gives.
pub(super) type Answer = Result<Response, Problem>;

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::with(status_of(&failure), failure)
    }
}

/// The status for a failure.
fn status_of(failure: &Failure) -> StatusCode {
    match (failure.code.as_str(), failure.category) {
        ("path-not-allowed", _) => StatusCode::FORBIDDEN,
        ("too-large", _) => StatusCode::PAYLOAD_TOO_LARGE,
        ("upload-busy" | "upload-complete" | "upload-offset" | "idempotency-mismatch", _) => {
            StatusCode::CONFLICT
        }
        ("queue-full" | "too-many-monitors" | "too-many-downloads", _) => StatusCode::TOO_MANY_REQUESTS,
        ("busy" | "stopping", _) => StatusCode::SERVICE_UNAVAILABLE,
        ("disk-full", _) => StatusCode::INSUFFICIENT_STORAGE,
        (
            "no-such-run" | "no-such-artifact" | "no-such-upload" | "no-such-monitor" | "no-such-download"
            | "not-offered",
            _,
        ) => StatusCode::NOT_FOUND,
        (_, Category::ToolNotFound) => StatusCode::NOT_FOUND,
        (_, Category::ValidationError) => StatusCode::BAD_REQUEST,
        (_, Category::SystemError | Category::ToolError) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl Problem {
    pub(super) fn with(status: StatusCode, failure: Failure) -> Self {
        Self { status, failure: Box::new(failure), errors: None, headers: Vec::new() }
    }

    /// A request that does not have the form it should have.
    pub(super) fn malformed(kind: &str, loc: Value, message: String, input: Value) -> Self {
        let errors = json!([{ "type": kind, "loc": loc, "msg": message, "input": input }]);
        let failure =
            Failure::validation("malformed", message, "See /openapi.json for the form of requests.");
        Self { errors: Some(errors), ..Self::with(StatusCode::UNPROCESSABLE_ENTITY, failure) }
    }

    #[cfg(test)]
    pub(super) fn faults(self) -> Value {
        self.errors.unwrap_or_default()
    }

    pub(super) fn no_route() -> Self {
        let failure =
            Failure::validation("no-such-path", "Not Found", "See /docs for the paths of the service.");
        Self::with(StatusCode::NOT_FOUND, failure)
    }

    pub(super) fn method(allowed: String) -> Self {
        let fix = format!("This path takes {allowed}.");
        let failure = Failure::validation("method-not-allowed", "Method Not Allowed", fix);
        Self::with(StatusCode::METHOD_NOT_ALLOWED, failure).header(header::ALLOW, allowed)
    }

    /// Adds a header to the answer.
    pub(super) fn header(mut self, name: HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn response(self, request_id: &str, path: &str) -> Response {
        let Self { status, failure, errors, headers } = self;
        if status.is_server_error() {
            tracing::error!(request = request_id, code = failure.code, "{}", failure.message);
        }
        let body = ProblemView {
            r#type: format!("urn:cts:problem:{}", failure.code),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: &failure.message,
            instance: path,
            error_category: failure.category,
            code: &failure.code,
            suggested_fix: &failure.suggested_fix,
            recovery_attempted: failure.recovery_attempted,
            error_details: &failure.details,
            request_id,
            errors,
        };
        let mut response = reply::json_as(status, "application/problem+json", &body);
        for (name, value) in headers {
            reply::insert(&mut response, name, &value);
        }
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            reply::insert(&mut response, header::RETRY_AFTER, "5");
        }
        response
    }
}
