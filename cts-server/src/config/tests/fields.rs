//! The table of fields, and what comes from it.

use super::*;

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
fn every_variable_of_the_older_service_is_heard() {
    let table = [
        ("CTS_ENVIRONMENT", "staging", "environment"),
        ("CTS_HOST", "127.0.0.2", "host"),
        ("CTS_PORT", "81", "port"),
        ("CTS_LOG_LEVEL", "ERROR", "log_level"),
        ("CTS_DEBUG", "false", "debug"),
        ("CTS_MAX_CONCURRENT_RUNS", "7", "max_concurrent_runs"),
        ("CTS_TOOL_TIMEOUT_SECONDS", "31", "tool_timeout_seconds"),
        ("CTS_MAX_ARTIFACT_SIZE_MB", "32", "max_artifact_size_mb"),
        ("CTS_ARTIFACT_RETENTION_DAYS", "33", "artifact_retention_days"),
        ("CTS_MAX_LOG_BUFFER_SIZE", "34", "log_buffer_size"),
        ("CTS_ARTIFACT_SCAN_INTERVAL_SECONDS", "35", "artifact_scan_interval"),
        ("CTS_CLEANUP_INTERVAL_MINUTES", "36", "cleanup_interval_minutes"),
        ("CTS_HEALTH_CHECK_INTERVAL_SECONDS", "37", "health_check_interval"),
        ("CTS_BASE_STORAGE_PATH", "/srv/base", "base_storage_path"),
        ("CTS_TEMP_DIRECTORY", "/srv/tmp", "temp_directory"),
        ("CTS_LOG_DIRECTORY", "/srv/log", "log_directory"),
        ("CTS_DOWNLOAD_BASE_PATH", "/srv/downloads", "download_base_path"),
        ("CTS_STORAGE_DIR", "/srv/data", "storage_dir"),
        ("CTS_ENABLE_RATE_LIMITING", "0", "enable_rate_limiting"),
        ("CTS_MAX_REQUESTS_PER_MINUTE", "38", "max_requests_per_minute"),
        ("CTS_REQUIRE_AUTHENTICATION", "yes", "require_authentication"),
        ("CTS_CORS_ALLOWED_ORIGINS", "https://a", "cors_allowed_origins"),
        ("CTS_ENABLE_METRICS", "off", "enable_metrics"),
        ("CTS_ENABLE_HEALTH_CHECKS", "FALSE", "enable_health_checks"),
        ("CTS_METRICS_EXPORT_INTERVAL_SECONDS", "39", "metrics_export_interval_seconds"),
    ];
    let loaded = table.iter().fold(World::new(), |world, (name, value, _)| world.var(name, value)).load();
    for (variable, value, name) in table {
        let seen = show::plain(&loaded.config.json(field(name).unwrap()));
        let expected = match value {
            "0" | "off" | "FALSE" => "false",
            "yes" => "true",
            other => other,
        };
        assert_eq!((seen.as_str(), origin_of(&loaded, name)), (expected, variable.to_owned()), "{name}");
    }
    for (variable, value, name) in [
        ("CTS_API_HOST", "127.0.0.3", "host"),
        ("CTS_API_PORT", "82", "port"),
        ("CTS_API_LOG_LEVEL", "INFO", "log_level"),
        ("CTS_API_STORAGE_DIR", "/srv/other", "storage_dir"),
    ] {
        let loaded = World::new().var(variable, value).load();
        assert_eq!(show::plain(&loaded.config.json(field(name).unwrap())), value);
    }
}

/// Fields that others than the engine and the HTTP part read, or that do nothing.
const ELSEWHERE: &[&str] = &[
    "environment",
    "debug",
    "log_level",
    "log_format",
    "log_directory",
    "base_storage_path",
    "temp_directory",
    "max_header_kb",
];

#[test]
fn each_field_has_an_effect() {
    let shown = |world: World| format!("{:?}", world.load().config.settings().unwrap());
    let before = shown(World::new());
    for field in FIELDS.iter().filter(|f| f.group != "Security" && !ELSEWHERE.contains(&f.name)) {
        let other = match (field.kind, field.default) {
            ("boolean", "true") => "false".to_owned(),
            ("boolean", _) => "true".to_owned(),
            ("integer", number) => (number.parse::<u64>().unwrap() + 1).to_string(),
            ("path" | "list of paths", _) => "/elsewhere".to_owned(),
            _ => "127.0.0.2".to_owned(),
        };
        assert_ne!(shown(World::new().flag(field.name, &other)), before, "{} does nothing", field.name);
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
fn old_and_new_spellings_mean_the_same() {
    let loaded =
        World::new().toml("max_log_buffer_size = 5").var("CTS_HEALTH_CHECK_INTERVAL_SECONDS", "9").load();
    assert_eq!((loaded.config.log_buffer_size, loaded.config.health_check_interval), (5, 9));
    let both = World::new().toml("log_buffer_size = 5\n\nmax_log_buffer_size = 6").errors();
    assert!(both.contains("c.toml:3: `max_log_buffer_size` is another name of `log_buffer_size`"), "{both}");
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
