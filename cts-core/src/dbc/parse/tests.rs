use proptest::prelude::*;

use crate::dbc::{ByteOrder, Choice, Dbc, Number, Presence};

fn codes(text: &str) -> Vec<(&'static str, u32, u32)> {
    Dbc::parse("test", text).1.into_iter().map(|f| (f.code, f.line, f.column)).collect()
}

const MESSAGE: &str = "BO_ 291 A: 8 XXX\n SG_ S : 7|16@0- (0.1,-5) [-10|10] \"km/h\" XXX, YYY\n";

#[test]
fn a_plain_file() {
    let text = format!(
        "VERSION \"1\"\n\nNS_ :\n\tCM_\n\tVAL_\n\nBS_:\nBU_: XXX\n\tYYY\n{MESSAGE}\nCM_ SG_ 291 S \"a\nb;\";\nVAL_ 291 S 1 \"one\" -1 \"minus\" ;\nBA_ \"GenMsgCycleTime\" BO_ 291 20;\n"
    );
    let (dbc, findings) = Dbc::parse("test", &text);
    assert_eq!(findings, []);
    let message = &dbc.messages[0];
    assert_eq!((message.id.address, message.name.as_str(), message.size), (291, "A", 8));
    assert_eq!((message.line, message.period_ms), (10, Some(20)));
    let signal = &message.signals[0];
    assert_eq!((signal.start, signal.size, signal.order), (7, 16, ByteOrder::BigEndian));
    assert_eq!((signal.number, signal.factor, signal.offset), (Number::Signed, 0.1, -5.0));
    assert_eq!((signal.min, signal.max, signal.unit.as_str()), (-10.0, 10.0, "km/h"));
    assert_eq!(signal.receivers, ["XXX", "YYY"]);
    assert_eq!((signal.comment.as_str(), signal.line), ("a\nb;", 11));
    let choice = |value, text: &str| Choice { value, text: text.into() };
    assert_eq!(signal.choices, [choice(1, "one"), choice(-1, "minus")]);
}

/// Each deviation of opendbc's files: found with its place, and read as it was meant.
#[test]
fn deviations_are_found_and_read() {
    let with = |text: &str| codes(&format!("{MESSAGE}{text}"));
    assert_eq!(with("CM_ SG_ 291 \"x\";\n"), [("comment-without-signal", 3, 12)]);
    assert_eq!(with("CM_ 291 \"x\";\n"), [("comment-without-kind", 3, 5)]);
    assert_eq!(with("CM_ SG_ 291 S \"x\"\nCM_ BO_ 291 \"y\";\n"), [("missing-semicolon", 3, 18)]);
    assert_eq!(with("VAL_ 291 S 1 \"x\"\n"), [("missing-semicolon", 4, 1)]);
    assert_eq!(with("VAL_ 291 T 1 \"x\";\n"), [("unknown-signal", 3, 10)]);
    assert_eq!(with("VAL_ 292 S 1 \"x\";\n"), [("unknown-message", 3, 6)]);
    assert_eq!(
        with(" SG_ 0_C : 0|1@1+ (.25,0) [0|1] \"\" X\n"),
        [("name-starts-with-digit", 3, 6), ("number-form", 3, 20)]
    );
    assert_eq!(with("BO_ 4096 B : 8 X\n"), [("extended-id-without-flag", 3, 5)]);
    assert_eq!(with("BO_ 1073743417 B: 8 X\n"), [("no-can-id", 3, 5)]);
    assert_eq!(with("CM_ \"IMPORT _x.dbc\";\n"), [("unresolved-import", 3, 5)]);
    assert_eq!(with("BO_ 291 B: 8 X\n"), [("duplicate-id", 3, 5)]);
    assert_eq!(with(" SG_ S : 0|1@1+ (1,0) [0|1] \"\" X\n"), [("duplicate-signal", 3, 6)]);
    assert_eq!(codes("CM_ \"a\";\r\n"), [("carriage-return", 1, 9)]);
    assert_eq!(codes(" SG_ S : 0|1@1+ (1,0) [0|1] \"\" X\n"), [("signal-without-message", 1, 6)]);
}

#[test]
fn independent_signals_are_left_out() {
    let text = "BO_ 3221225472 VECTOR__INDEPENDENT_SIG_MSG: 0 X\n SG_ S : 0|1@1+ (1,0) [0|1] \"\" X\nCM_ SG_ 3221225472 S \"x\";\n";
    assert_eq!(codes(text), [("independent-signals", 1, 5)]);
    assert_eq!(Dbc::parse("test", text).0.messages, []);
}

#[test]
fn bit_31_marks_an_extended_identifier() {
    let (dbc, findings) = Dbc::parse("test", "BO_ 2364540158 A: 8 X\n");
    assert_eq!(findings, []);
    let id = dbc.messages[0].id;
    assert_eq!((id.address, id.extended), (0x0CF0_04FE, true));
}

#[test]
fn a_bad_line_costs_that_line() {
    let text =
        format!("{MESSAGE} SG_ T : 0|8@2+ (1,0) [0|1] \"\" X\n SG_ U : 8|8@1+ (1,0) [0|1] \"\" X\nhello\n");
    let (dbc, findings) = Dbc::parse("test", &text);
    let names: Vec<_> = dbc.messages[0].signals.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["S", "U"]);
    assert_eq!(findings[0].message, "expected the byte order 0 or 1, found `+`");
    assert_eq!((findings[1].code, findings[1].line), ("unknown-statement", 5));
}

