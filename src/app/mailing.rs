//! Sends reports by mail when they are due, for as long as the daemon runs.
//!
//! A mail server that does not take one is asked again after a minute, then less and less often; others wait for nothing.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    clock::Millis,
    config::{Config, MailedReport},
    intake::Intake,
    mailing::{self, MailingError},
    maillog::chain,
    store::Store,
};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(20);

/// Waits after a failure: doubled each time up to the longest.
const WAIT: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// When a report that could not be sent is tried again, and how long that is after the failure.
type Failed = HashMap<String, (Instant, Duration)>;

/// Looks until `stop`, by the config that is in force then.
pub async fn run(store: Store, intake: Arc<ArcSwap<Intake>>, stop: CancellationToken) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failed = Failed::new();
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = stop.cancelled() => return,
        }
        let now = intake.load_full();
        for report in &now.config.mailed {
            if failed.get(&report.id).is_some_and(|(again, _)| Instant::now() < *again) {
                continue;
            }
            let sent = tokio::select! {
                sent = send(&store, &now.config, report) => sent,
                () = stop.cancelled() => return,
            };
            match sent {
                Ok(()) => drop(failed.remove(&report.id)),
                Err(e) => {
                    let wait = failed.get(&report.id).map_or(WAIT, |(_, wait)| (*wait * 2).min(LONGEST_WAIT));
                    warn!("report {} was not sent, it is tried again after {wait:?}: {}", report.id, chain(&e));
                    failed.insert(report.id.clone(), (Instant::now() + wait, wait));
                }
            }
        }
    }
}

async fn send(store: &Store, config: &Config, report: &MailedReport) -> Result<(), MailingError> {
    let now = Millis::now();
    if let Some(sending) = mailing::due(config, store, report, now).await? {
        mailing::send(config, store, report, &sending, now).await?;
        info!("report {} of {} is sent, recipients={}", report.id, sending.days(), report.to.len());
    }
    Ok(())
}
