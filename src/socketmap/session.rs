//! One connection of an MTA to the socket map: requests in any pieces, each answered in its turn.
//!
//! Requests that come together are answered together. Nothing is read while an answer waits for the peer to take it, so a
//! connection costs a few KiB at most. Ends where the peer ends it, falls silent for too long, or sends what is no request.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};
use tracing::debug;

use super::{
    Shared,
    netstring::{self, Decoder},
};
use crate::socket::Connection;

/// Octets read at a time.
const READ: usize = 1024;

/// Between two requests. An MTA keeps its connection as long as its SMTP session, and a client of Sendmail may be silent
/// for an hour.
const IDLE: Duration = Duration::from_secs(2 * 60 * 60);

/// For the rest of a request, and for the peer to take an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Serves it to its end.
pub(super) async fn serve(mut connection: Connection, shared: &Shared) {
    let mut octets = [0; READ];
    let mut decoder = Decoder::default();
    loop {
        let within = if decoder.is_between() { IDLE } else { PATIENCE };
        let read = match timeout(within, connection.read(&mut octets)).await {
            Ok(Ok(length)) => octets.get(..length).unwrap_or_default(),
            Ok(Err(_)) | Err(_) => return,
        };
        if read.is_empty() {
            return;
        }
        let mut replies = Vec::new();
        let outcome = decoder.read(read, |request| netstring::push(&mut replies, &shared.reply(request)));
        if !matches!(timeout(PATIENCE, connection.write_all(&replies)).await, Ok(Ok(()))) {
            return;
        }
        if outcome.is_err() {
            shared.metrics.map_broken.one();
            let peer = connection.peer().map_or_else(|| "a UNIX socket".to_owned(), |peer| peer.to_string());
            debug!("connection from {peer} closed: what it sent is no request of a socket map");
            return;
        }
    }
}
