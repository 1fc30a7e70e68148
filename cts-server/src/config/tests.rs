use std::path::{Path, PathBuf};

use super::fields::Field;
use super::*;

/// A world made up for one test.
struct World {
    dir: tempfile::TempDir,
    sources: Sources,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sources = Sources { dot_env: Some(dir.path().join(".env")), ..Sources::default() };
        Self { dir, sources }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn toml(mut self, text: &str) -> Self {
        std::fs::write(self.path("c.toml"), text).unwrap();
        self.sources.file = Some(self.path("c.toml"));
        self
    }

    fn dot_env(self, text: &str) -> Self {
        std::fs::write(self.path(".env"), text).unwrap();
        self
    }

    fn var(mut self, name: &str, value: &str) -> Self {
        self.sources.variables.insert(name.into(), value.into());
        self
    }

    fn flag(mut self, name: &'static str, value: &str) -> Self {
        self.sources.flags.push((name, value.into()));
        self
    }

    fn load(&self) -> Loaded {
        load(&self.sources).unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// The messages of all problems, with the directory of the test cut away.
    fn errors(&self) -> String {
        let dir = format!("{}/", self.dir.path().display());
        load(&self.sources).map(|l| format!("{:?}", l.config.port)).unwrap_err().to_string().replace(&dir, "")
    }
}

/// Warnings, without those of directories, which depend on who runs the tests.
fn warnings(loaded: &Loaded) -> Vec<String> {
    let texts = loaded.warnings.iter().map(ToString::to_string);
    texts.filter(|text| !text.contains("cannot be written")).collect()
}

fn origin_of(loaded: &Loaded, name: &str) -> String {
    loaded.origin(field(name).unwrap()).to_string()
}

#[test]
fn fields_are_well_formed() {
    let mut names: Vec<&str> = FIELDS.iter().flat_map(Field::names).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a name is used twice");
    let mut variables: Vec<String> = FIELDS.iter().flat_map(Field::variables).collect();
    variables.extend(["CTS_API_KEY", "CTS_URL", "CTS_LITE_URL", "CTS_CONFIG"].map(String::from));
    let count = variables.len();
    variables.sort_unstable();
    variables.dedup();
    assert_eq!(variables.len(), count, "two fields share a variable, or one takes a foreign one");
    for field in FIELDS {
        assert!(field.doc.trim().ends_with('.') && field.doc.len() > 10, "{}", field.name);
        assert!(field.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", field.name);
    }
}

#[test]
fn every_name_of_the_first_specification_is_a_field_with_its_default() {
    let loaded = World::new().flag("environment", "staging").flag("max_concurrent_runs", "3").load();
    for (name, value) in [
        ("max_concurrent_runs", "3"),
        ("tool_timeout_seconds", "300"),
        ("max_artifact_size_mb", "100"),
        ("artifact_retention_days", "7"),
        ("log_buffer_size", "1000"),
        ("artifact_scan_interval", "5"),
        ("cleanup_interval_minutes", "60"),
        ("enable_rate_limiting", "true"),
        ("max_requests_per_minute", "60"),
        ("require_authentication", "false"),
        ("enable_metrics", "true"),
        ("health_check_interval", "30"),
    ] {
        assert_eq!(loaded.config.json(field(name).unwrap()).to_string(), value, "{name}");
    }
}

#[test]
fn profiles_of_the_environments() {
    let show = |environment| {
        let c = World::new().flag("environment", environment).load().config;
        (
            c.debug,
            c.log_level.as_str(),
            c.max_concurrent_runs,
            c.enable_rate_limiting,
            c.require_authentication,
        )
    };
    assert_eq!(show("development"), (true, "DEBUG", 3, false, false));
    assert_eq!(show("staging"), (true, "INFO", 2, true, false));
    assert_eq!(show("prod"), (false, "WARNING", 5, true, true));
    assert_eq!(World::new().load().config.environment, Environment::Development);
}

#[test]
fn higher_layers_win() {
    let base = || World::new().var("CTS_ENVIRONMENT", "production");
    let with_file = || base().toml("# comment\n\nmax_concurrent_runs = 6\n");
    let with_dot_env = || with_file().dot_env("A=1\nexport CTS_MAX_CONCURRENT_RUNS='7'\n");
    let with_api = || with_dot_env().var("CTS_API_MAX_CONCURRENT_RUNS", "8");
    let with_variable = || with_api().var("CTS_MAX_CONCURRENT_RUNS", "9");
    let with_flag = || with_variable().flag("max_concurrent_runs", "10");
    let table: [(World, u64, &str); 6] = [
        (base(), 5, "profile production"),
        (with_file(), 6, "c.toml:3"),
        (with_dot_env(), 7, ".env:2"),
        (with_api(), 8, "CTS_API_MAX_CONCURRENT_RUNS"),
        (with_variable(), 9, "CTS_MAX_CONCURRENT_RUNS"),
        (with_flag(), 10, "--max-concurrent-runs"),
    ];
    for (world, value, origin) in table {
        let loaded = world.load();
        assert_eq!(loaded.config.max_concurrent_runs, value);
        let seen = origin_of(&loaded, "max_concurrent_runs");
        assert!(seen.ends_with(origin), "{seen} does not end with {origin}");
    }
    assert_eq!(origin_of(&World::new().load(), "port"), "default");
}

#[test]
fn old_and_new_spellings_mean_the_same() {
    let loaded =
        World::new().toml("max_log_buffer_size = 5").var("CTS_HEALTH_CHECK_INTERVAL_SECONDS", "9").load();
    assert_eq!((loaded.config.log_buffer_size, loaded.config.health_check_interval), (5, 9));
    let both = World::new().toml("log_buffer_size = 5\n\nmax_log_buffer_size = 6").errors();
    assert!(both.contains("c.toml:3: `max_log_buffer_size` is another name of `log_buffer_size`"), "{both}");
}

#[test]
fn all_mistakes_of_a_file_are_named_with_their_lines() {
    let text = "port = 70000\nhosst = \"x\"\n# fine\nmax_concurrent_runs = 0\ndebug = \"true\"\nlog_level = 3\n\
                trusted_proxies = [\"10.0.0.0/8\", \"x\"]\n[server]\nport = 1\n";
    let errors = World::new().toml(text).errors();
    for line in [
        "error: c.toml:1: `port` must be an integer from 0 to 65535, not the integer 70000",
        "error: c.toml:2: unknown key `hosst`\n  remedy: did you mean `host`?",
        "error: c.toml:4: `max_concurrent_runs` must be an integer from 1 to 1024, not the integer 0",
        "error: c.toml:5: `debug` must be true or false, without quotes, not the string \"true\"",
        "error: c.toml:6: `log_level` must be `TRACE`, `DEBUG`, `INFO`, `WARNING` or `ERROR`, not the integer 3",
        "error: c.toml:7: `trusted_proxies` must be addresses or networks such as `10.0.0.0/8`, not the string \"x\"",
        "error: c.toml:8: unknown table `server`\n  remedy: all keys stand at the top level, without tables",
    ] {
        assert!(errors.contains(line), "{line}\nis not in\n{errors}");
    }
    assert_eq!(errors.matches("error:").count(), 7, "{errors}");
}

#[test]
fn broken_toml_is_named_with_its_line_and_the_rest_is_still_checked() {
    let errors = World::new().toml("port = 1\nhost = \ndebug = maybe\nfoo = 1\n").errors();
    assert!(errors.contains("c.toml:2:") && errors.contains("c.toml:3:"), "{errors}");
    assert!(errors.contains("c.toml:4: unknown key `foo`"), "{errors}");
    let missing = World {
        sources: Sources { file: Some("/no/such.toml".into()), ..Sources::default() },
        ..World::new()
    };
    assert!(missing.errors().contains("cannot read the configuration /no/such.toml"), "{}", missing.errors());
}

#[test]
fn bad_variables_warn_and_keep_the_lower_value() {
    let world = World::new().var("CTS_PORT", "eighty").toml("port = 81");
    let loaded = world.load();
    assert_eq!((loaded.config.port, warnings(&loaded).len()), (81, 1));
    let text = warnings(&loaded).remove(0);
    assert_eq!(
        text,
        "warning: CTS_PORT: `port` must be an integer from 0 to 65535, not `eighty`; `81` is kept"
    );
    let silent = world.var("CTS_CONFIG_WARN_ON_BAD_ENV", "false").load();
    assert_eq!((silent.config.port, warnings(&silent).len()), (81, 0));
    let unknown = World::new().var("CTS_ENVIRONMENT", "prodution").load();
    assert_eq!((unknown.config.environment, warnings(&unknown).len()), (Environment::Development, 1));
    let flag = World::new().flag("port", "eighty").errors();
    assert!(flag.starts_with("error: --port: `port` must be"), "{flag}");
}

#[test]
fn foreign_variables_do_not_stop_the_start() {
    let text = "DATABASE_URL=postgres://x\nnot a line\n=\nCTS_URL=http://x\nCTS_PROT=9\nCTS_PORT=82\nCTS_ = \nexport X\n";
    let loaded = World::new().dot_env(text).var("CTS_API_KEY", "k").var("CTS_LITE_URL", "u").load();
    assert_eq!(loaded.config.port, 82);
    let warnings = warnings(&loaded);
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings
            .iter()
            .any(|w| w.contains("`CTS_PROT` is no setting") && w.contains("did you mean `CTS_PORT`?"))
    );
}

#[test]
fn an_empty_variable_is_not_set() {
    let loaded = World::new().var("CTS_PORT", "").var("CTS_CORS_ALLOWED_ORIGINS", "").load();
    assert_eq!((loaded.config.port, warnings(&loaded).len()), (8080, 0));
    assert_eq!(loaded.config.cors_allowed_origins, []);
}

#[test]
fn lists_take_commas_and_json() {
    let origins =
        |text| World::new().var("CTS_CORS_ALLOWED_ORIGINS", text).load().config.cors_allowed_origins;
    assert_eq!(origins("http://a, http://b"), origins("[\"http://a\", \"http://b\"]"));
    assert_eq!(origins("http://a,").len(), 1);
    let roots = World::new().var("CTS_ALLOWED_ROOTS", "/a:/b,/c").load().config.allowed_roots;
    assert_eq!(roots, [Path::new("/a"), Path::new("/b"), Path::new("/c")]);
}

#[test]
fn unsafe_combinations_are_refused_with_a_remedy() {
    /// Flags, what the error says, and the flag that makes it go away.
    type Row<'a> = (&'a [(&'static str, &'a str)], &'a str, (&'static str, &'a str));
    let table: &[Row<'_>] = &[
        (&[("host", "0.0.0.0")], "reachable by others", ("require_authentication", "true")),
        (&[("host", "::")], "reachable by others", ("allow_unauthenticated_network", "true")),
        (&[("host", "192.168.1.2")], "reachable by others", ("host", "127.0.0.1")),
        (&[("environment", "production"), ("debug", "true")], "`debug` is on", ("debug", "false")),
        (
            &[("environment", "production"), ("cors_allowed_origins", "*")],
            "is `*` in production",
            ("cors_allowed_origins", "https://a"),
        ),
        (
            &[
                ("environment", "production"),
                ("host", "0.0.0.0"),
                ("require_authentication", "false"),
                ("allow_unauthenticated_network", "true"),
            ],
            "authentication is off in production while listening",
            ("require_authentication", "true"),
        ),
        (
            &[("environment", "production"), ("host", "0.0.0.0"), ("enable_rate_limiting", "false")],
            "rate limiting is off",
            ("enable_rate_limiting", "true"),
        ),
        (
            &[("environment", "production"), ("trusted_proxies", "0.0.0.0/0")],
            "claim any address",
            ("trusted_proxies", "10.0.0.1"),
        ),
        (
            &[("environment", "production"), ("allowed_roots", "/srv:/")],
            "every file",
            ("allowed_roots", "/srv"),
        ),
        (
            &[("environment", "production"), ("enable_metrics", "false")],
            "failures would stay unseen",
            ("enable_metrics", "true"),
        ),
        (
            &[("environment", "production"), ("tool_timeout_seconds", "29")],
            "less than 30",
            ("tool_timeout_seconds", "30"),
        ),
        (
            &[("environment", "production"), ("worker_memory_mb", "0")],
            "all memory",
            ("worker_memory_mb", "1"),
        ),
        (&[("environment", "production"), ("port", "0")], "clients could not know", ("port", "1")),
    ];
    for (flags, message, (name, value)) in table {
        let world = flags.iter().fold(World::new(), |world, (name, value)| world.flag(name, value));
        let errors = world.errors();
        assert!(errors.contains(message) && errors.contains("remedy: "), "{flags:?}: {errors}");
        assert_eq!(errors.matches("error:").count(), 1, "{flags:?}: {errors}");
        world.flag(name, value).load();
    }
}

#[test]
fn all_unsafe_combinations_are_reported_together() {
    let text = "environment = \"production\"\ndebug = true\nhost = \"0.0.0.0\"\nrequire_authentication = false\n\
                cors_allowed_origins = [\"*\"]\n";
    let errors = World::new().toml(text).errors();
    for place in ["c.toml:2: `debug`", "c.toml:5: `cors", "c.toml:4: authentication is off"] {
        assert!(errors.contains(place), "{place}: {errors}");
    }
}

#[test]
fn secrets_are_shown_nowhere() {
    let secret = "correct-horse-battery-staple-0123456789";
    let world = World::new().var("CTS_JWT_SECRET", secret);
    let loaded = world.load();
    assert_eq!(loaded.config.jwt_secret.as_ref().map(Secret::reveal), Some(secret));
    let all = format!("{loaded:?} {} {:#}", to_text(&loaded), to_json(&loaded));
    assert!(!all.contains("horse") && all.contains(MASK));
    let short = World::new().var("CTS_JWT_SECRET", "horse").errors();
    assert!(short.contains("`jwt_secret` has 5 bytes") && !short.contains("horse"), "{short}");
    let toml = World::new().toml("jwt_secret = [\"horse\"]").errors();
    assert!(toml.contains("c.toml:1") && !toml.contains("horse"), "{toml}");
    assert!(cli::with_flags(clap::Command::new("x")).get_arguments().all(|a| a.get_id() != "jwt_secret"));
}

#[test]
fn the_token_of_comma_connect_is_shown_nowhere() {
    let world = World::new().var("CTS_COMMA_JWT", "horse.battery");
    let loaded = world.load();
    let all =
        format!("{loaded:?} {} {:#} {:?}", to_text(&loaded), to_json(&loaded), loaded.config.settings());
    assert!(!all.contains("horse") && all.contains(MASK));
    let odd = World::new().var("CTS_COMMA_JWT", "horse battery").errors();
    assert!(odd.contains("`comma_jwt` cannot be a token") && !odd.contains("horse"), "{odd}");
    let both = world.flag("comma_jwt_file", "/no/such/file").errors();
    assert!(both.contains("`comma_jwt` and `comma_jwt_file` are both set"), "{both}");
    let absent = World::new().flag("comma_jwt_file", "/no/such/file").load();
    assert!(warnings(&absent).iter().any(|warning| warning.contains("/no/such/file holds no token")));
}

#[test]
fn the_address_of_comma_connect_is_checked() {
    let errors = |url| World::new().flag("comma_api_url", url).errors();
    assert!(errors("http://api.example").contains("`comma_api_url`: "), "{}", errors("http://api.example"));
    let config = World::new().flag("comma_api_url", "https://api.example").load().config;
    assert_eq!(config.settings().unwrap().downloads.api.as_deref(), Some("https://api.example"));
}

#[test]
fn a_secret_in_a_file_for_everyone_is_refused_in_production() {
    use std::os::unix::fs::PermissionsExt;
    let text = "environment = \"production\"\njwt_secret = \"0123456789012345678901234567890123456789\"\n";
    let world = World::new().toml(text);
    let mode =
        |mode| std::fs::set_permissions(world.path("c.toml"), std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    assert!(world.errors().contains("everyone on this machine can read it"));
    mode(0o640);
    world.load();
}

#[test]
fn show_tells_the_source_of_each_value() {
    let loaded = World::new().toml("port = 81").var("CTS_HOST", "::1").load();
    let text = to_text(&loaded);
    let line = |name: &str| text.lines().find(|l| l.split(' ').next() == Some(name)).unwrap().to_owned();
    assert!(line("port").contains(" 81 ") && line("port").ends_with("c.toml:1"));
    assert!(line("host").contains("\"::1\"") && line("host").ends_with("CTS_HOST"));
    assert_eq!(text.lines().count(), FIELDS.len());
    let json = to_json(&loaded);
    assert_eq!(json["settings"]["host"], serde_json::json!({"value": "::1", "source": "CTS_HOST"}));
}

#[test]
fn reading_again_changes_what_can_change() {
    let world = World::new().toml("port = 81\nmax_requests_per_minute = 100\n");
    let old = world.load();
    let world = world.toml("port = 82\nmax_requests_per_minute = 200\n");
    let Reloaded { loaded, changes } = reload(&old, &world.sources).unwrap();
    let seen: Vec<_> = changes.iter().map(|c| (c.name, c.now.to_string(), c.needs_restart)).collect();
    assert_eq!(seen, [("port", "82".into(), true), ("max_requests_per_minute", "200".into(), false)]);
    assert_eq!((loaded.config.port, loaded.config.max_requests_per_minute), (81, 200));
    let again = reload(&loaded, &world.sources).unwrap();
    assert_eq!(again.changes.len(), 1, "what waits for a restart is told each time");
    let world = world.toml("port = nonsense");
    assert!(reload(&loaded, &world.sources).is_err());
}

#[test]
fn reading_again_never_opens_what_is_still_listened_on() {
    let world = World::new().toml("host = \"0.0.0.0\"\nrequire_authentication = true\n");
    let old = world.load();
    let world = world.toml("host = \"127.0.0.1\"\nrequire_authentication = false\n");
    world.load();
    let problems = reload(&old, &world.sources).unwrap_err().to_string();
    assert!(problems.contains("until the service starts again, `host` 0.0.0.0 is reachable"), "{problems}");
    assert!(problems.contains("remedy: restart the service"), "{problems}");
}

#[test]
fn a_chosen_directory_is_never_replaced() {
    let mut world = World::new().toml("");
    world.sources.user_data = Some(world.path("home"));
    let blocked = world.path("c.toml").join("below-a-file");
    let [storage, downloads] = ["storage_dir", "download_base_path"];
    let world = world.flag(storage, &blocked.to_string_lossy()).flag(downloads, &blocked.to_string_lossy());
    let loaded = world.load();
    assert_eq!((&loaded.config.storage_dir, &loaded.config.download_base_path), (&blocked, &blocked));
    let told = |loaded: &Loaded, name: &str| {
        let name = format!("`{name}`");
        let told = loaded.warnings.iter().map(ToString::to_string);
        told.filter(|text| text.contains(&name) && text.contains("cannot be written")).count()
    };
    assert_eq!((told(&loaded, storage), told(&loaded, downloads)), (1, 1));
    // Where nothing is written, it may well be read-only.
    let none = world.flag("max_concurrent_downloads", "0").load();
    assert_eq!((told(&none, storage), told(&none, downloads)), (1, 0));
}

#[test]
fn a_changed_secret_is_noticed_but_not_told() {
    let old = World::new().var("CTS_JWT_SECRET", &"a".repeat(40)).load();
    let world = World::new().var("CTS_JWT_SECRET", &"b".repeat(40));
    let changes = reload(&old, &world.sources).unwrap().changes;
    assert!(changes.iter().any(|c| c.name == "jwt_secret" && !c.needs_restart));
    assert!(!format!("{changes:?}").contains("bbb"));
}

#[test]
fn flags_reach_their_fields() {
    let command = cli::with_flags(clap::Command::new("x"));
    command.clone().debug_assert();
    let matches =
        command.get_matches_from(["x", "--port", "9", "--debug", "--cors-allowed-origins", "http://a"]);
    let flags = cli::sources(&matches).flags;
    let expected = [("port", "9"), ("debug", "true"), ("cors_allowed_origins", "http://a")];
    assert_eq!(flags, expected.map(|(name, value)| (name, value.to_owned())));
}

#[test]
fn settings_carry_the_units() {
    let config = World::new().flag("max_artifact_size_mb", "2").flag("storage_dir", "/srv/x").load().config;
    let settings = config.settings().unwrap();
    assert_eq!((settings.limits.artifact_bytes, settings.limits.wall.as_secs()), (2 << 20, 300));
    assert_eq!((settings.data_dir, settings.retention.max_age.as_secs()), ("/srv/x".into(), 7 * 86_400));
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
}

#[test]
fn the_page_of_the_documentation_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let page = docs::markdown();
    if std::env::var_os("CTS_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "docs/configuration.md is stale: run CTS_UPDATE_DOCS=1 cargo test -p cts-server");
}
