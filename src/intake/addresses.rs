//! The addresses of a config: what the table of `resolve` is made from.

use std::sync::Arc;

use crate::{config::Config, resolve::Table, secret::Secret, token::Tokens};

/// The addresses of a config.
pub fn table(config: &Config) -> Table {
    let table = Table::new(&config.mailboxes, &config.channels);
    let Some(dynamic) = &config.dynamic else { return table };
    let mut keys = dynamic.keys.iter().map(Secret::reveal);
    // The config has made sure that there are keys, and of the right length.
    match keys.next().and_then(|current| Tokens::new(current, keys.next())) {
        Some(tokens) => {
            table.with_tokens(Arc::new(tokens), dynamic.domain.as_deref(), &dynamic.mailbox, &config.channels)
        }
        None => table,
    }
}
