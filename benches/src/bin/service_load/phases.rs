//! What is measured, one thing after the other.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tokio::task::JoinSet;

use crate::Outcome;
use crate::http::Conn;
use crate::lab::{Lab, Pipe, SLOTS};
use crate::mix::{self, Known, Table};
use crate::numbers::Times;
use crate::runs;

const FOLLOWERS: usize = 1000;
const QUEUED: usize = 10_000;
const LARGE: u64 = 1 << 30;

/// Prints a table of endpoints and its sum.
pub(crate) fn print(title: &str, table: &Table) {
    println!(
        "{title}\n\n| endpoint | requests | p50 ms | p99 ms | max ms | errors |\n|---|---:|---:|---:|---:|---:|"
    );
    let (mut all, mut errors) = (Times::default(), 0);
    for (name, seen) in table {
        println!("| {name} | {} | {} |", seen.times.cells(), seen.errors);
        all.extend(&seen.times);
        errors += seen.errors;
    }
    println!("| all | {} | {errors} |\n", all.cells());
}

/// A few runs, so that lists are not empty.
pub(crate) async fn known(lab: &Lab, log: &str) -> Outcome<Known> {
    for _ in 0..30 {
        runs::complete(lab.address, "can-bitwatch", log).await?;
    }
    let run = runs::complete(lab.address, "rlog-to-csv", log).await?;
    let mut conn = Conn::open(lab.address).await?;
    let artifact = conn.get(&format!("/v1/runs/{run}/artifacts")).await?.text("/0/id")?;
    Ok(Known { run, artifact, log: log.to_owned() })
}

/// One client on a service without other work.
pub(crate) async fn alone(lab: &Lab, known: &Known) -> Outcome<()> {
    let lasting = Duration::from_secs(2);
    let table = mix::clients(lab.address, known, 1, lasting, Duration::ZERO).await?;
    print("One client, nothing else", &table);
    println!("peak memory of the service: {:.0} MiB\n", lab.peak_mib());
    Ok(())
}

/// From queued to running with free slots, beside so many analyses.
pub(crate) async fn starts(lab: &Lab, log: &str, analyses: usize) -> Outcome<()> {
    let stop = Arc::new(AtomicBool::new(false));
    let busy = mix::analyses(lab.address, log.to_owned(), analyses, Arc::clone(&stop));
    let measured = async {
        let mut times = Times::default();
        let mut conn = Conn::open(lab.address).await?;
        for _ in 0..30 {
            let id = runs::start(&mut conn, "rlog-to-csv", log).await?;
            runs::end(lab.address, &id).await?;
            times.push(runs::delay(&mut conn, &id).await?);
        }
        stop.store(true, Ordering::Relaxed);
        Outcome::Ok(times)
    };
    let (busy, times) = tokio::join!(busy, measured);
    busy?;
    println!("queued to running beside {analyses} analyses: | {} |\n", times?.cells());
    Ok(())
}

/// From the end of the input, which makes the tool speak, to the line at a follower; and from the service's timestamp.
pub(crate) async fn lines(lab: &Lab, dir: &Path, plain: &Arc<Vec<u8>>) -> Outcome<()> {
    let (mut whole, mut last_hop) = (Times::default(), Times::default());
    for number in 0..30 {
        let pipe = Pipe::new(dir, &format!("line{number}.rlog"))?;
        let mut conn = Conn::open(lab.address).await?;
        let id = runs::start(&mut conn, "rlog-to-csv", &pipe.path()).await?;
        conn.follow(&id).await?;
        let open = pipe.fill(Arc::clone(plain), 1).await?;
        // The tool has read what there is and waits for more.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let begun = Instant::now();
        drop(open);
        loop {
            let event = conn.event().await?;
            if event.contains("wrote ") {
                whole.push(begun.elapsed());
                last_hop.push(age(&event)?);
            }
            if event == "[DONE]" {
                break;
            }
        }
    }
    println!("end of input to the tool's line at a follower: | {} |", whole.cells());
    println!("of that, from the service to the follower: | {} |\n", last_hop.cells());
    Ok(())
}

/// How old the line of an event is.
fn age(event: &str) -> Outcome<Duration> {
    let value: serde_json::Value = serde_json::from_str(event)?;
    let then = runs::micros(value["timestamp"].as_str().unwrap_or_default())?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_micros() as u64 % 3_600_000_000;
    Ok(Duration::from_micros((now + 3_600_000_000 - then) % 3_600_000_000))
}

