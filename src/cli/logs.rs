//! Where log lines go: stderr, or the journal when systemd connected our stderr to it.
//!
//! The milter library logs whole messages at its lowest level, so its level is fixed here, whatever the config says.

use std::{
    io::{IsTerminal, stderr},
    os::unix::fs::MetadataExt,
};

use tracing::Level;
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{Log, LogTarget};

/// Sets up logging for the process.
pub fn init(config: &Log) {
    let journal = match config.target {
        LogTarget::Stderr => None,
        LogTarget::Journald => tracing_journald::layer().ok(),
        LogTarget::Auto => stderr_is_journal().then(|| tracing_journald::layer().ok()).flatten(),
    };
    let layer = match journal {
        Some(journal) => journal.with_syslog_identifier("leadmilter".into()).boxed(),
        None => {
            let debug = config.level == Level::DEBUG;
            tracing_subscriber::fmt::layer()
                .with_writer(stderr)
                .with_ansi(stderr().is_terminal())
                .with_target(debug)
                .boxed()
        }
    };
    let filter = EnvFilter::new(format!("warn,leadmilter={},indymilter=warn", config.level));
    // A second call, as in tests, keeps the first set-up.
    drop(tracing_subscriber::registry().with(layer.with_filter(filter)).try_init());
}

/// systemd names the journal's socket by device and inode.
fn stderr_is_journal() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else { return false };
    std::fs::metadata("/proc/self/fd/2").is_ok_and(|fd| named == format!("{}:{}", fd.dev(), fd.ino()))
}
