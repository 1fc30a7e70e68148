//! Files on their way to the service: announced, sent, resumed, checked.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use ureq::http::{HeaderMap, header};

use super::follow::encoded;
use super::{Call, Client, Error, Result};

/// Connections in a row that may bring nothing.
const EMPTY_CONNECTIONS: u32 = 4;
/// A service hashes the file before it answers to the end of an upload.
const CHECKING: Duration = Duration::from_secs(600);
const PAUSE: Duration = Duration::from_millis(500);
const PIECE: usize = 256 << 10;

/// A file that the service has.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) id: String,
    pub(crate) filename: String,
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

/// What is told of an upload.
pub(crate) enum Sent<'a> {
    /// The service knows of it, by this id.
    Announced(&'a str),
    /// So many bytes have gone.
    Bytes { done: u64, total: u64 },
}

/// Sends a file; `resume` is the id of an upload of it that was cut.
///
/// # Errors
/// `cut-transfer`; those of the service and of the file system.
pub(crate) fn upload(
    client: &Client,
    path: &Path,
    resume: Option<&str>,
    mut tell: impl FnMut(Sent<'_>),
) -> Result<Upload> {
    let failed = |action| move |e: io::Error| cts_core::Error::io(action, e).path(path);
    let mut file = File::open(path).map_err(failed("read"))?;
    let (size, sha256) = measure(client, &mut file).map_err(|e| match e {
        Measured::Io(e) => Error::from(failed("read")(e)),
        Measured::Client(e) => e,
    })?;
    let filename = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (id, url) = match resume {
        Some(id) => (id.to_owned(), format!("/v1/uploads/{}/content", encoded(id))),
        None => announce(client, &filename, size, &sha256)?,
    };
    tell(Sent::Announced(&id));
    let upload = Upload { id, filename, size, sha256 };
    let mut from = if resume.is_some() { received(client, &upload)? } else { 0 };
    let mut empty = 0;
    loop {
        file.seek(SeekFrom::Start(from)).map_err(failed("read"))?;
        let error = match put(client, &url, &mut file, from, size, &mut tell) {
            Ok(()) => break,
            Err(error) => error,
        };
        client.check()?;
        if !error.is_transient() && !is_passing(&error) {
            return Err(error);
        }
        client.pause(error.retry_after().unwrap_or(PAUSE))?;
        let arrived = received(client, &upload)?;
        empty = if arrived > from { 0 } else { empty + 1 };
        if empty >= EMPTY_CONNECTIONS {
            let (name, reason) = (upload.filename, error.to_string());
            return Err(Error::Cut { name, expected: size, got: arrived, reason });
        }
        from = arrived;
        if from == size {
            break;
        }
    }
    finalize(client, &upload)?;
    Ok(upload)
}

/// Whether the service refuses only what was left of a cut connection.
fn is_passing(error: &Error) -> bool {
    matches!(error.code(), "upload-busy" | "body-broken-off" | "upload-offset")
}

fn announce(client: &Client, filename: &str, size: u64, sha256: &str) -> Result<(String, String)> {
    let body = json!({ "filename": filename, "size": size, "sha256": sha256 });
    let answer: Value = client.json(&Call::post("/v1/uploads", Some(&body))?)?;
    let id =
        answer["upload_id"].as_str().ok_or_else(|| Error::answer("the upload", "it has no upload_id"))?;
    let url = match answer["upload_url"].as_str() {
        Some(url) => own_path(client, url)?,
        None => format!("/v1/uploads/{}/content", encoded(id)),
    };
    Ok((id.to_owned(), url))
}

/// The path of an address of this service. Elsewhere neither the file nor the key is sent.
fn own_path(client: &Client, url: &str) -> Result<String> {
    let path = url.strip_prefix(client.address().as_str()).unwrap_or(url);
    match path.starts_with('/') && !path.starts_with("//") {
        true => Ok(path.to_owned()),
        false => Err(Error::answer("the upload", format!("{url:?} is not an address of this service"))),
    }
}

fn received(client: &Client, upload: &Upload) -> Result<u64> {
    let answer: Value = client.json(&Call::get(format!("/v1/uploads/{}", encoded(&upload.id))))?;
    let announced = answer["sha256"].as_str().filter(|hash| !hash.is_empty());
    if announced.is_some_and(|hash| !hash.eq_ignore_ascii_case(&upload.sha256)) {
        return Err(Error::Usage(format!("upload {} is of another file", upload.id)));
    }
    let received = answer["received"].as_u64().unwrap_or_default();
    if received > upload.size {
        return Err(Error::answer("the upload", format!("{received} of {} bytes have arrived", upload.size)));
    }
    Ok(received)
}

fn put(
    client: &Client,
    url: &str,
    file: &mut File,
    from: u64,
    size: u64,
    tell: &mut impl FnMut(Sent<'_>),
) -> Result<()> {
    let mut headers = HeaderMap::new();
    if from > 0 && from < size {
        let range = format!("bytes {from}-{}/{size}", size - 1);
        headers.extend(range.parse().ok().map(|range| (header::CONTENT_RANGE, range)));
    }
    let mut body = Told { file: file.take(size - from), sent: from, size, tell, client };
    client.put(url, headers, &mut body, size - from)
}

fn finalize(client: &Client, upload: &Upload) -> Result<()> {
    let client = client.patient(CHECKING);
    let call = Call::post(format!("/v1/uploads/{}/finalize", encoded(&upload.id)), None)?;
    let mut tries = 0;
    loop {
        match client.ask(&call) {
            Ok(_) => return Ok(()),
            Err(error) if error.code() == "upload-busy" && tries < 20 => tries += 1,
            Err(error) => return Err(error),
        }
        client.pause(PAUSE)?;
    }
}

/// A file that tells how much of it was read.
struct Told<'a, F> {
    file: io::Take<&'a mut File>,
    sent: u64,
    size: u64,
    tell: &'a mut F,
    client: &'a Client,
}

impl<F: FnMut(Sent<'_>)> Read for Told<'_, F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.client.check().map_err(io::Error::other)?;
        let read = self.file.read(into)?;
        self.sent += read as u64;
        (self.tell)(Sent::Bytes { done: self.sent, total: self.size });
        Ok(read)
    }
}

enum Measured {
    Io(io::Error),
    Client(Error),
}

/// Size and SHA-256 in hex.
fn measure(client: &Client, file: &mut File) -> std::result::Result<(u64, String), Measured> {
    let (mut hash, mut size, mut piece) = (Sha256::new(), 0, vec![0; PIECE]);
    loop {
        client.check().map_err(Measured::Client)?;
        match file.read(&mut piece).map_err(Measured::Io)? {
            0 => return Ok((size, HEXLOWER.encode(&hash.finalize()))),
            read => {
                hash.update(&piece[..read]);
                size += read as u64;
            }
        }
    }
}
