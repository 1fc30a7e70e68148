//! Workers that are started before they are needed.

use std::sync::{Mutex, PoisonError};

use super::process::Process;
use super::tree;
use crate::settings::WorkerCommand;

/// Idle workers. Each serves one job only.
#[derive(Debug)]
pub struct Pool {
    command: WorkerCommand,
    pipe_bytes: u64,
    spares: usize,
    idle: Mutex<Vec<Process>>,
}

impl Pool {
    /// A pool that keeps `spares` workers ready.
    pub fn new(command: WorkerCommand, pipe_bytes: u64, spares: usize) -> Self {
        tree::adopt_orphans();
        Self { command, pipe_bytes, spares, idle: Mutex::default() }
    }

    /// A living worker: an idle one, or else a new one.
    ///
    /// # Errors
    /// When none can be started.
    pub fn take(&self) -> std::io::Result<Process> {
        while let Some(mut process) = self.idle().pop() {
            if process.is_alive() {
                return Ok(process);
            }
        }
        Process::start(&self.command, self.pipe_bytes)
    }

    /// Starts workers until enough are idle, in place of those that have died.
    ///
    /// # Errors
    /// When one cannot be started.
    pub fn fill(&self) -> std::io::Result<()> {
        let mut idle = self.idle();
        idle.retain_mut(Process::is_alive);
        while idle.len() < self.spares {
            idle.push(Process::start(&self.command, self.pipe_bytes)?);
        }
        Ok(())
    }

    /// Whether a worker can be had: one waits, or starts.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> std::io::Result<()> {
        self.fill()?;
        if self.spares == 0 {
            drop(Process::start(&self.command, self.pipe_bytes)?);
        }
        Ok(())
    }

    /// Ends all idle workers.
    pub fn clear(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Process>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
