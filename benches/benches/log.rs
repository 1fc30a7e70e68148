//! Reading logs: all bench ids are `log/operation/input`; throughput is decompressed bytes.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros; a failing bench may panic")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use cts_bench::{Input, work};

fn log(c: &mut Criterion) {
    let mut group = c.benchmark_group("log");
    for input in Input::all().unwrap() {
        let packed = &input.packed[..];
        let log = work::index(packed).unwrap();
        check(&input, log.len() as u64);
        group.throughput(Throughput::Bytes(input.plain.len() as u64));
        let mut bench = |operation: &str, work: &dyn Fn(&[u8]) -> u64| {
            group.bench_function(BenchmarkId::new(operation, &input.name), |b| {
                b.iter(|| work(black_box(packed)))
            });
        };
        bench("index", &|packed| work::index(packed).unwrap().len() as u64);
        bench("stream", &|packed| work::stream(packed).unwrap());
        bench("read-ahead", &|packed| work::ahead_frames(packed).unwrap().sum);
        bench("frames-of-index", &|_| {
            let mut walk = work::Walk::default();
            walk.add(black_box(&log)).unwrap();
            walk.sum
        });
        bench("frames", &|packed| work::stream_frames(packed).unwrap().sum);
        bench("frames-by-index", &|packed| work::index_frames(packed).unwrap().sum);
        bench("first-event", &|packed| work::first_events(packed).unwrap());
    }
}

/// All ways to read give the same; the head costs few bytes.
fn check(input: &Input, events: u64) {
    let walk = work::index_frames(&input.packed).unwrap();
    assert!(walk.frames > 1000, "{walk:?}");
    assert_eq!(work::stream_frames(&input.packed).unwrap(), walk);
    assert_eq!(work::ahead_frames(&input.packed).unwrap(), walk);
    assert_eq!(work::stream(&input.packed).unwrap(), events);
    assert!(work::first_events(&input.packed).unwrap() <= 512 << 10);
}

criterion_group!(benches, log);
criterion_main!(benches);
