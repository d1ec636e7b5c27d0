//! The `leadmilter` command: everything testable is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    leadmilter::cli::main(std::env::args_os())
}
