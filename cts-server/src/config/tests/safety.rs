//! What is refused, and what is not shown.

use super::*;

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