/// Many followers of one run.
pub(crate) async fn followers(lab: &Lab, dir: &Path, plain: &Arc<Vec<u8>>) -> Outcome<()> {
    lab.peak_mib();
    let pipe = Pipe::new(dir, "followed.rlog")?;
    let mut conn = Conn::open(lab.address).await?;
    let id = runs::start(&mut conn, "rlog-to-csv", &pipe.path()).await?;
    let open = pipe.fill(Arc::clone(plain), 1).await?;
    let mut all = JoinSet::new();
    let (begun, address) = (Instant::now(), lab.address);
    let mut ready = Vec::new();
    for _ in 0..FOLLOWERS {
        let mut conn = Conn::open(address).await?;
        conn.follow(&id).await?;
        ready.push(conn);
    }
    let opened = begun.elapsed();
    for mut conn in ready {
        all.spawn(async move {
            let (mut lines, mut age_of_line) = (Vec::new(), Duration::ZERO);
            loop {
                let event = conn.event().await.map_err(|e| e.to_string())?;
                if event == "[DONE]" {
                    return Ok::<_, String>((lines, age_of_line));
                }
                if event.contains("wrote ") {
                    age_of_line = age(&event).map_err(|e| e.to_string())?;
                }
                lines.push(event);
            }
        });
    }
    let begun = Instant::now();
    drop(open);
    let (mut ages, mut first) = (Times::default(), None);
    while let Some(one) = all.join_next().await {
        let (lines, age) = one??;
        ages.push(age);
        if *first.get_or_insert_with(|| lines.clone()) != lines {
            return Err("followers heard different things".into());
        }
    }
    println!(
        "{FOLLOWERS} followers connected in {opened:.2?}; all had the end {:.2?} after it",
        begun.elapsed()
    );
    println!("age of the tool's line at them: | {} |", ages.cells());
    println!("peak memory of the service: {:.0} MiB\n", lab.peak_mib());
    Ok(())
}

/// A gigabyte, once from the service and once from a plain socket.
pub(crate) async fn download(lab: &Lab, dir: &Path, plain: &Arc<Vec<u8>>, known: &Known) -> Outcome<()> {
    let mut conn = Conn::open(lab.address).await?;
    let once = conn.swallow(&format!("/v1/artifacts/{}/download", known.artifact)).await?;
    let pipe = Pipe::new(dir, "large.rlog")?;
    let id = runs::start(&mut conn, "rlog-to-csv", &pipe.path()).await?;
    drop(pipe.fill(Arc::clone(plain), LARGE.div_ceil(once)).await?);
    runs::end(lab.address, &id).await?;
    println!("peak memory of the service while the file was made: {:.0} MiB", lab.peak_mib());
    let found = conn.get(&format!("/v1/runs/{id}/artifacts")).await?;
    let (artifact, name) = (found.text("/0/id")?, found.text("/0/filename")?);
    let file = dir.join("data/runs").join(&id).join("artifacts").join(name);
    for _ in 0..3 {
        let begun = Instant::now();
        let bytes = conn.swallow(&format!("/v1/artifacts/{artifact}/download")).await?;
        let service = begun.elapsed();
        let floor = floor(&file).await?;
        let speed = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
        let ratio = service.as_secs_f64() / floor.as_secs_f64();
        println!(
            "{bytes} bytes: {:.0} MB/s, plain socket {:.0} MB/s, ratio {ratio:.2}",
            speed(service),
            speed(floor)
        );
    }
    println!("peak memory of the service: {:.0} MiB\n", lab.peak_mib());
    Ok(())
}

/// The same file read and written to a socket by a loop that does nothing else.
async fn floor(file: &Path) -> Outcome<Duration> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let (address, mut file) = (listener.local_addr()?, std::fs::File::open(file)?);
    let length = file.metadata()?.len();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        let mut piece = vec![0; 256 << 10];
        // The head of the request.
        stream.read(&mut piece).map(drop)?;
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")?;
        while let read @ 1.. = file.read(&mut piece)? {
            stream.write_all(&piece[..read])?;
        }
        std::io::Result::Ok(())
    });
    let mut conn = Conn::open(address).await?;
    let begun = Instant::now();
    conn.swallow("/").await?;
    Ok(begun.elapsed())
}

/// Thousands of runs that wait, and a start that finds them.
pub(crate) async fn queue(lab: Lab, program: &Path, dir: &Path, log: &str) -> Outcome<()> {
    let mut conn = Conn::open(lab.address).await?;
    for number in 0..SLOTS {
        let pipe = Pipe::new(dir, &format!("slot{number}.rlog"))?;
        runs::start(&mut conn, "rlog-to-csv", &pipe.path()).await?;
    }
    let (begun, mut all) = (Instant::now(), JoinSet::new());
    for _ in 0..16 {
        let (address, body) = (lab.address, runs::wish("rlog-to-csv", log));
        all.spawn(async move {
            let mut conn = Conn::open(address).await.map_err(|e| e.to_string())?;
            let mut times = Times::default();
            for _ in 0..QUEUED / 16 {
                let begun = Instant::now();
                let answer = conn.ask("POST", "/v1/runs", &body).await.map_err(|e| e.to_string())?;
                if answer.status != 200 {
                    return Err(format!("status {}", answer.status));
                }
                times.push(begun.elapsed());
            }
            Ok::<_, String>(times)
        });
    }
    let mut times = Times::default();
    while let Some(one) = all.join_next().await {
        times.extend(&one??);
    }
    println!("{QUEUED} runs queued by 16 clients in {:.1?}: | {} |", begun.elapsed(), times.cells());
    let mut lists = Times::default();
    for _ in 0..50 {
        let begun = Instant::now();
        conn.get("/v1/runs").await?;
        lists.push(begun.elapsed());
    }
    println!("list of the newest 100 of them: | {} |", lists.cells());
    println!("peak memory of the service: {:.0} MiB", lab.peak_mib());
    lab.kill()?;
    let begun = Instant::now();
    let lab = Lab::start(program, dir)?;
    println!("a start after kill -9 with these runs: {:.2?}, {:.0} MiB", begun.elapsed(), lab.peak_mib());
    lab.kill()
}
