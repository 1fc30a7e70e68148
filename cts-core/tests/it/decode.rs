//! Decoded sample logs against what was measured and planted.

use std::collections::BTreeMap;

use cts_core::dbc::{Dbc, Search};
use cts_core::decode::{
    DecodeOptions, Decoder, Exported, Layout, MessageStats, MessageTable, Resample, SIGNALS, SignalExporter,
    Verify,
};
use cts_core::log::{Completeness, Input, Log, ReadOptions};
use cts_core::table::{Format, Table, Values};

use crate::data;

/// Source: opendbc `toyota_new_mc_pt_generated`.
const TOYOTA: &str = r#"
BO_ 37 STEER_ANGLE_SENSOR: 8 XXX
 SG_ STEER_ANGLE : 3|12@0- (1.5,0) [-500|500] "deg" XXX
 SG_ STEER_FRACTION : 39|4@0- (0.1,0) [-0.7|0.7] "deg" XXX
BO_ 170 WHEEL_SPEEDS: 8 XXX
 SG_ WHEEL_SPEED_FR : 7|16@0+ (0.01,-67.67) [0|250] "km/h" XXX
 SG_ WHEEL_SPEED_FL : 23|16@0+ (0.01,-67.67) [0|250] "km/h" XXX
 SG_ WHEEL_SPEED_RR : 39|16@0+ (0.01,-67.67) [0|250] "km/h" XXX
 SG_ WHEEL_SPEED_RL : 55|16@0+ (0.01,-67.67) [0|250] "km/h" XXX
"#;

fn decode(
    log: &str,
    dbc: &Dbc,
    bus: u8,
    options: DecodeOptions,
) -> Option<(Vec<MessageTable>, Vec<MessageStats>)> {
    let log = Log::open(data(log)?, &ReadOptions::default()).unwrap();
    let mut decoder = Decoder::new(&[(Some(bus), dbc)], options).unwrap();
    let mut record = Completeness::default();
    decoder.push(&log, &mut record);
    assert!(record.is_complete());
    Some((decoder.take(), decoder.stats()))
}

fn values<'a>(table: &'a Table, name: &str) -> &'a [f64] {
    let column = table.column(name).unwrap();
    assert!(column.present.is_empty(), "{name} has nulls");
    let Values::Float64(values) = &column.values else { panic!("{column:?}") };
    values
}

/// Time of an event and values.
type Sample = (u64, Vec<f64>);

/// Lines of the truth by signal.
fn truth() -> Option<BTreeMap<String, Vec<Sample>>> {
    let text = std::fs::read_to_string(data("rav4-40.truth.csv")?).unwrap();
    let mut all: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let numbers = cells[3..].iter().filter(|cell| !cell.is_empty()).map(|cell| cell.parse().unwrap());
        all.entry(cells[0].to_owned()).or_default().push((cells[2].parse().unwrap(), numbers.collect()));
    }
    Some(all)
}

#[test]
fn rav4_speeds_and_angles_are_the_measured_ones() {
    let (dbc, findings) = Dbc::parse("toyota", TOYOTA);
    assert!(findings.is_empty(), "{findings:?}");
    let Some((tables, _)) = decode("rav4-40.rlog.zst", &dbc, 0, DecodeOptions::default()) else { return };
    let truth = truth().unwrap();
    let [angle, wheels] = &tables[..] else { panic!("two messages") };
    let mps = |name: &str| values(&wheels.table, name).iter().map(|kph| kph / 3.6).collect::<Vec<_>>();
    let wheel = ["FL", "FR", "RL", "RR"].map(|name| mps(&format!("WHEEL_SPEED_{name}")));
    let angles: Vec<f64> = (values(&angle.table, "STEER_ANGLE").iter())
        .zip(values(&angle.table, "STEER_FRACTION"))
        .map(|(angle, fraction)| angle + fraction)
        .collect();
    let (mut compared, mut largest) = (0, 0.0f64);
    let mut check = |kind: &str, table: &Table, got: &dyn Fn(usize) -> Vec<f64>| {
        let Values::UInt64(times) = &table.columns[0].values else { panic!("times") };
        assert_eq!(truth[kind].len(), times.len(), "{kind}");
        for (row, (time, want)) in truth[kind].iter().enumerate() {
            assert_eq!(times[row], *time, "{kind} {row}");
            let got = got(row);
            assert_eq!(got.len(), want.len());
            for (got, want) in got.iter().zip(want) {
                largest = largest.max((got - want).abs());
                compared += 1;
            }
        }
    };
    check("wheel_speed_fl_fr_rl_rr_mps", &wheels.table, &|row| {
        wheel.iter().map(|speeds| speeds[row]).collect()
    });
    let speed = |row: usize| vec![wheel.iter().map(|speeds| speeds[row]).sum::<f64>() / 4.0];
    check("speed_mps", &wheels.table, &speed);
    check("steering_angle_deg", &angle.table, &|row| vec![angles[row]]);
    println!("rav4-40: {compared} values, largest difference {largest:e}");
    assert!(largest < 1e-12, "{largest}");
}

