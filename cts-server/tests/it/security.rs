//! What strangers, neighbours and forgers can not do.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::keys::key;
use crate::lab::{Daemon, Lab, command, log_in, log_of, program};

/// What nobody may read.
const SECRET: &str = "the-content-of-a-file-that-is-nobodys-business";

/// Names that lead elsewhere if they are taken for paths.
const TRAVERSALS: [&str; 10] = [
    "..",
    "../../store.db",
    "..%2f..%2fstore.db",
    "%2e%2e%2f%2e%2e%2fstore.db",
    "..%5c..%5cstore.db",
    "....//....//store.db",
    "%2fetc%2fpasswd",
    "x%00.csv",
    "%25%32%65%25%32%65%2fstore.db",
    "'%20OR%201=1%20--",
];

/// Paths of the interface with the methods that they take.
pub fn routes(client: &Client) -> Vec<(String, String)> {
    let document = client.get("/openapi.json").json();
    let paths = document["paths"].as_object().unwrap();
    let methods = |methods: &Value| methods.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    paths
        .iter()
        .flat_map(|(path, all)| methods(all).into_iter().map(move |m| (m.to_uppercase(), path.clone())))
        .collect()
}

pub fn with_id(path: &str, id: &str) -> String {
    let (before, rest) = path.split_once('{').unwrap();
    format!("{before}{id}{}", rest.split_once('}').unwrap().1)
}

