//! Worked examples: encoded with opendbc's packer, decoded by cantools and opendbc's CANParser, which agree.

use super::{dbc, message, signal};
use crate::dbc::{Message, Presence};
use crate::decode::{DecodeOptions, Decoder};
use crate::log::Frame;
use crate::table::{Table, Values};

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
}

fn decode(message: Message, payloads: &[&str]) -> Table {
    let dbc = dbc(vec![message]);
    let mut decoder = Decoder::new(&[(Some(0), &dbc)], DecodeOptions::default()).unwrap();
    for (i, payload) in payloads.iter().enumerate() {
        let (address, data) = (dbc.messages[0].id.address, bytes(payload));
        decoder.push_frame(i as u64, &Frame { address, bus: 0, data: &data });
    }
    decoder.take().remove(0).table
}

/// Value of a signal in a row; `None` where it is null.
fn value(table: &Table, name: &str, row: usize) -> Option<f64> {
    let column = table.column(name).unwrap();
    let Values::Float64(values) = &column.values else { panic!("{column:?}") };
    (!column.is_null(row)).then(|| values[row])
}

fn check(message: Message, payload: &str, want: &[(&str, f64)]) {
    let table = decode(message, &[payload]);
    for (name, want) in want {
        let got = value(&table, name, 0).unwrap();
        assert!((got - want).abs() < 1e-9, "{name}: {got}, not {want}");
    }
}

/// Source: opendbc `subaru_global_2017_generated`, Intel.
#[test]
fn subaru_wheel_speeds_and_torque() {
    let speed = |name, start| signal(name, start, 13, '1', '+', (0.057, 0.0));
    let plain = |name, start, size| signal(name, start, size, '1', '+', (1.0, 0.0));
    let signals = vec![
        plain("CHECKSUM", 0, 8),
        plain("COUNTER", 8, 4),
        speed("FR", 12),
        speed("RR", 25),
        speed("FL", 51),
        speed("RL", 38),
    ];
    let want =
        [("CHECKSUM", 124.0), ("COUNTER", 5.0), ("FR", 57.0), ("RR", 56.943), ("FL", 57.114), ("RL", 57.057)];
    check(message(0x13A, "Wheel_Speeds", 8, signals), "7c853ece47fa501f", &want);
    let signals = vec![
        signal("Steer_Torque_Sensor", 16, 11, '1', '-', (-1.0, 0.0)),
        signal("Steer_Error_1", 12, 1, '0', '+', (1.0, 0.0)),
        signal("Steer_Warning", 29, 1, '1', '+', (1.0, 0.0)),
        signal("Steering_Angle", 32, 16, '1', '-', (-0.0217, 0.0)),
        signal("Steer_Torque_Output", 48, 11, '1', '-', (-10.0, 0.0)),
    ];
    let want = [
        ("Steer_Torque_Sensor", -123.0),
        ("Steer_Error_1", 0.0),
        ("Steer_Warning", 1.0),
        ("Steering_Angle", -12.3039),
        ("Steer_Torque_Output", 250.0),
    ];
    check(message(0x119, "Steering_Torque", 8, signals), "e5097b203702e707", &want);
}

/// Source: opendbc `toyota_nodsu_pt_generated`, Motorola.
#[test]
fn toyota_wheel_speeds_and_torque() {
    let speed = |name, start| signal(name, start, 16, '0', '+', (0.01, -67.67));
    let signals = vec![speed("FR", 7), speed("FL", 23), speed("RR", 39), speed("RL", 55)];
    let want = [("FR", 50.0), ("FL", 49.5), ("RR", 50.25), ("RL", 49.75)];
    check(message(0xAA, "WHEEL_SPEEDS", 8, signals), "2df72dc52e102dde", &want);
    let signals = vec![
        signal("STEER_TORQUE_EPS", 47, 16, '0', '-', (1.0, 0.0)),
        signal("STEER_TORQUE_DRIVER", 15, 16, '0', '-', (1.0, 0.0)),
        signal("STEER_ANGLE", 31, 16, '0', '-', (0.0573, 0.0)),
        signal("STEER_OVERRIDE", 0, 1, '0', '+', (1.0, 0.0)),
        signal("CHECKSUM", 63, 8, '0', '+', (1.0, 0.0)),
    ];
    let want = [
        ("STEER_TORQUE_EPS", -321.0),
        ("STEER_TORQUE_DRIVER", 77.0),
        ("STEER_ANGLE", -45.84),
        ("STEER_OVERRIDE", 1.0),
        ("CHECKSUM", 81.0),
    ];
    check(message(0x260, "STEER_TORQUE_SENSOR", 8, signals), "01004dfce0febf51", &want);
}

