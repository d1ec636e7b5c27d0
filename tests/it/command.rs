//! The command as a user runs it: arguments in, stdout, stderr and exit code out.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::company::Company;

/// What a run of the command gave back.
#[derive(Debug, PartialEq, Eq)]
pub struct Output {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Output {
    /// Standard output as JSON, one value a line.
    pub fn json(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Runs `leadmilter --config FILE ARGUMENTS…`.
pub fn run(company: &Company, arguments: &[&str]) -> Output {
    run_with(company, arguments, b"")
}

/// The same, with standard input.
pub fn run_with(company: &Company, arguments: &[&str], input: &[u8]) -> Output {
    let output = finish(company, arguments, input);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Output { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// The same for output that is no text; it must succeed.
pub fn run_bytes(company: &Company, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let output = finish(company, arguments, input);
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

fn finish(company: &Company, arguments: &[&str], input: &[u8]) -> std::process::Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_leadmilter"))
        .arg("--config")
        .arg(company.config_file())
        .args(arguments)
        .current_dir(company.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input has ended already.
    drop(child.stdin.take().unwrap().write_all(input));
    child.wait_with_output().unwrap()
}
