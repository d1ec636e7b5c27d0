//! How one message ended, as the session tells it to the tally.

use std::time::Duration;

/// How a message ended.
#[derive(Debug)]
pub struct Ended {
    pub verdict: Verdict,
    pub tracked: bool,
    /// Header fields that were inserted or added.
    pub inserts: u32,
    /// Whether X-Lead-Id was among them.
    pub has_id: bool,
    /// From the end of the message to the last answer; `None` if the filter was done before.
    pub end_of_message: Option<Duration>,
}

/// A filter's last word on a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Continue,
    Accept,
    Reject,
    Tempfail,
    Discard,
    ReplyCode,
}
