//! Connections that pages read by: a few, so that one page that takes long does not hold up the next.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use tokio::task::spawn_blocking;

use crate::store::{Store, StoreError};

/// So many pages read at a time.
const CONNECTIONS: usize = 3;

/// The connections.
pub struct Readers {
    stores: Vec<Store>,
    next: AtomicUsize,
}

impl Readers {
    /// Opens them.
    pub fn open(store: &Store, folder: &Path) -> Result<Self, StoreError> {
        let stores = (0..CONNECTIONS).map(|_| store.beside(folder)).collect::<Result<_, _>>()?;
        Ok(Self { stores, next: AtomicUsize::new(0) })
    }

    /// Reads on a thread that may wait.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % CONNECTIONS;
        let store = self.stores.get(turn).cloned().ok_or(StoreError::Closed)?;
        // A panic is told of where it is caught; here it is one more reason why nothing was read.
        spawn_blocking(move || work(&store)).await.unwrap_or(Err(StoreError::Closed))
    }
}
