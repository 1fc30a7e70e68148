//! Downloads from comma connect: wishes, their turn, cancellation, and what is known of them.
//!
//! They work in this process, since they look into no file; the store knows them like runs. Nothing is written outside
//! the configured directory, and nothing is asked but the configured API and the storage that it names.

mod work;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cts_core::io::connect::{Client, Options, Progress};
use cts_core::route::Target;
use cts_core::{Error, ErrorKind};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Caller, Engine, lock};
use crate::failure::{Category, Failure};
use crate::files::real_path;
use crate::settings::DownloadSettings;
use crate::store::{Download, DownloadResult, DownloadStatus, DownloadWish};

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct NewDownload {
    /// What to fetch.
    pub wish: DownloadWish,
    /// Where to: a path below the directory for downloads, from there on if it is relative; else the directory itself.
    pub dest: Option<String>,
}

/// A download and how far it is.
#[derive(Clone, Debug)]
pub struct DownloadView {
    /// The download.
    pub download: Download,
    /// From 0 to 100, while it goes on.
    pub percent: Option<f64>,
}

/// The part of a download that is in memory until it ends.
pub(super) struct LiveDownload {
    /// Wakes what waits.
    cancel: CancellationToken,
    /// Stops what works.
    stop: Arc<AtomicBool>,
    progress: Mutex<Progress>,
    ended: CancellationToken,
}

impl LiveDownload {
    fn new() -> Self {
        let (cancel, ended) = (CancellationToken::new(), CancellationToken::new());
        Self { cancel, stop: Arc::default(), progress: Mutex::default(), ended }
    }

    fn cancel(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.cancel.cancel();
    }
}

/// The downloads of a service.
pub(super) struct Downloads {
    /// Shared by all, so that the API is not asked more often than it takes. An address that cannot be used is told by
    /// each download.
    client: Result<Client, Failure>,
    live: Mutex<HashMap<String, Arc<LiveDownload>>>,
    turns: Arc<Semaphore>,
}

impl Downloads {
    pub(super) fn new(settings: &DownloadSettings) -> Self {
        let options = Options { address: settings.api.clone(), token: None, patience: settings.patience };
        let client = Client::new(options).map_err(|e| Failure::from(&e));
        Self { client, live: Mutex::default(), turns: Arc::new(Semaphore::new(settings.max_concurrent)) }
    }
}

impl Engine {
    /// Puts a download into its queue. With a `key`, an equal earlier request of the same caller is answered with its
    /// download.
    ///
    /// # Errors
    /// `not-offered`, `bad-route`, `bad-destination`, `too-many-downloads`, `idempotency-mismatch`, `stopping`; those
    /// of the store.
    pub async fn start_download(
        &self,
        caller: &Caller,
        new: NewDownload,
        key: Option<String>,
    ) -> Result<DownloadView, Failure> {
        let settings = &self.0.settings.downloads;
        if settings.max_concurrent == 0 {
            return Err(not_offered());
        }
        check_route(&new.wish.route)?;
        let dest = destination(settings, new.dest.as_deref())?;
        let download = Download {
            id: Uuid::new_v4().to_string(),
            owner: caller.owner.clone(),
            client: caller.client.clone(),
            wish: new.wish,
            dest: dest.display().to_string(),
            status: DownloadStatus::Queued,
            result: DownloadResult::default(),
            created_at: self.now(),
            completed_at: None,
            idempotency_key: key,
        };
        if let Some(earlier) = self.earlier_download(&download).await? {
            return Ok(self.view(earlier));
        }
        self.admit_download()?;
        let inserted = download.clone();
        if let Err(failure) = self.0.store.write(move |db| inserted.insert(db)).await {
            // Two equal requests at once: the other was first.
            return match self.earlier_download(&download).await? {
                Some(earlier) => Ok(self.view(earlier)),
                None => Err(failure),
            };
        }
        self.begin_download(download.clone());
        Ok(self.view(download))
    }

