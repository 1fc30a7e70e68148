//! The configuration that holds now, with what the gate makes of it.

use http::StatusCode;

use super::audit::{Audit, Entry};
use super::pass::Pass;
use super::token::Tokens;
use crate::clock::Micros;
use crate::config::{Config, Problem};

/// The configuration, and what was opened because of it.
pub(super) struct Rules {
    pub(super) config: Config,
    pub(super) tokens: Option<Tokens>,
    audit: Option<Audit>,
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
        Ok(Self { tokens: Tokens::from_config(config)?, audit, config: config.clone() })
    }

    /// Requests a minute of each caller, if they are limited.
    pub(super) fn per_minute(&self) -> Option<u64> {
        self.config.enable_rate_limiting.then_some(self.config.max_requests_per_minute)
    }

    /// How long links hold.
    pub(super) fn link_micros(&self) -> Micros {
        i64::try_from(self.config.download_link_minutes).unwrap_or(1) * 60_000_000
    }

    /// Tells the audit log.
    pub(super) fn record(&self, pass: &Pass, status: StatusCode, code: Option<&str>) {
        let Some(audit) = &self.audit else { return };
        let entry = Entry {
            client: Some(pass.client.address),
            method: Some(pass.method.as_str()),
            status: Some(status.as_u16()),
            code,
            request_id: Some(&pass.request_id),
            ..Entry::new("request", &pass.principal.id, &pass.path)
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
