//! Tools from a file in memory's cache to files: bench ids are `tool/name/input`; throughput is decompressed bytes, as in
//! `floor`.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros; a failing bench may panic")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use cts_bench::{Input, work};
use cts_core::tool;

fn tools(c: &mut Criterion) {
    let mut group = c.benchmark_group("tool");
    group.sample_size(10);
    for input in Input::all().unwrap() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("rlog.zst");
        std::fs::write(&log, &input.packed).unwrap();
        group.throughput(Throughput::Bytes(input.plain.len() as u64));
        for tool in tool::ALL {
            group.bench_function(BenchmarkId::new(tool.name, &input.name), |b| {
                b.iter(|| work::run(tool, &log, dir.path()).unwrap())
            });
        }
    }
}

criterion_group!(benches, tools);
criterion_main!(benches);
