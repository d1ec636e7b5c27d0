//! Deletes what is old, once an hour and a little at a time, for as long as the daemon runs: leads with all that hangs on
//! them, and visits.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    clock::Millis,
    config::Config,
    intake::Intake,
    maillog::chain,
    store::{Forgotten, Retained, Retention, Store, StoreError},
};

/// Between two looks.
const HOUR: Duration = Duration::from_secs(3600);

/// Looks between two times that what makes messages known is gone through, and what reports count: it takes a look at
/// every one.
const DAY: u32 = 24;

/// Looks until `stop`, by the config that is in force then.
pub async fn run(store: Store, intake: Arc<ArcSwap<Intake>>, stop: CancellationToken) {
    let mut hours = tokio::time::interval(HOUR);
    for look in 0u32.. {
        tokio::select! {
            _ = hours.tick() => {}
            () = stop.cancelled() => return,
        }
        let config = &intake.load_full().config;
        tokio::select! {
            () = leads(&store, config, look.is_multiple_of(DAY)) => {}
            () = stop.cancelled() => return,
        }
        tokio::select! {
            () = visits(&store, config) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn leads(store: &Store, config: &Config, is_daily: bool) {
    let now = Millis::now();
    let done = async {
        let gone = match config.privacy.retention {
            Some(retention) => store.purge(now.minus(retention)).await?,
            None => Forgotten::default(),
        };
        if is_daily {
            store.forget_known(now).await?;
        }
        Ok::<_, StoreError>(gone)
    };
    match done.await {
        Ok(gone) if gone == Forgotten::default() => {}
        Ok(Forgotten { leads, events, deliveries, pending, harvesters, audit, .. }) => {
            info!("{leads} leads are deleted for age, with {events} events and {deliveries} deliveries");
            if pending > 0 {
                warn!("{pending} of these deliveries had not arrived: they are given up");
            }
            if harvesters + audit > 0 {
                info!("{harvesters} harvesters and {audit} entries of the audit log are deleted for age");
            }
        }
        Err(e) => warn!("old leads are kept longer than they should be: {}", chain(&e)),
    }
    if is_daily && config.privacy.retention.is_some() {
        let facts = Store::facts(&config.store.folder);
        let swept = tokio::task::spawn_blocking(move || facts.sweep()).await.unwrap_or(Err(StoreError::Closed));
        if let Err(e) = swept {
            warn!("reports.db keeps texts of old leads longer than it should: {}", chain(&e));
        }
    }
}

async fn visits(store: &Store, config: &Config) {
    let (Some(dynamic), Some(visits)) = (&config.dynamic, store.visits()) else { return };
    let retention = Retention { compact: dynamic.compact, purge: dynamic.retention };
    match visits.retain(retention, Millis::now()).await {
        Ok(Retained { compacted: 0, purged: 0, .. }) => {}
        Ok(Retained { compacted, purged, .. }) => {
            info!("visits: {compacted} have lost their ids and pages for age, {purged} are deleted");
        }
        Err(e) => warn!("old visits are kept longer than they should be: {}", chain(&e)),
    }
}
