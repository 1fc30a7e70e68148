//! The log of the service on standard error, with a level that can change while it runs.

use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry, reload};

use crate::config::{Config, LogFormat, LogLevel};

/// Changes the level of a log that was started.
pub struct Logging(reload::Handle<Targets, Registry>);

impl Logging {
    /// Starts the log of this process as `config` says.
    ///
    /// # Errors
    /// When it was started before.
    pub fn start(config: &Config) -> Result<Self, tracing::subscriber::SetGlobalDefaultError> {
        let (log, handle) = subscriber(config, std::io::stderr);
        tracing::subscriber::set_global_default(log)?;
        Ok(handle)
    }

    /// Follows the level of another configuration.
    pub fn reload(&self, config: &Config) {
        // It fails only when the log is gone, and then there is nobody to tell.
        let _ = self.0.reload(filter(config.log_level));
    }
}

/// What a level means: below `DEBUG`, the libraries only speak up when something is wrong.
fn filter(level: LogLevel) -> Targets {
    let (ours, others) = match level {
        LogLevel::Trace => (LevelFilter::TRACE, LevelFilter::DEBUG),
        LogLevel::Debug => (LevelFilter::DEBUG, LevelFilter::INFO),
        LogLevel::Info => (LevelFilter::INFO, LevelFilter::WARN),
        LogLevel::Warning => (LevelFilter::WARN, LevelFilter::WARN),
        LogLevel::Error => (LevelFilter::ERROR, LevelFilter::ERROR),
    };
    Targets::new().with_default(others).with_targets([
        ("cts_server", ours),
        ("cts_lite", ours),
        ("cts_core", ours),
    ])
}

fn subscriber<W>(config: &Config, writer: W) -> (impl Subscriber + Send + Sync, Logging)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(filter(config.log_level));
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer);
    let lines = lines.with_file(config.debug).with_line_number(config.debug);
    let lines = match config.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    (tracing_subscriber::registry().with(lines.with_filter(filter)), Logging(handle))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::config::{Sources, load};

    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<u8>>>);

    impl Write for Seen {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn config(level: &str, format: &str) -> Config {
        let flags = vec![("log_level", level.to_owned()), ("log_format", format.to_owned())];
        load(&Sources { flags, ..Sources::default() }).unwrap().config
    }

    #[test]
    fn the_level_changes_while_it_runs() {
        let seen = Seen::default();
        let writer = seen.clone();
        let (log, handle) = subscriber(&config("WARNING", "json"), move || writer.clone());
        tracing::subscriber::with_default(log, || {
            tracing::info!("one");
            tracing::warn!(run = "x", "two");
            handle.reload(&config("DEBUG", "json"));
            tracing::debug!("three");
            tracing::debug!(target: "hyper", "four");
        });
        let text = String::from_utf8(seen.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let messages: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
        assert_eq!(messages, ["two", "three"]);
        assert_eq!((&lines[0]["run"], &lines[0]["level"]), (&"x".into(), &"WARN".into()));
    }
}