    fn admit_download(&self) -> Result<(), Failure> {
        if self.is_stopping() {
            let fix = "Try again when the service is back.";
            return Err(Failure::system("stopping", "the service is about to end", fix));
        }
        let (settings, active) = (&self.0.settings.downloads, lock(&self.0.downloads.live).len());
        if active >= settings.max_concurrent + settings.max_queued {
            let message = format!("{active} downloads wait or run already");
            return Err(Failure::system(
                "too-many-downloads",
                message,
                "Try again when some of them are done.",
            ));
        }
        Ok(())
    }

    async fn earlier_download(&self, download: &Download) -> Result<Option<Download>, Failure> {
        let Some(key) = download.idempotency_key.clone() else { return Ok(None) };
        let who = download.owner.clone().unwrap_or_else(|| download.client.clone());
        let found = self.0.store.read(move |db| Download::by_idempotency_key(db, &who, &key)).await?;
        match found {
            Some(found) if (&found.wish, &found.dest) != (&download.wish, &download.dest) => {
                let message = "this Idempotency-Key was used for another request";
                Err(Failure::validation("idempotency-mismatch", message, "Use a new key for a new request."))
            }
            found => Ok(found),
        }
    }

    /// Lets a download wait for its turn and work then.
    pub(super) fn begin_download(&self, download: Download) {
        let live = Arc::new(LiveDownload::new());
        lock(&self.0.downloads.live).insert(download.id.clone(), Arc::clone(&live));
        let engine = self.clone();
        self.0.tasks.spawn(async move { engine.work_off_download(download, live).await });
    }

    /// The download of that id.
    ///
    /// # Errors
    /// `no-such-download`, also for those of others; those of the store.
    pub async fn download(&self, caller: &Caller, id: &str) -> Result<DownloadView, Failure> {
        let wanted = id.to_owned();
        let found = self.0.store.read(move |db| Download::get(db, &wanted)).await?;
        let found = found.filter(|download| caller.sees(download.owner.as_deref()));
        found.map(|download| self.view(download)).ok_or_else(|| {
            let fix = "Check the id; it may be of another user, or removed by the clean-up.";
            Failure::validation("no-such-download", format!("Download {id} not found"), fix)
        })
    }

    /// The caller's downloads, the newest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn downloads(
        &self,
        caller: &Caller,
        status: Option<DownloadStatus>,
        limit: u32,
    ) -> Result<Vec<DownloadView>, Failure> {
        let owner = caller.only();
        let list = self.0.store.read(move |db| Download::list(db, owner.as_deref(), status, limit)).await?;
        Ok(list.into_iter().map(|download| self.view(download)).collect())
    }

    /// Waits until a download has ended, at most that long.
    pub async fn wait_for_download(&self, id: &str, patience: Duration) {
        let live = lock(&self.0.downloads.live).get(id).cloned();
        if let Some(live) = live {
            // What it is by then is looked up by the caller.
            let _ = tokio::time::timeout(patience, live.ended.cancelled()).await;
        }
    }

    /// Ends a download; one that has ended stays as it is.
    ///
    /// # Errors
    /// `no-such-download`; those of the store.
    pub async fn cancel_download(&self, caller: &Caller, id: &str) -> Result<DownloadView, Failure> {
        let DownloadView { download, .. } = self.download(caller, id).await?;
        let failure =
            Failure::new(Category::ToolError, "canceled", "Cancelled by user", "Start the download again.");
        let result = DownloadResult { failure: Some(failure), ..download.result };
        self.0.store.advance_download(id, DownloadStatus::Failed, result, Some(self.now())).await?;
        if let Some(live) = lock(&self.0.downloads.live).get(id) {
            live.cancel();
        }
        self.download(caller, id).await
    }

    /// Stops all, so that they can go on after the next start.
    pub(super) fn stop_downloads(&self) {
        lock(&self.0.downloads.live).values().for_each(|live| live.cancel());
    }

    /// With what is in memory of one that goes on.
    fn view(&self, mut download: Download) -> DownloadView {
        let live = lock(&self.0.downloads.live).get(&download.id).cloned();
        let Some(live) = live.filter(|_| !download.status.is_final()) else {
            return DownloadView { download, percent: None };
        };
        let progress = *lock(&live.progress);
        counted(&mut download.result, &progress);
        DownloadView { download, percent: progress.route.map(|_| progress.fraction * 100.0) }
    }
}

