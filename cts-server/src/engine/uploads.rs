//! Uploads: announced, sent in one piece or several, checked.

use std::fs::File;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use super::look::no_such;
use super::{Caller, Engine, lock};
use crate::failure::Failure;
use crate::files::{Arrived, UploadFile, plain_name, remove_dir};
use crate::store::{Upload, UploadState};

/// What a client announces.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// The name; of one with directories the last part is kept.
    pub filename: String,
    /// The size in bytes.
    pub size: Option<u64>,
    /// SHA-256 in hex.
    pub sha256: Option<String>,
}

/// An upload and how much of it is there.
#[derive(Clone, Debug)]
pub struct UploadView {
    /// The upload.
    pub upload: Upload,
    /// Bytes that have arrived.
    pub received: u64,
}

/// Unfinished uploads whose hash is kept in memory, a hundred bytes each.
const MAX_ARRIVED: usize = 10_000;

/// Gives an upload free again.
struct Busy<'a>(&'a Engine, String);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        lock(&self.0.0.uploading).remove(&self.1);
    }
}

impl Engine {
    /// Announces an upload.
    ///
    /// # Errors
    /// `bad-upload`, `too-large`; those of the store.
    pub async fn create_upload(&self, caller: &Caller, new: NewUpload) -> Result<UploadView, Failure> {
        let bad = |message: String| Failure::validation("bad-upload", message, "Correct the announcement.");
        let name = plain_name(&new.filename).filter(|name| !name.starts_with('.'));
        let filename = name.ok_or_else(|| bad(format!("not a file name: {:?}", new.filename)))?.to_owned();
        if let Some(hash) = &new.sha256
            && (hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            return Err(bad(format!("not a SHA-256 in hex: {hash:?}")));
        }
        self.check_size(new.size.unwrap_or_default())?;
        let (owner, sha256) = (caller.owner.clone(), new.sha256.map(|hash| hash.to_ascii_lowercase()));
        let (id, created_at) = (Uuid::new_v4().to_string(), self.now());
        let upload =
            Upload { id, owner, filename, size: new.size, sha256, state: UploadState::Open, created_at };
        let saved = upload.clone();
        self.0.store.write(move |db| saved.save(db)).await?;
        Ok(UploadView { upload, received: 0 })
    }

    /// An upload of the caller.
    ///
    /// # Errors
    /// `no-such-upload`; those of the store.
    pub async fn upload(&self, caller: &Caller, id: &str) -> Result<UploadView, Failure> {
        let (caller, id) = (caller.clone(), id.to_owned());
        self.blocking(move |engine| engine.upload_now(&caller, &id)).await
    }

    fn upload_now(&self, caller: &Caller, id: &str) -> Result<UploadView, Failure> {
        let found = self.0.store.read_now(|db| Upload::get(db, id))?;
        let found = found.filter(|upload| caller.sees(upload.owner.as_deref()));
        let upload = found.ok_or_else(|| no_such("upload", id))?;
        Ok(UploadView { received: self.upload_file(&upload).received(), upload })
    }

    fn upload_file(&self, upload: &Upload) -> UploadFile {
        UploadFile::new(self.0.layout.upload(&upload.id), &upload.filename)
    }

    fn check_size(&self, size: u64) -> Result<(), Failure> {
        let limit = self.0.settings.http.max_upload_bytes;
        if size <= limit {
            return Ok(());
        }
        let message =
            format!("an upload of {size} bytes or more exceeds the limit of {limit} (max_upload_size_mb)");
        Err(Failure::validation(
            "too-large",
            message,
            "Send a smaller file, or give its path on the service.",
        ))
    }

