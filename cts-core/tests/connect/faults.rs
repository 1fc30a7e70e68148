//! Connections that break, answers that lie, addresses that expire.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cts_core::io::connect::{FileKind, Patience, Wanted, Watch};

use crate::comma::{Comma, Fault, Request, TOKEN, status};
use crate::lab::{Lab, client, client_at, patience};

/// More than one piece that is written at once.
fn big() -> Vec<u8> {
    (0..900_000u32).map(|i| ((i * 31) >> 3) as u8).collect()
}

/// `Range` of each request for the file, in order.
fn ranges(comma: &Comma) -> Vec<Option<String>> {
    let gets = comma.requests().into_iter().filter(|request| request.gets("0/rlog.zst"));
    gets.map(|request| request.header("range").map(str::to_owned)).collect()
}

fn from(byte: usize) -> Option<String> {
    Some(format!("bytes={byte}-"))
}

/// Fetches one file over a service with a fault, and gives the ranges that were asked for.
fn bring(rule: impl Fn(&Request) -> Option<Fault> + Send + Sync + 'static) -> (Lab, Vec<Option<String>>) {
    let comma = Comma::with(&[("0/rlog.zst", &big())], rule);
    let lab = Lab::new(&comma);
    let summary = lab.logs().unwrap();
    assert!(summary.failed.is_empty(), "{:?}", summary.failed);
    assert_eq!(lab.read("0/rlog.zst"), big());
    assert_eq!(lab.names(), ["@/0/rlog.zst"]);
    (lab, ranges(&comma))
}

#[test]
fn a_cut_connection_is_resumed_where_it_broke() {
    let (_, ranges) = bring(|request| match (request.gets("rlog.zst"), request.nth) {
        (true, 0) => Some(Fault::Cut(500_000)),
        (true, 1) => Some(Fault::Cut(1)),
        (true, 2) => Some(Fault::Cut(0)),
        _ => None,
    });
    assert_eq!(ranges, [None, from(500_000), from(500_001), from(500_001)]);
}

#[test]
fn a_later_download_goes_on() {
    let comma = Comma::with(&[("0/rlog.zst", &big())], |request| {
        (request.gets("rlog.zst") && request.nth < 3).then_some(Fault::Cut(if request.nth == 0 {
            700_000
        } else {
            0
        }))
    });
    let lab = Lab::new(&comma);
    let failed = lab.logs().unwrap().failed;
    let error = &failed[0].error;
    assert_eq!((error.code(), error.at().segment), ("cut-transfer", Some(0)));
    assert!(error.to_string().contains("after 700000 of 900000 bytes"), "{error}");
    assert_eq!(lab.names(), ["@/0/rlog.zst.part"]);
    let summary = lab.logs().unwrap();
    assert_eq!((summary.downloaded, summary.bytes), (1, 200_000));
    assert_eq!(lab.read("0/rlog.zst"), big());
    let last = comma.requests().pop().unwrap();
    assert_eq!((last.header("range"), last.header("if-range")), (Some("bytes=700000-"), Some("\"v1\"")));
}

#[test]
fn a_file_that_was_replaced_meanwhile_is_begun_anew() {
    let comma = Comma::with(&[("0/rlog.zst", b"old, and longer")], |request| {
        (request.gets("rlog.zst") && request.nth < 3).then_some(Fault::Cut(if request.nth == 0 {
            5
        } else {
            0
        }))
    });
    let lab = Lab::new(&comma);
    assert_eq!(lab.logs().unwrap().failed.len(), 1);
    comma.put("0/rlog.zst", b"brand new");
    assert_eq!(lab.logs().unwrap().downloaded, 1);
    assert_eq!(lab.read("0/rlog.zst"), b"brand new");
}

#[test]
fn without_resuming_it_begins_anew() {
    let comma = Comma::new(&[("0/rlog.zst", b"content")]);
    let lab = Lab::new(&comma);
    lab.write("0/rlog.zst.part", b"xxxx");
    let wanted = Wanted { resume: false, ..lab.wanted(&[FileKind::Logs]) };
    lab.client.download(&wanted, &Watch::default()).unwrap();
    assert_eq!((lab.read("0/rlog.zst"), ranges(&comma)), (b"content".to_vec(), vec![None]));
}

#[test]
fn a_whole_file_instead_of_a_part_is_taken_from_its_start() {
    let (_, ranges) = bring(|request| match (request.gets("rlog.zst"), request.nth) {
        (true, 0) => Some(Fault::Cut(1000)),
        (true, 1) => Some(Fault::Whole),
        _ => None,
    });
    assert_eq!(ranges, [None, from(1000)]);
}

#[test]
fn a_wrong_part_is_not_appended() {
    for wrong in
        ["bytes 999-899999/900000", "bytes 1000-899999/900001", "bytes */900000", "bytes 1000-899999/*"]
    {
        let (_, ranges) = bring(move |request| match (request.gets("rlog.zst"), request.nth) {
            (true, 0) => Some(Fault::Cut(1000)),
            (true, 1) => Some(Fault::Header("Content-Range", wrong.to_owned())),
            _ => None,
        });
        assert_eq!(ranges, [None, from(1000), None], "{wrong}");
    }
}

