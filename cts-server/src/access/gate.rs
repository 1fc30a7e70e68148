//! The gate that every request passes: one question before its handler, one word after it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode, Uri};

use super::authorize::{Credential, Denial, Principal, authorize, holder};
use super::client::Client;
use super::cors::{self, Cors};
use super::headers::secure;
use super::keys::{KeyRecord, Keys};
use super::limit::{Limiter, Quota, RateKey};
use super::link::Links;
use super::pass::{Knock, Pass, Refusal};
use super::policy::{self, Needs};
use super::reply;
use super::rules::Rules;
use super::scope::Scopes;
use crate::clock;
use crate::config::Config;
use crate::failure::Failure;
use crate::store::Store;

/// How long a key is believed without looking it up again; so long a revoked key may still work.
const BELIEVED: Duration = Duration::from_secs(1);
/// Keys that are remembered.
const REMEMBERED: usize = 1024;

/// Decides about requests.
pub struct Gate {
    rules: RwLock<Arc<Rules>>,
    keys: Keys,
    seen: Mutex<HashMap<String, (Instant, KeyRecord)>>,
    limiter: Limiter,
    links: Links,
}

impl Gate {
    /// A gate for `config` with the keys of `store`.
    ///
    /// # Errors
    /// `bad-config` when a named file cannot be used, and those of the store.
    pub fn new(config: &Config, store: Store) -> Result<Self, Failure> {
        let rules = RwLock::new(Arc::new(Rules::new(config).map_err(|problem| reply::bad_config(&problem))?));
        let links = Links::new().map_err(|e| {
            Failure::system("no-randomness", format!("no random numbers: {e}"), "Look at the kernel's log.")
        })?;
        Ok(Self {
            rules,
            keys: Keys::open(store)?,
            seen: Mutex::default(),
            limiter: Limiter::default(),
            links,
        })
    }

    /// Follows another configuration from the next request on, and opens the audit log anew.
    ///
    /// # Errors
    /// As [`Gate::new`]; the old rules stay then.
    pub fn reload(&self, config: &Config) -> Result<(), Failure> {
        let rules = Arc::new(Rules::new(config).map_err(|problem| reply::bad_config(&problem))?);
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }

    /// Whether keys are required, and nobody has one that would be accepted.
    ///
    /// # Errors
    /// Those of the store.
    pub fn is_shut(&self) -> Result<bool, Failure> {
        let rules = self.rules();
        if !rules.config.require_authentication || rules.tokens.is_some() {
            return Ok(false);
        }
        let now = clock::now();
        Ok(self.keys.list()?.iter().all(|record| holder(record, now).is_err()))
    }

    /// The configuration that holds now.
    pub fn config(&self) -> Config {
        self.rules().config.clone()
    }

    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Decides about one request.
    ///
    /// # Errors
    /// The answer, when the request does not go on.
    pub async fn enter(&self, knock: Knock<'_>) -> Result<Pass, Refusal> {
        let rules = self.rules();
        let mut pass = Pass {
            principal: Principal::anonymous(Scopes::default()),
            client: Client::of(knock.peer, knock.headers, &rules.config.trusted_proxies),
            keys_required: rules.config.require_authentication,
            method: knock.method.clone(),
            path: knock.uri.path().to_owned(),
            request_id: knock.request_id.to_owned(),
            headers: HeaderMap::new(),
        };
        match self.decide(&rules, &mut pass, knock.uri, knock.headers).await {
            Ok(()) => Ok(pass),
            Err((status, failure)) => {
                let mut headers = std::mem::take(&mut pass.headers);
                reply::challenge(status, &mut headers);
                secure(&mut headers, pass.client.https, pass.keys_required);
                if let Some(failure) = failure.as_ref().filter(|_| status != StatusCode::TOO_MANY_REQUESTS) {
                    rules.record(&pass, status, Some(&failure.code));
                }
                Err(Refusal { status, headers, failure, client: pass.client })
            }
        }
    }

    /// The answer of the handler: adds what every answer carries, and tells the audit log.
    pub fn leave(&self, pass: &Pass, status: StatusCode, headers: &mut HeaderMap) {
        for (name, value) in &pass.headers {
            // `Vary` may be there already, for compression.
            if name == header::VARY {
                headers.append(name, value.clone());
            } else {
                headers.insert(name, value.clone());
            }
        }
        secure(headers, pass.client.https, pass.keys_required);
        if policy::is_audited(&pass.method, &pass.path) {
            self.rules().record(pass, status, None);
        }
    }

