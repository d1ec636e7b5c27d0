//! `ingest --filter`: one message from stdin to stdout with its new headers.
//!
//! Whatever happens, the message comes out: edited if it could be recorded, as it came if not. Only `on_error =
//! "tempfail"` makes a store that is out of reach a failure of the pipe.

use std::{
    io::{self, Write},
    time::Duration,
};

use super::{
    Args,
    message::{self, Parsed},
    source,
};
use crate::{
    cli::exit,
    config::{Config, OnError},
    intake::{Arrival, Changes, Finding, Intake, Letter},
    maillog::chain,
    store::{Commit, Store, StoreError},
};

pub fn run(config: Config, args: &Args) -> anyhow::Result<u8> {
    let raw = source::stdin()?;
    let on_error = config.milter.on_error;
    let dry_run = args.dry_run || config.milter.dry_run;
    let intake = Intake::new(config);
    let Ok(Parsed { letter, arrival, .. }) = message::parse(&intake, &raw, raw.len() as u64, &args.given()) else {
        return Ok(pass(&raw)?);
    };
    if !intake.wants_headers(&letter) {
        return Ok(pass(&raw)?);
    }
    let (changes, fault) = if intake.may_record(&letter) {
        record(&intake, letter, arrival, if dry_run { Commit::Dry } else { Commit::Durable })?
    } else {
        (letter.without_forged(), None)
    };
    let mut out = io::stdout().lock();
    edited(&raw, &changes, |name| intake.is_attribution(name), &mut out)?;
    out.flush()?;
    match fault {
        None => Ok(exit::OK),
        Some(fault) => {
            eprintln!("leadmilter: lead not recorded, message passed without headers: {}", chain(&fault));
            Ok(if on_error == OnError::Tempfail && !dry_run { exit::TRY_AGAIN } else { exit::OK })
        }
    }
}

/// The edits of a message, and what kept its lead from being recorded.
fn record(
    intake: &Intake,
    letter: Letter,
    arrival: Arrival,
    commit: Commit,
) -> anyhow::Result<(Changes, Option<StoreError>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    Ok(runtime.block_on(async {
        let store = match Store::open_for(&intake.config) {
            Ok(store) => store,
            Err(fault) => return (letter.without_forged(), Some(fault)),
        };
        let outcome = intake.finish(letter, arrival, &store, commit).await;
        store.close(Duration::from_secs(10)).await;
        match outcome.finding {
            Finding::Fault { cause, .. } => (outcome.changes, Some(cause)),
            _ => (outcome.changes, None),
        }
    }))
}

/// Hands stdin through where there is no config to work by.
pub fn pass_stdin() -> io::Result<()> {
    pass(&source::stdin()?)?;
    Ok(())
}

fn pass(raw: &[u8]) -> io::Result<u8> {
    let mut out = io::stdout().lock();
    out.write_all(raw)?;
    out.flush()?;
    Ok(exit::OK)
}

/// Writes `raw` with its changes; what is not a header field goes out as it came. Of forged fields, all go, those beyond
/// the bound of what is counted included.
pub fn edited(
    raw: &[u8],
    changes: &Changes,
    is_attribution: impl Fn(&[u8]) -> bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let start = message::header_start(raw);
    let (mbox_line, rest) = raw.split_at_checked(start).unwrap_or((raw, &[]));
    let line_end: &[u8] = if is_crlf(raw) { b"\r\n" } else { b"\n" };
    out.write_all(mbox_line)?;
    for field in &changes.insert {
        let lines: Vec<&[u8]> = field.body.split('\n').map(str::as_bytes).collect();
        out.write_all(&[field.name.as_bytes(), b": ", &lines.join(line_end), line_end].concat())?;
    }
    let is_header = message::fields(raw).next().is_some() || matches!(rest, [] | [b'\n', ..] | [b'\r', b'\n', ..]);
    if !is_header && !changes.insert.is_empty() {
        // A body without a header block would be taken for more of ours.
        out.write_all(line_end)?;
    }
    let mut at = start;
    let forged = message::all_fields(raw).filter(|field| !changes.delete.is_empty() && is_attribution(field.name));
    for field in forged {
        out.write_all(raw.get(at..field.range.start).unwrap_or_default())?;
        at = field.range.end;
    }
    out.write_all(raw.get(at..).unwrap_or_default())
}

fn is_crlf(raw: &[u8]) -> bool {
    let end = raw.iter().position(|&byte| byte == b'\n');
    end.and_then(|end| end.checked_sub(1)).and_then(|at| raw.get(at)) == Some(&b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::Field;

    fn written(raw: &[u8], changes: &Changes) -> String {
        let mut out = Vec::new();
        edited(raw, changes, |name| name.to_ascii_lowercase().starts_with(b"x-lead-"), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn forged_fields_go_and_ours_stand_on_top() {
        let raw =
            b"From a@b Sun\r\nX-Lead-Id: forged\r\n\tmore\r\nSubject: s\r\nx-lead-id: too\r\n\r\nX-Lead-Id: body\r\n";
        let changes = Changes {
            delete: vec![("x-lead-id".into(), 2)],
            insert: vec![Field { name: "X-Lead-Id".into(), body: "ours,\n folded".into() }],
            ..Changes::default()
        };
        let expected = "From a@b Sun\r\nX-Lead-Id: ours,\r\n folded\r\nSubject: s\r\n\r\nX-Lead-Id: body\r\n";
        assert_eq!(written(raw, &changes), expected);
    }

    #[test]
    fn a_message_without_a_header_block_keeps_its_body_apart_from_ours() {
        let insert = vec![Field { name: "X-Lead-Id".into(), body: "ours".into() }];
        let changes = Changes { insert, ..Changes::default() };
        let rows = [
            ("", "X-Lead-Id: ours\n"),
            ("\nbody\n", "X-Lead-Id: ours\n\nbody\n"),
            (" body\n", "X-Lead-Id: ours\n\n body\n"),
            ("body\r\nmore\r\n", "X-Lead-Id: ours\r\n\r\nbody\r\nmore\r\n"),
            ("From a@b Sun\n", "From a@b Sun\nX-Lead-Id: ours\n"),
            ("From a@b Sun", "X-Lead-Id: ours\n\nFrom a@b Sun"),
            ("From a@b Sun\n\nbody", "From a@b Sun\nX-Lead-Id: ours\n\nbody"),
        ];
        for (raw, expected) in rows {
            assert_eq!(written(raw.as_bytes(), &changes), expected);
            assert_eq!(written(raw.as_bytes(), &Changes::default()), raw);
        }
    }
}
