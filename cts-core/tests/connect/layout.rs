//! Where files go, which are fetched, and that they are found again.

use cts_core::io::connect::{FileKind, Missing, Wanted, Watch};
use cts_core::route;

use crate::comma::{Comma, DONGLE, LOG, route as drive};
use crate::lab::Lab;

const FILES: &[(&str, &[u8])] = &[
    ("0/qlog.zst", b"q0"),
    ("0/rlog.zst", b"r0"),
    ("1/qlog.zst", b"q1"),
    ("2/qlog.zst", b"q2"),
    ("2/rlog.bz2", b"r2"),
    ("10/fcamera.hevc", b"f10"),
    ("10/rlog.zst", b"r10"),
];

#[test]
fn downloads_are_found_again_as_routes() {
    let comma = Comma::new(FILES);
    let lab = Lab::new(&comma);
    let summary =
        lab.client.download(&lab.wanted(&[FileKind::Logs, FileKind::Qlogs]), &Watch::default()).unwrap();
    assert_eq!((summary.downloaded, summary.skipped, summary.bytes), (6, 0, 13));
    assert!(summary.dir.ends_with(format!("{DONGLE}/{LOG}")));
    // What a download leaves while it goes on is no log.
    lab.write("3/rlog.zst.part", b"half");
    let found = |text: &str| {
        let found = route::resolve(text, None, &[lab.dir.path().to_owned()]).unwrap();
        assert_eq!(found.route.unwrap().to_string(), drive());
        let numbers: Vec<u32> = found.segments.iter().map(|segment| segment.segment.unwrap()).collect();
        (numbers, found.segments[0].path.clone())
    };
    assert_eq!(found(&drive()), (vec![0, 2, 10], lab.path("0/rlog.zst")));
    assert_eq!(found(&format!("{LOG}/1:3/q")), (vec![1, 2], lab.path("1/qlog.zst")));
    assert_eq!(found(&format!("https://connect.comma.ai/{DONGLE}/{LOG}/130/150")).0, [2]);
    assert_eq!(found(lab.path("").to_str().unwrap()).0, [0, 2, 10]);
}

#[test]
fn only_what_was_asked_for_is_fetched() {
    let check = |slice: &str, kinds: &[FileKind], names: &[&str], missing: &[(FileKind, &[u32])]| {
        let comma = Comma::new(FILES);
        let lab = Lab::new(&comma);
        let spec = format!("{}/{slice}", drive()).parse().unwrap();
        let wanted = Wanted { spec, ..lab.wanted(kinds) };
        let summary = lab.client.download(&wanted, &Watch::default()).unwrap();
        let names: Vec<String> = names.iter().map(|name| format!("@/{name}")).collect();
        assert_eq!(lab.names(), names, "{slice}");
        let missing = missing.iter().map(|(kind, list)| Missing { kind: *kind, segments: list.to_vec() });
        assert_eq!(summary.missing, missing.collect::<Vec<_>>(), "{slice}");
    };
    use FileKind::{Cameras, Logs, Qlogs};
    check("0:3", &[Logs], &["0/rlog.zst", "2/rlog.bz2"], &[(Logs, &[1])]);
    check("-1", &[Cameras, Qlogs], &["10/fcamera.hevc"], &[(Qlogs, &[10])]);
    check("2::-1", &[Qlogs], &["0/qlog.zst", "1/qlog.zst", "2/qlog.zst"], &[]);
}

#[test]
fn what_is_not_uploaded_is_told_with_what_is() {
    let comma = Comma::new(FILES);
    let lab = Lab::new(&comma);
    let error = lab.client.download(&lab.wanted(&[FileKind::Dcameras]), &Watch::default()).unwrap_err();
    assert_eq!(error.code(), "not-in-connect");
    let text = error.to_string();
    assert!(
        text.contains("dcameras of") && text.contains("uploaded are 3 logs, 3 qlogs, 1 cameras"),
        "{text}"
    );
    let error = Lab::new(&Comma::new(&[])).logs().unwrap_err();
    assert!(error.to_string().contains("nothing is uploaded"), "{error}");
    assert!(lab.names().is_empty());
}

