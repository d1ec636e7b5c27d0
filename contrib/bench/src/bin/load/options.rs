//! The command line of `load`.

use std::time::Duration;

use clap::Parser;

/// Loads a milter as Postfix 3.7 would, and prints what came of it as JSON.
///
/// Every session is one milter connection. By default each carries one message after another until the time is over.
/// A tracked message is one to a substitute address; the others go to a stranger's.
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  load --socket unix:/run/leadmilter/milter.sock --connections 64 --seconds 3
  load --socket inet:127.0.0.1:8891 --connections 1 --messages 200
  load --socket unix:sock --connections 16 --rate 500 --seconds 10 --recipient 'info+m11@company.ru' --expect-inserts 8
  load --socket unix:sock --connections 0 --idle 2000 --seconds 5     sessions that are only open

Latencies are in microseconds: eom_* from the write of the end of a message to the filter's last answer, message_* from
MAIL (with --rate: from when it was due) to that answer.")]
pub struct Options {
    /// The filter's socket: unix:PATH or inet:ADDRESS:PORT
    #[arg(long)]
    pub socket: String,
    /// Sessions that carry messages
    #[arg(long, default_value_t = 16)]
    pub connections: usize,
    /// Sessions beside them that are negotiated and then stay idle
    #[arg(long, default_value_t = 0)]
    pub idle: usize,
    /// Messages that one connection carries before another takes its place; 0 for no end
    #[arg(long, default_value_t = 0)]
    pub messages_per_connection: u64,
    /// How long new messages begin
    #[arg(long)]
    pub seconds: Option<f64>,
    /// How many messages are sent; with --seconds too, whichever comes first
    #[arg(long)]
    pub messages: Option<u64>,
    /// Messages a second that fall due, whether or not a session is free; without it, sessions never rest
    #[arg(long)]
    pub rate: Option<f64>,
    /// Milliseconds that a session rests after each message
    #[arg(long, default_value_t = 0.0)]
    pub think: f64,
    /// Recipients of a message
    #[arg(long, default_value_t = 1)]
    pub recipients: usize,
    /// Share of messages that are tracked, 0 to 1
    #[arg(long, default_value_t = 1.0)]
    pub tracked: f64,
    /// The recipient of a tracked message; {n} becomes a number below --recipient-pool
    #[arg(long, default_value = "info+c0a0@company.example")]
    pub recipient: String,
    /// How many numbers {n} may be; recipients of a message beyond that many are a stranger's
    #[arg(long, default_value_t = 1)]
    pub recipient_pool: u64,
    /// How many different senders there are: the fewer, the more are repeat inquiries; 0 for a new one each time
    #[arg(long, default_value_t = 100_000)]
    pub senders: u64,
    /// Header fields of a message
    #[arg(long, default_value_t = 15)]
    pub header_fields: usize,
    /// Octets of the header, at least; what is missing is filled into an extra field
    #[arg(long, default_value_t = 0)]
    pub header_octets: usize,
    /// Octets of the body
    #[arg(long, default_value_t = 4096)]
    pub body_octets: usize,
    /// Makes senders, recipients and Message-IDs repeatable; by default each run has others
    #[arg(long)]
    pub seed: Option<u64>,
    /// Fails unless each tracked message gets this many new header fields, X-Lead-Id among them
    #[arg(long, default_value_t = 0)]
    pub expect_inserts: u32,
    /// Longest wait for one answer, in seconds
    #[arg(long, default_value_t = 30.0)]
    pub patience: f64,
    /// Ends with 0 although sessions broke; they are in the JSON all the same
    #[arg(long)]
    pub tolerate_errors: bool,
}

impl Options {
    pub fn duration(&self) -> Option<Duration> {
        self.seconds.map(Duration::from_secs_f64)
    }

    pub fn rest(&self) -> Duration {
        Duration::from_secs_f64(self.think / 1e3)
    }
}
