//! The service as a whole: from settings to the end.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::access::Gate;
use crate::config::{Loaded, Sources};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::files::{DataLock, Layout};
use crate::hangup::Reloader;
use crate::http::{App, serve};
use crate::logging::Logging;
use crate::metrics::Metrics;
use crate::settings::Settings;

/// A service that listens, and has not answered yet.
pub struct Service {
    app: Arc<App>,
    listener: TcpListener,
    address: SocketAddr,
}

impl Service {
    /// Takes the data directory and the address.
    ///
    /// # Errors
    /// Those of [`Engine::open`] and [`Gate::new`]; `address-in-use` and others of the network.
    pub async fn start(settings: Settings, loaded: &Loaded) -> Result<Self, Failure> {
        let metrics =
            Metrics::new().map_err(|e| Failure::system("metrics", e.to_string(), "Report this."))?;
        let settings = Arc::new(settings);
        // Before the engine, which would begin runs only to break them off when nobody can reach them.
        let bound = TcpListener::bind(settings.listen).await;
        let bound = bound.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = bound.or_else(|error| Err(not_listening(&settings, &error)?))?;
        let engine = Engine::open(Arc::clone(&settings), Arc::new(metrics)).await?;
        let gate = Arc::new(Gate::new(&loaded.config, engine.store().clone())?);
        engine.start();
        let app = Arc::new(App::new(engine, gate, address));
        Ok(Self { app, listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Who lets requests in.
    pub fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.app.gate)
    }

    /// Answers until `stop` is done; returns when everything has ended.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let store = self.app.engine.store().clone();
        serve(self.app, self.listener, stop).await;
        let settled = tokio::task::spawn_blocking(move || store.settle()).await;
        if let Ok(Err(failure)) = settled {
            tracing::error!(failure = failure.message, "the write-ahead log stays beside the store");
        }
    }
}

/// Why the address cannot be listened on. Whoever starts the same service twice is told so in the first place.
///
/// # Errors
/// `data-dir-in-use`
fn not_listening(settings: &Settings, error: &std::io::Error) -> Result<Failure, Failure> {
    DataLock::take(Layout::create(&settings.data_dir)?.root())?;
    let code = match error.kind() {
        std::io::ErrorKind::AddrInUse => "address-in-use",
        _ => "listen",
    };
    let fix = "Choose another host or port; see `cts-lite --help`.";
    Ok(Failure::system(code, format!("cannot listen on {}: {error}", settings.listen), fix))
}

/// Runs the service until SIGINT or SIGTERM; SIGHUP reads the configuration again.
///
/// # Errors
/// Those of [`Service::start`]; `io` when signals cannot be watched.
pub async fn run(loaded: Loaded, sources: Sources, logging: Option<Logging>) -> Result<(), Failure> {
    let settings = loaded.config.settings().map_err(|e| {
        let message = format!("the path of this program is unknown: {e}");
        Failure::system("io", message, "Start it by its full path.")
    })?;
    let signals = |e: std::io::Error| {
        Failure::system("io", format!("cannot watch signals: {e}"), "Look at the limits of the process.")
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(signals)?;
    let service = Service::start(settings, &loaded).await?;
    tracing::info!(address = %service.address(), "listening");
    if service.app.gate.is_shut()? {
        tracing::warn!(
            "keys are required, and there is none: make one with `cts-lite key create --name NAME`"
        );
    }
    let engine = Some(service.app.engine.clone());
    let reloader = Reloader { loaded, sources, gate: service.gate(), engine, logging };
    tokio::spawn(async move {
        if let Err(error) = reloader.watch().await {
            tracing::error!(%error, "SIGHUP cannot be watched");
        }
    });
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    service.run(stop).await;
    Ok(())
}
