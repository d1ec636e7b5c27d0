//! A receiver of lead events that gives every POST the same answer and counts them.
//!
//! Given a port and a status. 503 comes with a Retry-After of a day: the sender writes its deliveries durably and falls
//! silent. `GET /` answers with the number of POSTs so far. Reads just enough HTTP/1.1 for a client that keeps its
//! connection and sends Content-Length.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use anyhow::{Context, ensure};
use clap::Parser;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A head larger than this is no event's.
const LARGEST_HEAD: usize = 64 * 1024;

/// Answers every POST with one status and counts them; GET / says how many came.
#[derive(Debug, Parser)]
struct Options {
    /// The port on 127.0.0.1
    #[arg(long)]
    port: u16,
    /// The status of every answer, such as 204, or 503 with a Retry-After of a day
    #[arg(long, default_value_t = 204)]
    answer: u16,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let listener = TcpListener::bind(("127.0.0.1", options.port))
        .await
        .with_context(|| format!("cannot listen on port {}: choose another with --port", options.port))?;
    let answer: Arc<str> = answer(options.answer).into();
    let count = Arc::new(AtomicU64::new(0));
    loop {
        let (stream, _) = listener.accept().await.context("cannot accept a connection")?;
        // A client that goes away, or sends no HTTP, ends its own connection only.
        tokio::spawn(serve(stream, Arc::clone(&answer), Arc::clone(&count)));
    }
}

fn answer(status: u16) -> String {
    match status {
        204 => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
        503 => "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 86400\r\nContent-Length: 0\r\n\r\n".to_owned(),
        other => format!("HTTP/1.1 {other} Answer\r\nContent-Length: 0\r\n\r\n"),
    }
}

async fn serve(mut stream: TcpStream, answer: Arc<str>, count: Arc<AtomicU64>) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut held = Vec::with_capacity(8192);
    while let Some(head) = read_head(&mut stream, &mut held).await? {
        let body = content_length(&head);
        while held.len() < body {
            ensure!(stream.read_buf(&mut held).await? > 0, "the client left within a body");
        }
        held.drain(..body);
        if head.starts_with("POST ") {
            count.fetch_add(1, Ordering::Relaxed);
            stream.write_all(answer.as_bytes()).await?;
        } else {
            let number = count.load(Ordering::Relaxed).to_string();
            let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{number}", number.len());
            stream.write_all(text.as_bytes()).await?;
        }
    }
    Ok(())
}

/// Takes the next head out of `held`; `None` if the client is done.
async fn read_head(stream: &mut TcpStream, held: &mut Vec<u8>) -> anyhow::Result<Option<String>> {
    loop {
        if let Some(end) = held.windows(4).position(|four| four == b"\r\n\r\n") {
            let head: Vec<u8> = held.drain(..end + 4).collect();
            return Ok(Some(String::from_utf8_lossy(&head).into_owned()));
        }
        ensure!(held.len() < LARGEST_HEAD, "no HTTP");
        if stream.read_buf(held).await? == 0 {
            return Ok(None);
        }
    }
}

fn content_length(head: &str) -> usize {
    head.lines()
        .find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        })
        .unwrap_or(0)
}
