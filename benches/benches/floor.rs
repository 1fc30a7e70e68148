//! What no reader can be faster than: copying the log, and decompressing it with libzstd alone.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros; a failing bench may panic")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use cts_bench::{Input, work};

fn floor(c: &mut Criterion) {
    let mut group = c.benchmark_group("floor");
    for input in Input::all().unwrap() {
        let size = input.plain.len();
        let mut reused = Vec::with_capacity(size);
        work::zstd_alone(&input.packed, &mut reused).unwrap();
        assert!(reused == input.plain, "decompressed bytes differ");
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::new("memcpy", &input.name), |b| {
            b.iter(|| reused.copy_from_slice(black_box(&input.plain)));
        });
        group.bench_function(BenchmarkId::new("zstd-one-buffer", &input.name), |b| {
            b.iter(|| work::zstd_fresh(black_box(&input.packed), size).unwrap());
        });
        group.bench_function(BenchmarkId::new("zstd-reused-buffer", &input.name), |b| {
            b.iter(|| work::zstd_alone(black_box(&input.packed), &mut reused).unwrap());
        });
    }
}

criterion_group!(benches, floor);
criterion_main!(benches);
