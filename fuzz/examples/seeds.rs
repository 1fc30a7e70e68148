//! Writes seed inputs for all targets below the directory `corpus`: small valid logs in every form.

use std::{fs, io};

use cts_fuzz::{bzip2_stream, can_event, log, text_event, zstd_frame};

fn main() -> io::Result<()> {
    let (plain, half) = (log(), log().len() / 2);
    let zstd = [zstd_frame(&plain[..half]), zstd_frame(&plain[half..])].concat();
    let bzip2 = [bzip2_stream(&plain[..half]), bzip2_stream(&plain[half..])].concat();
    let skippable = [&[0x50, 0x2A, 0x4D, 0x18, 4, 0, 0, 0, 1, 2, 3, 4], &zstd[..]].concat();
    for (i, bytes) in [&plain, &zstd, &bzip2, &skippable].into_iter().enumerate() {
        seed("decompress", i, &[&[0, 16], &bytes[..]].concat())?;
        seed(
            "decompress",
            4 + i,
            &[&[1 + i as u8, 1], bytes.get(4..).unwrap_or_default()].concat(),
        )?;
        seed("framing", i, &[&[0, 0], &bytes[..]].concat())?;
    }
    for (i, mode) in [0x10, 0x15, 0x1F, 0x0F, 0x12].into_iter().enumerate() {
        seed(
            "framing",
            4 + i,
            &[&[mode, i as u8 * 5], &plain[..plain.len() - i]].concat(),
        )?;
    }
    for (i, event) in [text_event(1, 5), can_event(2, 3)].into_iter().enumerate() {
        seed("pointers", i, &event)?;
        seed("pointers", 2 + i, &[&[200], &event[8..]].concat())?;
    }
    Ok(())
}

fn seed(target: &str, number: usize, bytes: &[u8]) -> io::Result<()> {
    let folder = format!("{}/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    fs::create_dir_all(&folder)?;
    fs::write(format!("{folder}/seed-{number}"), bytes)
}
