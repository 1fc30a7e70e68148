//! Uploads.

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock;
use crate::engine;
use crate::store::UploadState;

/// An upload.
#[derive(Serialize, ToSchema)]
#[schema(as = Upload)]
pub(in crate::http) struct UploadView<'a> {
    upload_id: &'a str,
    id: &'a str,
    /// Where the bytes go.
    upload_url: String,
    /// The last part of the name that was announced.
    filename: &'a str,
    /// Bytes, if they were announced.
    size: Option<u64>,
    /// Bytes that have arrived.
    received: u64,
    /// In lower-case hex, if it was announced or the upload is complete.
    sha256: Option<&'a str>,
    status: UploadState,
    #[schema(format = DateTime)]
    created_at: String,
}

impl<'a> UploadView<'a> {
    pub(in crate::http) fn new(engine::UploadView { upload, received }: &'a engine::UploadView) -> Self {
        Self {
            upload_id: &upload.id,
            id: &upload.id,
            upload_url: format!("/v1/uploads/{}/content", upload.id),
            filename: &upload.filename,
            size: upload.size,
            received: *received,
            sha256: upload.sha256.as_deref(),
            status: upload.state,
            created_at: clock::text(upload.created_at),
        }
    }
}
