//! Integration tests over real and planted logs.

#![allow(missing_docs, unreachable_pub, clippy::print_stderr, clippy::unwrap_used, reason = "test helpers")]

mod bitwatch;
mod cruise;
mod damage;
mod dbcs;
mod decode;
mod hostile;
mod monitors;
mod routes;
mod samples;
mod schemas;
mod tables;
mod tools;

use std::path::PathBuf;

/// A file of the shared sample data; `None`, loudly, where the data is absent.
pub fn data(name: &str) -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let root = std::env::var_os("CTS_TEST_DATA").map_or(root, PathBuf::from);
    let path = root.join(name);
    if !path.exists() {
        eprintln!("SKIPPED: no sample data at {path:?} (set CTS_TEST_DATA)");
        return None;
    }
    Some(path)
}
