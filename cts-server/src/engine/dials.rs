//! What may change while the service runs.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::Engine;
use crate::settings::{Limits, Settings};

/// The settings that a reload changes; all others wait for the next start.
#[derive(Debug, Default)]
pub(super) struct Dials {
    max_concurrent: AtomicUsize,
    max_queued: AtomicUsize,
    wall_millis: AtomicU64,
}

impl Dials {
    pub(super) fn new(settings: &Settings) -> Self {
        let dials = Self::default();
        dials.set(settings);
        dials
    }

    fn set(&self, settings: &Settings) {
        self.max_concurrent.store(settings.runs.max_concurrent.max(1), Ordering::Relaxed);
        self.max_queued.store(settings.runs.max_queued, Ordering::Relaxed);
        let millis = u64::try_from(settings.limits.wall.as_millis()).unwrap_or(u64::MAX);
        self.wall_millis.store(millis, Ordering::Relaxed);
    }
}

impl Engine {
    /// Takes over what may change. Running runs go on; the wall time holds for attempts that begin from now on.
    pub fn follow(&self, settings: &Settings) {
        self.0.dials.set(settings);
        // There may be more places than before.
        self.0.wake.notify_one();
    }

    /// Runs at the same time.
    pub fn max_concurrent(&self) -> usize {
        self.0.dials.max_concurrent.load(Ordering::Relaxed)
    }

    /// Runs waiting; more are refused.
    pub fn max_queued(&self) -> usize {
        self.0.dials.max_queued.load(Ordering::Relaxed)
    }

    /// Limits of an attempt that begins now.
    pub(super) fn limits(&self) -> Limits {
        let wall = Duration::from_millis(self.0.dials.wall_millis.load(Ordering::Relaxed));
        Limits { wall, ..self.0.settings.limits }
    }
}
