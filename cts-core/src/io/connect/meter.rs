//! How far all files together are.

use std::sync::{Mutex, PoisonError};

use super::watch::{Progress, Watch};
use crate::route::Route;

/// How a file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Downloaded,
    Skipped,
    Failed,
}

/// The progress of one download.
pub(super) struct Meter<'a> {
    watch: &'a Watch,
    state: Mutex<State>,
}

struct State {
    progress: Progress,
    /// How much of each file is there, from 0 to 1.
    shares: Vec<f64>,
}

impl<'a> Meter<'a> {
    pub(super) fn new(watch: &'a Watch, route: Route, files: usize) -> Self {
        let progress = Progress { route: Some(route), files: files as u64, ..Progress::default() };
        watch.progress(&progress);
        Self { watch, state: Mutex::new(State { progress, shares: vec![0.0; files] }) }
    }

    /// `new` bytes of a file came; it has `have` of `total` now.
    pub(super) fn moved(&self, file: usize, new: u64, have: u64, total: Option<u64>) {
        let share = total.filter(|total| *total > 0).map_or(0.0, |total| have as f64 / total as f64);
        self.change(file, share.min(1.0), |progress| progress.bytes += new);
    }

    pub(super) fn ended(&self, file: usize, ended: Ended) {
        self.change(file, 1.0, |progress| match ended {
            Ended::Downloaded => progress.downloaded += 1,
            Ended::Skipped => progress.skipped += 1,
            Ended::Failed => progress.failed += 1,
        });
    }

    fn change(&self, file: usize, share: f64, change: impl FnOnce(&mut Progress)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { progress, shares } = &mut *state;
        change(progress);
        if let Some(old) = shares.get_mut(file) {
            *old = share;
        }
        progress.fraction = shares.iter().sum::<f64>() / shares.len().max(1) as f64;
        // While it is locked, so that nobody sees it go backwards.
        self.watch.progress(progress);
    }

    pub(super) fn progress(&self) -> Progress {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_count_the_same() {
        let watch = Watch::default();
        let meter = Meter::new(&watch, "2023-07-27--13-01-19".parse().unwrap(), 4);
        meter.moved(0, 5, 5, Some(10));
        meter.moved(1, 5, 5, None);
        assert_eq!((meter.progress().bytes, meter.progress().fraction), (10, 0.125));
        meter.ended(0, Ended::Downloaded);
        meter.ended(1, Ended::Skipped);
        meter.ended(2, Ended::Failed);
        let Progress { downloaded, skipped, failed, fraction, .. } = meter.progress();
        assert_eq!((downloaded, skipped, failed, fraction), (1, 1, 1, 0.75));
    }
}
