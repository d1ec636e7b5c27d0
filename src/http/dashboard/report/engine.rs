//! Asks the engine of reports for a page: on a thread that may wait, a few at a time, and not for longer than a page has.
//!
//! The first report of a store reads all its leads. Whoever asks then is told how far it is, and the counting goes on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use super::super::{Dashboard, Fault};
use crate::{
    clock::Millis,
    intake::Intake,
    report::{Query, Report, Reporter},
    store::StoreError,
};

/// Reports at a time: mail needs the processors more.
const AT_A_TIME: usize = 2;

/// How long a page waits; a request has ten seconds in all.
const PATIENCE: Duration = Duration::from_secs(6);

/// The engine, by the config in force.
pub struct Engine {
    current: ArcSwapOption<(Arc<Intake>, Reporter)>,
    turns: Arc<Semaphore>,
    progress: Arc<Progress>,
}

#[derive(Default)]
struct Progress {
    done: AtomicU64,
    of: AtomicU64,
}

/// What came of asking.
pub enum Answer {
    /// A report for each query.
    Reports(Vec<Report>),
    /// It takes longer; so many leads of so many are read.
    Later(u64, u64),
}

impl Default for Engine {
    fn default() -> Self {
        Self { current: ArcSwapOption::empty(), turns: Arc::new(Semaphore::new(AT_A_TIME)), progress: Arc::default() }
    }
}

impl Dashboard {
    /// The engine for the config in force.
    pub fn reporter(&self) -> Reporter {
        let intake = self.intake.load_full();
        if let Some(current) = self.engine.current.load().as_deref()
            && Arc::ptr_eq(&current.0, &intake)
        {
            return current.1.clone();
        }
        let reporter = Reporter::new(&intake.config);
        self.engine.current.store(Some(Arc::new((intake, reporter.clone()))));
        reporter
    }

    /// Answers queries.
    pub async fn count(&self, queries: Vec<Query>, now: Millis) -> Result<Answer, Fault> {
        let reporter = self.reporter();
        let (turns, progress) = (Arc::clone(&self.engine.turns), Arc::clone(&self.engine.progress));
        let counting = async move {
            let turn = turns.acquire_owned().await;
            // Once begun it runs to its end, and the turn with it, whether the page still waits or not.
            spawn_blocking(move || {
                let _turn = turn;
                let mut told = |done, of| {
                    progress.done.store(done, Ordering::Relaxed);
                    progress.of.store(of, Ordering::Relaxed);
                };
                queries.iter().map(|query| reporter.run_with(query, now, &mut told)).collect::<Result<Vec<_>, _>>()
            })
            .await
            .unwrap_or(Err(StoreError::Closed))
        };
        match timeout(PATIENCE, counting).await {
            Ok(reports) => Ok(Answer::Reports(reports?)),
            Err(_) => {
                let progress = &self.engine.progress;
                Ok(Answer::Later(progress.done.load(Ordering::Relaxed), progress.of.load(Ordering::Relaxed)))
            }
        }
    }
}
