//! Every database of the directory that `CTS_DBC_PATH` or an installed `opendbc` names.

use cts_core::dbc::{BUILTIN, Checks, Loaded, Message, Search, Signal, Value, diff, draw, lint};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// All databases but those that need Python; the built-in ones alone where nothing is installed.
fn all() -> Vec<Loaded> {
    let search = Search::with_environment([]);
    if search.places().is_empty() {
        eprintln!("SKIPPED: databases of opendbc, which is not installed (set CTS_DBC_PATH)");
        return BUILTIN.iter().map(|name| search.load(name).unwrap()).collect();
    }
    let scripted = |name: &String| name.contains("corner_radar") || name.contains("radar_bosch");
    search.names().iter().filter(|name| !scripted(name)).map(|name| search.load(name).unwrap()).collect()
}

#[test]
fn all_load_lint_and_draw() {
    let mut counts = std::collections::BTreeMap::new();
    let all = all();
    for loaded in &all {
        assert!(!loaded.dbc.messages.is_empty(), "{}", loaded.dbc.name);
        let lints = lint(&loaded.dbc);
        for finding in loaded.findings.iter().chain(&lints) {
            *counts.entry((finding.severity, finding.code)).or_insert(0) += 1;
        }
        // Whatever is lost would be one of these.
        let lost =
            |code: &str| matches!(code, "bad-message" | "bad-signal" | "bad-statement" | "unknown-statement");
        let lost: Vec<_> = loaded.findings.iter().filter(|finding| lost(finding.code)).collect();
        assert!(lost.is_empty(), "{}: {lost:?}", loaded.dbc.name);
        for message in &loaded.dbc.messages {
            assert!(draw(message).lines().count() > message.signals.len());
        }
        assert_eq!(diff(&loaded.dbc, &loaded.dbc.clone()), []);
    }
    println!("{} databases", all.len());
    for ((severity, code), count) in counts {
        println!("{count:>6} {severity} {code}");
    }
}

/// Encodes and decodes random values of every signal of every message, counters and checksums included.
#[test]
fn every_message_comes_back() {
    let (mut messages, mut signals) = (0, 0);
    let mut runner = TestRunner::deterministic();
    for loaded in all() {
        let checks = Checks::with_unverified(&loaded.dbc);
        for message in &loaded.dbc.messages {
            let fits =
                |s: &&Signal| s.bits().is_some_and(|bits| bits.iter().all(|bit| *bit < message.size * 8));
            let own: Vec<&Signal> = message.signals.iter().filter(fits).collect();
            let seeds =
                prop::collection::vec(any::<u64>(), own.len()).new_tree(&mut runner).unwrap().current();
            let chosen = without_conflicts(message, &own);
            signals += comes_back(message, &chosen, &seeds);
            if let Some(checks) =
                checks.message(message.id.address).filter(|checks| !checks.covers_itself(message.size))
            {
                let mut data = vec![0; message.size.into()];
                checks.set(seeds.first().copied().unwrap_or(3), &mut data);
                assert_ne!(checks.checksum_ok(&data), Some(false), "{} {}", loaded.dbc.name, message.name);
            }
            messages += 1;
        }
    }
    println!("{signals} values in {messages} messages");
}

/// Signals that share no bit, and whose switches agree: those of the first branch.
fn without_conflicts<'a>(message: &Message, signals: &[&'a Signal]) -> Vec<&'a Signal> {
    let mut chosen: Vec<&Signal> = Vec::new();
    for signal in signals.iter().filter(|signal| !signal.is_switch) {
        let bits = signal.bits().unwrap();
        let shares = |other: &&Signal| other.bits().unwrap().iter().any(|bit| bits.contains(bit));
        let of_a_switch = message.signals.iter().any(|s| s.is_switch && s.name != signal.name && shares(&s));
        if !of_a_switch && !chosen.iter().any(|other| shares(other) || !message.can_meet(signal, other)) {
            chosen.push(signal);
        }
    }
    chosen
}

fn comes_back(message: &Message, signals: &[&Signal], seeds: &[u64]) -> usize {
    let values: Vec<(&str, f64)> = signals
        .iter()
        .zip(seeds)
        .map(|(signal, seed)| {
            let mask = if signal.size >= 64 { u64::MAX } else { (1 << signal.size) - 1 };
            (signal.name.as_str(), signal.raw_value(seed & mask) * signal.factor + signal.offset)
        })
        .collect();
    let physical: Vec<(&str, Value<'_>)> =
        values.iter().map(|(name, value)| (*name, Value::Physical(*value))).collect();
    let mut data = vec![0; message.size.into()];
    message.encode(&physical, &mut data).unwrap_or_else(|e| panic!("{}: {e}", message.name));
    for (signal, (_, value)) in signals.iter().zip(&values) {
        assert!(message.is_present(signal, &data), "{} {}", message.name, signal.name);
        let back = signal.physical(&data).unwrap();
        let resolution = signal.factor.abs() * 0.501 + value.abs() * 1e-12;
        assert!(
            (back - value).abs() <= resolution,
            "{} {}: {value} came back as {back}",
            message.name,
            signal.name
        );
    }
    signals.len()
}
