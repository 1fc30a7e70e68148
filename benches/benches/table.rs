//! Tables: all bench ids are `table/operation/input`; throughput is decompressed bytes, as in `floor`.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros; a failing bench may panic")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use cts_bench::{Input, work};

fn table(c: &mut Criterion) {
    let mut group = c.benchmark_group("table");
    for input in Input::all().unwrap() {
        let packed = &input.packed[..];
        let log = work::index(packed).unwrap();
        assert!(work::frames_of(&log) > 1000 && work::events_of(&log, "carState").unwrap() > 1000);
        group.throughput(Throughput::Bytes(input.plain.len() as u64));
        group.bench_function(BenchmarkId::new("frames", &input.name), |b| {
            b.iter(|| work::frames_of(black_box(&log)))
        });
        group.bench_function(BenchmarkId::new("events", &input.name), |b| {
            b.iter(|| work::events_of(black_box(&log), "carState").unwrap())
        });
        group.bench_function(BenchmarkId::new("log-to-frames", &input.name), |b| {
            b.iter(|| work::frame_table(black_box(packed)).unwrap())
        });
        group.bench_function(BenchmarkId::new("parquet", &input.name), |b| {
            b.iter(|| work::parquet(black_box(packed)).unwrap())
        });
    }
}

criterion_group!(benches, table);
criterion_main!(benches);
