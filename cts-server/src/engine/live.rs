//! What is known of an unfinished run beside the store.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;

use super::logbook::LogBook;

/// An unfinished run.
#[derive(Debug)]
pub struct Live {
    /// Its log.
    pub book: LogBook,
    /// Its owner ends it.
    pub cancel: CancellationToken,
    /// The service ends and will take it up again.
    pub(super) interrupt: CancellationToken,
    /// Percent, as the bits of an `f64`.
    progress: AtomicU64,
}

impl Live {
    pub(super) fn new(book: LogBook) -> Self {
        let unknown = AtomicU64::new(f64::NAN.to_bits());
        Self {
            book,
            cancel: CancellationToken::new(),
            interrupt: CancellationToken::new(),
            progress: unknown,
        }
    }

    /// Percent done, if that is known.
    pub fn progress(&self) -> Option<f64> {
        let percent = f64::from_bits(self.progress.load(Ordering::Relaxed));
        (!percent.is_nan()).then_some(percent)
    }

    pub(super) fn set_progress(&self, percent: f64) {
        self.progress.store(percent.to_bits(), Ordering::Relaxed);
    }
}