/// Sends a request as it is, without a library that would tidy it up; gives head and body.
fn raw(client: &Client, request: &str) -> String {
    let mut stream = TcpStream::connect(client.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut said = Vec::new();
    // A connection that is reset has said what it had to say.
    let _ = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

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

#[test]
fn heads_and_bodies_have_limits() {
    let lab = Lab::new();
    let ask = |head: &str| {
        raw(&lab.client, &format!("GET /v1/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n"))
    };
    assert!(ask("").starts_with("HTTP/1.1 200"));
    let long = ask(&format!("X-A: {}\r\n", "a".repeat(20 << 10)));
    assert!(long.starts_with("HTTP/1.1 431") && long.contains("\"code\":\"headers-too-large\""), "{long}");
    let many: String = (0..120).map(|i| format!("X-{i}: a\r\n")).collect();
    for endless in [many, format!("X-A: {}\r\n", "a".repeat(200 << 10))] {
        let said = ask(&endless);
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 431"), "{said}");
    }
    let path = "a".repeat(20 << 10);
    let said = raw(&lab.client, &format!("GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    assert!(said.starts_with("HTTP/1.1 431") || said.starts_with("HTTP/1.1 414"), "{said}");
    // Bodies: a deep one, one that is longer than it says, one that is too long.
    let deep = lab.client.send("POST", "/v1/runs", &[], "[".repeat(100_000).into_bytes());
    assert_eq!(deep.status, 422);
    let big = lab.client.send("POST", "/v1/monitors", &[], vec![b' '; (1 << 20) + 1]);
    assert_eq!((big.status, big.json()["code"].as_str()), (413, Some("too-large")));
    assert!(big.text().contains("max_body_kb"), "the setting is named as it is called");
    let two = "POST /v1/runs HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}   ";
    assert!(raw(&lab.client, two).starts_with("HTTP/1.1 400"));
    assert_eq!(lab.client.get("/v1/health").status, 200);
}

#[test]
fn what_is_refused_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let reader = key(dir.path(), "reader", "read");
    let mut strict = command(dir.path());
    strict.env("CTS_REQUIRE_AUTHENTICATION", "true").env("CTS_CORS_ALLOWED_ORIGINS", "https://a.example");
    let service = Daemon::start_with(strict);
    let client = &service.client;
    let told = |answer: &Answer, status: u16, code: &str| {
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let problem = answer.json();
        assert_eq!((answer.status, problem["code"].as_str()), (status, Some(code)), "{problem}");
        assert_eq!(problem["request_id"], answer.header("x-request-id"));
        assert!(
            !problem["detail"].as_str().unwrap().is_empty()
                && !problem["suggested_fix"].as_str().unwrap().is_empty()
        );
    };
    let missing = client.get("/v1/runs");
    told(&missing, 401, "authentication-required");
    assert!(missing.header("www-authenticate").starts_with("Bearer"));
    let ask =
        |method: &str, path: &str, headers: &[(&str, &str)]| client.send(method, path, headers, Vec::new());
    told(&ask("GET", "/v1/runs", &[("authorization", "Bearer nonsense")]), 401, "wrong-key");
    told(&ask("DELETE", "/v1/runs/x", &[("authorization", &reader)]), 403, "missing-scope");
    told(&ask("GET", "/v1/config/status", &[("authorization", &reader)]), 403, "missing-scope");
    told(&ask("POST", "/v1/runs", &[("origin", "https://evil.example")]), 403, "origin-not-allowed");
    let preflight =
        |origin| ask("OPTIONS", "/v1/runs", &[("origin", origin), ("access-control-request-method", "POST")]);
    told(&preflight("https://evil.example"), 403, "origin-not-allowed");
    let yes = preflight("https://a.example");
    assert_eq!(
        (yes.status, yes.text(), yes.header("access-control-allow-origin")),
        (200, "OK".into(), "https://a.example")
    );
    // Pages may do all that the interface offers.
    let allowed = |name: &str| yes.header(name).split(", ").map(str::to_lowercase).collect::<Vec<_>>();
    let (methods, headers) =
        (allowed("access-control-allow-methods"), allowed("access-control-allow-headers"));
    let document = client.get("/openapi.json").json();
    for (method, path) in routes(client) {
        assert!(methods.contains(&method.to_lowercase()), "{method}");
        let parameters = &document["paths"][&path][method.to_lowercase()]["parameters"];
        for parameter in parameters.as_array().into_iter().flatten().filter(|one| one["in"] == "header") {
            let name = parameter["name"].as_str().unwrap().to_lowercase();
            assert!(headers.contains(&name), "{method} {path}: {name}");
        }
    }
    // Strangers learn whether the service is ready, and no more.
    let ready = client.get("/v1/health/ready").json();
    assert!(ready["checks"].as_array().unwrap().iter().all(|check| check["details"].is_null()), "{ready}");
    let ready = ask("GET", "/v1/health/ready", &[("authorization", &reader)]).json();
    assert!(ready["checks"][0]["details"].is_string());
}

#[test]
fn too_many_requests_are_told_when_to_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut limited = command(dir.path());
    limited.env("CTS_ENABLE_RATE_LIMITING", "true").env("CTS_MAX_REQUESTS_PER_MINUTE", "2");
    let service = Daemon::start_with(limited);
    let ask = |n: usize| {
        service.client.send("GET", "/v1/runs", &[("x-forwarded-for", &format!("1.2.3.{n}"))], Vec::new())
    };
    let refused = (0..100).map(ask).find(|answer| answer.status != 200).unwrap();
    assert_eq!((refused.status, refused.json()["code"].as_str()), (429, Some("rate-limited")));
    assert_eq!(refused.headers.get_all("retry-after").iter().count(), 1);
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
}

#[test]
fn every_answer_carries_the_headers_of_security() {
    let lab = Lab::new();
    let client = &lab.client;
    let run = client.wait(&client.run("rlog-to-csv", json!({ "rlog": lab.log() })));
    let id = run["run_id"].as_str().unwrap();
    let file = format!("/v1/artifacts/{}/download", run["artifacts"][0].as_str().unwrap());
    let tag = client.get(&file).header("etag").to_owned();
    let none: &[(&str, &str)] = &[];
    for (method, path, headers, status) in [
        ("GET", "/v1/health".to_owned(), none, 200),
        ("GET", "/nowhere".to_owned(), none, 404),
        ("PATCH", "/v1/runs".to_owned(), none, 405),
        ("OPTIONS", "/v1/runs".to_owned(), none, 204),
        ("POST", "/v1/runs".to_owned(), none, 422),
        ("GET", format!("/v1/runs/{id}/logs"), none, 200),
        ("GET", format!("/v1/runs/{id}/artifacts.zip"), none, 200),
        ("GET", file.clone(), none, 200),
        ("GET", file.clone(), &[("range", "bytes=0-0")], 206),
        ("GET", file.clone(), &[("range", "bytes=999999999-")], 416),
        ("GET", file.clone(), &[("if-none-match", tag.as_str())], 304),
        ("GET", file.clone(), &[("if-match", "\"other\"")], 412),
        ("GET", "/docs".to_owned(), none, 200),
        ("GET", "/metrics".to_owned(), none, 200),
    ] {
        let answer = client.send(method, &path, headers, Vec::new());
        assert_eq!(answer.status, status, "{method} {path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-cache"),
        ] {
            assert_eq!(answer.header(name), value, "{method} {path} {name}");
        }
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe-inline") || policy.contains("sandbox"), "{path}: {policy}");
        assert_eq!(answer.header("x-request-id").len(), 36, "{path}");
    }
}

#[test]
fn slow_clients_lose_their_place() {
    let lab = Lab::with(|settings| {
        settings.http.body_timeout = Duration::from_millis(300);
        settings.http.send_timeout = Duration::from_millis(300);
    });
    // One byte after the other, each in time, but never the whole.
    let mut drip = TcpStream::connect(lab.client.address).unwrap();
    drip.write_all(b"POST /v1/runs HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n").unwrap();
    let begun = Instant::now();
    // It ends when the service closes the connection.
    while drip.write_all(b" ").is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(20), "a body that drips is waited for");
        std::thread::sleep(Duration::from_millis(50));
    }
    // A client that does not read: the file is closed though the client stays.
    let run = lab.client.wait(&lab.client.run("rlog-to-csv", json!({ "rlog": log_of(lab.dir.path(), 120) })));
    let path = format!("/v1/artifacts/{}/download", run["artifacts"][0].as_str().unwrap());
    let size =
        lab.client.send("HEAD", &path, &[], Vec::new()).header("content-length").parse::<u64>().unwrap();
    assert!(size > 8 << 20, "{size} bytes fit into the buffers of sockets");
    let mut idle = TcpStream::connect(lab.client.address).unwrap();
    write!(idle, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    idle.read_exact(&mut [0; 100]).unwrap();
    let runs = lab.data().join("runs").canonicalize().unwrap();
    let open = || {
        let files = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        files.filter(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to.starts_with(&runs))).count()
    };
    let begun = Instant::now();
    while open() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "a client that does not read is waited for");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(idle);
}

