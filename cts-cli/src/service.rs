//! Which service a command talks to, from flags, environment and the configuration file.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, ArgMatches, value_parser};

use crate::args::flag;
use crate::client::{self, Address, ApiKey, Client, Error, Options, Result};
use crate::config::{self, Global};
use crate::render;

const DEFAULT_URL: &str = "http://127.0.0.1:8080";
const HEADING: &str = "Service";

/// What the flags say.
#[derive(Default)]
pub(crate) struct Flags {
    url: Option<String>,
    key: Option<ApiKey>,
    timeout: Duration,
    verify: bool,
}

impl Flags {
    pub(crate) fn new(matches: &ArgMatches) -> Self {
        Self {
            url: matches.get_one("url").cloned(),
            key: matches.get_one::<String>("api-key").and_then(|key| ApiKey::new(key)),
            timeout: matches.get_one("timeout").copied().unwrap_or_default(),
            verify: !matches.get_flag("no-verify"),
        }
    }
}

/// The flags of all commands that concern the service.
pub(crate) fn arguments() -> Vec<Arg> {
    let all = [
        Arg::new("url")
            .long("url")
            .short('u')
            .value_name("URL")
            .help("Talk to the service at URL. Also: CTS_URL, and url in cts/config.toml"),
        Arg::new("api-key")
            .long("api-key")
            .short('k')
            .value_name("KEY")
            .help("The key for the service. Also, and out of sight of other users: CTS_API_KEY, and api_key in cts/config.toml"),
        Arg::new("timeout")
            .long("timeout")
            .value_name("s")
            .help("The longest silence of the service")
            .default_value("30")
            .value_parser(seconds),
        flag("no-verify", "Do not check the certificate of the service"),
        flag("json", "Print JSON"),
        flag("quiet", "Say nothing but results and errors").short('q'),
    ];
    all.into_iter().map(|arg| arg.global(true).help_heading(HEADING)).collect()
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    let wrong = |_| "must be more than 0 and a time that fits".to_owned();
    let duration = Duration::try_from_secs_f64(seconds).map_err(wrong)?;
    if duration.is_zero() { Err("must be more than 0".to_owned()) } else { Ok(duration) }
}

/// The directory for downloads.
pub(crate) fn out_dir_argument(help: &'static str) -> Arg {
    Arg::new("out-dir").long("out-dir").value_name("DIR").help(help).value_parser(value_parser!(PathBuf))
}

/// The configuration file; one that cannot be read is left out here, as commands without a service report it.
struct File(toml::Table);

impl File {
    fn read() -> Self {
        let text = config::file().and_then(|path| std::fs::read_to_string(path).ok());
        Self(text.and_then(|text| text.parse().ok()).unwrap_or_default())
    }

    fn text(&self, key: &str) -> Option<String> {
        self.0.get(key)?.as_str().map(str::to_owned).filter(|text| !text.is_empty())
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The address of the service that was named, if one was; an empty one means none.
pub(crate) fn named(global: &Global) -> Option<String> {
    let given = global.service.url.clone().or_else(|| variable("CTS_URL"));
    given.or_else(|| File::read().text("url")).filter(|url| !url.trim().is_empty())
}

/// Connects to the service that was named, by default the one of this machine: agrees on the version.
///
/// # Errors
/// `bad-address`, `client-too-old`.
pub(crate) fn connect(global: &Global) -> Result<Client> {
    let address = Address::parse(&named(global).unwrap_or_else(|| DEFAULT_URL.to_owned()))?;
    let flag = global.service.key.clone();
    let key = flag.or_else(|| variable("CTS_API_KEY").and_then(|key| ApiKey::new(&key)));
    let key = key.or_else(|| File::read().text("api_key").and_then(|key| ApiKey::new(&key)));
    if key.is_some() && address.is_open() {
        global.say("cts: warning: the key goes unencrypted over the network; use an https address");
    }
    let (timeout, verify) = (global.service.timeout, global.service.verify);
    let client = Client::new(Options { address, key, timeout, verify, cancel: Arc::clone(&global.cancel) });
    let deprecated = client::negotiate(&client)?;
    if !deprecated.is_empty() {
        global
            .say(&format!("cts: warning: the service will drop: {}", render::plain(&deprecated.join(", "))));
    }
    Ok(client)
}

/// Where files of the service go: the flag, `out_dir` of the file, `~/Downloads/cts`.
pub(crate) fn out_dir(matches: &ArgMatches) -> Result<PathBuf> {
    if let Some(dir) = matches.get_one::<PathBuf>("out-dir") {
        return Ok(dir.clone());
    }
    let home = variable("HOME").or_else(|| variable("USERPROFILE")).map(PathBuf::from);
    let missing = || Error::Usage("the home directory is not known; give --out-dir".to_owned());
    match File::read().text("out_dir") {
        Some(dir) => match dir.strip_prefix('~').map(|rest| rest.trim_start_matches('/')) {
            Some(rest) => Ok(home.ok_or_else(missing)?.join(rest)),
            None => Ok(dir.into()),
        },
        None => Ok(home.ok_or_else(missing)?.join("Downloads").join("cts")),
    }
}
