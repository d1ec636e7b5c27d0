//! One call: events are handed to their sink, and what came of them is written down.
//!
//! Given leased deliveries; gives back what became of them. A sink that panics or outlives its timeout costs one attempt
//! and nothing else. The write-back is repeated while the lease lasts, since an attempt that is not written down is
//! made again.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use tokio::time::{sleep, timeout};

use super::{
    breaker::{Breaker, Change, Noted},
    conditions::Conditions,
    schedule,
};
use crate::{
    clock::Millis,
    config,
    sinks::{Answer, Message, Sink, Verdict, is_overloaded},
    store::{Attempt, Ended, Leased, Next, Store, StoreError},
};

/// From the end of a call to the end of its lease: the time to write it back.
pub const MARGIN: Duration = Duration::from_secs(10);

/// What a sink may take beyond its own timeout before it is cut off.
const PATIENCE: Duration = Duration::from_secs(2);

/// Between two tries to write an attempt back.
const BREATH: Duration = Duration::from_millis(500);

/// Calls that went well and were not the last, or probes, before another counts like a failure: a receiver that never comes to an
/// end is one that does not work.
const SPARED: u32 = 200;

/// What every call of one sink needs.
pub struct Desk {
    /// Where deliveries are kept.
    pub store: Store,
    /// The sink's config.
    pub config: config::Sink,
    /// The sink.
    pub sink: Sink,
    /// Whether it is called.
    pub breaker: Mutex<Breaker>,
    /// Time and luck.
    pub conditions: Conditions,
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The delivery's id.
    pub delivery: i64,
    /// The event's id.
    pub event_id: String,
    /// Number of the attempt.
    pub attempt: u32,
    /// HTTP status, if an answer came.
    pub status: Option<u16>,
    /// What went wrong, in our own words: a receiver's may hold whatever it was sent.
    pub fault: Option<String>,
    /// Whether there is another attempt.
    pub next: Next,
}

/// What came of a call and of writing it down.
pub struct Finished {
    /// The deliveries.
    pub done: Vec<Done>,
    /// What the receiver said of the call as a whole.
    pub verdict: Verdict,
    /// What changed in how the sink is called, and the number of that change.
    pub change: Option<(Change, u64)>,
    /// Requests that were made.
    pub calls: u32,
    /// Whether the store knows.
    pub written: Result<(), StoreError>,
}

/// Calls the sink once and writes down what came of it, before the lease ends at `leased_until`.
pub async fn call(desk: Arc<Desk>, leased: Vec<Leased>, leased_until: Millis, is_probe: bool) -> Finished {
    let at = desk.conditions.clock.now();
    let answers = {
        let messages: Vec<Message<'_>> = leased.iter().map(message).collect();
        let within = desk.config.timeout.saturating_add(PATIENCE);
        guarded(within, messages.len(), desk.sink.deliver(&messages)).await
    };
    let verdict = of_all(&answers);
    let noted = desk.breaker.lock().unwrap_or_else(PoisonError::into_inner).note(
        &verdict,
        is_probe,
        desk.conditions.clock.now(),
    );
    let calls = answers.iter().map(|answer| answer.calls).max().unwrap_or_default();
    let (mut all_ended, mut done) = (Vec::with_capacity(leased.len()), Vec::with_capacity(leased.len()));
    for (leased, mut answer) in leased.into_iter().zip(answers) {
        let fault = answer.fault.take();
        let ended = ended(&desk, &leased, at, answer, noted);
        let (attempt, status) = (leased.attempt, ended.attempt.status);
        done.push(Done {
            delivery: leased.delivery,
            event_id: leased.event_id,
            attempt,
            status,
            fault,
            next: ended.next,
        });
        all_ended.push(ended);
    }
    let written = write_back(&desk, all_ended, leased_until).await;
    Finished { done, verdict, change: noted.change.map(|change| (change, noted.changes)), calls, written }
}

fn message(leased: &Leased) -> Message<'_> {
    Message {
        event_id: &leased.event_id,
        event_type: leased.event_type,
        body: &leased.body,
        attempt: leased.attempt,
        doubt: leased.doubt,
        note: leased.note.as_deref(),
    }
}

/// What a call says of the receiver: that it works if any event went well, else the first failure.
fn of_all(answers: &[Answer]) -> Verdict {
    let works = |verdict: &&Verdict| matches!(verdict, Verdict::Delivered | Verdict::Again { .. });
    let verdicts = || answers.iter().map(|answer| &answer.verdict);
    let was_called = |verdict: &&Verdict| !matches!(verdict, Verdict::Skipped { .. });
    let told = verdicts().find(works).or_else(|| verdicts().find(was_called)).or_else(|| verdicts().next());
    told.cloned().unwrap_or(Verdict::Retry { floor: None })
}

