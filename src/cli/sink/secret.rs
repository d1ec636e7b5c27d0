//! `leadmilter sink secret`: make and rotate signing secrets and keys.

use std::{fs, path::PathBuf};

use anyhow::Context;

use super::super::{
    exit::{self, Wrong},
    key_file,
    output::text,
};
use crate::sinks::signature;

/// Secrets or keys that a file may hold: the new one and the one before.
const HELD: usize = 2;

/// Make a signing secret
///
/// Without options it is printed. A receiver must know a new secret before the old one goes: with --rotate both
/// sign, until --retire takes the old one away. SIGHUP makes a running daemon read the file again. With --ed25519 all of
/// this is done for a key pair: the file keeps the private half, and the public half is printed for the receiver.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leadmilter sink secret --file /etc/leadmilter/crm.secret
  leadmilter sink secret --file /etc/leadmilter/crm.secret --rotate
  leadmilter sink secret --file /etc/leadmilter/crm.secret --retire
  leadmilter sink secret --file /etc/leadmilter/crm.secret --ed25519 --rotate")]
pub struct Args {
    /// Write it to this new file, readable by its owner and the group of its folder
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Put a new secret before the one in the file
    #[arg(long, requires = "file", conflicts_with = "retire")]
    rotate: bool,
    /// Take the older secret out of the file
    #[arg(long, requires = "file")]
    retire: bool,
    /// Make an Ed25519 key, which signs beside the secret as v1a; --rotate adds the first one, too
    #[arg(long)]
    ed25519: bool,
}

/// The two sorts of lines in a file.
struct Sort {
    prefix: &'static str,
    name: &'static str,
    /// Whether the file has to hold one already before another is added.
    needs_one: bool,
}

const SECRET: Sort = Sort { prefix: "whsec_", name: "secret", needs_one: true };
const KEY: Sort = Sort { prefix: "whsk_", name: "key", needs_one: false };

pub fn run(args: &Args) -> anyhow::Result<u8> {
    let sort = if args.ed25519 { KEY } else { SECRET };
    let made = || if args.ed25519 { signature::new_key() } else { signature::new_secret() };
    let Some(file) = &args.file else {
        text(&made()?)?;
        return Ok(exit::OK);
    };
    if !args.rotate && !args.retire {
        if args.ed25519 {
            let said = format!("{}: a key signs beside a secret: add --rotate", file.display());
            return Err(Wrong::Usage(said).into());
        }
        key_file::create(file, &made()?)?;
        text(&format!("{}: new secret, give it to the receiver", file.display()))?;
        return Ok(exit::OK);
    }
    let held = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let lines = held.lines().map(str::trim).filter(|line| line.starts_with("whsec_") || line.starts_with("whsk_"));
    let (mut these, others): (Vec<String>, Vec<String>) =
        lines.map(str::to_owned).partition(|line| line.starts_with(sort.prefix));
    if (these.is_empty() && (sort.needs_one || args.retire)) || these.len() > HELD {
        let said = format!("{}: holds {} {}s, not 1 or 2", file.display(), these.len(), sort.name);
        return Err(Wrong::Data(said).into());
    }
    if args.retire {
        these.truncate(1);
    } else {
        if these.len() == HELD {
            let text = format!("{}: a rotation is under way: finish it with --retire", file.display());
            return Err(Wrong::Data(text).into());
        }
        these.insert(0, made()?);
    }
    // Secrets first, as a new file has them.
    let whole = if args.ed25519 { [others, these.clone()] } else { [these.clone(), others] }.concat();
    key_file::replace(file, &whole)?;
    let done = match (args.retire, these.len()) {
        (true, _) => format!("only the newer {} signs now", sort.name),
        (false, 1) => format!("the {} signs now, too", sort.name),
        (false, _) => format!("both {}s sign now, the first one is new", sort.name),
    };
    text(&format!("{}: {done}: reload the daemon", file.display()))?;
    if let Some(public) = these.first().and_then(|line| signature::public_key(line)) {
        text(&format!("public key for the receiver: {public}"))?;
    }
    Ok(exit::OK)
}
