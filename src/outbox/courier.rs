//! The courier of one sink: takes what is due, keeps so many calls open at a time, and sleeps until there is more.
//!
//! Given a store and one sink. Every sink has a courier of its own, so that a slow receiver delays no other. A fault
//! of the store makes it wait and try again; nothing ends it but [`Courier::run`]'s `stop`.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    task::{JoinError, JoinSet},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    breaker::{Breaker, Change, Permit},
    call::{self, Desk, Finished, MARGIN},
    conditions::Conditions,
    log::{self, Health},
    notice::Notices,
    pace::Pace,
};
use crate::{
    clock::Millis,
    config,
    sinks::{Sink, Verdict},
    store::{Next, Pick, Store, StoreError},
};

/// Another process, such as `leadmilter ingest`, may have added deliveries, and nobody wakes us for those.
const LOOK_AT_LEAST: Duration = Duration::from_secs(5);

/// Keeps a clock that was set back, or a due time of this very millisecond, from turning the loop hot.
const LOOK_AT_MOST: Duration = Duration::from_millis(5);

/// Waits for a store that fails, doubled each time up to the last.
const STORE_WAIT: Duration = Duration::from_millis(500);
const STORE_WAIT_LONGEST: Duration = Duration::from_secs(30);

/// What a courier does between two looks into the store.
struct Rest {
    longest: Duration,
    /// Whether a delivery that comes meanwhile could be called for at once. A courier without room, or told to be quiet,
    /// is not to be woken by every letter.
    has_use_for_more: bool,
}

/// Delivers to one sink.
pub struct Courier {
    desk: Arc<Desk>,
    notices: Notices,
    calls: JoinSet<Finished>,
    health: Health,
    pace: Pace,
    /// In an ordered sink, the delivery that all others wait for, and when it is due.
    held: Option<(i64, Millis)>,
    /// Whether the store has been asked how the sink stands.
    has_begun: bool,
    /// A change of the circuit that has not been told yet, and why it came.
    untold: Option<(Change, String)>,
    /// The number of the last change that was noted.
    told: u64,
    /// The last wait for a store that fails; `None` while it answers.
    store_wait: Option<Duration>,
}

impl Courier {
    /// Makes a courier that has not begun; `others` are the sinks to tell when this one is suspended.
    pub fn new(store: Store, config: config::Sink, sink: Sink, notices: Notices, conditions: Conditions) -> Self {
        let gap = match (config.preset.batch, config.rate) {
            (Some(batch), _) => batch.every,
            (None, Some(rate)) => Duration::from_secs(1) / rate.max(1),
            (None, None) => Duration::ZERO,
        };
        let pace = Pace::new(config.concurrency, gap);
        let breaker = Mutex::new(Breaker::new(config.suspend_after));
        Self {
            desk: Arc::new(Desk { store, config, sink, breaker, conditions }),
            notices,
            calls: JoinSet::new(),
            health: Health::default(),
            pace,
            held: None,
            has_begun: false,
            untold: None,
            told: 0,
            store_wait: None,
        }
    }

    /// Delivers until `stop`, then waits for the calls that are open.
    pub async fn run(mut self, stop: CancellationToken) {
        let store = self.desk.store.clone();
        while !stop.is_cancelled() {
            // Made before the look into the store, so that nothing added during the look is slept over.
            let added = store.due().notified();
            let rest = self.start_calls().await;
            tokio::select! {
                () = stop.cancelled() => {}
                Some(ended) = self.calls.join_next() => self.end_calls(ended),
                () = added, if rest.has_use_for_more => {}
                () = sleep(rest.longest) => {}
            }
        }
        while let Some(ended) = self.calls.join_next().await {
            self.end_calls(ended);
        }
        if let Err(failure) = self.tell().await {
            self.health.note_store(&self.desk.config.id, &failure);
        }
    }

    /// Starts as many calls as are due and have room; gives back what to wait for before the next look.
    async fn start_calls(&mut self) -> Rest {
        let room = self.pace.room(self.calls.len());
        if room == 0 {
            return Rest { longest: LOOK_AT_LEAST, has_use_for_more: false };
        }
        let wait = self.pace.wait(Instant::now());
        if !wait.is_zero() {
            return Rest { longest: wait, has_use_for_more: false };
        }
        match self.look(room).await {
            Ok(rest) => {
                self.store_wait = None;
                rest
            }
            Err(failure) => {
                self.health.note_store(&self.desk.config.id, &failure);
                let wait = self.store_wait.map_or(STORE_WAIT, |last| (last * 2).min(STORE_WAIT_LONGEST));
                Rest { longest: *self.store_wait.insert(wait), has_use_for_more: false }
            }
        }
    }

    async fn look(&mut self, room: usize) -> Result<Rest, StoreError> {
        let permit = self.permit().await?;
        match permit {
            Permit::All => self.lease(room).await,
            // Other calls may be of the time before, and end well.
            Permit::Probe if !self.calls.is_empty() => Ok(Rest { longest: LOOK_AT_LEAST, has_use_for_more: false }),
            Permit::Probe => {
                let pick = self.held.map_or(Pick::Next, |(delivery, _)| Pick::This(delivery));
                let found = self.begin(pick, true).await?;
                if found == 0 {
                    self.held = None;
                }
                Ok(Rest { longest: LOOK_AT_LEAST, has_use_for_more: found == 0 })
            }
            Permit::Wait(wait) => {
                let longest = wait.unwrap_or(LOOK_AT_LEAST).clamp(LOOK_AT_MOST, LOOK_AT_LEAST);
                Ok(Rest { longest, has_use_for_more: false })
            }
        }
    }

