//! All artifacts of a run as one archive, written while it is sent.

use std::path::PathBuf;
use std::sync::Arc;

use async_zip::base::write::ZipFileWriter;
use async_zip::{Compression, ZipEntryBuilder};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::io::AsyncWriteExt;
use http::header;
use tokio::io::{AsyncReadExt, DuplexStream};
use tokio_util::compat::TokioAsyncWriteCompatExt;
use tokio_util::io::ReaderStream;

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
    let (reader, writer) = tokio::io::duplex(BUFFER);
    let id = run.id.clone();
    let writing = tokio::spawn(async move {
        let written = write(files, writer).await;
        written.inspect_err(|error| tracing::warn!(run = id, %error, "an archive broke off"))
    });
    // The end of the pieces is not the end of the archive when a file could not be read: the connection breaks off then,
    // so that the client knows.
    let last = futures_util::stream::once(async move {
        match writing.await {
            Ok(Ok(())) => Ok(Bytes::new()),
            _ => Err(std::io::Error::other("the archive broke off")),
        }
    });
    let mut response = body::stream(ReaderStream::with_capacity(reader, BUFFER).chain(last));
    insert(&mut response, header::CONTENT_TYPE, "application/zip");
    let name = format!("{}-{}.zip", run.tool, &run.id[..8]);
    insert(&mut response, header::CONTENT_DISPOSITION, &disposition(&name));
    Ok(response)
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
