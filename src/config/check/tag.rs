//! `[[tag]]`: rules that add a tag to letters, each with one condition or more.

use toml::Spanned;

use super::{
    super::{
        TagRule,
        fault::Wrong,
        file,
        findings::{Findings, Key},
        names, patterns, units,
    },
    channel::Ids,
};
use crate::pattern::{HeaderPattern, ValuePattern};

/// Rules of one config: every letter is held against each of them.
const RULES: usize = 1000;

/// Checks every `[[tag]]`; `prefix` is `headers.prefix`.
pub(super) fn tags(given: &[Spanned<file::Tag>], ids: &Ids<'_>, prefix: &str, findings: &mut Findings) -> Vec<TagRule> {
    let list_key = Key::Root.name("tag");
    if let Some(beyond) = given.get(RULES) {
        let what = format!("there are {} rules", given.len());
        let wrong = Wrong::new(what, format!("write at most {RULES}; one /regular expression/ can stand for many"));
        findings.fault(&list_key, Some(&beyond.span()), wrong);
    }
    let mut reader = Reader { ids, prefix, findings };
    given
        .iter()
        .take(RULES)
        .enumerate()
        .filter_map(|(index, entry)| reader.rule(entry, &list_key.item(index)))
        .collect()
}

struct Reader<'r> {
    ids: &'r Ids<'r>,
    prefix: &'r str,
    findings: &'r mut Findings,
}

impl Reader<'_> {
    fn rule(&mut self, entry: &Spanned<file::Tag>, key: &Key<'_>) -> Option<TagRule> {
        let given = entry.get_ref();
        let patterns = [&given.recipient, &given.sender, &given.subject, &given.attachment];
        let others = [&given.channel, &given.header, &given.size];
        // A misspelled key may be the condition.
        let has_none = || patterns.iter().chain(&others).all(|condition| condition.is_none());
        if has_none() && !self.findings.has_below(key) {
            let remedy = "add one: sender, subject, recipient, header, attachment, size or channel";
            let wrong = Wrong::new("this rule has no condition, so every letter would carry its tag", remedy);
            self.findings.fault(key, Some(&entry.span()), wrong);
        }
        let rule = TagRule {
            tag: self.findings.read(&key.name("tag"), given.tag.0.as_ref(), names::tag).unwrap_or_default(),
            channel: self.ids.read(given.channel.as_ref(), &key.name("channel"), self.findings),
            recipient: self.pattern(given.recipient.as_ref(), &key.name("recipient")),
            sender: self.pattern(given.sender.as_ref(), &key.name("sender")),
            subject: self.pattern(given.subject.as_ref(), &key.name("subject")),
            header: self.header(given.header.as_ref(), &key.name("header")),
            attachment: self.pattern(given.attachment.as_ref(), &key.name("attachment")),
            size: self.findings.read(&key.name("size"), given.size.as_ref(), units::size_bound),
        };
        if let (Some(subject), Some(text)) = (&rule.subject, &given.subject)
            && subject.is_bare()
        {
            let bare = subject.as_str();
            let what = format!("{bare:?} fits only letters whose whole subject is that");
            let remedy = format!("write \"*{bare}*\" for subjects that hold it, or \"={bare}\" if it is meant");
            self.findings.warn(&key.name("subject"), Some(&text.span()), Wrong::new(what, remedy));
        }
        (!rule.tag.is_empty()).then_some(rule)
    }

    fn pattern(&mut self, given: Option<&file::Text>, key: &Key<'_>) -> Option<ValuePattern> {
        self.findings.read(key, given, patterns::value)
    }

    fn header(&mut self, given: Option<&file::Text>, key: &Key<'_>) -> Option<HeaderPattern> {
        let prefix = self.prefix;
        self.findings.read(key, given, |text| {
            let found = patterns::header(text)?;
            if found.name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)) {
                let is = "is below headers.prefix, where a stranger's headers are forged ones and not read";
                return Err(Wrong::value(text, is, "name another header"));
            }
            Ok(found)
        })
    }
}
