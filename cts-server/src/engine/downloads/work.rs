//! One download from its turn to its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cts_core::io::connect::{Client, FileKind, Progress, Summary, Token, Wanted, Watch};
use cts_core::{Class, Error, ErrorKind};
use tokio::sync::OwnedSemaphorePermit;

use super::{LiveDownload, counted};
use crate::engine::{Engine, lock};
use crate::failure::Failure;
use crate::settings::TokenSource;
use crate::store::{Download, DownloadResult, DownloadStatus, Store};

/// Pauses before the attempts to tell the store how a download ended.
const PAUSES: [Duration; 4] =
    [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(15)];

/// Pause before the directory of a drive is looked at again that another download uses.
const IN_USE: Duration = Duration::from_millis(200);

/// How the work on a download ended.
enum Ended {
    Done(Box<Summary>),
    Failed(Failure),
    /// It was told to stop.
    Stopped,
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        match error.class() {
            Class::Stopped => Self::Stopped,
            _ => Self::Failed(Failure::from(&error)),
        }
    }
}

impl Engine {
    pub(super) async fn work_off_download(self, download: Download, live: Arc<LiveDownload>) {
        let turn = tokio::select! {
            biased;
            () = live.cancel.cancelled() => None,
            turn = Arc::clone(&self.0.downloads.turns).acquire_owned() => turn.ok(),
        };
        let ended = match turn {
            Some(turn) => self.fetch(&download, &live, turn).await,
            None => Ended::Stopped,
        };
        self.end_download(&download, &live, ended).await;
        lock(&self.0.downloads.live).remove(&download.id);
        live.ended.cancel();
    }

    async fn fetch(
        &self,
        download: &Download,
        live: &Arc<LiveDownload>,
        turn: OwnedSemaphorePermit,
    ) -> Ended {
        let (begun, nothing) = (DownloadStatus::Resolving, DownloadResult::default());
        match self.0.store.advance_download(&download.id, begun, nothing, None).await {
            Ok(true) => {}
            // Somebody was faster and ended it.
            Ok(false) => return Ended::Stopped,
            Err(failure) => return Ended::Failed(failure),
        }
        let client = match self.0.downloads.client.clone() {
            Ok(client) => client,
            Err(failure) => return Ended::Failed(failure),
        };
        let active = self.0.metrics.download_began();
        let source = self.0.settings.downloads.token.clone();
        let (store, download, worked) = (self.0.store.clone(), download.clone(), Arc::clone(live));
        let work = tokio::task::spawn_blocking(move || {
            let _kept_until_the_end = (turn, active);
            bring(&client, &source, &store, &download, &worked)
        });
        tokio::select! {
            // The thread may wait for a silent server for a while; nobody needs to wait for the thread.
            () = live.cancel.cancelled() => Ended::Stopped,
            ended = work => ended.unwrap_or_else(|e| {
                let fix = "Look at the log of the service and report this.";
                Ended::Failed(Failure::system("internal", format!("the download broke off: {e}"), fix))
            }),
        }
    }

    /// Tells the store. What was stopped with the service waits for the next start.
    async fn end_download(&self, download: &Download, live: &LiveDownload, ended: Ended) {
        let mut result = DownloadResult::default();
        counted(&mut result, &lock(&live.progress));
        let (status, at) = match ended {
            Ended::Done(summary) => {
                result.missing = missing(&summary);
                result.failure = failed_files(&summary);
                result.failed = summary.failed.len() as u64;
                let status = match result.failure {
                    None => DownloadStatus::Completed,
                    Some(_) => DownloadStatus::Failed,
                };
                (status, Some(self.now()))
            }
            Ended::Failed(failure) => {
                result.failure = Some(failure);
                (DownloadStatus::Failed, Some(self.now()))
            }
            // One that its owner canceled has its end already.
            Ended::Stopped => (DownloadStatus::Queued, None),
        };
        self.0.metrics.download_bytes(result.bytes);
        if let Some(failure) = &result.failure {
            tracing::warn!(download = download.id, code = failure.code, "{}", failure.message);
        }
        for pause in PAUSES {
            tokio::time::sleep(pause).await;
            match self.0.store.advance_download(&download.id, status, result.clone(), at).await {
                Ok(_) => return,
                Err(failure) => {
                    tracing::error!(
                        download = download.id,
                        failure = failure.message,
                        "its end is not stored"
                    );
                }
            }
        }
    }
}

/// Works, on a thread that may block.
fn bring(
    client: &Client,
    source: &TokenSource,
    store: &Store,
    download: &Download,
    live: &Arc<LiveDownload>,
) -> Ended {
    match try_bring(client, source, store, download, live) {
        Ok(summary) => Ended::Done(Box::new(summary)),
        Err(error) => error.into(),
    }
}

fn try_bring(
    client: &Client,
    source: &TokenSource,
    store: &Store,
    download: &Download,
    live: &Arc<LiveDownload>,
) -> cts_core::Result<Summary> {
    let wish = &download.wish;
    let client = client.with_token(token(source)?);
    let watch =
        Watch::default().with_cancel(Arc::clone(&live.stop)).with_progress(follow(store, download, live));
    let spec = client.locate(&wish.route.parse()?, wish.search_days, &watch)?;
    let files = wish.files.iter().map(|name| name.parse()).collect::<cts_core::Result<Vec<FileKind>>>()?;
    let (parallel, resume) = (wish.parallel, wish.resume);
    let wanted = Wanted { parallel, resume, ..Wanted::new(spec, files, &download.dest) };
    loop {
        match client.download(&wanted, &watch) {
            // Somebody else brings the same drive: what has come by then need not come again.
            Err(e) if matches!(e.kind(), ErrorKind::InUse) && !live.stop.load(Ordering::Relaxed) => {
                std::thread::sleep(IN_USE);
            }
            result => return result,
        }
    }
}

fn token(source: &TokenSource) -> cts_core::Result<Option<Token>> {
    match source {
        TokenSource::Nothing => Ok(None),
        TokenSource::Given(secret) => Token::new(secret.reveal()),
        TokenSource::File(path) => Token::of_file(path),
        TokenSource::User => Token::find(),
    }
}

/// Keeps the progress in memory, and tells the store once that files come.
fn follow(
    store: &Store,
    download: &Download,
    live: &Arc<LiveDownload>,
) -> impl Fn(&Progress) + Send + Sync + 'static {
    let (store, id, live) = (store.clone(), download.id.clone(), Arc::clone(live));
    let told = AtomicBool::new(false);
    move |progress| {
        *lock(&live.progress) = *progress;
        if progress.route.is_some() && !told.swap(true, Ordering::Relaxed) {
            let mut result = DownloadResult::default();
            counted(&mut result, progress);
            let begun = DownloadStatus::Downloading;
            // The state is for show; the end is stored with more care.
            if let Err(failure) = store.write_now(|db| Download::advance(db, &id, begun, &result, None)) {
                tracing::warn!(download = id, failure = failure.message, "its state is not stored");
            }
        }
    }
}

fn missing(summary: &Summary) -> BTreeMap<String, Vec<u32>> {
    summary.missing.iter().map(|missing| (missing.kind.name().to_owned(), missing.segments.clone())).collect()
}

/// The failure of the first file, which speaks for the others.
fn failed_files(summary: &Summary) -> Option<Failure> {
    let first = summary.failed.first()?;
    let failure = Failure::from(&first.error);
    let all = summary.downloaded + summary.skipped + summary.failed.len() as u64;
    let message = format!(
        "{} of {all} files failed; the first, {}: {}",
        summary.failed.len(),
        first.name,
        failure.message
    );
    Some(Failure { message, ..failure })
}
