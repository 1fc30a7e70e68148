//! Artifacts on their way here: under a temporary name until they are whole and checked.

use std::io::{Read, Write};

use cts_core::tool::{ArtifactWriter, Ctx};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use ureq::http::{HeaderMap, StatusCode, header};

use super::follow::encoded;
use super::{Artifact, Call, Client, Error, Result};

/// Connections in a row that may bring nothing.
const EMPTY_CONNECTIONS: u32 = 4;
const PIECE: usize = 256 << 10;

/// A file in the making.
struct Part {
    writer: ArtifactWriter,
    hash: Sha256,
    got: u64,
}

impl Part {
    fn new(ctx: &Ctx, name: &str) -> Result<Self> {
        Ok(Self { writer: ctx.artifact(name)?, hash: Sha256::new(), got: 0 })
    }
}

/// Fetches an artifact to `target` in the output directory of `ctx`, which may be `-`. A connection that breaks is
/// resumed; `progress` is told the bytes that have come.
///
/// # Errors
/// `damaged-transfer`, `cut-transfer`; those of the service and of the file system. Nothing is left behind then,
/// except on standard output.
pub(crate) fn download(
    client: &Client,
    artifact: &Artifact,
    ctx: &Ctx,
    target: &str,
    mut progress: impl FnMut(u64),
) -> Result<cts_core::tool::Artifact> {
    let mut part = Part::new(ctx, target)?;
    let (mut size, mut tag, mut empty) = (artifact.bytes, None, 0);
    loop {
        let before = part.got;
        match fetch(client, artifact, ctx, target, &mut part, (&mut size, &mut tag), &mut progress) {
            Ok(()) => break,
            Err(error) => {
                empty = if part.got > before { 0 } else { empty + 1 };
                let given_up = !error.is_transient() || empty >= EMPTY_CONNECTIONS;
                match (given_up, size) {
                    (true, Some(expected)) if part.got > 0 && error.is_transient() => {
                        let (name, got, reason) = (artifact.name.clone(), part.got, error.to_string());
                        return Err(Error::Cut { name, expected, got, reason });
                    }
                    (true, _) => return Err(error),
                    (false, _) => client.check()?,
                }
            }
        }
    }
    let got = HEXLOWER.encode(&part.hash.finalize());
    if let Some(expected) = artifact.sha256.as_ref().filter(|expected| **expected != got) {
        return Err(Error::Damaged { name: artifact.name.clone(), expected: expected.clone(), got });
    }
    Ok(ctx.finish(part.writer)?)
}

/// Fetches what is missing over one connection.
fn fetch(
    client: &Client,
    artifact: &Artifact,
    ctx: &Ctx,
    target: &str,
    part: &mut Part,
    (size, tag): (&mut Option<u64>, &mut Option<String>),
    progress: &mut impl FnMut(u64),
) -> Result<()> {
    let path = format!("/v1/artifacts/{}/download", encoded(&artifact.id));
    let mut call = Call::get(&path);
    if part.got > 0 {
        call = call.header(header::RANGE, &format!("bytes={}-", part.got));
        if let Some(tag) = tag.as_deref() {
            call = call.header(header::IF_RANGE, tag);
        }
    }
    let response = client.ask(&call)?;
    let resumed = response.status() == StatusCode::PARTIAL_CONTENT
        && starts_at(response.headers()).is_some_and(|first| first == part.got);
    if part.got > 0 && !resumed {
        if target == "-" {
            let reason = "the service cannot resume, and what was printed cannot be taken back";
            return Err(Error::answer("the artifact", reason));
        }
        *part = Part::new(ctx, target)?;
    }
    *tag = response.headers().get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
    if let Some(len) = response.body().content_length() {
        *size = Some(part.got + len);
    }
    let mut body = response.into_body().into_with_config().limit(u64::MAX).reader();
    let mut piece = vec![0; PIECE];
    loop {
        client.check()?;
        let read = body.read(&mut piece);
        let read = read.map_err(|e| client.unreachable(&client.address().join(&path), ureq::Error::Io(e)))?;
        if read == 0 {
            break;
        }
        part.writer
            .write_all(&piece[..read])
            .map_err(|e| cts_core::Error::io("write", e).path(part.writer.path()))?;
        part.hash.update(&piece[..read]);
        part.got += read as u64;
        progress(part.got);
    }
    match *size {
        Some(expected) if expected != part.got => {
            let ended = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
            Err(client.unreachable(&client.address().join(&path), ureq::Error::Io(ended)))
        }
        _ => Ok(()),
    }
}

/// The first byte of `Content-Range: bytes 5-9/20`.
fn starts_at(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.trim().strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}
