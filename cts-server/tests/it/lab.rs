//! Services to test: one inside this process, whose worker may be anything, and the program itself.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};

use cts_server::config::{self, Loaded, Sources};
use cts_server::service::Service;
use cts_server::settings::{Settings, WorkerCommand};
use serde_json::Value;
use tempfile::TempDir;

use crate::client::Client;

/// The program under test.
pub fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_cts-lite"))
}

/// A service inside this process. It ends when it is dropped.
pub struct Lab {
    pub dir: TempDir,
    pub client: Client,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Lab {
    /// A service with the real worker.
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// A service whose worker is a shell script. It hears its job on standard input.
    pub fn with_worker(script: &str, change: impl FnOnce(&mut Settings)) -> Self {
        let args = vec!["-c".to_owned(), script.to_owned()];
        Self::with(|settings| {
            settings.worker = WorkerCommand { program: "/bin/sh".into(), args };
            settings.runs.spare_workers = 0;
            change(settings);
        })
    }

    pub fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let loaded = load(dir.path());
        let mut settings = loaded.config.settings().unwrap();
        settings.worker = WorkerCommand { program: program(), args: vec!["worker".to_owned()] };
        settings.runs.max_concurrent = 3;
        settings.runs.retry_pause = std::time::Duration::from_millis(1);
        settings.runs.shutdown_grace = std::time::Duration::ZERO;
        change(&mut settings);
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let service = Service::start(settings, &loaded).await.unwrap();
                tell.send(service.address()).unwrap();
                service.run(async { stopped.await.unwrap_or(()) }).await;
            });
            // As the program ends: it does not wait for threads that wait for silent servers.
            runtime.shutdown_timeout(std::time::Duration::from_secs(1));
        });
        let client = Client::new(told.recv().unwrap());
        Self { dir, client, stop: Some(stop), thread: Some(thread) }
    }

    /// Where the service keeps its things.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// A short log.
    pub fn log(&self) -> String {
        log_in(self.dir.path())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }
}

/// A configuration that touches nothing outside `dir`.
pub fn load(dir: &Path) -> Loaded {
    let variables = environment(dir).into_iter().collect();
    config::load(&Sources { variables, ..Sources::default() }).unwrap()
}

fn environment(dir: &Path) -> Vec<(String, String)> {
    let at = |name: &str| dir.join(name).display().to_string();
    [
        ("CTS_STORAGE_DIR", at("data")),
        ("CTS_BASE_STORAGE_PATH", at("base")),
        ("CTS_LOG_DIRECTORY", at("log")),
        ("CTS_DOWNLOAD_BASE_PATH", at("downloads")),
        ("CTS_PORT", "0".to_owned()),
        ("CTS_LOG_LEVEL", "INFO".to_owned()),
        ("CTS_LOG_FORMAT", "json".to_owned()),
        ("CTS_MAX_CONCURRENT_RUNS", "1".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// A log of two seconds.
pub fn log_in(dir: &Path) -> String {
    log_of(dir, 2)
}

/// A log of so many seconds.
pub fn log_of(dir: &Path, seconds: u32) -> String {
    let path = dir.join(if seconds == 2 { "drive.rlog".to_owned() } else { format!("drive{seconds}.rlog") });
    let mut bytes = Vec::new();
    cts_core::demo::Drive::new(1, seconds).write(&mut bytes).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

/// An input that never ends: whoever opens it waits for a writer.
pub fn endless_input(dir: &Path) -> String {
    let path = dir.join("endless.rlog");
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    path.display().to_string()
}

/// The program as a process. It is killed when it is dropped.
pub struct Daemon {
    child: Child,
    pub client: Client,
    said: Arc<Mutex<String>>,
}

impl Daemon {
    /// Starts it on the data below `dir`.
    pub fn start(dir: &Path) -> Self {
        Self::start_with(command(dir))
    }

    pub fn start_with(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        let (tell, told) = mpsc::channel();
        let said = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                heard.lock().unwrap().push_str(&format!("{line}\n"));
                let found = serde_json::from_str::<Value>(&line).ok();
                let address = found.and_then(|line| line["address"].as_str()?.parse().ok());
                if let Some(address) = address {
                    let _ = tell.send(address);
                }
            }
        });
        let client = Client::new(told.recv().expect("the service listens"));
        Self { child, client, said }
    }

    /// Its log so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// `kill -HUP`
    pub fn hang_up(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    }

    /// `kill`, and its end.
    pub fn terminate(mut self) -> std::process::ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(pid).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a service says that does not start.
pub fn refusal(mut command: Command) -> String {
    let mut service = command.spawn().unwrap();
    let mut said = String::new();
    for line in BufReader::new(service.stderr.take().unwrap()).lines().map_while(Result::ok) {
        said += &line;
        if line.contains("\"listening\"") {
            service.kill().unwrap();
        }
    }
    assert!(!service.wait().unwrap().success() && !said.contains("\"listening\""), "{said}");
    said
}

/// The program on the data below `dir`, not started.
pub fn command(dir: &Path) -> Command {
    let mut command = Command::new(program());
    command.current_dir(dir).env_clear().envs(environment(dir)).stdin(Stdio::null()).stderr(Stdio::piped());
    command
}
