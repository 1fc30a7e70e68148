//! Runs from the wish to the end: queue, attempts, logs, cancellation, recovery, clean-up.
//!
//! This room knows the store, the files and the workers; it must not know HTTP. The store is the truth: what is in
//! memory only (queue, live logs, progress) can be built from it again, and is after every start.

mod ageing;
mod attempt;
mod cleanup;
mod dials;
mod downloads;
mod execute;
mod input;
mod live;
mod logbook;
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
use crate::failure::{Category, Failure};
use crate::files::{Arrived, DataLock, Layout, Roots};
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::store::{Artifact, End, Level, LogEntry, ResultKeys, Run, RunFilter, Status, Store};
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

    /// The live part of a run that is not in a final state.
    pub fn live(&self, id: &str) -> Option<Arc<Live>> {
        lock(&self.0.live).get(id).cloned()
    }

    /// The run of that id with its artifacts.
    ///
    /// # Errors
    /// `no-such-run`, also for runs of others; those of the store.
    pub async fn run(&self, caller: &Caller, id: &str) -> Result<(Run, Vec<Artifact>), Failure> {
        let wanted = id.to_owned();
        let found = self.0.store.read(move |db| {
            let run = Run::get(db, &wanted)?;
            let artifacts = run.as_ref().map(|run| Artifact::of_run(db, &run.id)).transpose()?;
            Ok(run.zip(artifacts))
        });
        let found = found.await?.filter(|(run, _)| caller.sees(run.owner.as_deref()));
        found.ok_or_else(|| no_such("run", id))
    }

    /// Runs, the newest first, with the ids of their artifacts.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn runs(&self, caller: &Caller, filter: RunFilter) -> Result<Vec<(Run, Vec<String>)>, Failure> {
        let filter = RunFilter { owner: caller.only(), ..filter };
        let read = self.0.store.read(move |db| {
            let runs = Run::list(db, &filter)?;
            let ids: Vec<&str> = runs.iter().map(|run| run.id.as_str()).collect();
            let mut artifacts = Artifact::ids_of_runs(db, &ids)?;
            let with = |run: Run| {
                let found = artifacts.remove(&run.id).unwrap_or_default();
                (run, found)
            };
            Ok(runs.into_iter().map(with).collect())
        });
        read.await
    }

    /// An artifact.
    ///
    /// # Errors
    /// `no-such-artifact`, also for those of others; those of the store.
    pub async fn artifact(&self, caller: &Caller, id: &str) -> Result<Artifact, Failure> {
        let wanted = id.to_owned();
        let found = self.0.store.read(move |db| {
            let artifact = Artifact::get(db, &wanted)?;
            let owner =
                artifact.as_ref().map(|artifact| Run::owner(db, &artifact.run)).transpose()?.flatten();
            Ok(artifact.zip(owner))
        });
        let found = found.await?.filter(|(_, owner)| caller.sees(owner.as_deref()));
        found.map(|(artifact, _)| artifact).ok_or_else(|| no_such("artifact", id))
    }

    /// At most `limit` lines of a run after the line `after`, wherever they are.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn logs(&self, id: &str, after: u64, limit: usize) -> Result<Vec<LogEntry>, Failure> {
        if let Some(live) = self.live(id) {
            return Ok(live.book.after(after, limit));
        }
        let id = id.to_owned();
        self.0.store.read(move |db| LogEntry::after(db, &id, after, limit)).await
    }

    /// The last lines of a run of the caller.
    ///
    /// # Errors
    /// `no-such-run`, also for runs of others; those of the store.
    pub async fn last_logs(&self, caller: &Caller, id: &str, limit: usize) -> Result<Vec<LogEntry>, Failure> {
        let (wanted, live, caller) = (id.to_owned(), self.live(id), caller.clone());
        let before = move |last: u64| last.saturating_sub(limit as u64);
        let read = self.0.store.read(move |db| {
            if !Run::owner(db, &wanted)?.is_some_and(|owner| caller.sees(owner.as_deref())) {
                return Ok(None);
            }
            let lines = match live {
                Some(live) => live.book.after(before(live.book.last()), limit),
                None => LogEntry::after(db, &wanted, before(LogEntry::last(db, &wanted)?), limit)?,
            };
            Ok(Some(lines))
        });
        read.await?.ok_or_else(|| no_such("run", id))
    }

    /// Ends a run of the caller. False if there is none that could end.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn cancel(&self, caller: &Caller, id: &str) -> Result<bool, Failure> {
        let failure =
            Failure::new(Category::ToolError, "canceled", "Cancelled by user", "Start the run again.");
        let live = self.live(id);
        let end = End {
            status: Status::Canceled,
            at: self.now(),
            report: None,
            failure: Some(failure),
            logs_dropped: live.as_ref().map_or(0, |live| live.book.dropped()),
            keys: ResultKeys::default(),
        };
        let (wanted, of, caller) = (id.to_owned(), live.clone(), caller.clone());
        let canceled = self.0.store.write(move |db| {
            let is_theirs = Run::owner(db, &wanted)?.is_some_and(|owner| caller.sees(owner.as_deref()));
            let canceled = is_theirs && Run::finish(db, &wanted, &end)?;
            let Some(live) = of.filter(|_| canceled) else {
                return Ok((canceled, 0));
            };
            live.book.push(Level::Warning, "service", "Cancelled by user");
            Ok((canceled, live.book.save(db, &wanted)?))
        });
        let (canceled, last) = canceled.await?;
        if let Some(live) = live.filter(|_| canceled) {
            live.book.saved(last);
            live.cancel.cancel();
            if lock(&self.0.queue).remove(id) {
                self.settle(id, &live).await;
            }
        }
        Ok(canceled)
    }

    /// After the last word: saves the rest of the log, lets followers go, forgets the live part.
    async fn settle(&self, id: &str, live: &Arc<Live>) {
        if let Err(failure) = self.save_log(id, live).await {
            tracing::error!(run = id, failure = failure.message, "log lines are lost");
        }
        lock(&self.0.live).remove(id);
        live.book.close();
    }

    /// Writes the lines of a live run that are not in the store yet.
    async fn save_log(&self, id: &str, live: &Arc<Live>) -> Result<(), Failure> {
        if live.book.is_saved() {
            return Ok(());
        }
        let (run, of) = (id.to_owned(), Arc::clone(live));
        live.book.saved(self.0.store.write(move |db| of.book.save(db, &run)).await?);
        Ok(())
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

    /// The log of a run, which goes on after these lines.
    fn logbook(&self, entries: Vec<LogEntry>) -> LogBook {
        let settings = &self.0.settings;
        LogBook::new(&settings.runs, Arc::clone(&settings.clock), entries)
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

/// Nothing of that id is visible.
#[cold]
fn no_such(what: &str, id: &str) -> Failure {
    let message = match what {
        "artifact" => "Artifact not found".to_owned(),
        "upload" => format!("Upload '{id}' not found"),
        _ => format!("Run '{id}' not found"),
    };
    let fix = "Check the id; it may be of another user, or removed by the clean-up.";
    Failure::validation(&format!("no-such-{what}"), message, fix)
}

/// Locks; every holder leaves these maps whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
