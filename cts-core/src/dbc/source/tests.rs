use super::*;
use crate::Class;

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn names_are_found_in_a_checkout() {
    let dir = tempfile::tempdir().unwrap();
    let dbc = "opendbc_repo/opendbc/dbc";
    write(dir.path(), &format!("{dbc}/vw_mqb.dbc"), "BO_ 1 A: 8 X\n");
    write(dir.path(), &format!("{dbc}/generator/make/car.dbc"), "CM_ \"IMPORT _c.dbc\";\nBO_ 1 A: 8 X\n");
    write(dir.path(), &format!("{dbc}/generator/make/_c.dbc"), "BO_ 2 B: 8 X\nCM_ 2 \"x\";\n");
    let search = Search::new([dir.path().to_owned()]);
    assert_eq!(search.load("vw_mqb_2010").unwrap().dbc.name, "vw_mqb");
    let car = search.load("car").unwrap();
    assert_eq!(car.dbc.name, "car_generated");
    assert_eq!(car.dbc.messages.len(), 2);
    let part = car.findings[0].part.as_ref().unwrap();
    assert_eq!((part.file.as_str(), part.line), ("_c.dbc", 2));
    assert!(search.names().contains(&"car_generated".to_owned()));
    let error = search.load("vw_mqc").unwrap_err();
    assert_eq!((error.code(), error.class()), ("no-such-dbc", Class::NotFound));
    assert!(error.to_string().contains("did you mean `vw_mqb`"), "{error}");
    assert!(error.to_string().contains(dbc), "{error}");
}

#[test]
fn built_in_ones_need_nothing() {
    let search = Search::new([]);
    for name in BUILTIN.iter().chain(generate::RADARS) {
        let loaded = search.load(name).unwrap();
        assert_eq!((loaded.dbc.name.as_str(), loaded.findings.len()), (*name, 0), "{:?}", loaded.findings);
        assert_eq!(
            crate::dbc::lint(&loaded.dbc).iter().filter(|f| f.severity > crate::dbc::Severity::Info).count(),
            0
        );
    }
    let wheel = search.load("subaru_global_2017").unwrap();
    assert!(wheel.dbc.message(0x13A).unwrap().signal("FR").is_some());
    assert_eq!(wheel.origin, Origin::Builtin);
}

#[test]
fn other_files_are_refused_with_their_place() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "x.dbc", "\nhello\n");
    let path = dir.path().join("x.dbc");
    let error = Search::new([]).load(path.to_str().unwrap()).unwrap_err();
    assert_eq!((error.code(), error.at().line, error.at().column), ("dbc-syntax", Some(2), Some(1)));
    let error = Search::new([]).load("nothing/here.dbc").unwrap_err();
    assert_eq!(error.code(), "no-such-file");
}
