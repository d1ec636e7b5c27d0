//! The courier of one sink: takes what is due, keeps so many calls open at a time, and sleeps until there is more.
//!
//! Given a store and one sink. Every sink has a courier of its own, so that a slow receiver delays no other. A fault
//! of the store makes it wait and try again; nothing ends it but [`Courier::run`]'s `stop`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    task::{self, JoinError, JoinSet},
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
    config,
    sinks::{Sink, Verdict, is_overloaded},
    store::{CircuitState, Next, Pick, Store, StoreError},
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

impl Rest {
    fn ready(longest: Duration) -> Self {
        Self { longest: longest.clamp(LOOK_AT_MOST, LOOK_AT_LEAST), has_use_for_more: true }
    }

    fn busy(longest: Duration) -> Self {
        Self { longest: longest.clamp(LOOK_AT_MOST, LOOK_AT_LEAST), has_use_for_more: false }
    }
}

/// Delivers to one sink.
pub struct Courier {
    desk: Arc<Desk>,
    notices: Notices,
    calls: JoinSet<Finished>,
    health: Health,
    pace: Pace,
    /// Deliveries that calls are open for.
    open: HashMap<task::Id, Vec<i64>>,
    /// In an ordered sink, the delivery that all others wait for.
    held: Option<i64>,
    /// Whether the store has to be asked which one that is: at the beginning, and after what was not written down.
    is_unsure: bool,
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
            open: HashMap::new(),
            held: None,
            is_unsure: true,
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
                Some(ended) = self.calls.join_next_with_id() => self.end_calls(ended),
                () = added, if rest.has_use_for_more => {}
                () = sleep(rest.longest) => {}
            }
        }
        while let Some(ended) = self.calls.join_next_with_id().await {
            self.end_calls(ended);
        }
        if let Err(failure) = self.tell().await {
            self.health.note_store(&self.desk.config.id, &failure);
        }
    }

    /// Starts as many calls as are due and have room; gives back what to wait for before the next look.
    async fn start_calls(&mut self) -> Rest {
        match self.look().await {
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

    async fn look(&mut self) -> Result<Rest, StoreError> {
        // Before anything that may make it wait: a person may want it to go on, or to stop.
        let permit = self.permit().await?;
        let room = self.pace.room(self.calls.len());
        if room == 0 {
            return Ok(Rest::busy(LOOK_AT_LEAST));
        }
        let wait = self.pace.wait(Instant::now());
        if !wait.is_zero() {
            return Ok(Rest::busy(wait));
        }
        match permit {
            Permit::All => self.lease(room).await,
            // Other calls may be of the time before, and end well.
            Permit::Probe if !self.calls.is_empty() => Ok(Rest::busy(LOOK_AT_LEAST)),
            Permit::Probe => {
                let pick = self.held().await?.map_or(Pick::Next, Pick::This);
                let found = self.begin(pick, true).await?;
                Ok(if found == 0 { Rest::ready(LOOK_AT_LEAST) } else { Rest::busy(LOOK_AT_LEAST) })
            }
            Permit::Wait(wait) => Ok(Rest::busy(wait.unwrap_or(LOOK_AT_LEAST))),
        }
    }

    /// Whether the sink may be called, as far as the store and this courier know.
    async fn permit(&mut self) -> Result<Permit, StoreError> {
        self.tell().await?;
        let (now, id) = (self.desk.conditions.clock.now(), self.desk.config.id.clone());
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        if is_first || self.notices.is_stale(Instant::now()) || self.breaker().permit(now) != Permit::All {
            let stored = self.desk.store.circuit(&id).await.inspect_err(|_| self.has_begun = !is_first)?;
            if is_first {
                self.breaker().restore(stored.as_ref(), now);
            } else if self.breaker().follow(stored.as_ref(), now) {
                match stored.as_ref().filter(|circuit| circuit.state == CircuitState::Disabled) {
                    Some(circuit) => log::paused(&id, &circuit.reason),
                    None => log::resumed(&id),
                }
            }
            if stored.is_some_and(|circuit| circuit.state == CircuitState::Resumed) {
                self.pace.may_speak();
                self.desk.store.close_circuit(&id).await?;
            }
        }
        Ok(self.breaker().permit(now))
    }

    /// The delivery that all others wait for, if the sink is ordered.
    async fn held(&mut self) -> Result<Option<i64>, StoreError> {
        if self.desk.config.ordered && self.is_unsure && self.calls.is_empty() {
            let (store, id) = (self.desk.store.clone(), self.desk.config.id.clone());
            let found = task::spawn_blocking(move || store.oldest_tried(&id)).await;
            self.held = found.unwrap_or(Err(StoreError::Closed))?;
            self.is_unsure = false;
        }
        Ok(self.held)
    }

    async fn lease(&mut self, room: usize) -> Result<Rest, StoreError> {
        let clock = self.desk.conditions.clock;
        if let Some(delivery) = self.held().await? {
            // Asked each time: a replay may have made it due, or another process ended it.
            match self.desk.store.due_of(delivery).await? {
                Some(due) if due > clock.now() => return Ok(Rest::busy(clock.now().until(due))),
                Some(_) => {
                    self.begin(Pick::This(delivery), false).await?;
                    return Ok(Rest::busy(LOOK_AT_LEAST));
                }
                None => self.held = None,
            }
        }
        let wanted = self.desk.config.preset.batch.map_or(room, |batch| batch.size);
        let begun = self.begin(Pick::Due(wanted), false).await?;
        let pause = self.pace.wait(Instant::now());
        if begun > 0 && !pause.is_zero() {
            return Ok(Rest::busy(pause));
        }
        if begun >= wanted {
            return Ok(Rest::ready(LOOK_AT_LEAST));
        }
        let next = self.desk.store.next_due(&self.desk.config.id).await?;
        Ok(Rest::ready(next.map_or(LOOK_AT_LEAST, |due| clock.now().until(due))))
    }

    /// Leases deliveries and begins their calls; gives back how many that were.
    async fn begin(&mut self, pick: Pick, is_probe: bool) -> Result<usize, StoreError> {
        let now = self.desk.conditions.clock.now();
        let until = now.plus(self.desk.config.timeout.saturating_add(MARGIN));
        let mut leased = self.desk.store.lease(&self.desk.config.id, pick, now, until).await?;
        // A clock that was set forward ends leases whose calls are open here.
        leased.retain(|leased| !self.open.values().flatten().any(|open| *open == leased.delivery));
        let count = leased.len();
        let of_each = if self.desk.config.preset.batch.is_some() { count.max(1) } else { 1 };
        let mut leased = leased.into_iter().peekable();
        while leased.peek().is_some() {
            let of_call: Vec<_> = leased.by_ref().take(of_each).collect();
            let ids = of_call.iter().map(|leased| leased.delivery).collect();
            self.pace.began(Instant::now());
            let call = self.calls.spawn(call::call(Arc::clone(&self.desk), of_call, until, is_probe));
            self.open.insert(call.id(), ids);
        }
        Ok(count)
    }

    /// Notes a call that ended, and every other that has ended by now: their room is filled in one go.
    fn end_calls(&mut self, ended: Result<(task::Id, Finished), JoinError>) {
        let mut next = Some(ended);
        while let Some(ended) = next {
            match ended {
                Ok((id, finished)) => {
                    self.open.remove(&id);
                    self.note(&finished);
                }
                Err(failure) => {
                    self.open.remove(&failure.id());
                    self.is_unsure = true;
                    log::broken_call(&self.desk.config.id, &failure);
                }
            }
            next = self.calls.try_join_next_with_id();
        }
    }

    fn note(&mut self, finished: &Finished) {
        let id = &self.desk.config.id;
        for done in &finished.done {
            self.health.note(id, done);
            log::count(&self.desk.conditions.metrics, done);
        }
        if let Err(failure) = &finished.written {
            self.is_unsure = true;
            self.health.note_store(id, failure);
        }
        self.pace.took(Instant::now(), finished.calls);
        match &finished.verdict {
            Verdict::Delivered | Verdict::Again { .. } => self.pace.went_well(),
            Verdict::Retry { floor } => {
                if finished.done.iter().any(|done| done.status.is_some_and(is_overloaded)) {
                    self.pace.was_too_much();
                }
                if let Some(floor) = floor {
                    self.pace.be_quiet(Instant::now(), *floor);
                }
            }
            _ => {}
        }
        let waiting = finished.done.iter().find(|done| matches!(done.next, Next::Again(_)));
        self.held = waiting.map(|done| done.delivery).filter(|_| self.desk.config.ordered);
        if let Some((change, number)) = finished.change.filter(|(_, number)| *number > self.told) {
            self.told = number;
            if change == Change::Resumed {
                self.pace.begin_slowly();
            }
            let reason = finished.done.iter().find_map(|done| done.fault.clone()).unwrap_or_default();
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
