//! What a run reads: from the wish to a file that the tool may open.

use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use cts_core::route::{self, RouteSpec};
use cts_core::tool::Tool;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::look::no_such;
use super::submit::InputWish;
use super::{Caller, Engine, params};
use crate::failure::Failure;
use crate::files::{Roots, UploadFile, real_path};
use crate::store::{InputRef, Upload, UploadState};

impl Engine {
    /// Resolves the input, and puts it into `params` under the name that the tool gives it.
    ///
    /// # Errors
    /// `no-such-upload`, `upload-incomplete`, `path-not-allowed`, `bad-input`, `bad-param`.
    pub(super) async fn resolve_input(
        &self,
        caller: &Caller,
        tool: &'static Tool,
        wish: Option<&InputWish>,
        given: &mut Map<String, Value>,
    ) -> Result<Option<InputRef>, Failure> {
        // Directories may lie on machines that do not answer.
        let (caller, wish, params) = (caller.clone(), wish.cloned(), given.clone());
        let input =
            self.blocking(move |engine| engine.find_input(&caller, tool, wish.as_ref(), &params)).await?;
        if let Some(input) = &input {
            given.insert(tool.input.to_owned(), input.value.clone().into());
        }
        Ok(input)
    }

    fn find_input(
        &self,
        caller: &Caller,
        tool: &Tool,
        wish: Option<&InputWish>,
        given: &Map<String, Value>,
    ) -> Result<Option<InputRef>, Failure> {
        self.check_texts(tool, given)?;
        match wish {
            Some(InputWish { kind, value }) if kind == "upload" => self.uploaded(caller, value).map(Some),
            Some(InputWish { kind, value }) if kind == "path" => self.path(value).map(Some),
            Some(InputWish { kind, .. }) => {
                let message = format!("input type must be `path` or `upload`, not `{kind}`");
                Err(Failure::validation("bad-input", message, "Give a path, or upload the file."))
            }
            None => {
                let value = given.get(tool.input).cloned().unwrap_or_default();
                let text = params::text_of(tool, tool.input, &value).map_err(|e| Failure::from(&e))?;
                text.map(|text| self.named(caller, &text)).transpose()
            }
        }
    }

    /// A path, or the id of an upload: clients that know no `input` put either into the parameters.
    fn named(&self, caller: &Caller, text: &str) -> Result<InputRef, Failure> {
        if Uuid::parse_str(text).is_ok() && !Path::new(text).exists() {
            match self.uploaded(caller, text) {
                Err(failure) if failure.code == "no-such-upload" => {}
                found => return found,
            }
        }
        self.path(text)
    }

    fn uploaded(&self, caller: &Caller, id: &str) -> Result<InputRef, Failure> {
        let found = self.0.store.read_now(|db| Upload::get(db, id))?;
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

    /// Looks again, since a run may have waited for long, and links may lead elsewhere by now.
    ///
    /// # Errors
    /// `path-not-allowed`, `bad-input`.
    pub(super) fn look_again(&self, input: &mut InputRef) -> Result<(), Failure> {
        if input.kind == "path" {
            input.resolved = self.path(&input.value)?.resolved;
        }
        Ok(())
    }

    /// A file, a directory or a route. One that does not exist is found out by the run, as clients expect.
    fn path(&self, text: &str) -> Result<InputRef, Failure> {
        let resolved = resolve(text, &self.0.roots, &self.0.settings.search_dirs)?;
        Ok(InputRef { kind: "path".to_owned(), value: text.to_owned(), resolved })
    }

    /// Every other text may be a path that the tool opens. What names a file outside the working directory of the run
    /// must be allowed; names within it are free, and outputs never leave it.
    fn check_texts(&self, tool: &Tool, given: &Map<String, Value>) -> Result<(), Failure> {
        // Where the paths of a run begin; the id makes no difference.
        let work = self.0.layout.work("-");
        let others = given.iter().filter(|(name, _)| *name != tool.input).map(|(_, value)| value);
        others.flat_map(texts).try_for_each(|text| {
            let path = Path::new(text);
            if path.components().all(|part| matches!(part, std::path::Component::Normal(_))) {
                return Ok(());
            }
            let real = real_path(&work.join(path));
            // A directory is where files go; they go to the run's own instead.
            if real.exists() && !real.is_dir() { self.0.roots.resolve(&real).map(drop) } else { Ok(()) }
        })
    }
}

/// The texts of a value: itself, or the items of a list, also of one that clients write with commas.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => std::iter::once(text.as_str()).chain(text.split(',').map(str::trim)).collect(),
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// The path that a tool opens for `text`: a file, or the name of a route.
fn resolve(text: &str, roots: &Roots, search_dirs: &[PathBuf]) -> Result<String, Failure> {
    let bad =
        |message: String| Err(Failure::validation("bad-input", message, "Give a path, or upload the file."));
    match text {
        "" => return bad("the path of the input is empty".to_owned()),
        "-" => return bad("a run has no standard input".to_owned()),
        _ => {}
    }
    let path = Path::new(text);
    if !path.exists() && text.parse::<RouteSpec>().is_ok() {
        check_files(text, roots, search_dirs)?;
        return Ok(text.to_owned());
    }
    let real = roots.resolve(path)?;
    if is_device(&real) {
        return bad(format!("a device or socket is no log: {text:?}"));
    }
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
        Err(failure) if searched.resolve(path).is_err() => Err(failure),
        _ => Ok(()),
    };
    found.segments.iter().try_for_each(|segment| allowed(&segment.path))
}

/// Whether reading it would have no end, or do something.
fn is_device(path: &Path) -> bool {
    let kind = std::fs::metadata(path).map(|meta| meta.file_type());
    kind.is_ok_and(|kind| kind.is_char_device() || kind.is_block_device() || kind.is_socket())
}
