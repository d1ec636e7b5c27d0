//! The outbox: brings every recorded event to the sinks that want it.
//!
//! Given a store and the sinks of the config; each sink gets a courier that leases what is due, calls, and writes back
//! what came of it. `pace` and `breaker` say how fast a sink is called, and whether. Deliveries live in the store alone, so a process that dies loses nothing: what it had leased comes
//! up again when the lease has passed, under the same event id. Delivery is at least once. The only place that tries
//! anything again; knows no milter, and no mail ever waits for it.

mod breaker;
mod call;
mod conditions;
mod courier;
mod log;
mod notice;
mod pace;
pub mod schedule;

use std::time::Duration;

use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

pub use self::conditions::{Clock, Conditions};
use self::{courier::Courier, notice::Notices};
use crate::{
    config,
    sinks::Sink,
    store::{Store, Subscriber},
};

/// Couriers at work. Dropping it cuts their calls off; [`Outbox::stop`] lets them end.
pub struct Outbox {
    stop: CancellationToken,
    couriers: JoinSet<()>,
}

impl Outbox {
    /// Sends one courier to each sink. Must be called within a Tokio runtime.
    ///
    /// To change the sinks, stop the old outbox and start another.
    pub fn start(store: &Store, sinks: Vec<(config::Sink, Sink)>, conditions: &Conditions) -> Self {
        let subscriber = |sink: &config::Sink| {
            let config::Sink { id, events, kinds, .. } = sink.clone();
            Subscriber { sink: id, events, kinds }
        };
        let notices = Notices::new(sinks.iter().map(|(config, _)| subscriber(config)).collect());
        let stop = CancellationToken::new();
        let mut couriers = JoinSet::new();
        for (config, sink) in sinks {
            let courier = Courier::new(store.clone(), config, sink, notices.clone(), conditions.clone());
            couriers.spawn(courier.run(stop.clone()));
        }
        Self { stop, couriers }
    }

    /// Starts no more calls, and lets those that are open end within `within`; what is cut off then will be sent again.
    pub async fn stop(mut self, within: Duration) {
        self.stop.cancel();
        let ended = async { while self.couriers.join_next().await.is_some() {} };
        if timeout(within, ended).await.is_err() {
            log::cut_off(within);
            self.couriers.shutdown().await;
        }
    }
}
