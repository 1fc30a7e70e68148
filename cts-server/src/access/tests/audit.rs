//! The audit log, and secrets that must not show.

use super::*;

#[tokio::test]
async fn the_audit_log_tells_who_did_what_and_no_secret() {
    let house = locked(&[("jwt_secret", SECRET)]);
    let key = house.key("run");
    let show = [("x-api-key", key.as_str())];
    for (method, uri) in
        [("GET", "/v1/runs"), ("POST", "/v1/runs?api_key=hunter2"), ("GET", "/v1/config/status")]
    {
        if let Ok(pass) = house.ask(method, uri, &show).await {
            house.gate.leave(&pass, StatusCode::CREATED, &mut HeaderMap::new());
        }
    }
    house.who("POST", "/v1/runs", &[("authorization", "Bearer hunter2")]).await;
    let id = format!("key:{}", ApiKey::parse(&key).unwrap().id());
    let seen: Vec<_> = house
        .audit()
        .iter()
        .map(|e| {
            (
                e["principal"].clone(),
                e["target"].clone(),
                e["status"].clone(),
                e["code"].clone(),
                e["client"].clone(),
            )
        })
        .collect();
    let expected = [
        (json!(id), json!("/v1/runs"), json!(201), Value::Null, json!(HOME)),
        (json!(id), json!("/v1/config/status"), json!(403), json!("missing-scope"), json!(HOME)),
        (json!("anonymous"), json!("/v1/runs"), json!(401), json!("bad-token"), json!(HOME)),
    ];
    assert_eq!(seen, expected);
    assert!(house.audit().iter().all(|entry| entry["request_id"] == "r1"), "those that are refused, too");
    let text = std::fs::read_to_string(house.dir.path().join("log/audit.jsonl")).unwrap();
    assert!(!text.contains(&key[21..]) && !text.contains("hunter2") && !text.contains(SECRET));
}

#[test]
fn the_audit_log_can_be_moved_away_and_is_not_for_everyone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (audit, path) = (Audit::open(dir.path()).unwrap(), dir.path().join("audit.jsonl"));
    audit.record(&Entry::new("a", "b", "line\nbreak")).unwrap();
    std::fs::rename(&path, dir.path().join("old")).unwrap();
    audit.reopen().unwrap();
    audit.record(&Entry::new("c", "d", &"é".repeat(5000))).unwrap();
    let lines = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap().lines().count();
    assert_eq!((lines("old"), lines("audit.jsonl")), (1, 1));
    assert!(std::fs::metadata(&path).unwrap().len() < 1500);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o007, 0);
}

#[test]
fn no_secret_in_the_store_and_none_in_debug_output() {
    let house = locked(&[]);
    let key = house.key("run");
    let secret = &key[21..];
    let parsed = ApiKey::parse(&key).unwrap();
    let shown = format!("{parsed:?} {:?} {:?}", Credential::Key(parsed.clone()), house.keys.list().unwrap());
    assert!(!shown.contains(secret));
    let header = Credential::of(&headers(&[("authorization", "Bearer hunter2")])).unwrap();
    assert!(!format!("{header:?}").contains("hunter2"));
    for entry in std::fs::read_dir(house.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = if path.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
        assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()), "{path:?}");
    }
}

#[test]
fn keys_by_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let storage = format!("--storage-dir={}", dir.path().join("data").display());
    let log = format!("--log-directory={}", dir.path().join("log").display());
    let run = |args: &[&str]| {
        let args = [&["key"], args, &[&storage, &log, "--enable-audit-log"]].concat();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = cli::run(&cli::command().get_matches_from(args), &mut out, &mut err).unwrap();
        (
            code == std::process::ExitCode::SUCCESS,
            String::from_utf8(out).unwrap(),
            String::from_utf8(err).unwrap(),
        )
    };
    cli::command().debug_assert();
    assert_eq!(run(&["list"]).1, "no keys\n");
    let made: Value =
        serde_json::from_str(&run(&["create", "--name", "ann", "--scope", "read", "--json"]).1).unwrap();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert!(ApiKey::parse(key).is_some() && made["scopes"] == "read");
    // A file that takes the output holds the key and nothing else.
    let (_, text, note) = run(&["create", "--name", "bob", "--expires-days", "3"]);
    assert!(ApiKey::parse(text.trim_end()).is_some() && note.contains("only time"), "{text}{note}");
    assert!(run(&["revoke", id]).0);
    let list = run(&["list"]).1;
    assert_eq!(list.lines().count(), 2);
    assert!(list.contains("revoked  read") && list.contains("valid    read run"), "{list}");
    assert!(!list.contains(&key[21..]));
    let (ok, _, err) = run(&["revoke", "nobody"]);
    assert!(!ok && err.contains("no key of the id `nobody`") && err.contains("remedy:"), "{err}");
    let audit = std::fs::read_to_string(dir.path().join("log/audit.jsonl")).unwrap();
    assert_eq!((audit.matches("key-created").count(), audit.matches("key-revoked").count()), (2, 1));
}