/// Source: opendbc `hyundai_canfd_generated`, 24 bytes: lanes beyond the first.
#[test]
fn hyundai_wheel_speeds() {
    let speed = |name, start| signal(name, start, 14, '1', '+', (0.03125, 0.0));
    let signals = vec![
        signal("CHECKSUM", 0, 16, '1', '+', (1.0, 0.0)),
        signal("COUNTER", 16, 8, '1', '+', (1.0, 0.0)),
        speed("WHL_SpdFLVal", 64),
        speed("WHL_SpdFRVal", 80),
        speed("WHL_SpdRLVal", 96),
        speed("WHL_SpdRRVal", 112),
    ];
    let want = [
        ("CHECKSUM", 9771.0),
        ("COUNTER", 200.0),
        ("WHL_SpdFLVal", 72.5),
        ("WHL_SpdFRVal", 72.53125),
        ("WHL_SpdRLVal", 72.46875),
        ("WHL_SpdRRVal", 72.5),
    ];
    check(
        message(0xA0, "WHEEL_SPEEDS", 24, signals),
        "2b26c80000000001100911090f0910090000000000000000",
        &want,
    );
}

/// Source: opendbc `tesla_model3_vehicle` VCFRONT_LVPowerState; cantools reads it so, opendbc ignores the switch.
#[test]
fn a_signal_of_the_other_branch_is_null() {
    let switched = |name, start, branch| {
        let presence = Presence { switch: "Index".to_owned(), ranges: vec![(branch, branch)] };
        let plain = signal(name, start, 2, '1', '+', (1.0, 0.0));
        crate::dbc::Signal { presence: Some(presence), ..plain }
    };
    let signals = vec![
        signal("Index", 0, 5, '1', '+', (1.0, 0.0)),
        signal("vehiclePowerState", 5, 2, '1', '+', (1.0, 0.0)),
        switched("amplifierLVRequest", 20, 0),
        switched("other", 20, 1),
    ];
    let table =
        decode(message(0x221, "VCFRONT_LVPowerState", 8, signals), &["400020f0ff0f8001", "410020f0ff0f8002"]);
    let row = |row| ["vehiclePowerState", "amplifierLVRequest", "other"].map(|name| value(&table, name, row));
    assert_eq!(row(0), [Some(2.0), Some(2.0), None]);
    assert_eq!(row(1), [Some(2.0), None, Some(2.0)]);
}

#[test]
fn names_choose_and_unknown_names_are_errors() {
    let one = |name| signal(name, 0, 8, '1', '+', (1.0, 0.0));
    let dbc = dbc(vec![
        message(1, "A", 8, vec![one("SPEED"), one("X")]),
        message(0x18DB_33F1, "B", 8, vec![one("SPEED")]),
    ]);
    let tables = |messages: &[&str], signals: &[&str]| {
        let text = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
        let options =
            DecodeOptions { messages: text(messages), signals: text(signals), ..DecodeOptions::default() };
        let mut decoder = Decoder::new(&[(None, &dbc)], options).map_err(|e| e.to_string())?;
        for address in [1, 0x18DB_33F1] {
            decoder.push_frame(5, &Frame { address, bus: 0, data: &[7; 8] });
        }
        let column = |t: &super::super::MessageTable| {
            let names: Vec<_> = t.table.columns[3..].iter().map(|column| column.name.clone()).collect();
            format!("{}:{}", t.message, names.join(","))
        };
        Ok(decoder.take().iter().map(column).collect::<Vec<_>>().join(" "))
    };
    let check = |messages: &[&str], signals: &[&str], want: &str| {
        let got: Result<String, String> = tables(messages, signals);
        assert_eq!(got.as_deref().unwrap_or_else(|e| e), want);
    };
    check(&[], &[], "A:SPEED,X B:SPEED");
    check(&["B"], &[], "B:SPEED");
    check(&[], &["SPEED"], "A:SPEED B:SPEED");
    check(&[], &["A.SPEED"], "A:SPEED");
    check(&["B"], &["A.SPEED"], "no signal `A.SPEED` in the DBC `made` (did you mean `SPEED`?)");
    check(&["Bb"], &[], "no message `Bb` in the DBC `made` (did you mean `B`?)");
}

#[test]
fn buses_have_their_own_databases_and_copies_are_left_out() {
    let one = |name: &str| dbc(vec![message(1, name, 8, vec![signal("S", 0, 8, '1', '+', (1.0, 0.0))])]);
    let (rest, radar) = (one("REST"), one("RADAR"));
    let seen = |options: DecodeOptions| {
        let mut decoder = Decoder::new(&[(None, &rest), (Some(1), &radar)], options).unwrap();
        for (i, bus) in [0, 1, 2, 129, 192].into_iter().enumerate() {
            decoder.push_frame(i as u64, &Frame { address: 1, bus, data: &[0; 8] });
        }
        let count = |t: super::super::MessageTable| format!("{}={}", t.message, t.table.rows());
        decoder.take().into_iter().map(count).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(seen(DecodeOptions::default()), "REST=2 RADAR=1");
    assert_eq!(seen(DecodeOptions { returned: true, ..DecodeOptions::default() }), "REST=2 RADAR=2");
    assert_eq!(
        seen(DecodeOptions { rejected: true, buses: vec![192], ..DecodeOptions::default() }),
        "REST=1"
    );
}
