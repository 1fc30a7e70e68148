use std::net::IpAddr;
use std::path::{Path, PathBuf};

use http::{HeaderMap, Method, StatusCode, Uri, header};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;
use crate::clock;
use crate::config::{self, Config, Sources};
use crate::store::Store;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const HOME: &str = "10.1.1.1";

/// A gate with a store and an audit log of its own.
struct House {
    dir: tempfile::TempDir,
    gate: Gate,
    keys: Keys,
}

/// A configuration of development with `changes`, its directories in `dir`.
fn config(dir: &Path, changes: &[(&'static str, &str)]) -> Config {
    let mut sources = Sources::default();
    sources.flags.push(("log_directory", dir.join("log").display().to_string()));
    for (name, value) in changes {
        match *name {
            "jwt_secret" => drop(sources.variables.insert("CTS_JWT_SECRET".into(), (*value).into())),
            name => sources.flags.push((name, (*value).to_owned())),
        }
    }
    config::load(&sources).unwrap_or_else(|p| panic!("{p}")).config
}

fn house(changes: &[(&'static str, &str)]) -> House {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store.db")).unwrap();
    let gate = Gate::new(&config(dir.path(), changes), store.clone()).unwrap();
    House { keys: Keys::open(store).unwrap(), dir, gate }
}

/// One that asks for keys.
fn locked(more: &[(&'static str, &str)]) -> House {
    house(&[&[("require_authentication", "true"), ("enable_audit_log", "true")], more].concat())
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(header::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    map
}

impl House {
    async fn ask_from(
        &self,
        peer: &str,
        method: &str,
        uri: &str,
        pairs: &[(&str, &str)],
    ) -> Result<Pass, Refusal> {
        let (method, uri): (Method, Uri) = (method.parse().unwrap(), uri.parse().unwrap());
        let peer: IpAddr = peer.parse().unwrap();
        self.gate.enter(&method, &uri, &headers(pairs), peer).await
    }

    async fn ask(&self, method: &str, uri: &str, pairs: &[(&str, &str)]) -> Result<Pass, Refusal> {
        self.ask_from(HOME, method, uri, pairs).await
    }

    /// The principal, or the code of the refusal.
    async fn who(&self, method: &str, uri: &str, pairs: &[(&str, &str)]) -> String {
        told(self.ask(method, uri, pairs).await)
    }

    fn key(&self, scope: &str) -> String {
        self.keys.create("test", Scopes::parse(scope), None).unwrap().reveal()
    }

    fn audit(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.dir.path().join("log/audit.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn told(answer: Result<Pass, Refusal>) -> String {
    match answer {
        Ok(pass) => pass.principal.id,
        Err(refusal) => {
            format!("{} {}", refusal.status.as_u16(), refusal.failure.map_or(String::new(), |f| f.code))
        }
    }
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn token(claims: &Value, secret: &str, algorithm: Algorithm) -> String {
    encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

fn future() -> i64 {
    clock::now() / 1_000_000 + 3600
}

#[tokio::test]
async fn keys_are_accepted_in_each_spelling() {
    let house = locked(&[]);
    let key = house.key("run");
    let id = format!("key:{}", ApiKey::parse(&key).unwrap().id());
    for (name, value) in [
        ("authorization", format!("JWT {key}")),
        ("authorization", format!("Bearer {key}")),
        ("authorization", format!("bearer   {key} ")),
        ("x-api-key", key.clone()),
    ] {
        assert_eq!(house.who("POST", "/v1/runs", &[(name, &value)]).await, id, "{name}: {value}");
    }
    let both = [("authorization", format!("JWT {key}")), ("x-api-key", key.clone())];
    assert_eq!(house.who("GET", "/v1/runs", &both.each_ref().map(|(n, v)| (*n, v.as_str()))).await, id);
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let house = locked(&[]);
    let (key, other) = (house.key("run"), ApiKey::generate().unwrap().reveal());
    let wrong_secret = format!("{}{}", &key[..key.len() - 64], "0".repeat(64));
    for (value, code) in [
        ("", "401 authentication-required"),
        ("Bearer ", "401 authentication-required"),
        (other.as_str(), "401 bad-credentials"),
        (&format!("Bearer {other}"), "401 wrong-key"),
        (&format!("Bearer {wrong_secret}"), "401 wrong-key"),
        (&format!("Bearer {key}0"), "401 wrong-key"),
        ("Bearer cts_' OR 1=1 --", "401 wrong-key"),
        ("Basic dXNlcjpwYXNz", "401 bad-credentials"),
        (&format!("Bearer {}", "x".repeat(9000)), "401 bad-credentials"),
    ] {
        assert_eq!(house.who("GET", "/v1/runs", &[("authorization", value)]).await, code, "{value}");
    }
    let two = [("authorization", format!("Bearer {key}")), ("x-api-key", other)];
    let two = two.each_ref().map(|(n, v)| (*n, v.as_str()));
    assert_eq!(house.who("GET", "/v1/runs", &two).await, "401 bad-credentials");
    let refusal = house.ask("GET", "/v1/runs", &[]).await.unwrap_err();
    assert!(refusal.headers.contains_key(header::WWW_AUTHENTICATE));
    assert_eq!(house.who("GET", "/v1/health", &[("authorization", "Bearer nonsense")]).await, "anonymous");
}

#[tokio::test]
async fn revoked_and_expired_keys_are_void() {
    let house = locked(&[]);
    let key = house.keys.create("a", Scopes::ALL, None).unwrap();
    let bearer = format!("Bearer {}", key.reveal());
    let show = [("authorization", bearer.as_str())];
    assert_eq!(house.who("GET", "/v1/runs", &show).await, format!("key:{}", key.id()));
    assert!(house.keys.revoke(key.id()).unwrap() && house.keys.revoke(key.id()).unwrap());
    assert!(!house.keys.revoke("0000000000000000").unwrap());
    // What is remembered is forgotten after a second, or at once when the configuration is read again.
    house.gate.reload(&config(house.dir.path(), &[("require_authentication", "true")])).unwrap();
    assert_eq!(house.who("GET", "/v1/runs", &show).await, "401 revoked-key");
    let wrong = format!("Bearer {}{}", &key.reveal()[..21], "0".repeat(64));
    assert_eq!(house.who("GET", "/v1/runs", &[("authorization", &wrong)]).await, "401 wrong-key");
    let expired = house.keys.create("b", Scopes::ALL, Some(clock::now() - 1)).unwrap().reveal();
    assert_eq!(house.who("GET", "/v1/runs", &[("x-api-key", &expired)]).await, "401 expired-key");
}

#[tokio::test]
async fn scopes_hold() {
    let house = locked(&[]);
    for (scope, expected) in
        [("read", [true, false, false]), ("run", [true, true, false]), ("admin", [true; 3])]
    {
        let key = house.key(scope);
        for ((method, path), allowed) in
            [("GET", "/v1/runs"), ("DELETE", "/v1/runs/1"), ("GET", "/v1/config/status")]
                .into_iter()
                .zip(expected)
        {
            let told = house.who(method, path, &[("x-api-key", &key)]).await;
            assert_eq!(told.starts_with("key:"), allowed, "{scope} {method} {path}: {told}");
            assert!(allowed || told == "403 missing-scope");
        }
    }
}

#[test]
fn only_the_owner_and_the_admin_see_runs() {
    let principal = |id: &str, scope| Principal { id: id.into(), scopes: Scopes::of(scope) };
    let ann = principal("key:a", Scope::Run);
    assert!(ann.may_see(Some("key:a")) && ann.may_see(None) && !ann.may_see(Some("key:b")));
    assert!(principal("key:b", Scope::Admin).may_see(Some("key:a")));
    assert!(!Principal::anonymous(Scopes::of(Scope::Read)).may_see(Some("key:a")));
    assert_eq!(Principal::anonymous(Scopes::ALL).owner(), None);
}

#[tokio::test]
async fn without_required_keys_everyone_may_and_a_key_still_names() {
    let house = house(&[]);
    let key = house.key("read");
    assert_eq!(house.who("POST", "/v1/runs", &[]).await, "anonymous");
    assert_eq!(house.who("POST", "/v1/runs", &[("authorization", "JWT stale")]).await, "anonymous");
    assert!(house.who("POST", "/v1/runs", &[("x-api-key", &key)]).await.starts_with("key:"));
    assert_eq!(house.gate.link("/v1/artifacts/1/download", &Principal::anonymous(Scopes::ALL)), None);
}

#[tokio::test]
async fn tokens_with_a_shared_secret() {
    let house = locked(&[("jwt_secret", SECRET), ("jwt_issuer", "me")]);
    let good = json!({"sub": "ann", "exp": future(), "iss": "me", "scope": "run"});
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value,
        }
        token(&claims, SECRET, Algorithm::HS256)
    };
    let none =
        format!("eyJhbGciOiJub25lIn0.{}.", token(&good, SECRET, Algorithm::HS256).split('.').nth(1).unwrap());
    for (token, expected) in [
        (with("x", json!(1)), "token:ann"),
        (with("scope", json!(["read", "run"])), "token:ann"),
        (with("scope", json!("read")), "403 missing-scope"),
        (with("scope", Value::Null), "403 missing-scope"),
        (with("exp", json!(1000)), "401 bad-token"),
        (with("exp", Value::Null), "401 bad-token"),
        (with("nbf", json!(future())), "401 bad-token"),
        (with("iss", json!("you")), "401 bad-token"),
        (with("iss", Value::Null), "401 bad-token"),
        (with("sub", json!("")), "401 bad-token"),
        (token(&good, "another secret of thirty-two bytes", Algorithm::HS256), "401 bad-token"),
        (token(&good, SECRET, Algorithm::HS512), "401 bad-token"),
        (none, "401 bad-token"),
        ("a.b.c".into(), "401 bad-token"),
    ] {
        let value = format!("JWT {token}");
        assert_eq!(house.who("POST", "/v1/runs", &[("authorization", &value)]).await, expected, "{token}");
    }
}

#[tokio::test]
async fn tokens_with_a_public_key() {
    let pem = data("rs256.pub.pem").display().to_string();
    let bearer = format!("Bearer {}", std::fs::read_to_string(data("rs256.jwt")).unwrap());
    let show = [("authorization", bearer.as_str())];
    let of =
        |more: &[(&'static str, &str)]| locked(&[&[("jwt_public_key_file", pem.as_str())], more].concat());
    assert_eq!(of(&[]).who("POST", "/v1/runs", &show).await, "token:ann");
    assert_eq!(of(&[("jwt_audience", "cts")]).who("POST", "/v1/runs", &show).await, "token:ann");
    assert_eq!(of(&[("jwt_audience", "other")]).who("POST", "/v1/runs", &show).await, "401 bad-token");
    // The classic: the public key taken as the secret of a symmetric algorithm.
    let text = std::fs::read_to_string(data("rs256.pub.pem")).unwrap();
    let forged = token(&json!({"sub": "eve", "exp": future(), "scope": "admin"}), &text, Algorithm::HS256);
    let told = of(&[]).who("POST", "/v1/runs", &[("authorization", &format!("Bearer {forged}"))]).await;
    assert_eq!(told, "401 bad-token");
}

#[test]
fn unusable_key_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("k");
    std::fs::write(&file, "short\n").unwrap();
    let file = file.display().to_string();
    let told = |name, value: &str| problems(&config(dir.path(), &[(name, value)])).remove(0).to_string();
    assert!(told("jwt_secret_file", &file).contains("holds 5 bytes"));
    assert!(told("jwt_public_key_file", &file).contains("`jwt_public_key_file`"));
    assert!(told("jwt_secret_file", "/no/such").contains("cannot read `jwt_secret_file` /no/such"));
}

#[tokio::test]
async fn links_replace_the_key_for_one_path() {
    let house = locked(&[]);
    let ann = Principal { id: "key:ann".into(), scopes: Scopes::ALL };
    let link =
        format!("/v1/artifacts/1/download?{}", house.gate.link("/v1/artifacts/1/download", &ann).unwrap());
    assert_eq!(house.who("GET", &link, &[]).await, "key:ann");
    assert_eq!(house.who("HEAD", &link, &[]).await, "key:ann");
    assert_eq!(house.who("DELETE", &link, &[]).await, "401 authentication-required");
    assert_eq!(house.who("GET", &link.replace("/1/", "/2/"), &[]).await, "401 authentication-required");
}

#[tokio::test]
async fn requests_are_counted_and_the_wait_is_told() {
    let house = house(&[("enable_rate_limiting", "true"), ("max_requests_per_minute", "30")]);
    let mut left = Vec::new();
    let refusal = loop {
        match house.ask("GET", "/v1/runs", &[]).await {
            Ok(pass) => {
                let mut out = HeaderMap::new();
                house.gate.leave(&pass, StatusCode::OK, &mut out);
                left.push(out["ratelimit-remaining"].to_str().unwrap().to_owned());
            }
            Err(refusal) => break refusal,
        }
    };
    assert!(is_about_thirty(left.len()));
    assert_eq!((left[0].as_str(), left[left.len() - 1].as_str()), ("29", "0"));
    assert_eq!(refusal.status, StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = refusal.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=2).contains(&wait), "{wait}");
    assert!(house.ask("GET", "/v1/health/ready", &[]).await.is_ok(), "watching gets through");
    assert!(house.ask_from("10.1.1.2", "GET", "/v1/runs", &[]).await.is_ok(), "others get through");
}

/// The header of the request of that number.
type Spoof = fn(usize) -> (&'static str, String);

/// Thirty, and those that the passing of time adds on a slow machine: one each 2 s.
fn is_about_thirty(passed: usize) -> bool {
    (30..36).contains(&passed)
}

#[tokio::test]
async fn headers_are_no_way_around_the_limit() {
    let limits = [
        ("enable_rate_limiting", "true"),
        ("max_requests_per_minute", "30"),
        ("trusted_proxies", "10.9.0.0/16"),
    ];
    let spoofs: [Spoof; 6] = [
        |i| ("x-forwarded-for", format!("1.2.3.{i}")),
        |i| ("forwarded", format!("for=1.2.3.{i}")),
        |i| ("x-real-ip", format!("1.2.3.{i}")),
        |_| ("x-api-key", ApiKey::generate().unwrap().reveal()),
        |i| ("authorization", format!("Bearer made-up-{i}")),
        |i| ("origin", format!("http://{i}.example")),
    ];
    for spoof in spoofs {
        let house = house(&limits);
        let mut passed = 0;
        for i in 0..60 {
            let (name, value) = spoof(i);
            passed += usize::from(house.ask("GET", "/v1/runs", &[(name, &value)]).await.is_ok());
        }
        assert!(is_about_thirty(passed), "{}: {passed}", spoof(0).0);
    }
    // Behind a trusted proxy, clients are told apart by what the proxy adds at the right, not by what they write left of it.
    let house = house(&limits);
    let mut passed = 0;
    for i in 0..60 {
        let value = format!("1.2.3.{i}, 7.7.7.7");
        passed += usize::from(
            house.ask_from("10.9.0.1", "GET", "/v1/runs", &[("x-forwarded-for", &value)]).await.is_ok(),
        );
    }
    assert!(is_about_thirty(passed), "{passed}");
    assert!(house.ask_from("10.9.0.1", "GET", "/v1/runs", &[("x-forwarded-for", "8.8.8.8")]).await.is_ok());
}

#[tokio::test]
async fn guessing_keys_is_slowed_down_but_its_owner_is_not() {
    let house = locked(&[("enable_rate_limiting", "true"), ("max_requests_per_minute", "30")]);
    let key = house.key("run");
    let mut wrong = 0;
    for _ in 0..60 {
        let guess = ApiKey::generate().unwrap().reveal();
        match house.who("GET", "/v1/runs", &[("x-api-key", &guess)]).await.as_str() {
            "401 wrong-key" => wrong += 1,
            other => assert_eq!(other, "429 rate-limited"),
        }
    }
    assert!(is_about_thirty(wrong), "{wrong}");
    assert!(house.ask("GET", "/v1/runs", &[("x-api-key", &key)]).await.is_ok());
}

fn preflight(origin: &str) -> [(&str, &str); 3] {
    [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "x-api-key"),
    ]
}

#[tokio::test]
async fn preflights() {
    let named = locked(&[("cors_allowed_origins", "https://a.example")]);
    let yes = named.ask("OPTIONS", "/v1/runs", &preflight("https://a.example")).await.unwrap_err();
    assert_eq!((yes.status, yes.failure), (StatusCode::OK, None));
    assert_eq!(yes.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://a.example");
    assert_eq!(yes.headers[header::ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
    assert!(yes.headers[header::ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap().contains("x-api-key"));
    for origin in
        ["https://b.example", "http://a.example", "https://a.example.evil", "null", "https://a.example:444"]
    {
        let no = named.ask("OPTIONS", "/v1/runs", &preflight(origin)).await.unwrap_err();
        assert_eq!(no.status, StatusCode::FORBIDDEN, "{origin}");
        assert!(!no.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{origin}");
    }
    let any = house(&[("cors_allowed_origins", "*")]);
    let yes = any.ask("OPTIONS", "/v1/runs", &preflight("https://b.example")).await.unwrap_err();
    assert_eq!(yes.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://b.example");
    assert!(
        !yes.headers.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS),
        "everyone, but without credentials"
    );
    assert!(yes.headers[header::VARY].to_str().unwrap().contains("Origin"));
}

#[tokio::test]
async fn production_is_closed_to_pages() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store.db")).unwrap();
    let gate = Gate::new(&config(dir.path(), &[("environment", "production")]), store).unwrap();
    let ask = async |method: Method| {
        let uri = Uri::from_static("/v1/runs");
        gate.enter(&method, &uri, &headers(&preflight("https://a.example")), HOME.parse().unwrap()).await
    };
    assert_eq!(ask(Method::OPTIONS).await.unwrap_err().status, StatusCode::FORBIDDEN);
    assert_eq!(told(ask(Method::POST).await), "403 origin-not-allowed");
    assert_eq!(told(ask(Method::GET).await), "401 authentication-required");
}

#[tokio::test]
async fn foreign_pages_change_nothing_and_our_own_may() {
    let house = house(&[("cors_allowed_origins", "https://a.example")]);
    let page = |origin| [("origin", origin), ("host", "127.0.0.1:8080")];
    assert_eq!(house.who("POST", "/v1/runs", &page("https://evil.example")).await, "403 origin-not-allowed");
    assert_eq!(house.who("POST", "/v1/runs", &page("null")).await, "403 origin-not-allowed");
    assert_eq!(house.who("POST", "/v1/runs", &page("http://127.0.0.1:8080")).await, "anonymous");
    assert_eq!(house.who("POST", "/v1/runs", &page("https://a.example")).await, "anonymous");
    let pass = house.ask("GET", "/v1/runs", &page("https://evil.example")).await.unwrap();
    let mut out = HeaderMap::new();
    house.gate.leave(&pass, StatusCode::OK, &mut out);
    assert!(!out.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
}

#[tokio::test]
async fn answers_carry_security_headers() {
    let house = locked(&[("trusted_proxies", HOME)]);
    let refusal = house.ask("GET", "/v1/runs", &[("x-forwarded-proto", "https")]).await.unwrap_err();
    assert_eq!(refusal.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(refusal.headers[header::X_FRAME_OPTIONS], "DENY");
    assert_eq!(refusal.headers[header::CACHE_CONTROL], "private, no-cache");
    assert!(refusal.headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    let policy = |headers: &HeaderMap| headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy(&refusal.headers).contains("sandbox"));
    let pass = house.ask("GET", "/docs", &[]).await.unwrap();
    let mut out = HeaderMap::new();
    house.gate.leave(&pass, StatusCode::OK, &mut out);
    assert!(
        policy(&out).contains("script-src 'self'") && !out.contains_key(header::STRICT_TRANSPORT_SECURITY)
    );
}

#[tokio::test]
async fn large_heads_are_refused() {
    let house = house(&[("max_header_kb", "8")]);
    let big = "x".repeat(8000);
    assert_eq!(house.who("GET", "/v1/runs", &[("x-a", &big)]).await, "anonymous");
    assert_eq!(house.who("GET", "/v1/runs", &[("x-a", &big), ("x-b", &big)]).await, "431 headers-too-large");
    assert_eq!(house.who("GET", &format!("/{}", "a".repeat(9000)), &[]).await, "431 headers-too-large");
}

#[tokio::test]
async fn the_audit_log_tells_who_did_what_and_no_secret() {
    let house = locked(&[("jwt_secret", SECRET)]);
    let key = house.key("run");
    let show = [("x-api-key", key.as_str())];
    for (method, uri) in
        [("GET", "/v1/runs"), ("POST", "/v1/runs?api_key=hunter2"), ("GET", "/v1/config/status")]
    {
        if let Ok(pass) = house.ask(method, uri, &show).await {
            let mut out = headers(&[("x-request-id", "r1")]);
            house.gate.leave(&pass, StatusCode::CREATED, &mut out);
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
    assert_eq!(house.audit()[0]["request_id"], "r1");
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
    let text = run(&["create", "--name", "bob", "--expires-days", "3"]).1;
    assert!(ApiKey::parse(text.lines().next().unwrap()).is_some() && text.contains("only time"), "{text}");
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
