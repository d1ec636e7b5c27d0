//! Which attribution headers a message gets, in the order in which they stand.

use super::encode::field_body;
use crate::lead::{Kind, Lead, Status};

/// The header that names the lead, after the prefix.
pub const ID: &str = "Id";

/// The header that names the substitute, after the prefix.
pub const SUBSTITUTE: &str = "Substitute";

/// Every name after the prefix that this program has a meaning for.
const NAMES: [&str; 15] = [
    ID,
    "Channel",
    SUBSTITUTE,
    "Status",
    "Kind",
    "Thread",
    "Unique",
    "UTM-Source",
    "UTM-Medium",
    "UTM-Campaign",
    "UTM-Term",
    "UTM-Content",
    "Client-Id",
    "Tags",
    super::signature::NAME,
];

/// Longest value of one header, in octets, before encoding.
const VALUE: usize = 512;

/// A header field that is safe to hand to an MTA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// `X-Lead-Channel`.
    pub name: String,
    /// ASCII, folded by LF and a blank.
    pub body: String,
}

/// The fields of a recorded lead; an absent value makes no field.
pub fn fields(prefix: &str, lead: &Lead) -> Vec<Field> {
    let mut out = Vec::with_capacity(12);
    let mut add = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let name = [prefix, name].concat();
            let body = field_body(name.len(), capped(value));
            out.push(Field { name, body });
        }
    };
    let attribution = &lead.attribution;
    add(ID, Some(&lead.lead_id));
    add("Channel", lead.channel.as_ref().map(|channel| channel.id.as_str()));
    add(SUBSTITUTE, Some(&lead.recipient.substitute));
    add("Status", Some(Status::as_str(attribution.status)));
    // What is no inquiry says so; what does not count is neither new nor repeat.
    let is_counted = lead.kind == Kind::Lead && lead.repeat.counts();
    add("Kind", (lead.kind != Kind::Lead).then(|| lead.kind.as_str()));
    add("Thread", lead.in_thread_of.as_deref());
    add("Unique", is_counted.then_some(if lead.repeat.unique { "new" } else { "repeat" }));
    add("UTM-Source", attribution.source.as_deref());
    add("UTM-Medium", attribution.medium.as_deref());
    add("UTM-Campaign", attribution.campaign.as_deref());
    add("UTM-Term", attribution.term.as_deref());
    add("UTM-Content", attribution.content.as_deref());
    let client_ids = &attribution.client_ids;
    add("Client-Id", client_ids.get("ga").or_else(|| client_ids.get("ym")).map(String::as_str));
    add("Tags", Some(&listed(&lead.tags)));
    out
}

/// As many tags as the cap lets through: half a tag would be another one.
fn listed(tags: &[String]) -> String {
    let mut out = String::new();
    for tag in tags {
        let comma = if out.is_empty() { "" } else { ", " };
        if out.len() + comma.len() + tag.len() > VALUE {
            break;
        }
        out.push_str(comma);
        out.push_str(tag);
    }
    out
}

/// Whether a field whose name goes on like this after the prefix would be taken for ours.
pub fn is_ours(tail: &str) -> bool {
    NAMES.iter().any(|name| name.eq_ignore_ascii_case(tail))
}

/// The longest beginning of `value` that the cap lets through.
fn capped(value: &str) -> &str {
    let end = value.floor_char_boundary(VALUE);
    value.get(..end).unwrap_or(value).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_that_is_made_has_a_known_name() {
        let source = include_str!("headers.rs").split("#[cfg(test)]").next().unwrap();
        let made = source.lines().filter_map(|line| line.trim().strip_prefix("add(\"")?.split('"').next());
        let made: Vec<_> = made.collect();
        assert_eq!(made.len(), 12, "{made:?}");
        assert!(made.into_iter().all(is_ours));
        assert!(is_ours("id") && is_ours("SUBSTITUTE") && is_ours("signature") && !is_ours("Idx") && !is_ours(""));
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        assert_eq!(capped(&"я".repeat(300)), "я".repeat(256));
        assert_eq!(capped(&format!("a{}", "я".repeat(300))), format!("a{}", "я".repeat(255)));
        assert_eq!(capped("short"), "short");
    }

    #[test]
    fn tags_are_left_out_whole() {
        assert_eq!(listed(&["a".into(), "b c".into()]), "a, b c");
        let tags = vec!["x".repeat(64); 32];
        assert_eq!(listed(&tags), tags.get(..7).unwrap().join(", "));
        assert_eq!(listed(&[]), "");
    }
}
