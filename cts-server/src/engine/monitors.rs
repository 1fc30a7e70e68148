//! Monitors: tools that say what they see while they go on. Each replays a log in a worker process of its own.
//!
//! What is known of them is in memory only: they end with the service. An ended one stays listed for a while, with
//! its last events, so that a client that comes late still gets them.

mod feed;
mod watch;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cts_core::tool::{self, Category as Kind, Tool};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use feed::{Feed, Piece, Subscription};

use super::submit::Wish;
use super::{Caller, Engine, lock, params};
use crate::clock::Micros;
use crate::failure::{Category, Failure};
use crate::store::InputRef;

/// Longest wait for subscribers to be told that the service ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a monitor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MonitorStatus {
    /// It watches.
    Running,
    /// Its log has ended.
    Completed,
    /// It could not go on.
    Failed,
    /// Somebody ended it.
    Stopped,
}

impl MonitorStatus {
    /// Its name, as clients see it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// One monitor.
pub struct Monitor {
    /// Its id.
    pub id: String,
    /// Its tool.
    pub tool: &'static Tool,
    /// Whose it is.
    pub owner: Option<String>,
    /// Its parameters, as they were given.
    pub params: Map<String, Value>,
    /// What it reads.
    pub input: InputRef,
    /// When it was started.
    pub started_at: Micros,
    started: Instant,
    /// What it says.
    pub feed: Feed,
    cancel: CancellationToken,
    state: Mutex<MonitorState>,
}

/// What changes of a monitor.
#[derive(Clone, Debug)]
pub struct MonitorState {
    /// What it does.
    pub status: MonitorStatus,
    /// When it ended.
    pub ended_at: Option<Micros>,
    /// The same for ages, which clocks that are set must not change.
    ended: Option<Instant>,
    /// Percent of the log, if that is known.
    pub progress: Option<f64>,
    /// The tool's report.
    pub report: Option<Value>,
    /// Why it failed.
    pub failure: Option<Failure>,
}

impl Monitor {
    /// How it is.
    pub fn state(&self) -> MonitorState {
        lock(&self.state).clone()
    }

    /// How long it has watched.
    pub fn uptime(&self) -> Duration {
        self.state().ended.unwrap_or_else(Instant::now) - self.started
    }
}

/// The monitors of a service.
#[derive(Default)]
pub(super) struct Registry(Mutex<HashMap<String, Arc<Monitor>>>);

impl Engine {
    /// Starts a monitor.
    ///
    /// # Errors
    /// `no-such-tool`, also for tools that are no monitors; those of parameters and input as for runs;
    /// `too-many-monitors`, `stopping`.
    pub async fn start_monitor(&self, caller: &Caller, wish: Wish) -> Result<Arc<Monitor>, Failure> {
        let tool = monitor_tool(&wish.tool_id)?;
        let mut given = wish.params.unwrap_or_default();
        let input = self.resolve_input(caller, tool, wish.input.as_ref(), &mut given).await?;
        params::check_all(tool, &given)?;
        let Some(input) = input else {
            let message = format!("Required parameter '{}' missing", tool.input);
            return Err(Failure::validation("missing-param", message, "Name the log to replay."));
        };
        let settings = &self.0.settings.monitors;
        let monitor = Arc::new(Monitor {
            id: Uuid::new_v4().to_string(),
            tool,
            owner: caller.owner.clone(),
            params: given,
            input,
            started_at: self.now(),
            started: Instant::now(),
            feed: Feed::new(settings.max_events, settings.max_bytes),
            cancel: CancellationToken::new(),
            state: Mutex::new(MonitorState {
                status: MonitorStatus::Running,
                ended_at: None,
                ended: None,
                progress: None,
                report: None,
                failure: None,
            }),
        });
        self.admit(&monitor)?;
        self.0.metrics.monitor_started(tool.name);
        let (engine, started) = (self.clone(), Arc::clone(&monitor));
        self.0.tasks.spawn(async move { engine.watch(started).await });
        Ok(monitor)
    }

