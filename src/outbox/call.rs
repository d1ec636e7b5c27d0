//! One call: an event is handed to its sink, and what came of it is written down.
//!
//! Given a leased delivery; gives back what became of it. A sink that panics or outlives its timeout costs one attempt
//! and nothing else. The write-back is repeated while the lease lasts, since an attempt that is not written down is
//! made again.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::time::{sleep, timeout};

use super::schedule;
use crate::{
    clock::Millis,
    config,
    sinks::{Answer, Message, Sink, Verdict},
    store::{Attempt, Leased, Next, Store, StoreError},
};

/// From the end of a call to the end of its lease: the time to write it back.
pub const MARGIN: Duration = Duration::from_secs(10);

/// What a sink may take beyond its own timeout before it is cut off.
const PATIENCE: Duration = Duration::from_secs(2);

/// Between two tries to write an attempt back.
const BREATH: Duration = Duration::from_millis(500);

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The event's id.
    pub event_id: String,
    /// Number of the attempt.
    pub attempt: u32,
    /// HTTP status, if an answer came.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
    /// Whether there is another attempt.
    pub next: Next,
}

/// What came of a call and of writing it down.
pub struct Finished {
    /// The delivery.
    pub done: Done,
    /// How long the receiver wants no calls at all.
    pub quiet: Option<Duration>,
    /// Whether the store knows.
    pub written: Result<(), StoreError>,
}

/// Calls the sink once and writes down what came of it, before the lease ends at `leased_until`.
pub async fn call(
    store: Store,
    config: Arc<config::Sink>,
    sink: Arc<Sink>,
    leased: Leased,
    leased_until: Millis,
) -> Finished {
    let at = Millis::now();
    let message = Message { event_id: &leased.event_id, event_type: leased.event_type, body: &leased.body };
    let answer = guarded(config.timeout.saturating_add(PATIENCE), sink.deliver(message)).await;
    let next = schedule::next(&config.retry, leased.attempt, answer.verdict, Millis::now(), fastrand::f64());
    let attempt = Attempt {
        number: leased.attempt,
        at,
        duration_ms: u64::try_from(answer.duration.as_millis()).unwrap_or(u64::MAX),
        status: answer.status,
        error: answer.error.clone(),
        answer: answer.answer,
    };
    let written = write_back(&store, leased.delivery, attempt, next, leased_until).await;
    let quiet = match answer.verdict {
        Verdict::Retry { floor } => floor,
        _ => None,
    };
    let Answer { status, error, .. } = answer;
    Finished { done: Done { event_id: leased.event_id, attempt: leased.attempt, status, error, next }, quiet, written }
}

/// The answer of a call, whatever the call does.
async fn guarded(within: Duration, call: impl Future<Output = Answer>) -> Answer {
    let begun = std::time::Instant::now();
    let failed = |error: &str| Answer {
        verdict: Verdict::Retry { floor: None },
        status: None,
        error: Some(error.to_owned()),
        answer: None,
        duration: begun.elapsed(),
    };
    match timeout(within, AssertUnwindSafe(call).catch_unwind()).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_panic)) => failed("sink panicked"),
        Err(_elapsed) => failed("sink did not answer in time"),
    }
}

async fn write_back(
    store: &Store,
    delivery: i64,
    attempt: Attempt,
    next: Next,
    leased_until: Millis,
) -> Result<(), StoreError> {
    loop {
        match store.finish(delivery, attempt.clone(), next).await {
            Err(StoreError::Closed) => return Err(StoreError::Closed),
            // After the lease, the delivery may be in other hands.
            Err(failure) if Millis::now().plus(BREATH) >= leased_until => return Err(failure),
            Err(_) => sleep(BREATH).await,
            Ok(()) => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(error: &str) -> (Verdict, Option<String>) {
        (Verdict::Retry { floor: None }, Some(error.to_owned()))
    }

    #[tokio::test]
    async fn a_panic_is_one_failed_attempt() {
        let answer = guarded(Duration::from_secs(1), async { panic!("a fault in a sink") }).await;
        assert_eq!((answer.verdict, answer.error), failed("sink panicked"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_outlives_its_timeout_is_one_failed_attempt() {
        let answer = guarded(Duration::from_secs(1), std::future::pending()).await;
        assert_eq!((answer.verdict, answer.error), failed("sink did not answer in time"));
    }
}
