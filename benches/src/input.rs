//! The logs to measure.

use std::path::PathBuf;

use cts_core::demo::Drive;

/// A log in memory, compressed and not.
pub struct Input {
    /// Name in bench ids: `made` or the file's.
    pub name: String,
    /// As zstd.
    pub packed: Vec<u8>,
    /// Decompressed.
    pub plain: Vec<u8>,
}

impl Input {
    /// The made log, and the one of `CTS_BENCH_LOG` where that is set.
    ///
    /// # Errors
    /// When the file cannot be read or is no zstd.
    pub fn all() -> std::io::Result<Vec<Self>> {
        let mut all = vec![Self::made()?];
        if let Some(path) = std::env::var_os("CTS_BENCH_LOG").map(PathBuf::from) {
            let packed = std::fs::read(&path)?;
            let plain = zstd::decode_all(&packed[..])?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            all.push(Self { name, packed, plain });
        }
        Ok(all)
    }

    /// The demo drive of a minute, packed as a device does: zstd level 10, one frame.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn made() -> std::io::Result<Self> {
        let mut plain = Vec::new();
        Drive::new(1, 60).write(&mut plain).map_err(std::io::Error::other)?;
        let packed = zstd::bulk::compress(&plain, 10)?;
        Ok(Self { name: "made".to_owned(), packed, plain })
    }
}
