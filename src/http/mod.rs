//! The HTTP doors: what web pages ask for, and what the company does.
//!
//! `server` serves a socket, `problem` is every error, `body` reads JSON, `client` knows who asks and `limit` how
//! often, `document` describes it all as OpenAPI. `public` is for everybody, `admin` for the company; neither is
//! mail's, so each has a thread that gives way to it.

pub mod admin;
mod asset;
mod body;
mod client;
pub mod dashboard;
mod document;
mod limit;
mod problem;
pub mod public;
pub mod server;
