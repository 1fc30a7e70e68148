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
    let snapshot = include_str!("../../cts-core/schema/cereal.txt");
    seed("schema", 0, &snapshot.as_bytes()[..3000])?;
    seed("schema", 1, SNAPSHOT.as_bytes())
}

/// One of each kind of line.
const SNAPSHOT: &str = "struct Map.Entry a5dfdd084a6eea0e 0 2
 key AnyPointer 0 @0
 value AnyPointer 1 @1
struct Map f8b13ce2183eb696 0 1
 entries List(Map.Entry) 0 @0
enum Color 91f1992a1f77fb03
 red
struct Event d314cfd957229c11 2 1 union 2 4
 monoTime UInt64 0 =5 @0
 can List(Event) 0 ?4 @1
 text Text 0 ?17 @2
 map Map(Text,Data) 0 @3
 on Bool 80 =true @4
 part group Event.part
group Event.part 82d5d0b1d3ab0a05 union 1 2
 color Color 3 ?0 @5
alias Event old part.color
unit Event part.color m/s
";

fn seed(target: &str, number: usize, bytes: &[u8]) -> io::Result<()> {
    let folder = format!("{}/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    fs::create_dir_all(&folder)?;
    fs::write(format!("{folder}/seed-{number}"), bytes)
}
