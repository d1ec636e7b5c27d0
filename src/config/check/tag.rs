//! `[[tag]]`: rules that add a tag to letters, each with one condition or more.

use std::collections::HashSet;

use toml::Spanned;

use super::super::{
    TagRule,
    fault::Wrong,
    file,
    findings::{Findings, Key},
    names, units,
};
use crate::{
    channel::Channel,
    pattern::{HeaderPattern, PatternError, ValuePattern},
};

/// Rules of one config: every letter is held against each of them.
const RULES: usize = 1000;

/// What rules are checked against.
pub(super) struct Known<'c> {
    /// The channels that could be read.
    pub(super) channels: &'c [Channel],
    /// How many the file has.
    pub(super) given: usize,
    /// `headers.prefix`.
    pub(super) prefix: &'c str,
}

/// Checks every `[[tag]]`.
pub(super) fn tags(given: &[Spanned<file::Tag>], known: &Known<'_>, findings: &mut Findings) -> Vec<TagRule> {
    let list_key = Key::Root.name("tag");
    if let Some(beyond) = given.get(RULES) {
        let what = format!("there are {} rules", given.len());
        let wrong = Wrong::new(what, format!("write at most {RULES}; one /regular expression/ can stand for many"));
        findings.fault(&list_key, Some(&beyond.span()), wrong);
    }
    // A channel that could not be read may be the one that a rule names.
    let complete = known.channels.len() == known.given && !findings.has(&Key::Root.name("channel"));
    let ids: HashSet<&str> = known.channels.iter().map(|channel| channel.id.as_str()).collect();
    let mut reader = Reader { ids: complete.then_some(ids), prefix: known.prefix, findings };
    given
        .iter()
        .take(RULES)
        .enumerate()
        .filter_map(|(index, entry)| reader.rule(entry, &list_key.item(index)))
        .collect()
}

struct Reader<'r> {
    /// `None` where not all are known.
    ids: Option<HashSet<&'r str>>,
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
            channel: self.channel(given.channel.as_ref(), &key.name("channel")),
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
        self.findings.read(key, given, |text| ValuePattern::parse(text).map_err(|e| wrong(text, &e)))
    }

    fn header(&mut self, given: Option<&file::Text>, key: &Key<'_>) -> Option<HeaderPattern> {
        let prefix = self.prefix;
        self.findings.read(key, given, |text| {
            let found = HeaderPattern::parse(text).map_err(|e| wrong(text, &e))?;
            if found.name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)) {
                let is = "is below headers.prefix, where a stranger's headers are forged ones and not read";
                return Err(Wrong::value(text, is, "name another header"));
            }
            Ok(found)
        })
    }

    fn channel(&mut self, given: Option<&file::Text>, key: &Key<'_>) -> Option<String> {
        let ids = self.ids.as_ref();
        self.findings.read(key, given, |text| {
            let id = names::id(text)?;
            if ids.is_some_and(|ids| !ids.contains(id.as_str())) {
                let remedy = "write the id of a channel, or add a [[channel]] with this one";
                return Err(Wrong::value(text, "is no [[channel]] of this file", remedy));
            }
            Ok(id)
        })
    }
}

fn wrong(text: &str, error: &PatternError) -> Wrong {
    let remedy = match error {
        PatternError::Empty => "write a pattern, or leave it out; \"=\" fits what is empty",
        PatternError::Long | PatternError::Large => "make two rules of it, or write it shorter",
        PatternError::Open => "close it with /, or put = before it if the text begins with /",
        PatternError::Class => "write one as \"[0-9]\", or put = before the pattern if it stands for itself",
        PatternError::Regex(_) => "correct it, or put = before it if it stands for itself",
        PatternError::Form | PatternError::Name => "write it as \"X-Mailer: *1C*\"",
    };
    Wrong::value(text, &format!("is no pattern: {error}"), remedy)
}
