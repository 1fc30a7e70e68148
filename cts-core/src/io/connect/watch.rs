//! What surrounds a download: cancellation and progress.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::route::Route;
use crate::{ErrorKind, Result};

/// How often a wait looks whether it shall end.
const TICK: Duration = Duration::from_millis(50);

/// Shorter waits are not worth a word.
const NOTICED: Duration = Duration::from_secs(1);

/// How far a download is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// The drive; `None` until its files are known.
    pub route: Option<Route>,
    /// Files in all.
    pub files: u64,
    /// Files that were fetched.
    pub downloaded: u64,
    /// Files that were there already.
    pub skipped: u64,
    /// Files that could not be fetched.
    pub failed: u64,
    /// Bytes that came, those of unfinished files included.
    pub bytes: u64,
    /// From 0 to 1, each file counting the same.
    pub fraction: f64,
}

type OnProgress = Arc<dyn Fn(&Progress) + Send + Sync>;
type OnLog = Arc<dyn Fn(&str) + Send + Sync>;

/// Cancellation and progress of one download.
#[derive(Clone, Default)]
pub struct Watch {
    cancel: Arc<AtomicBool>,
    /// Raised when the rest of the work makes no sense any more.
    stop: Arc<AtomicBool>,
    on_progress: Option<OnProgress>,
    on_log: Option<OnLog>,
}

impl Watch {
    /// Stops when `cancel` becomes true: at once while waiting, within the longest silence while a server says nothing.
    #[must_use]
    pub fn with_cancel(self, cancel: Arc<AtomicBool>) -> Self {
        Self { cancel, ..self }
    }

    /// Reports how far the download is, from several threads.
    #[must_use]
    pub fn with_progress(self, on_progress: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        Self { on_progress: Some(Arc::new(on_progress)), ..self }
    }

    /// Says in words why nothing happens for a while, a line at a time, from several threads.
    #[must_use]
    pub fn with_log(self, on_log: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { on_log: Some(Arc::new(on_log)), ..self }
    }

    /// The same with a stop of its own, for the threads of one download.
    pub(super) fn with_own_stop(&self) -> Self {
        Self { stop: Arc::default(), ..self.clone() }
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// # Errors
    /// `canceled`.
    pub(super) fn check(&self) -> Result<()> {
        match self.cancel.load(Ordering::Relaxed) || self.stop.load(Ordering::Relaxed) {
            true => Err(ErrorKind::Canceled.into()),
            false => Ok(()),
        }
    }

    /// Waits, and says why if it takes long enough to be noticed.
    ///
    /// # Errors
    /// `canceled`.
    pub(super) fn wait(&self, pause: Duration, why: impl FnOnce() -> String) -> Result<()> {
        if let Some(say) = self.on_log.as_ref().filter(|_| pause >= NOTICED) {
            say(&format!("{}; going on in {} s", why(), pause.as_secs()));
        }
        let end = Instant::now() + pause;
        loop {
            self.check()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(TICK));
        }
    }

    pub(super) fn progress(&self, progress: &Progress) {
        if let Some(report) = &self.on_progress {
            report(progress);
        }
    }
}