#[test]
fn a_forgotten_quote_costs_that_statement() {
    let text = format!("{MESSAGE}CM_ SG_ 291 S \"x;\nCM_ BO_ 291 \"y\";\n");
    let (dbc, findings) = Dbc::parse("test", &text);
    assert_eq!(dbc.messages[0].comment, "y");
    assert_eq!(findings[0].code, "unterminated-string");
}

#[test]
fn multiplexing_plain_and_extended() {
    let signal = |name: &str, start| format!(" SG_ {name} : {start}|4@1+ (1,0) [0|0] \"\" X\n");
    let head = "BO_ 1 A: 8 X\n".to_owned();
    let plain = head.clone() + &signal("M0 M", 0) + &signal("A m1", 4) + &signal("B m", 8);
    let (dbc, findings) = Dbc::parse("test", &plain);
    let at = |name: &str| dbc.messages[0].signal(name).unwrap().presence.clone();
    let presence =
        |switch: &str, ranges: &[(u64, u64)]| Some(Presence { switch: switch.into(), ranges: ranges.into() });
    assert_eq!((at("M0"), at("A"), at("B")), (None, presence("M0", &[(1, 1)]), None));
    assert_eq!(findings.iter().map(|f| f.code).collect::<Vec<_>>(), ["mux-without-number"]);
    let nested = head + &signal("R M", 0) + &signal("N m2M", 4) + &signal("L m0", 8);
    let nested = nested + "SG_MUL_VAL_ 1 N R 2-3, 5-5;\nSG_MUL_VAL_ 1 L N 0-0;\n";
    let (dbc, findings) = Dbc::parse("test", &nested);
    assert_eq!(findings, []);
    let at = |name: &str| dbc.messages[0].signal(name).unwrap().clone();
    assert_eq!(at("N").presence, presence("R", &[(2, 3), (5, 5)]));
    assert_eq!(at("L").presence, presence("N", &[(0, 0)]));
    assert!(at("N").is_switch && at("R").is_switch && !at("L").is_switch);
}

#[test]
fn floats_and_tables() {
    let text = "BO_ 1 A: 8 X\n SG_ F : 0|32@1- (1,0) [0|0] \"\" X\n SG_ G : 32|8@1+ (1,0) [0|0] \"\" X\nVAL_TABLE_ T 0 \"no\";\nSIG_VALTYPE_ 1 F : 1;\nSIG_VALTYPE_ 1 G : 2;\nVAL_ 1 G T;\n";
    let (dbc, findings) = Dbc::parse("test", text);
    assert_eq!(dbc.messages[0].signals[0].number, Number::Float32);
    assert_eq!(dbc.messages[0].signals[1].choices.len(), 1);
    assert_eq!(findings.iter().map(|f| (f.code, f.line)).collect::<Vec<_>>(), [("bad-size", 6)]);
}

#[test]
fn latin_1_is_read() {
    let (dbc, findings) = Dbc::from_bytes("test", b"BO_ 1 A: 8 X\n SG_ S : 0|8@1+ (1,0) [0|0] \"\xB0C\" X\n");
    assert_eq!(dbc.messages[0].signals[0].unit, "°C");
    assert_eq!(findings.iter().map(|f| (f.code, f.line)).collect::<Vec<_>>(), [("not-utf8", 2)]);
}

const SOUND: &str = "VERSION \"\"\nNS_ :\n BA_\nBU_: X\nBO_ 2147483649 A: 8 X\n SG_ S M : 7|16@0- (0.1,-5) [-10|10] \"km/h\" X,Y\n SG_ T m1 : 23|16@0- (0.1,-5) [-10|10] \"\" X\nCM_ SG_ 2147483649 S \"a\nb\";\nVAL_TABLE_ V 1 \"x\";\nVAL_ 2147483649 S 1 \"x\" ;\nBA_ \"GenMsgCycleTime\" BO_ 2147483649 20;\nSG_MUL_VAL_ 2147483649 T S 1-2, 3-4;\nSIG_VALTYPE_ 2147483649 S : 1;\n";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Any text gives a database, and every finding lies in the text.
    #[test]
    fn any_text_is_read(text in any::<String>()) {
        check(&text)?;
    }

    /// A sound text with pieces cut out, doubled, or replaced by others that mean something.
    #[test]
    fn any_mutation_is_read(edits in prop::collection::vec((0..600_usize, 0..12_usize, "[;\"\n|@:(,)\\[\\]\\\\mM0-9éA-Z_ -]{0,6}"), 1..12)) {
        let mut text: Vec<char> = SOUND.chars().collect();
        for (at, len, new) in edits {
            let at = at.min(text.len());
            let end = (at + len).min(text.len());
            text.splice(at..end, new.chars());
        }
        check(&text.into_iter().collect::<String>())?;
    }
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let (dbc, findings) = Dbc::parse("test", text);
    let lines = text.matches('\n').count() as u32 + 1;
    prop_assert!(findings.iter().all(|f| (1..=lines).contains(&f.line)));
    for signal in dbc.messages.iter().flat_map(|message| &message.signals) {
        prop_assert!((1..=lines).contains(&signal.line));
        signal.physical(&[0x5A; 64]);
    }
    Ok(())
}