    /// What to append after `?` to the address of `path`, so that it can be fetched without a key for a while; `None`
    /// when no key is needed.
    pub fn link(&self, path: &str, principal: &Principal) -> Option<String> {
        let rules = self.rules();
        let until = clock::now() + rules.link_micros();
        rules.config.require_authentication.then(|| self.links.query(path, principal, until))
    }

    async fn decide(
        &self,
        rules: &Rules,
        pass: &mut Pass,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), Stop> {
        let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        let limit = rules.config.max_header_kb * 1024;
        if (size + uri.to_string().len()) as u64 > limit {
            return Err(reply::too_large(limit));
        }
        match cors::decide(&rules.config.cors_allowed_origins, &pass.method, headers) {
            Cors::Go(more) => pass.headers = more,
            Cors::Preflight(more) => {
                pass.headers = more;
                return Err((StatusCode::OK, None));
            }
            Cors::Refuse => return Err(reply::foreign_page()),
        }
        let found = self.identify(rules, pass, uri, headers).await?;
        let key = match &found {
            Ok(principal) if principal.owner().is_some() => RateKey::Principal(principal.id.clone()),
            // Whoever shows a wrong key is counted by address, so that a new key each time is no way around.
            _ => RateKey::address(pass.client.address),
        };
        self.count(rules, pass, key)?;
        let needs = policy::needs(&pass.method, &pass.path);
        match (needs, found) {
            (Needs::Nothing, found) => {
                pass.principal = found.unwrap_or_else(|_| Principal::anonymous(Scopes::default()))
            }
            (_, Err(denial)) => return Err(reply::denied(denial)),
            (Needs::Scope(scope), Ok(principal)) => {
                pass.principal = principal;
                if !pass.principal.scopes.allow(scope) {
                    return Err(reply::denied(Denial::Scope(scope)));
                }
            }
        }
        Ok(())
    }

    /// Who it is. Without required keys everyone may do everything, but a valid key still says who it is.
    async fn identify(
        &self,
        rules: &Rules,
        pass: &Pass,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Result<Principal, Denial>, Stop> {
        let found = match &Credential::of(headers) {
            Err(denial) => Err(*denial),
            Ok(None) => self.by_link(pass, uri).await?,
            Ok(Some(credential)) => {
                let record = match credential {
                    Credential::Key(key) => self.record(key.id()).await?,
                    Credential::Token(_) => None,
                };
                authorize(credential, record.as_ref(), rules.tokens.as_ref(), clock::now())
            }
        };
        Ok(match (found, rules.config.require_authentication) {
            (found, true) => found,
            (Ok(principal), false) => Ok(Principal { scopes: Scopes::ALL, ..principal }),
            (Err(_), false) => Ok(Principal::anonymous(Scopes::ALL)),
        })
    }

    /// Who was given this address. A link is worth no more than the key it was made with is now.
    async fn by_link(&self, pass: &Pass, uri: &Uri) -> Result<Result<Principal, Denial>, Stop> {
        let query = uri.query().filter(|_| matches!(pass.method, Method::GET | Method::HEAD));
        let given = query.and_then(|query| self.links.check(&pass.path, query, clock::now()));
        let Some(principal) = given else { return Ok(Err(Denial::Missing)) };
        let Some(id) = principal.id.strip_prefix("key:") else { return Ok(Ok(principal)) };
        let record = self.record(id).await?;
        Ok(record.map_or(Err(Denial::WrongKey), |record| holder(&record, clock::now())))
    }

    async fn record(&self, id: &str) -> Result<Option<KeyRecord>, Stop> {
        let now = Instant::now();
        if let Some((at, record)) = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(id)
            && now.saturating_duration_since(*at) < BELIEVED
        {
            return Ok(Some(record.clone()));
        }
        let found = self.keys.find(id).await.map_err(reply::broken)?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED {
            seen.clear();
        }
        match &found {
            Some(record) => seen.insert(id.to_owned(), (now, record.clone())),
            None => seen.remove(id),
        };
        Ok(found)
    }

    fn count(&self, rules: &Rules, pass: &mut Pass, key: RateKey) -> Result<(), Stop> {
        let counted = policy::is_counted(&pass.method, &pass.path);
        let Some(per_minute) = rules.per_minute().filter(|_| counted) else { return Ok(()) };
        let quota = self.limiter.take(key, per_minute, Instant::now());
        reply::quota(&quota, &mut pass.headers);
        match quota {
            Quota { retry_after: Some(_), limit, .. } => Err(reply::too_many(limit)),
            _ => Ok(()),
        }
    }
}

/// A request that ends here: status, and what is wrong.
pub(super) type Stop = (StatusCode, Option<Failure>);

/// A header whose text is made of digits.
pub(super) fn number(value: u64) -> HeaderValue {
    HeaderValue::from(value)
}
