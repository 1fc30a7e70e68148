//! Reading again.

use super::*;

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
fn a_changed_secret_is_noticed_but_not_told() {
    let old = World::new().var("CTS_JWT_SECRET", &"a".repeat(40)).load();
    let world = World::new().var("CTS_JWT_SECRET", &"b".repeat(40));
    let changes = reload(&old, &world.sources).unwrap().changes;
    assert!(changes.iter().any(|c| c.name == "jwt_secret" && !c.needs_restart));
    assert!(!format!("{changes:?}").contains("bbb"));
}
