//! What a route is, and the way from a request to one.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::Method;

use super::app::App;
use super::problem::Answer;
use super::request::{Request, decoded};
use super::routes::ROUTES;
use super::shape::Shape;

/// One route.
#[derive(Clone, Copy)]
pub(super) struct Route {
    pub(super) method: &'static str,
    /// The path, with `{name}` for parts that clients choose.
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    pub(super) query: &'static [Query],
    /// Headers that mean something to it: name, meaning.
    pub(super) headers: &'static [(&'static str, &'static str)],
    /// The forms of bodies that it takes, if it takes one.
    pub(super) bodies: &'static [Shape],
    /// The form of a successful answer.
    pub(super) reply: Shape,
    /// Status of a successful answer.
    pub(super) status: u16,
    /// Statuses of problems that are part of the contract.
    pub(super) problems: &'static [u16],
    pub(super) call: Handler,
}

/// A query parameter: name, JSON type, meaning.
pub(super) type Query = (&'static str, &'static str, &'static str);

/// A handler.
pub(super) type Handler = fn(Arc<App>, Request) -> Pin<Box<dyn Future<Output = Answer> + Send>>;

impl Route {
    /// A route that gives `reply` with status 200.
    pub(super) const fn new(
        (method, path): (&'static str, &'static str),
        summary: &'static str,
        reply: Shape,
        call: Handler,
    ) -> Self {
        Self {
            method,
            path,
            summary,
            query: &[],
            headers: &[],
            bodies: &[],
            reply,
            status: 200,
            problems: &[],
            call,
        }
    }

    /// The heading it stands under.
    pub(super) fn tag(&self) -> &'static str {
        match self.path.split('/').nth(2) {
            Some(room @ ("health" | "runs" | "artifacts" | "uploads" | "downloads" | "monitors")) => room,
            _ => "service",
        }
    }

    pub(super) const fn query(self, query: &'static [Query]) -> Self {
        Self { query, ..self }
    }

    pub(super) const fn headers(self, headers: &'static [(&'static str, &'static str)]) -> Self {
        Self { headers, ..self }
    }

    pub(super) const fn takes(self, bodies: &'static [Shape]) -> Self {
        Self { bodies, ..self }
    }

    pub(super) const fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(super) const fn fails(self, problems: &'static [u16]) -> Self {
        Self { problems, ..self }
    }
}

/// Where a request leads.
pub(super) enum Found {
    /// A route, and what stands in the place of the names in its path.
    Route(&'static Route, Vec<String>),
    /// The path exists, with these methods.
    Method(String),
    /// Nowhere.
    Nothing,
}

impl Found {
    /// The pattern of the path, for metrics.
    pub(super) fn endpoint(&self) -> &'static str {
        match self {
            Self::Route(route, _) => route.path,
            Self::Method(_) => "(method)",
            Self::Nothing => "(none)",
        }
    }
}

/// Finds the route of a request. `HEAD` is answered as `GET` without the body, except for streams.
pub(super) fn find(method: &Method, path: &str) -> Found {
    let wanted = if *method == Method::HEAD { "GET" } else { method.as_str() };
    let mut allowed: Vec<&str> = Vec::new();
    for route in ROUTES {
        let Some(params) = matched(route.path, path) else { continue };
        let has_head = route.method == "GET" && !route.reply.is_endless();
        if route.method == wanted && (*method != Method::HEAD || has_head) {
            return Found::Route(route, params);
        }
        let more = [Some(route.method), has_head.then_some("HEAD")];
        allowed.extend(
            more.into_iter().flatten().filter(|method| !allowed.contains(method)).collect::<Vec<_>>(),
        );
    }
    if allowed.is_empty() {
        return Found::Nothing;
    }
    allowed.push("OPTIONS");
    Found::Method(allowed.join(", "))
}

/// The parts of `path` that stand for the names of `pattern`; `None` if it does not fit.
fn matched(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (mut want, mut have) = (pattern.split('/'), path.split('/'));
    let mut params = Vec::new();
    loop {
        match (want.next(), have.next()) {
            (None, None) => return Some(params),
            (Some(want), Some(have)) if want.starts_with('{') && !have.is_empty() => {
                // `{run_id}.zip`: a name may be followed by an ending.
                let (_, ending) = want.split_once('}')?;
                params.push(decoded(have.strip_suffix(ending)?));
            }
            (Some(want), Some(have)) if want == have => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(method: &str, path: &str) -> (String, Vec<String>) {
        match find(&method.parse().unwrap(), path) {
            Found::Route(route, params) => (route.path.to_owned(), params),
            Found::Method(allowed) => (format!("allow {allowed}"), Vec::new()),
            Found::Nothing => ("none".to_owned(), Vec::new()),
        }
    }

    #[test]
    fn paths_lead_to_routes() {
        assert_eq!(at("GET", "/v1/runs/a"), ("/v1/runs/{run_id}".to_owned(), vec!["a".to_owned()]));
        assert_eq!(at("HEAD", "/v1/health").0, "/v1/health");
        assert_eq!(at("GET", "/v1/runs/a/artifacts.zip").0, "/v1/runs/{run_id}/artifacts.zip");
        assert_eq!(at("GET", "/v1/runs/a%2Fb/logs").1, ["a/b"]);
        assert_eq!(at("HEAD", "/v1/runs/a/logs").0, "allow GET, OPTIONS");
        assert_eq!(at("PATCH", "/v1/runs").0, "allow POST, GET, HEAD, OPTIONS");
        for path in ["/", "/v1", "/v1/runs/", "/v1/runs//logs", "/v1/runs/a/b", "/v1/health/x", "//v1/health"]
        {
            assert_eq!(at("GET", path).0, "none", "{path}");
        }
    }

    #[test]
    fn routes_are_unique() {
        for (i, route) in ROUTES.iter().enumerate() {
            let same = |other: &&Route| (other.method, other.path) == (route.method, route.path);
            assert!(!ROUTES[..i].iter().any(|other| same(&other)), "{} {}", route.method, route.path);
        }
    }
}
