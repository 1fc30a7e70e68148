//! Connections: how many, how slow, and how they end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use warp::Filter;
use warp::reply::Response;

use super::app::App;
use super::request::{self, Head};

/// How long open answers may take to end when the service ends.
const GOODBYE: Duration = Duration::from_secs(3);
/// Room for the head of a request: more than `max_header_kb` can ask for, so that the gate is the one that refuses.
const HEAD_BYTES: usize = 72 << 10;
/// Pause after the system had no more files for connections.
const PAUSE: Duration = Duration::from_millis(100);

/// What a connection knows of a request.
#[derive(Clone)]
struct Inlet {
    head: Head,
    peer: SocketAddr,
}

/// Answers requests until `stop` is done, then ends runs and connections within their limits.
pub async fn serve(app: Arc<App>, listener: TcpListener, stop: impl Future<Output = ()>) {
    let limits = app.engine.settings().http.clone();
    let filter = filter(Arc::clone(&app));
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(HEAD_BYTES);
    let (places, graceful) = (Arc::new(Semaphore::new(limits.max_connections)), GracefulShutdown::new());
    let mut stop = std::pin::pin!(stop);
    loop {
        let place = tokio::select! {
            () = &mut stop => break,
            Ok(place) = Arc::clone(&places).acquire_owned() => place,
        };
        let (stream, peer) = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener) => accepted,
        };
        let warp = TowerToHyperService::new(warp::service(filter.clone()));
        let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            let (method, uri) = (request.method().clone(), request.uri().clone());
            let head = Head { method, uri, headers: request.headers().clone() };
            request.extensions_mut().insert(Inlet { head, peer });
            warp.call(request)
        });
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(limits.send_timeout));
        let (builder, watcher) = (builder.clone(), graceful.watcher());
        tokio::spawn(async move {
            let io = TokioIo::new(Box::pin(stream));
            let connection = builder.serve_connection_with_upgrades(io, service);
            let connection = watcher.watch(connection);
            if let Err(error) = connection.await {
                tracing::debug!(%peer, %error, "a connection broke off");
            }
            drop(place);
        });
    }
    drop(listener);
    tracing::info!("the service ends");
    app.engine.shut_down().await;
    if tokio::time::timeout(GOODBYE, graceful.shutdown()).await.is_err() {
        tracing::info!("some connections did not end in time");
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Lines of logs are small and must not wait for each other.
                let _ = stream.set_nodelay(true);
                return (stream, peer);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not taken");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn filter(app: Arc<App>) -> impl Filter<Extract = (Response,), Error = warp::Rejection> + Clone {
    let pause = app.engine.settings().http.body_timeout;
    let upgrade = warp::ws().map(Some).or(warp::any().map(|| None)).unify();
    let parts = warp::ext::get::<Inlet>().and(upgrade).and(warp::body::stream());
    parts.then(move |inlet: Inlet, upgrade, pieces| {
        let (app, body) = (Arc::clone(&app), request::body(pieces, pause));
        app.answer(inlet.head, inlet.peer, upgrade, body)
    })
}
