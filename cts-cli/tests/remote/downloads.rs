//! Downloads from comma connect, in this process and by the real service.

use serde_json::json;

use crate::comma::{Comma, DONGLE, Fault, LOG, TOKEN, route, status};
use crate::cts::{Cts, Done};
use crate::service::Service;

const FILES: &[(&str, &[u8])] =
    &[("0/qlog.zst", b"q0"), ("0/rlog.zst", b"r0"), ("1/qlog.zst", b"q1"), ("2/rlog.zst", b"r2")];

/// Runs `cts download` against it, without a service.
fn download(cts: &Cts, comma: &Comma, args: &[&str]) -> Done {
    let mut command = cts.command(&[&["download"], args].concat());
    command.env("API_HOST", &comma.url).env("COMMA_JWT", TOKEN).output().unwrap().into()
}

fn below(dir: &str, name: &str) -> String {
    format!("{dir}/{DONGLE}/{LOG}/{name}")
}

#[test]
fn a_drive_is_fetched_and_found_again() {
    let mut log = Vec::new();
    cts_core::demo::Drive::new(1, 2).write(&mut log).unwrap();
    let comma = Comma::new(&[("0/rlog.zst", &log), ("0/qcamera.ts", b"v")]);
    let cts = Cts::new("");
    let done = download(&cts, &comma, &[&route(), "--files", "logs,qcameras", "--out-dir", "drives"]).ok();
    let place = cts.path("drives").join(DONGLE).join(LOG);
    assert_eq!(std::path::Path::new(done.out.trim()), place.canonicalize().unwrap());
    assert!(done.err.contains("--data-dir drives finds it by its route"), "{}", done.err);
    assert_eq!(cts.read(&below("drives", "0/qcamera.ts")), b"v");
    assert_eq!(cts.read(&below("drives", "0/rlog.zst")), log);
    let info = cts.run(&["info", &route(), "--data-dir", "drives"]).ok();
    assert!(info.out.contains("duration"), "{}", info.out);
    // Into the first directory for routes, where nothing is said.
    let again = download(&cts, &comma, &[&route(), "--data-dir", "drives", "--json", "--quiet"]).ok();
    let json = again.json();
    let counts =
        ["downloaded_files", "skipped_files", "failed_files", "total_bytes"].map(|name| json[name].as_u64());
    assert_eq!(counts, [0, 1, 0, 0].map(Some));
    assert_eq!((&json["status"], &json["canonical_route"]), (&json!("completed"), &json!(route())));
    assert!(again.err.is_empty(), "{}", again.err);
}

#[test]
fn what_is_not_uploaded_is_a_warning_of_its_own_exit_code() {
    let (comma, cts) = (Comma::new(FILES), Cts::new(""));
    let done = download(&cts, &comma, &[&format!("{}/a", route()), "--out-dir", "d"]);
    assert_eq!(done.code, Some(3), "{done:?}");
    for line in ["logs of segment 1 are not uploaded", "qlogs of segment 2 are not uploaded"] {
        assert!(done.err.contains(line), "{}", done.err);
    }
    assert_eq!(cts.read(&below("d", "2/rlog.zst")), b"r2");
    let none = download(&cts, &comma, &[&route(), "--files", "dcameras", "--out-dir", "e"]);
    assert_eq!((none.code, cts.names("e").len()), (Some(1), 0));
    assert!(
        none.err.contains("[not-in-connect]") && none.err.contains("uploaded are 2 logs, 2 qlogs"),
        "{}",
        none.err
    );
}

#[test]
fn a_broken_download_goes_on_with_the_same_command() {
    let comma = Comma::with(&[("0/rlog.zst", b"content")], |request| match request.nth {
        0 if request.gets("0/rlog.zst") => Some(Fault::Cut(3)),
        1 if request.gets("0/rlog.zst") => status("404 Not Found"),
        _ => None,
    });
    let cts = Cts::new("");
    let failed = download(&cts, &comma, &[&route(), "--out-dir", "d"]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.err.contains("rlog.zst of segment 0") && !failed.err.contains("sig="), "{}", failed.err);
    assert_eq!(cts.read(&below("d", "0/rlog.zst.part")), b"con");
    download(&cts, &comma, &[&route(), "--out-dir", "d"]).ok();
    assert_eq!(cts.read(&below("d", "0/rlog.zst")), b"content");
    let last = comma.requests().pop().unwrap();
    assert_eq!(last.header("range"), Some("bytes=3-"));
}

