//! Combinations of settings that contradict each other or are unsafe.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use cts_core::io::connect::{Client, Options, Token};

use super::fields::Config;
use super::lists::CorsOrigin;
use super::load::Layers;
use super::problem::Problem;
use super::values::Environment;

/// A check: the field whose place is named, and what is wrong.
type Check = fn(&Config) -> Option<Problem>;

/// What holds everywhere.
const ALWAYS: &[(&str, Check)] = &[
    ("host", open_network),
    ("jwt_secret", two_secrets),
    ("jwt_secret", two_kinds_of_keys),
    ("jwt_secret", short_secret),
    ("jwt_issuer", useless_claims),
    ("comma_jwt", two_comma_tokens),
    ("comma_jwt", odd_comma_token),
    ("comma_jwt_file", unreadable_comma_token),
    ("comma_api_url", odd_comma_api),
    ("cors_allowed_origins", any_and_more),
    ("max_requests_per_minute", too_few_requests),
];

/// What production refuses, or warns of.
const PRODUCTION: &[(&str, Check)] = &[
    ("debug", debug),
    ("log_level", chatty),
    ("cors_allowed_origins", any_origin),
    ("require_authentication", no_authentication),
    ("enable_rate_limiting", no_rate_limit),
    ("trusted_proxies", everyone_is_a_proxy),
    ("allowed_roots", every_file),
    ("enable_metrics", no_metrics),
    ("tool_timeout_seconds", short_timeout),
    ("worker_memory_mb", no_memory_limit),
    ("enable_audit_log", no_audit),
    ("port", any_port),
];

/// What is wrong with `config`, each with the field whose place is to be named.
pub(super) fn of(config: &Config) -> Vec<(&'static str, Problem)> {
    let more = if config.environment == Environment::Production { PRODUCTION } else { &[] };
    let all = ALWAYS.iter().chain(more);
    all.filter_map(|(name, check)| Some((*name, check(config)?))).collect()
}

/// Runs all checks.
pub(super) fn run(layers: &mut Layers) {
    for (name, problem) in of(&layers.config) {
        let origin = layers.origin(name);
        layers.problem(problem.at(origin));
    }
    let production = layers.config.environment == Environment::Production;
    let file = layers.file_with_secret().map(Path::to_owned);
    if let Some(problem) = file.and_then(|path| readable_secret(&path, production)) {
        layers.problem(problem);
    }
}

fn when(wrong: bool, problem: impl FnOnce() -> Problem) -> Option<Problem> {
    wrong.then(problem)
}

/// Whether others than this machine can connect.
fn is_open(config: &Config) -> bool {
    !config.host.0.is_loopback()
}

fn open_network(config: &Config) -> Option<Problem> {
    let open = is_open(config) && !config.require_authentication;
    // Production says it without the way out, in a check of its own.
    let told = config.allow_unauthenticated_network || config.environment == Environment::Production;
    when(open && !told, || {
        Problem::error(format!("`host` {} is reachable by others, and authentication is off", config.host.0)).remedy(
            "set `require_authentication = true` and create a key with `cts-lite key create`, listen on 127.0.0.1, or, \
             in a network you trust, set `allow_unauthenticated_network = true`",
        )
    })
}

fn two_secrets(config: &Config) -> Option<Problem> {
    when(config.jwt_secret.is_some() && config.jwt_secret_file.is_some(), || {
        Problem::error("`jwt_secret` and `jwt_secret_file` are both set").remedy("remove one of them")
    })
}

fn two_kinds_of_keys(config: &Config) -> Option<Problem> {
    let secret = config.jwt_secret.is_some() || config.jwt_secret_file.is_some();
    when(secret && config.jwt_public_key_file.is_some(), || {
        Problem::error("tokens can be signed with HS256 or with RS256, not with both")
            .remedy("keep either `jwt_public_key_file` or the secret")
    })
}

fn short_secret(config: &Config) -> Option<Problem> {
    let len = config.jwt_secret.as_ref().map(|secret| secret.reveal().len())?;
    when(len < 32, || {
        Problem::error(format!("`jwt_secret` has {len} bytes, fewer than 32: tokens could be forged"))
            .remedy("take a random one, such as from `openssl rand -hex 32`")
    })
}

fn useless_claims(config: &Config) -> Option<Problem> {
    let keys = config.jwt_secret.is_some()
        || config.jwt_secret_file.is_some()
        || config.jwt_public_key_file.is_some();
    when(!keys && (config.jwt_issuer.is_some() || config.jwt_audience.is_some()), || {
        Problem::warning("`jwt_issuer` and `jwt_audience` do nothing without a key for tokens")
            .remedy("set `jwt_secret`, `jwt_secret_file` or `jwt_public_key_file`")
    })
}

fn two_comma_tokens(config: &Config) -> Option<Problem> {
    when(config.comma_jwt.is_some() && config.comma_jwt_file.is_some(), || {
        Problem::error("`comma_jwt` and `comma_jwt_file` are both set").remedy("remove one of them")
    })
}

fn odd_comma_token(config: &Config) -> Option<Problem> {
    let token = config.comma_jwt.as_ref()?;
    when(Token::new(token.reveal()).is_err(), || {
        Problem::error("`comma_jwt` cannot be a token").remedy("copy the one of https://jwt.comma.ai")
    })
}

