//! Gauges whose values are looked up when somebody asks.

use prometheus::{Gauge, IntGauge, Registry};

use super::make::{float, gauge};
use crate::system::System;

/// Values of the gauges.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Runs that wait.
    pub queued_runs: u64,
    /// Bytes of all artifacts.
    pub artifact_storage_bytes: u64,
    /// Bytes of all log lines.
    pub log_storage_bytes: u64,
    /// Owners or addresses that have runs.
    pub unique_users: u64,
    /// The machine.
    pub system: System,
}

pub(super) struct Sampled {
    queued_runs: IntGauge,
    artifact_storage_bytes: IntGauge,
    log_storage_bytes: IntGauge,
    unique_users: IntGauge,
    cpu_percent: Gauge,
    memory_percent: Gauge,
    memory_available_bytes: IntGauge,
    disk_free_bytes: IntGauge,
    disk_used_percent: Gauge,
    uptime_seconds: Gauge,
    process_memory_bytes: IntGauge,
}

impl Sampled {
    pub(super) fn new(r: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            queued_runs: gauge(r, "queued_runs", "Runs waiting.")?,
            artifact_storage_bytes: gauge(r, "artifact_storage_bytes", "Bytes of artifacts kept.")?,
            log_storage_bytes: gauge(r, "log_storage_bytes", "Bytes of log lines kept.")?,
            unique_users: gauge(r, "unique_users", "Owners or addresses with runs.")?,
            cpu_percent: float(r, "system_cpu_percent", "CPU use of the machine.")?,
            memory_percent: float(r, "system_memory_percent", "Memory use of the machine.")?,
            memory_available_bytes: gauge(r, "system_memory_available_bytes", "Available memory.")?,
            disk_free_bytes: gauge(r, "system_disk_free_bytes", "Free bytes for the data directory.")?,
            disk_used_percent: float(r, "system_disk_used_percent", "Use of that disk.")?,
            uptime_seconds: float(r, "uptime_seconds", "Seconds since the start of the service.")?,
            process_memory_bytes: gauge(r, "process_resident_memory_bytes", "Memory of the service itself.")?,
        })
    }

    pub(super) fn set(&self, sample: &Sample) {
        let system = &sample.system;
        for (gauge, value) in [
            (&self.queued_runs, sample.queued_runs),
            (&self.artifact_storage_bytes, sample.artifact_storage_bytes),
            (&self.log_storage_bytes, sample.log_storage_bytes),
            (&self.unique_users, sample.unique_users),
            (&self.memory_available_bytes, system.memory_available_bytes),
            (&self.disk_free_bytes, system.disk_free_bytes),
            (&self.process_memory_bytes, system.process_memory_bytes),
        ] {
            gauge.set(value.cast_signed());
        }
        for (gauge, value) in [
            (&self.cpu_percent, system.cpu_percent),
            (&self.memory_percent, system.memory_percent),
            (&self.disk_used_percent, system.disk_used_percent),
            (&self.uptime_seconds, system.uptime_seconds),
        ] {
            gauge.set(value);
        }
    }
}
