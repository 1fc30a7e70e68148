//! The files that the old tool wrote, and what is planted in the synthetic log.

use std::path::PathBuf;

use serde_json::Value;

use super::*;

fn data(name: &str) -> Option<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    if !path.exists() {
        eprintln!("SKIPPED: no test data at {}", path.display());
        return None;
    }
    Some(std::fs::read(path).unwrap())
}

fn golden(name: &str) -> Option<Vec<u8>> {
    Some(zstd::decode_all(&data(&format!("golden/{name}.zst"))?[..]).unwrap())
}

fn analyze(csv: &[u8], config: Config) -> Outcome {
    analyze_csv(config, || Ok(csv)).unwrap()
}

fn check(csv: &str, prefix: &str, config: Config) {
    let Some(table) = golden(csv) else { return };
    let outcome = analyze(&table, config);
    for (name, ours) in files(&outcome) {
        let Some(theirs) = golden(&format!("{prefix}.{name}")) else {
            continue;
        };
        assert!(
            ours == theirs,
            "{prefix}.{name} differs:\n{}",
            String::from_utf8_lossy(&ours[..ours.len().min(2000)])
        );
    }
}

#[test]
fn rav4_without_window() {
    check("rav4-40.plain.csv", "rav4-40.plain.bitwatch", Config::default());
}

#[test]
fn rav4_with_window() {
    check("rav4-40.window.csv", "rav4-40.window.bitwatch", Config::default());
}

#[test]
fn rav4_with_window_start_and_watch_list() {
    let watch = watch(&["0x1D2:B0b2", "0x1D2:B1b3", "466:B6b0", "0x224:B0b2", "0x3BC:B5b0"]);
    let config = Config { watch, window_start_s: Some(22.5), ..Config::default() };
    check("rav4-40.window.csv", "rav4-40.window.watch", config);
}

#[test]
fn subaru_with_window() {
    check("subaru-synth.window.csv", "subaru-synth.window.bitwatch", Config::default());
}

#[test]
fn rows_out_of_order_give_the_same_edges_and_candidates() {
    let Some(table) = golden("subaru-synth.window.csv") else {
        return;
    };
    let expected = analyze(&table, Config::default());
    let text = String::from_utf8(table).unwrap();
    let (header, body) = text.split_once("\r\n").unwrap();
    let mut lines: Vec<_> = body.lines().collect();
    // By address, so every row but those of the first address comes late; stable, so rows of one time keep their order
    // within an address.
    lines.sort_by_key(|line| line.split(',').nth(3));
    let shuffled = format!("{header}\n{}", lines.join("\n"));
    let outcome = analyze(shuffled.as_bytes(), Config::default());
    assert_eq!(outcome.summary, expected.summary);
    let key = |c: &Candidate| (c.address, c.bit);
    let (mut ours, mut theirs) = (outcome.candidates, expected.candidates);
    ours.sort_by_key(key);
    theirs.sort_by_key(key);
    assert_eq!(ours, theirs);
    assert_eq!(outcome.edges, expected.edges);
}

type Found = Vec<(String, Option<u64>, u64, u64)>;

fn planted(truth: &Value, list: &str) -> Found {
    let rows = truth["bitwatch"][list].as_array().unwrap().iter();
    let read = |row: &Value| {
        let number = |name: &str| row[name].as_u64();
        let address = row["address"].as_str().unwrap().to_owned();
        (address, number("bus"), number("global_idx").unwrap(), number("toggles").unwrap())
    };
    sorted(rows.map(read).collect())
}

fn sorted(mut found: Found) -> Found {
    found.sort();
    found
}

fn found(outcome: &Outcome) -> Found {
    let read = |c: &Candidate| {
        (format!("0x{:03X}", c.address), c.bus.map(u64::from), c.bit.global().into(), c.toggles)
    };
    sorted(outcome.candidates.iter().map(read).collect())
}

#[test]
fn finds_what_is_planted_and_nothing_else() {
    let (Some(table), Some(truth)) = (golden("subaru-synth.window.csv"), data("subaru-synth.truth.json"))
    else {
        return;
    };
    let truth: Value = serde_json::from_slice(&truth).unwrap();
    let pooled = analyze(&table, Config::default());
    assert_eq!(found(&pooled), planted(&truth, "window_only_buses_merged"));
    let by_bus = analyze(&table, Config { by_bus: true, exclude_returned: true, ..Config::default() });
    assert_eq!(found(&by_bus), planted(&truth, "window_only_per_bus"));
    assert_eq!(by_bus.summary.excluded_rows, truth["counts"]["frames_by_src"]["128"].as_u64().unwrap());
    for outcome in [&pooled, &by_bus] {
        assert_planted_bits(outcome, &truth);
    }
}

/// Each planted bit: a candidate or not, its pulses valid or not, its edges where it is watched.
fn assert_planted_bits(outcome: &Outcome, truth: &Value) {
    let mut valid = 0;
    for bit in truth["bitwatch"]["planted"].as_array().unwrap() {
        let address = u32::from_str_radix(&bit["address"].as_str().unwrap()[2..], 16).unwrap();
        let (index, expect) = (bit["global_idx"].as_u64().unwrap(), bit["expect"].as_str().unwrap());
        let edges = bit["edges"].as_array().unwrap();
        let candidate =
            outcome.candidates.iter().find(|c| c.address == address && u64::from(c.bit.global()) == index);
        if expect.starts_with("watched") {
            let own = |e: &&Edge| e.address == address && u64::from(e.bit.global()) == index;
            let ours: Vec<_> = outcome.edges.iter().filter(own).map(|e| (e.t_s, e.rising)).collect();
            let planted = edges.iter().map(|e| {
                let t = (e["rel_s"].as_f64().unwrap() * 1e9).round() as i64;
                (printed_seconds(t), e["to"] == 1)
            });
            assert_eq!(ours, planted.collect::<Vec<_>>(), "{expect}");
        } else if expect.starts_with("not window-only") {
            assert!(candidate.is_none(), "{expect}");
        } else {
            let candidate = candidate.expect(expect);
            assert_eq!(candidate.toggles, edges.len() as u64);
            assert_eq!(candidate.matches, expect.starts_with("valid"), "{expect}");
            valid += usize::from(candidate.matches);
        }
    }
    assert_eq!(outcome.summary.pulse_matches, valid);
}

#[test]
fn bus_clash_toggles_only_when_buses_are_pooled() {
    let Some(table) = golden("subaru-synth.window.csv") else {
        return;
    };
    // Past the checksum and the counter in bytes 0 and 1 each bus has one constant payload.
    let specs: Vec<String> = (16..64).map(|bit| format!("0x152:b{bit}")).collect();
    let specs: Vec<&str> = specs.iter().map(String::as_str).collect();
    let edges = |by_bus| {
        analyze(&table, Config { watch: watch(&specs), by_bus, ..Config::default() }).summary.watched_edges
    };
    assert_eq!(edges(true), 0);
    assert!(edges(false) > 1000);
}
