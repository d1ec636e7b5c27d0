//! Integration tests, one binary: each module drives one part of the program from outside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    reason = "a test that fails should fail at once, in its helpers too"
)]

mod charsets;
mod cli;
mod command;
mod company;
mod config;
mod delivered;
mod disk;
mod doors;
mod drain;
mod envelope;
mod fault_house;
mod forged;
mod held;
mod house;
mod imports;
mod ingest;
mod kill9;
mod layers;
mod limits;
mod mail_cases;
mod manual;
mod milter;
mod milter_house;
mod outbox;
mod postfix;
mod postfix_house;
mod relayed;
mod reload;
mod restart;
mod rewrite;
mod same_message;
mod scene;
mod series;
mod sinks;
mod smtp_client;
mod store;
mod store_locked;
mod story;
mod told;
mod twice;
mod untouched;