fn counted(result: &mut DownloadResult, progress: &Progress) {
    result.route = progress.route.map(|route| route.to_string()).or(result.route.take());
    (result.downloaded, result.skipped) = (progress.downloaded, progress.skipped);
    (result.failed, result.bytes) = (progress.failed, progress.bytes);
}

fn not_offered() -> Failure {
    let fix = "Fetch the files yourself and name their path, or send them with POST /v1/uploads.";
    Failure::validation("not-offered", "this service does not download logs from comma connect", fix)
}

/// Finds mistakes before anything is stored.
fn check_route(text: &str) -> Result<(), Failure> {
    let failed = |error: Error| {
        let failure = Failure::from(&error);
        let fix = "Give a route such as 0123456789abcdef|2024-01-01--00-00-00, or the address of a drive in comma connect.";
        let message = format!("Download failed: {}", failure.message);
        Failure { message, suggested_fix: fix.to_owned(), ..failure }
    };
    let reason = match text.parse::<Target>().map_err(failed)? {
        Target::Device(_) => "it names a device, not one of its drives",
        Target::Route(spec) if spec.route.dongle.is_none() => {
            "comma connect needs the dongle id before the log id"
        }
        _ => return Ok(()),
    };
    let (text, reason) = (text.to_owned(), reason.to_owned());
    Err(failed(ErrorKind::BadRoute { text, reason }.into()))
}

/// The directory that is meant, with links resolved.
fn destination(settings: &DownloadSettings, dest: Option<&str>) -> Result<PathBuf, Failure> {
    let base = real_path(&settings.base);
    let Some(text) = dest else { return Ok(base) };
    let real = real_path(&base.join(text));
    if real.starts_with(&base) && !text.contains('\0') && !text.is_empty() {
        return Ok(real);
    }
    let fix = format!("Give a directory below {}, or none at all.", base.display());
    Err(Failure::validation("bad-destination", format!("Invalid destination path: {text}"), fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_stay_below_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let base = root.join("base");
        std::fs::create_dir_all(base.join("sub")).unwrap();
        std::os::unix::fs::symlink(&root, base.join("up")).unwrap();
        let settings = DownloadSettings::new(base.clone());
        let at = |text: &str| destination(&settings, Some(text)).map_err(|e| e.message);
        assert_eq!(destination(&settings, None).unwrap(), base);
        assert_eq!(at("x/y"), Ok(base.join("x/y")));
        assert_eq!(at("sub/../z"), Ok(base.join("z")));
        assert_eq!(at(&base.join("sub").display().to_string()), Ok(base.join("sub")));
        for text in ["", "/", "/tmp", "..", "../base2", "up", "up/x", "sub/../../x", "a\0b", "x/../../.."] {
            assert_eq!(at(text), Err(format!("Invalid destination path: {text}")), "{text:?}");
        }
    }

    #[test]
    fn routes_are_checked_before_anything_is_stored() {
        let code = |text: &str| check_route(text).map_err(|e| e.code);
        let drive = "0123456789abcdef|2024-01-01--00-00-00";
        assert_eq!(code(drive), Ok(()));
        assert_eq!(code("https://connect.comma.ai/0123456789abcdef/00000008--0696c823fa"), Ok(()));
        assert_eq!(code("https://connect.comma.ai/0123456789abcdef/1690462879000/1690463479000"), Ok(()));
        for text in ["", "x", "0123456789abcdef", "2024-01-01--00-00-00", "https://evil.example/x"] {
            let failure = check_route(text).unwrap_err();
            assert_eq!(failure.code, "bad-route", "{text}");
            assert!(failure.message.starts_with("Download failed: "), "{}", failure.message);
        }
    }
}
