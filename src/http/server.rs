//! Serves a socket over HTTP/1.1: bounds, limits in time, ends in order.
//!
//! Given a bound socket and the routes of a door. A connection that sends no whole head of a request for [`IDLE`] is
//! closed, one that reads nothing of an answer for as long, too. A request is answered within [`ANSWER`], whatever
//! becomes of it inside, and a panic is an answer as well. Told to stop, the socket is closed and requests under way
//! are answered.

use std::{convert::Infallible, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::{client::Peer, problem::Problem};
use crate::{
    metrics::Metrics,
    socket::{Acceptor, Connection, Socket},
};

/// How long a connection may send no whole head of a request, or read nothing of an answer.
const IDLE: Duration = Duration::from_secs(30);

/// How long a request may take, from its head to its answer.
const ANSWER: Duration = Duration::from_secs(10);

/// Octets of a request's head at most.
const HEAD: usize = 32 * 1024;

/// Header fields of a request at most.
const FIELDS: usize = 100;

/// What a socket leads to.
#[derive(Clone, Debug)]
pub struct Door {
    /// Its name in the log: `http.public`.
    pub name: &'static str,
    /// What answers.
    pub router: Router,
    /// Connections at a time.
    pub connections: usize,
    /// Counters.
    pub metrics: Arc<Metrics>,
}

/// When doors close.
#[derive(Clone, Debug)]
pub struct Closing {
    /// No new requests from now on.
    pub stop: CancellationToken,
    /// Nobody waits any more for those under way.
    pub cut: CancellationToken,
}

/// Serves `socket` until it is told to stop, then what is under way.
pub async fn serve(socket: Socket, door: Door, closing: Closing) {
    let mut acceptor = Acceptor::new(socket, door.connections, Arc::clone(&door.metrics)).fixed();
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = closing.stop.cancelled() => break,
            Some(_) = open.join_next() => {}
            connection = acceptor.accept() => {
                open.spawn(converse(connection, door.clone(), closing.stop.clone()));
            }
        }
    }
    drop(acceptor);
    info!("{}: no longer accepting connections", door.name);
    let drained = async { while open.join_next().await.is_some() {} };
    tokio::select! {
        drained = timeout(ANSWER, drained) => if drained.is_err() {
            warn!("{}: requests were cut off", door.name);
        },
        () = closing.cut.cancelled() => {}
    }
}

/// One connection, from its first request to its last.
async fn converse(connection: Connection, door: Door, stop: CancellationToken) {
    connection.give_up_after(IDLE);
    let peer = connection.peer().map_or(Peer::Local, |peer| Peer::Address(peer.ip()));
    let answer = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        answer(request.map(Body::new), &door)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(IDLE).max_buf_size(HEAD).max_headers(FIELDS);
    let mut conversation = pin!(http.serve_connection(TokioIo::new(connection), answer));
    let ended = tokio::select! {
        ended = conversation.as_mut() => ended,
        () = stop.cancelled() => {
            conversation.as_mut().graceful_shutdown();
            conversation.await
        }
    };
    if let Err(e) = ended {
        debug!("{}: a connection broke off: {e}", door.name);
    }
}

async fn answer(request: Request<Body>, door: &Door) -> Result<Response, Infallible> {
    let line = format!("{} {}", request.method(), request.uri().path());
    let routes = TowerToHyperService::new(door.router.clone());
    let answered = AssertUnwindSafe(routes.call(request)).catch_unwind();
    let mut response = match timeout(ANSWER, answered).await {
        Ok(Ok(Ok(response))) => response,
        Ok(Ok(Err(impossible))) => match impossible {},
        Ok(Err(_)) => {
            error!("{}: {line} panicked", door.name);
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "a fault of ours, which the log tells of").into_response()
        }
        Err(_) => {
            warn!("{}: {line} was not answered within {ANSWER:?}", door.name);
            Problem::unavailable("no answer within the time that a request has").into_response()
        }
    };
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if response.status().is_client_error() {
        door.metrics.http_refused.one();
    } else if response.status().is_server_error() {
        door.metrics.http_failed.one();
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::UnixStream,
        time::Instant,
    };

    async fn panics() -> &'static str {
        panic!("a fault inside")
    }

    /// What a client reads who sends this and waits for the end, and after how long that comes. Time is not waited for.
    async fn told(sent: &str) -> (String, Duration, Arc<Metrics>) {
        let metrics = Arc::new(Metrics::default());
        let router = Router::new()
            .route("/", get(async || "hello"))
            .route("/panic", get(panics))
            .route("/stuck", get(std::future::pending::<()>));
        let door = Door { name: "http.public", router, connections: 1, metrics: Arc::clone(&metrics) };
        let (mut client, server) = UnixStream::pair().unwrap();
        let connection = Connection::new(server.into_std().unwrap().into(), None).unwrap();
        let served = tokio::spawn(converse(connection, door, CancellationToken::new()));
        client.write_all(sent.as_bytes()).await.unwrap();
        let begun = Instant::now();
        let mut read = Vec::new();
        // Closed with octets of ours unread, the end is an error after the answer.
        drop(client.read_to_end(&mut read).await);
        served.await.unwrap();
        (String::from_utf8(read).unwrap(), begun.elapsed(), metrics)
    }

    /// Status line and body.
    fn parts(answer: &str) -> (&str, &str) {
        (answer.lines().next().unwrap_or_default(), answer.split_once("\r\n\r\n").map_or("", |(_, body)| body))
    }

    fn is_about(time: Duration, expected: Duration) {
        assert!(time >= expected && time < expected + Duration::from_secs(1), "{time:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_sends_no_whole_head_is_closed() {
        for sent in ["", "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "] {
            let (read, time, _) = told(sent).await;
            assert_eq!(parts(&read).1, "", "{sent}");
            is_about(time, IDLE);
        }
        let (read, time, _) = told("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(parts(&read), ("HTTP/1.1 200 OK", "hello"));
        is_about(time, IDLE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_an_answer() {
        let (read, _, metrics) = told("GET /panic HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        let body = "{\"type\":\"about:blank\",\"title\":\"Internal Server Error\",\"status\":500,\
                    \"detail\":\"a fault of ours, which the log tells of\"}";
        assert_eq!(parts(&read), ("HTTP/1.1 500 Internal Server Error", body));
        assert_eq!([metrics.http_failed.get(), metrics.http_refused.get()], [1, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_is_answered_all_the_same() {
        let (read, time, _) = told("GET /stuck HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert_eq!(parts(&read).0, "HTTP/1.1 503 Service Unavailable");
        is_about(time, ANSWER);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_http_and_heads_too_long_are_refused() {
        let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(2 * HEAD));
        let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(FIELDS + 1));
        for (sent, expected) in [("EHLO client\r\n\r\n", "400"), (&long, "431"), (&many, "431")] {
            let (read, _, _) = told(sent).await;
            assert_eq!(read.split(' ').nth(1), Some(expected), "{read}");
        }
    }
}
