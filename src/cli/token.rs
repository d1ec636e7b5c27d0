//! `leadmilter token`: tokens of the HTTP API.

use std::time::Duration;

use clap::Subcommand;

use super::{
    audit,
    exit::{self, Wrong},
    open_read,
    output::{json_lines, local, or_dash, table, text},
    write,
};
use crate::{
    clock::{Millis, parse_duration},
    config::Config,
    store::{ApiToken, Scope, make_token},
    text::bounded,
};

/// Characters of a token's name at most.
const LONGEST_NAME: usize = 100;

/// Make, list and revoke tokens of the HTTP API
///
/// Programs show a token to the admin door (`http.admin`): Authorization: Bearer lm_... The store keeps only what it
/// hashes to, so it is printed once, and a lost one is replaced. A running daemon knows of a new or revoked token at
/// once.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  leadmilter token new --scope addresses --name shop > /etc/shop/leadmilter.token
  leadmilter token new --scope addresses,resolve --expires 90d
  leadmilter token list
  leadmilter token revoke d5b9ccf8bb2e0e50")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a token, and print it
    New {
        /// What it may do: addresses (have some issued), resolve (ask what one resolves to), costs (bring in costs),
        /// outcomes (tell what became of leads), reports (read reports), leads (read leads)
        #[arg(long, required = true, value_delimiter = ',', value_name = "SCOPE[,SCOPE]")]
        scope: Vec<Scope>,
        /// How long it is good for, such as 90d; for ever if not said
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        expires: Option<Duration>,
        /// Who or what it is for
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    /// List tokens with their scopes, and when each was last used
    List {
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Let a token open nothing any more
    Revoke {
        /// Its id, as `list` shows it
        id: String,
    },
}

pub fn run(config: &Config, args: &Args) -> anyhow::Result<u8> {
    match &args.command {
        Command::New { scope, expires, name } => new(config, scope, *expires, name.as_deref()),
        Command::List { json } => list(config, *json),
        Command::Revoke { id } => revoke(config, id),
    }
}

fn new(config: &Config, scopes: &[Scope], expires: Option<Duration>, name: Option<&str>) -> anyhow::Result<u8> {
    let mut scopes = scopes.to_vec();
    scopes.sort_unstable();
    scopes.dedup();
    let created_at = Millis::now();
    let (shown, digest) = make_token()?;
    let token = ApiToken {
        id: digest.id(),
        name: name.and_then(|name| bounded(name, LONGEST_NAME)),
        scopes,
        created_at,
        expires_at: expires.map(|expires| created_at.plus(expires)),
        last_used_at: None,
    };
    let scopes: Vec<_> = token.scopes.iter().map(|scope| scope.as_str()).collect();
    let made = audit::entry("token.added", &token.id, Some(scopes.join(",")));
    write(config, async |store| {
        store.add_api_token(token, digest).await?;
        store.note_audit(made).await
    })?;
    text(&shown)?;
    Ok(exit::OK)
}

fn list(config: &Config, json: bool) -> anyhow::Result<u8> {
    let tokens = open_read(config)?.api_tokens()?;
    if json {
        json_lines(&tokens)?;
        return Ok(exit::OK);
    }
    let now = Millis::now();
    let row = |token: &ApiToken| {
        let scopes: Vec<_> = token.scopes.iter().map(|scope| scope.as_str()).collect();
        let expires = match token.expires_at {
            Some(_) if token.is_expired(now) => "expired".to_owned(),
            Some(at) => local(at, config),
            None => "never".to_owned(),
        };
        vec![
            token.id.clone(),
            or_dash(token.name.as_ref()),
            scopes.join(","),
            local(token.created_at, config),
            expires,
            or_dash(token.last_used_at.map(|at| local(at, config))),
        ]
    };
    let headings = ["ID", "NAME", "SCOPES", "CREATED", "EXPIRES", "LAST USED"];
    table(&headings, tokens.iter().map(row).collect(), "there are no tokens")?;
    Ok(exit::OK)
}

fn revoke(config: &Config, id: &str) -> anyhow::Result<u8> {
    let revoked = write(config, async |store| {
        let revoked = store.revoke_api_token(id).await?;
        if revoked {
            store.note_audit(audit::entry("token.revoked", id, None)).await?;
        }
        Ok(revoked)
    })?;
    if !revoked {
        return Err(Wrong::Data(format!("there is no token {id:?}: see `leadmilter token list`")).into());
    }
    text(&format!("{id}: revoked"))?;
    Ok(exit::OK)
}
