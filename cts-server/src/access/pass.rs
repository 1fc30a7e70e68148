//! What comes to the gate, and what it says.

use std::net::IpAddr;

use http::{HeaderMap, Method, StatusCode, Uri};

use super::authorize::Principal;
use super::client::Client;
use crate::failure::Failure;

/// The head of a request.
#[derive(Clone, Copy, Debug)]
pub struct Knock<'a> {
    /// The method.
    pub method: &'a Method,
    /// Path and query.
    pub uri: &'a Uri,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The other end of the connection.
    pub peer: IpAddr,
    /// What the request is called in logs.
    pub request_id: &'a str,
}

/// A request that may go on.
#[derive(Clone, Debug)]
pub struct Pass {
    /// Who makes it.
    pub principal: Principal,
    /// Where it comes from.
    pub client: Client,
    /// Whether keys are required, so that answers are private.
    pub keys_required: bool,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) request_id: String,
    /// For the answer.
    pub(super) headers: HeaderMap,
}

/// An answer that the gate gives itself.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// All headers besides those of the body.
    pub headers: HeaderMap,
    /// What is wrong; `None` for a preflight, whose body is `OK`.
    pub failure: Option<Failure>,
    /// Where the request came from.
    pub client: Client,
}
