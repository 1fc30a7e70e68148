mod audit;
mod keys;
mod limits;
mod pages;

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
        let (peer, headers) = (peer.parse().unwrap(), &headers(pairs));
        self.gate.enter(Knock { method: &method, uri: &uri, headers, peer, request_id: "r1" }).await
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