fn unreadable_comma_token(config: &Config) -> Option<Problem> {
    let path = config.comma_jwt_file.as_ref()?;
    let message = match Token::of_file(path) {
        Ok(Some(_)) => return None,
        Ok(None) => format!("`comma_jwt_file` {} holds no token", path.display()),
        Err(e) => format!("`comma_jwt_file`: {e}"),
    };
    // It is read for each download, so that it may come later.
    Some(
        Problem::warning(message)
            .remedy("put the token of https://jwt.comma.ai into it, for the service to read"),
    )
}

fn odd_comma_api(config: &Config) -> Option<Problem> {
    let address = config.comma_api_url.clone()?;
    let error = Client::new(Options { address: Some(address), ..Options::default() }).err()?;
    Some(
        Problem::error(format!("`comma_api_url`: {error}"))
            .remedy("give an address such as https://api.comma.ai"),
    )
}

fn any_and_more(config: &Config) -> Option<Problem> {
    let origins = &config.cors_allowed_origins;
    when(origins.len() > 1 && origins.contains(&CorsOrigin::Any), || {
        Problem::warning("`cors_allowed_origins` has `*` and others: the others gain only credentials")
            .remedy("remove `*`, or everything else")
    })
}

fn too_few_requests(config: &Config) -> Option<Problem> {
    when(config.enable_rate_limiting && config.max_requests_per_minute < 30, || {
        let limit = config.max_requests_per_minute;
        Problem::warning(format!("{limit} requests a minute: a client that waits for a run makes 30"))
            .remedy("set `max_requests_per_minute` to 60 or more")
    })
}

fn debug(config: &Config) -> Option<Problem> {
    when(config.debug, || {
        Problem::error("`debug` is on in production: it is for those who work on the service itself")
            .remedy("set `debug = false`")
    })
}

fn chatty(config: &Config) -> Option<Problem> {
    use super::values::LogLevel::{Debug, Trace};
    when(matches!(config.log_level, Debug | Trace), || {
        Problem::warning(format!("`log_level` {} in production fills disks", config.log_level))
            .remedy("set `log_level = \"INFO\"` when the fault is found")
    })
}

fn any_origin(config: &Config) -> Option<Problem> {
    when(config.cors_allowed_origins.contains(&CorsOrigin::Any), || {
        Problem::error(
            "`cors_allowed_origins` is `*` in production: every page that a user visits could call",
        )
        .remedy("name the origins, or leave the list empty")
    })
}

fn no_authentication(config: &Config) -> Option<Problem> {
    let off = !config.require_authentication;
    when(off, || match is_open(config) {
        true => Problem::error(format!(
            "authentication is off in production while listening on {}",
            config.host.0
        ))
        .remedy("set `require_authentication = true`, or listen on 127.0.0.1"),
        false => Problem::warning(
            "authentication is off in production: everyone on this machine, and everyone whom a \
             proxy lets through, may run tools",
        )
        .remedy("set `require_authentication = true`"),
    })
}

fn no_rate_limit(config: &Config) -> Option<Problem> {
    when(!config.enable_rate_limiting, || match is_open(config) {
        true => {
            Problem::error(format!("rate limiting is off in production while listening on {}", config.host.0))
                .remedy("set `enable_rate_limiting = true`, with a `max_requests_per_minute` that fits")
        }
        false => {
            Problem::warning("rate limiting is off in production").remedy("set `enable_rate_limiting = true`")
        }
    })
}

fn everyone_is_a_proxy(config: &Config) -> Option<Problem> {
    let all = config.trusted_proxies.iter().find(|net| net.prefix_len() == 0)?;
    Some(
        Problem::error(format!("`trusted_proxies` has {all}: everyone could claim any address"))
            .remedy("name the addresses of your proxies"),
    )
}

fn every_file(config: &Config) -> Option<Problem> {
    when(config.allowed_roots.iter().any(|root| root == Path::new("/")), || {
        Problem::error("`allowed_roots` lets runs read every file of this machine")
            .remedy("name the directories that hold logs, or none, so that only uploads are read")
    })
}

fn no_metrics(config: &Config) -> Option<Problem> {
    when(!config.enable_metrics, || {
        Problem::error("`enable_metrics` is off in production: failures would stay unseen")
            .remedy("set `enable_metrics = true`")
    })
}

fn short_timeout(config: &Config) -> Option<Problem> {
    let seconds = config.tool_timeout_seconds;
    when(seconds < 30, || {
        Problem::error(format!("`tool_timeout_seconds` is {seconds} in production, less than 30"))
            .remedy("set `tool_timeout_seconds` to 30 or more")
    })
}

fn no_memory_limit(config: &Config) -> Option<Problem> {
    when(config.worker_memory_mb == 0, || {
        Problem::error("`worker_memory_mb` is 0 in production: one run could take all memory")
            .remedy("set a limit, such as 2048")
    })
}

fn no_audit(config: &Config) -> Option<Problem> {
    when(!config.enable_audit_log, || {
        Problem::warning("`enable_audit_log` is off in production").remedy("set `enable_audit_log = true`")
    })
}

fn any_port(config: &Config) -> Option<Problem> {
    when(config.port == 0, || {
        Problem::error("`port` is 0 in production: clients could not know it")
            .remedy("set a port, such as 8080")
    })
}

fn readable_secret(path: &Path, production: bool) -> Option<Problem> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    when(mode & 0o004 != 0, || {
        let message = format!("{} holds a secret, and everyone on this machine can read it", path.display());
        let problem = if production { Problem::error(message) } else { Problem::warning(message) };
        problem.remedy(format!("chmod 640 {}, or use `jwt_secret_file` or `comma_jwt_file`", path.display()))
    })
}
