//! What strangers, neighbours and forgers can not do.

mod limits;
mod paths;
mod refusals;
mod secrets;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::client::Client;

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
