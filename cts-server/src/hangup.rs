//! SIGHUP: the configuration is read again while the service runs.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use crate::access::Gate;
use crate::config::{Change, Level, Loaded, Reloaded, Sources, reload};
use crate::engine::Engine;
use crate::logging::Logging;

/// What follows the configuration while the service runs.
pub struct Reloader {
    /// What holds now.
    pub loaded: Loaded,
    /// Where it was read from.
    pub sources: Sources,
    /// Follows keys, limits, origins, proxies, and opens the audit log anew.
    pub gate: Arc<Gate>,
    /// Follows the number of runs and how long each may take.
    pub engine: Option<Engine>,
    /// Follows the level.
    pub logging: Option<Logging>,
}

impl Reloader {
    /// Reads the configuration again at each SIGHUP, for as long as it is polled.
    ///
    /// # Errors
    /// When the signal cannot be watched.
    pub async fn watch(mut self) -> std::io::Result<()> {
        let mut hangup = signal(SignalKind::hangup())?;
        while hangup.recv().await.is_some() {
            self.reload();
        }
        Ok(())
    }

    /// Reads it again, once. What is wrong goes to the log, and the old configuration stays.
    pub fn reload(&mut self) -> Vec<Change> {
        let Reloaded { loaded, changes } = match reload(&self.loaded, &self.sources) {
            Ok(reloaded) => reloaded,
            Err(problems) => {
                problems.0.iter().filter(|p| p.level == Level::Error).for_each(|p| tracing::error!("{p}"));
                tracing::error!("the configuration cannot be used; the old one stays");
                return Vec::new();
            }
        };
        if let Err(failure) = self.gate.reload(&loaded.config) {
            tracing::error!(code = failure.code, "{}; the old configuration stays", failure.message);
            return Vec::new();
        }
        if let (Some(engine), Ok(settings)) = (&self.engine, loaded.config.settings()) {
            engine.follow(&settings);
        }
        if let Some(logging) = &self.logging {
            logging.reload(&loaded.config);
        }
        loaded.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        for Change { name, before, now, needs_restart } in &changes {
            let when = if *needs_restart { "needs a restart" } else { "holds now" };
            tracing::warn!("`{name}` changed from {before} to {now}: {when}");
        }
        tracing::warn!(changes = changes.len(), "the configuration was read again");
        self.loaded = loaded;
        changes
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method, StatusCode, Uri};

    use super::*;
    use crate::access::Knock;
    use crate::config::load;
    use crate::store::Store;

    #[tokio::test]
    async fn a_running_gate_follows_and_mistakes_change_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        let log = dir.path().display();
        let write = |more: &str| std::fs::write(&file, format!("log_directory = \"{log}\"\n{more}")).unwrap();
        write("");
        let sources = Sources { file: Some(file.clone()), ..Sources::default() };
        let loaded = load(&sources).unwrap();
        let store = Store::open(&dir.path().join("store.db")).unwrap();
        let gate = Arc::new(Gate::new(&loaded.config, store).unwrap());
        let mut reloader = Reloader { loaded, sources, gate: Arc::clone(&gate), engine: None, logging: None };
        let ask = async || {
            let (uri, headers) = (Uri::from_static("/v1/runs"), HeaderMap::new());
            let peer = [9, 9, 9, 9].into();
            let knock = Knock { method: &Method::GET, uri: &uri, headers: &headers, peer, request_id: "r" };
            let answer = gate.enter(knock).await;
            answer.map_or_else(|refusal| refusal.status, |_| StatusCode::OK)
        };
        assert_eq!(ask().await, StatusCode::OK);
        write("require_authentication = true\nport = 9000\n");
        let changes: Vec<_> = reloader.reload().into_iter().map(|c| (c.name, c.needs_restart)).collect();
        assert_eq!(changes, [("port", true), ("require_authentication", false)]);
        assert_eq!((ask().await, reloader.loaded.config.port), (StatusCode::UNAUTHORIZED, 8080));
        for bad in ["require_authentication = maybe", "jwt_secret_file = \"/no/such/file\""] {
            write(bad);
            assert!(reloader.reload().is_empty());
            assert_eq!(ask().await, StatusCode::UNAUTHORIZED, "{bad}");
        }
    }
}
