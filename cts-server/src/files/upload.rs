//! One file that a client sends, in one piece or several.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Seek, SeekFrom};
use std::path::PathBuf;

use super::{Hasher, hash_file};
use crate::failure::Failure;

/// Name of the unfinished file.
const PART: &str = ".part";

/// An upload on the disk: `.part` until it is complete, then its own name. All of this may block.
#[derive(Clone, Debug)]
pub struct UploadFile {
    dir: PathBuf,
    filename: String,
}

/// Size and hash of what has arrived, as far as it arrived in order.
#[derive(Clone, Default)]
pub struct Arrived {
    bytes: u64,
    hasher: Hasher,
}

impl Arrived {
    /// How much it covers.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds the next piece.
    pub fn add(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.hasher.update(piece);
    }
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

    /// Where its bytes go until then.
    pub fn part(&self) -> PathBuf {
        self.dir.join(PART)
    }

    /// Bytes that have arrived.
    pub fn received(&self) -> u64 {
        let size = |path: PathBuf| fs::metadata(path).map(|meta| meta.len());
        size(self.part()).or_else(|_| size(self.path())).unwrap_or_default()
    }

    /// Opens it for bytes from `offset` on; what was there behind that is forgotten.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write_from(&self, offset: u64) -> Result<File, Failure> {
        let part = self.part();
        let open = || {
            fs::create_dir_all(&self.dir)?;
            let mut file = File::options().write(true).create(true).truncate(false).open(&part)?;
            file.set_len(offset)?;
            file.seek(SeekFrom::Start(offset))?;
            Ok(file)
        };
        open().map_err(|e: io::Error| Failure::io("write the upload", &part, &e))
    }

    /// Checks size and hash, as far as they are known, and gives the file its name. Returns both. What has not arrived
    /// in order is read again for that.
    ///
    /// # Errors
    /// `upload-incomplete`, `upload-size`, `upload-hash`; those of the file system. The bytes are kept then.
    pub fn complete(
        &self,
        size: Option<u64>,
        sha256: Option<&str>,
        arrived: Option<Arrived>,
    ) -> Result<(u64, String), Failure> {
        let (part, to) = (self.part(), self.path());
        let (found_size, found_hash) = match arrived.filter(|arrived| arrived.bytes == self.received()) {
            Some(arrived) => (arrived.bytes, arrived.hasher.finish()),
            None => self.read().map_err(|e| Failure::io("read the upload", &part, &e))?,
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
            self.write_from(0)?;
        }
        match fs::rename(&part, &to) {
            // The end of the service came between the name and the note of it.
            Err(e) if e.kind() == ErrorKind::NotFound && to.is_file() => {}
            renamed => renamed.map_err(|e| Failure::io("finish the upload", &to, &e))?,
        }
        Ok((found_size, found_hash))
    }

    /// Size and hash of what is there.
    fn read(&self) -> io::Result<(u64, String)> {
        let absent = |e: &io::Error| e.kind() == ErrorKind::NotFound;
        match hash_file(&self.part()) {
            Err(e) if absent(&e) => {}
            read => return read,
        }
        match hash_file(&self.path()) {
            Err(e) if absent(&e) => Ok((0, Hasher::default().finish())),
            read => read,
        }
    }

    /// Has the bytes of a complete one written to the disk itself.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn sync(&self) -> Result<(), Failure> {
        let path = self.path();
        let synced = File::open(&path).and_then(|file| file.sync_data());
        synced.map_err(|e| Failure::io("write the upload to the disk", &path, &e))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[test]
    fn a_file_is_known_by_what_arrived_or_by_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let file = UploadFile::new(dir.path().join("u"), "a");
        file.write_from(0).unwrap().write_all(b"hello").unwrap();
        let mut arrived = Arrived::default();
        arrived.add(b"hel");
        let code = |result: Result<(u64, String), Failure>| result.unwrap_err().code;
        assert_eq!(code(file.complete(Some(4), None, Some(arrived.clone()))), "upload-size");
        assert_eq!(code(file.complete(None, Some(&"0".repeat(64)), Some(arrived.clone()))), "upload-hash");
        arrived.add(b"lo");
        let whole = (5, HELLO.to_owned());
        assert_eq!(file.complete(Some(5), Some(HELLO), Some(arrived)), Ok(whole.clone()));
        assert!(file.path().is_file() && !file.part().exists());
        // As after the end of the service between the name and the note of it.
        assert_eq!((file.received(), file.complete(Some(5), None, None)), (5, Ok(whole)));
        file.sync().unwrap();
        let none = UploadFile::new(dir.path().join("v"), "a");
        assert_eq!((none.received(), none.complete(None, None, None).unwrap().0), (0, 0));
    }
}
