mod csv_in;
mod golden;
mod rows;
mod times;
mod twin;

use super::*;

/// A row as the tests write it: time, segment, bus, address, payload.
type Row = (f64, Segment, u8, u32, Vec<u8>);

fn run(config: Config, rows: &[Row]) -> Outcome {
    let mut engine = Bitwatch::new(config).unwrap();
    for (t, segment, bus, address, data) in rows {
        engine.push(*t, *segment, *bus, *address, data);
    }
    engine.finish()
}

fn watch(specs: &[&str]) -> Vec<WatchSpec> {
    WatchSpec::parse_list(specs, BitOrder::Msb).unwrap()
}

/// The five files: name and content.
fn files(outcome: &Outcome) -> [(&'static str, Vec<u8>); 5] {
    let mut files = [
        ("counts.csv", Vec::new()),
        ("per_address.json", Vec::new()),
        ("bit_edges.csv", Vec::new()),
        ("candidates_window_only.csv", Vec::new()),
        ("accel_hunt.csv", Vec::new()),
    ];
    write_counts(outcome, &mut files[0].1).unwrap();
    write_per_address(outcome, &mut files[1].1).unwrap();
    write_bit_edges(outcome, &mut files[2].1).unwrap();
    write_candidates_window_only(outcome, &mut files[3].1).unwrap();
    write_accel_hunt(outcome, &mut files[4].1).unwrap();
    files
}

fn text(outcome: &Outcome, name: &str) -> String {
    let found = files(outcome).into_iter().find(|(n, _)| *n == name).unwrap();
    String::from_utf8(found.1).unwrap()
}
