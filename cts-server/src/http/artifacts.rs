//! Artifacts: their data and their bytes.

use std::io::SeekFrom;
use std::sync::Arc;

use http::{StatusCode, header};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;
use warp::reply::Response;

use super::app::App;
use super::body;
use super::condition::{Asked, State};
use super::problem::{Answer, Problem};
use super::range::{self, Part};
use super::reply::{self, insert};
use super::request::Request;
use super::view::{ArtifactView, download_path};
use crate::failure::Failure;
use crate::store::Artifact;

/// Bytes of a file that are read at once.
const PIECE: usize = 256 << 10;

/// `GET /v1/runs/{run_id}/artifacts`: a bare list, empty for an unknown run.
pub(super) async fn list(app: Arc<App>, request: Request) -> Answer {
    let artifacts = match app.engine.run(&request.caller, request.id()).await {
        Ok((_, artifacts)) => artifacts,
        Err(failure) if failure.code == "no-such-run" => Vec::new(),
        Err(failure) => return Err(failure.into()),
    };
    let views: Vec<_> = artifacts.iter().map(|artifact| shown(&app, &request, artifact)).collect();
    Ok(reply::json(&views))
}

/// `GET /v1/artifacts/{artifact_id}`
pub(super) async fn get(app: Arc<App>, request: Request) -> Answer {
    let artifact = app.engine.artifact(&request.caller, request.id()).await?;
    Ok(reply::json(&shown(&app, &request, &artifact)))
}

fn shown<'a>(app: &App, request: &Request, artifact: &'a Artifact) -> ArtifactView<'a> {
    let link = app.gate.link(&download_path(artifact), &request.pass.principal);
    ArtifactView::new(artifact, &request.base_url(app.address), link)
}

/// `GET /v1/artifacts/{artifact_id}/download` and `…/content`
pub(super) async fn bytes(app: Arc<App>, request: Request) -> Answer {
    let artifact = app.engine.artifact(&request.caller, request.id()).await?;
    let state = State::new(format!("\"{}\"", artifact.sha256), artifact.created_at);
    let mut response = match state.asked(&request.head) {
        Asked::Changed => return Err(changed()),
        Asked::Known => {
            let mut response = Response::new(bytes::Bytes::new().into());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        }
        Asked::All => send(&app, &artifact, Part::All).await?,
        Asked::Part => send(&app, &artifact, range::part(request.header("range"), artifact.bytes)).await?,
    };
    insert(&mut response, header::ETAG, state.tag());
    insert(&mut response, header::LAST_MODIFIED, &state.modified());
    if response.status() != StatusCode::NOT_MODIFIED {
        insert(&mut response, header::ACCEPT_RANGES, "bytes");
        insert(&mut response, header::CONTENT_TYPE, &artifact.content_type);
        insert(&mut response, header::CONTENT_DISPOSITION, &disposition(&artifact.name));
    }
    Ok(response)
}

fn beyond(size: u64) -> Problem {
    let message = format!("the range begins behind the end: the artifact has {size} bytes");
    let failure = Failure::validation("bad-range", message, "Ask for bytes that are there, or for all.");
    Problem::with(StatusCode::RANGE_NOT_SATISFIABLE, failure)
        .header(header::CONTENT_RANGE, format!("bytes */{size}"))
}

fn changed() -> Problem {
    let failure = Failure::validation(
        "changed",
        "the artifact is not the one that the request expects",
        "Fetch its data anew, then ask without `If-Match` and `If-Unmodified-Since`.",
    );
    Problem::with(StatusCode::PRECONDITION_FAILED, failure)
}

async fn send(app: &App, artifact: &Artifact, part: Part) -> Result<Response, Problem> {
    let (from, len) = match part {
        Part::All => (0, artifact.bytes),
        Part::Some { from, len } => (from, len),
        Part::Beyond => return Err(beyond(artifact.bytes)),
    };
    let path = app.engine.layout().artifact(&artifact.run, &artifact.name);
    let failed = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => Failure::validation(
            "no-such-artifact",
            "Artifact not found",
            "The file is gone; start the run again.",
        ),
        _ => Failure::io("read the artifact", &path, &e),
    };
    let mut file = File::open(&path).await.map_err(failed)?;
    file.seek(SeekFrom::Start(from)).await.map_err(failed)?;
    let mut response = body::stream(ReaderStream::with_capacity(file.take(len), PIECE));
    insert(&mut response, header::CONTENT_LENGTH, &len.to_string());
    if let Part::Some { .. } = part {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let range = format!("bytes {from}-{}/{}", from + len - 1, artifact.bytes);
        insert(&mut response, header::CONTENT_RANGE, &range);
    }
    Ok(response)
}

/// The name twice: plain for older clients, and as RFC 6266 says for names beyond ASCII.
pub(super) fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_graphic() && !"\"\\".contains(c) || c == ' ' { c } else { '_' })
        .collect();
    let mut text = format!("attachment; filename=\"{plain}\"");
    if plain != name {
        let byte = |byte: u8| match byte {
            b if b.is_ascii_alphanumeric() || b"-_.".contains(&b) => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        };
        text.push_str("; filename*=UTF-8''");
        text.extend(name.bytes().map(byte));
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_quoted() {
        assert_eq!(super::disposition("a b.csv"), "attachment; filename=\"a b.csv\"");
        let strange = super::disposition("ü\".csv");
        assert_eq!(strange, "attachment; filename=\"__.csv\"; filename*=UTF-8''%C3%BC%22.csv");
    }
}
