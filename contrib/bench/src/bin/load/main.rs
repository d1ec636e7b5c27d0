//! `load`: the mail server's side of the milter protocol, as many sessions as asked for, from one thread.
//!
//! Given a filter's socket and a description of the mail; sends whole messages as Postfix 3.7 does and prints one JSON
//! object with rates, latencies and what the filter answered. Ends with 1 if a session broke, an answer was malformed
//! or a message did not get the headers that were demanded, so that a filter that cheats is noticed.

mod ended;
mod fleet;
mod histogram;
mod letter;
mod macros;
mod message;
mod options;
mod pace;
mod session;
mod socket;
mod steps;
mod tally;
mod wire;

use std::process::ExitCode;

use clap::Parser;

use options::Options;

fn main() -> ExitCode {
    let options = Options::parse();
    match fleet::run(&options) {
        Ok(tally) => {
            println!("{}", tally.json());
            match tally.complaint() {
                Some(complaint) if !options.tolerate_errors => fail(&complaint),
                _ => ExitCode::SUCCESS,
            }
        }
        Err(cause) => fail(&format!("{cause:#}")),
    }
}

fn fail(cause: &str) -> ExitCode {
    eprintln!("load: {cause}");
    ExitCode::FAILURE
}