#[test]
fn a_part_of_another_version_is_not_appended() {
    let (_, ranges) = bring(|request| match (request.gets("rlog.zst"), request.nth) {
        (true, 0) => Some(Fault::Cut(1000)),
        (true, 1) => Some(Fault::Header("ETag", "\"other\"".to_owned())),
        _ => None,
    });
    assert_eq!(ranges, [None, from(1000), None]);
}

#[test]
fn a_part_that_is_whole_already_is_finished() {
    let comma = Comma::new(&[("0/rlog.zst", b"content")]);
    let lab = Lab::new(&comma);
    lab.write("0/rlog.zst.part", b"content");
    let summary = lab.logs().unwrap();
    assert_eq!((summary.downloaded, summary.bytes), (1, 0));
    assert_eq!((lab.read("0/rlog.zst"), ranges(&comma)), (b"content".to_vec(), vec![from(7)]));
}

#[test]
fn a_size_that_a_refused_range_does_not_tell_is_asked_for() {
    let comma = Comma::with(&[("0/rlog.zst", b"content")], |request| {
        let beyond = request.gets("rlog.zst") && request.header("range").is_some();
        beyond.then(|| status("416 Range Not Satisfiable")).flatten()
    });
    let lab = Lab::new(&comma);
    lab.write("0/rlog.zst.part", b"content");
    assert_eq!(lab.logs().unwrap().downloaded, 1);
    lab.write("0/rlog.zst", b"");
    lab.write("0/rlog.zst.part", b"much too long");
    assert_eq!(lab.logs().unwrap().downloaded, 1);
    assert_eq!(lab.read("0/rlog.zst"), b"content");
}

#[test]
fn a_part_that_is_too_long_is_begun_anew() {
    let comma = Comma::new(&[("0/rlog.zst", b"content")]);
    let lab = Lab::new(&comma);
    lab.write("0/rlog.zst.part", b"much too long");
    assert_eq!(lab.logs().unwrap().downloaded, 1);
    assert_eq!((lab.read("0/rlog.zst"), ranges(&comma)), (b"content".to_vec(), vec![from(13), None]));
}

#[test]
fn expired_addresses_are_asked_for_once_for_all_files() {
    let names: Vec<String> = (0..8).map(|n| format!("{n}/rlog.zst")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), b"content".as_slice())).collect();
    let comma = Arc::new(Comma::new(&files));
    let lab = Lab::new(&comma);
    let (once, expiring) = (AtomicBool::new(false), Arc::clone(&comma));
    let watch = Watch::default().with_progress(move |progress| {
        if progress.route.is_some() && !once.swap(true, Ordering::Relaxed) {
            expiring.expire();
        }
    });
    let wanted = Wanted { parallel: 4, ..lab.wanted(&[FileKind::Logs]) };
    assert_eq!(lab.client.download(&wanted, &watch).unwrap().downloaded, 8);
    assert_eq!(comma.count("/files"), 2);
    assert_eq!(lab.names().len(), 8);
}

#[test]
fn addresses_that_stay_refused_end_the_download() {
    let refuse = |request: &Request| request.gets("").then(|| status("403 Forbidden")).flatten();
    let comma = Comma::with(&[("0/rlog.zst", b"a"), ("1/rlog.zst", b"b")], refuse);
    let lab = Lab::new(&comma);
    let error = lab.logs().unwrap_err();
    assert_eq!((error.code(), comma.count("/files")), ("no-access", 3), "{error}");
    assert!(!error.to_string().contains("sig="), "{error}");
}

#[test]
fn busy_servers_are_asked_again() {
    let busy =
        |status, after: &str| Fault::Status(status, vec![format!("Retry-After: {after}")], String::new());
    let comma = Comma::with(&[("0/rlog.zst", b"content")], move |request| {
        let nth = request.nth;
        match (request.lists(), request.gets("rlog.zst")) {
            (true, _) if nth == 0 => Some(busy("429 Too Many Requests", "0")),
            (true, _) if nth == 1 => status("502 Bad Gateway"),
            (_, true) if nth == 0 => Some(busy("503 Service Unavailable", "Sun, 06 Nov 1994 08:49:37 GMT")),
            (_, true) if nth == 1 => status("409 Conflict"),
            _ => None,
        }
    });
    let lab = Lab::new(&comma);
    assert_eq!(lab.logs().unwrap().downloaded, 1);
    assert_eq!((comma.count("/files"), ranges(&comma).len()), (3, 3));
}

#[test]
fn servers_that_stay_busy_are_given_up() {
    for (text, code) in
        [("429 Too Many Requests", "rate-limited"), ("500 Internal Server Error", "unreachable")]
    {
        let comma = Comma::with(&[], move |_| status(text));
        let error = Lab::new(&comma).logs().unwrap_err();
        assert_eq!((error.code(), comma.count("/files")), (code, 3), "{error}");
    }
    let comma = Comma::with(&[("0/rlog.zst", b"a"), ("1/rlog.zst", b"b")], |request| {
        request.gets("0/rlog.zst").then(|| status("503 Service Unavailable")).flatten()
    });
    let summary = Lab::new(&comma).logs().unwrap();
    assert_eq!((summary.downloaded, summary.failed[0].error.code()), (1, "unreachable"));
}

