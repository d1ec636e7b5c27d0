//! Config files: a fault has a place and a remedy, and a config that passes is usable.

#![no_main]

use std::path::Path;

use leadmilter::{address::Address, config::parse, intake::Intake};
use leadmilter_fuzz::check_body;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // A base that does not exist: no file of this host is read by chance.
    match parse(text, Path::new("config.toml"), Path::new("/nonexistent")) {
        Ok(loaded) => {
            let config = loaded.config;
            assert!(config.channels.len() <= text.len());
            for channel in &config.channels {
                assert!(config.mailboxes.iter().any(|mailbox| mailbox.address == channel.mailbox));
                for value in [&channel.utm.source, &channel.utm.campaign, &channel.id] {
                    check_body(12, &leadmilter::attribution::field_body(12, value));
                }
            }
            let addresses: Vec<Address> =
                config.channels.iter().flat_map(|channel| channel.addresses.clone()).collect();
            let intake = Intake::new(config);
            for address in addresses {
                assert_eq!(intake.table.resolve(&address).name(), "channel", "{address}");
            }
        }
        Err(faults) => {
            let told = faults.to_string();
            assert!(!faults.faults.is_empty());
            for line in told.lines() {
                assert!(line.starts_with("config.toml"), "{line:?}");
                assert!(!line.chars().any(char::is_control), "{line:?}");
            }
        }
    }
});
