//! Writes QR codes of addresses to files.

use std::{fs, path::Path};

use anyhow::Context;

use super::super::output::text;
use crate::issuing::qr;

/// Writes the code to a file; `-` is stdout.
pub fn write(file: &Path, address: &str) -> anyhow::Result<()> {
    let svg = qr(address).with_context(|| format!("{address} is too long for a QR code"))?;
    if file == Path::new("-") {
        return text(&svg);
    }
    fs::write(file, svg + "\n").with_context(|| format!("cannot write {}", file.display()))
}