#[test]
fn a_key_that_is_revoked_ends_with_its_links() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_in(dir.path());
    let ann = key(dir.path(), "ann", "run");
    let mut strict = command(dir.path());
    strict.env("CTS_REQUIRE_AUTHENTICATION", "true");
    let service = Daemon::start_with(strict);
    let client = &service.client;
    let show = [("authorization", ann.as_str())];
    let wish = json!({ "tool_id": "rlog-to-csv", "params": { "rlog": log } }).to_string().into_bytes();
    let run = client.send("POST", "/v1/runs", &show, wish).json()["run_id"].as_str().unwrap().to_owned();
    while client.send("GET", &format!("/v1/runs/{run}"), &show, Vec::new()).json()["status"] != "completed" {
        std::thread::yield_now();
    }
    let artifacts = client.send("GET", &format!("/v1/runs/{run}/artifacts"), &show, Vec::new()).json();
    let link = artifacts[0]["download_url"].as_str().unwrap()[client.base.len()..].to_owned();
    assert_eq!(client.get(&link).status, 200);
    let id = ann.strip_prefix("JWT cts_").unwrap()[..16].to_owned();
    assert!(
        command(dir.path()).args(["key", "revoke", &id]).stdout(Stdio::null()).status().unwrap().success()
    );
    let begun = Instant::now();
    while client.send("GET", "/v1/runs", &show, Vec::new()).status == 200 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the key still opens");
        std::thread::sleep(Duration::from_millis(50));
    }
    let refused = client.send("GET", "/v1/runs", &show, Vec::new());
    assert_eq!(refused.json()["code"], "revoked-key");
    assert_eq!(client.get(&link).json()["code"], "revoked-key");
}

