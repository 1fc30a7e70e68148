//! Monitors over recorded logs: the log as a stream, at once or at its own pace, and the findings as JSON lines.

use std::io::{BufWriter, Write};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::{Artifact, ArtifactWriter, Ctx};
use crate::analyze::monitor::{Findings, Message, Monitor, PandaState, Scalar};
use crate::capnp::Value;
use crate::log::{Batch, Completeness, Event, EventSchema, Input, InputRecord, frames, which};
use crate::{Error, Result};

/// Longest sleep at a time, so that cancellation is noticed.
const NAP: Duration = Duration::from_millis(50);

/// Keeps the time of a replay: waits for what is due, from the first call on. Give it to [`Ctx::with_pace`].
pub fn real_time() -> impl Fn(Duration) -> Duration + Send + Sync {
    let start: OnceLock<Instant> = OnceLock::new();
    move |due| {
        let left = due.saturating_sub(start.get_or_init(Instant::now).elapsed());
        let nap = left.min(NAP);
        if !nap.is_zero() {
            std::thread::sleep(nap);
        }
        left - nap
    }
}

/// What of a log is shown to a monitor, and how fast.
pub(super) struct Replay<'a> {
    /// First time, in s after the first event of CAN or pandas.
    pub(super) from: f64,
    /// Last time.
    pub(super) to: Option<f64>,
    /// 1 in real time, 2 twice as fast, 0 at once.
    pub(super) speed: f64,
    /// Where the findings go.
    pub(super) out: &'a str,
    /// Whether the monitor looks at frames.
    pub(super) frames: bool,
    /// Whether it looks at the states of pandas.
    pub(super) pandas: bool,
}

