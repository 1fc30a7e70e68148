//! A client of the service `cts-lite`: requests, streams and transfers that survive a bad connection.
//!
//! This room knows the protocol. It prints nothing, knows no command line, and never shows the key.

mod address;
mod download;
mod error;
mod follow;
mod http;
mod model;
mod sse;
mod stream;
mod tls;
mod upload;
mod version;
mod watch;

pub(crate) use address::{Address, ApiKey};
pub(crate) use download::download;
pub(crate) use error::{Error, Problem};
pub(crate) use follow::{Entry, encoded, follow};
pub(crate) use http::{Call, Client, Options};
pub(crate) use model::{Artifact, Run};
pub(crate) use stream::stream;
pub(crate) use upload::{Sent, Upload, upload};
pub(crate) use version::negotiate;
pub(crate) use watch::{Seen, watch};

/// The result of what the client does.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;
