//! Requests to the API and to the storage.

use std::io::Read;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;
use ureq::http::{HeaderMap, Method, Request, Response, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy};

use super::address::Address;
use super::fault::{self, Fault};
use super::headers;
use super::patience::{Limit, Patience};
use super::token::Token;
use super::watch::Watch;
use crate::{Error, ErrorKind, Result};

/// More than any answer of the API: a list of some hundred thousand files.
const MAX_JSON_BYTES: u64 = 64 << 20;
/// The API may think for longer than a file may be silent: it signs each address.
const THINKING: u32 = 3;
/// More than any refusal.
const MAX_REFUSAL_BYTES: u64 = 64 << 10;

/// How to reach comma connect.
#[derive(Default)]
pub struct Options {
    /// The base address of the API; that of the web application if none is given.
    pub address: Option<String>,
    /// Without one, public drives only.
    pub token: Option<Token>,
    /// How often and how long things are tried.
    pub patience: Patience,
}

impl Options {
    /// The token of this user ([`Token::find`]), and the address of the variable `API_HOST`, as openpilot's tools do.
    ///
    /// # Errors
    /// Those of [`Token::find`].
    pub fn from_environment() -> Result<Self> {
        let (address, token) = (std::env::var("API_HOST").ok(), Token::find()?);
        Ok(Self { address, token, patience: Patience::default() })
    }
}

/// A client of comma connect; clones share connections, and the number of calls that the API takes.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    address: Address,
    token: Option<Token>,
    patience: Patience,
    pub(super) lists: Arc<Limit>,
}

impl Client {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// `bad-param` for an address that cannot be used.
    pub fn new(options: Options) -> Result<Self> {
        let Options { address, token, patience } = options;
        let address = Address::parse(address.as_deref())?;
        let agent = agent(&address, &patience);
        Ok(Self { agent, address, token, patience, lists: Arc::default() })
    }

    /// The same with another token.
    #[must_use]
    pub fn with_token(&self, token: Option<Token>) -> Self {
        Self { token, ..self.clone() }
    }

    pub(super) fn host(&self) -> &str {
        self.address.host()
    }

    pub(super) fn patience(&self) -> &Patience {
        &self.patience
    }

    /// Whether files may come over plain connections: where the API itself does.
    pub(super) fn allows_plain(&self) -> bool {
        self.address.is_plain()
    }

    /// What the API says at `path`; `what` names it in errors.
    pub(super) fn ask(&self, path: &str, what: &str, watch: &Watch) -> Result<Value> {
        let mut failures = 0;
        loop {
            watch.check()?;
            let fault = match self.ask_once(path) {
                Ok(value) => return Ok(value),
                Err(fault) => fault,
            };
            failures += 1;
            if !fault.is_transient() || failures >= self.patience.attempts {
                return Err(self.explain(fault, what));
            }
            watch.wait(self.patience.after(failures, &fault), || {
                format!("{}: {}", self.host(), fault.reason())
            })?;
        }
    }

    fn ask_once(&self, path: &str) -> Result<Value, Fault> {
        let mut request = Request::builder().method(Method::GET).uri(self.address.join(path));
        if let (Some(headers), Some(value)) =
            (request.headers_mut(), self.token.as_ref().and_then(Token::header))
        {
            headers.insert(header::AUTHORIZATION, value);
        }
        let response = self.run(request.body(()), THINKING)?;
        let mut body = response.into_body();
        let bytes = body.with_config().limit(MAX_JSON_BYTES).read_to_vec()?;
        let value: Value =
            serde_json::from_slice(&bytes).map_err(|e| Fault::Nonsense(format!("no JSON: {e}")))?;
        match said(&value) {
            // The key may come with any status.
            Some(reason) => Err(Fault::Nonsense(self.hide(&reason))),
            None => Ok(value),
        }
    }

