//! leadmilter tells a company which advertisement an e-mail came from.
//!
//! It is a milter: Postfix or Sendmail shows it each message, and nobody's mailbox is read. A letter to a *substitute
//! address* (`info+m11@company.ru`) is resolved to the *channel* that shows it, gets attribution headers, becomes one
//! durable *lead*, and is told to *sinks* as a signed *event*.
//!
//! # The way of one message
//!
//! | step | where | what is true afterwards |
//! |---|---|---|
//! | connect | `thread`, `milter/{listener,negotiate}` | config snapshot taken; only offered options asked for |
//! | each packet | `milter/{stream,screen,macros}` | what nobody reads is left out before the library sees it |
//! | asked | `socketmap` | an MTA that asks knows a substitute from an invented address |
//! | RCPT | `resolve` | each recipient looked up once |
//! | DATA | `milter/session` | nothing tracked: accepted, the MTA sends no headers |
//! | headers | `intake/headers` | the few that matter are kept, bounded; forged ones are counted |
//! | end | `classify`, `tagging`, `intake/{read,draft,dedupe}` | the lead is drawn up |
//! | store | `store/sqlite/{writer,known,record}` | lead, event and deliveries are committed and synced, or known already |
//! | answer | `attribution`, `intake/changes`, `milter/bundle` | forged headers go, ours come, recipients are rewritten |
//! | push | `outbox/{courier,call,breaker}` | due events are leased, called, written back; nobody's mail waits for it |
//! | say it | `preset`, `sinks/{http,render,client,answer}` | the receiver got the request that its preset describes |
//!
//! # The way of one visitor
//!
//! | step | where | what is true afterwards |
//! |---|---|---|
//! | page | `http/public` | the site, its origin and the client's rate are known |
//! | arrival | `arrival` | the visit has UTM values, click ids and a channel |
//! | issue | `issuing`, `token` | a known visitor keeps the address, a new one gets a token, or the channel's address |
//! | keep | `store/sqlite/visits` | the visit is kept, in a file that mail never waits for |
//! | letter | `resolve`, `intake/{letter,attributed}` | token verified without the store, visit looked up, attribution frozen |
//!
//! # The way of one number
//!
//! | step | where | what is true afterwards |
//! |---|---|---|
//! | cost, outcome | `feedback`, `store/sqlite/{costs,outcomes}` | what a lead cost and earned stands beside it, whole files or nothing |
//! | fact | `store/sqlite/facts` | what reports count of a lead, in a file that is made from the leads and may be deleted |
//! | query | `report/{query,preset}` | a link or a command line says all of it |
//! | count | `report/{count,credit,beside,counted}`, `model` | every lead's credit and money are shared out without remainder |
//! | table | `report/{rows,rank,metric}` | numbers that are known, in order; what has no denominator is unknown |
//! | show it | `report/export`, `http/dashboard`, `cli/report` | the same table, whoever reads it |
//!
//! # Layers
//!
//! Imports point down only; `tests/it/layers.rs` says who may use whom. Doors let work in, work does one thing each,
//! base touches the outside, words touch nothing.

// doors
pub mod app;
pub mod cli;
pub mod http;
pub mod milter;
pub mod signals;
pub mod socketmap;

// work
pub mod arrival;
pub mod attribution;
pub mod classify;
pub mod feedback;
pub mod intake;
pub mod issuing;
pub mod mailing;
pub mod outbox;
pub mod report;
pub mod resolve;
pub mod tagging;

// base
pub mod config;
pub mod maillog;
pub mod metrics;
pub mod preset;
pub mod sinks;
pub mod socket;
pub mod store;
pub mod thread;

// words
pub mod address;
pub mod channel;
pub mod click;
pub mod clock;
pub mod event;
pub mod glob;
pub mod language;
pub mod lead;
pub mod model;
pub mod money;
pub mod outcome;
pub mod pattern;
pub mod secret;
pub mod text;
pub mod token;
pub mod visit;