#[test]
fn the_token_is_found_and_its_absence_told() {
    let (comma, cts) = (Comma::new(FILES), Cts::new(""));
    let run = |prefix: &str| -> Done {
        let mut command = cts.command(&["download", &route(), "--out-dir", "d", "--files", "qlogs"]);
        command.env("API_HOST", &comma.url).env("OPENPILOT_PREFIX", prefix).output().unwrap().into()
    };
    let absent = run("");
    assert_eq!(absent.code, Some(1));
    assert!(absent.err.contains("[no-access]") && absent.err.contains("hint: put a token"), "{}", absent.err);
    cts.write(".comma2/auth.json", format!("{{\"access_token\": \"{TOKEN}\"}}").as_bytes());
    assert_eq!(run("").code, Some(1));
    assert_eq!(run("2").code, Some(3), "{:?}", run("2"));
    cts.write(".comma/auth.json", b"{\"access_token\": \"wr ong\"}");
    let wrong = run("");
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.err.contains("auth.json") && !wrong.err.contains("wr ong"), "{}", wrong.err);
}

#[test]
fn wrong_usage_is_told_before_anything_is_sent() {
    let (comma, cts) = (Comma::new(FILES), Cts::new(""));
    for args in [
        &["x"][..],
        &[&route(), "--files", "rlogs"],
        &[&route(), "--parallel", "17"],
        &[&route(), "--search-days", "0"],
    ] {
        assert_eq!(download(&cts, &comma, args).code, Some(2), "{args:?}");
    }
    let open = cts.command(&["download", &route()]).env("API_HOST", "http://api.example").output().unwrap();
    assert!(Done::from(open).err.contains("parameter `API_HOST` must be an https address"));
    assert!(comma.requests().is_empty());
}

#[test]
fn drives_of_a_device_are_listed() {
    let (comma, cts) = (Comma::new(FILES), Cts::new(""));
    let drive = json!({
        "fullname": route(), "segment_numbers": [0], "segment_start_times": [1_690_462_879_000u64],
        "segment_end_times": [1_690_462_939_000u64], "length": 0.75,
    });
    comma.drives(&json!([drive]).to_string());
    let list = download(&cts, &comma, &[&format!("https://connect.comma.ai/{DONGLE}")]).ok();
    let row = list.out.lines().nth(1).unwrap();
    assert_eq!(
        row.split_whitespace().collect::<Vec<_>>(),
        [&route(), "2023-07-27", "13:01", "UTC", "1", "0.8"]
    );
    let json = download(&cts, &comma, &[DONGLE, "--json"]).ok().json();
    assert_eq!((&json[0]["route"], &json[0]["segments"]), (&json!(route()), &json!([0])));
}

#[test]
fn a_route_that_is_not_here_names_the_command() {
    let done = Cts::new("").run(&["info", &route()]);
    assert!(done.err.contains("[no-such-route]") && done.err.contains("`cts download`"), "{}", done.err);
}

#[test]
fn a_service_downloads_the_same() {
    let comma = Comma::with(FILES, |request| {
        (request.gets("2/rlog.zst") && request.nth == 0).then_some(Fault::Cut(1))
    });
    let service = Service::start_with(&[("CTS_COMMA_API_URL", &comma.url), ("CTS_COMMA_JWT", TOKEN)]);
    let (remote, local) = (Cts::new(&service.url), Cts::new(""));
    let args = [&route(), "--files", "logs,qlogs", "--json"];
    let there = remote.run(&[&["download"], &args[..], &["--out-dir", "x"]].concat());
    let here = download(&local, &comma, &[&args[..], &["--out-dir", "x"]].concat());
    assert_eq!((there.code, here.code), (Some(3), Some(3)), "{there:?} {here:?}");
    let same = [
        "status",
        "canonical_route",
        "downloaded_files",
        "skipped_files",
        "failed_files",
        "total_bytes",
        "missing",
    ];
    let pick = |done: &Done| same.map(|name| done.json()[name].clone());
    assert_eq!(pick(&there), pick(&here));
    assert_eq!(there.json()["missing"], json!({ "logs": [1], "qlogs": [2] }));
    assert!(there.err.contains("logs of segment 1 are not uploaded"), "{}", there.err);
    let place = there.json()["directory"].as_str().unwrap().to_owned();
    assert_eq!(std::fs::read(std::path::Path::new(&place).join("2/rlog.zst")).unwrap(), b"r2");
    // What stands in words.
    let words = remote.run(&["download", &format!("{}/2", route()), "--out-dir", "x"]).ok();
    assert_eq!(words.out.trim(), place);
    let failed = remote.run(&["download", &route(), "--files", "dcameras"]);
    assert_eq!(failed.code, Some(1));
    assert!(failed.err.contains("[not-in-connect]") && failed.err.contains("hint: "), "{}", failed.err);
    let outside = remote.run(&["download", &route(), "--out-dir", "/etc"]);
    assert_eq!(outside.code, Some(1));
    assert!(outside.err.contains("[bad-destination]: Invalid destination path: /etc"), "{}", outside.err);
}