#[test]
fn no_secret_is_in_the_logs_or_in_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_in(dir.path());
    let ann = key(dir.path(), "ann", "admin");
    let secret = &ann[ann.len() - 64..];
    let signing = "a-signing-secret-of-forty-two-characters-x";
    let mut chatty = command(dir.path());
    chatty.env("CTS_REQUIRE_AUTHENTICATION", "true").env("CTS_LOG_LEVEL", "TRACE").env("CTS_DEBUG", "true");
    chatty.env("CTS_ENABLE_AUDIT_LOG", "true").env("CTS_JWT_SECRET", signing);
    let service = Daemon::start_with(chatty);
    let client = &service.client;
    let wish = json!({ "tool_id": "rlog-to-csv", "params": { "rlog": log } }).to_string().into_bytes();
    let run = client.send("POST", "/v1/runs", &[("authorization", &ann)], wish).json();
    let path = format!("/v1/runs/{}", run["run_id"].as_str().unwrap());
    let bare = ann.strip_prefix("JWT ").unwrap();
    while client.send("GET", &path, &[("x-api-key", bare)], Vec::new()).json()["status"] != "completed" {
        std::thread::yield_now();
    }
    let artifacts =
        client.send("GET", &format!("{path}/artifacts"), &[("x-api-key", bare)], Vec::new()).json();
    let link = artifacts[0]["download_url"].as_str().unwrap()[client.base.len()..].to_owned();
    let ticket = link.split_once("ticket=").unwrap().1;
    assert_eq!(client.get(&link).status, 200);
    let wrong = format!("Bearer {}guess-work", &bare[..30]);
    assert_eq!(client.send("GET", "/v1/runs", &[("authorization", &wrong)], Vec::new()).status, 401);
    assert_eq!(client.get("/v1/runs?api_key=in-the-query").status, 401);
    service.hang_up();
    let begun = Instant::now();
    while !service.said().contains("read again") {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", service.said());
        std::thread::sleep(Duration::from_millis(20));
    }
    let said = service.said();
    let audit = std::fs::read_to_string(dir.path().join("log/audit.jsonl")).unwrap();
    let store: Vec<u8> = ["store.db", "store.db-wal"]
        .iter()
        .flat_map(|name| std::fs::read(dir.path().join("data").join(name)).unwrap_or_default())
        .collect();
    let proof = ticket.rsplit('-').next().unwrap();
    for hidden in [secret, signing, proof, "guess-work", "in-the-query"] {
        assert!(!said.contains(hidden), "{hidden} in the log");
        assert!(!audit.contains(hidden), "{hidden} in the audit log");
        assert!(
            !store.windows(hidden.len()).any(|window| window == hidden.as_bytes()),
            "{hidden} in the store"
        );
    }
    // What is there instead: who, what, and the id of the request in all three places.
    let answer =
        client.send("DELETE", &path, &[("x-api-key", bare), ("x-request-id", "my-request-7")], Vec::new());
    assert_eq!(answer.header("x-request-id"), "my-request-7");
    let lines = std::fs::read_to_string(dir.path().join("log/audit.jsonl")).unwrap();
    let line: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&line["request_id"], &line["target"], &line["status"]),
        (&json!("my-request-7"), &json!(path), &json!(200))
    );
    assert_eq!(line["principal"], format!("key:{}", &bare[4..20]));
    let logged = |line: &str| line.contains("my-request-7") && line.contains("\"status\":200");
    let begun = Instant::now();
    while !service.said().lines().any(logged) {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", service.said());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(service.said().contains("\"filename\":"), "debug names the place in the source");
}

#[test]
fn nobody_else_is_listened_to_without_keys() {
    let dir = tempfile::tempdir().unwrap();
    let start = |environment: &[(&str, &str)]| {
        let mut open = command(dir.path());
        open.env("CTS_HOST", "0.0.0.0").envs(environment.iter().copied());
        let mut service = open.spawn().unwrap();
        let mut said = String::new();
        service.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (service.wait().unwrap().success(), said)
    };
    let (ok, said) = start(&[]);
    assert!(
        !ok && said.contains("`host` 0.0.0.0 is reachable by others") && said.contains("remedy: "),
        "{said}"
    );
    let (ok, said) = start(&[
        ("CTS_ENVIRONMENT", "production"),
        ("CTS_REQUIRE_AUTHENTICATION", "false"),
        ("CTS_ALLOW_UNAUTHENTICATED_NETWORK", "true"),
    ]);
    assert!(!ok && said.contains("authentication is off in production while listening"), "{said}");
    for (name, value) in
        [("CTS_REQUIRE_AUTHENTICATION", "true"), ("CTS_ALLOW_UNAUTHENTICATED_NETWORK", "true")]
    {
        let mut told = command(dir.path());
        told.env("CTS_HOST", "0.0.0.0").env(name, value);
        let service = Daemon::start_with(told);
        assert_eq!(service.client.get("/v1/health").status, 200, "{name}");
    }
}

#[test]
fn a_configuration_that_cannot_be_used_names_file_and_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c.toml");
    std::fs::write(&file, "port = 8080\nmax_conurrent_runs = 3\nhost = 7\n").unwrap();
    for args in [&["--config", "c.toml"][..], &["config", "check", "--config", "c.toml"]] {
        let said = Command::new(program()).args(args).current_dir(&dir).env_clear().output().unwrap();
        assert_eq!(said.status.code(), Some(1));
        let said = String::from_utf8([said.stdout, said.stderr].concat()).unwrap();
        assert!(said.contains("c.toml:2: unknown key `max_conurrent_runs`"), "{said}");
        assert!(
            said.contains("did you mean `max_concurrent_runs`?") && said.contains("c.toml:3: `host` must be"),
            "{said}"
        );
    }
}
