//! The courier of one sink: takes what is due, keeps so many calls open at a time, and sleeps until there is more.
//!
//! Given a store and one sink. Every sink has a courier of its own, so that a slow receiver delays no other. A fault
//! of the store makes it wait and try again; nothing ends it but [`Courier::run`]'s `stop`.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::{JoinError, JoinSet},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    call::{self, Finished, MARGIN},
    log::{self, Health},
};
use crate::{
    clock::Millis,
    config,
    sinks::Sink,
    store::{Store, StoreError},
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
    store: Store,
    config: Arc<config::Sink>,
    sink: Arc<Sink>,
    calls: JoinSet<Finished>,
    health: Health,
    /// Until when the receiver asked for silence.
    quiet_until: Option<Instant>,
    /// The last wait for a store that fails; `None` while it answers.
    store_wait: Option<Duration>,
}

impl Courier {
    /// Makes a courier that has not begun.
    pub fn new(store: Store, config: config::Sink, sink: Sink) -> Self {
        Self {
            store,
            config: Arc::new(config),
            sink: Arc::new(sink),
            calls: JoinSet::new(),
            health: Health::default(),
            quiet_until: None,
            store_wait: None,
        }
    }

    /// Delivers until `stop`, then waits for the calls that are open.
    pub async fn run(mut self, stop: CancellationToken) {
        let store = self.store.clone();
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
    }

    /// Starts as many calls as are due and have room; gives back what to wait for before the next look.
    async fn start_calls(&mut self) -> Rest {
        let room = self.config.concurrency.max(1).saturating_sub(self.calls.len());
        if room == 0 {
            return Rest { longest: LOOK_AT_LEAST, has_use_for_more: false };
        }
        if let Some(quiet) = self.quiet_until.map(|until| until.saturating_duration_since(Instant::now()))
            && !quiet.is_zero()
        {
            return Rest { longest: quiet, has_use_for_more: false };
        }
        match self.lease(room).await {
            Ok(longest) => {
                self.store_wait = None;
                Rest { longest, has_use_for_more: true }
            }
            Err(failure) => {
                self.health.note_store(&self.config.id, &failure);
                let wait = self.store_wait.map_or(STORE_WAIT, |last| (last * 2).min(STORE_WAIT_LONGEST));
                Rest { longest: *self.store_wait.insert(wait), has_use_for_more: false }
            }
        }
    }

    async fn lease(&mut self, room: usize) -> Result<Duration, StoreError> {
        let now = Millis::now();
        let until = now.plus(self.config.timeout.saturating_add(MARGIN));
        let leased = self.store.lease(&self.config.id, room, now, until).await?;
        let all_taken = leased.len() < room;
        for delivery in leased {
            let (store, config, sink) = (self.store.clone(), Arc::clone(&self.config), Arc::clone(&self.sink));
            self.calls.spawn(call::call(store, config, sink, delivery, until));
        }
        if !all_taken {
            return Ok(LOOK_AT_LEAST);
        }
        let next = self.store.next_due(&self.config.id).await?;
        let wait = next.map_or(LOOK_AT_LEAST, |due| Millis::now().until(due));
        Ok(wait.clamp(LOOK_AT_MOST, LOOK_AT_LEAST))
    }

    /// Notes a call that ended, and every other that has ended by now: their room is filled in one go.
    fn end_calls(&mut self, ended: Result<Finished, JoinError>) {
        let mut next = Some(ended);
        while let Some(ended) = next {
            match ended {
                Ok(finished) => self.note(&finished),
                Err(failure) => log::broken_call(&self.config.id, &failure),
            }
            next = self.calls.try_join_next();
        }
    }

    fn note(&mut self, finished: &Finished) {
        self.health.note(&self.config.id, &finished.done);
        if let Err(failure) = &finished.written {
            self.health.note_store(&self.config.id, failure);
        }
        if let Some(quiet) = finished.quiet {
            self.quiet_until = self.quiet_until.max(Instant::now().checked_add(quiet));
        }
    }
}
