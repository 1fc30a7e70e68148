//! Decoding signals: all bench ids are `decode/operation/input`; throughput is signal values, for `gather` frames.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros; a failing bench may panic")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use cts_bench::{Input, signals, work};

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    for input in Input::all().unwrap() {
        let dbc = signals::dbc_of(&input.name).unwrap();
        let log = work::index(&input.packed).unwrap();
        let frames = signals::frames_of(&log).unwrap();
        let mut decoder = signals::decoder(&dbc).unwrap();
        let values = signals::tables(&mut decoder, &frames);
        group.throughput(Throughput::Elements(values));
        group.bench_function(BenchmarkId::new("tables", &input.name), |b| {
            b.iter(|| signals::tables(&mut decoder, black_box(&frames)))
        });
        group.bench_function(BenchmarkId::new("obvious", &input.name), |b| {
            b.iter(|| signals::obvious(&dbc, black_box(&frames)))
        });
        group.bench_function(BenchmarkId::new("parquet", &input.name), |b| {
            b.iter(|| signals::parquet(black_box(&input.packed), &dbc).unwrap())
        });
        group.throughput(Throughput::Elements(frames.len() as u64));
        group.bench_function(BenchmarkId::new("gather", &input.name), |b| {
            b.iter(|| signals::gather(&mut decoder, black_box(&frames)))
        });
    }
}

criterion_group!(benches, decode);
criterion_main!(benches);
