//! A service that answers what a test wants, byte for byte, one request a connection.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use tungstenite::WebSocket;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::{CloseFrame, Role};

/// What came.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET /v1/health`
    pub line: String,
    /// By their names in lower case.
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
    /// How many requests with this line came before.
    pub nth: usize,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What goes back.
pub enum Answer {
    /// These bytes, then the end of the connection.
    Bytes(Vec<u8>),
    /// Nothing, for as long as the client waits.
    Silence,
    /// The end of the connection after so many bytes of the body.
    CutAfter(usize),
    /// A WebSocket with these messages, closed with this code; 0 for no closing.
    Socket(Vec<String>, u16),
}

pub struct Script {
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Script {
    /// Answers with `answer`; `GET /v1/version` is answered unless it does so itself with something else than 404.
    pub fn new(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&requests), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream.unwrap(), &seen, &*answer));
            }
        });
        Self { url, requests }
    }

    /// Requests so far, version negotiation left out.
    pub fn requests(&self) -> Vec<Request> {
        let all = self.requests.lock().unwrap();
        all.iter().filter(|request| request.line != "GET /v1/version").cloned().collect()
    }

    pub fn lines(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.line).collect()
    }
}

fn serve(stream: TcpStream, seen: &Mutex<Vec<Request>>, answer: &dyn Fn(&Request) -> Answer) {
    let mut input = BufReader::new(stream.try_clone().unwrap());
    let Some((line, headers)) = head(&mut input) else { return };
    let nth = seen.lock().unwrap().iter().filter(|request| request.line == line).count();
    let mut request = Request { line, headers, body: Vec::new(), nth };
    let len = request.header("content-length").and_then(|len| len.parse().ok()).unwrap_or(0);
    let reply = answer(&request);
    let len = if let Answer::CutAfter(cut) = reply { len.min(cut) } else { len };
    request.body = vec![0; len];
    input.read_exact(&mut request.body).unwrap();
    seen.lock().unwrap().push(request.clone());
    // An answer may depend on the body.
    let reply = if request.body.is_empty() { reply } else { answer(&request) };
    match reply {
        // The client may have gone.
        Answer::Bytes(bytes) => drop((&stream).write_all(&bytes)),
        Answer::Silence => drop(input.read(&mut [0])),
        Answer::CutAfter(_) => {}
        Answer::Socket(messages, code) => socket(stream, &request, messages, code),
    }
}

fn socket(mut stream: TcpStream, request: &Request, messages: Vec<String>, code: u16) {
    let key = derive_accept_key(request.header("sec-websocket-key").unwrap().as_bytes());
    let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket";
    write!(stream, "{head}\r\nSec-WebSocket-Accept: {key}\r\n\r\n").unwrap();
    let mut socket = WebSocket::from_raw_socket(stream, Role::Server, None);
    for message in messages {
        socket.send(message.into()).unwrap();
    }
    if code != 0 {
        socket.close(Some(CloseFrame { code: code.into(), reason: "".into() })).unwrap();
        while socket.read().is_ok() {}
    }
}

fn head(input: &mut impl BufRead) -> Option<(String, HashMap<String, String>)> {
    let mut lines = input.lines().map_while(Result::ok);
    let first = lines.next()?;
    let line = first.rsplit_once(' ')?.0.to_owned();
    let headers = lines.take_while(|line| !line.is_empty());
    let header = |line: String| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_lowercase(), value.trim().to_owned()))
    };
    Some((line, headers.filter_map(header).collect()))
}

/// An answer with these headers, a `Content-Length` unless one is among them, and this body.
pub fn answer(status: &str, headers: &[&str], body: &[u8]) -> Answer {
    let mut text = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    for header in headers {
        text += &format!("{header}\r\n");
    }
    if !text.contains("Content-Length") && !text.contains("event-stream") {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    Answer::Bytes([text.as_bytes(), b"\r\n", body].concat())
}

pub fn json(value: &serde_json::Value) -> Answer {
    answer("200 OK", &["Content-Type: application/json"], value.to_string().as_bytes())
}

pub fn events(text: &str) -> Answer {
    answer("200 OK", &["Content-Type: text/event-stream"], text.as_bytes())
}

pub fn not_found() -> Answer {
    answer("404 Not Found", &[], b"{\"detail\":\"Not Found\"}")
}
