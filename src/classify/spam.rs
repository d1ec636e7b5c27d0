//! The verdict of a spam filter that stood before us, read from the header it left. Never a guess of our own.

use super::{Class, Facts, class};
use crate::{glob::HeaderGlob, lead::Kind};

/// A verdict, if one of the rules finds it in any of the fields of its name: a spammer writes a verdict of his own into
/// the letter, and filters differ in whether theirs stands above or below it.
pub(super) fn spam(facts: &Facts<'_>, rules: &[HeaderGlob]) -> Option<Class> {
    let found = |rule: &&HeaderGlob| {
        let mut values = (0..).map_while(|place| facts.fields.nth(&rule.name, place));
        values.any(|value| rule.is_match(&value))
    };
    let rule = rules.iter().find(found)?;
    // The rule, since the value may hold the client's address and the filter's reading of the letter.
    class(Kind::Spam, rule.as_str())
}
