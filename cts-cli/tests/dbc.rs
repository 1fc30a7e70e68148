//! `cts dbc` as users call it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Runs the program where nothing is installed and nothing configured.
fn cts(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cts"));
    command.args(args).current_dir(dir).env("HOME", dir).env("XDG_CONFIG_HOME", dir).env("PATH", "");
    command.env_remove("CTS_DBC_PATH").env_remove("VIRTUAL_ENV").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

const CAR: &str = "BO_ 291 Speeds: 8 XXX\n SG_ Left : 0|8@1+ (.5,0) [0|10] \"km/h\" XXX\n SG_ Right : 56|9@1+ (1,0) [0|10] \"\" XXX\n";

#[test]
fn built_in_databases_are_shown() {
    let dir = tempfile::tempdir().unwrap();
    let list = cts(dir.path(), &["dbc", "show"]);
    assert!(text(&list.stdout).contains("subaru_global_2017_generated\n"));
    let drawing = text(&cts(dir.path(), &["dbc", "show", "subaru_global_2017", "0x13A"]).stdout);
    assert!(drawing.starts_with("Wheel_Speeds  0x13A (314)  8 bytes"), "{drawing}");
    assert!(drawing.contains("12|13@1+") && drawing.contains("checksum: CHECKSUM"), "{drawing}");
    let json = cts(dir.path(), &["dbc", "show", "--json", "subaru_global_2017"]);
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        (json["origin"].as_str(), json["name"].as_str()),
        (Some("built in"), Some("subaru_global_2017_generated"))
    );
    assert_eq!(json["checks"][0]["algorithm"], "Subaru");
}

#[test]
fn lint_tells_places_and_exit_code_1() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("car.dbc"), CAR).unwrap();
    let output = cts(dir.path(), &["dbc", "lint", "--level", "info", "car.dbc"]);
    assert_eq!(output.status.code(), Some(1));
    let expected = "car:2:21: info [number-form]: `.5` has no digit before its point\ncar:3: error [signal-beyond-message]: `Right` reaches bit 64, `Speeds` has 64 bits\n";
    assert_eq!(text(&output.stdout), expected);
    let output = cts(dir.path(), &["dbc", "lint", "subaru_global_2017"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), String::new()));
}

#[test]
fn diff_has_exit_code_1_only_for_differences() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.dbc"), CAR).unwrap();
    std::fs::write(dir.path().join("b.dbc"), CAR.replace("(.5,0)", "(0.5,0)")).unwrap();
    std::fs::write(dir.path().join("c.dbc"), CAR.replace("km/h", "mph")).unwrap();
    let same = cts(dir.path(), &["dbc", "diff", "a.dbc", "b.dbc"]);
    assert_eq!((same.status.code(), text(&same.stdout)), (Some(0), String::new()));
    let other = cts(dir.path(), &["dbc", "diff", "a.dbc", "c.dbc"]);
    assert_eq!(other.status.code(), Some(1));
    assert_eq!(text(&other.stdout), "0x123 Speeds Left: unit \"km/h\" -> \"mph\"\n");
}

#[test]
fn names_are_searched_by_flag_variable_and_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let dbc = dir.path().join("fork/opendbc/dbc");
    std::fs::create_dir_all(&dbc).unwrap();
    std::fs::write(dbc.join("my_car.dbc"), CAR).unwrap();
    let fork = dir.path().join("fork");
    let is_found = |output: Output| {
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(text(&output.stdout).starts_with("my_car: 1 messages, 2 signals"));
    };
    is_found(cts(dir.path(), &["--dbc-path", fork.to_str().unwrap(), "dbc", "show", "my_car"]));
    std::fs::create_dir_all(dir.path().join("cts")).unwrap();
    std::fs::write(dir.path().join("cts/config.toml"), "dbc_dirs = [\"../fork\"]\n").unwrap();
    is_found(cts(dir.path(), &["dbc", "show", "my_car"]));
    let missing = cts(dir.path(), &["dbc", "show", "my_cat"]);
    assert_eq!(missing.status.code(), Some(1));
    let said = text(&missing.stderr);
    assert!(
        said.contains("[no-such-dbc]") && said.contains("did you mean `my_car`?") && said.contains("fork"),
        "{said}"
    );
}
