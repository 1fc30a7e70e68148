//! `docs/configuration.md`, made from the table of fields.

use std::fmt::Write;

use super::fields::{FIELDS, Field, Reload};

const HEAD: &str = "# Configuration of `cts-lite`

<!-- Generated from cts-server/src/config/fields.rs; `CTS_UPDATE_DOCS=1 cargo test -p cts-server` writes it anew. -->

`cts-lite` starts without any configuration. A value comes from the highest of these layers that has it:

1. flags, such as `--port 9000`
2. environment variables, such as `CTS_PORT=9000`; `CTS_API_PORT` is accepted too, and gives way to `CTS_PORT`
3. a file `.env` in the working directory; lines that do not start with `CTS_` are left to other programs
4. a TOML file, named by `--config` or `CTS_CONFIG`; all keys stand at the top level
5. the profile of the environment: `development`, `staging` or `production`
6. defaults

`cts-lite config show` prints every value with its source, `cts-lite config check` all problems at once, with file and
line. An unknown key or an impossible value in the file or in a flag is an error. A bad value in a variable is a warning,
and the value of the layer below is kept; `CTS_CONFIG_WARN_ON_BAD_ENV=false` silences it. Lists in variables take commas or
JSON; booleans take `true`, `1`, `yes`, `on` and their opposites. Relative paths are taken from the working directory.

The signal SIGHUP makes the service read everything again. Fields marked *live* change at once, others with the next start;
the log says which. If the new configuration cannot be used, the old one stays.

Production refuses combinations that are unsafe: `debug`, `cors_allowed_origins = [\"*\"]`, authentication or rate limiting
off while listening beyond loopback, `allowed_roots` with `/`, workers without a memory limit, and a few more. Everywhere,
listening beyond loopback without authentication needs `allow_unauthenticated_network`.
";

/// The page.
pub fn markdown() -> String {
    let mut text = HEAD.to_owned();
    let mut group = "";
    for field in FIELDS {
        if field.group != group {
            group = field.group;
            let _ = write!(text, "\n## {group}\n\n{COLUMNS}");
        }
        let _ = writeln!(text, "{}", row(field));
    }
    text
}

const COLUMNS: &str = "| key, variable, flag | default | what it does |\n|---|---|---|\n";

fn row(field: &Field) -> String {
    let variable = field.variables().into_iter().next().unwrap_or_default();
    let flag = field.flag().map_or_else(|| "no flag".to_owned(), |flag| format!("`--{flag}`"));
    let aliases: String =
        field.aliases.iter().fold(String::new(), |text, alias| format!("{text}<br>also `{alias}`"));
    let live = if field.reload == Reload::Live { "; *live*" } else { "" };
    let kind = match field.kind {
        "integer" => field.range(),
        kind => kind.to_owned(),
    };
    let name = field.name;
    let doc = field.doc.trim();
    format!("| `{name}`<br>`{variable}`<br>{flag}{aliases} | {} | {doc} *{kind}*{live} |", defaults(field))
}

fn defaults(field: &Field) -> String {
    let code = |text: &str| if text.is_empty() { "none".to_owned() } else { format!("`{text}`") };
    let profiles =
        [("development", field.development), ("staging", field.staging), ("production", field.production)];
    let profiles =
        profiles.iter().filter_map(|(name, text)| text.map(|text| format!("<br>{name}: {}", code(text))));
    profiles.fold(code(field.default), |text, profile| text + &profile)
}
