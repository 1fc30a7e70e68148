//! Comma connect and its storage, as far as their description goes, with faults at will. No part of it is the real one.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

pub const DONGLE: &str = "a2a0ccea32023010";
pub const LOG: &str = "00000008--0696c823fa";
pub const TOKEN: &str = "eyJ0.secret.token";

/// The drive that is there.
pub fn route() -> String {
    format!("{DONGLE}|{LOG}")
}

/// What came.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET /v1/me`, without the query.
    pub line: String,
    pub query: String,
    /// By their names in lower case.
    pub headers: HashMap<String, String>,
    /// How many requests with this line came before.
    pub nth: usize,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Whether it asks for bytes of a file whose path ends so.
    pub fn gets(&self, end: &str) -> bool {
        self.line.starts_with("GET /store/") && self.line.ends_with(end)
    }

    pub fn lists(&self) -> bool {
        self.line.ends_with("/files")
    }
}

/// What goes wrong.
pub enum Fault {
    /// This status, with these headers and this body.
    Status(&'static str, Vec<String>, String),
    /// The right answer, cut after so many bytes of its body.
    Cut(usize),
    /// A whole file, although a part was asked for.
    Whole,
    /// The right answer with another value of a header.
    Header(&'static str, String),
    /// Nothing, for as long as the client waits.
    Silence,
    /// So many bytes of the right body, then nothing, for as long as the client waits.
    Stall(usize),
}

/// A status without more.
pub fn status(status: &'static str) -> Option<Fault> {
    Some(Fault::Status(status, Vec::new(), String::new()))
}

type Rule = Box<dyn Fn(&Request) -> Option<Fault> + Send + Sync>;

#[derive(Default)]
struct World {
    /// By `<segment>/<name>`, with their versions.
    files: Mutex<BTreeMap<String, (Vec<u8>, u32)>>,
    /// Addresses that are listed besides, by kind; `@` is the storage.
    more: Mutex<Vec<(String, String)>>,
    drives: Mutex<String>,
    public: bool,
    requests: Mutex<Vec<Request>>,
    /// Signatures before this one have expired.
    signature: AtomicUsize,
}

/// The service. Its threads end with the tests.
pub struct Comma {
    pub url: String,
    world: Arc<World>,
}

impl Comma {
    /// One that is asked with [`TOKEN`], with these files by `<segment>/<name>`.
    pub fn new(files: &[(&str, &[u8])]) -> Self {
        Self::with(files, |_| None)
    }

    /// One where things go wrong.
    pub fn with(
        files: &[(&str, &[u8])],
        rule: impl Fn(&Request) -> Option<Fault> + Send + Sync + 'static,
    ) -> Self {
        Self::start(files, false, Box::new(rule))
    }

    /// One whose drive is public.
    pub fn public(files: &[(&str, &[u8])]) -> Self {
        Self::start(files, true, Box::new(|_| None))
    }

    fn start(files: &[(&str, &[u8])], public: bool, rule: Rule) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let world = Arc::new(World { public, drives: Mutex::new("[]".to_owned()), ..World::default() });
        let comma = Self { url: url.clone(), world: Arc::clone(&world) };
        files.iter().for_each(|(name, bytes)| comma.put(name, bytes));
        let (rule, url) = (Arc::new(rule), Arc::new(url));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (world, rule, url) = (Arc::clone(&world), Arc::clone(&rule), Arc::clone(&url));
                std::thread::spawn(move || world.serve(stream.unwrap(), &url, &rule));
            }
        });
        comma
    }

    /// Adds a file, or replaces it by a new version.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let mut files = self.world.files.lock().unwrap();
        let version = files.get(name).map_or(1, |(_, version)| version + 1);
        files.insert(name.to_owned(), (bytes.to_owned(), version));
    }

    /// Lists an address besides those of the files; `@` is the storage.
    pub fn list(&self, kind: &str, url: &str) {
        self.world.more.lock().unwrap().push((kind.to_owned(), url.to_owned()));
    }

    /// What the list of drives answers.
    pub fn drives(&self, json: &str) {
        *self.world.drives.lock().unwrap() = json.to_owned();
    }

    /// Lets all addresses expire that were given so far.
    pub fn expire(&self) {
        self.world.signature.fetch_add(1, Ordering::Relaxed);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.world.requests.lock().unwrap().clone()
    }

    /// Requests whose line has this in it.
    pub fn count(&self, what: &str) -> usize {
        self.requests().iter().filter(|request| request.line.contains(what)).count()
    }
}

/// An answer in the making.
struct Answer {
    status: String,
    headers: Vec<String>,
    body: Vec<u8>,
}

impl Answer {
    fn new(status: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status: status.to_owned(), headers: Vec::new(), body: body.into() }
    }
}

