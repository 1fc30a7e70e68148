//! What a run reads: from the wish to a file that the tool may open.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use cts_core::route::{self, RouteSpec};
use cts_core::tool::{Kind, Tool};
use serde_json::{Map, Value};

use super::submit::InputWish;
use super::{Caller, Engine, no_such, params};
use crate::failure::Failure;
use crate::files::{Roots, UploadFile};
use crate::store::{InputRef, Upload, UploadState};

impl Engine {
    /// Resolves the input, and puts it into `params` under the name that the tool gives it.
    ///
    /// # Errors
    /// `no-such-upload`, `upload-incomplete`, `path-not-allowed`, `bad-input`, `bad-param`.
    pub(super) async fn resolve_input(
        &self,
        caller: &Caller,
        tool: &Tool,
        wish: Option<&InputWish>,
        given: &mut Map<String, Value>,
    ) -> Result<Option<InputRef>, Failure> {
        self.check_paths(tool, given)?;
        let input = match wish {
            Some(InputWish { kind, value }) if kind == "upload" => self.uploaded(caller, value).await?,
            Some(InputWish { kind, value }) if kind == "path" => self.path(value)?,
            Some(InputWish { kind, .. }) => {
                let message = format!("input type must be `path` or `upload`, not `{kind}`");
                return Err(Failure::validation("bad-input", message, "Give a path, or upload the file."));
            }
            None => {
                let value = given.get(tool.input).cloned().unwrap_or_default();
                match params::text_of(tool, tool.input, &value).map_err(|e| Failure::from(&e))? {
                    Some(text) => self.path(&text)?,
                    None => return Ok(None),
                }
            }
        };
        given.insert(tool.input.to_owned(), input.value.clone().into());
        Ok(Some(input))
    }

    async fn uploaded(&self, caller: &Caller, id: &str) -> Result<InputRef, Failure> {
        let wanted = id.to_owned();
        let found = self.0.store.read(move |db| Upload::get(db, &wanted)).await?;
        let found = found.filter(|upload| caller.sees(upload.owner.as_deref()));
        let upload = found.ok_or_else(|| no_such("upload", id))?;
        if upload.state != UploadState::Complete {
            let message = format!("upload '{id}' is not finalized");
            return Err(Failure::validation(
                "upload-incomplete",
                message,
                "Send the rest, then finalize it.",
            ));
        }
        let file = UploadFile::new(self.0.layout.upload(id), &upload.filename);
        let resolved = file.path().display().to_string();
        Ok(InputRef { kind: "upload".to_owned(), value: upload.id, resolved })
    }

    /// A file, a directory or a route. One that does not exist is found out by the run, as clients expect.
    fn path(&self, text: &str) -> Result<InputRef, Failure> {
        let resolved = resolve(text, &self.0.roots, &self.0.settings.search_dirs)?;
        Ok(InputRef { kind: "path".to_owned(), value: text.to_owned(), resolved })
    }

    /// Other parameters that name files: those that exist must be allowed, since a tool may read them.
    ///
    /// Names that stay within the working directory of the run are free.
    fn check_paths(&self, tool: &Tool, given: &Map<String, Value>) -> Result<(), Failure> {
        for param in tool.params.iter().filter(|param| param.kind == Kind::Path) {
            let value = given.get(param.name).unwrap_or(&Value::Null);
            let text = params::text_of(tool, param.name, value).map_err(|e| Failure::from(&e))?;
            let Some(text) = text else { continue };
            let path = Path::new(&text);
            let inside = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
            if !inside && path.exists() {
                self.0.roots.resolve(path)?;
            }
        }
        Ok(())
    }
}

/// The path that a tool opens for `text`: a file, or the name of a route.
fn resolve(text: &str, roots: &Roots, search_dirs: &[PathBuf]) -> Result<String, Failure> {
    if text == "-" {
        let fix = "Give a path, or upload the file.";
        return Err(Failure::validation("bad-input", "a run has no standard input", fix));
    }
    let path = Path::new(text);
    if !path.exists() && text.parse::<RouteSpec>().is_ok() {
        check_files(text, roots, search_dirs)?;
        return Ok(text.to_owned());
    }
    let real = roots.resolve(path)?;
    if !roots.all() && real.is_dir() {
        check_files(&real.display().to_string(), roots, search_dirs)?;
    }
    Ok(real.display().to_string())
}

/// The files of a route or directory may be links to anywhere.
fn check_files(text: &str, roots: &Roots, search_dirs: &[PathBuf]) -> Result<(), Failure> {
    if roots.all() {
        return Ok(());
    }
    // What is wrong with a route is found out by the run.
    let Ok(found) = route::resolve(text, None, search_dirs) else {
        return Ok(());
    };
    let searched = Roots::new(search_dirs);
    let allowed = |path: &Path| match roots.resolve(path) {
        Err(failure) if searched.all() || searched.resolve(path).is_err() => Err(failure),
        _ => Ok(()),
    };
    found.segments.iter().try_for_each(|segment| allowed(&segment.path))
}

/// What tells whether a file is still the same: device, inode, size, times. `None` for anything but a file.
pub(super) fn identity(path: &str) -> Option<String> {
    let meta = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let (seconds, nanos) = (meta.mtime(), meta.mtime_nsec());
    Some(format!("{}:{}:{}:{seconds}.{nanos:09}", meta.dev(), meta.ino(), meta.len()))
}
