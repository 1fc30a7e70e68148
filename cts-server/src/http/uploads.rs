//! Uploads: as JSON announcement with bytes to follow, or as a form in one request.

use std::sync::Arc;

use futures_util::StreamExt;
use http::StatusCode;
use multer::{Constraints, Multipart, SizeLimit};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use warp::reply::Response;

use super::app::App;
use super::problem::{Answer, Problem};
use super::range::content_range;
use super::reply;
use super::request::{Request, drain};
use super::view::UploadView;
use crate::engine::{self, Engine, NewUpload};
use crate::failure::Failure;

/// What will be sent.
#[derive(Deserialize, ToSchema)]
#[schema(as = UploadRequest)]
pub(super) struct Announcement {
    /// Of a name with directories the last part is kept.
    #[schema(min_length = 1, max_length = 200)]
    filename: String,
    /// Bytes.
    #[serde(default)]
    size: Option<u64>,
    /// In hex.
    #[serde(default)]
    #[schema(pattern = "^[0-9a-fA-F]{64}$")]
    sha256: Option<String>,
}

/// `POST /v1/uploads`
pub(super) async fn create(app: Arc<App>, mut request: Request) -> Answer {
    let content_type = request.header("content-type").unwrap_or_default().to_owned();
    if content_type.starts_with("multipart/form-data") {
        return form(app, request, &content_type).await;
    }
    let Announcement { filename, size, sha256 } = request.json(&app.engine.settings().http).await?;
    let created = app.engine.create_upload(&request.caller, NewUpload { filename, size, sha256 }).await?;
    Ok(made(&created))
}

fn made(upload: &engine::UploadView) -> Response {
    reply::json_as(StatusCode::CREATED, "application/json", &UploadView::new(upload))
}

/// An upload of a form that has not come whole. Its client, who may be gone, cannot go on with it: dropping forgets it.
struct Unfinished(Option<(Engine, String)>);

impl Unfinished {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some((engine, id)) = self.0.take() {
            tokio::spawn(async move { engine.forget_upload(id).await });
        }
    }
}

/// The first file of a form, complete at once.
async fn form(app: Arc<App>, mut request: Request, content_type: &str) -> Answer {
    let malformed =
        |message: String| Problem::malformed("multipart", json!(["body", "file"]), message, Value::Null);
    let boundary = multer::parse_boundary(content_type).map_err(|e| malformed(e.to_string()))?;
    let body = request.take_body().map(|piece| piece.map_err(std::io::Error::other));
    let http = &app.engine.settings().http;
    // The file has its own limit; what else is in the form is as small as JSON has to be.
    let most =
        SizeLimit::new().whole_stream(http.max_upload_bytes.saturating_add(http.max_body_bytes as u64));
    let mut form = Multipart::with_constraints(body, boundary, Constraints::new().size_limit(most));
    loop {
        let field = form.next_field().await.map_err(|e| malformed(format!("not a form: {e}")))?;
        let Some(field) = field else {
            return Err(malformed("the form has no field `file`".to_owned()));
        };
        if field.name() != Some("file") {
            continue;
        }
        let filename = field.file_name().unwrap_or("upload.bin").to_owned();
        let new = NewUpload { filename, size: None, sha256: None };
        let created = app.engine.create_upload(&request.caller, new).await?;
        let id = created.upload.id;
        let unfinished = Unfinished(Some((app.engine.clone(), id.clone())));
        app.engine.receive(&request.caller, &id, 0, field).await?;
        let complete = app.engine.finalize(&request.caller, &id).await?;
        unfinished.keep();
        return Ok(made(&complete));
    }
}

/// `GET /v1/uploads/{upload_id}`: how much has arrived, for those who go on.
pub(super) async fn get(app: Arc<App>, request: Request) -> Answer {
    let found = app.engine.upload(&request.caller, request.id()).await?;
    Ok(reply::json(&UploadView::new(&found)))
}

/// `PUT /v1/uploads/{upload_id}/content`: the whole file, or with `Content-Range` a part of it.
pub(super) async fn put(app: Arc<App>, mut request: Request) -> Answer {
    let offset = match request.header("content-range").filter(|header| !header.is_empty()) {
        None => 0,
        Some(header) => {
            let known = content_range(header);
            let (offset, last, total) = known.ok_or_else(|| {
                let message = format!("not a content range: {header:?}");
                Failure::validation("bad-range", message, "Send `Content-Range: bytes FIRST-LAST/SIZE`.")
            })?;
            let length = request.header("content-length").and_then(|length| length.parse::<u64>().ok());
            let wanted = (last - offset).saturating_add(1);
            if let Some(length) = length.filter(|length| *length != wanted) {
                let message = format!("the range is of {wanted} bytes, {length} are sent");
                return Err(Failure::validation("bad-range", message, "Send what the range says.").into());
            }
            let announced = app.engine.upload(&request.caller, request.id()).await?.upload.size;
            if let (Some(total), Some(announced)) = (total, announced)
                && total != announced
            {
                let message = format!("the range says {total} bytes, {announced} were announced");
                return Err(Failure::validation("upload-size", message, "Announce the true size.").into());
            }
            offset
        }
    };
    let mut body = request.take_body();
    let received = app.engine.receive(&request.caller, request.id(), offset, &mut body).await;
    if received.is_err() {
        drain(&mut body).await;
    }
    Ok(reply::json(&UploadView::new(&received?)))
}

/// `POST /v1/uploads/{upload_id}/finalize`
pub(super) async fn finalize(app: Arc<App>, request: Request) -> Answer {
    let complete = app.engine.finalize(&request.caller, request.id()).await?;
    Ok(reply::json(&UploadView::new(&complete)))
}