#[test]
fn whole_files_are_not_fetched_again() {
    let comma = Comma::new(FILES);
    let lab = Lab::new(&comma);
    assert_eq!(lab.logs().unwrap().downloaded, 3);
    lab.write("0/rlog.zst.part", b"from before");
    let summary = lab.logs().unwrap();
    assert_eq!((summary.downloaded, summary.skipped, summary.bytes), (0, 3, 0));
    assert_eq!(comma.count("GET /store"), 3);
    assert!(!lab.path("0/rlog.zst.part").exists());
    // Of another size, or replaced by one of the same size.
    lab.write("0/rlog.zst", b"r");
    comma.put("2/rlog.bz2", b"R2");
    let summary = lab.logs().unwrap();
    assert_eq!((summary.downloaded, summary.skipped), (2, 1));
    assert_eq!((lab.read("0/rlog.zst"), lab.read("2/rlog.bz2")), (b"r0".to_vec(), b"R2".to_vec()));
    let index: serde_json::Value = serde_json::from_slice(&lab.read("index.json")).unwrap();
    assert_eq!((&index["route"], &index["files"][0]["complete"]), (&drive().into(), &true.into()));
    assert_eq!(index["files"][1]["validator"], "\"v2\"");
}

#[test]
fn whole_files_are_seen_without_head_requests() {
    let comma = Comma::with(FILES, |request| {
        request.line.starts_with("HEAD").then(|| crate::comma::status("403 Forbidden")).flatten()
    });
    let lab = Lab::new(&comma);
    lab.write("0/rlog.zst", b"r0");
    let summary = lab.logs().unwrap();
    assert_eq!((summary.downloaded, summary.skipped), (2, 1));
}

#[test]
fn many_files_come_at_a_time() {
    let names: Vec<String> = (0..40).map(|n| format!("{n}/rlog.zst")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), name.as_bytes())).collect();
    let comma = Comma::new(&files);
    let lab = Lab::new(&comma);
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let tell = std::sync::Arc::clone(&seen);
    let watch = Watch::default().with_progress(move |progress| tell.lock().unwrap().push(*progress));
    let wanted = Wanted { parallel: 16, ..lab.wanted(&[FileKind::Logs]) };
    assert_eq!(lab.client.download(&wanted, &watch).unwrap().downloaded, 40);
    names.iter().for_each(|name| assert_eq!(lab.read(name), name.as_bytes()));
    let seen = seen.lock().unwrap();
    assert!(
        seen.windows(2)
            .all(|pair| pair[0].bytes <= pair[1].bytes && pair[0].downloaded <= pair[1].downloaded)
    );
    let last = seen.last().unwrap();
    assert_eq!((last.files, last.downloaded, last.fraction), (40, 40, 1.0));
    for parallel in [0, 17] {
        let error =
            lab.client.download(&Wanted { parallel, ..wanted.clone() }, &Watch::default()).unwrap_err();
        assert_eq!(error.code(), "out-of-range");
    }
}

#[test]
fn hostile_names_lead_nowhere() {
    let comma = Comma::new(&[("0/rlog.zst", b"r0")]);
    let own = format!("@/{DONGLE}/{LOG}");
    comma.list("logs", &format!("{own}/0/../../../../../tmp/evil?sig=0"));
    comma.list("logs", &format!("{own}/0/authorized_keys?sig=0"));
    comma.list("logs", &format!("@/{DONGLE}/00000009--0696c823fa/0/rlog.zst?sig=0"));
    comma.list("logs", "file:///etc/passwd");
    comma.list("qlogs", &format!("{own}/0/x"));
    let lab = Lab::new(&comma);
    let summary = lab.logs().unwrap();
    assert_eq!((summary.downloaded, summary.failed.len()), (1, 4));
    assert!(summary.failed.iter().all(|file| file.error.code() == "bad-answer"), "{:?}", summary.failed);
    assert!(!format!("{summary:?}").contains("sig="));
    assert_eq!(lab.names(), ["@/0/rlog.zst"]);
}

#[test]
fn two_downloads_of_a_drive_do_not_meet() {
    let comma = Comma::new(FILES);
    let lab = std::sync::Arc::new(Lab::new(&comma));
    let other = std::sync::Arc::clone(&lab);
    let told = std::sync::Arc::new(std::sync::OnceLock::new());
    let tell = std::sync::Arc::clone(&told);
    let watch = Watch::default().with_progress(move |_| {
        tell.get_or_init(|| other.logs().unwrap_err().code());
    });
    lab.client.download(&lab.wanted(&[FileKind::Logs]), &watch).unwrap();
    assert_eq!(told.get(), Some(&"in-use"));
}
