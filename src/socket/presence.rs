//! How many connections of a door are open: counted where they begin and end, and waited for when the daemon drains.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// Counts connections from accept until they are dropped.
#[derive(Debug, Default)]
pub struct Connections {
    live: AtomicUsize,
    ended: Notify,
}

impl Connections {
    /// Open connections.
    pub fn live(&self) -> usize {
        self.live.load(Ordering::Acquire)
    }

    /// Waits until no connection is open.
    pub async fn none_left(&self) {
        loop {
            let ended = self.ended.notified();
            if self.live() == 0 {
                return;
            }
            ended.await;
        }
    }
}

/// Counts one connection for as long as it lives.
#[derive(Debug)]
pub struct Presence(Arc<Connections>);

impl Presence {
    /// Counts one connection more.
    pub fn new(open: &Arc<Connections>) -> Self {
        open.live.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(open))
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::AcqRel);
        self.0.ended.notify_waiters();
    }
}
