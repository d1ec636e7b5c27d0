//! The thread that answers questions about visits: on a disk that takes its time, mail without tokens goes on.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::store::StoreError;

/// Questions waiting at most; one more is refused.
const QUEUE: usize = 4096;

type Question = Box<dyn FnOnce(&Connection) + Send>;

/// The asking end. The thread ends with the last one.
#[derive(Clone, Debug)]
pub struct Reader {
    questions: mpsc::Sender<Question>,
}

impl Reader {
    /// Starts the thread on `conn`.
    pub fn start(conn: Connection) -> std::io::Result<Self> {
        let (questions, mut queue) = mpsc::channel::<Question>(QUEUE);
        thread::Builder::new().name("visits-reader".into()).spawn(move || {
            while let Some(question) = queue.blocking_recv() {
                // Whoever asked hears that nobody answers; the connection only reads, so nothing is left half done.
                drop(catch_unwind(AssertUnwindSafe(|| question(&conn))));
            }
        })?;
        Ok(Self { questions })
    }

    /// Waits for the answer.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, result) = oneshot::channel();
        let asked = Box::new(move |conn: &Connection| {
            // Who has stopped waiting needs no answer, and those behind need the time.
            if !answer.is_closed() {
                drop(answer.send(question(conn)));
            }
        });
        self.questions.try_send(asked).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy(QUEUE),
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })?;
        result.await.unwrap_or(Err(StoreError::Closed))
    }
}