    /// Takes bytes from `offset` on. What has arrived is kept even if the rest does not come.
    ///
    /// # Errors
    /// `no-such-upload`, `upload-busy`, `upload-complete`, `upload-offset`, `upload-size`, `too-large`,
    /// `body-broken-off`; those of the store and the file system.
    pub async fn receive<E: std::fmt::Display>(
        &self,
        caller: &Caller,
        id: &str,
        offset: u64,
        body: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<UploadView, Failure> {
        let _busy = self.occupy_upload(id)?;
        let (of, wanted) = (caller.clone(), id.to_owned());
        let (upload, open) = self.blocking(move |engine| engine.open_upload(&of, &wanted, offset)).await?;
        let received = self.append(&upload, open, offset, body).await?;
        Ok(UploadView { upload, received })
    }

    fn open_upload(&self, caller: &Caller, id: &str, offset: u64) -> Result<(Upload, File), Failure> {
        let UploadView { upload, received } = self.upload_now(caller, id)?;
        if upload.state == UploadState::Complete {
            let fix = "Announce a new upload to send something else.";
            return Err(Failure::validation("upload-complete", "the upload is finalized already", fix));
        }
        if offset > received {
            let message =
                format!("bytes from {offset} on were sent, but only {received} have arrived before");
            let fix = format!("Go on with byte {received}.");
            return Err(Failure::validation("upload-offset", message, fix));
        }
        let open = self.upload_file(&upload).write_from(offset)?;
        Ok((upload, open))
    }

    async fn append<E: std::fmt::Display>(
        &self,
        upload: &Upload,
        open: File,
        offset: u64,
        body: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<u64, Failure> {
        let part = self.upload_file(upload).part();
        let failed = |e: std::io::Error| Failure::io("write the upload", &part, &e);
        let (mut open, mut received) = (tokio::fs::File::from_std(open), offset);
        // Goes on only where the last request ended; else the whole file is read again in the end.
        let mut arrived = self.arrived(&upload.id).filter(|arrived| arrived.bytes() == offset);
        if offset == 0 {
            arrived = Some(Arrived::default());
        }
        let mut body = std::pin::pin!(body);
        let mut broken = None;
        while let Some(piece) = body.next().await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => {
                    broken = Some(error);
                    break;
                }
            };
            received += piece.len() as u64;
            self.check_size(received)?;
            if let Some(size) = upload.size.filter(|size| received > *size) {
                let message = format!("more than the announced {size} bytes were sent");
                return Err(Failure::validation("upload-size", message, "Announce the true size."));
            }
            open.write_all(&piece).await.map_err(failed)?;
            arrived.iter_mut().for_each(|arrived| arrived.add(&piece));
        }
        open.flush().await.map_err(failed)?;
        if let Some(arrived) = arrived {
            self.keep_arrived(&upload.id, arrived);
        }
        match broken {
            None => Ok(received),
            // What has come is kept for the next request.
            Some(error) => {
                let message = format!("the body broke off after byte {received}: {error}");
                let fix = format!("Go on with byte {received}.");
                Err(Failure::validation("body-broken-off", message, fix))
            }
        }
    }

    fn arrived(&self, id: &str) -> Option<Arrived> {
        lock(&self.0.arrived).remove(id)
    }

    fn keep_arrived(&self, id: &str, arrived: Arrived) {
        let mut all = lock(&self.0.arrived);
        if all.len() < MAX_ARRIVED {
            all.insert(id.to_owned(), arrived);
        }
    }

    /// Checks what has arrived; runs may use it then. Once complete, it stays so.
    ///
    /// # Errors
    /// `no-such-upload`, `upload-busy`, `upload-incomplete`, `upload-size`, `upload-hash`; those of the store and
    /// the file system.
    pub async fn finalize(&self, caller: &Caller, id: &str) -> Result<UploadView, Failure> {
        let _busy = self.occupy_upload(id)?;
        let (of, wanted, arrived) = (caller.clone(), id.to_owned(), self.arrived(id));
        let whole = self.blocking(move |engine| {
            let UploadView { mut upload, received } = engine.upload_now(&of, &wanted)?;
            if upload.state == UploadState::Complete {
                return Ok((upload, received, false));
            }
            let file = engine.upload_file(&upload);
            let (size, sha256) = file.complete(upload.size, upload.sha256.as_deref(), arrived)?;
            (upload.size, upload.sha256, upload.state) = (Some(size), Some(sha256), UploadState::Complete);
            Ok((upload, size, true))
        });
        let (upload, received, is_new) = whole.await?;
        if !is_new {
            return Ok(UploadView { upload, received });
        }
        let (file, saved) = (self.upload_file(&upload), upload.clone());
        self.0.store.write(move |db| saved.save(db)).await?;
        // The client does not wait for the disk: what a loss of power takes of the file shows in its size at the next start.
        self.0.tasks.spawn_blocking(move || {
            if let Err(failure) = file.sync() {
                tracing::error!(code = failure.code, "{}", failure.message);
            }
        });
        Ok(UploadView { upload, received })
    }

    /// Removes an upload whose id nobody was told; what fails is left to the clean-up.
    pub async fn forget_upload(&self, id: String) {
        self.arrived(&id);
        let ids = [id.clone()];
        let deleted = self.0.store.write(move |db| Upload::delete(db, &ids)).await;
        if let Err(failure) = deleted.and_then(|()| remove_dir(&self.0.layout.upload(&id))) {
            tracing::warn!(upload = id, failure = failure.message, "the clean-up will remove it");
        }
    }

    fn occupy_upload(&self, id: &str) -> Result<Busy<'_>, Failure> {
        if lock(&self.0.uploading).insert(id.to_owned()) {
            return Ok(Busy(self, id.to_owned()));
        }
        let message = "another request is sending this upload";
        Err(Failure::validation("upload-busy", message, "Wait for it to end, then ask how much has arrived."))
    }
}
