//! `leadmilter address key`: make and rotate the key that tokens are made under.

use std::{fs, path::PathBuf};

use anyhow::Context;

use super::super::{
    exit::{self, Wrong},
    key_file,
    output::text,
};
use crate::token;

/// Make the key that tokens of dynamic addresses are made under
///
/// Without options it is printed. Addresses that are out there name their visits as long as their key is in the file: with
/// --rotate new ones are made under a new key and old ones are still known; --retire takes the old key away, and with it
/// what its addresses say. SIGHUP makes a running daemon read the file again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leadmilter address key --file /etc/leadmilter/token.key
  leadmilter address key --file /etc/leadmilter/token.key --rotate
  leadmilter address key --file /etc/leadmilter/token.key --retire")]
pub struct Args {
    /// Write it to this new file, readable by its owner and the group of its folder
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Put a new key before the one in the file
    #[arg(long, requires = "file", conflicts_with = "retire")]
    rotate: bool,
    /// Take the older key out of the file: its addresses say nothing any more
    #[arg(long, requires = "file")]
    retire: bool,
}

pub fn run(args: &Args) -> anyhow::Result<u8> {
    let Some(file) = &args.file else {
        text(&new_key()?)?;
        return Ok(exit::OK);
    };
    let shown = file.display();
    if !args.rotate && !args.retire {
        key_file::create(file, &new_key()?)?;
        text(&format!("{shown}: new key, keep a copy where backups are: without it addresses say nothing"))?;
        return Ok(exit::OK);
    }
    let held = fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    let is_key = |line: &&str| line.len() == 2 * token::KEY && line.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut keys: Vec<String> = held.lines().map(str::trim).filter(is_key).map(str::to_owned).collect();
    let done = match (args.retire, keys.len()) {
        (true, 2) => {
            keys.truncate(1);
            "the older key is gone"
        }
        (false, 1) => {
            keys.insert(0, new_key()?);
            "new addresses are made under the new key, the older one is still known"
        }
        (true, 1) => return Err(Wrong::Data(format!("{shown}: holds one key, so there is none to retire")).into()),
        (false, 2) => {
            let said = format!("{shown}: a rotation is under way: finish it with --retire");
            return Err(Wrong::Data(said).into());
        }
        (_, count) => return Err(Wrong::Data(format!("{shown}: holds {count} keys, not 1 or 2")).into()),
    };
    key_file::replace(file, &keys)?;
    text(&format!("{shown}: {done}: reload the daemon"))?;
    Ok(exit::OK)
}

fn new_key() -> anyhow::Result<String> {
    let mut key = [0; token::KEY];
    getrandom::fill(&mut key).map_err(|e| anyhow::anyhow!("the system gives no random numbers: {e}"))?;
    Ok(key.iter().map(|octet| format!("{octet:02x}")).collect())
}
