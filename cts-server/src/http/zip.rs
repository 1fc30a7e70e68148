//! All artifacts of a run as one archive, written while it is sent.

use std::path::PathBuf;
use std::sync::Arc;

use async_zip::base::write::ZipFileWriter;
use async_zip::{Compression, ZipEntryBuilder};
use bytes::Bytes;
use futures_util::io::AsyncWriteExt;
use futures_util::{Stream, StreamExt};
use http::{Method, header};
use tokio::io::{AsyncReadExt, DuplexStream};
use tokio_util::compat::TokioAsyncWriteCompatExt;
use tokio_util::io::ReaderStream;
use warp::reply::Response;

use super::app::App;
use super::artifacts::disposition;
use super::body;
use super::problem::Answer;
use super::reply::insert;
use super::request::Request;

/// Bytes between the archive and the network.
const BUFFER: usize = 256 << 10;

/// `GET /v1/runs/{run_id}/artifacts.zip`
pub(super) async fn all(app: Arc<App>, request: Request) -> Answer {
    let (run, artifacts) = app.engine.run(&request.caller, request.id()).await?;
    let file = |name: String| (app.engine.layout().artifact(&run.id, &name), name);
    let files: Vec<(PathBuf, String)> = artifacts.into_iter().map(|artifact| file(artifact.name)).collect();
    let mut response = match request.head.method {
        Method::HEAD => Response::new(Bytes::new().into()),
        _ => body::stream(archive(run.id.clone(), files)),
    };
    insert(&mut response, header::CONTENT_TYPE, "application/zip");
    let name = format!("{}-{}.zip", run.tool, &run.id[..8]);
    insert(&mut response, header::CONTENT_DISPOSITION, &disposition(&name));
    Ok(response)
}

/// The pieces of an archive. When a file cannot be read, they end with an error, which breaks the connection off: the
/// client shall not take a part for the whole.
fn archive(run: String, files: Vec<(PathBuf, String)>) -> impl Stream<Item = std::io::Result<Bytes>> {
    let (reader, writer) = tokio::io::duplex(BUFFER);
    let writing = tokio::spawn(write(files, writer));
    let end = futures_util::stream::once(async move {
        let why = match writing.await {
            Ok(Ok(())) => return Ok(Bytes::new()),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(run, error = why, "an archive broke off");
        Err(std::io::Error::other(why))
    });
    ReaderStream::with_capacity(reader, BUFFER).chain(end)
}

/// Entries are stored as they are: compressing a large table would take a core away from the runs.
async fn write(
    files: Vec<(PathBuf, String)>,
    writer: DuplexStream,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut zip = ZipFileWriter::new(writer.compat_write());
    let mut piece = vec![0; BUFFER];
    for (path, name) in files {
        let mut file = tokio::fs::File::open(path).await?;
        let entry = ZipEntryBuilder::new(name.into(), Compression::Stored);
        let mut entry = zip.write_entry_stream(entry).await?;
        loop {
            match file.read(&mut piece).await? {
                0 => break,
                read => entry.write_all(&piece[..read]).await?,
            }
        }
        entry.close().await?;
    }
    zip.close().await?.close().await?;
    Ok(())
}
