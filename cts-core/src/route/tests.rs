//! Finding logs in directories built for the purpose.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use crate::error::Class;

const D: &str = "a2a0ccea32023010";
const D2: &str = "b2a0ccea32023010";
const L: &str = "2023-07-27--13-01-19";
const L2: &str = "00000008--0696c823fa";

/// Creates empty files; `D`, `E`, `L`, `M` before a non-letter stand for the ids above.
fn tree(files: &[&str]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for file in files {
        let path = dir.path().join(ids(file));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    dir
}

fn ids(text: &str) -> String {
    text.replace('D', D).replace('E', D2).replace('L', L).replace('M', L2)
}

/// Path relative to `dir`, prefixed with the number, `!` if unfinished; then the missing ones.
fn show(found: &Found, dir: &Path) -> Vec<String> {
    let file = |s: &SegmentFile| {
        let path = s.path.strip_prefix(dir).unwrap_or(&s.path).to_str().unwrap().replace('\\', "/");
        let path = path.replace(D, "D").replace(D2, "E").replace(L2, "M").replace(L, "L");
        let number = s.segment.map_or("?".into(), |n| n.to_string());
        assert_eq!(s.kind == LogKind::Qlog, path.contains("qlog"), "{path}");
        format!("{number} {path}{}", if s.unfinished { " !" } else { "" })
    };
    let missing = found.missing.iter().map(|n| format!("{n} missing"));
    found.segments.iter().map(file).chain(missing).collect()
}

fn found(files: &[&str], spec: &str) -> Found {
    let dir = tree(files);
    find(&ids(spec).parse().unwrap(), &[dir.path().to_owned()]).unwrap()
}

fn check(files: &[&str], spec: &str, want: &[&str]) {
    let dir = tree(files);
    match find(&ids(spec).parse().unwrap(), &[dir.path().to_owned()]) {
        Ok(found) => assert_eq!(show(&found, dir.path()), want, "{spec}"),
        Err(e) => assert!(want.len() == 1 && e.to_string().contains(&ids(want[0])), "{spec}: {e}"),
    }
}

#[test]
fn every_layout_is_found() {
    let pipe = cfg!(not(windows));
    for layout in [
        "L--N/rlog.zst",
        "D_L--N--rlog.zst",
        "D|L--N--rlog.zst",
        "D_L--N/rlog.zst",
        "D|L--N/rlog.zst",
        "D|L/N/rlog.zst",
        "D_L/N/rlog.zst",
        "D/L/N/rlog.zst",
        "D/L--N/rlog.zst",
        "L/N/rlog.zst",
        "segments/D/L/N/rlog.zst",
        "L--N--rlog.zst",
    ] {
        if layout.contains('|') && !pipe {
            continue;
        }
        let [zero, ten] = ["0", "10"].map(|n| layout.replace('N', n));
        let nine = layout.replace('N', "9");
        let (a, b, c) = (format!("0 {zero}"), format!("9 {nine}"), format!("10 {ten}"));
        check(&[&ten, &zero, &nine], "D|L/0:11:10", &[&a, &c]);
        check(&[&ten, &zero, &nine], "L/-2:", &[&b, &c]);
        check(&[&ten, &zero, &nine], "D|M", &["no log of D|M found in"]);
        if layout.contains('D') {
            check(&[&ten, &zero, &nine], "E|L", &["no log of E|L found in"]);
        }
    }
}

#[test]
fn log_ids_with_counter_are_split_by_length() {
    check(
        &["M--7/rlog.zst", "D_M--8--qlog.zst"],
        "D|M/a",
        &[
            "7 M--7/rlog.zst",
            "8 D_M--8--qlog.zst",
            "0 missing",
            "1 missing",
            "2 missing",
            "3 missing",
            "4 missing",
            "5 missing",
            "6 missing",
        ],
    );
}

#[test]
fn mixed_layouts_of_one_route_come_in_numeric_order() {
    let files = ["D_L--2--rlog.bz2", "L--10/rlog", "D/L/1/rlog.zst", "D_L--0/raw_log.bz2", "E/M/1/rlog.zst"];
    check(&files, "D|L/:3", &["0 D_L--0/raw_log.bz2", "1 D/L/1/rlog.zst", "2 D_L--2--rlog.bz2"]);
    check(&files, "L/2:0:-1", &["1 D/L/1/rlog.zst", "2 D_L--2--rlog.bz2"]);
    check(&files, "L/-1", &["10 L--10/rlog"]);
    let route = found(&files, "L/:3").route.unwrap();
    assert_eq!(route.to_string(), ids("D|L"));
}

#[test]
fn zst_then_plain_then_bz2() {
    let all =
        ["L--0/raw_log.bz2", "L--0/rlog.bz2", "L--0/rlog", "L--0/rlog.zst", "L--0/qlog.bz2", "L--0/qlog"];
    for n in 1..=4 {
        check(&all[..n], "L", &[&format!("0 {}", all[n - 1])]);
    }
    check(&all, "L/q", &["0 L--0/qlog"]);
    check(&["L--0/rlog.lz4", "L--0/rlog.zst.tmp", "L--0/xrlog"], "L", &["its directories hold no logs"]);
}

#[test]
fn selectors_pick_the_log() {
    let files = ["L--0/rlog.zst", "L--0/qlog.zst", "L--1/qlog.zst", "L--2/fcamera.hevc"];
    check(&files, "L", &["0 L--0/rlog.zst", "1 missing", "2 missing"]);
    check(&files, "L/q", &["0 L--0/qlog.zst", "1 L--1/qlog.zst", "2 missing"]);
    check(&files, "L/a", &["0 L--0/rlog.zst", "1 L--1/qlog.zst", "2 missing"]);
    check(&files, "L/1", &["no log of L/1 (there are qlogs only: use selector q) found"]);
    check(&files, "L/-1/a", &["(its directories hold no logs)"]);
    check(&files, "L/7:", &["(there are segments 0 to 2)"]);
    check(&files, "L/-9", &["(there are segments 0 to 2)"]);
}

#[test]
fn holes_in_the_request_are_missing() {
    let files = ["L--1/rlog.zst", "L--3/rlog.zst"];
    check(&files, "L", &["1 L--1/rlog.zst", "3 L--3/rlog.zst", "0 missing", "2 missing"]);
    check(&files, "L/3:6", &["3 L--3/rlog.zst", "4 missing", "5 missing"]);
    check(&files, "L/::-2", &["1 L--1/rlog.zst", "3 L--3/rlog.zst"]);
}

#[test]
fn lock_marks_the_logs_beside_it() {
    let files = ["L--0/rlog.zst", "L--1/rlog.zst", "L--1/rlog.lock"];
    check(&files, "L", &["0 L--0/rlog.zst", "1 L--1/rlog.zst !"]);
}

#[test]
fn next_directory_fills_what_the_first_lacks() {
    let one = tree(&["L--0/rlog.bz2", "L--1/qlog.zst"]);
    let two = tree(&["D_L--0--rlog.zst", "D_L--1--rlog.zst", "D_L--3--rlog.zst"]);
    let none = PathBuf::from("does-not-exist");
    let dirs = [one.path().to_owned(), none.clone(), two.path().to_owned()];
    let found = find(&ids("L/a").parse().unwrap(), &dirs).unwrap();
    let paths: Vec<_> = found.segments.iter().map(|s| s.path.clone()).collect();
    let in_two = |n| two.path().join(ids(&format!("D_L--{n}--rlog.zst")));
    assert_eq!(paths, [one.path().join(ids("L--0/rlog.bz2")), in_two(1), in_two(3)]);
    assert_eq!(found.missing, [2]);

    let error = find(&ids("D|M").parse().unwrap(), &[dirs[0].clone(), none]).unwrap_err();
    assert_eq!((error.code(), error.class()), ("no-such-route", Class::NotFound));
    let want = format!("found in {:?}, \"does-not-exist\" (no directory)", one.path());
    assert!(error.to_string().ends_with(&want), "{error}");
    let error = find(&ids("D|M").parse().unwrap(), &[]).unwrap_err();
    assert!(error.to_string().ends_with("no directory at all: give one to search"), "{error}");
}

#[test]
fn bare_log_id_of_two_devices_is_ambiguous() {
    let files = ["D_L--0/rlog.zst", "E_L--0/rlog.zst", "L--1/rlog.zst"];
    let dir = tree(&files);
    let error = find(&ids("L").parse().unwrap(), &[dir.path().to_owned()]).unwrap_err();
    let want = ids("the name fits 2 routes (D|L, E|L), name one of them");
    assert!(error.to_string().contains(&want), "{error}");
    check(&files, "D|L", &["0 D_L--0/rlog.zst", "1 L--1/rlog.zst"]);
}

/// `path` within the tree; `want` as in [`check`], after the route.
fn check_path(files: &[&str], path: &str, selector: Selector, route: &str, want: &[&str]) {
    let dir = tree(files);
    match from_path(&dir.path().join(ids(path)), selector) {
        Ok(found) => {
            let name = found.route.map_or(String::new(), |r| r.to_string());
            assert_eq!(
                (name, show(&found, dir.path())),
                (ids(route), want.iter().map(|s| s.to_string()).collect())
            );
        }
        Err(e) => assert!(want.len() == 1 && e.to_string().contains(&ids(want[0])), "{path}: {e}"),
    }
}

#[test]
fn file_tells_its_route_by_name_or_parents() {
    for (file, route, number) in [
        ("D_L--7--rlog.zst", "D|L", "7"),
        ("L--7/rlog.bz2", "L", "7"),
        ("D/L/7/qlog.zst", "D|L", "7"),
        ("D_M/7/rlog", "D|M", "7"),
        ("E/M--7/rlog", "E|M", "7"),
        ("x/rav4.rlog.zst", "", "?"),
        ("x/7/rlog.zst", "", "?"),
        ("x/L--007/rlog.zst", "", "?"),
    ] {
        check_path(&[file], file, Selector::Qlog, route, &[&format!("{number} {file}")]);
    }
}

#[test]
fn directory_of_one_route_gives_all_segments() {
    let rlogs = Selector::Rlog;
    check_path(
        &["x/L--3/rlog", "x/L--5/rlog"],
        "x",
        rlogs,
        "L",
        &["3 x/L--3/rlog", "5 x/L--5/rlog", "4 missing"],
    );
    check_path(&["D/L/0/rlog", "D/L/1/rlog"], "D/L", rlogs, "D|L", &["0 D/L/0/rlog", "1 D/L/1/rlog"]);
    check_path(&["D/L/0/rlog", "D/L/1/rlog"], "D", rlogs, "D|L", &["0 D/L/0/rlog", "1 D/L/1/rlog"]);
    check_path(&["x/10/rlog", "x/9/rlog"], "x", rlogs, "", &["9 x/9/rlog", "10 x/10/rlog"]);
    check_path(
        &["x/D_L--0--rlog.zst", "x/L--1/rlog"],
        "x",
        rlogs,
        "D|L",
        &["0 x/D_L--0--rlog.zst", "1 x/L--1/rlog"],
    );
}

#[test]
fn directory_of_one_segment_gives_it() {
    let files = ["D/L/4/rlog.zst", "D/L/4/qlog.zst", "D/L/5/qlog.zst", "x/rlog", "x/rlog.lock"];
    check_path(&files, "D/L/4", Selector::Rlog, "D|L", &["4 D/L/4/rlog.zst"]);
    check_path(&files, "D/L/4", Selector::Qlog, "D|L", &["4 D/L/4/qlog.zst"]);
    check_path(&files, "D/L/5", Selector::Auto, "D|L", &["5 D/L/5/qlog.zst"]);
    check_path(&files, "x", Selector::Rlog, "", &["? x/rlog !"]);
    check_path(
        &files,
        "D/L/5",
        Selector::Rlog,
        "",
        &["no log of D|L (there are qlogs only: use selector q) found"],
    );
}

#[test]
fn directory_of_several_routes_names_them() {
    let files = ["x/L--0/rlog", "x/M--0/rlog", "y/L--0/rlog", "y/rlog.zst", "z/notes.txt"];
    check_path(
        &files,
        "x",
        Selector::Rlog,
        "",
        &["x` is not a route: the directory holds 2 routes (M, L), name"],
    );
    check_path(&files, "y", Selector::Rlog, "", &["2 routes (one without a name, L)"]);
    check_path(&files, "z", Selector::Rlog, "", &["no log of any route found in"]);
}

#[test]
fn resolve_tries_path_then_route() {
    let dir = tree(&["L--0/rlog.zst", "L--0/qlog.zst"]);
    let dirs = [dir.path().to_owned()];
    let code = |text: &str| resolve(&ids(text), None, &dirs).map_err(|e| e.code());
    assert_eq!(show(&code("D/L").unwrap(), dir.path()), ["0 L--0/rlog.zst"]);
    assert_eq!(show(&code("L--0/q").unwrap(), dir.path()), ["0 L--0/qlog.zst"]);
    let path = dir.path().join(ids("L--0"));
    let by_path = resolve(path.to_str().unwrap(), Some(Selector::Qlog), &[]).unwrap();
    assert_eq!(show(&by_path, dir.path()), ["0 L--0/qlog.zst"]);
    assert_eq!(
        show(&resolve(&ids("L/r"), Some(Selector::Qlog), &dirs).unwrap(), dir.path()),
        ["0 L--0/qlog.zst"],
    );
    for text in ["no/such/dir", "drive.zst", "D/L/0/rlog.zst", "D_L--0--rlog.zst", "..\\x"] {
        assert_eq!(code(text), Err("no-such-file"), "{text}");
    }
    for text in ["", "drive", "D|2023", "L/x", "connect.comma.ai/x", "https://example.com/rlog.x", "\0"] {
        assert_eq!(code(text), Err("bad-route"), "{text}");
    }
    let error = resolve("drive", None, &dirs).unwrap_err().to_string();
    assert!(error.contains("no file or directory has this name, and log id `drive` must be"), "{error}");
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn links_are_followed_and_broken_ones_skipped() {
        let dir = tree(&["store/a/rlog.zst", "L--3/fcamera.hevc"]);
        let at = |name: &str| dir.path().join(ids(name));
        symlink(at("store/a"), at("L--1")).unwrap();
        symlink(at("gone"), at("L--2")).unwrap();
        symlink(at("gone"), at("L--3/rlog.zst")).unwrap();
        symlink(dir.path(), at("segments")).unwrap();
        symlink(dir.path(), at("D")).unwrap();
        let found = find(&ids("D|L").parse().unwrap(), &[dir.path().to_owned()]).unwrap();
        assert_eq!(found.segments.len(), 1);
        assert_eq!((found.segments[0].segment, found.missing), (Some(1), vec![0, 2, 3]));
        assert_eq!(from_path(&at("L--1"), Selector::Rlog).unwrap().segments[0].segment, Some(1));
        symlink(at("L--1"), at("latest")).unwrap();
        assert_eq!(from_path(&at("latest"), Selector::Rlog).unwrap().segments[0].segment, None);
    }

    #[test]
    fn search_directory_that_cannot_be_opened_is_an_error() {
        let dir = tree(&["L--0/rlog.zst"]);
        let circle = dir.path().join("circle");
        symlink(&circle, &circle).unwrap();
        let error = find(&ids("L").parse().unwrap(), &[dir.path().to_owned(), circle.clone()]).unwrap_err();
        assert_eq!((error.code(), error.at().path.as_deref()), ("io", Some(circle.as_path())));
    }

    #[test]
    fn unreadable_directory_is_an_error_with_its_path() {
        let dir = tree(&["L--0/rlog.zst", "L--1/rlog.zst"]);
        let closed = dir.path().join(ids("L--1"));
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
        if fs::read_dir(&closed).is_ok() {
            eprintln!("SKIPPED: this user may read everything, so no directory is unreadable");
            return;
        }
        let result = find(&ids("L").parse().unwrap(), &[dir.path().to_owned()]);
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        let error = result.unwrap_err();
        assert_eq!((error.code(), error.at().path.as_deref()), ("io", Some(closed.as_path())));
    }
}
