//! Where values come from, and what is said of those that cannot be used.

use super::*;

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
fn directories_of_logs_follow_their_base() {
    let of = |world: World| {
        let loaded = world.load();
        let show = |name| (show::plain(&loaded.config.json(field(name).unwrap())), origin_of(&loaded, name));
        (show("download_base_path"), show("allowed_roots"))
    };
    let base = || World::new().toml("base_storage_path = \"/srv/logs\"");
    let follows = |path: &str| (path.to_owned(), "follows base_storage_path".to_owned());
    let (downloads, roots) = of(base().flag("environment", "production"));
    assert_eq!((downloads, roots), (follows("/srv/logs/downloads"), follows("/srv/logs")));
    assert_eq!(of(base()).1, ("/".to_owned(), "default".to_owned()), "development reads everything");
    let (downloads, roots) =
        of(base().flag("environment", "staging").flag("download_base_path", "/x").flag("allowed_roots", ""));
    assert_eq!(downloads, ("/x".to_owned(), "--download-base-path".to_owned()));
    assert_eq!(roots, (String::new(), "--allowed-roots".to_owned()));
}

#[test]
fn a_setting_without_effect_is_told() {
    assert_eq!(warnings(&World::new().load()).len(), 0);
    let told = warnings(&World::new().toml("\ntemp_directory = \"/srv/tmp\"").load()).remove(0);
    assert!(told.contains("c.toml:2: `temp_directory` has no effect"), "{told}");
}
