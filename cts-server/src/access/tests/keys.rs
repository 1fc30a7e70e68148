//! Keys, tokens, links, and what they open.

use super::*;

#[tokio::test]
async fn keys_are_accepted_in_each_spelling() {
    let house = locked(&[]);
    let key = house.key("run");
    let id = format!("key:{}", ApiKey::parse(&key).unwrap().id());
    for (name, value) in [
        ("authorization", format!("JWT {key}")),
        ("authorization", format!("Bearer {key}")),
        ("authorization", format!("bearer   {key} ")),
        ("x-api-key", key.clone()),
    ] {
        assert_eq!(house.who("POST", "/v1/runs", &[(name, &value)]).await, id, "{name}: {value}");
    }
    let both = [("authorization", format!("JWT {key}")), ("x-api-key", key.clone())];
    assert_eq!(house.who("GET", "/v1/runs", &both.each_ref().map(|(n, v)| (*n, v.as_str()))).await, id);
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let house = locked(&[]);
    let (key, other) = (house.key("run"), ApiKey::generate().unwrap().reveal());
    let wrong_secret = format!("{}{}", &key[..key.len() - 64], "0".repeat(64));
    for (value, code) in [
        ("", "401 authentication-required"),
        ("Bearer ", "401 authentication-required"),
        (other.as_str(), "401 bad-credentials"),
        (&format!("Bearer {other}"), "401 wrong-key"),
        (&format!("Bearer {wrong_secret}"), "401 wrong-key"),
        (&format!("Bearer {key}0"), "401 wrong-key"),
        ("Bearer cts_' OR 1=1 --", "401 wrong-key"),
        ("Basic dXNlcjpwYXNz", "401 bad-credentials"),
        (&format!("Bearer {}", "x".repeat(9000)), "401 bad-credentials"),
    ] {
        assert_eq!(house.who("GET", "/v1/runs", &[("authorization", value)]).await, code, "{value}");
    }
    let two = [("authorization", format!("Bearer {key}")), ("x-api-key", other)];
    let two = two.each_ref().map(|(n, v)| (*n, v.as_str()));
    assert_eq!(house.who("GET", "/v1/runs", &two).await, "401 bad-credentials");
    let refusal = house.ask("GET", "/v1/runs", &[]).await.unwrap_err();
    assert!(refusal.headers.contains_key(header::WWW_AUTHENTICATE));
    assert_eq!(house.who("GET", "/v1/health", &[("authorization", "Bearer nonsense")]).await, "anonymous");
}

#[tokio::test]
async fn revoked_and_expired_keys_are_void() {
    let house = locked(&[]);
    let key = house.keys.create("a", Scopes::ALL, None).unwrap();
    let bearer = format!("Bearer {}", key.reveal());
    let show = [("authorization", bearer.as_str())];
    assert_eq!(house.who("GET", "/v1/runs", &show).await, format!("key:{}", key.id()));
    assert!(house.keys.revoke(key.id()).unwrap() && house.keys.revoke(key.id()).unwrap());
    assert!(!house.keys.revoke("0000000000000000").unwrap());
    // What is remembered is forgotten after a second, or at once when the configuration is read again.
    house.gate.reload(&config(house.dir.path(), &[("require_authentication", "true")])).unwrap();
    assert_eq!(house.who("GET", "/v1/runs", &show).await, "401 revoked-key");
    let wrong = format!("Bearer {}{}", &key.reveal()[..21], "0".repeat(64));
    assert_eq!(house.who("GET", "/v1/runs", &[("authorization", &wrong)]).await, "401 wrong-key");
    let expired = house.keys.create("b", Scopes::ALL, Some(clock::now() - 1)).unwrap().reveal();
    assert_eq!(house.who("GET", "/v1/runs", &[("x-api-key", &expired)]).await, "401 expired-key");
}

#[test]
fn a_house_without_keys_is_shut() {
    let house = locked(&[]);
    assert!(house.gate.is_shut().unwrap());
    let key = house.keys.create("a", Scopes::of(Scope::Read), None).unwrap();
    assert!(!house.gate.is_shut().unwrap());
    house.keys.revoke(key.id()).unwrap();
    assert!(house.gate.is_shut().unwrap());
    assert!(!locked(&[("jwt_secret", SECRET)]).gate.is_shut().unwrap());
    assert!(!super::house(&[]).gate.is_shut().unwrap());
}

#[tokio::test]
async fn scopes_hold() {
    let house = locked(&[]);
    for (scope, expected) in
        [("read", [true, false, false]), ("run", [true, true, false]), ("admin", [true; 3])]
    {
        let key = house.key(scope);
        for ((method, path), allowed) in
            [("GET", "/v1/runs"), ("DELETE", "/v1/runs/1"), ("GET", "/v1/config/status")]
                .into_iter()
                .zip(expected)
        {
            let told = house.who(method, path, &[("x-api-key", &key)]).await;
            assert_eq!(told.starts_with("key:"), allowed, "{scope} {method} {path}: {told}");
            assert!(allowed || told == "403 missing-scope");
        }
    }
}

#[test]
fn only_the_owner_and_the_admin_see_runs() {
    let principal = |id: &str, scope| Principal { id: id.into(), scopes: Scopes::of(scope) };
    let ann = principal("key:a", Scope::Run);
    assert!(ann.may_see(Some("key:a")) && ann.may_see(None) && !ann.may_see(Some("key:b")));
    assert!(principal("key:b", Scope::Admin).may_see(Some("key:a")));
    assert!(!Principal::anonymous(Scopes::of(Scope::Read)).may_see(Some("key:a")));
    assert_eq!(Principal::anonymous(Scopes::ALL).owner(), None);
}

