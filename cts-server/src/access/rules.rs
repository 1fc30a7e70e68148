//! What the configuration asks of the gate, made ready for use.

use http::StatusCode;
use ipnet::IpNet;

use super::audit::{Audit, Entry};
use super::cors::CorsPolicy;
use super::gate::Pass;
use super::token::Tokens;
use crate::config::{Config, Problem};

/// What the configuration says about it.
pub(super) struct Rules {
    pub(super) require: bool,
    pub(super) per_minute: Option<u64>,
    pub(super) cors: CorsPolicy,
    pub(super) trusted: Vec<IpNet>,
    pub(super) tokens: Option<Tokens>,
    pub(super) link_micros: i64,
    pub(super) max_header_bytes: u64,
    pub(super) audit: Option<Audit>,
}

impl Rules {
    pub(super) fn new(config: &Config) -> Result<Self, Problem> {
        let audit =
            config.enable_audit_log.then(|| Audit::open(&config.log_directory)).transpose().map_err(|e| {
                let message = format!(
                    "cannot write audit.jsonl in `log_directory` {}: {e}",
                    config.log_directory.display()
                );
                Problem::error(message)
                    .remedy("create the directory for the service, or set `enable_audit_log = false`")
            })?;
        Ok(Self {
            require: config.require_authentication,
            per_minute: config.enable_rate_limiting.then_some(config.max_requests_per_minute),
            cors: CorsPolicy(config.cors_allowed_origins.clone()),
            trusted: config.trusted_proxies.clone(),
            tokens: Tokens::from_config(config)?,
            link_micros: i64::try_from(config.download_link_minutes).unwrap_or(1) * 60_000_000,
            max_header_bytes: config.max_header_kb * 1024,
            audit,
        })
    }

    /// Tells the audit log.
    pub(super) fn record(
        &self,
        pass: &Pass,
        status: StatusCode,
        code: Option<&str>,
        request_id: Option<&str>,
    ) {
        let Some(audit) = &self.audit else { return };
        let entry = Entry {
            client: Some(pass.client.address),
            method: Some(pass.method().as_str()),
            status: Some(status.as_u16()),
            code,
            request_id,
            ..Entry::new("request", &pass.principal.id, pass.path())
        };
        // The request is done; what is left is to say that there is no record of it.
        if let Err(e) = audit.record(&entry) {
            tracing::error!("cannot write the audit log: {e}");
        }
    }
}

/// What is wrong with files that `config` names; for `config check`.
pub fn problems(config: &Config) -> Vec<Problem> {
    Tokens::from_config(config).err().into_iter().collect()
}
