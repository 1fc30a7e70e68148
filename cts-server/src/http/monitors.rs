//! Monitors, and what they see over WebSockets.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt, SinkExt, StreamExt};
use http::StatusCode;
use serde_json::json;
use tokio::time::{Instant, timeout};
use warp::Reply;
use warp::ws::{Message, WebSocket};

use super::app::App;
use super::problem::{Answer, Problem};
use super::reply;
use super::request::Request;
use super::view::MonitorView;
use crate::engine::{Monitor, Subscription, Wish};
use crate::failure::Failure;

/// Events that are sent before the client is listened to again.
const PIECE: usize = 64;
/// Clients say next to nothing.
const MAX_HEARD: usize = 64 << 10;
/// How long a client may take to take one message, or to say goodbye.
const PATIENCE: Duration = Duration::from_secs(30);
/// So many heartbeats without a sign of life end a stream.
const SILENT_BEATS: u32 = 3;

/// `POST /v1/monitors`, `POST /v1/monitors/start`
pub(super) async fn create(app: Arc<App>, mut request: Request) -> Answer {
    let wish: Wish = request.json(&app.engine.settings().http).await?;
    let monitor = app.engine.start_monitor(&request.caller, wish).await?;
    Ok(reply::json(&MonitorView::new(&monitor)))
}

/// `GET /v1/monitors`: a bare list, the newest first.
pub(super) async fn list(app: Arc<App>, request: Request) -> Answer {
    let (status, tool) = (request.query("status"), request.query("tool_id"));
    let limit = request.query_number("limit", 1000, 1000)? as usize;
    let offset = request.query_number("offset", 0, u32::MAX)? as usize;
    let monitors = app.engine.monitors(&request.caller);
    let wanted = monitors.iter().filter(|monitor| {
        let same_tool = tool.as_deref().is_none_or(|tool| monitor.tool.name == tool);
        same_tool && status.as_deref().is_none_or(|status| monitor.state().status.name() == status)
    });
    let views: Vec<_> = wanted.skip(offset).take(limit).map(|monitor| MonitorView::new(monitor)).collect();
    Ok(reply::json(&views))
}

/// `GET /v1/monitors/{monitor_id}`, `GET /v1/monitors/{monitor_id}/status`
pub(super) async fn status(app: Arc<App>, request: Request) -> Answer {
    Ok(reply::json(&MonitorView::full(&*app.engine.monitor(&request.caller, request.id())?)))
}

/// `DELETE /v1/monitors/{monitor_id}`, `POST /v1/monitors/{monitor_id}/stop`: one that has ended stays as it is.
pub(super) async fn stop(app: Arc<App>, request: Request) -> Answer {
    let monitor = app.engine.stop_monitor(&request.caller, request.id()).await?;
    Ok(reply::json(&MonitorView::full(&monitor)))
}

/// `GET /v1/monitors/{monitor_id}/stream`
pub(super) async fn stream(app: Arc<App>, mut request: Request) -> Answer {
    let monitor = app.engine.monitor(&request.caller, request.id())?;
    let Some(ws) = request.upgrade.take() else {
        let fix = "Open this path as a WebSocket, or read /v1/monitors/{id}/status.";
        let failure = Failure::validation("not-a-websocket", "this path is a WebSocket", fix);
        return Err(Problem::with(StatusCode::UPGRADE_REQUIRED, failure));
    };
    let Some(subscription) = monitor.feed.subscribe(app.engine.settings().monitors.max_subscribers) else {
        let message = format!("{} clients listen already", monitor.feed.subscribers());
        let failure = Failure::system("too-many-subscribers", message, "Close one of the other streams.");
        return Err(Problem::with(StatusCode::TOO_MANY_REQUESTS, failure));
    };
    let heartbeat = app.engine.settings().http.heartbeat;
    let upgraded = ws.max_message_size(MAX_HEARD).on_upgrade(move |socket| async move {
        let (sink, source) = socket.split();
        let now = Instant::now();
        let line = Line { app, monitor, sink, source, subscription, heartbeat, heard: now, last: 0 };
        // The client is gone; there is nobody to tell.
        let _ = line.serve().await;
    });
    Ok(upgraded.into_response())
}

/// The client has left.
struct Gone;

impl From<warp::Error> for Gone {
    fn from(_: warp::Error) -> Self {
        Self
    }
}

/// One client that listens to one monitor.
struct Line {
    app: Arc<App>,
    monitor: Arc<Monitor>,
    sink: SplitSink<WebSocket, Message>,
    source: SplitStream<WebSocket>,
    subscription: Subscription,
    heartbeat: Duration,
    /// When the client last gave a sign of life.
    heard: Instant,
    /// Number of the last event that was sent.
    last: u64,
}

impl Line {
    async fn serve(mut self) -> Result<(), Gone> {
        let mut beat = tokio::time::interval_at(Instant::now() + self.heartbeat, self.heartbeat);
        loop {
            // Before the events are read, so that none of those before the end is missed.
            let (_, closed) = *self.subscription.changed.borrow_and_update();
            let sent = self.send_piece().await?;
            while let Some(message) = self.source.next().now_or_never() {
                self.take_in(message).await?;
            }
            if sent {
                continue;
            }
            if closed {
                return self.goodbye().await;
            }
            tokio::select! {
                changed = self.subscription.changed.changed() => changed.map_err(|_| Gone)?,
                message = self.source.next() => self.take_in(message).await?,
                _ = beat.tick() => {
                    if self.heard.elapsed() > self.heartbeat * SILENT_BEATS {
                        return Err(Gone);
                    }
                    self.send(Message::ping(Vec::new())).await?;
                }
            }
        }
    }

    /// Sends what there is, at most a piece; false if there was nothing.
    async fn send_piece(&mut self) -> Result<bool, Gone> {
        let piece = self.monitor.feed.after(self.last, PIECE);
        if piece.dropped > 0 {
            self.app.engine.metrics().monitor_events_dropped(piece.dropped);
            let notice = self.monitor.event("dropped", &json!({ "events": piece.dropped }));
            self.send(Message::text(notice)).await?;
        }
        self.last = piece.last;
        for text in &piece.events {
            self.send(Message::text(&**text)).await?;
        }
        Ok(!piece.events.is_empty())
    }

    async fn send(&mut self, message: Message) -> Result<(), Gone> {
        timeout(PATIENCE, self.sink.send(message)).await.map_err(|_| Gone)??;
        Ok(())
    }

    /// Everything that a client sends is a sign of life; pings are answered below us.
    async fn take_in(&mut self, message: Option<Result<Message, warp::Error>>) -> Result<(), Gone> {
        match message {
            Some(Ok(message)) if !message.is_close() => {
                self.heard = Instant::now();
                Ok(())
            }
            Some(Ok(_)) => {
                // The answer to its goodbye is sent when the line is closed.
                let _ = timeout(PATIENCE, self.sink.close()).await;
                Err(Gone)
            }
            _ => Err(Gone),
        }
    }

    /// Says that this was all, and waits for the client to agree.
    async fn goodbye(mut self) -> Result<(), Gone> {
        self.send(Message::close_with(1000u16, "the monitor has ended")).await?;
        let agreed = async { while let Some(Ok(_)) = self.source.next().await {} };
        let _ = timeout(PATIENCE, agreed).await;
        Ok(())
    }
}