#[tokio::test]
async fn without_required_keys_everyone_may_and_a_key_still_names() {
    let house = house(&[]);
    let key = house.key("read");
    assert_eq!(house.who("POST", "/v1/runs", &[]).await, "anonymous");
    assert_eq!(house.who("POST", "/v1/runs", &[("authorization", "JWT stale")]).await, "anonymous");
    assert!(house.who("POST", "/v1/runs", &[("x-api-key", &key)]).await.starts_with("key:"));
    assert_eq!(house.gate.link("/v1/artifacts/1/download", &Principal::anonymous(Scopes::ALL)), None);
}

#[tokio::test]
async fn tokens_with_a_shared_secret() {
    let house = locked(&[("jwt_secret", SECRET), ("jwt_issuer", "me")]);
    let good = json!({"sub": "ann", "exp": future(), "iss": "me", "scope": "run"});
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value,
        }
        token(&claims, SECRET, Algorithm::HS256)
    };
    let none =
        format!("eyJhbGciOiJub25lIn0.{}.", token(&good, SECRET, Algorithm::HS256).split('.').nth(1).unwrap());
    for (token, expected) in [
        (with("x", json!(1)), "token:ann"),
        (with("scope", json!(["read", "run"])), "token:ann"),
        (with("scope", json!("read")), "403 missing-scope"),
        (with("scope", Value::Null), "403 missing-scope"),
        (with("exp", json!(1000)), "401 bad-token"),
        (with("exp", Value::Null), "401 bad-token"),
        (with("nbf", json!(future())), "401 bad-token"),
        (with("iss", json!("you")), "401 bad-token"),
        (with("iss", Value::Null), "401 bad-token"),
        (with("sub", json!("")), "401 bad-token"),
        (token(&good, "another secret of thirty-two bytes", Algorithm::HS256), "401 bad-token"),
        (token(&good, SECRET, Algorithm::HS512), "401 bad-token"),
        (none, "401 bad-token"),
        ("a.b.c".into(), "401 bad-token"),
    ] {
        let value = format!("JWT {token}");
        assert_eq!(house.who("POST", "/v1/runs", &[("authorization", &value)]).await, expected, "{token}");
    }
}

#[tokio::test]
async fn tokens_with_a_public_key() {
    let pem = data("rs256.pub.pem").display().to_string();
    let bearer = format!("Bearer {}", std::fs::read_to_string(data("rs256.jwt")).unwrap());
    let show = [("authorization", bearer.as_str())];
    let of =
        |more: &[(&'static str, &str)]| locked(&[&[("jwt_public_key_file", pem.as_str())], more].concat());
    assert_eq!(of(&[]).who("POST", "/v1/runs", &show).await, "token:ann");
    assert_eq!(of(&[("jwt_audience", "cts")]).who("POST", "/v1/runs", &show).await, "token:ann");
    assert_eq!(of(&[("jwt_audience", "other")]).who("POST", "/v1/runs", &show).await, "401 bad-token");
    // The classic: the public key taken as the secret of a symmetric algorithm.
    let text = std::fs::read_to_string(data("rs256.pub.pem")).unwrap();
    let forged = token(&json!({"sub": "eve", "exp": future(), "scope": "admin"}), &text, Algorithm::HS256);
    let told = of(&[]).who("POST", "/v1/runs", &[("authorization", &format!("Bearer {forged}"))]).await;
    assert_eq!(told, "401 bad-token");
}

#[test]
fn unusable_key_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("k");
    std::fs::write(&file, "short\n").unwrap();
    let file = file.display().to_string();
    let told = |name, value: &str| problems(&config(dir.path(), &[(name, value)])).remove(0).to_string();
    assert!(told("jwt_secret_file", &file).contains("holds 5 bytes"));
    assert!(told("jwt_public_key_file", &file).contains("`jwt_public_key_file`"));
    assert!(told("jwt_secret_file", "/no/such").contains("cannot read `jwt_secret_file` /no/such"));
}

#[tokio::test]
async fn links_replace_the_key_for_one_path() {
    let house = locked(&[]);
    let key = house.keys.create("ann", Scopes::ALL, None).unwrap();
    let link = |id: String| {
        let query = house.gate.link("/v1/artifacts/1/download", &Principal { id, scopes: Scopes::ALL });
        format!("/v1/artifacts/1/download?{}", query.unwrap())
    };
    let (ann, eve) = (format!("key:{}", key.id()), link("token:eve".into()));
    let link = link(ann.clone());
    assert_eq!(house.who("GET", &link, &[]).await, ann);
    assert_eq!(house.who("HEAD", &link, &[]).await, ann);
    assert_eq!(house.who("DELETE", &link, &[]).await, "401 authentication-required");
    assert_eq!(house.who("GET", &link.replace("/1/", "/2/"), &[]).await, "401 authentication-required");
    assert_eq!(house.who("GET", &eve, &[]).await, "token:eve");
    // It ends with the key that it was made with.
    house.keys.revoke(key.id()).unwrap();
    house.gate.reload(&config(house.dir.path(), &[("require_authentication", "true")])).unwrap();
    assert_eq!(house.who("GET", &link, &[]).await, "401 revoked-key");
}
