//! What a monitor sees, over a WebSocket.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use tungstenite::client::{IntoClientRequest, uri_mode};
use tungstenite::handshake::client::Request;
use tungstenite::http::HeaderValue;
use tungstenite::http::header::AUTHORIZATION;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::stream::{MaybeTlsStream, Mode};
use tungstenite::{Connector, HandshakeError, Message, WebSocket, client_tls_with_config};

use super::follow::encoded;
use super::{Client, Error, Problem, Result, tls};

/// How often the service is asked whether it is still there.
const PING: Duration = Duration::from_secs(30);
/// How long it may take to say so.
const PONG: Duration = Duration::from_secs(10);
/// How often that and Ctrl-C are looked at.
const TICK: Duration = Duration::from_millis(250);

type Socket = WebSocket<MaybeTlsStream<TcpStream>>;

/// Gives each text message of a monitor to `each`, until the monitor ends or `each` returns `false`.
///
/// # Errors
/// `no-such-monitor` and other refusals; `unreachable`, also when the stream ends in another way than regularly.
pub(crate) fn stream(client: &Client, id: &str, mut each: impl FnMut(String) -> bool) -> Result<()> {
    let path = format!("/v1/monitors/{}/stream", encoded(id));
    let url = client.address().join(&path).replacen("http", "ws", 1);
    let mut socket = open(client, &url)?;
    let broken = |reason: &str| unreachable(&url, client.hide(reason));
    let (mut pinged, mut heard) = (Instant::now(), Instant::now());
    loop {
        client.check()?;
        match socket.read() {
            Ok(Message::Text(text)) => {
                heard = Instant::now();
                if !each(text.to_string()) {
                    return Ok(());
                }
            }
            Ok(Message::Close(frame)) => {
                return match frame.map_or(CloseCode::Status, |frame| frame.code) {
                    CloseCode::Normal | CloseCode::Away => Ok(()),
                    code => Err(broken(&format!("the stream ended with code {}", u16::from(code)))),
                };
            }
            Ok(_) => heard = Instant::now(),
            Err(tungstenite::Error::Io(e)) if is_tick(&e) => {}
            Err(error) => return Err(broken(&error.to_string())),
        }
        if pinged > heard && pinged.elapsed() > PONG {
            return Err(broken("the service is silent"));
        }
        if heard.max(pinged).elapsed() > PING {
            socket.send(Message::Ping(Vec::new().into())).map_err(|e| broken(&e.to_string()))?;
            pinged = Instant::now();
        }
    }
}

fn is_tick(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

fn open(client: &Client, url: &str) -> Result<Socket> {
    let failed = |reason: String| unreachable(url, client.hide(&reason));
    let mut request = url.into_client_request().map_err(|e| failed(e.to_string()))?;
    if let Some(key) = client.authorization() {
        let mut value =
            HeaderValue::from_str(&key).map_err(|_| failed("the key cannot be sent".to_owned()))?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    let connector = match uri_mode(request.uri()) {
        Ok(Mode::Tls) => {
            Connector::Rustls(tls::of_streams(client.verifies()).map_err(|e| failed(e.to_string()))?)
        }
        _ => Connector::Plain,
    };
    let tcp = dial(client, &request).map_err(|e| failed(e.to_string()))?;
    let opened = client_tls_with_config(request, tcp, None, Some(connector));
    let (socket, _) = opened.map_err(|error| match error {
        HandshakeError::Failure(tungstenite::Error::Http(answer)) => {
            let body = answer.body().as_deref().unwrap_or_default();
            let problem = Problem::of_answer(answer.status().as_u16(), body);
            Error::Refused(Box::new(problem.map(|text| client.hide(text))))
        }
        HandshakeError::Failure(error) => failed(error.to_string()),
        HandshakeError::Interrupted(_) => failed("no answer in time".to_owned()),
    })?;
    // From here on silence is usual; the pings tell the two kinds apart.
    let tcp = match socket.get_ref() {
        MaybeTlsStream::Plain(tcp) => Some(tcp),
        MaybeTlsStream::Rustls(tls) => Some(tls.get_ref()),
        _ => None,
    };
    tcp.map_or(Ok(()), |tcp| tcp.set_read_timeout(Some(TICK))).map_err(|e| failed(e.to_string()))?;
    Ok(socket)
}

/// Connects without a proxy.
fn dial(client: &Client, request: &Request) -> io::Result<TcpStream> {
    let uri = request.uri();
    let tls = matches!(uri_mode(uri), Ok(Mode::Tls));
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, client.timeout()) {
            Ok(tcp) => {
                tcp.set_nodelay(true)?;
                tcp.set_read_timeout(Some(client.timeout()))?;
                tcp.set_write_timeout(Some(client.timeout()))?;
                return Ok(tcp);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cold]
fn unreachable(url: &str, reason: String) -> Error {
    Error::Unreachable { url: url.to_owned(), reason, transient: false }
}
