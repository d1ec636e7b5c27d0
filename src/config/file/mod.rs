//! The config file as it is written: which keys there are, and of which type.
//!
//! The one declaration of the keys: [`super::shape`] takes their names and types from here, so a key that is added to a
//! struct is known to the reader, to the remedies and to the test of the example file. No meaning and no defaults:
//! those are in `check`.

mod mailing;
mod reports;
mod sink;

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

pub(super) use self::{
    mailing::{Mail, Report},
    reports::{Outcomes, Reports},
    sink::Sink,
};

/// A string and its place.
pub(super) type Text = Spanned<String>;

/// A whole number and its place.
pub(super) type Number = Spanned<u64>;

/// A list of strings and its place.
pub(super) type List = Spanned<Vec<Text>>;

/// A table of strings under names of the file's own, and its place.
pub(super) type Texts = Spanned<BTreeMap<String, Text>>;

/// A key that must be there. Empty where the reader has already reported that it is not.
#[derive(Debug, Deserialize)]
pub(super) struct Needed<T>(pub(super) Option<T>);

impl<T> Default for Needed<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) hostname: Option<Text>,
    pub(super) timezone: Option<Text>,
    pub(super) domains: Vec<Text>,
    pub(super) milter: Milter,
    pub(super) socketmap: Socketmap,
    pub(super) store: Store,
    pub(super) headers: Headers,
    pub(super) log: Log,
    pub(super) mailbox: Vec<Spanned<Mailbox>>,
    pub(super) channel: Vec<Spanned<Channel>>,
    pub(super) arrival: Vec<Spanned<Arrival>>,
    pub(super) tag: Vec<Spanned<Tag>>,
    pub(super) leads: Leads,
    pub(super) classify: Classify,
    pub(super) leak: Leak,
    pub(super) privacy: Privacy,
    pub(super) dynamic: Option<Spanned<Dynamic>>,
    pub(super) http: Http,
    pub(super) dashboard: Dashboard,
    pub(super) site: Vec<Spanned<Site>>,
    pub(super) sink: Vec<Spanned<Sink>>,
    pub(super) reports: Reports,
    pub(super) outcomes: Outcomes,
    pub(super) mail: Mail,
    pub(super) report: Vec<Spanned<Report>>,
}

/// `[milter]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Milter {
    pub(super) listen: Option<Text>,
    pub(super) socket_mode: Option<Text>,
    pub(super) socket_group: Option<Text>,
    pub(super) on_error: Option<Text>,
    pub(super) max_connections: Option<Number>,
    pub(super) dry_run: Option<bool>,
    pub(super) budget: Option<Text>,
    pub(super) drain: Option<Text>,
}

/// `[socketmap]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Socketmap {
    pub(super) listen: Option<Text>,
    pub(super) socket_mode: Option<Text>,
    pub(super) socket_group: Option<Text>,
    pub(super) max_connections: Option<Number>,
}

/// `[store]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Store {
    pub(super) url: Option<Text>,
}

/// `[headers]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Headers {
    pub(super) prefix: Option<Text>,
    pub(super) key_file: Option<Text>,
    pub(super) strip: Option<Text>,
}

/// `[log]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Log {
    pub(super) level: Option<Text>,
    pub(super) target: Option<Text>,
}

/// `[[mailbox]]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Mailbox {
    pub(super) address: Needed<Text>,
    pub(super) separators: Option<Text>,
    pub(super) rewrite: Option<bool>,
}

/// `[[channel]]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Channel {
    pub(super) id: Needed<Text>,
    pub(super) name: Option<Text>,
    pub(super) mailbox: Needed<Text>,
    pub(super) addresses: Option<List>,
    pub(super) utm: Utm,
    pub(super) tags: Option<List>,
}

/// `utm` of a channel.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Utm {
    pub(super) source: Option<Text>,
    pub(super) medium: Option<Text>,
    pub(super) campaign: Option<Text>,
    pub(super) term: Option<Text>,
    pub(super) content: Option<Text>,
}

