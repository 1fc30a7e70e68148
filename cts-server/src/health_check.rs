//! `cts-lite health-check`: whether the service of this machine answers, for containers and scripts without an HTTP client.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Arg, ArgMatches, Command, value_parser};

use crate::config;

/// As much of an answer as is read.
const MAX_ANSWER: u64 = 64 << 10;

/// The command.
pub fn command() -> Command {
    let timeout = Arg::new("timeout").long("timeout").value_name("SECONDS").default_value("5");
    let timeout = timeout.value_parser(value_parser!(u64).range(1..=300)).help("Seconds to wait");
    let path = Arg::new("path")
        .long("path")
        .value_name("PATH")
        .default_value("/v1/health/ready")
        .help("What to ask for");
    let shown = ["config", "host", "port", "timeout", "path"];
    config::cli::with_flags(Command::new("health-check").arg(timeout).arg(path))
        .about("Ask the service of this machine whether it is ready; exit 1 if not")
        .mut_args(|arg| {
            let hide = !shown.contains(&arg.get_id().as_str());
            arg.hide(hide)
        })
}

/// Runs it.
///
/// # Errors
/// When the output cannot be written.
pub fn run(matches: &ArgMatches, out: &mut dyn Write, err: &mut dyn Write) -> std::io::Result<ExitCode> {
    let loaded = match config::load(&config::cli::sources(matches)) {
        Ok(loaded) => loaded,
        Err(problems) => {
            writeln!(err, "{problems}")?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let address = reachable(loaded.config.listen());
    let timeout = Duration::from_secs(matches.get_one("timeout").copied().unwrap_or(5));
    let path = matches.get_one::<String>("path").map_or("/v1/health/ready", String::as_str);
    match ask(address, path, timeout) {
        Ok((200, body)) => {
            writeln!(out, "{}", body.trim())?;
            Ok(ExitCode::SUCCESS)
        }
        Ok((status, body)) => {
            writeln!(err, "http://{address}{path} answers {status}: {}", body.trim())?;
            Ok(ExitCode::FAILURE)
        }
        Err(e) => {
            writeln!(err, "http://{address}{path} does not answer: {e}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// A service on all addresses is reached by loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, listen.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, listen.port()).into(),
        _ => listen,
    }
}

/// Status and body. HTTP/1.0, so that the end of the connection is the end of the answer.
fn ask(address: SocketAddr, path: &str, timeout: Duration) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    // In one piece: a service may answer and hang up before a second one arrives.
    let request =
        format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nUser-Agent: cts-lite-health-check\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer);
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other("the answer is not HTTP"))?;
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn against(answer: &'static str) -> (ExitCode, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut piece = [0; 1024];
                let n = stream.read(&mut piece).unwrap();
                head.extend_from_slice(&piece[..n]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(head).unwrap()
        });
        let matches = command().get_matches_from(["health-check", "--port", &port]);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run(&matches, &mut out, &mut err).unwrap();
        assert!(server.join().unwrap().starts_with("GET /v1/health/ready HTTP/1.0\r\n"));
        (code, String::from_utf8([out, err].concat()).unwrap())
    }

    #[test]
    fn the_exit_code_follows_the_status() {
        let (code, text) = against("HTTP/1.1 200 OK\r\nA: b\r\n\r\n{\"status\":\"ready\"}");
        assert_eq!((code, text.as_str()), (ExitCode::SUCCESS, "{\"status\":\"ready\"}\n"));
        let (code, text) = against("HTTP/1.1 503 Service Unavailable\r\n\r\ndisk full");
        assert!(code == ExitCode::FAILURE && text.contains("answers 503: disk full"), "{text}");
        assert!(against("garbage").1.contains("not HTTP"));
    }

    #[test]
    fn all_addresses_are_reached_by_loopback() {
        let through = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(through("0.0.0.0:80"), "127.0.0.1:80");
        assert_eq!(through("[::]:80"), "[::1]:80");
        assert_eq!(through("10.0.0.1:80"), "10.0.0.1:80");
    }
}
