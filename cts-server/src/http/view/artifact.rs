//! Artifacts.

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock;
use crate::store::Artifact;

/// An artifact, with the field names of both answers of the older service.
#[derive(Serialize, ToSchema)]
#[schema(as = Artifact)]
pub(in crate::http) struct ArtifactView<'a> {
    id: &'a str,
    artifact_id: &'a str,
    run_id: &'a str,
    /// A plain file name, unique within the run.
    filename: &'a str,
    /// Bytes.
    size: u64,
    size_bytes: u64,
    /// The media type.
    r#type: &'a str,
    content_type: &'a str,
    /// In lower-case hex.
    sha256: &'a str,
    #[schema(format = DateTime)]
    created_at: String,
    /// Where its bytes are; where keys are required, this address works without one for a while.
    #[schema(format = "uri")]
    download_url: String,
}

impl<'a> ArtifactView<'a> {
    /// `base` is the address of the service as the client knows it; `link` follows the path after a `?`.
    pub(in crate::http) fn new(artifact: &'a Artifact, base: &str, link: Option<String>) -> Self {
        let path = download_path(artifact);
        Self {
            id: &artifact.id,
            artifact_id: &artifact.id,
            run_id: &artifact.run,
            filename: &artifact.name,
            size: artifact.bytes,
            size_bytes: artifact.bytes,
            r#type: &artifact.content_type,
            content_type: &artifact.content_type,
            sha256: &artifact.sha256,
            created_at: clock::text(artifact.created_at),
            download_url: link.map_or(format!("{base}{path}"), |link| format!("{base}{path}?{link}")),
        }
    }
}

/// Where the bytes of an artifact are.
pub(in crate::http) fn download_path(artifact: &Artifact) -> String {
    format!("/v1/artifacts/{}/download", artifact.id)
}