/// `[[arrival]]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Arrival {
    pub(super) channel: Needed<Text>,
    pub(super) utm_source: Option<Text>,
    pub(super) utm_medium: Option<Text>,
    pub(super) utm_campaign: Option<Text>,
    pub(super) utm_term: Option<Text>,
    pub(super) utm_content: Option<Text>,
    pub(super) click_id: Option<Text>,
    pub(super) referrer: Option<Text>,
    pub(super) landing: Option<Text>,
}

/// `[[tag]]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Tag {
    pub(super) tag: Needed<Text>,
    pub(super) sender: Option<Text>,
    pub(super) subject: Option<Text>,
    pub(super) recipient: Option<Text>,
    pub(super) header: Option<Text>,
    pub(super) attachment: Option<Text>,
    pub(super) size: Option<Text>,
    pub(super) channel: Option<Text>,
}

/// `[leads]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Leads {
    pub(super) unique_by: Option<Text>,
    pub(super) unique_window: Option<Text>,
    pub(super) unique_requires_dmarc: Option<Spanned<bool>>,
    pub(super) normalize: Option<Text>,
    pub(super) direct: Option<Text>,
    pub(super) spam_headers: Option<List>,
    pub(super) tag_match: Option<Text>,
    pub(super) default_charset: Option<Text>,
}

/// `[classify]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Classify {
    pub(super) networks: Vec<Text>,
    pub(super) own_domain_is_internal: Option<bool>,
    pub(super) test_senders: Vec<Text>,
    pub(super) canaries: Vec<Text>,
    pub(super) authserv_ids: Vec<Text>,
}

/// `[leak]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Leak {
    pub(super) domains: Option<Number>,
    pub(super) window: Option<Text>,
    pub(super) spam: Option<Number>,
}

/// `[privacy]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Privacy {
    pub(super) sender: Option<Text>,
    pub(super) subject: Option<Text>,
    pub(super) retention: Option<Text>,
}

/// `[dynamic]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Dynamic {
    pub(super) mailbox: Needed<Text>,
    pub(super) key_file: Needed<Text>,
    pub(super) domain: Option<Text>,
    pub(super) window: Option<Text>,
    pub(super) compact: Option<Text>,
    pub(super) retention: Option<Text>,
}

/// `[http]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Http {
    pub(super) public: Option<Text>,
    pub(super) admin: Option<Text>,
    pub(super) trusted_proxies: Option<List>,
    pub(super) rate: Option<Number>,
}

/// `[dashboard]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Dashboard {
    pub(super) login: Option<Text>,
    pub(super) user_header: Option<Text>,
    pub(super) role_header: Option<Text>,
}

/// `[[site]]`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Site {
    pub(super) key: Needed<Text>,
    pub(super) origins: Needed<List>,
    pub(super) budget: Option<Number>,
    pub(super) channels: Vec<Text>,
    pub(super) pages: Vec<Text>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{
        super::shape::{Field, Shape},
        *,
    };

    /// `milter.listen` for every key that is no section.
    fn of_model() -> BTreeSet<String> {
        let path = |section: &str, key: &Field| format!("{section}.{}", key.name);
        let shape = Shape::of::<File>();
        let top = shape.fields().unwrap();
        let keys = top.iter().flat_map(|field| match field.shape.fields() {
            Some(keys) => keys.iter().map(|key| path(field.name, key)).collect(),
            None => vec![path("", field)],
        });
        keys.collect()
    }

    /// The same, from the lines of the example: `key = …`, `#key = …`, `# key = …`, `# Form: key = …`.
    fn of_example() -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        let mut section = "";
        for line in include_str!("../../../config.example.toml").lines() {
            let line = line.trim_start_matches("# Form: ").trim_start_matches(['#', ' ']);
            if let Some(header) = line.strip_prefix('[') {
                section = header.trim_matches(['[', ']']);
            } else if let Some((key, _)) = line.split_once(" = ")
                && !key.contains(' ')
            {
                keys.insert(format!("{section}.{key}"));
            }
        }
        keys
    }

    #[test]
    fn the_example_has_every_key_in_its_section() {
        assert_eq!(of_example(), of_model());
    }
}