    /// Sends a request to the storage, which must not see the token.
    pub(super) fn fetch(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
    ) -> Result<Response<Body>, Fault> {
        let mut request = Request::builder().method(method).uri(url);
        if let Some(all) = request.headers_mut() {
            *all = headers;
        }
        self.run(request.body(()), 1)
    }

    /// `silences`: how many times the longest silence the answer may take to begin.
    fn run(
        &self,
        request: Result<Request<()>, ureq::http::Error>,
        silences: u32,
    ) -> Result<Response<Body>, Fault> {
        let request = request.map_err(|_| Fault::Nonsense("an address cannot be read".to_owned()))?;
        let silence = Some(self.patience.silence.saturating_mul(silences));
        let request = self.agent.configure_request(request);
        let request = request.timeout_recv_response(silence).timeout_per_read(silence).build();
        let response = self.agent.run(request)?;
        if response.status().is_success() { Ok(response) } else { Err(self.refused(response)) }
    }

    fn refused(&self, response: Response<Body>) -> Fault {
        let (parts, body) = response.into_parts();
        let mut bytes = Vec::new();
        // A part of the reason is better than none.
        let _ = body.into_reader().take(MAX_REFUSAL_BYTES).read_to_end(&mut bytes);
        let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let reason = said(&value).map(|reason| self.hide(&reason)).unwrap_or_default();
        let retry_after = headers::retry_after(&parts.headers, SystemTime::now());
        let size = headers::size_in_range(&parts.headers);
        Fault::Status { code: parts.status.as_u16(), reason, retry_after, size }
    }

    fn hide(&self, text: &str) -> String {
        self.token.as_ref().map_or_else(|| text.to_owned(), |token| token.hide(text))
    }

    /// What a fault of the API means for the caller.
    #[cold]
    fn explain(&self, fault: Fault, what: &str) -> Error {
        let (host, what) = (self.host().to_owned(), what.to_owned());
        let code = if let Fault::Status { code, .. } = fault { code } else { 0 };
        let reason = fault.reason();
        match (fault, code, &self.token) {
            (Fault::Own(error), ..) => error,
            (_, 401 | 403, None) => {
                let reason = format!("it is not public, and no token was given ({reason})");
                ErrorKind::NoAccess { what, reason }.into()
            }
            (_, 401 | 403, Some(_)) => {
                let reason = format!("the token has expired, is wrong, or is of another user ({reason})");
                ErrorKind::NoAccess { what, reason }.into()
            }
            (_, 404, token) => {
                let token = if token.is_some() { "" } else { "; no token was given" };
                let reason = format!("it does not exist, or is not shown to you{token}");
                ErrorKind::NotInConnect { what, reason }.into()
            }
            (_, 429, _) => ErrorKind::RateLimited { host }.into(),
            (Fault::Network { .. }, ..) | (_, 408 | 500..=599, _) => {
                ErrorKind::Unreachable { host, reason }.into()
            }
            _ => ErrorKind::BadAnswer { host, reason }.into(),
        }
    }
}

fn agent(address: &Address, patience: &Patience) -> Agent {
    // What the operating system trusts, so that the authorities of companies count.
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    // A proxy could not reach this machine.
    let proxy = if address.is_plain() { None } else { Proxy::try_from_env() };
    let silence = Some(patience.silence);
    let config = Agent::config_builder()
        .http_status_as_error(false)
        // Neither the API nor the storage redirects, and whoever does must not lead elsewhere.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("cts/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        .proxy(proxy)
        .timeout_resolve(silence)
        .timeout_connect(silence)
        .timeout_per_read(silence)
        .timeout_per_write(silence)
        .timeout_recv_response(silence)
        .tls_config(tls)
        .build();
    config.into()
}

/// The words of `{"error": …, "description": …}`.
fn said(value: &Value) -> Option<String> {
    let error = value.get("error").filter(|error| !error.is_null())?;
    let text = value["description"].as_str().or_else(|| error.as_str());
    Some(fault::words(&text.map_or_else(|| error.to_string(), str::to_owned)))
}
