//! Routes of several segments: in order, in parallel, merged by time.

use cts_core::demo::Drive;
use cts_core::log::{Input, Log, ReadOptions, map_segments, merge_by_time, which};

/// A route of three segments, each a minute's log of another seed cut to five seconds.
fn route() -> (tempfile::TempDir, usize) {
    let dir = tempfile::tempdir().unwrap();
    let mut events = 0;
    for segment in 0..3 {
        let mut bytes = Vec::new();
        events += Drive::new(segment, 5).write(&mut bytes).unwrap().events as usize;
        let folder = dir.path().join(format!("00000008--0696c823fa--{segment}"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("rlog.zst"), zstd::encode_all(&bytes[..], 3).unwrap()).unwrap();
    }
    (dir, events)
}

#[test]
fn parallel_segments_come_in_order() {
    let (dir, events) = route();
    for threads in [1, 2, 5] {
        let mut seen = Vec::new();
        let mut input = Input::open(dir.path()).unwrap();
        let work = |segment: &cts_core::log::Segment, log: cts_core::Result<Log>| {
            (segment.number, log.unwrap().len())
        };
        map_segments(&mut input, threads, work, |result| {
            seen.push(result);
            Ok(())
        })
        .unwrap();
        assert_eq!(seen.iter().map(|s| s.0).collect::<Vec<_>>(), [Some(0), Some(1), Some(2)]);
        assert_eq!(seen.iter().map(|s| s.1).sum::<usize>(), events);
    }
}

#[test]
fn an_error_ends_a_parallel_reading() {
    let (dir, _) = route();
    let mut input = Input::open(dir.path()).unwrap();
    let result = map_segments(&mut input, 2, |_, _| (), |()| Err(cts_core::ErrorKind::Canceled.into()));
    assert_eq!(result.unwrap_err().code(), "canceled");
}

#[test]
fn merged_events_are_all_there_and_in_order() {
    let (dir, events) = route();
    let mut input = Input::open(dir.path()).unwrap();
    let logs = std::iter::from_fn(|| input.next_log().map(|(_, log)| log));
    let (mut count, mut last) = (0, 0);
    merge_by_time(logs, |event| {
        count += 1;
        if event.which() != which::INIT_DATA {
            assert!(event.mono_time() >= last);
            last = event.mono_time();
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(count, events);
}

#[test]
fn overlapping_segments_are_interleaved() {
    let mut bytes = Vec::new();
    Drive::new(1, 4).write(&mut bytes).unwrap();
    let log = || Log::from_bytes(&bytes, &ReadOptions::default());
    let mut times = Vec::new();
    merge_by_time([log(), log()], |event| {
        if event.which() != which::INIT_DATA {
            times.push(event.mono_time());
        }
        Ok(())
    })
    .unwrap();
    assert!(times.is_sorted(), "two copies of one segment alternate");
    assert_eq!(times.len(), 2 * log().unwrap().len() - 2);
}
