//! Requests and their repetition.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::{HeaderMap, Method, Request, Response, header};
use ureq::{Agent, AsSendBody, Body, Proxy, SendBody};

use super::{Address, ApiKey, Error, Problem, Result, tls};

/// Pauses between the attempts of one request, unless the service asks for others.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];
/// The longest pause that a service is granted.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// More than any answer that is not a file.
const MAX_JSON_BYTES: u64 = 256 << 20;
/// More than any refusal.
const MAX_PROBLEM_BYTES: u64 = 1 << 20;

/// How to reach a service.
pub(crate) struct Options {
    pub(crate) address: Address,
    pub(crate) key: Option<ApiKey>,
    /// The longest silence.
    pub(crate) timeout: Duration,
    /// Whether certificates are checked.
    pub(crate) verify: bool,
    /// Ends all waiting when it becomes true.
    pub(crate) cancel: Arc<AtomicBool>,
}

/// A connection to a service; clones share it.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    address: Address,
    key: Option<ApiKey>,
    timeout: Duration,
    verify: bool,
    cancel: Arc<AtomicBool>,
}

/// A request that can be repeated.
#[derive(Clone)]
pub(crate) struct Call {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Call {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// A POST that has the same effect however often it arrives, where the service honours its key.
    pub(crate) fn post(path: impl Into<String>, body: Option<&Value>) -> Result<Self> {
        let mut call = Self::new(Method::POST, path);
        call = call.header(header::HeaderName::from_static("idempotency-key"), &random_key()?);
        if let Some(body) = body {
            call.body = body.to_string().into_bytes();
            call = call.header(header::CONTENT_TYPE, "application/json");
        }
        Ok(call)
    }

    fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: HeaderMap::new(), body: Vec::new() }
    }

    /// Adds a header; one that cannot be sent is left out.
    pub(crate) fn header(mut self, name: header::HeaderName, value: &str) -> Self {
        if let Ok(value) = value.parse() {
            self.headers.insert(name, value);
        }
        self
    }
}

