//! How many sessions are open: counted where they begin and end, and waited for when the daemon drains.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// Counts sessions from accept until their stream is dropped.
#[derive(Debug, Default)]
pub struct Sessions {
    live: AtomicUsize,
    ended: Notify,
}

impl Sessions {
    /// Open sessions.
    pub fn live(&self) -> usize {
        self.live.load(Ordering::Acquire)
    }

    /// Waits until no session is open.
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

/// Counts one session for as long as it lives.
#[derive(Debug)]
pub struct Presence(Arc<Sessions>);

impl Presence {
    /// Counts one session more.
    pub fn new(sessions: &Arc<Sessions>) -> Self {
        sessions.live.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(sessions))
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::AcqRel);
        self.0.ended.notify_waiters();
    }
}
