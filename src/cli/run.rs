//! `leadmilter run`: the daemon in the foreground.

use std::{path::Path, time::Duration};

use anyhow::Context;
use tracing::warn;

use super::{exit, logs};
use crate::{app, config, signals};

/// How long threads that block may take to end.
const LAST_THREADS: Duration = Duration::from_secs(1);

/// Serves until a signal ends it.
pub fn run(path: &Path) -> anyhow::Result<u8> {
    let loaded = config::load(path)?;
    logs::init(&loaded.config.log);
    for warning in &loaded.warnings {
        warn!("{warning}");
    }
    // The milter and the store's writer have threads of their own: this one carries calls to sinks, beside the thread
    // that waits for signals and may be busy with a reload.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let path = path.to_owned();
    let ended = runtime.block_on(async {
        let signals = signals::listen().context("cannot listen for signals")?;
        app::run(loaded.config, Box::new(move || config::load(&path)), signals).await?;
        Ok(exit::OK)
    });
    // A name that is being resolved, or a journal on a network that is gone, keeps its thread for as long as it likes.
    runtime.shutdown_timeout(LAST_THREADS);
    ended
}
