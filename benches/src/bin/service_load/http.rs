//! As much of HTTP as is needed, with nothing between the socket and the clock.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::Outcome;

/// A connection that is kept open.
pub(crate) struct Conn {
    stream: BufReader<TcpStream>,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The JSON value at `pointer`, as text.
    pub(crate) fn text(&self, pointer: &str) -> Outcome<String> {
        let value: serde_json::Value = serde_json::from_slice(&self.body)?;
        let found = value.pointer(pointer).and_then(|value| value.as_str()).map(str::to_owned);
        Ok(found.ok_or_else(|| {
            format!("no {pointer} in status {}: {}", self.status, String::from_utf8_lossy(&self.body))
        })?)
    }
}

/// What the head of an answer says.
struct Head {
    status: u16,
    length: Option<u64>,
}

impl Conn {
    pub(crate) async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::with_capacity(64 << 10, stream) })
    }

    pub(crate) async fn get(&mut self, path: &str) -> Outcome<Answer> {
        self.ask("GET", path, b"").await
    }

    /// Asks and reads all of the answer.
    pub(crate) async fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> Outcome<Answer> {
        let head = self.begin(method, path, body).await?;
        let mut body = Vec::new();
        match head.length {
            Some(length) => {
                (&mut self.stream).take(length).read_to_end(&mut body).await?;
            }
            None => while self.chunk(&mut body).await? {},
        }
        Ok(Answer { status: head.status, body })
    }

    async fn begin(&mut self, method: &str, path: &str, body: &[u8]) -> Outcome<Head> {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: bench\r\nContent-Length: {}\r\n", body.len());
        request.push_str("Content-Type: application/json\r\n\r\n");
        let mut request = request.into_bytes();
        request.extend_from_slice(body);
        self.stream.write_all(&request).await?;
        let status = self.line().await?.split(' ').nth(1).unwrap_or_default().parse()?;
        let mut length = None;
        loop {
            let line = self.line().await?;
            match line.split_once(": ") {
                None => return Ok(Head { status, length }),
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().ok()
                }
                Some(_) => {}
            }
        }
    }

    async fn chunk(&mut self, body: &mut Vec<u8>) -> Outcome<bool> {
        let size = u64::from_str_radix(&self.line().await?, 16)?;
        (&mut self.stream).take(size).read_to_end(body).await?;
        self.line().await?;
        Ok(size > 0)
    }

    /// The next line; empty at the end.
    pub(crate) async fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).await?;
        Ok(line.trim_end().to_owned())
    }

    /// Begins to follow a log; [`Conn::event`] gives what comes.
    pub(crate) async fn follow(&mut self, run: &str) -> Outcome<()> {
        self.begin("GET", &format!("/v1/runs/{run}/logs"), b"").await.map(drop)
    }

    /// The data of the next event. An answer that ends without `[DONE]` is an error.
    pub(crate) async fn event(&mut self) -> Outcome<String> {
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await? == 0 {
                return Err("the stream broke off".into());
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return Ok(data.trim_end().to_owned());
            }
        }
    }

    /// Reads a body and forgets it; gives its length.
    pub(crate) async fn swallow(&mut self, path: &str) -> Outcome<u64> {
        let length = self.begin("GET", path, b"").await?.length.ok_or("no length")?;
        let mut left = length;
        let mut piece = vec![0; 256 << 10];
        while left > 0 {
            let read = self.stream.read(&mut piece).await? as u64;
            if read == 0 {
                return Err("the download broke off".into());
            }
            left -= read.min(left);
        }
        Ok(length)
    }
}
