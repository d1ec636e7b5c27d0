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

mod address_key;
mod address_new;
mod arrivals;
mod attempts;
mod charsets;
mod cli;
mod clients;
mod command;
mod company;
mod config;
mod config_dynamic;
mod corrections;
mod counting;
mod crm_house;
mod delivered;
mod desk;
mod disk;
mod doors;
mod drain;
mod dynamic;
mod envelope;
mod everywhere;
mod fault_house;
mod forged;
mod frames;
mod held;
mod hostile;
mod house;
mod http_admin;
mod http_daemon;
mod http_documents;
mod http_files;
mod http_house;
mod http_limits;
mod http_orders;
mod http_public;
mod http_server;
mod http_tokens;
mod imports;
mod ingest;
mod issuing;
mod kill9;
mod kinds;
mod layers;
mod limits;
mod mail_cases;
mod manual;
mod memory;
mod milter;
mod milter_house;
mod never_lost;
mod node_red;
mod offers;
mod office;
mod outbox;
mod own_answers;
mod own_asks;
mod own_preset;
mod post_house;
mod postfix;
mod postfix_house;
mod preset_amocrm;
mod preset_bitrix24;
mod preset_calltouch;
mod preset_espocrm;
mod preset_ga4;
mod preset_house;
mod preset_hubspot;
mod preset_matomo;
mod preset_metrika;
mod preset_odoo;
mod preset_pages;
mod preset_posthog;
mod preset_roistat;
mod preset_segment;
mod private;
mod push_house;
mod receivers;
mod relayed;
mod reload;
mod replay;
mod request;
mod restart;
mod rewrite;
mod same_message;
mod scene;
mod sendmail;
mod sendmail_house;
mod sendmail_session;
mod series;
mod served;
mod shipped;
mod sieve;
mod sieve_house;
mod sink_commands;
mod sink_daemon;
mod sink_format;
mod sink_secrets;
mod sink_tls;
mod sinks;
mod smtp_client;
mod socketmap;
mod socketmap_house;
mod socketmap_postfix;
mod socketmap_sendmail;
mod stopped_clock;
mod store;
mod store_locked;
mod story;
mod tagging;
mod tls_house;
mod told;
mod twice;
mod untouched;
mod upgrade;
mod visits;
