//! Drives from comma connect: a small client of the comma API, and downloads that survive a bad connection.
//!
//! A [`Client`] finds a drive by what a user pastes ([`Target`](crate::route::Target)), and [`Client::download`] puts
//! its files where [`crate::route`] finds them again: `<dest>/<dongle id>/<log id>/<segment>/<name>`. A file has its
//! name when it is whole; until then it is `<name>.part`, from which a later download goes on. `index.json` beside the
//! segments says what is there.
//!
//! The token goes to the API only, never to the storage that the files come from, and into no message. Names that the
//! API gives are files of known names in the directory of their segment, or they are refused.
//!
//! ```no_run
//! use cts_core::io::connect::{Client, FileKind, Options, Wanted, Watch};
//!
//! let client = Client::new(Options::from_environment()?)?;
//! let target = "https://connect.comma.ai/a2a0ccea32023010/00000008--0696c823fa/60/180".parse()?;
//! let watch = Watch::default();
//! let spec = client.locate(&target, 7, &watch)?;
//! let summary = client.download(&Wanted::new(spec, vec![FileKind::Logs], "drives"), &watch)?;
//! println!("{} files in {}", summary.downloaded + summary.skipped, summary.dir.display());
//! # Ok::<(), cts_core::Error>(())
//! ```
//!
//! Source: comma-api `openapi.yaml`; openpilot `tools/lib/api.py`, `tools/lib/auth_config.py`, `tools/lib/route.py`.

mod address;
mod client;
mod download;
mod drive;
mod fault;
mod files;
mod headers;
mod index;
mod links;
mod meter;
mod patience;
mod place;
mod token;
mod transfer;
mod watch;

pub use client::{Client, Options};
pub use download::{FailedFile, MAX_PARALLEL, Missing, Summary, Wanted};
pub use drive::Drive;
pub use files::FileKind;
pub use patience::Patience;
pub use token::Token;
pub use watch::{Progress, Watch};
