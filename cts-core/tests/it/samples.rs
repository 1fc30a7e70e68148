//! Counts of the sample logs, as their truth files state them.

use std::collections::BTreeMap;

use cts_core::log::{Batch, Completeness, Log, LogStream, ReadOptions, frames, read_ahead};

use crate::data;

fn truth(name: &str) -> Option<serde_json::Value> {
    Some(serde_json::from_slice(&std::fs::read(data(name)?).unwrap()).unwrap())
}

/// Every event as (mono time, which, bytes), so that readings can be compared.
type Seen = Vec<(u64, u16, Vec<u8>)>;

fn seen(batch: &Batch) -> Seen {
    batch.events().map(|e| (e.mono_time(), e.which(), e.bytes().to_vec())).collect()
}

fn streamed(name: &str) -> Option<(Seen, Completeness)> {
    let mut stream = LogStream::open(data(name)?, &ReadOptions::default()).unwrap();
    let (mut batch, mut all) = (Batch::default(), Vec::new());
    while stream.next_batch(&mut batch).unwrap() {
        all.extend(seen(&batch));
    }
    Some((all, stream.completeness().clone()))
}

#[test]
fn all_forms_of_one_log_give_the_same_events() {
    let Some((want, record)) = streamed("rav4-40.rlog") else { return };
    assert_eq!(want.len(), 36_884);
    assert!(record.is_complete());
    for name in ["rav4-40.rlog", "rav4-40.rlog.zst", "rav4-40.rlog.bz2", "rav4-40.multiframe.rlog.zst"] {
        let log = Log::open(data(name).unwrap(), &ReadOptions::default()).unwrap();
        assert!(seen(&log) == want, "{name} as a whole");
        let (got, record) = streamed(name).unwrap();
        assert!(got == want, "{name} as a stream");
        assert!(record.is_complete() && record.bytes_read == 8_078_424, "{name}: {record:?}");
        let mut ahead = Vec::new();
        let stream = LogStream::open(data(name).unwrap(), &ReadOptions::default()).unwrap();
        read_ahead(stream, |batch| {
            ahead.extend(seen(batch));
            Ok(())
        })
        .unwrap();
        assert!(ahead == want, "{name} read ahead");
    }
}

#[test]
fn counts_are_those_of_the_truth() {
    let Some(truth) = truth("rav4-40.truth.json") else { return };
    let names = names();
    for name in ["rav4-40.rlog.zst", "rav4-40.qlog.zst"] {
        let log = Log::open(data(name).unwrap(), &ReadOptions::default()).unwrap();
        let file = &truth["files"][name];
        assert_eq!(log.completeness().events, file["events"].as_u64().unwrap());
        for (service, count) in file["by_type"].as_object().unwrap() {
            assert_eq!(
                log.completeness().by_which.get(&names[service.as_str()]).copied(),
                count.as_u64(),
                "{service}"
            );
        }
    }
    let log = Log::open(data("rav4-40.rlog.zst").unwrap(), &ReadOptions::default()).unwrap();
    let mut by_bus = BTreeMap::new();
    for event in log.events().filter(|e| e.which() == 4) {
        for frame in frames(&event).unwrap() {
            *by_bus.entry(frame.unwrap().bus.to_string()).or_insert(0u64) += 1;
        }
    }
    let want: BTreeMap<String, u64> = serde_json::from_value(truth["frames_by_src"].clone()).unwrap();
    assert_eq!(by_bus, want);
}

/// Discriminants of the services in the sample logs. Source: openpilot `cereal/log.capnp` `Event`.
fn names() -> BTreeMap<&'static str, u16> {
    BTreeMap::from([
        ("accelerometer", 96),
        ("can", 4),
        ("carParams", 67),
        ("carState", 21),
        ("errorLogMessage", 83),
        ("gpsLocationExternal", 47),
        ("gyroscope", 97),
        ("initData", 0),
        ("logMessage", 17),
        ("pandaStates", 79),
        ("selfdriveState", 128),
        ("sendcan", 16),
        ("sentinel", 71),
    ])
}

#[test]
fn damaged_samples_deliver_everything_around_the_damage() {
    let Some(truth) = truth("rav4-40.truth.json") else { return };
    let whole = streamed("rav4-40.rlog").unwrap().0;

    let cut = &truth["files"]["rav4-40.truncated.rlog.zst"];
    let count = cut["whole_events_in_them"].as_u64().unwrap() as usize;
    let (got, record) = streamed("rav4-40.truncated.rlog.zst").unwrap();
    assert!(got == whole[..count]);
    assert_eq!(record.bytes_read, cut["decompressible_bytes_libzstd_stream"].as_u64().unwrap());
    assert!(!record.is_complete());

    let bad = &truth["files"]["rav4-40.corrupt.rlog.zst"];
    let lost = bad["event_index"].as_u64().unwrap() as usize;
    let want = [&whole[..lost], &whole[lost + 1..]].concat();
    let (got, record) = streamed("rav4-40.corrupt.rlog.zst").unwrap();
    assert!(got == want);
    assert_eq!((record.damage_count, record.bytes_skipped), (1, bad["bytes_overwritten"].as_u64().unwrap()));
    assert_eq!(record.damage[0].offset, bad["stream_offset"].as_u64().unwrap());

    for name in ["rav4-40.truncated.rlog.zst", "rav4-40.corrupt.rlog.zst"] {
        let log = Log::open(data(name).unwrap(), &ReadOptions::default()).unwrap();
        let (got, record) = streamed(name).unwrap();
        assert!(seen(&log) == got, "{name}: whole and stream agree");
        assert_eq!(log.completeness().damage, record.damage);
        let strict = ReadOptions { strict: true, ..ReadOptions::default() };
        assert!(Log::open(data(name).unwrap(), &strict).is_err());
    }
}
