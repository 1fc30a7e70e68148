//! Independent pieces of work on all cores.

use std::sync::{Mutex, PoisonError};
use std::thread;

/// Runs `work` on each job, shared out among the processor's cores; results are in the order of the jobs. Jobs of more
/// `weight` are begun first, so that no core is left with a large one at the end.
pub(crate) fn spread<T: Send, R: Send>(
    jobs: Vec<T>,
    weight: impl Fn(&T) -> usize,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let count = jobs.len();
    let cores = thread::available_parallelism().map_or(1, usize::from).min(count).max(1);
    let mut queue: Vec<_> = jobs.into_iter().enumerate().collect();
    queue.sort_by_key(|(_, job)| weight(job));
    let queue = Mutex::new(queue);
    let run = || {
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
        std::iter::from_fn(next).map(|(index, job)| (index, work(job))).collect::<Vec<_>>()
    };
    let mut results = Vec::with_capacity(count);
    thread::scope(|scope| {
        let others: Vec<_> = (1..cores).map(|_| scope.spawn(run)).collect();
        results.extend(run());
        for other in others {
            results.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
