//! Drops old visits, once an hour and a little at a time, for as long as the daemon runs.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    clock::Millis,
    intake::Intake,
    maillog::chain,
    store::{Retained, Retention, Store},
};

/// Between two looks.
const HOUR: Duration = Duration::from_secs(3600);

/// Looks until `stop`, by the config that is in force then.
pub async fn run(store: Store, intake: Arc<ArcSwap<Intake>>, stop: CancellationToken) {
    let mut hours = tokio::time::interval(HOUR);
    loop {
        tokio::select! {
            _ = hours.tick() => {}
            () = stop.cancelled() => return,
        }
        let dynamic = intake.load().config.dynamic.clone();
        let (Some(dynamic), Some(visits)) = (dynamic, store.visits()) else { continue };
        let retention = Retention { compact: dynamic.compact, purge: dynamic.retention };
        let done = tokio::select! {
            done = visits.retain(retention, Millis::now()) => done,
            () = stop.cancelled() => return,
        };
        match done {
            Ok(Retained { compacted: 0, purged: 0, .. }) => {}
            Ok(Retained { compacted, purged, .. }) => {
                info!("visits: {compacted} have lost their ids and pages for age, {purged} are deleted");
            }
            Err(e) => warn!("old visits are kept longer than they should be: {}", chain(&e)),
        }
    }
}
