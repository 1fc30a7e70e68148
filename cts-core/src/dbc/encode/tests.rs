use proptest::prelude::*;

use super::*;
use crate::dbc::{ByteOrder, Checks, Search};

const TEXT: &str = "BO_ 1 A: 8 X
 SG_ S : 7|8@0- (0.5,-5) [0|0] \"\" X
 SG_ U : 8|12@1+ (1,0) [0|0] \"\" X
 SG_ I M : 20|4@1+ (1,0) [0|0] \"\" X
 SG_ P m2 : 24|8@1+ (1,0) [0|0] \"\" X
 SG_ Q m3 : 24|8@1+ (1,0) [0|0] \"\" X
 SG_ Far : 64|8@1+ (1,0) [0|0] \"\" X
VAL_ 1 U 3 \"Hands on\" 5 \"off\";
";

fn encode(values: &[(&str, Value<'_>)]) -> Result<[u8; 8]> {
    let (dbc, _) = Dbc::parse("test", TEXT);
    let mut payload = [0; 8];
    dbc.messages[0].encode(values, &mut payload).map(|()| payload)
}

fn code(values: &[(&str, Value<'_>)]) -> String {
    encode(values).unwrap_err().to_string()
}

#[test]
fn values_names_and_switches() {
    assert_eq!(
        encode(&[("S", (-5.5).into()), ("U", "hands_ON".into())]).unwrap(),
        [0xFF, 3, 0, 0, 0, 0, 0, 0]
    );
    assert_eq!(encode(&[("P", 7.0.into())]).unwrap(), [0, 0, 0x20, 7, 0, 0, 0, 0]);
    assert_eq!(encode(&[("I", Value::Raw(3)), ("Q", 7.0.into())]).unwrap(), [0, 0, 0x30, 7, 0, 0, 0, 0]);
}

#[test]
fn what_cannot_be_is_said() {
    assert_eq!(code(&[("S", 59.0.into())]), "signal `S` cannot be 59: its bits reach from -69 to 58.5");
    assert_eq!(code(&[("S", f64::NAN.into())]), "signal `S` cannot be NaN: its bits reach from -69 to 58.5");
    assert_eq!(code(&[("U", "on".into())]), "signal `U` cannot be `on`: its values are `Hands on`, `off`");
    assert_eq!(code(&[("U", Value::Raw(4096))]), "signal `U` cannot be 4096: it has 12 bits");
    assert_eq!(code(&[("Far", 1.0.into())]), "signal `Far` cannot be set: the payload has only 8 bytes");
    assert_eq!(code(&[("R", 1.0.into())]), "message `A` has no signal `R` (did you mean `I`?)");
    let excluded = "signal `P` cannot be set: a switch has a value that leaves it out";
    assert_eq!(code(&[("I", 3.0.into()), ("P", 7.0.into())]), excluded);
}

/// Source: computed with opendbc's packer.
#[test]
fn a_wheel_speed_frame_as_opendbc_packs_it() {
    let dbc = Search::new([]).load("subaru_global_2017_generated").unwrap().dbc;
    let checks = Checks::of(&dbc);
    let values = [("FR", 57.0.into()), ("RR", 56.943.into()), ("FL", 57.114.into()), ("RL", 57.057.into())];
    let data = dbc.encode("Wheel_Speeds", &values, Some(5), checks.message(0x13A)).unwrap();
    assert_eq!(data, [0x7C, 0x85, 0x3E, 0xCE, 0x47, 0xFA, 0x50, 0x1F]);
}

fn signals() -> impl Strategy<Value = Signal> {
    let order = prop_oneof![Just(ByteOrder::LittleEndian), Just(ByteOrder::BigEndian)];
    let number = prop_oneof![Just(Number::Unsigned), Just(Number::Signed)];
    let factor = prop_oneof![Just(1.0), Just(-0.0217), Just(0.01), Just(2.5), Just(1e-6)];
    (0..512_u16, 1..=64_u16, order, number, factor, -100.0..100.0_f64).prop_map(
        |(start, size, order, number, factor, offset)| Signal {
            name: "S".into(),
            start,
            size,
            order,
            number,
            factor,
            offset,
            ..Signal::default()
        },
    )
}

proptest! {
    /// Raw bits come back, and nothing else changes.
    #[test]
    fn put_and_read(signal in signals(), raw in any::<u64>(), ground in any::<[u8; 32]>(), other in any::<u64>()) {
        let (mut data, raw) = ([ground, ground].concat(), raw & signal.mask());
        let before = data.clone();
        let Ok(()) = signal.put(raw, &mut data) else {
            prop_assert!(signal.bits().is_none());
            return Ok(());
        };
        prop_assert_eq!(signal.raw_bits(&data), Some(raw));
        signal.put(other & signal.mask(), &mut data).unwrap();
        signal.put(signal.raw_bits(&before).unwrap(), &mut data).unwrap();
        prop_assert_eq!(data, before);
    }

    /// A physical value that the signal can hold comes back.
    #[test]
    fn physical_values_come_back(signal in signals(), raw in any::<u64>()) {
        let raw = raw & signal.mask();
        let physical = signal.raw_value(raw) * signal.factor + signal.offset;
        let again = signal.raw_of(physical.into()).unwrap();
        if signal.size <= 40 {
            prop_assert_eq!(again, raw);
        } else {
            // A float of 53 bits cannot tell neighbours apart.
            let back = signal.raw_value(again) * signal.factor + signal.offset;
            prop_assert!((back - physical).abs() <= signal.factor.abs().max(physical.abs() * 1e-9).max(1e-9));
        }
    }
}
