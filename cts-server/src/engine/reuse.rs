//! Earlier runs that answer a wish: the same request again, or another with the same result.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde_json::{Map, Value};

use super::submit::Submitted;
use super::{Caller, Engine};
use crate::failure::Failure;
use crate::files::{Hasher, hash_file};
use crate::store::{Artifact, InputRef, ResultKeys, Run, Upload};

/// Larger files are not read while a client waits; they are known by their identity only.
const MAX_HASHED: u64 = 1 << 30;

impl Engine {
    /// The run of an earlier request with that key.
    ///
    /// # Errors
    /// `idempotency-mismatch` when that was another request; those of the store.
    pub(super) async fn repeated(
        &self,
        caller: &Caller,
        draft: &Run,
        key: &str,
    ) -> Result<Option<Submitted>, Failure> {
        let (who, wanted) = (caller.owner.clone().unwrap_or_else(|| caller.client.clone()), key.to_owned());
        let found =
            self.0.store.read(move |db| with_artifacts(db, Run::by_idempotency_key(db, &who, &wanted)?));
        let Some(found) = found.await? else {
            return Ok(None);
        };
        let asked = |run: &Run| (run.tool.clone(), run.params.clone(), run.input.clone());
        if asked(&found.run) != asked(draft) {
            let message = format!("the Idempotency-Key {key:?} was used for another request");
            return Err(Failure::validation(
                "idempotency-mismatch",
                message,
                "Use a new key for a new request.",
            ));
        }
        Ok(Some(found))
    }

    /// A completed run of the same tool, parameters and input.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn equal(&self, caller: &Caller, draft: &Run) -> Result<Option<Submitted>, Failure> {
        let Some(input) = draft.input.clone() else {
            return Ok(None);
        };
        let file = ResultKeys { file: identity(&input.resolved).map(|it| key(draft, &it)), content: None };
        let Some(_) = &file.file else {
            return Ok(None);
        };
        if let Some(found) = self.with_result(caller, file).await? {
            return Ok(Some(found));
        }
        let content = match self.upload_hash(&input).await? {
            None => {
                let hashed = tokio::task::spawn_blocking(move || hash_small(&input.resolved)).await;
                hashed.ok().flatten()
            }
            known => known,
        };
        let Some(content) = content else {
            return Ok(None);
        };
        self.with_result(caller, ResultKeys { file: None, content: Some(key(draft, &content)) }).await
    }

    async fn with_result(&self, caller: &Caller, keys: ResultKeys) -> Result<Option<Submitted>, Failure> {
        let owner = caller.owner.clone();
        self.0.store.read(move |db| with_artifacts(db, Run::with_result(db, owner.as_deref(), &keys)?)).await
    }

    /// By what later runs find the result of this one, which read the file `identity`, of the hash `content` if it is
    /// no upload.
    pub(super) async fn result_keys(&self, run: &Run, identity: &str, content: Option<String>) -> ResultKeys {
        let content = match &run.input {
            // Without it the result is found by the file only.
            Some(input) => self.upload_hash(input).await.ok().flatten().or(content),
            None => content,
        };
        ResultKeys { file: Some(key(run, identity)), content: content.map(|content| key(run, &content)) }
    }

    async fn upload_hash(&self, input: &InputRef) -> Result<Option<String>, Failure> {
        if input.kind != "upload" {
            return Ok(None);
        }
        let id = input.value.clone();
        let found = self.0.store.read(move |db| Upload::get(db, &id)).await?;
        Ok(found.and_then(|upload| upload.sha256))
    }
}

fn with_artifacts(db: &rusqlite::Connection, run: Option<Run>) -> crate::store::Sql<Option<Submitted>> {
    let with = |run: Run| {
        let artifacts = Artifact::of_run(db, &run.id)?;
        Ok(Submitted { run, artifacts, reused: true })
    };
    run.map(with).transpose()
}

/// Equal for runs that must have the same result: program, tool, parameters, name and content of the input. The name
/// counts, since files that a run writes are called after it.
fn key(run: &Run, content: &str) -> String {
    let input = run.input.as_ref().map(|input| Path::new(&input.resolved));
    let name = input.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let text = (env!("CARGO_PKG_VERSION"), &run.tool, sorted(run), name, content);
    let mut hasher = Hasher::default();
    hasher.update(serde_json::to_string(&text).unwrap_or_default().as_bytes());
    hasher.finish()
}

/// The parameters but the input.
fn sorted(run: &Run) -> Map<String, Value> {
    let input = cts_core::tool::find(&run.tool).map_or("", |tool| tool.input);
    let mut others: Vec<_> = run.params.iter().filter(|(name, _)| *name != input).collect();
    others.sort_by_key(|(name, _)| *name);
    others.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn hash_small(path: &str) -> Option<String> {
    let size = std::fs::metadata(path).ok()?.len();
    (size <= MAX_HASHED).then(|| hash_file(Path::new(path)).ok()).flatten().map(|(_, hash)| hash)
}

/// What tells whether a file is still the same: device, inode, size, times. `None` for anything but a file.
pub(super) fn identity(path: &str) -> Option<String> {
    let meta = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let (changed, written) = ((meta.ctime(), meta.ctime_nsec()), (meta.mtime(), meta.mtime_nsec()));
    Some(format!("{}:{}:{}:{written:?}:{changed:?}", meta.dev(), meta.ino(), meta.len()))
}
