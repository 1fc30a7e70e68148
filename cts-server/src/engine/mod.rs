//! Runs from the wish to the end: queue, attempts, logs, cancellation, recovery, clean-up.
//!
//! This room knows the store, the files and the workers; it must not know HTTP. The store is the truth: what is in
//! memory only (queue, live logs, progress) can be built from it again, and is after every start.

mod ageing;
mod attempt;
mod cancel;
mod cleanup;
mod dials;
mod downloads;
mod execute;
mod input;
mod live;
mod logbook;
mod look;
mod monitors;
mod params;
mod publish;
mod queue;
mod recover;
mod reuse;
mod submit;
mod text;
mod uploads;

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use downloads::{DownloadView, NewDownload};
pub use live::Live;
pub use logbook::LogBook;
pub use monitors::{Feed, Monitor, MonitorState, MonitorStatus, Piece, Subscription};
pub use submit::{InputWish, Submitted, Wish};
pub use text::calm;
pub use uploads::{NewUpload, UploadView};

use crate::clock::Micros;
use crate::failure::Failure;
use crate::files::{Arrived, DataLock, Layout, Roots};
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::store::Store;
use crate::worker::{Pool, Process};
use queue::Queue;

/// How long runs that were told to stop may take to say so to the store.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// The engine; clones share it.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    settings: Arc<Settings>,
    roots: Roots,
    layout: Layout,
    store: Store,
    metrics: Arc<Metrics>,
    dials: dials::Dials,
    pool: Pool,
    queue: Mutex<Queue>,
    /// Runs that are not in a final state.
    live: Mutex<HashMap<String, Arc<Live>>>,
    /// Something may be started.
    wake: Notify,
    /// The service ends.
    stopping: CancellationToken,
    tasks: TaskTracker,
    monitors: monitors::Registry,
    uploading: Mutex<HashSet<String>>,
    /// Of unfinished uploads, by id.
    arrived: Mutex<HashMap<String, Arrived>>,
    downloads: downloads::Downloads,
    _lock: DataLock,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whose turn in the queue it is: the owner, or else the address.
    pub client: String,
    /// Whose runs these are; nobody's when the service knows no keys.
    pub owner: Option<String>,
    /// Whether everybody's runs are visible.
    pub admin: bool,
}

impl Caller {
    /// Whether things of this owner are visible to the caller; nobody's are visible to everybody.
    pub fn sees(&self, owner: Option<&str>) -> bool {
        self.admin || owner.is_none() || self.owner.as_deref() == owner
    }

    /// The owner whose things alone are visible, if that is so.
    pub fn only(&self) -> Option<String> {
        if self.admin { None } else { self.owner.clone() }
    }
}

impl Engine {
    /// Takes the data directory and brings it into a true state. [`Engine::start`] starts what waits.
    ///
    /// # Errors
    /// `data-dir-in-use`, `store-corrupt`, `store-too-new`, `permission-denied`, `disk-full`, `io`.
    pub async fn open(settings: Arc<Settings>, metrics: Arc<Metrics>) -> Result<Self, Failure> {
        let layout = Layout::create(&settings.data_dir)?;
        let lock = DataLock::take(layout.root())?;
        recover::check_store(&layout)?;
        let store = Store::open(&layout.store())?;
        let limits = &settings.limits;
        let pool = Pool::new(settings.worker.clone(), limits.pipe_bytes, settings.runs.spare_workers);
        let engine = Self(Arc::new(Inner {
            roots: Roots::new(&settings.allowed_roots),
            layout,
            store,
            metrics,
            dials: dials::Dials::new(&settings),
            pool,
            queue: Mutex::default(),
            live: Mutex::default(),
            wake: Notify::new(),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
            monitors: monitors::Registry::default(),
            downloads: downloads::Downloads::new(&settings.downloads),
            uploading: Mutex::default(),
            arrived: Mutex::default(),
            _lock: lock,
            settings,
        }));
        engine.recover().await?;
        Ok(engine)
    }

    /// Begins to work off the queue and to clean up. Before this no run is touched: a service that cannot listen must
    /// not start runs that end with it.
    pub fn start(&self) {
        self.fill_pool();
        tokio::spawn(self.clone().schedule());
        tokio::spawn(self.clone().clean_regularly());
        tokio::spawn(self.clone().checkpoint_regularly());
    }

    /// The time, as this service tells it.
    pub fn now(&self) -> Micros {
        self.0.settings.clock.now()
    }

    /// What it was opened with.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Where things lie.
    pub fn layout(&self) -> &Layout {
        &self.0.layout
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The counters.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Whether a worker can be started; it is kept as a spare.
    ///
    /// # Errors
    /// Why not.
    pub fn check_worker(&self) -> std::io::Result<()> {
        self.0.pool.check()
    }

    /// Whether the service is about to end.
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.is_cancelled()
    }

    /// Runs that wait, and runs that run.
    pub fn load(&self) -> (usize, usize) {
        let queue = lock(&self.0.queue);
        (queue.len(), queue.running)
    }

    /// Starts no run any more, gives running ones some time, and puts the rest back into the queue.
    pub async fn shut_down(&self) {
        self.0.stopping.cancel();
        self.stop_downloads();
        self.stop_monitors().await;
        self.0.tasks.close();
        let grace = self.0.settings.runs.shutdown_grace;
        if tokio::time::timeout(grace, self.0.tasks.wait()).await.is_err() {
            let live: Vec<Arc<Live>> = lock(&self.0.live).values().cloned().collect();
            live.iter().for_each(|live| live.interrupt.cancel());
            // What is not written by then is found by the next start.
            if tokio::time::timeout(LAST_WORDS, self.0.tasks.wait()).await.is_err() {
                tracing::error!("some runs could not be put back; the next start fails them as interrupted");
            }
        }
        // Followers of queued runs are let go, too; their runs go on with the next start.
        let live: Vec<Arc<Live>> = lock(&self.0.live).drain().map(|(_, live)| live).collect();
        live.iter().for_each(|live| live.book.close());
        self.0.pool.clear();
    }

    /// A worker for one job.
    fn take_worker(&self) -> Result<Process, Failure> {
        self.0.pool.take().map_err(|error| {
            let program = &self.0.settings.worker.program;
            let fix = match error.kind() {
                ErrorKind::NotFound => {
                    "The program was moved or removed: put it back, or start the service anew."
                }
                ErrorKind::PermissionDenied => "Let the user that the service runs as execute the program.",
                _ => "Look whether the machine has memory and processes left.",
            };
            Failure::system("worker-start", format!("cannot start a worker: {error}: {program:?}"), fix)
        })
    }

    fn fill_pool(&self) {
        if let Err(error) = self.0.pool.fill() {
            tracing::warn!(%error, "no spare worker can be started");
        }
    }
}

/// Locks; every holder leaves these maps whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
