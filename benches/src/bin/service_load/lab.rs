//! The service as a process, its memory, and inputs that wait.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::Outcome;

/// Runs that the service may run at once.
pub(crate) const SLOTS: usize = 8;
const SAMPLE: Duration = Duration::from_millis(20);

/// A running service.
pub(crate) struct Lab {
    child: Child,
    pub(crate) address: SocketAddr,
    peak: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
}

impl Lab {
    /// Starts `program` on the data in `dir`.
    pub(crate) fn start(program: &Path, dir: &Path) -> Outcome<Self> {
        let mut command = Command::new(program);
        for (name, place) in [
            ("CTS_STORAGE_DIR", "data"),
            ("CTS_BASE_STORAGE_PATH", "base"),
            ("CTS_TEMP_DIRECTORY", "tmp"),
            ("CTS_LOG_DIRECTORY", "log"),
            ("CTS_DOWNLOAD_BASE_PATH", "downloads"),
        ] {
            command.env(name, dir.join(place));
        }
        command.env("CTS_PORT", "0").env("CTS_LOG_FORMAT", "json").env("CTS_LOG_LEVEL", "INFO");
        command.env("CTS_MAX_CONCURRENT_RUNS", SLOTS.to_string()).env("CTS_MAX_ARTIFACT_SIZE_MB", "4096");
        let mut child = command.current_dir(dir).stderr(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("no pipe")?).lines();
        let address = loop {
            let line = lines.next().ok_or("the service does not start")??;
            let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = said.get("address").and_then(|address| address.as_str()) {
                break address.parse()?;
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        let (peak, ended) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (seen, stop, pid) = (Arc::clone(&peak), Arc::clone(&ended), child.id());
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                seen.fetch_max(resident(pid), Ordering::Relaxed);
                std::thread::sleep(SAMPLE);
            }
        });
        Ok(Self { child, address, peak, ended })
    }

    /// Largest resident memory since the last time this was asked, in MiB.
    pub(crate) fn peak_mib(&self) -> f64 {
        std::thread::sleep(2 * SAMPLE);
        self.peak.swap(0, Ordering::Relaxed) as f64 / 1024.0
    }

    /// `kill -9`
    pub(crate) fn kill(mut self) -> Outcome<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Source: proc_pid_status(5), `VmRSS` in KiB; zero when the process is gone.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse().unwrap_or_default()
}

/// An input that lasts as long as somebody has more for it.
pub(crate) struct Pipe(PathBuf);

impl Pipe {
    pub(crate) fn new(dir: &Path, name: &str) -> Outcome<Self> {
        let path = dir.join(name);
        if !Command::new("mkfifo").arg(&path).status()?.success() {
            return Err("no pipe can be made".into());
        }
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> String {
        self.0.display().to_string()
    }

    /// Waits for the reader, then writes `bytes` so many times. The pipe is open until the writer is dropped.
    pub(crate) async fn fill(&self, bytes: Arc<Vec<u8>>, times: u64) -> Outcome<std::fs::File> {
        let path = self.0.clone();
        let filled = tokio::task::spawn_blocking(move || {
            let mut file = std::fs::OpenOptions::new().write(true).open(path)?;
            (0..times).try_for_each(|_| file.write_all(&bytes))?;
            std::io::Result::Ok(file)
        });
        Ok(filled.await??)
    }
}
