//! Writes a report where it was asked for, and shows how far the first one of a large store has come.

use std::{
    fs,
    io::{self, IsTerminal, Write},
    path::Path,
};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Json, Show};
use crate::report::{Report, Wording, export};

/// Writes a report in the form that was asked for.
pub fn write(report: &Report, wording: &Wording, show: &Show) -> anyhow::Result<()> {
    if let Some(file) = &show.xlsx {
        return to_file(file, &export::xlsx(report, wording)?);
    }
    let octets = match show.json {
        Some(Json::Report) => lines(&[export::whole(report, wording.language)])?,
        Some(Json::Rows) => lines(&export::lines(report))?,
        None if show.csv => export::csv(report, wording)?,
        None => {
            let width = if show.out.is_none() { width() } else { None };
            format!("{}\n", export::text(report, wording, width)).into_bytes()
        }
    };
    match &show.out {
        Some(file) => to_file(file, &octets),
        None => {
            let mut out = io::stdout().lock();
            out.write_all(&octets)?;
            Ok(out.flush()?)
        }
    }
}

/// One JSON object a line.
fn lines<T: serde::Serialize>(items: &[T]) -> anyhow::Result<Vec<u8>> {
    let mut out = Vec::new();
    for item in items {
        serde_json::to_writer(&mut out, item)?;
        out.push(b'\n');
    }
    Ok(out)
}

fn to_file(file: &Path, octets: &[u8]) -> anyhow::Result<()> {
    fs::write(file, octets).with_context(|| format!("cannot write {}", file.display()))
}

/// Columns of the terminal that is written to; none if it is none.
fn width() -> Option<usize> {
    let out = io::stdout();
    let size = out.is_terminal().then(|| rustix::termios::tcgetwinsize(&out).ok())??;
    Some(usize::from(size.ws_col)).filter(|width| *width > 0)
}

/// Does what takes long the first time, and tells a terminal how far it has come.
pub fn with_progress<T>(work: impl FnOnce(&mut dyn FnMut(u64, u64)) -> T) -> T {
    let bar = ProgressBar::hidden();
    let style = ProgressStyle::with_template("reading leads {wide_bar} {human_pos}/{human_len} {eta}");
    if let (true, Ok(style)) = (io::stderr().is_terminal(), style) {
        bar.set_style(style);
        bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
    }
    let done = work(&mut |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    done
}
