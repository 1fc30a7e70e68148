//! Uploads: as JSON announcement with bytes to follow, or as a form in one request.

use std::sync::Arc;

use futures_util::StreamExt;
use http::StatusCode;
use multer::Multipart;
use serde::Deserialize;
use serde_json::Value;

use super::app::App;
use super::problem::{Answer, Problem};
use super::range::content_range;
use super::reply;
use super::request::{Request, drain};
use super::view;
use crate::engine::{Engine, NewUpload};
use crate::failure::Failure;

#[derive(Deserialize)]
struct Announcement {
    filename: String,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    sha256: Option<String>,
}

/// `POST /v1/uploads`
pub(super) async fn create(app: Arc<App>, mut request: Request) -> Answer {
    let content_type = request.header("content-type").unwrap_or_default().to_owned();
    if content_type.starts_with("multipart/form-data") {
        return form(app, request, &content_type).await;
    }
    let max = app.engine.settings().http.max_body_bytes;
    let Announcement { filename, size, sha256 } = request.json(max).await?;
    let created = app.engine.create_upload(&request.caller, NewUpload { filename, size, sha256 }).await?;
    Ok(reply::json_as(StatusCode::CREATED, "application/json", &view::upload(&created)))
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
    let malformed = |message: String| {
        Problem::malformed("multipart", serde_json::json!(["body", "file"]), message, Value::Null)
    };
    let boundary = multer::parse_boundary(content_type).map_err(|e| malformed(e.to_string()))?;
    let body = request.take_body().map(|piece| piece.map_err(std::io::Error::other));
    let mut form = Multipart::new(body, boundary);
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
        return Ok(reply::json_as(StatusCode::CREATED, "application/json", &view::upload(&complete)));
    }
}

/// `GET /v1/uploads/{upload_id}`: how much has arrived, for those who go on.
pub(super) async fn get(app: Arc<App>, request: Request) -> Answer {
    let found = app.engine.upload(&request.caller, request.id()).await?;
    Ok(reply::json(&view::upload(&found)))
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
    Ok(reply::json(&view::upload(&received?)))
}

/// `POST /v1/uploads/{upload_id}/finalize`
pub(super) async fn finalize(app: Arc<App>, request: Request) -> Answer {
    let complete = app.engine.finalize(&request.caller, request.id()).await?;
    Ok(reply::json(&view::upload(&complete)))
}
