//! How often one may ask.

use super::*;

#[tokio::test]
async fn requests_are_counted_and_the_wait_is_told() {
    let house = house(&[("enable_rate_limiting", "true"), ("max_requests_per_minute", "30")]);
    let mut left = Vec::new();
    let refusal = loop {
        match house.ask("GET", "/v1/runs", &[]).await {
            Ok(pass) => {
                let mut out = HeaderMap::new();
                house.gate.leave(&pass, StatusCode::OK, &mut out);
                left.push(out["ratelimit-remaining"].to_str().unwrap().to_owned());
            }
            Err(refusal) => break refusal,
        }
    };
    assert!(is_about_thirty(left.len()));
    assert_eq!((left[0].as_str(), left[left.len() - 1].as_str()), ("29", "0"));
    assert_eq!(refusal.status, StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = refusal.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=2).contains(&wait), "{wait}");
    assert!(house.ask("GET", "/v1/health/ready", &[]).await.is_ok(), "watching gets through");
    assert!(house.ask_from("10.1.1.2", "GET", "/v1/runs", &[]).await.is_ok(), "others get through");
}

#[tokio::test]
async fn files_are_counted_on_their_own() {
    let house = house(&[("enable_rate_limiting", "true"), ("max_requests_per_minute", "1")]);
    assert!(house.ask("GET", "/v1/runs", &[]).await.is_ok());
    assert!(house.ask("GET", "/v1/runs", &[]).await.is_err());
    let mut files = 0;
    while house.ask("GET", "/v1/artifacts/1/download", &[]).await.is_ok() {
        files += 1;
    }
    assert!((10..20).contains(&files), "{files}");
}

/// The header of the request of that number.
type Spoof = fn(usize) -> (&'static str, String);

/// Thirty, and those that the passing of time adds on a slow machine: one each 2 s.
fn is_about_thirty(passed: usize) -> bool {
    (30..36).contains(&passed)
}

#[tokio::test]
async fn headers_are_no_way_around_the_limit() {
    let limits = [
        ("enable_rate_limiting", "true"),
        ("max_requests_per_minute", "30"),
        ("trusted_proxies", "10.9.0.0/16"),
    ];
    let spoofs: [Spoof; 6] = [
        |i| ("x-forwarded-for", format!("1.2.3.{i}")),
        |i| ("forwarded", format!("for=1.2.3.{i}")),
        |i| ("x-real-ip", format!("1.2.3.{i}")),
        |_| ("x-api-key", ApiKey::generate().unwrap().reveal()),
        |i| ("authorization", format!("Bearer made-up-{i}")),
        |i| ("origin", format!("http://{i}.example")),
    ];
    for spoof in spoofs {
        let house = house(&limits);
        let mut passed = 0;
        for i in 0..60 {
            let (name, value) = spoof(i);
            passed += usize::from(house.ask("GET", "/v1/runs", &[(name, &value)]).await.is_ok());
        }
        assert!(is_about_thirty(passed), "{}: {passed}", spoof(0).0);
    }
    // Behind a trusted proxy, clients are told apart by what the proxy adds at the right, not by what they write left of it.
    let house = house(&limits);
    let mut passed = 0;
    for i in 0..60 {
        let value = format!("1.2.3.{i}, 7.7.7.7");
        passed += usize::from(
            house.ask_from("10.9.0.1", "GET", "/v1/runs", &[("x-forwarded-for", &value)]).await.is_ok(),
        );
    }
    assert!(is_about_thirty(passed), "{passed}");
    assert!(house.ask_from("10.9.0.1", "GET", "/v1/runs", &[("x-forwarded-for", "8.8.8.8")]).await.is_ok());
}

#[tokio::test]
async fn guessing_keys_is_slowed_down_but_its_owner_is_not() {
    let house = locked(&[("enable_rate_limiting", "true"), ("max_requests_per_minute", "30")]);
    let key = house.key("run");
    let mut wrong = 0;
    for _ in 0..60 {
        let guess = ApiKey::generate().unwrap().reveal();
        match house.who("GET", "/v1/runs", &[("x-api-key", &guess)]).await.as_str() {
            "401 wrong-key" => wrong += 1,
            other => assert_eq!(other, "429 rate-limited"),
        }
    }
    assert!(is_about_thirty(wrong), "{wrong}");
    assert!(house.ask("GET", "/v1/runs", &[("x-api-key", &key)]).await.is_ok());
}
