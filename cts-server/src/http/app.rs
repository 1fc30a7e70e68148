//! What handlers have at hand, and the way of a request through it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderName, Method};
use uuid::Uuid;
use warp::reply::Response;

use super::guard::FollowGuard;
use super::health::Check;
use super::problem::{Answer, Problem};
use super::recent::Recent;
use super::reply::{self, Wants};
use super::request::{Body, Head, Request};
use super::route::{self, Found};
use super::routes::ROUTES;
use crate::access::{Gate, Knock, Pass, Refusal, Scope};
use crate::engine::{Caller, Engine};
use crate::system::{Probe, System};

/// Everything that handlers need.
pub struct App {
    /// The runs.
    pub engine: Engine,
    /// Who may do what.
    pub gate: Arc<Gate>,
    /// Where the service listens.
    pub address: SocketAddr,
    pub(super) probe: Probe,
    /// The health checks, which must not run beside each other.
    pub(super) recent_checks: Recent<Vec<Check>>,
    /// CPU, memory and disk.
    pub(super) recent_system: Recent<System>,
    /// Bytes of artifacts, bytes of log lines, users.
    pub(super) recent_storage: Recent<(u64, u64, u64)>,
    pub(super) follow_guard: FollowGuard,
    pub(super) openapi: bytes::Bytes,
}

impl App {
    /// The parts put together.
    pub fn new(engine: Engine, gate: Arc<Gate>, address: SocketAddr) -> Self {
        let (probe, follow_guard) = (Probe::default(), FollowGuard::default());
        let openapi = serde_json::to_vec(&super::openapi::document()).unwrap_or_default().into();
        for route in ROUTES {
            engine.metrics().announce_route(route.method, route.path, route.status);
        }
        Self {
            gate,
            address,
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
        let found = route::find(&head.method, head.uri.path());
        let endpoint = found.endpoint();
        let (method, path, wants) = (head.method.clone(), head.uri.path().to_owned(), Wants::of(&head));
        let Head { method: asked, uri, headers } = &head;
        let knock = Knock { method: asked, uri, headers, peer: peer.ip(), request_id: &id };
        let (mut response, client) = match self.gate.enter(knock).await {
            Err(refusal) => {
                let client = refusal.client.address;
                (reply::finish(refused(refusal, &id, &path), &wants), client)
            }
            Ok(pass) => {
                let request = Request {
                    head,
                    params: Vec::new(),
                    body,
                    caller: caller(&pass),
                    pass: pass.clone(),
                    upgrade,
                };
                let answer = Arc::clone(&self).handle(found, request).await;
                let response = answer.unwrap_or_else(|problem| problem.response(&id, &path));
                let mut response = reply::finish(response, &wants);
                self.gate.leave(&pass, response.status(), response.headers_mut());
                (response, pass.client.address)
            }
        };
        reply::insert(&mut response, HeaderName::from_static("x-request-id"), &id);
        let (status, took) = (response.status().as_u16(), begun.elapsed());
        self.engine.metrics().answered(method_label(&method), endpoint, status, took);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        tracing::info!(request = id, %method, path, status, micros, %client, "answered");
        response
    }

    async fn handle(self: Arc<Self>, found: Found, request: Request) -> Answer {
        match found {
            Found::Route(route, params) => (route.call)(self, Request { params, ..request }).await,
            Found::Method(allowed) if request.head.method == Method::OPTIONS => Ok(reply::options(&allowed)),
            Found::Method(allowed) => Err(Problem::method(allowed)),
            Found::Nothing => Err(Problem::no_route()),
        }
    }
}

/// Method names are made by clients; only known ones become labels.
fn method_label(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
    known.into_iter().find(|name| *name == method.as_str()).unwrap_or("OTHER")
}

fn caller(pass: &Pass) -> Caller {
    let owner = pass.principal.owner().map(str::to_owned);
    let client = owner.clone().unwrap_or_else(|| pass.client.address.to_string());
    Caller { client, owner, admin: pass.principal.scopes.allow(Scope::Admin) }
}

/// The id that the client or a proxy gave, if it can stand in a log, or else a new one.
fn request_id(head: &Head) -> String {
    let given = head.headers.get("x-request-id").and_then(|id| id.to_str().ok());
    let plain = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    given.filter(plain).map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}

fn refused(refusal: Refusal, id: &str, path: &str) -> Response {
    let mut response = match refusal.failure {
        Some(failure) => Problem::with(refusal.status, failure).response(id, path),
        None => reply::text(refusal.status, "text/plain; charset=utf-8", "OK"),
    };
    // Instead of what the response has: the gate knows better how long to wait.
    response.headers_mut().extend(refusal.headers);
    response
}
