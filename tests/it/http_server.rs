//! HTTP servers on free ports of this host, and the calls that they get.
//!
//! [`serve`] answers each call as it is told, and whatever pretends to be a receiver is built on it. [`Receiver`] is the one
//! for webhooks: it hands on what it gets, and checks who signed it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Method, Uri},
    response::Response,
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::task::AbortOnDropHandle;

use crate::house::{PATIENCE, SECRET};

/// A call as a server gets it.
#[derive(Clone, Debug)]
pub struct Call {
    /// When it came.
    pub at: Instant,
    /// Method and target.
    pub line: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Call {
    /// A header's value.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
    }

    /// Checks the signature with code that is not ours.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        standardwebhooks::Webhook::new(secret).unwrap().verify(&self.body, &self.headers).is_ok()
    }
}

/// Answers every call to a socket, for as long as the value lives.
pub fn serve<A>(
    listener: TcpListener,
    answer: impl Fn(Call) -> A + Clone + Send + Sync + 'static,
) -> AbortOnDropHandle<()>
where
    A: Future<Output = Response> + Send + 'static,
{
    let take = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
        answer(Call { at: Instant::now(), line: format!("{method} {uri}"), headers, body })
    };
    let app = Router::new().fallback(take);
    AbortOnDropHandle::new(tokio::spawn(async move { axum::serve(listener, app).await.unwrap() }))
}

/// A receiver of webhooks.
pub struct Receiver {
    /// Where it listens.
    pub url: String,
    calls: mpsc::UnboundedReceiver<Call>,
    _server: AbortOnDropHandle<()>,
}

impl Receiver {
    /// Starts one that gives this reply to its n-th call, counted from 0.
    pub async fn start(reply: impl Fn(usize) -> Response + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), reply)
    }

    /// Starts one on a socket that listens.
    pub fn on(listener: TcpListener, reply: impl Fn(usize) -> Response + Send + Sync + 'static) -> Self {
        let url = format!("http://{}/hooks/leads?key=hidden", listener.local_addr().unwrap());
        let (sender, calls) = mpsc::unbounded_channel();
        let (numbers, reply) = (Arc::new(AtomicUsize::new(0)), Arc::new(reply));
        let server = serve(listener, move |call| {
            let number = numbers.fetch_add(1, Ordering::SeqCst);
            drop(sender.send(call));
            let reply = Arc::clone(&reply);
            async move { reply(number) }
        });
        Self { url, calls, _server: server }
    }

    /// The next call, whoever signed it.
    pub async fn next_unchecked(&mut self) -> Call {
        tokio::time::timeout(PATIENCE, self.calls.recv()).await.expect("no call came").unwrap()
    }

    /// The next call; its signature has been checked.
    pub async fn next(&mut self) -> Call {
        let call = self.next_unchecked().await;
        assert!(call.is_signed_with(SECRET), "a signature that does not fit");
        call
    }

    /// Calls that came and were not asked for.
    pub fn rest(&mut self) -> Vec<Call> {
        std::iter::from_fn(|| self.calls.try_recv().ok()).collect()
    }
}

/// An answer with a status and no body.
pub fn status(code: u16) -> Response {
    Response::builder().status(code).body(Body::empty()).unwrap()
}

/// An answer with a status and one header.
pub fn with_header(code: u16, name: &str, value: &str) -> Response {
    Response::builder().status(code).header(name, value).body(Body::empty()).unwrap()
}
