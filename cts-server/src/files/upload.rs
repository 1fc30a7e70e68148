//! One file that a client sends, in one piece or several.

use std::io::SeekFrom;
use std::path::{Path, PathBuf};

use tokio::fs::{self, File};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

use super::hash_file;
use crate::failure::Failure;

/// Name of the unfinished file.
const PART: &str = ".part";

/// An upload on the disk: `.part` until it is complete, then its own name.
#[derive(Clone, Debug)]
pub struct UploadFile {
    dir: PathBuf,
    filename: String,
}

impl UploadFile {
    /// The upload in that directory with that plain name.
    pub fn new(dir: PathBuf, filename: &str) -> Self {
        Self { dir, filename: filename.to_owned() }
    }

    /// Where it is when it is complete.
    pub fn path(&self) -> PathBuf {
        self.dir.join(&self.filename)
    }

    fn part(&self) -> PathBuf {
        self.dir.join(PART)
    }

    /// Bytes that have arrived.
    pub async fn received(&self) -> u64 {
        match fs::metadata(self.part()).await {
            Ok(meta) => meta.len(),
            Err(_) => fs::metadata(self.path()).await.map_or(0, |meta| meta.len()),
        }
    }

    /// Opens it for bytes from `offset` on; what was there behind that is forgotten.
    ///
    /// # Errors
    /// Those of the file system.
    pub async fn write_from(&self, offset: u64) -> Result<File, Failure> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |e: std::io::Error| Failure::io("write the upload", &path, &e)
        };
        fs::create_dir_all(&self.dir).await.map_err(failed(&self.dir))?;
        let part = self.part();
        let open = File::options().write(true).create(true).truncate(false).open(&part).await;
        let mut file = open.map_err(failed(&part))?;
        file.set_len(offset).await.map_err(failed(&part))?;
        file.seek(SeekFrom::Start(offset)).await.map_err(failed(&part))?;
        Ok(file)
    }

    /// Writes a piece.
    ///
    /// # Errors
    /// Those of the file system.
    pub async fn put(&self, file: &mut File, piece: &[u8]) -> Result<(), Failure> {
        file.write_all(piece).await.map_err(|e| Failure::io("write the upload", &self.part(), &e))
    }

    /// Makes sure that all pieces are written.
    ///
    /// # Errors
    /// Those of the file system.
    pub async fn flush(&self, mut file: File) -> Result<(), Failure> {
        file.flush().await.map_err(|e| Failure::io("write the upload", &self.part(), &e))
    }

    /// Checks size and hash, as far as they are known, and gives the file its name. Returns both.
    ///
    /// # Errors
    /// `upload-incomplete`, `upload-size`, `upload-hash`; those of the file system. The bytes are kept then.
    pub async fn complete(&self, size: Option<u64>, sha256: Option<&str>) -> Result<(u64, String), Failure> {
        let part = self.part();
        let hashed = {
            let part = part.clone();
            tokio::task::spawn_blocking(move || hash_file(&part)).await
        };
        let hashed = hashed.unwrap_or_else(|e| Err(std::io::Error::other(e)));
        let (found_size, found_hash) = match hashed {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => (0, super::Hasher::default().finish()),
            hashed => hashed.map_err(|e| Failure::io("read the upload", &part, &e))?,
        };
        if let Some(size) = size.filter(|size| *size != found_size) {
            let code = if found_size < size { "upload-incomplete" } else { "upload-size" };
            let message = format!("the upload has {found_size} bytes, {size} were announced");
            return Err(Failure::validation(code, message, "Send the missing bytes, or begin again."));
        }
        if let Some(sha256) = sha256.filter(|hash| !hash.eq_ignore_ascii_case(&found_hash)) {
            let message = format!("the upload has SHA-256 {found_hash}, {sha256} was announced");
            let fix =
                "The bytes changed on the way, or the file while it was sent: send it again from the start.";
            return Err(Failure::validation("upload-hash", message, fix));
        }
        if found_size == 0 {
            self.flush(self.write_from(0).await?).await?;
        }
        let to = self.path();
        let named = async {
            File::open(&part).await?.sync_data().await?;
            fs::rename(&part, &to).await
        };
        named.await.map_err(|e| Failure::io("finish the upload", &to, &e))?;
        Ok((found_size, found_hash))
    }
}