/// [`params!`](crate::params) of a monitor: the log, its own ones, and those of every replay.
macro_rules! monitor_params {
    ($(#[$meta:meta])* pub struct Params { $($own:tt)* }) => {
        $crate::params! {
            $(#[$meta])*
            pub struct Params {
                /// The log to replay: a file, a directory, a route, or `-` for standard input.
                log: String = String::new(), kind: $crate::tool::Kind::Input, required: true;
                $($own)*
                /// Start, after the first event of CAN or pandas.
                from: f64 = 0.0, unit: "s", min: 0.0;
                /// End, after the first event of CAN or pandas.
                to: Option<f64> = None, unit: "s", min: 0.0;
                /// Speed of the replay: 1 is real time, 0 at once.
                speed: f64 = 0.0, min: 0.0, max: 1000.0;
                /// The file for the events; by default the name of the monitor.
                out: Option<String> = None, kind: $crate::tool::Kind::Path;
            }
        }

        impl Params {
            /// The replay that they ask for, of frames and pandas.
            fn replay(&self, default_out: &'static str) -> $crate::tool::replay::Replay<'_> {
                let (from, to, speed) = (self.from, self.to, self.speed);
                let out = self.out.as_deref().unwrap_or(default_out);
                $crate::tool::replay::Replay { from, to, speed, out, frames: true, pandas: true }
            }
        }
    };
}
pub(super) use monitor_params;

/// What came of it.
pub(super) struct Replayed {
    pub(super) record: InputRecord,
    pub(super) artifact: Artifact,
    pub(super) findings: Findings,
    /// From the first to the last event that was shown, in s.
    pub(super) duration_s: f64,
    /// Frames shown.
    pub(super) frames: u64,
    /// `pandaStates` events shown.
    pub(super) panda_events: u64,
}

impl Replay<'_> {
    /// Shows the log to the monitor. Each finding goes to the context and, as a line of JSON, to the artifact.
    ///
    /// # Errors
    /// Those of [`Ctx::read`] and [`Ctx::artifact`]; `canceled`.
    pub(super) fn run(&self, ctx: &Ctx, input: &mut Input, monitor: &mut dyn Monitor) -> Result<Replayed> {
        ctx.protect(input);
        let schema = EventSchema::embedded();
        let number = |name: &str| schema.find(name).ok().and_then(|found| Some(found.first()?.which));
        let mut player = Player {
            replay: self,
            ctx,
            monitor,
            out: BufWriter::new(ctx.artifact(self.out)?),
            findings: Findings::default(),
            schema,
            // One struct instead of a list, before October 2021.
            panda_events: [number("pandaStates"), number("health")],
            origin: None,
            shown: None,
            frames: 0,
            pandas: 0,
        };
        let record = ctx.read(input, |_, batch, record| player.batch(batch, record))?;
        player.monitor.finish(&mut player.findings);
        player.tell()?;
        let (first, last) = player.shown.unwrap_or_default();
        let duration_s = last.saturating_sub(first) as f64 / 1e9;
        let path = player.out.get_ref().path().to_owned();
        let out = player.out.into_inner().map_err(|e| Error::io("write", e.into_error()).path(path))?;
        let artifact = ctx.finish(out)?;
        let (findings, frames, panda_events) = (player.findings, player.frames, player.pandas);
        Ok(Replayed { record, artifact, findings, duration_s, frames, panda_events })
    }
}

struct Player<'a> {
    replay: &'a Replay<'a>,
    ctx: &'a Ctx,
    monitor: &'a mut dyn Monitor,
    out: BufWriter<ArtifactWriter>,
    findings: Findings,
    schema: &'static EventSchema,
    panda_events: [Option<u16>; 2],
    /// Time of the first event of CAN or pandas, also of one that is not shown.
    origin: Option<u64>,
    /// The least and the greatest time that was shown.
    shown: Option<(u64, u64)>,
    frames: u64,
    pandas: u64,
}

impl Player<'_> {
    fn batch(&mut self, batch: &Batch, record: &mut Completeness) -> Result<()> {
        for event in batch.events() {
            let is_panda = self.panda_events.contains(&Some(event.which()));
            if !is_panda && event.which() != which::CAN {
                continue;
            }
            let at = event.mono_time();
            if !self.is_wanted(at)? {
                continue;
            }
            self.monitor.time(at, &mut self.findings);
            match is_panda {
                true if self.replay.pandas => self.panda(&event, record),
                false if self.replay.frames => self.can(&event, record),
                _ => {}
            }
            self.tell()?;
        }
        Ok(())
    }

    /// Whether the event is within the bounds; waits for its time.
    fn is_wanted(&mut self, at: u64) -> Result<bool> {
        let origin = *self.origin.get_or_insert(at);
        let seconds = at.wrapping_sub(origin) as i64 as f64 / 1e9;
        if seconds < self.replay.from || self.replay.to.is_some_and(|to| seconds > to) {
            return Ok(false);
        }
        self.findings.begin(at);
        let (first, last) = self.shown.map_or((at, at), |(first, last)| (first.min(at), last.max(at)));
        self.shown = Some((first, last));
        if self.replay.speed > 0.0 {
            let due = self.findings.seconds(at).max(0.0) / self.replay.speed;
            self.ctx.wait(Duration::try_from_secs_f64(due).unwrap_or(Duration::MAX))?;
        }
        Ok(true)
    }

    fn can(&mut self, event: &Event<'_>, record: &mut Completeness) {
        let list = match frames(event) {
            Ok(list) => list,
            Err(fault) => return record.note_value(event.index(), event.offset(), fault.0),
        };
        for frame in list {
            match frame {
                Ok(frame) => {
                    let message = Message { bus: frame.bus, address: frame.address };
                    self.monitor.frame(event.mono_time(), message, &mut self.findings);
                    self.frames += 1;
                }
                Err(fault) => record.note_value(event.index(), event.offset(), fault.0),
            }
        }
    }

    fn panda(&mut self, event: &Event<'_>, record: &mut Completeness) {
        let (value, faults) = self.schema.value(event);
        if let Some(fault) = faults.first() {
            return record.note_value(event.index(), event.offset(), fault.0);
        }
        self.pandas += 1;
        self.monitor.pandas(event.mono_time(), &states(&value), &mut self.findings);
    }

    /// Passes on what the monitor found.
    fn tell(&mut self) -> Result<()> {
        for finding in self.findings.drain() {
            self.ctx.finding(&finding);
            let written = serde_json::to_writer(&mut self.out, &finding).map_err(std::io::Error::from);
            written
                .and_then(|()| self.out.write_all(b"\n"))
                .map_err(|e| Error::io("write", e).path(self.out.get_ref().path()))?;
        }
        Ok(())
    }
}

/// The states in an event: a list, or one in old logs.
fn states(event: &Value<'_>) -> Vec<PandaState> {
    let Value::Struct(fields) = event else { return Vec::new() };
    match fields.last() {
        Some((_, Value::List(items))) => items.iter().map(state).collect(),
        Some((_, one @ Value::Struct(_))) => vec![state(one)],
        _ => Vec::new(),
    }
}

fn state(value: &Value<'_>) -> PandaState {
    let mut fields = Vec::new();
    flatten("", value, &mut fields);
    PandaState(fields)
}

fn flatten(prefix: &str, value: &Value<'_>, fields: &mut Vec<(String, Scalar)>) {
    let Value::Struct(inner) = value else { return };
    for (name, value) in inner {
        let name = if prefix.is_empty() { (*name).to_owned() } else { format!("{prefix}.{name}") };
        match scalar(value) {
            Some(scalar) => fields.push((name, scalar)),
            None => flatten(&name, value, fields),
        }
    }
}

fn scalar(value: &Value<'_>) -> Option<Scalar> {
    Some(match value {
        Value::Bool(value) => Scalar::Bool(*value),
        Value::Int(value) => Scalar::Int(*value),
        Value::UInt(value) => Scalar::Int(i64::try_from(*value).unwrap_or(i64::MAX)),
        Value::Float(value) => Scalar::Float(*value),
        Value::Text(value) => Scalar::Text(value.to_string()),
        Value::Name(value) => Scalar::Text((*value).to_owned()),
        Value::List(items) => {
            Scalar::List(items.iter().filter_map(scalar).map(|item| item.to_string()).collect())
        }
        _ => return None,
    })
}