/// Planted: four frames with a wrong checksum, three messages that pause for 1.5 s.
#[test]
fn subaru_checks_find_what_was_planted() {
    let dbc = Search::default().load("subaru_global_2017_generated").unwrap().dbc;
    let options = DecodeOptions { verify: Verify::Drop, ..DecodeOptions::default() };
    let Some((tables, stats)) = decode("subaru-synth.rlog.zst", &dbc, 0, options) else { return };
    let truth: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(data("subaru-synth.truth.json").unwrap()).unwrap())
            .unwrap();
    let address = |entry: &serde_json::Value| {
        let text = entry["address"].as_str().unwrap().trim_start_matches("0x");
        u32::from_str_radix(text, 16).unwrap()
    };
    let planted =
        |kind: &str| -> Vec<u32> { truth["panda"][kind].as_array().unwrap().iter().map(address).collect() };
    let bad: Vec<u32> = planted("bad_checksum_frames");
    let found = stats.iter().flat_map(|s| (0..s.checks.unwrap_or_default().checksum_bad).map(|_| s.address));
    assert_eq!(found.collect::<Vec<_>>(), bad);
    let mut gaps = planted("rx_gaps");
    gaps.sort_unstable();
    let gapped = |s: &&MessageStats| s.checks.is_some_and(|checks| checks.counter_bad > 0);
    assert_eq!(stats.iter().filter(gapped).map(|s| s.address).collect::<Vec<_>>(), gaps);
    for s in &stats {
        let rows = tables.iter().find(|table| table.address == s.address).unwrap().table.rows() as u64;
        assert_eq!(s.frames - s.checks.unwrap_or_default().dropped, rows, "{s:?}");
    }
    assert_eq!(stats.iter().map(|s| s.checks.unwrap_or_default().dropped).sum::<u64>(), bad.len() as u64);
}

/// Every format of every layout can be written, from a log that is read segment by segment.
#[test]
fn all_layouts_and_formats_are_written() {
    let Some(path) = data("rav4-40.rlog.zst") else { return };
    let (dbc, _) = Dbc::parse("toyota", TOYOTA);
    let formats = [Format::Csv, Format::Json, Format::Ipc];
    let layouts = [
        (Layout::Messages, "STEER_ANGLE_SENSOR", 4974),
        (Layout::Long, SIGNALS, 6 * 4974),
        (Layout::Aligned { period_ns: 10_000_000, resample: Resample::AsOf }, SIGNALS, 5998),
    ];
    for (layout, name, rows) in layouts {
        for format in formats {
            let decoder = Decoder::new(&[(Some(0), &dbc)], DecodeOptions::default()).unwrap();
            let open = |_: &str| Ok(Vec::new());
            let mut exporter = SignalExporter::new(decoder, layout, |_| true, format, open).unwrap();
            Input::open(&path).unwrap().read(|_, batch, record| exporter.push(batch, record)).unwrap();
            let Exported { files, .. } = exporter.finish().unwrap();
            let (_, written, bytes) = files.iter().find(|(label, _, _)| label == name).unwrap();
            println!("{layout:?} {format:?}: {written} rows, {} bytes", bytes.len());
            if format != Format::Ipc {
                let header = u64::from(format == Format::Csv);
                assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count() as u64, written + header);
            }
            assert_eq!(*written, rows);
        }
    }
}
