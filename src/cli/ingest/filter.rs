//! `ingest --filter`: one message from stdin to stdout with its new headers.
//!
//! Whatever happens, the message comes out: edited if it could be recorded, as it came if not. Only `on_error =
//! "tempfail"` makes a store that is out of reach a failure of the pipe.

use std::{io, time::Duration};

use super::{
    Args,
    message::{self, Parsed},
    source, write_out,
};
use crate::{
    cli::exit,
    config::{Config, OnError},
    intake::{Changes, Finding, Intake},
    maillog::chain,
    store::{Commit, Store},
};

pub fn run(config: Config, args: &Args) -> anyhow::Result<u8> {
    let raw = source::stdin()?;
    let on_error = config.milter.on_error;
    let dry_run = args.dry_run || config.milter.dry_run;
    let intake = Intake::new(config);
    let Ok(Parsed { letter, arrival, fields }) = message::parse(&intake, &raw, &args.given()) else {
        return pass(&raw);
    };
    if !intake.wants_headers(&letter) {
        return pass(&raw);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let (changes, fault) = runtime.block_on(async {
        let store = match Store::open(&intake.config.store.folder) {
            Ok(store) => store,
            Err(fault) => return (Changes::default(), Some(fault)),
        };
        let commit = if dry_run { Commit::Dry } else { Commit::Durable };
        let outcome = intake.finish(letter, arrival, &store, commit).await;
        store.close(Duration::from_secs(10)).await;
        match outcome.finding {
            Finding::Fault { cause, .. } => (outcome.changes, Some(cause)),
            _ => (outcome.changes, None),
        }
    });
    write_out(&edited(&raw, &fields, &changes))?;
    match fault {
        None => Ok(exit::OK),
        Some(fault) => {
            eprintln!("leadmilter: lead not recorded, message passed unchanged: {}", chain(&fault));
            Ok(if on_error == OnError::Tempfail { exit::TRY_AGAIN } else { exit::OK })
        }
    }
}

/// Hands stdin through where there is no config to work by.
pub fn pass_stdin() -> io::Result<()> {
    write_out(&source::stdin()?)
}

fn pass(raw: &[u8]) -> anyhow::Result<u8> {
    write_out(raw)?;
    Ok(exit::OK)
}

fn edited(raw: &[u8], fields: &[(String, std::ops::Range<usize>)], changes: &Changes) -> Vec<u8> {
    let start = fields.first().map_or(0, |(_, range)| range.start);
    let line_end: &[u8] = if raw.windows(2).any(|pair| pair == b"\r\n") { b"\r\n" } else { b"\n" };
    let mut out = Vec::with_capacity(raw.len() + 1024);
    out.extend_from_slice(raw.get(..start).unwrap_or_default());
    for field in &changes.insert {
        let lines: Vec<&[u8]> = field.body.split('\n').map(str::as_bytes).collect();
        out.extend_from_slice(field.name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(&lines.join(line_end));
        out.extend_from_slice(line_end);
    }
    let mut at = start;
    for (name, range) in fields {
        if changes.delete.iter().any(|(forged, _)| forged.eq_ignore_ascii_case(name)) {
            out.extend_from_slice(raw.get(at..range.start).unwrap_or_default());
            at = range.end;
        }
    }
    out.extend_from_slice(raw.get(at..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::Field;

    #[test]
    fn forged_fields_go_and_ours_stand_on_top() {
        let raw =
            b"From a@b Sun\r\nX-Lead-Id: forged\r\n\tmore\r\nSubject: s\r\nx-lead-id: too\r\n\r\nX-Lead-Id: body\r\n";
        let fields = [("X-Lead-Id", 14..40), ("Subject", 40..52), ("x-lead-id", 52..68)];
        let fields = fields.map(|(name, range)| (name.to_owned(), range));
        let changes = Changes {
            delete: vec![("x-lead-id".into(), 2)],
            insert: vec![Field { name: "X-Lead-Id".into(), body: "ours,\n folded".into() }],
            ..Changes::default()
        };
        let expected = "From a@b Sun\r\nX-Lead-Id: ours,\r\n folded\r\nSubject: s\r\n\r\nX-Lead-Id: body\r\n";
        assert_eq!(String::from_utf8(edited(raw, &fields, &changes)).unwrap(), expected);
    }
}