impl World {
    fn serve(&self, stream: TcpStream, url: &str, rule: &Rule) {
        let mut input = BufReader::new(stream.try_clone().unwrap());
        let Some(request) = self.read(&mut input) else { return };
        let fault = rule(&request);
        let mut answer = self.answer(&request, url, matches!(fault, Some(Fault::Whole)));
        let (mut cut, mut stall) = (usize::MAX, false);
        match fault {
            Some(Fault::Status(status, headers, body)) => {
                answer = Answer { headers, ..Answer::new(status, body) };
            }
            Some(Fault::Header(name, value)) => {
                answer.headers.retain(|header| !header.starts_with(name));
                answer.headers.push(format!("{name}: {value}"));
            }
            Some(Fault::Cut(after)) => cut = after,
            Some(Fault::Stall(after)) => (cut, stall) = (after, true),
            Some(Fault::Silence) => return drop(input.read(&mut [0])),
            Some(Fault::Whole) | None => {}
        }
        let mut head = format!("HTTP/1.1 {}\r\nConnection: close\r\n", answer.status);
        answer.headers.iter().for_each(|header| head += &format!("{header}\r\n"));
        if !head.contains("Content-Length") {
            head += &format!("Content-Length: {}\r\n", answer.body.len());
        }
        let body = &answer.body[..answer.body.len().min(cut)];
        let body = if request.line.starts_with("HEAD") { &[] } else { body };
        // The client may have gone.
        drop((&stream).write_all(&[head.as_bytes(), b"\r\n", body].concat()));
        if stall {
            drop(input.read(&mut [0]));
        }
    }

    fn read(&self, input: &mut impl BufRead) -> Option<Request> {
        let mut lines = input.lines().map_while(Result::ok);
        let first = lines.next()?;
        let target = first.rsplit_once(' ')?.0;
        let (line, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = lines.take_while(|line| !line.is_empty()).filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_lowercase(), value.trim().to_owned()))
        });
        let (line, query, headers) = (line.to_owned(), query.to_owned(), headers.collect());
        let mut requests = self.requests.lock().unwrap();
        let nth = requests.iter().filter(|request| request.line == line).count();
        requests.push(Request { line, query, headers, nth });
        requests.last().cloned()
    }

    fn answer(&self, request: &Request, url: &str, whole: bool) -> Answer {
        let (_, path) = request.line.split_once(' ').unwrap();
        if let Some(file) = path.strip_prefix(&format!("/store/{DONGLE}/{LOG}/")) {
            return self.file(request, file, whole);
        }
        let authorized = match request.header("authorization") {
            Some(value) => value == format!("JWT {TOKEN}"),
            None => self.public,
        };
        if !authorized {
            return Answer::new("401 Unauthorized", r#"{"error": 401, "description": "Unauthorized"}"#);
        }
        if path == format!("/v1/route/{DONGLE}%7C{LOG}/files") {
            return Answer::new("200 OK", self.listing(url));
        }
        if path == format!("/v1/devices/{DONGLE}/routes_segments") {
            return Answer::new("200 OK", self.drives.lock().unwrap().clone());
        }
        Answer::new("404 Not Found", r#"{"error": 404, "description": "Not found"}"#)
    }

    fn listing(&self, url: &str) -> String {
        let kinds = ["logs", "qlogs", "qcameras", "cameras", "ecameras", "dcameras"];
        let mut lists: BTreeMap<&str, Vec<String>> =
            kinds.into_iter().map(|kind| (kind, Vec::new())).collect();
        let signature = self.signature.load(Ordering::Relaxed);
        for name in self.files.lock().unwrap().keys() {
            let kind = match name.rsplit('/').next().unwrap() {
                name if name.starts_with("rlog") => "logs",
                name if name.starts_with("qlog") => "qlogs",
                name if name.starts_with("qcamera") => "qcameras",
                _ => "cameras",
            };
            let url = format!("{url}/store/{DONGLE}/{LOG}/{name}?sig={signature}");
            lists.get_mut(kind).unwrap().push(url);
        }
        for (kind, more) in self.more.lock().unwrap().iter() {
            let kind = kinds.into_iter().find(|known| known == kind).unwrap();
            lists.get_mut(kind).unwrap().push(more.replace('@', &format!("{url}/store")));
        }
        let list = |(kind, urls): (&&str, &Vec<String>)| format!("{kind:?}: {urls:?}");
        format!("{{{}}}", lists.iter().map(list).collect::<Vec<_>>().join(", "))
    }

    fn file(&self, request: &Request, name: &str, whole: bool) -> Answer {
        assert!(request.header("authorization").is_none(), "the token went to the storage");
        if request.query != format!("sig={}", self.signature.load(Ordering::Relaxed)) {
            return Answer::new("403 Forbidden", "<Error>AuthenticationFailed</Error>");
        }
        let Some((bytes, version)) = self.files.lock().unwrap().get(name).cloned() else {
            return Answer::new("404 Not Found", "<Error>BlobNotFound</Error>");
        };
        let tag = format!("\"v{version}\"");
        let same = request.header("if-range").is_none_or(|known| known == tag);
        let from = request.header("range").filter(|_| same && !whole).map(|range| {
            let from = range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap();
            from.parse::<usize>().unwrap()
        });
        let len = bytes.len();
        let mut answer = match from {
            None => Answer::new("200 OK", bytes),
            Some(from) if from < len => {
                let mut answer = Answer::new("206 Partial Content", &bytes[from..]);
                answer.headers.push(format!("Content-Range: bytes {from}-{}/{len}", len - 1));
                answer
            }
            Some(_) => {
                let mut answer = Answer::new("416 Range Not Satisfiable", "<Error>InvalidRange</Error>");
                answer.headers.push(format!("Content-Range: bytes */{len}"));
                answer
            }
        };
        answer.headers.push(format!("ETag: {tag}"));
        answer
    }
}
