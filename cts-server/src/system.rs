//! The machine: CPU, memory, disk, and this process.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;
use utoipa::ToSchema;

/// What was found; zero where the system does not tell.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[schema(as = SystemMetrics)]
pub struct System {
    /// CPU use since the last look, from 0 to 100.
    pub cpu_percent: f64,
    /// Memory in use, from 0 to 100.
    pub memory_percent: f64,
    /// Memory that programs can still have.
    pub memory_available_bytes: u64,
    /// Bytes that the service can still write.
    pub disk_free_bytes: u64,
    /// Use of that disk, from 0 to 100.
    pub disk_used_percent: f64,
    /// Since the start of the service.
    pub uptime_seconds: f64,
    /// Memory of this process.
    pub process_memory_bytes: u64,
}

/// Looks at the machine. CPU use is the mean since the last look.
#[derive(Debug)]
pub struct Probe {
    started: Instant,
    /// Busy and all CPU time at the last look, in ticks.
    last: Mutex<(u64, u64)>,
}

impl Default for Probe {
    fn default() -> Self {
        Self { started: Instant::now(), last: Mutex::new((0, 0)) }
    }
}

impl Probe {
    /// Looks, with the disk of `dir`.
    pub fn look(&self, dir: &Path) -> System {
        let memory = |name: &str| field("/proc/meminfo", name).map(|kib| kib << 10);
        let (total, available) = (memory("MemTotal:"), memory("MemAvailable:"));
        let used = total.zip(available).map(|(total, available)| 100.0 - share(available, total));
        // As `df` does it: what only root may write counts neither as free nor as used.
        let disk = rustix::fs::statvfs(dir).ok();
        let (free, size) = disk.map_or((0, 0), |d| {
            let used = d.f_blocks.saturating_sub(d.f_bfree);
            (d.f_bavail * d.f_frsize, (used + d.f_bavail) * d.f_frsize)
        });
        System {
            cpu_percent: self.cpu_percent(),
            memory_percent: used.unwrap_or_default(),
            memory_available_bytes: available.unwrap_or_default(),
            disk_free_bytes: free,
            disk_used_percent: if size == 0 { 0.0 } else { 100.0 - share(free, size) },
            uptime_seconds: self.uptime_seconds(),
            process_memory_bytes: field("/proc/self/status", "VmRSS:").unwrap_or_default() << 10,
        }
    }

    /// Since the start of the service.
    pub fn uptime_seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    fn cpu_percent(&self) -> f64 {
        let Some((busy, all)) = cpu_ticks() else {
            return 0.0;
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (busy_before, all_before) = std::mem::replace(&mut *last, (busy, all));
        share(busy.saturating_sub(busy_before), all.saturating_sub(all_before))
    }
}

fn share(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 * 100.0 }
}

/// Source: proc_stat(5), first line: user nice system idle iowait irq softirq steal.
fn cpu_ticks() -> Option<(u64, u64)> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let numbers: Vec<u64> =
        stat.lines().next()?.split_whitespace().skip(1).flat_map(str::parse).take(8).collect();
    let all: u64 = numbers.iter().sum();
    let idle = numbers.get(3)? + numbers.get(4)?;
    Some((all - idle, all))
}

/// A number after a name, as files below /proc have them.
fn field(path: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_seen() {
        let system = Probe::default().look(Path::new("/"));
        assert!(system.disk_free_bytes > 0 && (0.0..=100.0).contains(&system.disk_used_percent));
        if cfg!(target_os = "linux") {
            assert!(system.memory_available_bytes > 0 && system.process_memory_bytes > 0);
            assert!((0.0..=100.0).contains(&system.cpu_percent), "{}", system.cpu_percent);
        }
    }
}
