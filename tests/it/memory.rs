//! What hostile input costs: peak memory of the real processes, as the system counts it (VmHWM).

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use indymilter_test::{Status, TestConnection};
use nix::{sys::stat::Mode, unistd::mkfifo};
use serde_json::Value;

use crate::{company::Company, milter_house::end, postfix_house::Daemon};

const MIB: u64 = 1024 * 1024;

/// Octets of a large body.
const LARGE: u64 = 100 * MIB;

/// What a run of `ingest` may take beside the program itself, most of it SQLite's cache.
const INGEST: u64 = 16 * MIB;

/// By how much a daemon may grow over one message: the bounds of header block, recipients and packets, and slack of the
/// allocator.
const MESSAGE: u64 = 6 * MIB;

const HEADER: &str = "Return-Path: <ivan@client.example>\nX-Original-To: info+m11@company.ru\n\
                      From: Ivan <ivan@client.example>\nSubject: pumps\n";

/// The most memory that a process has had so far, less what of the program's file is in memory: that is as large as the
/// system's pages happen to be.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let of = |name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
    };
    of("VmHWM:") - of("RssFile:")
}

fn ingest(company: &Company, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_leadmilter"))
        .arg("--config")
        .arg(company.config_file())
        .arg("ingest")
        .args(arguments)
        .current_dir(company.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Writes a message whose body is so many octets of one line.
fn write_large(out: &mut impl Write, number: u8, octets: u64) {
    out.write_all(format!("{HEADER}Message-ID: <{number}@client.example>\n\n").as_bytes()).unwrap();
    let chunk = vec![b'a'; usize::try_from(MIB).unwrap()];
    for _ in 0..octets / MIB {
        out.write_all(&chunk).unwrap();
    }
    out.flush().unwrap();
}

fn size(line: &Value) -> u64 {
    line["event"]["data"]["message"]["size"].as_u64().unwrap()
}

#[test]
fn a_body_of_any_size_costs_an_ingest_nothing() {
    let company = Company::new("", "");
    let (large, mbox, pipe) = (company.path("large.eml"), company.path("large.mbox"), company.path("pipe"));
    let mut file = File::create(&large).unwrap();
    write_large(&mut file, 1, 0);
    file.set_len(LARGE).unwrap();
    let mut file = File::create(&mbox).unwrap();
    file.write_all(b"From ivan@client.example Sun Nov 22 07:26:10 2026\n").unwrap();
    write_large(&mut file, 2, LARGE);
    mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    let mut child = ingest(&company, &["--json", "large.eml", "large.mbox", "pipe"]);
    // It waits at the pipe, so its memory can be looked at, and takes all of the pipe before it is closed.
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut line = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    let (of_file, of_mbox) = (line(), line());
    let mut writer = File::options().write(true).open(&pipe).unwrap();
    write_large(&mut writer, 3, LARGE);
    let peak = peak(child.id());
    drop(writer);
    let of_pipe = line();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let message = LARGE + HEADER.len() as u64 + "Message-ID: <1@client.example>\n\n".len() as u64;
    assert_eq!((size(&of_file), size(&of_mbox), size(&of_pipe)), (LARGE, message, message));
    assert!(peak < INGEST, "{} MiB", peak / MIB);
}

#[test]
fn standard_input_costs_nothing_and_a_filter_its_message_once() {
    let company = Company::new("", "");
    let mut child = ingest(&company, &["--json"]);
    let mut input = child.stdin.take().unwrap();
    write_large(&mut input, 1, LARGE);
    let of_stdin = peak(child.id());
    drop(input);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    assert!(of_stdin < INGEST, "{} MiB", of_stdin / MIB);

    let mut child = ingest(&company, &["--filter"]);
    let mut input = child.stdin.take().unwrap();
    write_large(&mut input, 2, LARGE);
    drop(input);
    let mut out = child.stdout.take().unwrap();
    let mut start = [0; 9];
    out.read_exact(&mut start).unwrap();
    // It is writing now, and all that it needs it has.
    let of_filter = peak(child.id());
    let rest = std::io::copy(&mut out, &mut std::io::sink()).unwrap();
    assert_eq!((child.wait().unwrap().code(), start.as_slice()), (Some(0), b"X-Lead-Id".as_slice()));
    assert!(rest > LARGE);
    assert!(of_filter < LARGE + INGEST, "{} MiB", of_filter / MIB);
}

#[test]
fn a_header_block_without_end_costs_an_ingest_its_bound() {
    let company = Company::new("", "");
    let mut child = ingest(&company, &["--json"]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(HEADER.as_bytes()).unwrap();
    let mut fields = String::new();
    for number in 0..40_000 {
        writeln!(fields, "X-Lead-{number}: a\nReferences: <{number}@client.example>").unwrap();
    }
    for _ in 0..60 {
        input.write_all(fields.as_bytes()).unwrap();
    }
    let peak = peak(child.id());
    drop(input);
    let output = child.wait_with_output().unwrap();
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(size(&line), HEADER.len() as u64 + 60 * fields.len() as u64);
    assert!(60 * fields.len() as u64 > LARGE, "{}", 60 * fields.len());
    assert!(peak < INGEST, "{} MiB", peak / MIB);
}

/// The number's bits as the case of the letters: as many spellings of one substitute.
fn spelled(number: u32) -> String {
    let mut bit = 0;
    let letter = |char: char| {
        let upper = char.is_ascii_alphabetic() && number >> bit & 1 == 1;
        bit += u32::from(char.is_ascii_alphabetic());
        if upper { char.to_ascii_uppercase() } else { char }
    };
    format!("<{}>", "info+m11@company.ru".chars().map(letter).collect::<String>())
}

async fn connect(socket: &Path) -> TestConnection {
    TestConnection::configure().read_timeout(Duration::from_secs(20)).open_unix(socket).await.unwrap()
}

/// One message of so many recipients and header fields, and fields of so many octets; gives back the number of edits.
async fn one(mta: &mut TestConnection, recipients: u32, headers: u32, field: usize) -> usize {
    mta.mail(["<ivan@client.example>"]).await.unwrap();
    for number in 0..recipients {
        mta.rcpt([spelled(number)]).await.unwrap();
    }
    assert_eq!(mta.data().await.unwrap(), Status::Continue);
    let value = "a".repeat(field);
    for number in 0..headers {
        mta.header("References", value.as_str()).await.unwrap();
        mta.header(format!("X-Lead-{number}"), value.as_str()).await.unwrap();
        mta.header(format!("X-Other-{number}"), value.as_str()).await.unwrap();
    }
    mta.header("Subject", value).await.unwrap();
    let (edits, status) = end(mta).await;
    assert_eq!(status, Status::Continue);
    edits.actions.len()
}

#[tokio::test]
async fn ten_thousand_headers_and_recipients_cost_a_daemon_its_bounds() {
    let company = Company::new("[milter]\nlisten = \"unix:milter.sock\"\n", "");
    let daemon = Daemon::start(&company.config_file());
    let mut mta = connect(&company.path("milter.sock")).await;
    assert_eq!(one(&mut mta, 1, 1, 10).await, 11);
    let before = peak(daemon.pid());
    // 64 forged fields are deleted; Postfix takes no header block of this size.
    assert_eq!(one(&mut mta, 10_000, 10_000, 1000).await, 74);
    let many = peak(daemon.pid());
    assert!(many - before < MESSAGE, "{} KiB more", (many - before) / 1024);
    assert_eq!(one(&mut mta, 1, 100, 100_000).await, 74);
    let long = peak(daemon.pid());
    assert!(long - many < MESSAGE, "{} KiB more", (long - many) / 1024);
    let name = "n".repeat(50_000);
    mta.mail(["<ivan@client.example>"]).await.unwrap();
    for number in 0..1000 {
        mta.rcpt([spelled(number), format!("ORCPT=rfc822;{number}{name}")]).await.unwrap();
    }
    mta.data().await.unwrap();
    for number in 0..1000 {
        mta.header(format!("X-Lead-{number}{name}"), "forged").await.unwrap();
    }
    mta.header("X-Lead-Channel", "forged").await.unwrap();
    let edits = end(&mut mta).await.0;
    assert_eq!(edits.actions.len(), 12, "one name that fits the bound, one of ours, ten new fields");
    let named = peak(daemon.pid());
    assert!(named - long < MESSAGE, "{} KiB more", (named - long) / 1024);
    println!(
        "before {} KiB, many {} KiB, long {} KiB, named {} KiB",
        before / 1024,
        many / 1024,
        long / 1024,
        named / 1024
    );
}
