//! What handlers have at hand, and the way of a request through it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderValue, Method, StatusCode};
use serde_json::Value;
use uuid::Uuid;
use warp::reply::Response;

use super::guard::FollowGuard;
use super::problem::Problem;
use super::recent::Recent;
use super::request::{Body, Head, Request};
use super::{reply, routes};
use crate::access::{Gate, Refusal};
use crate::engine::{Caller, Engine};
use crate::system::{Probe, System};

/// Everything that handlers need.
pub struct App {
    /// The runs.
    pub engine: Engine,
    /// Who may do what.
    pub gate: Arc<Gate>,
    /// What the service tells about itself.
    pub facts: Facts,
    pub(super) probe: Probe,
    /// The health checks, which must not run beside each other.
    pub(super) recent_checks: Recent<Vec<Value>>,
    /// CPU, memory and disk.
    pub(super) recent_system: Recent<System>,
    /// Bytes of artifacts, bytes of log lines, users.
    pub(super) recent_storage: Recent<(u64, u64, u64)>,
    pub(super) follow_guard: FollowGuard,
    pub(super) openapi: bytes::Bytes,
}

/// What the service tells about itself at `/v1/config/status`.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The answer of that route.
    pub config_status: Value,
}

impl App {
    /// The parts put together.
    pub fn new(engine: Engine, gate: Arc<Gate>, facts: Facts) -> Self {
        let (probe, follow_guard) = (Probe::default(), FollowGuard::default());
        let openapi = serde_json::to_vec(&super::openapi::document()).unwrap_or_default().into();
        Self {
            gate,
            facts,
            probe,
            recent_checks: Recent::default(),
            recent_system: Recent::default(),
            recent_storage: Recent::default(),
            follow_guard,
            openapi,
            engine,
        }
    }

    /// Answers one request.
    pub(super) async fn answer(
        self: Arc<Self>,
        head: Head,
        peer: SocketAddr,
        upgrade: Option<warp::ws::Ws>,
        body: Body,
    ) -> Response {
        let begun = Instant::now();
        let id = request_id(&head);
        let found = routes::find(&head.method, head.uri.path());
        let endpoint = found.endpoint();
        let (method, path) = (head.method.clone(), head.uri.path().to_owned());
        let mut response = match self.gate.enter(&head.method, &head.uri, &head.headers, peer.ip()).await {
            Err(refusal) => refused(refusal, &id, &path),
            Ok(pass) => {
                self.follow_guard.saw(pass.client.address, &head.headers, &path);
                let gzip = reply::takes_gzip(&head.headers);
                let conditional = head.headers.get(http::header::IF_NONE_MATCH).cloned();
                let answer = match found {
                    routes::Found::Route(route, params) => {
                        let caller = caller(&pass);
                        let request = Request { head, params, body, caller, pass: pass.clone(), upgrade };
                        (route.call)(Arc::clone(&self), request).await
                    }
                    routes::Found::Method(allowed) => Err(Problem::method(allowed)),
                    routes::Found::Nothing => Err(Problem::no_route()),
                };
                let mut response = answer.unwrap_or_else(|problem| problem.response(&id, &path));
                response = reply::finish(response, conditional.as_ref(), gzip);
                set_id(&mut response, &id);
                let status = response.status();
                self.gate.leave(&pass, status, response.headers_mut());
                response
            }
        };
        set_id(&mut response, &id);
        let (status, took) = (response.status().as_u16(), begun.elapsed());
        self.engine.metrics().answered(method_label(&method), endpoint, status, took);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        tracing::info!(request = id, %method, path, status, micros, peer = %peer.ip(), "answered");
        response
    }
}

/// Method names are made by clients; only known ones become labels.
fn method_label(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
    known.into_iter().find(|name| *name == method.as_str()).unwrap_or("OTHER")
}

fn caller(pass: &crate::access::Pass) -> Caller {
    let owner = pass.principal.owner().map(str::to_owned);
    let client = owner.clone().unwrap_or_else(|| pass.client.address.to_string());
    Caller { client, owner, admin: pass.principal.scopes.allow(crate::access::Scope::Admin) }
}

/// The id that the client or a proxy gave, if it can stand in a log, or else a new one.
fn request_id(head: &Head) -> String {
    let given = head.headers.get("x-request-id").and_then(|id| id.to_str().ok());
    let plain = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    given.filter(plain).map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}

fn set_id(response: &mut Response, id: &str) {
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert("x-request-id", id);
    }
}

fn refused(refusal: Refusal, id: &str, path: &str) -> Response {
    let Refusal { status, headers, failure } = refusal;
    let mut response = match failure {
        Some(failure) => Problem::with(status, failure).response(id, path),
        None => reply::text(StatusCode::OK, "text/plain; charset=utf-8", "OK"),
    };
    *response.status_mut() = status;
    for (name, value) in headers {
        if let Some(name) = name {
            response.headers_mut().append(name, value);
        }
    }
    response
}
