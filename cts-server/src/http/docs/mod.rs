//! The interface for people: the document as a page that needs nothing from elsewhere.

use std::sync::{Arc, LazyLock};

use data_encoding::BASE64;
use http::{HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};

use super::app::App;
use super::problem::Answer;
use super::reply;
use super::request::Request;

/// `GET /openapi.json`
pub(super) async fn openapi(app: Arc<App>, _: Request) -> Answer {
    Ok(reply::text(StatusCode::OK, "application/json", app.openapi.clone()))
}

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

static PAGE: LazyLock<String> =
    LazyLock::new(|| include_str!("page.html").replace("{style}", STYLE).replace("{script}", SCRIPT));

/// The page runs its own script, has its own style, and asks this service only.
static POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let [style, script] = [STYLE, SCRIPT].map(|text| BASE64.encode(&Sha256::digest(text)));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; img-src data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).ok()
});

/// `GET /docs`, `GET /redoc`
pub(super) async fn page(_: Arc<App>, _: Request) -> Answer {
    let mut response = reply::text(StatusCode::OK, "text/html; charset=utf-8", PAGE.as_str());
    if let Some(policy) = &*POLICY {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    }
    Ok(response)
}
