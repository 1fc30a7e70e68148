//! Events in order of mono time, across segments.

use super::{Event, Log, which};
use crate::Result;

/// Calls `work` with every event of the segments in order of mono time; events of equal time keep their order.
///
/// Loggers write in order of arrival: between services the order may be off by milliseconds, also over the border
/// of two segments. At most two segments are in memory. `initData` stays first in its segment.
///
/// # Errors
/// Those in `segments`, and the first of `work`.
pub fn merge_by_time(
    segments: impl IntoIterator<Item = Result<Log>>,
    mut work: impl FnMut(&Event<'_>) -> Result<()>,
) -> Result<()> {
    let mut held: Option<(Log, Vec<u32>)> = None;
    for log in segments {
        let log = log?;
        let order = log.by_time();
        let Some((before, rest)) = held.take() else {
            held = Some((log, order));
            continue;
        };
        // What is older than everything in the next segment can go; so can the next segment's own part that is
        // older than the last of what is held.
        let kept = interleave(&before, &rest, &log, &order, &mut work)?;
        held = Some((log, order[kept..].to_vec()));
    }
    if let Some((log, order)) = held {
        for event in order.iter().filter_map(|i| log.event(*i as usize)) {
            work(&event)?;
        }
    }
    Ok(())
}

/// Merges until the first log is used up; returns how many events of the second were delivered.
fn interleave(
    first: &Log,
    first_order: &[u32],
    second: &Log,
    second_order: &[u32],
    work: &mut impl FnMut(&Event<'_>) -> Result<()>,
) -> Result<usize> {
    let (mut a, mut b) = (0, 0);
    while a < first_order.len() {
        let left = first.event(first_order[a] as usize);
        let right = second_order.get(b).and_then(|i| second.event(*i as usize));
        let second_is_next = match (&left, time_at(second, second_order, b)) {
            (Some(left), Some(time)) => left.which() != which::INIT_DATA && time < left.mono_time(),
            _ => false,
        };
        if second_is_next {
            right.map_or(Ok(()), |event| work(&event))?;
            b += 1;
        } else {
            left.map_or(Ok(()), |event| work(&event))?;
            a += 1;
        }
    }
    Ok(b)
}

/// Time of event `at` in `order`. The copy of `initData`, whose time is the drive's start, counts with the event
/// behind it.
fn time_at(log: &Log, order: &[u32], at: usize) -> Option<u64> {
    let event = log.event(*order.get(at)? as usize)?;
    if event.which() == which::INIT_DATA { time_at(log, order, at + 1) } else { Some(event.mono_time()) }
}
