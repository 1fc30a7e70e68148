//! Prints what decoding signals costs, in CPU time: `signals LOG DBC [ROUNDS]`, one `name=value` a line.
//!
//! The CPU time of the only thread is taken, since others use the machine too. Some systems count it in steps of a few
//! milliseconds, so that an operation is repeated until many steps are over. Each number is the median of the rounds,
//! which take all operations in turn; `peers` scripts start this program beside those of others.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::hint::black_box;

use cts_bench::{signals, work};
use cts_core::dbc::Dbc;

type Error = Box<dyn std::error::Error>;

/// An operation and its name.
type Job<'a> = (&'static str, Box<dyn FnMut() -> Result<u64, Error> + 'a>);

/// What an operation runs at least in a round, in ns.
const LEAST: u64 = 80_000_000;

/// Nanoseconds that this thread has run. Linux only.
fn cpu() -> Result<u64, Error> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split_whitespace().next().unwrap_or_default().parse()?)
}

fn main() -> Result<(), Error> {
    let mut args = std::env::args().skip(1);
    let (log, dbc) = args.next().zip(args.next()).ok_or("give a log and a DBC")?;
    let rounds: usize = args.next().map_or(Ok(9), |text| text.parse())?;
    let packed = std::fs::read(&log)?;
    let dbc = Dbc::from_bytes(&dbc, &std::fs::read(&dbc)?).0;
    let log = work::index(&packed)?;
    let frames = signals::frames_of(&log)?;
    let known: Vec<_> = frames.iter().filter(|(_, f)| dbc.message(f.address).is_some()).copied().collect();
    let (mut all, mut decoder) = (signals::decoder(&dbc)?, signals::decoder(&dbc)?);
    let mut other = signals::decoder(&dbc)?;
    let values = signals::tables(&mut decoder, &frames);
    let size = work::zstd_alone(&packed, &mut Vec::with_capacity(1 << 28)).unwrap_or(packed.len());
    let mut work: Vec<Job<'_>> = vec![
        ("zstd", Box::new(|| Ok(work::zstd_fresh(&packed, size)? as u64))),
        ("gather", Box::new(|| Ok(signals::gather(&mut all, &frames)))),
        ("tables", Box::new(|| Ok(signals::tables(&mut decoder, &frames)))),
    ];
    work.push(("tables_known", Box::new(|| Ok(signals::tables(&mut other, &known)))));
    let mut times = vec![Vec::new(); work.len()];
    for round in 0..=rounds {
        for ((_, run), times) in work.iter_mut().zip(&mut times) {
            let (start, mut count, mut spent) = (cpu()?, 0, 0);
            while spent < LEAST && (count == 0 || round > 0) {
                black_box(run()?);
                count += 1;
                spent = cpu()? - start;
            }
            // The first round warms up.
            if round > 0 {
                times.push(spent / count);
            }
        }
    }
    println!("frames={}\nknown_frames={}\nvalues={values}", frames.len(), known.len());
    for ((name, _), mut times) in work.iter().zip(times) {
        times.sort_unstable();
        println!("{name}_ns={}", times.get(times.len() / 2).copied().unwrap_or_default());
    }
    Ok(())
}
