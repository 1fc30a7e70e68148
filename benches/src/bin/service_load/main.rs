//! Loads the service from outside and prints what it costs: `service_load PROGRAM LOG [SECONDS]`.
//!
//! `PROGRAM` is a release build of `cts-lite`, `LOG` a zstd log. Everything happens on loopback and in a folder that is
//! removed at the end; it takes about three times `SECONDS` (10) and a few gigabytes of disk.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what it is for")]

mod http;
mod lab;
mod mix;
mod numbers;
mod phases;
mod runs;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use lab::Lab;
use mix::Known;

/// What may go wrong here ends the program.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Analyses that run while clients ask.
const ANALYSES: usize = 4;
const CLIENTS: usize = 200;
/// Mean pause of each client between two requests.
const PAUSE: Duration = Duration::from_secs(1);

fn main() -> Outcome<()> {
    let mut args = std::env::args().skip(1);
    let (program, log) = args.next().zip(args.next()).ok_or("give a program and a log")?;
    let seconds = args.next().map_or(Ok(10), |text| text.parse())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let done = runtime.block_on(all(PathBuf::from(program), log, Duration::from_secs(seconds)));
    // Threads that fill pipes may wait for a reader that has gone.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

async fn all(program: PathBuf, log: String, lasting: Duration) -> Outcome<()> {
    let dir = tempfile::tempdir()?;
    let plain = Arc::new(zstd::decode_all(std::fs::File::open(&log)?)?);
    let lab = Lab::start(&program, dir.path())?;
    let known = phases::known(&lab, &log).await?;
    phases::alone(&lab, &known).await?;
    phases::starts(&lab, &log, 0).await?;
    crowd(&lab, &known, lasting).await?;
    phases::starts(&lab, &log, ANALYSES).await?;
    phases::lines(&lab, dir.path(), &plain).await?;
    phases::followers(&lab, dir.path(), &plain).await?;
    phases::download(&lab, dir.path(), &plain, &known).await?;
    phases::queue(lab, &program, dir.path(), &log).await
}

async fn crowd(lab: &Lab, known: &Known, lasting: Duration) -> Outcome<()> {
    lab.peak_mib();
    let stop = Arc::new(AtomicBool::new(false));
    let analyses = mix::analyses(lab.address, known.log.clone(), ANALYSES, Arc::clone(&stop));
    let clients = async {
        let table = mix::clients(lab.address, known, CLIENTS, lasting, PAUSE).await;
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        table
    };
    let (done, table) = tokio::join!(analyses, clients);
    let title = format!(
        "{CLIENTS} clients, each a request every {PAUSE:?}, {} analyses done, {ANALYSES} at once",
        done?
    );
    phases::print(&title, &table?);
    println!("peak memory of the service: {:.0} MiB\n", lab.peak_mib());
    Ok(())
}
