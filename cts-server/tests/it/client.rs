//! A small client.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::http::{Request, Response};
use ureq::{Agent, Body};

/// Everything here takes milliseconds; this is when a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub struct Client {
    agent: Agent,
    pub base: String,
    pub address: SocketAddr,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|e| panic!("{e}: {:?}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        let config =
            Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
        Self { agent: config.into(), base: format!("http://{address}"), address }
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let mut response = self.open(method, path, headers, body);
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut bytes = Vec::new();
        response.body_mut().as_reader().read_to_end(&mut bytes).unwrap();
        Answer { status, headers, bytes }
    }

    pub fn open(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if body.is_empty() && matches!(method, "GET" | "HEAD" | "DELETE" | "OPTIONS") {
            self.agent.run(request.body(()).unwrap()).unwrap()
        } else {
            self.agent.run(request.body(body).unwrap()).unwrap()
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Vec::new())
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string().into_bytes())
    }

    /// Starts a run and gives its id.
    pub fn run(&self, tool: &str, params: Value) -> String {
        let answer = self.post("/v1/runs", &json!({ "tool_id": tool, "params": params }));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["run_id"].as_str().unwrap().to_owned()
    }

    /// Waits for the end of a run.
    pub fn wait(&self, id: &str) -> Value {
        self.wait_for(id, &["completed", "failed", "canceled"])
    }

    /// Waits until a run is in one of these states.
    pub fn wait_for(&self, id: &str, states: &[&str]) -> Value {
        let begun = Instant::now();
        loop {
            let run = self.get(&format!("/v1/runs/{id}")).json();
            if states.contains(&run["status"].as_str().unwrap()) {
                return run;
            }
            assert!(begun.elapsed() < PATIENCE, "still {run}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The events of a log until its end.
    pub fn follow(&self, id: &str, headers: &[(&str, &str)]) -> Vec<String> {
        self.stream(id, headers).map_while(Result::ok).collect()
    }

    /// The lines of a log stream as they come.
    pub fn stream(
        &self,
        id: &str,
        headers: &[(&str, &str)],
    ) -> impl Iterator<Item = std::io::Result<String>> {
        let response = self.open("GET", &format!("/v1/runs/{id}/logs"), headers, Vec::new());
        assert_eq!(response.status(), 200);
        BufReader::new(response.into_body().into_reader()).lines()
    }
}

/// The messages of log events.
pub fn messages(lines: &[String]) -> Vec<String> {
    let data = lines.iter().filter_map(|line| line.strip_prefix("data: {").map(|rest| format!("{{{rest}")));
    data.map(|text| serde_json::from_str::<Value>(&text).unwrap()["message"].as_str().unwrap().to_owned())
        .collect()
}
