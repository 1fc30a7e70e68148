//! Runs from the wish to the end.

use std::net::SocketAddr;
use std::time::Duration;

use crate::Outcome;
use crate::http::Conn;

/// The body of a request for a run.
pub(crate) fn wish(tool: &str, input: &str) -> Vec<u8> {
    let input = serde_json::json!({ "type": "path", "value": input });
    serde_json::json!({ "tool_id": tool, "params": {}, "input": input }).to_string().into_bytes()
}

/// Starts a run; gives its id.
pub(crate) async fn start(conn: &mut Conn, tool: &str, input: &str) -> Outcome<String> {
    conn.ask("POST", "/v1/runs", &wish(tool, input)).await?.text("/run_id")
}

/// Starts a run and waits for its end, which must be a good one; gives its id.
pub(crate) async fn complete(address: SocketAddr, tool: &str, input: &str) -> Outcome<String> {
    let mut conn = Conn::open(address).await?;
    let id = start(&mut conn, tool, input).await?;
    end(address, &id).await?;
    let status = conn.get(&format!("/v1/runs/{id}")).await?.text("/status")?;
    if status == "completed" { Ok(id) } else { Err(format!("run {id} is {status}").into()) }
}

/// Follows a run to its end.
pub(crate) async fn end(address: SocketAddr, id: &str) -> Outcome<()> {
    let mut follower = Conn::open(address).await?;
    follower.follow(id).await?;
    while follower.event().await? != "[DONE]" {}
    Ok(())
}

/// From its creation to its start, by the service's own clock.
pub(crate) async fn delay(conn: &mut Conn, id: &str) -> Outcome<Duration> {
    let run = conn.get(&format!("/v1/runs/{id}")).await?;
    let (from, to) = (micros(&run.text("/created_at")?)?, micros(&run.text("/started_at")?)?);
    Ok(Duration::from_micros((to + 3_600_000_000 - from) % 3_600_000_000))
}

/// Microseconds within the hour of a time such as `2026-11-23T06:48:01.168010Z`.
pub(crate) fn micros(time: &str) -> Outcome<u64> {
    let clock = time.split_once('T').ok_or("no time")?.1.trim_end_matches('Z');
    let mut parts = clock.split(':').skip(1);
    let minutes: u64 = parts.next().ok_or("no minutes")?.parse()?;
    let seconds: f64 = parts.next().ok_or("no seconds")?.parse()?;
    Ok(minutes * 60_000_000 + (seconds * 1e6).round() as u64)
}
