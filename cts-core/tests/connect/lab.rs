//! A client in a hurry, and a directory for its files.

use std::path::PathBuf;
use std::time::Duration;

use cts_core::Result;
use cts_core::io::connect::{Client, FileKind, Options, Patience, Summary, Token, Wanted, Watch};

use crate::comma::{Comma, DONGLE, LOG, TOKEN, route};

pub struct Lab {
    pub dir: tempfile::TempDir,
    pub client: Client,
}

/// Waits for nothing, and gives up soon.
pub fn patience() -> Patience {
    Patience {
        attempts: 3,
        pause: Duration::ZERO,
        longest_pause: Duration::from_secs(60),
        silence: Duration::from_secs(30),
        lists_per_minute: 100,
    }
}

pub fn client(comma: &Comma, token: Option<&str>, patience: Patience) -> Client {
    client_at(&comma.url, token, patience)
}

pub fn client_at(url: &str, token: Option<&str>, patience: Patience) -> Client {
    let token = token.and_then(|token| Token::new(token).unwrap());
    Client::new(Options { address: Some(url.to_owned()), token, patience }).unwrap()
}

impl Lab {
    pub fn new(comma: &Comma) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), client: client(comma, Some(TOKEN), patience()) }
    }

    /// One thread, so that requests come in order.
    pub fn wanted(&self, files: &[FileKind]) -> Wanted {
        let wanted = Wanted::new(route().parse().unwrap(), files.to_owned(), self.dir.path());
        Wanted { parallel: 1, ..wanted }
    }

    /// Fetches the rlogs.
    pub fn logs(&self) -> Result<Summary> {
        self.client.download(&self.wanted(&[FileKind::Logs]), &Watch::default())
    }

    /// `<segment>/<name>` below the drive's own directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(DONGLE).join(LOG).join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// What an earlier download left.
    pub fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// All files below the directory, those of the book-keeping left out.
    pub fn names(&self) -> Vec<String> {
        let mut all = Vec::new();
        let mut dirs = vec![self.dir.path().to_owned()];
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path);
                } else {
                    all.push(path.strip_prefix(self.dir.path()).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        all.retain(|name| !name.ends_with("index.json") && !name.ends_with(".lock"));
        all.sort();
        all.iter().map(|name| name.replace(&format!("{DONGLE}/{LOG}/"), "@/")).collect()
    }
}
