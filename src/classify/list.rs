//! Mail that goes to many: mailing lists (RFC 2919, RFC 2369) and newsletters.

use super::{Class, Facts, class, quoted};
use crate::lead::Kind;

/// Fields that list servers set, the clearest first.
const LISTS: &[&str] =
    &["List-Id", "List-Post", "X-Mailing-List", "Mailing-List", "X-BeenThere", "X-Mailman-Version", "X-ML-Name"];

/// Fields that senders of newsletters set, and services for sales letters as well. Whoever inquires offers no way to
/// unsubscribe; whoever answers a letter through such a service does, so an answer needs a clearer sign.
const NEWSLETTERS: &[&str] = &["List-Unsubscribe", "List-Help", "List-Subscribe"];

/// A post or a newsletter. Feedback-ID alone is no sign: large senders set it on every message, web forms included.
pub(super) fn list(facts: &Facts<'_>) -> Option<Class> {
    let marked = |names: &[&str]| {
        names.iter().find_map(|name| {
            let value = facts.fields.field(name).filter(|value| !value.is_empty())?;
            Some(quoted(name, &value))
        })
    };
    let precedence = || {
        let is_list = |name: &&&str| facts.fields.field(name).is_some_and(|value| value.eq_ignore_ascii_case("list"));
        let name = super::PRECEDENCE.iter().find(is_list)?;
        Some(format!("{name}: list"))
    };
    let newsletter = || marked(NEWSLETTERS).filter(|_| !facts.is_reply());
    let reason = marked(LISTS).or_else(precedence).or_else(|| facts.bulk()).or_else(newsletter)?;
    class(Kind::List, &reason)
}

/// Fields that are looked at here.
pub(super) fn fields() -> impl Iterator<Item = &'static str> {
    LISTS.iter().chain(NEWSLETTERS).copied()
}
