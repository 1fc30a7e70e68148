//! Pages of other origins, headers of answers and requests.

use super::*;

fn preflight(origin: &str) -> [(&str, &str); 3] {
    [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "x-api-key"),
    ]
}

#[tokio::test]
async fn preflights() {
    let named = locked(&[("cors_allowed_origins", "https://a.example")]);
    let yes = named.ask("OPTIONS", "/v1/runs", &preflight("https://a.example")).await.unwrap_err();
    assert_eq!((yes.status, &yes.failure), (StatusCode::OK, &None));
    assert_eq!(yes.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://a.example");
    assert_eq!(yes.headers[header::ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
    assert!(yes.headers[header::ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap().contains("x-api-key"));
    for origin in
        ["https://b.example", "http://a.example", "https://a.example.evil", "null", "https://a.example:444"]
    {
        let no = named.ask("OPTIONS", "/v1/runs", &preflight(origin)).await.unwrap_err();
        assert_eq!(no.status, StatusCode::FORBIDDEN, "{origin}");
        assert!(!no.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{origin}");
    }
    let any = house(&[("cors_allowed_origins", "*")]);
    let yes = any.ask("OPTIONS", "/v1/runs", &preflight("https://b.example")).await.unwrap_err();
    assert_eq!(yes.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://b.example");
    assert!(
        !yes.headers.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS),
        "everyone, but without credentials"
    );
    assert!(yes.headers[header::VARY].to_str().unwrap().contains("Origin"));
}

#[tokio::test]
async fn production_is_closed_to_pages() {
    let house = house(&[("environment", "production")]);
    for (method, expected) in [
        ("OPTIONS", "403 origin-not-allowed"),
        ("POST", "403 origin-not-allowed"),
        ("GET", "401 authentication-required"),
    ] {
        assert_eq!(
            house.who(method, "/v1/runs", &preflight("https://a.example")).await,
            expected,
            "{method}"
        );
    }
}

#[tokio::test]
async fn foreign_pages_open_no_websockets() {
    let house = house(&[("cors_allowed_origins", "https://a.example")]);
    let stream = "/v1/monitors/1/stream";
    let of = |origin| [("origin", origin), ("host", "127.0.0.1:8080"), ("sec-websocket-key", "x")];
    assert_eq!(house.who("GET", stream, &of("https://evil.example")).await, "403 origin-not-allowed");
    assert_eq!(house.who("GET", stream, &of("https://a.example")).await, "anonymous");
    assert_eq!(house.who("GET", stream, &of("http://127.0.0.1:8080")).await, "anonymous");
    assert_eq!(house.who("GET", stream, &of("https://evil.example")[..2]).await, "anonymous");
}

#[tokio::test]
async fn foreign_pages_change_nothing_and_our_own_may() {
    let house = house(&[("cors_allowed_origins", "https://a.example")]);
    let page = |origin| [("origin", origin), ("host", "127.0.0.1:8080")];
    assert_eq!(house.who("POST", "/v1/runs", &page("https://evil.example")).await, "403 origin-not-allowed");
    assert_eq!(house.who("POST", "/v1/runs", &page("null")).await, "403 origin-not-allowed");
    assert_eq!(house.who("POST", "/v1/runs", &page("http://127.0.0.1:8080")).await, "anonymous");
    assert_eq!(house.who("POST", "/v1/runs", &page("https://a.example")).await, "anonymous");
    let pass = house.ask("GET", "/v1/runs", &page("https://evil.example")).await.unwrap();
    let mut out = HeaderMap::new();
    house.gate.leave(&pass, StatusCode::OK, &mut out);
    assert!(!out.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
}

#[tokio::test]
async fn answers_carry_security_headers() {
    let house = locked(&[("trusted_proxies", HOME)]);
    let refusal = house.ask("GET", "/v1/runs", &[("x-forwarded-proto", "https")]).await.unwrap_err();
    assert_eq!(refusal.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(refusal.headers[header::X_FRAME_OPTIONS], "DENY");
    assert_eq!(refusal.headers[header::CACHE_CONTROL], "private, no-cache");
    assert!(refusal.headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    let policy = |headers: &HeaderMap| headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy(&refusal.headers).contains("sandbox"));
    let pass = house.ask("GET", "/docs", &[]).await.unwrap();
    let mut out = headers(&[("content-security-policy", "its own")]);
    house.gate.leave(&pass, StatusCode::OK, &mut out);
    assert_eq!(policy(&out), "its own");
    assert!(!out.contains_key(header::STRICT_TRANSPORT_SECURITY));
}

#[tokio::test]
async fn large_heads_are_refused() {
    let house = house(&[("max_header_kb", "8")]);
    let big = "x".repeat(8000);
    assert_eq!(house.who("GET", "/v1/runs", &[("x-a", &big)]).await, "anonymous");
    assert_eq!(house.who("GET", "/v1/runs", &[("x-a", &big), ("x-b", &big)]).await, "431 headers-too-large");
    assert_eq!(house.who("GET", &format!("/{}", "a".repeat(9000)), &[]).await, "431 headers-too-large");
}
