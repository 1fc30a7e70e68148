//! Where a request comes from: the peer of the connection, or what a trusted proxy says.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// The origin of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The client itself.
    pub address: IpAddr,
    /// The other end of the connection, which differs behind a proxy.
    pub peer: IpAddr,
    /// Whether the client reached the proxy by TLS.
    pub https: bool,
    /// The host that the client asked for.
    pub host: Option<String>,
}

impl Client {
    /// Reads `headers`; `X-Forwarded-*` count only when the peer is a trusted proxy.
    pub fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let peer = peer.to_canonical();
        let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let host = header("host").map(str::to_owned);
        if !is_trusted(&peer) {
            return Self { address: peer, peer, https: false, host };
        }
        let https = header("x-forwarded-proto").is_some_and(|proto| proto.eq_ignore_ascii_case("https"));
        let forwarded = header("x-forwarded-host").filter(|host| is_authority(host)).map(str::to_owned);
        Self { address: forwarded_for(peer, headers, is_trusted), peer, https, host: forwarded.or(host) }
    }

    /// `http://127.0.0.1:8080`, as the client called the service; `fallback` when it gave no usable host.
    pub fn base_url(&self, fallback: SocketAddr) -> String {
        let scheme = if self.https { "https" } else { "http" };
        match self.host.as_deref().filter(|host| is_authority(host)) {
            Some(host) => format!("{scheme}://{host}"),
            None => format!("{scheme}://{fallback}"),
        }
    }
}

fn is_authority(host: &str) -> bool {
    host.parse::<http::uri::Authority>().is_ok_and(|a| !a.as_str().contains('@') && !a.host().is_empty())
}

/// Each proxy adds whom it talked to at the right; so from the right, the first that is no proxy of ours is the client.
/// Everything further left was written by the client, who may have written anything.
fn forwarded_for(peer: IpAddr, headers: &HeaderMap, is_trusted: impl Fn(&IpAddr) -> bool) -> IpAddr {
    let mut hops = Vec::new();
    for value in headers.get_all("x-forwarded-for") {
        // What is not text cannot be an address, but it still ends the walk below.
        hops.extend(value.to_str().unwrap_or("?").split(',').map(|hop| address(hop.trim())));
    }
    let mut client = peer;
    for hop in hops.into_iter().rev() {
        let Some(hop) = hop else { break };
        client = hop;
        if !is_trusted(&hop) {
            break;
        }
    }
    client
}

/// `1.2.3.4`, `1.2.3.4:56`, `::1` or `[::1]:56`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|a| a.ip()))?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str]) -> String {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        Client::of(peer.parse().unwrap(), &headers, &trusted).address.to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let table: &[(&str, &[&str], &str)] = &[
            ("9.9.9.9", &["1.1.1.1"], "9.9.9.9"),
            ("10.0.0.1", &["1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            // The client wrote 6.6.6.6; the proxy added the truth.
            ("10.0.0.1", &["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", &["6.6.6.6", "1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", &["6.6.6.6, 1.1.1.1, 10.0.0.2"], "1.1.1.1"),
            ("10.0.0.1", &["6.6.6.6, nonsense, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["nonsense"], "10.0.0.1"),
            ("::ffff:10.0.0.1", &["::ffff:1.1.1.1"], "1.1.1.1"),
            ("::1", &["[2001:db8::1]:443"], "2001:db8::1"),
            ("10.0.0.1", &["1.1.1.1:5000"], "1.1.1.1"),
        ];
        for (peer, forwarded, expected) in table {
            assert_eq!(seen(peer, forwarded), *expected, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn the_base_url_follows_trusted_proxies_only() {
        let mut headers = HeaderMap::new();
        headers.insert("host", "inside:8080".parse().unwrap());
        headers.insert("x-forwarded-proto", "https".parse().unwrap());
        headers.insert("x-forwarded-host", "cts.example.org".parse().unwrap());
        let fallback = "127.0.0.1:1".parse().unwrap();
        let base = |headers: &HeaderMap, trusted: &str| {
            Client::of([10, 0, 0, 1].into(), headers, &[trusted.parse().unwrap()]).base_url(fallback)
        };
        assert_eq!(base(&headers, "10.0.0.1/32"), "https://cts.example.org");
        assert_eq!(base(&headers, "10.0.0.2/32"), "http://inside:8080");
        headers.insert("host", "evil/path".parse().unwrap());
        assert_eq!(base(&headers, "10.0.0.2/32"), "http://127.0.0.1:1");
    }
}
