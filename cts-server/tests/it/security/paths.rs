//! Names and values that lead elsewhere if they are taken for paths.

use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::json;

use super::{SECRET, TRAVERSALS, raw, routes, with_id};
use crate::lab::Lab;

#[test]
fn names_in_paths_lead_nowhere() {
    let lab = Lab::new();
    let open = routes(&lab.client).into_iter().filter(|(_, path)| path.contains('{'));
    let mut asked = 0;
    for (method, path) in open {
        for name in TRAVERSALS {
            let path = with_id(&path, name);
            let said = raw(
                &lab.client,
                &format!(
                    "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
                ),
            );
            let status: u16 = said.split(' ').nth(1).unwrap().parse().unwrap();
            // A list of what nobody has is empty, and to cancel what is not there is no fault: old clients expect it.
            let lenient = path.ends_with("/artifacts") || path.ends_with("/list") || method == "DELETE";
            assert!(matches!(status, 400 | 404) || lenient && status == 200, "{method} {path}: {said}");
            assert!(!said.contains("SQLite") && !said.contains("root:"), "{method} {path}: {said}");
            asked += 1;
        }
    }
    assert!(asked > 150, "{asked}");
}

#[test]
fn values_in_queries_and_headers_are_only_values() {
    let lab = Lab::new();
    let client = &lab.client;
    client.wait(&client.run("rlog-to-csv", json!({ "rlog": lab.log() })));
    for value in TRAVERSALS {
        for name in ["status", "tool_id", "name", "before"] {
            let answer = client.get(&format!("/v1/runs?{name}={value}"));
            assert_eq!((answer.status, answer.json()), (200, json!([])), "{name}={value}");
        }
        for name in ["limit", "offset"] {
            assert_eq!(client.get(&format!("/v1/runs?{name}={value}")).status, 422, "{name}={value}");
        }
        for name in ["last-event-id", "range", "if-range", "if-none-match", "content-range", "x-request-id"] {
            let answer = client.send("GET", "/v1/runs?limit=1", &[(name, value)], Vec::new());
            assert_eq!(answer.status, 200, "{name}: {value}");
            assert!(!answer.header("x-request-id").contains('%'), "only plain names are taken over");
        }
    }
}

#[test]
fn no_parameter_of_a_tool_reads_or_writes_elsewhere() {
    let outside = tempfile::tempdir().unwrap();
    let (root, secret) = (outside.path().join("root"), outside.path().join("secret"));
    std::fs::create_dir(&root).unwrap();
    std::fs::write(&secret, SECRET).unwrap();
    symlink(&secret, root.join("link")).unwrap();
    symlink(outside.path(), root.join("up")).unwrap();
    let allowed = root.clone();
    let lab = Lab::with(|settings| settings.allowed_roots = vec![allowed]);
    let client = &lab.client;
    std::fs::copy(lab.log(), root.join("ok.rlog")).unwrap();
    let at = |name: &str| root.join(name).display().to_string();
    let ways = [
        secret.display().to_string(),
        at("link"),
        at("up/secret"),
        at("../secret"),
        "../../../../../../etc/passwd".into(),
    ];
    let all = client.get("/v1/capabilities").json();
    let mut refused = 0;
    for tool in all["tools"].as_array().unwrap() {
        let id = tool["id"].as_str().unwrap();
        let input = ["rlog", "csv", "log_file"]
            .into_iter()
            .find(|name| tool["parameters"][name].is_object())
            .unwrap();
        for (name, parameter) in tool["parameters"].as_object().unwrap() {
            if !matches!(parameter["type"].as_str(), Some("str" | "list")) {
                continue;
            }
            for way in &ways {
                let mut params = json!({ input: at("ok.rlog") });
                params[name] = json!(way);
                let answer = client.post("/v1/runs", &json!({ "tool_id": id, "params": params }));
                if answer.status != 200 {
                    assert!(matches!(answer.status, 400 | 403), "{id} {name}={way}: {}", answer.text());
                    refused += 1;
                    continue;
                }
                // Names of files to write are taken as names.
                let run = client.wait(answer.json()["run_id"].as_str().unwrap());
                for artifact in run["artifacts"].as_array().unwrap() {
                    let bytes =
                        client.get(&format!("/v1/artifacts/{}/content", artifact.as_str().unwrap())).bytes;
                    assert!(!String::from_utf8_lossy(&bytes).contains(SECRET), "{id} {name}={way}");
                }
                assert!(!run.to_string().contains(SECRET), "{id} {name}={way}");
            }
        }
    }
    assert!(refused > 20, "{refused}");
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), SECRET);
    let mut left: Vec<_> =
        std::fs::read_dir(outside.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["root", "secret"], "nothing was written beside");
}

#[test]
fn names_of_files_are_plain_everywhere() {
    let lab = Lab::new();
    let client = &lab.client;
    for (name, kept) in
        [("../../../x.zst", "x.zst"), ("C:\\y.zst", "y.zst"), ("a b\u{202e}.csv", "a b\u{202e}.csv")]
    {
        let made = client.post("/v1/uploads", &json!({ "filename": name })).json();
        assert_eq!(made["filename"], kept);
        let form = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n\r\nx\r\n--b--\r\n",
            name.replace('\\', "\\\\")
        );
        let headers = [("content-type", "multipart/form-data; boundary=b")];
        let made = client.send("POST", "/v1/uploads", &headers, form.into_bytes());
        assert_eq!(made.json()["filename"], kept, "{}", made.text());
    }
    let long = "x".repeat(5000);
    for name in ["", ".", "..", "a/", "x\u{0}y", "x\ny", ".part", &long] {
        assert_eq!(client.post("/v1/uploads", &json!({ "filename": name })).status, 400, "{name:?}");
    }
    let mode = std::fs::metadata(lab.data()).unwrap().permissions().mode();
    assert_eq!(mode & 0o007, 0, "other users of the machine do not get in");
    let stored = std::fs::read_dir(lab.data().join("uploads")).unwrap();
    assert!(stored.flatten().all(|entry| entry.path().is_dir()), "every upload has a directory of its own");
}
