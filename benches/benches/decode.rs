//! Decoding signals: all bench ids are `decode/operation/input`; throughput is signal values, for `gather` frames.
#![allow(
    missing_docs,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "criterion's macros; a failing bench may panic"
)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use cts_bench::{Input, signals, work};
use cts_core::decode::Decoder;
use cts_core::log::Frame;

/// Signal values a second that one core must give.
const FLOOR: f64 = 100e6;

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    for input in Input::all().unwrap() {
        let dbc = signals::dbc_of(&input.name).unwrap();
        let log = work::index(&input.packed).unwrap();
        let frames = signals::frames_of(&log).unwrap();
        let mut decoder = signals::decoder(&dbc).unwrap();
        let values = signals::tables(&mut decoder, &frames);
        floor(&mut decoder, &frames, values);
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

/// The best of some rounds must reach the floor: noise only ever makes it slower.
fn floor(decoder: &mut Decoder, frames: &[(u64, Frame<'_>)], values: u64) {
    let mut round = || {
        let start = std::time::Instant::now();
        assert_eq!(signals::tables(decoder, black_box(frames)), values);
        start.elapsed().as_secs_f64()
    };
    let best = (0..50).map(|_| round()).fold(f64::INFINITY, f64::min);
    let rate = values as f64 / best;
    // A handful of signals says nothing about the loops.
    assert!(rate >= FLOOR || values < 100_000, "{:.0} million signal values a second", rate / 1e6);
    eprintln!("decode: {values} values, {:.0} million a second at best", rate / 1e6);
}

criterion_group!(benches, decode);
criterion_main!(benches);