    /// Whether the sink may be called, as far as the store and this courier know.
    async fn permit(&mut self) -> Result<Permit, StoreError> {
        self.tell().await?;
        let (now, id) = (self.desk.conditions.clock.now(), self.desk.config.id.clone());
        if !self.has_begun {
            let stored = self.desk.store.circuit(&id).await?;
            if self.desk.config.ordered {
                self.held = self.desk.store.oldest_tried(&id).await?;
            }
            self.breaker().restore(stored.as_ref(), now);
            self.has_begun = true;
        } else if self.notices.is_stale(Instant::now()) || self.breaker().permit(now) != Permit::All {
            // A person may have paused or resumed the sink from another process.
            let stored = self.desk.store.circuit(&id).await?;
            self.breaker().follow(stored.as_ref());
        }
        Ok(self.breaker().permit(now))
    }

    async fn lease(&mut self, room: usize) -> Result<Rest, StoreError> {
        let clock = self.desk.conditions.clock;
        if let Some((delivery, at)) = self.held {
            let wait = clock.now().until(at);
            if !wait.is_zero() {
                return Ok(Rest { longest: wait.clamp(LOOK_AT_MOST, LOOK_AT_LEAST), has_use_for_more: false });
            }
            if self.begin(Pick::This(delivery), false).await? > 0 {
                return Ok(Rest { longest: LOOK_AT_LEAST, has_use_for_more: false });
            }
            self.held = None;
        }
        let wanted = self.desk.config.preset.batch.map_or(room, |batch| batch.size);
        if self.begin(Pick::Due(wanted), false).await? >= wanted {
            return Ok(Rest { longest: LOOK_AT_LEAST, has_use_for_more: true });
        }
        let next = self.desk.store.next_due(&self.desk.config.id).await?;
        let wait = next.map_or(LOOK_AT_LEAST, |due| clock.now().until(due));
        Ok(Rest { longest: wait.clamp(LOOK_AT_MOST, LOOK_AT_LEAST), has_use_for_more: true })
    }

    /// Leases deliveries and begins their calls; gives back how many that were.
    async fn begin(&mut self, pick: Pick, is_probe: bool) -> Result<usize, StoreError> {
        let now = self.desk.conditions.clock.now();
        let until = now.plus(self.desk.config.timeout.saturating_add(MARGIN));
        let leased = self.desk.store.lease(&self.desk.config.id, pick, now, until).await?;
        let count = leased.len();
        if self.desk.config.preset.batch.is_some() && count > 0 {
            self.pace.began(Instant::now());
            self.calls.spawn(call::call(Arc::clone(&self.desk), leased, until, is_probe));
            return Ok(count);
        }
        for delivery in leased {
            self.pace.began(Instant::now());
            self.calls.spawn(call::call(Arc::clone(&self.desk), vec![delivery], until, is_probe));
        }
        Ok(count)
    }

    /// Notes a call that ended, and every other that has ended by now: their room is filled in one go.
    fn end_calls(&mut self, ended: Result<Finished, JoinError>) {
        let mut next = Some(ended);
        while let Some(ended) = next {
            match ended {
                Ok(finished) => self.note(&finished),
                Err(failure) => log::broken_call(&self.desk.config.id, &failure),
            }
            next = self.calls.try_join_next();
        }
    }

    fn note(&mut self, finished: &Finished) {
        let id = &self.desk.config.id;
        for done in &finished.done {
            self.health.note(id, done);
            log::count(&self.desk.conditions.metrics, done);
        }
        if let Err(failure) = &finished.written {
            self.health.note_store(id, failure);
        }
        let overloaded = |status: Option<u16>| status.is_some_and(|status| matches!(status, 429 | 502..=504));
        match &finished.verdict {
            Verdict::Delivered | Verdict::Again { .. } => self.pace.went_well(),
            Verdict::Retry { floor } => {
                if finished.done.iter().any(|done| overloaded(done.status)) {
                    self.pace.was_too_much();
                }
                if let Some(floor) = floor {
                    self.pace.be_quiet(Instant::now(), *floor);
                }
            }
            _ => {}
        }
        if self.desk.config.ordered {
            let waiting = finished.done.iter().rev().find_map(|done| match done.next {
                Next::Again(at) => Some((done.delivery, at)),
                Next::Delivered | Next::Dead | Next::Skipped => None,
            });
            self.held = waiting;
        }
        if let Some((change, number)) = finished.change.filter(|(_, number)| *number > self.told) {
            self.told = number;
            if change == Change::Resumed {
                self.pace.begin_slowly();
            }
            let reason = finished.done.iter().find_map(|done| done.error.clone()).unwrap_or_default();
            self.notices.log(&self.desk, change, &reason);
            self.untold = Some((change, reason));
        }
    }

    /// Tells the store and the other sinks of a change.
    async fn tell(&mut self) -> Result<(), StoreError> {
        if let Some((change, reason)) = &self.untold {
            self.notices.tell(&self.desk, *change, reason).await?;
            self.untold = None;
            self.breaker().is_stored();
        }
        Ok(())
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.desk.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
