//! The token: who sees it, and what its absence means.

use cts_core::io::connect::{Client, Options, Token};

use crate::comma::{Comma, Fault, TOKEN, status};
use crate::lab::{Lab, client, patience};

const FILES: &[(&str, &[u8])] = &[("0/rlog.zst", b"content")];

fn error(comma: &Comma, token: Option<&str>) -> String {
    let lab = Lab { client: client(comma, token, patience()), ..Lab::new(comma) };
    let error = lab.logs().unwrap_err();
    format!("[{}] {error}", error.code())
}

#[test]
fn the_token_goes_to_the_interface_only() {
    // The storage of the tests panics when it is shown one.
    let comma = Comma::new(FILES);
    assert_eq!(Lab::new(&comma).logs().unwrap().downloaded, 1);
    let shown = |request: &crate::comma::Request| request.header("authorization").map(str::to_owned);
    let shown: Vec<_> = comma.requests().iter().map(shown).collect();
    assert_eq!(shown, [Some(format!("JWT {TOKEN}")), None]);
}

#[test]
fn public_drives_need_no_token() {
    let comma = Comma::public(FILES);
    let lab = Lab { client: client(&comma, None, patience()), ..Lab::new(&comma) };
    assert_eq!(lab.logs().unwrap().downloaded, 1);
    assert!(comma.requests().iter().all(|request| request.header("authorization").is_none()));
}

#[test]
fn refusals_say_what_is_missing() {
    let comma = Comma::new(FILES);
    let none = error(&comma, None);
    assert!(none.starts_with("[no-access]") && none.contains("no token was given"), "{none}");
    let wrong = error(&comma, Some("wrong"));
    assert!(wrong.starts_with("[no-access]") && wrong.contains("the token has expired"), "{wrong}");
    let absent = error(&Comma::with(&[], |_| status("404 Not Found")), Some(TOKEN));
    assert!(absent.starts_with("[not-in-connect]") && absent.contains("or is not shown to you"), "{absent}");
    // A refusal is not asked for again.
    assert_eq!(comma.count("/files"), 2);
}

#[test]
fn a_server_that_repeats_the_token_does_not_get_it_shown() {
    for text in ["403 Forbidden", "200 OK", "500 Oops"] {
        let body = format!("{{\"error\": \"x\", \"description\": \"bad JWT {TOKEN}\\u001b[2J\"}}");
        let comma = Comma::with(&[], move |_| Some(Fault::Status(text, Vec::new(), body.clone())));
        let shown = error(&comma, Some(TOKEN));
        assert!(shown.contains("bad JWT ***") && !shown.contains('\u{1b}'), "{shown}");
    }
}

#[test]
fn answers_that_make_no_sense_are_told() {
    for body in ["<html>", "[]", "\"x\"", r#"{"error": "not yet"}"#] {
        let comma = Comma::with(&[], move |_| Some(Fault::Status("200 OK", Vec::new(), body.to_owned())));
        assert!(error(&comma, Some(TOKEN)).starts_with("[bad-answer]"), "{body}");
    }
    let comma = Comma::with(&[], |_| {
        Some(Fault::Status("302 Found", vec!["Location: http://127.0.0.1:9/".to_owned()], String::new()))
    });
    assert!(error(&comma, Some(TOKEN)).starts_with("[bad-answer]"));
}

#[test]
fn a_token_never_goes_over_an_open_network() {
    let token = Token::new(TOKEN).unwrap();
    let options = Options { address: Some("http://api.comma.ai".to_owned()), token, patience: patience() };
    assert_eq!(Client::new(options).err().unwrap().code(), "bad-param");
    assert!(format!("{:?}", Token::new("se cret").err().unwrap()).contains("hidden"));
}
