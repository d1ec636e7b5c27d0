//! `leadmilter check`: every fault of the config at once, then what it needs of the system.

use std::path::Path;

use nix::unistd::{AccessFlags, access};

use super::{exit, output};
use crate::{
    config::{self, Config, Listen},
    sinks::{Sink, SinkError},
};

/// Prints faults and warnings; 78 if there is a fault.
pub fn run(path: &Path) -> anyhow::Result<u8> {
    let loaded = config::load(path)?;
    for warning in &loaded.warnings {
        output::text(&format!("warning: {warning}"))?;
    }
    for sink in &loaded.config.sinks {
        // Certificates, keys and the proxy are read for good only here; a daemon would refuse to start.
        match Sink::open(sink) {
            // A warning of the config has said so: systemd keeps the credential for the service.
            Ok(_) | Err(SinkError::NoSecret(_) | SinkError::NoToken(_)) => {}
            Err(e) => return Err(e.into()),
        }
    }
    let needs = missing(&loaded.config);
    for need in &needs {
        output::text(&format!("warning: {need}"))?;
    }
    let config = &loaded.config;
    let addresses: usize = config.channels.iter().map(|channel| channel.addresses.len()).sum();
    output::text(&format!(
        "{}: good: {}, {} with {}, {}",
        path.display(),
        output::count(config.mailboxes.len(), "mailbox"),
        output::count(config.channels.len(), "channel"),
        output::count(addresses, "address"),
        output::count(config.sinks.len(), "sink"),
    ))?;
    Ok(exit::OK)
}

/// Folders that the daemon cannot make by itself.
fn missing(config: &Config) -> Vec<String> {
    let mut missing = Vec::new();
    let doors =
        [("milter", Some(&config.milter.listen)), ("socketmap", config.socketmap.as_ref().map(|map| &map.listen))];
    for (door, listen) in doors {
        if let Some(Listen::Unix(socket)) = listen
            && let Some(folder) = socket.parent()
            && !folder.is_dir()
        {
            let folder = folder.display();
            missing.push(format!(
                "{door}.listen: folder {folder} does not exist: systemd's RuntimeDirectory or mkdir makes it"
            ));
        }
    }
    let store = &config.store.folder;
    let usable = |folder: &Path| access(folder, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
    if !store.ancestors().find(|folder| folder.exists()).is_some_and(|folder| folder.is_dir() && usable(folder)) {
        let folder = store.display();
        missing.push(format!(
            "store.url: this user can neither write to {folder} nor make it: systemd's StateDirectory or `install -d` does"
        ));
    }
    missing
}