fn ended(desk: &Desk, leased: &Leased, at: Millis, answer: Answer, noted: Noted) -> Ended {
    let Answer { verdict, status, error, answer, duration, doubt, .. } = answer;
    let tries = leased.attempt.saturating_sub(leased.spared);
    let spared = match verdict {
        Verdict::Again { .. } | Verdict::Disabled => leased.spared < SPARED,
        Verdict::Retry { .. } | Verdict::Misconfigured => noted.spared && !is_used_up(desk, tries, status),
        _ => false,
    };
    let Conditions { clock, luck, .. } = &desk.conditions;
    let next = schedule::next(&desk.config.retry, tries, !spared, &verdict, clock.now(), luck());
    let (error, note) = match verdict {
        Verdict::Again { note, .. } => (error, Some(note)),
        Verdict::Skipped { reason } => (Some(reason), None),
        // What the receiver will never take is another thing when somebody sends it again.
        Verdict::Delivered | Verdict::Refused => (error, None),
        _ => (error, leased.note.clone()),
    };
    let attempt = Attempt {
        number: leased.attempt,
        at,
        duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        status,
        error,
        answer,
    };
    // Where no call was answered, nothing new is known of the one before.
    let doubt = doubt || (leased.doubt && status.is_none());
    Ended { delivery: leased.delivery, attempt, next, spared, doubt, note }
}

/// Whether an event has had all of its attempts, and a receiver that is there does not take it. It would else keep the events
/// behind it waiting for ever, where they keep their order.
fn is_used_up(desk: &Desk, tries: u32, status: Option<u16>) -> bool {
    let is_there = status.is_some_and(|status| !is_overloaded(status));
    is_there && usize::try_from(tries).is_ok_and(|tries| tries > desk.config.retry.len())
}

/// The answers of a call, whatever the call does.
async fn guarded(within: Duration, count: usize, call: impl Future<Output = Vec<Answer>>) -> Vec<Answer> {
    let begun = std::time::Instant::now();
    let failed = |error: &str| {
        let answer = Answer {
            verdict: Verdict::Retry { floor: None },
            status: None,
            error: Some(error.to_owned()),
            fault: Some(error.to_owned()),
            answer: None,
            duration: begun.elapsed(),
            doubt: true,
            calls: 1,
        };
        vec![answer; count]
    };
    match timeout(within, AssertUnwindSafe(call).catch_unwind()).await {
        Ok(Ok(answers)) if answers.len() == count => answers,
        Ok(Ok(_)) => failed("sink gave too few answers"),
        Ok(Err(_panic)) => failed("sink panicked"),
        Err(_elapsed) => failed("sink did not answer in time"),
    }
}

async fn write_back(desk: &Desk, ended: Vec<Ended>, leased_until: Millis) -> Result<(), StoreError> {
    loop {
        match desk.store.finish(ended.clone()).await {
            Err(StoreError::Closed) => return Err(StoreError::Closed),
            // After the lease, the delivery may be in other hands.
            Err(failure) if desk.conditions.clock.now().plus(BREATH) >= leased_until => return Err(failure),
            Err(_) => sleep(BREATH).await,
            Ok(()) => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(error: &str) -> Vec<(Verdict, Option<String>, bool)> {
        vec![(Verdict::Retry { floor: None }, Some(error.to_owned()), true); 2]
    }

    fn told(answers: Vec<Answer>) -> Vec<(Verdict, Option<String>, bool)> {
        answers.into_iter().map(|answer| (answer.verdict, answer.error, answer.doubt)).collect()
    }

    #[tokio::test]
    async fn a_panic_is_one_failed_attempt() {
        let answers = guarded(Duration::from_secs(1), 2, async { panic!("a fault in a sink") }).await;
        assert_eq!(told(answers), failed("sink panicked"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_outlives_its_timeout_is_one_failed_attempt() {
        let answers = guarded(Duration::from_secs(1), 2, std::future::pending()).await;
        assert_eq!(told(answers), failed("sink did not answer in time"));
    }

    #[tokio::test]
    async fn an_answer_for_each_event_is_needed() {
        let answers = guarded(Duration::from_secs(1), 2, async { Vec::new() }).await;
        assert_eq!(told(answers), failed("sink gave too few answers"));
    }
}
