//! Services behind TLS, with a certificate of an authority that nobody knows until it is told.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use crate::comma::{Comma, DONGLE, TOKEN};
use crate::cts::{Cts, Done};
use crate::script::{Answer, Script, json, not_found};

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls").join(name)
}

/// Puts TLS before the plain service at `url`; gives the new address.
fn before(url: &str) -> String {
    let certificate = CertificateDer::from_pem_file(data("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(data("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let plain = url.strip_prefix("http://").unwrap().to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (config, plain) = (Arc::clone(&config), plain.clone());
            // A client that does not trust us hangs up.
            std::thread::spawn(move || drop(relay(config, stream.unwrap(), &plain)));
        }
    });
    address
}

/// One request without a body, and its answer.
fn relay(config: Arc<ServerConfig>, stream: TcpStream, plain: &str) -> std::io::Result<()> {
    let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        tls.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let mut behind = TcpStream::connect(plain)?;
    behind.write_all(&head)?;
    let mut answer = Vec::new();
    behind.read_to_end(&mut answer)?;
    tls.write_all(&answer)?;
    tls.conn.send_close_notify();
    tls.flush()
}

/// Runs a command that trusts the authorities of a file only; `None` for those of the system.
fn trusting(cts: &Cts, file: Option<&str>, args: &[&str]) -> Done {
    let mut command = cts.command(args);
    if let Some(file) = file {
        command.env("SSL_CERT_FILE", data(file));
    }
    command.output().unwrap().into()
}

fn service() -> Cts {
    let service = Script::new(|request| match request.line.as_str() {
        "GET /v1/health" => json(&json!({ "status": "healthy" })),
        "GET /v1/monitors/m/stream" => Answer::Socket(vec![r#"{"type":"seen","data":1}"#.to_owned()], 0),
        _ => not_found(),
    });
    Cts::new(&before(&service.url))
}

#[test]
fn requests_trust_what_the_system_trusts() {
    let cts = service();
    trusting(&cts, Some("ca.pem"), &["ping"]).ok();
    let refused = trusting(&cts, None, &["ping"]);
    assert_eq!(refused.code, Some(2));
    for part in ["[unreachable]", "SSL_CERT_FILE", "--no-verify"] {
        assert!(refused.err.contains(part), "{}", refused.err);
    }
    trusting(&cts, None, &["ping", "--no-verify"]).ok();
}

#[test]
fn a_system_without_certificates_is_told() {
    let done = trusting(&service(), Some("README.md"), &["ping"]);
    assert_eq!(done.code, Some(2));
    assert!(done.err.contains("No CA certificates") && done.err.contains("SSL_CERT_FILE"), "{}", done.err);
}

#[test]
fn streams_trust_the_same() {
    let cts = service();
    let stream = ["mon", "stream", "m", "--raw"];
    assert!(trusting(&cts, Some("ca.pem"), &stream).out.contains("seen"));
    let refused = trusting(&cts, None, &stream);
    assert!(refused.out.is_empty() && refused.code == Some(2), "{refused:?}");
    assert!(trusting(&cts, None, &[&stream[..], &["--no-verify"]].concat()).out.contains("seen"));
}

#[test]
fn downloads_trust_the_same() {
    let comma = Comma::new(&[]);
    let (cts, api) = (Cts::new(""), before(&comma.url));
    let list = |file: Option<&str>| -> Done {
        let mut command = cts.command(&["download", DONGLE, "--json"]);
        command.env("API_HOST", &api).env("COMMA_JWT", TOKEN);
        if let Some(file) = file {
            command.env("SSL_CERT_FILE", data(file));
        }
        command.output().unwrap().into()
    };
    assert_eq!(list(Some("ca.pem")).ok().json(), json!([]));
    let refused = list(None);
    assert_eq!((refused.code, comma.requests().len()), (Some(1), 1));
    assert!(
        refused.err.contains("[unreachable]") && refused.err.contains("certificates are those"),
        "{}",
        refused.err
    );
}
