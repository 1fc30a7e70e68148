//! The segments of a route on several threads, results in order.

use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::{Input, Log, Segment};
use crate::Result;

/// Which segment is next, and how far the results have been taken.
struct Turn<'a> {
    input: &'a mut Input,
    given: usize,
    taken: usize,
    stopped: bool,
}

/// Reads each segment as a whole on one of `threads` threads, gives it to `work` there, and gives the results to
/// `take` in the order of the segments. At most `threads` segments are in memory, and as many results wait.
///
/// # Errors
/// The first of `take`, which ends the reading. A segment that cannot be read reaches `work` as its error.
pub fn map_segments<T: Send>(
    input: &mut Input,
    threads: usize,
    work: impl Fn(&Segment, Result<Log>) -> T + Sync,
    mut take: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let turn = Mutex::new(Turn { input, given: 0, taken: 0, stopped: false });
    let moved = Condvar::new();
    let (results_in, results) = channel();
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let (results_in, turn, moved, work) = (results_in.clone(), &turn, &moved, &work);
            scope.spawn(move || {
                while let Some((index, (segment, log))) = next(turn, moved, threads.max(1)) {
                    if results_in.send((index, work(&segment, log()))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(results_in);
        let (mut waiting, mut due) = (BTreeMap::new(), 0);
        for (index, result) in results {
            waiting.insert(index, result);
            while let Some(result) = waiting.remove(&due) {
                due += 1;
                let taken = take(result);
                let mut turn = lock(&turn);
                turn.taken = due;
                turn.stopped = taken.is_err();
                drop(turn);
                moved.notify_all();
                taken?;
            }
        }
        Ok(())
    })
}

type Opened = (Segment, Box<dyn FnOnce() -> Result<Log> + Send>);

/// The next segment, once it is not too far ahead of the results.
fn next(turn: &Mutex<Turn<'_>>, moved: &Condvar, threads: usize) -> Option<(usize, Opened)> {
    let ahead = |turn: &mut Turn<'_>| !turn.stopped && turn.given >= turn.taken + 2 * threads;
    let turn = lock(turn);
    let mut turn = moved.wait_while(turn, ahead).unwrap_or_else(PoisonError::into_inner);
    if turn.stopped {
        return None;
    }
    let opened = turn.input.defer_log()?;
    turn.given += 1;
    Some((turn.given - 1, opened))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