/// 128 random bits in hex.
fn random_key() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|e| cts_core::Error::io("get random bytes", std::io::Error::other(e.to_string())))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Client {
    pub(crate) fn new(options: Options) -> Self {
        let Options { address, key, timeout, verify, cancel } = options;
        // A proxy could not reach this machine.
        let proxy = if address.is_loopback() { None } else { Proxy::try_from_env() };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("cts-cli/", env!("CARGO_PKG_VERSION")))
            .proxy(proxy)
            .timeout_resolve(Some(timeout))
            .timeout_connect(Some(timeout))
            .timeout_per_read(Some(timeout))
            .timeout_per_write(Some(timeout))
            .timeout_recv_response(Some(timeout))
            .tls_config(tls::of_requests(verify))
            .build();
        Self { agent: config.into(), address, key, timeout, verify, cancel }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The longest silence.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether certificates are checked.
    pub(super) fn verifies(&self) -> bool {
        self.verify
    }

    /// The value of the header `Authorization`, for connections of another kind.
    pub(crate) fn authorization(&self) -> Option<String> {
        self.key.as_ref().map(ApiKey::header)
    }

    /// The same, but content with longer silence.
    pub(crate) fn patient(&self, timeout: Duration) -> Self {
        Self { timeout: self.timeout.max(timeout), ..self.clone() }
    }

    /// Sends once.
    pub(super) fn send(&self, call: &Call) -> Result<Response<Body>> {
        let Call { method, path, headers, body } = call;
        match body.is_empty() && *method != Method::POST {
            true => self.transmit(method, path, headers, ()),
            false => self.transmit(method, path, headers, body.as_slice()),
        }
    }

    /// Sends `len` bytes of `body` once.
    pub(super) fn put(
        &self,
        path: &str,
        mut headers: HeaderMap,
        body: &mut dyn Read,
        len: u64,
    ) -> Result<()> {
        headers.insert(header::CONTENT_LENGTH, len.into());
        self.transmit(&Method::PUT, path, &headers, SendBody::from_reader(body)).map(drop)
    }

    fn transmit(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        body: impl AsSendBody,
    ) -> Result<Response<Body>> {
        let url = self.address.join(path);
        let mut request = Request::builder().method(method).uri(&url);
        if let Some(all) = request.headers_mut() {
            all.extend(headers.clone());
            if let Some(key) = self.authorization() {
                let mut value: header::HeaderValue = key.parse().map_err(|_| {
                    Error::Usage("the API key has characters that no key can have".to_owned())
                })?;
                value.set_sensitive(true);
                all.insert(header::AUTHORIZATION, value);
            }
        }
        let request = request.body(body).map_err(|e| self.unreachable(&url, e.into()))?;
        let request = self
            .agent
            .configure_request(request)
            .timeout_recv_response(Some(self.timeout))
            .timeout_per_read(Some(self.timeout))
            .build();
        let response = self.agent.run(request).map_err(|e| self.unreachable(&url, e))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refused(response)) }
    }

    /// Sends, and again after a pause when that may help.
    pub(crate) fn ask(&self, call: &Call) -> Result<Response<Body>> {
        let mut pauses = PAUSES.iter();
        loop {
            let error = match self.send(call) {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            match pauses.next() {
                Some(pause) if error.is_transient() => {
                    self.pause(error.retry_after().unwrap_or(*pause).min(LONGEST_PAUSE))?;
                }
                _ => return Err(error),
            }
        }
    }

    /// Asks for JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T> {
        let what = format!("the answer to {} {}", call.method, call.path);
        let mut body = self.ask(call)?.into_body();
        let bytes = body.with_config().limit(MAX_JSON_BYTES).read_to_vec();
        let bytes = bytes.map_err(|e| self.unreachable(&self.address.join(&call.path), e))?;
        serde_json::from_slice(&bytes).map_err(|e| Error::answer(what, e.to_string()))
    }

    /// Waits, unless the user has enough.
    pub(crate) fn pause(&self, pause: Duration) -> Result<()> {
        let end = Instant::now() + pause;
        loop {
            self.check()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }
    }

    /// Whether the user has enough.
    pub(crate) fn check(&self) -> Result<()> {
        if self.cancel.load(Ordering::Relaxed) { Err(Error::Canceled) } else { Ok(()) }
    }

    fn refused(&self, response: Response<Body>) -> Error {
        let (parts, body) = response.into_parts();
        let mut bytes = Vec::new();
        // A part of the reason is better than none.
        let _ = body.into_reader().take(MAX_PROBLEM_BYTES).read_to_end(&mut bytes);
        let problem = Problem::of_answer(parts.status.as_u16(), &bytes);
        let mut problem = problem.map(|text| self.hide(text));
        let seconds =
            parts.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        problem.retry_after = seconds.map(Duration::from_secs);
        Error::Refused(Box::new(problem))
    }

    pub(super) fn hide(&self, text: &str) -> String {
        self.key.as_ref().map_or_else(|| text.to_owned(), |key| key.hide(text))
    }

    /// An error of the connection.
    #[cold]
    pub(super) fn unreachable(&self, url: &str, error: ureq::Error) -> Error {
        use ureq::Error as E;
        let (reason, transient) = match &error {
            E::Timeout(_) => (format!("nothing for {} s", self.timeout.as_secs_f64()), true),
            E::Io(e) if e.kind() == std::io::ErrorKind::InvalidData => (untrusted(e), false),
            E::Rustls(e) => (untrusted(e), false),
            E::Io(e) => (e.to_string(), true),
            E::HostNotFound => ("the host is not known".to_owned(), false),
            E::ConnectionFailed | E::Protocol(_) | E::BodyStalled => (error.to_string(), true),
            _ => (error.to_string(), false),
        };
        Error::Unreachable { url: url.to_owned(), reason: self.hide(&reason), transient }
    }
}

/// TLS refuses to go on, most likely for want of trust.
fn untrusted(error: &impl std::fmt::Display) -> String {
    format!(
        "{error} (trusted is what the operating system trusts, or the file that SSL_CERT_FILE names; --no-verify takes \
         every certificate)"
    )
}