#[test]
fn a_file_that_is_gone_does_not_keep_others_from_coming() {
    let comma = Comma::with(&[("0/rlog.zst", b"a"), ("1/rlog.zst", b"b")], |request| {
        request.gets("0/rlog.zst").then(|| status("404 Not Found")).flatten()
    });
    let lab = Lab::new(&comma);
    let summary = lab.logs().unwrap();
    assert_eq!((summary.downloaded, summary.failed[0].error.code()), (1, "not-in-connect"));
    assert_eq!(lab.names(), ["@/1/rlog.zst"]);
}

#[test]
fn a_length_that_is_never_reached_is_an_error() {
    let comma = Comma::with(&[("0/rlog.zst", b"content")], |request| {
        let file = request.line.ends_with("rlog.zst");
        file.then(|| match request.header("range") {
            None => Fault::Header("Content-Length", "9".to_owned()),
            Some(_) => Fault::Header("Content-Range", "bytes */9".to_owned()),
        })
    });
    let lab = Lab::new(&comma);
    let failed = lab.logs().unwrap().failed;
    assert_eq!(failed[0].error.code(), "bad-answer", "{failed:?}");
    assert_eq!(lab.names(), ["@/0/rlog.zst.part"]);
}

#[test]
fn a_silent_storage_is_given_up() {
    let comma =
        Comma::with(&[("0/rlog.zst", b"content")], |request| request.gets("").then_some(Fault::Silence));
    let patience = Patience { silence: Duration::from_millis(50), ..patience() };
    let lab = Lab { client: client(&comma, Some(TOKEN), patience), ..Lab::new(&comma) };
    let error = lab.logs().unwrap_err();
    assert_eq!(error.code(), "unreachable", "{error}");
}

#[test]
fn a_storage_that_falls_silent_is_asked_for_the_rest() {
    let comma = Comma::with(&[("0/rlog.zst", b"content")], |request| {
        (request.gets("rlog.zst") && request.nth == 0).then_some(Fault::Stall(3))
    });
    let patience = Patience { silence: Duration::from_secs(1), ..patience() };
    let lab = Lab { client: client(&comma, Some(TOKEN), patience), ..Lab::new(&comma) };
    assert_eq!(lab.logs().unwrap().downloaded, 1);
    assert_eq!((lab.read("0/rlog.zst"), ranges(&comma)), (b"content".to_vec(), vec![None, from(3)]));
}

#[test]
fn nobody_there_is_told() {
    let nobody = client_at("http://127.0.0.1:1", Some(TOKEN), patience());
    let error = Lab { client: nobody, ..Lab::new(&Comma::new(&[])) }.logs().unwrap_err();
    assert_eq!(error.code(), "unreachable");
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
}

#[test]
fn a_cancelled_download_keeps_what_came() {
    let comma = Comma::new(&[("0/rlog.zst", &big()), ("1/rlog.zst", &big())]);
    let lab = Lab::new(&comma);
    let cancel = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&cancel);
    let watch = Watch::default()
        .with_cancel(Arc::clone(&cancel))
        .with_progress(move |progress| raised.store(progress.bytes > 0, Ordering::Relaxed));
    let error = lab.client.download(&lab.wanted(&[FileKind::Logs]), &watch).unwrap_err();
    assert_eq!(error.code(), "canceled");
    let part = lab.read("0/rlog.zst.part");
    assert!(!part.is_empty() && big().starts_with(&part));
    cancel.store(false, Ordering::Relaxed);
    let summary = lab.logs().unwrap();
    assert_eq!((summary.downloaded, summary.bytes), (2, 2 * 900_000 - part.len() as u64));
    assert_eq!((lab.read("0/rlog.zst"), lab.read("1/rlog.zst")), (big(), big()));
}

#[test]
fn a_wait_ends_when_it_is_cancelled() {
    let comma = Comma::with(&[], |_| {
        Some(Fault::Status("429 Too Many Requests", vec!["Retry-After: 60".to_owned()], String::new()))
    });
    let cancel = Arc::new(AtomicBool::new(false));
    let lab = Lab::new(&comma);
    let said = Arc::new(Mutex::new(Vec::new()));
    let words = Arc::clone(&said);
    let watch = Watch::default()
        .with_cancel(Arc::clone(&cancel))
        .with_log(move |line| words.lock().unwrap().push(line.to_owned()));
    let wanted = lab.wanted(&[FileKind::Logs]);
    let error = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| lab.client.download(&wanted, &watch));
        while said.lock().unwrap().is_empty() {
            std::thread::yield_now();
        }
        cancel.store(true, Ordering::Relaxed);
        waiting.join().unwrap().unwrap_err()
    });
    assert_eq!((error.code(), comma.count("/files")), ("canceled", 1));
    assert_eq!(*said.lock().unwrap(), ["127.0.0.1: HTTP 429; going on in 60 s"]);
}
