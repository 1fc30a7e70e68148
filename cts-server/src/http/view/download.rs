//! Downloads from comma connect.

use std::collections::BTreeMap;

use cts_core::io::connect::FileKind;
use serde::Serialize;
use serde_json::Number;
use utoipa::ToSchema;

use super::{ErrorView, percent};
use crate::clock;
use crate::engine::{self, calm};
use crate::failure::Category;
use crate::store::{Download, DownloadStatus};

/// A download.
#[derive(Serialize, ToSchema)]
#[schema(as = Download)]
pub(in crate::http) struct DownloadView<'a> {
    download_id: &'a str,
    id: &'a str,
    status: DownloadStatus,
    /// As it was asked for.
    route: &'a str,
    /// The drive, once it is known.
    canonical_route: Option<&'a str>,
    /// All kinds of files, and whether they are wanted.
    file_types: BTreeMap<&'static str, bool>,
    search_days: u32,
    resume: bool,
    /// Files at a time.
    parallel: usize,
    dest_root: &'a str,
    /// Where the segments of the drive are.
    directory: Option<String>,
    downloaded_files: u64,
    /// Those that were there already.
    skipped_files: u64,
    failed_files: u64,
    /// Bytes of the downloaded files.
    total_bytes: u64,
    /// Segments whose files are not uploaded, by kind.
    missing: &'a BTreeMap<String, Vec<u32>>,
    /// Percent, if that is known.
    #[schema(value_type = Option<f64>)]
    progress: Option<Number>,
    /// Why it failed or was canceled.
    error: Option<String>,
    error_category: Option<Category>,
    error_details: Option<ErrorView>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    completed_at: Option<String>,
}

impl<'a> DownloadView<'a> {
    pub(in crate::http) fn new(
        engine::DownloadView { download, percent: done }: &'a engine::DownloadView,
    ) -> Self {
        let Download { wish, result, .. } = download;
        let wanted = |kind: FileKind| (kind.name(), wish.files.iter().any(|name| name == kind.name()));
        let failure = result.failure.as_ref();
        Self {
            download_id: &download.id,
            id: &download.id,
            status: download.status,
            route: &wish.route,
            canonical_route: result.route.as_deref(),
            file_types: FileKind::ALL.into_iter().map(wanted).collect(),
            search_days: wish.search_days,
            resume: wish.resume,
            parallel: wish.parallel,
            dest_root: &download.dest,
            directory: result
                .route
                .as_ref()
                .map(|route| format!("{}/{}", download.dest, route.replace('|', "/"))),
            downloaded_files: result.downloaded,
            skipped_files: result.skipped,
            failed_files: result.failed,
            total_bytes: result.bytes,
            missing: &result.missing,
            progress: match download.status {
                DownloadStatus::Completed => Some(100.into()),
                _ => done.map(percent),
            },
            error: failure.map(|failure| calm(&failure.message)),
            error_category: failure.map(|failure| failure.category),
            error_details: failure.map(ErrorView::new),
            created_at: clock::text(download.created_at),
            completed_at: download.completed_at.map(clock::text),
        }
    }
}
