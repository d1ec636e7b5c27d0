//! A thread that one door lives on, with a runtime of its own.
//!
//! The milter's library splits a session into two tasks that hand each packet to one another. On one thread that is a
//! push to a queue; between threads it would be a wake-up by the kernel, dozens of times a message. Signals, reloads
//! and calls to sinks run elsewhere, so nothing that takes long gets in the way of mail. Doors that anybody on the
//! web can knock at have threads of their own, which get what mail leaves of the processor.

use std::{io, thread, time::Duration};

use rustix::process::{getpriority_process, setpriority_process};
use tokio::{
    runtime::{Builder, Handle},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::warn;

/// Before the time limit of any session or of the store. A limit that is set while none ends earlier wakes the
/// runtime by a system call, and each packet that is waited for has a limit; so one that ends early always stands.
const EARLY: Duration = Duration::from_secs(1);

/// Nice value of a thread that gives way: a tenth of a normal thread's share while both want the processor.
const GIVING_WAY: i32 = 10;

/// What a thread gets of the processor while others want it, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Its share.
    Normal,
    /// What the normal ones leave.
    GivesWay,
}

/// A thread that runs what is given to it until this is dropped.
#[derive(Debug)]
pub struct Thread {
    runtime: Handle,
    _end: DropGuard,
}

impl Thread {
    /// Starts the thread.
    pub fn start(name: &str, priority: Priority) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let end = CancellationToken::new();
        let ended = end.clone();
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            if priority == Priority::GivesWay {
                give_way();
            }
            runtime.block_on(async { while timeout(EARLY, ended.cancelled()).await.is_err() {} });
        })?;
        Ok(Self { runtime: handle, _end: end.drop_guard() })
    }

    /// Does `make` so that the sockets it opens are polled by this thread.
    pub fn open<T>(&self, make: impl FnOnce() -> T) -> T {
        let _inside = self.runtime.enter();
        make()
    }

    /// Whether it gets to new work within this time.
    pub async fn answers(&self, within: Duration) -> bool {
        timeout(within, self.spawn(async {})).await.is_ok_and(|done| done.is_ok())
    }

    /// Runs `work` on this thread. A panic of it is told by the handle.
    pub fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.runtime.spawn(work)
    }
}

/// Linux keeps a priority for each thread, and takes 0 for the one that calls.
fn give_way() {
    let lower = |nice| if nice < GIVING_WAY { setpriority_process(None, GIVING_WAY) } else { Ok(()) };
    if let Err(e) = getpriority_process(None).and_then(lower) {
        let name = thread::current().name().unwrap_or_default().to_owned();
        warn!("thread {name} has the same priority as mail, since the system lets nobody lower it: {e}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::UnixStream;

    async fn name() -> Option<String> {
        thread::current().name().map(str::to_owned)
    }

    #[tokio::test]
    async fn work_and_what_it_spawns_stay_on_the_thread() {
        let thread = Thread::start("door", Priority::Normal).unwrap();
        let spawned = thread.spawn(async { (name().await, tokio::spawn(name()).await.unwrap()) });
        let door = Some("door".to_owned());
        assert_eq!(spawned.await.unwrap(), (door.clone(), door));
    }

    #[tokio::test]
    async fn only_the_thread_that_gives_way_has_a_lower_priority() {
        let nice = async || getpriority_process(None).unwrap();
        let before = nice().await;
        let gives_way = Thread::start("gives-way", Priority::GivesWay).unwrap();
        let normal = Thread::start("normal", Priority::Normal).unwrap();
        assert_eq!(gives_way.spawn(nice()).await.unwrap(), GIVING_WAY.max(before));
        assert_eq!((normal.spawn(nice()).await.unwrap(), nice().await), (before, before));
    }

    #[tokio::test]
    async fn a_panic_is_told_and_leaves_the_thread_alive() {
        let thread = Thread::start("door", Priority::Normal).unwrap();
        assert!(thread.spawn(async { panic!("a fault inside") }).await.unwrap_err().is_panic());
        assert_eq!(thread.spawn(async { 7 }).await.unwrap(), 7);
        assert!(thread.answers(Duration::from_secs(20)).await);
    }

    #[tokio::test]
    async fn a_thread_that_is_held_up_does_not_answer() {
        let thread = Thread::start("door", Priority::Normal).unwrap();
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let held_up = thread.spawn(async move { gone.recv() });
        assert!(!thread.answers(Duration::from_millis(50)).await);
        go.send(()).unwrap();
        held_up.await.unwrap().unwrap();
        assert!(thread.answers(Duration::from_secs(20)).await);
    }

    #[tokio::test]
    async fn what_was_left_behind_ends_with_the_thread() {
        let thread = Thread::start("door", Priority::Normal).unwrap();
        let (ours, theirs) = thread.open(UnixStream::pair).unwrap();
        let stuck = thread.spawn(async move {
            let _open = ours;
            std::future::pending::<()>().await;
        });
        drop(thread);
        assert!(stuck.await.unwrap_err().is_cancelled());
        drop(theirs);
    }
}
