//! From a wish to a run in the queue.

use std::sync::Arc;

use cts_core::tool;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::live::Live;
use super::{Caller, Engine, lock, params};
use crate::failure::{Category, Failure};
use crate::store::{Artifact, Run, Status};

/// Bytes of parameters and name of a run.
const MAX_WISH: usize = 64 << 10;

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
        let _place = self.reserve()?;
        // Before the run is in the store, so that whoever finds it there finds its log, too.
        let live = Arc::new(Live::new(self.logbook(Vec::new())));
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
        check_size(wish)?;
        let tool = tool::find(&wish.tool_id).map_err(|error| {
            let message = format!("Tool not found: {}", wish.tool_id);
            Failure { message, category: Category::ToolNotFound, ..Failure::from(&error) }
        })?;
        let mut params = wish.params.clone().unwrap_or_default();
        let input = self.resolve_input(caller, tool, wish.input.as_ref(), &mut params).await?;
        params::check_all(tool, &params)?;
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
            created_at: self.now(),
            started_at: None,
            completed_at: None,
            attempts: 0,
            report: None,
            failure: None,
            idempotency_key: key,
            logs_dropped: 0,
        })
    }

    /// An earlier run that answers the same wish.
    async fn earlier(&self, caller: &Caller, draft: &Run, reuse: bool) -> Result<Option<Submitted>, Failure> {
        if let Some(key) = &draft.idempotency_key
            && let Some(found) = self.repeated(caller, draft, key).await?
        {
            return Ok(Some(found));
        }
        if reuse { self.equal(caller, draft).await } else { Ok(None) }
    }

    /// A place in the queue, for as long as the run is on its way there.
    fn reserve(&self) -> Result<Place<'_>, Failure> {
        let max = self.max_queued();
        match lock(&self.0.queue).reserve(max) {
            true => Ok(Place(self)),
            false => {
                let fix = "Try again when some of them are done.";
                Err(Failure::system("queue-full", format!("{max} runs wait already"), fix))
            }
        }
    }
}

/// Gives a reserved place back.
struct Place<'a>(&'a Engine);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        lock(&self.0.0.queue).release();
    }
}

/// Refuses what would make every list long: it stands in each.
fn check_size(wish: &Wish) -> Result<(), Failure> {
    let name = wish.name.as_ref().map_or(0, String::len);
    let bytes = serde_json::to_vec(&wish.params).unwrap_or_default().len() + name;
    if bytes <= MAX_WISH {
        return Ok(());
    }
    let message = format!("name and parameters have {bytes} bytes, the limit is {MAX_WISH}");
    Err(Failure::validation("too-large", message, "Put long lists into a file that the tool reads."))
}
