//! From a wish to a run in the queue.

use std::sync::Arc;

use cts_core::tool;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::live::Live;
use super::logbook::LogBook;
use super::{Caller, Engine, input, lock, params};
use crate::clock;
use crate::failure::{Category, Failure};
use crate::files::Hasher;
use crate::store::{Artifact, InputRef, Run, Status};

/// What a client asks for.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[schema(as = RunRequest)]
pub struct Wish {
    /// The tool.
    pub tool_id: String,
    /// Its parameters.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub params: Option<Map<String, Value>>,
    /// What it reads.
    #[serde(default)]
    pub input: Option<InputWish>,
    /// What the run is called.
    #[serde(default)]
    pub name: Option<String>,
    /// Higher goes first, from -100 to 100.
    #[serde(default)]
    pub priority: i64,
    /// Whether the result of an equal earlier run will do.
    #[serde(default)]
    pub reuse: bool,
}

/// What a run shall read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(expecting = "an object with `type` and `value`")]
#[schema(as = InputRequest)]
pub struct InputWish {
    /// `path` or `upload`.
    #[serde(rename = "type")]
    #[schema(pattern = "^(path|upload)$")]
    pub kind: String,
    /// The path or route, or the id of the upload.
    pub value: String,
}

/// What became of a wish.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// The run.
    pub run: Run,
    /// Its artifacts.
    pub artifacts: Vec<Artifact>,
    /// Whether it is an earlier run.
    pub reused: bool,
}

impl Engine {
    /// Checks a wish and puts a run into the queue.
    ///
    /// With an idempotency key a repeated wish gives the run of the first.
    ///
    /// # Errors
    /// `no-such-tool`; `unknown-param`, `missing-param`, `bad-param`, `out-of-range`; those of the input;
    /// `idempotency-mismatch`, `queue-full`, `stopping`; those of the store. There is no run then.
    pub async fn submit(
        &self,
        caller: &Caller,
        wish: Wish,
        key: Option<String>,
    ) -> Result<Submitted, Failure> {
        let run = self.draft(caller, &wish, key).await?;
        if let Some(earlier) = self.earlier(caller, &run, wish.reuse).await? {
            return Ok(earlier);
        }
        if self.is_stopping() {
            let fix = "Try again when the service is back.";
            return Err(Failure::system("stopping", "the service is about to end", fix));
        }
        let (waiting, _) = self.load();
        if waiting >= self.max_queued() {
            let message = format!("{waiting} runs wait already");
            return Err(Failure::system("queue-full", message, "Try again when some of them are done."));
        }
        // Before the run is in the store, so that whoever finds it there finds its log, too.
        let live = Arc::new(Live::new(LogBook::new(&self.0.settings.runs, Vec::new())));
        lock(&self.0.live).insert(run.id.clone(), live);
        let insert = run.clone();
        if let Err(failure) = self.0.store.write(move |db| insert.insert(db)).await {
            lock(&self.0.live).remove(&run.id);
            // Two equal requests at once: the other was first.
            return match self.earlier(caller, &run, false).await? {
                Some(earlier) => Ok(earlier),
                None => Err(failure),
            };
        }
        self.0.metrics.run_created(&run.tool);
        self.enqueue(&run);
        Ok(Submitted { run, artifacts: Vec::new(), reused: false })
    }

    /// Puts a run into the queue, where it may be taken at once.
    pub(super) fn enqueue(&self, run: &Run) {
        lock(&self.0.queue).push(run.priority, &run.client, &run.id);
        self.0.wake.notify_one();
    }

    async fn draft(&self, caller: &Caller, wish: &Wish, key: Option<String>) -> Result<Run, Failure> {
        let tool = tool::find(&wish.tool_id).map_err(|error| {
            let message = format!("Tool not found: {}", wish.tool_id);
            Failure { message, category: Category::ToolNotFound, ..Failure::from(&error) }
        })?;
        let mut params = wish.params.clone().unwrap_or_default();
        let input = self.resolve_input(caller, tool, wish.input.as_ref(), &mut params).await?;
        params::check_all(tool, &params)?;
        let cache_key = cache_key(tool.name, &params, input.as_ref());
        Ok(Run {
            seq: 0,
            id: Uuid::new_v4().to_string(),
            owner: caller.owner.clone(),
            client: caller.client.clone(),
            tool: tool.name.to_owned(),
            name: wish.name.clone(),
            params,
            input,
            status: Status::Queued,
            priority: wish.priority.clamp(-100, 100),
            created_at: clock::now(),
            started_at: None,
            completed_at: None,
            attempts: 0,
            report: None,
            failure: None,
            cache_key,
            idempotency_key: key,
            logs_dropped: 0,
        })
    }

    /// An earlier run that answers the same wish.
    async fn earlier(&self, caller: &Caller, run: &Run, reuse: bool) -> Result<Option<Submitted>, Failure> {
        let who = caller.owner.clone().unwrap_or_else(|| caller.client.clone());
        let (key, cache_key) = (run.idempotency_key.clone(), run.cache_key.clone().filter(|_| reuse));
        if key.is_none() && cache_key.is_none() {
            return Ok(None);
        }
        let owner = caller.owner.clone();
        let found = self.0.store.read(move |db| {
            let by_key = key.map(|key| Run::by_idempotency_key(db, &who, &key)).transpose()?.flatten();
            let found = match (by_key, cache_key) {
                (None, Some(key)) => Run::by_cache_key(db, owner.as_deref(), &key)?,
                (found, _) => found,
            };
            let artifacts = found.as_ref().map(|run| Artifact::of_run(db, &run.id)).transpose()?;
            Ok(found.zip(artifacts))
        });
        let Some((found, artifacts)) = found.await? else {
            return Ok(None);
        };
        let same = (&found.tool, &found.params, &found.input) == (&run.tool, &run.params, &run.input);
        if found.idempotency_key.is_some() && found.idempotency_key == run.idempotency_key && !same {
            let message = "this Idempotency-Key was used for another request";
            return Err(Failure::validation(
                "idempotency-mismatch",
                message,
                "Use a new key for a new request.",
            ));
        }
        Ok(Some(Submitted { run: found, artifacts, reused: true }))
    }
}

/// Equal for runs that must have the same result: program, tool, parameters, input. `None` for routes and directories.
fn cache_key(tool: &str, params: &Map<String, Value>, input: Option<&InputRef>) -> Option<String> {
    let identity = input::identity(&input?.resolved)?;
    let mut sorted: Vec<(&String, &Value)> = params.iter().collect();
    sorted.sort_by_key(|(name, _)| *name);
    let parts = serde_json::to_string(&(env!("CARGO_PKG_VERSION"), tool, sorted, identity)).ok()?;
    let mut hasher = Hasher::default();
    hasher.update(parts.as_bytes());
    Some(hasher.finish())
}