    fn admit(&self, monitor: &Arc<Monitor>) -> Result<(), Failure> {
        if self.is_stopping() {
            let fix = "Try again when the service is back.";
            return Err(Failure::system("stopping", "the service is about to end", fix));
        }
        let mut all = lock(&self.0.monitors.0);
        self.forget_old(&mut all);
        let is_running = |one: &&Arc<Monitor>| one.state().status == MonitorStatus::Running;
        let running = all.values().filter(is_running).count();
        if running >= self.0.settings.monitors.max_active {
            let fix = "Stop one of them, or wait until one ends.";
            return Err(Failure::system("too-many-monitors", format!("{running} monitors run already"), fix));
        }
        all.insert(monitor.id.clone(), Arc::clone(monitor));
        Ok(())
    }

    /// Ended monitors go when they are old, or too many.
    fn forget_old(&self, all: &mut HashMap<String, Arc<Monitor>>) {
        let settings = &self.0.settings.monitors;
        let mut ended: Vec<(Instant, String)> =
            all.values().filter_map(|one| Some((one.state().ended?, one.id.clone()))).collect();
        ended.sort();
        let surplus = ended.len().saturating_sub(settings.max_ended);
        for (n, (at, id)) in ended.into_iter().enumerate() {
            if n < surplus || at.elapsed() > settings.keep_ended {
                all.remove(&id);
            }
        }
    }

    /// The monitor of that id.
    ///
    /// # Errors
    /// `no-such-monitor`, also for those of others.
    pub fn monitor(&self, caller: &Caller, id: &str) -> Result<Arc<Monitor>, Failure> {
        let found = lock(&self.0.monitors.0).get(id).cloned();
        found.filter(|monitor| caller.sees(monitor.owner.as_deref())).ok_or_else(|| {
            let fix = "Check the id; it may be of another user, or have ended long ago.";
            Failure::validation("no-such-monitor", format!("Monitor '{id}' not found"), fix)
        })
    }

    /// The caller's monitors, the newest first.
    pub fn monitors(&self, caller: &Caller) -> Vec<Arc<Monitor>> {
        let mut all = lock(&self.0.monitors.0);
        self.forget_old(&mut all);
        let mut seen: Vec<Arc<Monitor>> =
            all.values().filter(|one| caller.sees(one.owner.as_deref())).cloned().collect();
        seen.sort_by(|a, b| (b.started_at, &b.id).cmp(&(a.started_at, &a.id)));
        seen
    }

    /// Ends a monitor and waits until it has. One that has ended stays as it is.
    ///
    /// # Errors
    /// `no-such-monitor`.
    pub async fn stop_monitor(&self, caller: &Caller, id: &str) -> Result<Arc<Monitor>, Failure> {
        let monitor = self.monitor(caller, id)?;
        monitor.cancel.cancel();
        monitor.feed.closed().await;
        Ok(monitor)
    }

    /// The uploads that monitors read.
    pub(super) fn watched_uploads(&self) -> Vec<String> {
        let all = lock(&self.0.monitors.0);
        let inputs = all.values().map(|one| &one.input).filter(|input| input.kind == "upload");
        inputs.map(|input| input.value.clone()).collect()
    }

    /// Ends all monitors and gives their subscribers a moment to hear of it.
    pub(super) async fn stop_monitors(&self) {
        let all: Vec<Arc<Monitor>> = lock(&self.0.monitors.0).values().cloned().collect();
        all.iter().for_each(|monitor| monitor.cancel.cancel());
        let told = async {
            for monitor in &all {
                monitor.feed.closed().await;
            }
            while all.iter().any(|monitor| monitor.feed.subscribers() > 0) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        // Whoever does not listen by then is cut off.
        let _ = tokio::time::timeout(FAREWELL, told).await;
    }
}

fn monitor_tool(name: &str) -> Result<&'static Tool, Failure> {
    let message = format!("Monitor not found: {name}");
    match tool::find(name) {
        Ok(tool) if tool.category == Kind::Monitor => Ok(tool),
        Ok(tool) => {
            let fix = format!("{} is no monitor; start it with POST /v1/runs.", tool.name);
            Err(Failure::new(Category::ToolNotFound, "no-such-tool", message, fix))
        }
        Err(error) => Err(Failure { message, category: Category::ToolNotFound, ..Failure::from(&error) }),
    }
}
