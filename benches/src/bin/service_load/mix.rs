//! Many clients over all endpoints that answer at once, while analyses run.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::Outcome;
use crate::http::Conn;
use crate::numbers::Times;
use crate::runs;

/// What one kind of request met.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) times: Times,
    pub(crate) errors: u64,
}

/// By endpoint.
pub(crate) type Table = BTreeMap<&'static str, Seen>;

/// What clients ask about.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) run: String,
    pub(crate) artifact: String,
    pub(crate) log: String,
}

const GETS: &[&str] = &[
    "/v1/version",
    "/v1/health",
    "/v1/health/simple",
    "/v1/health/live",
    "/v1/health/ready",
    "/v1/health/detailed",
    "/v1/capabilities",
    "/v1/runs",
    "/v1/runs?status=completed&limit=10",
    "/v1/runs/{run}",
    "/v1/runs/{run}/logs/list",
    "/v1/runs/{run}/artifacts",
    "/v1/artifacts/{artifact}",
    "/v1/metrics",
    "/metrics",
    "/v1/config/status",
    "/openapi.json",
    "/docs",
];

/// One client: its connection and what it met.
struct Client {
    conn: Conn,
    known: Known,
    table: Table,
}

impl Client {
    async fn ask(&mut self, name: &'static str, method: &str, path: &str, body: &[u8]) -> Outcome<String> {
        let begun = Instant::now();
        let answer = self.conn.ask(method, path, body).await;
        let seen = self.table.entry(name).or_default();
        seen.times.push(begun.elapsed());
        match answer {
            Ok(answer) if answer.status < 400 => Ok(String::from_utf8_lossy(&answer.body).into_owned()),
            failed => {
                seen.errors += 1;
                let status = failed.map(|answer| answer.status.to_string());
                Err(format!("{name}: {}", status.unwrap_or_else(|e| e.to_string())).into())
            }
        }
    }

    /// The request of that number, or those that belong together.
    async fn turn(&mut self, number: usize) -> Outcome<()> {
        if let Some(name) = GETS.get(number % (GETS.len() + 2)) {
            let path = name.replace("{run}", &self.known.run).replace("{artifact}", &self.known.artifact);
            return self.ask(name, "GET", &path, b"").await.map(drop);
        }
        if number.is_multiple_of(2) {
            let body = runs::wish("rlog-to-csv", &self.known.log);
            let made = self.ask("POST /v1/runs", "POST", "/v1/runs", &body).await?;
            let path = format!("/v1/runs/{}", field(&made, "run_id"));
            return self.ask("DELETE /v1/runs/{run}", "DELETE", &path, b"").await.map(drop);
        }
        let made =
            self.ask("POST /v1/uploads", "POST", "/v1/uploads", br#"{"filename":"a","size":1000}"#).await?;
        let path = format!("/v1/uploads/{}", field(&made, "upload_id"));
        self.ask("PUT /v1/uploads/{upload}/content", "PUT", &format!("{path}/content"), &[7; 1000]).await?;
        self.ask("GET /v1/uploads/{upload}", "GET", &path, b"").await?;
        self.ask("POST /v1/uploads/{upload}/finalize", "POST", &format!("{path}/finalize"), b"")
            .await
            .map(drop)
    }
}

fn field(json: &str, name: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
    value[name].as_str().unwrap_or_default().to_owned()
}

/// Lets `clients` ask for so long, each with a mean pause between its requests.
pub(crate) async fn clients(
    address: SocketAddr,
    known: &Known,
    clients: usize,
    lasting: Duration,
    pause: Duration,
) -> Outcome<Table> {
    let mut all = JoinSet::new();
    let until = Instant::now() + lasting;
    for number in 0..clients {
        let known = known.clone();
        all.spawn(async move {
            let conn = Conn::open(address).await.map_err(|e| e.to_string())?;
            let mut client = Client { conn, known, table: Table::new() };
            // Spread over the first pause, and never in step.
            let mut chance = number as u64 * 0x9E37_79B9_7F4A_7C15 + 1;
            let mut turn = number * 7;
            while Instant::now() < until {
                chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let share = 2.0 * (chance >> 33) as f64 / f64::from(1u32 << 31);
                tokio::time::sleep(pause.mul_f64(share)).await;
                turn += 1;
                let failed = client.turn(turn).await.err().map(|error| error.to_string());
                if let Some(error) = failed {
                    eprintln!("{error}");
                    client.conn = Conn::open(address).await.map_err(|e| e.to_string())?;
                }
            }
            Ok::<Table, String>(client.table)
        });
    }
    let mut table = Table::new();
    while let Some(one) = all.join_next().await {
        for (name, seen) in one?? {
            let sum = table.entry(name).or_default();
            sum.times.extend(&seen.times);
            sum.errors += seen.errors;
        }
    }
    Ok(table)
}

/// Keeps so many analyses running until `stop`; gives how many were completed.
pub(crate) async fn analyses(
    address: SocketAddr,
    log: String,
    at_once: usize,
    stop: Arc<AtomicBool>,
) -> Outcome<u64> {
    let mut all = JoinSet::new();
    for _ in 0..at_once {
        let (log, stop) = (log.clone(), Arc::clone(&stop));
        all.spawn(async move {
            let mut done = 0;
            while !stop.load(Ordering::Relaxed) {
                runs::complete(address, "can-bitwatch", &log).await.map_err(|e| e.to_string())?;
                done += 1;
            }
            Ok::<u64, String>(done)
        });
    }
    let mut sum = 0;
    while let Some(one) = all.join_next().await {
        sum += one??;
    }
    Ok(sum)
}
