//! The channel whose UTM values a visit has.
//!
//! A channel fits that has a source and whose values, as far as it sets them, are those of the visit, in any case. The one
//! that sets most wins, then the first of the file. However many channels there are, a visit is looked up at most once for
//! each set of values that any of them sets: sixteen times.

use std::collections::HashMap;

use crate::{
    channel::{Channel, Utm},
    pattern::composed,
};

/// Which of medium, campaign, term and content are set; the source always is.
type Set = u8;

/// Channels by their UTM values.
#[derive(Debug, Default)]
pub(super) struct ByUtm {
    /// The sets that channels have, the largest first.
    sets: Vec<Set>,
    /// Index of the first channel with these values.
    first: HashMap<String, usize>,
}

impl ByUtm {
    /// All channels that have a source.
    pub(super) fn new(channels: &[Channel]) -> Self {
        let mut by_utm = Self::default();
        for (index, channel) in channels.iter().enumerate().filter(|(_, channel)| !channel.utm.source.is_empty()) {
            let values = Folded::of(&channel.utm);
            let set = values.set();
            if !by_utm.sets.contains(&set) {
                by_utm.sets.push(set);
            }
            let mut key = String::new();
            values.key(set, &mut key);
            by_utm.first.entry(key).or_insert(index);
        }
        by_utm.sets.sort_by_key(|set| std::cmp::Reverse(set.count_ones()));
        by_utm
    }

    /// The index of the channel that a visit with these values belongs to.
    pub(super) fn find(&self, utm: &Utm) -> Option<usize> {
        if self.sets.is_empty() || utm.source.is_empty() {
            return None;
        }
        let values = Folded::of(utm);
        let (has, mut key) = (values.set(), String::new());
        let mut best: Option<(u32, usize)> = None;
        for set in self.sets.iter().filter(|set| *set & !has == 0) {
            if best.is_some_and(|(count, _)| count > set.count_ones()) {
                break;
            }
            values.key(*set, &mut key);
            if let Some(found) = self.first.get(&key) {
                let earlier = best.map_or(*found, |(_, index)| index.min(*found));
                best = Some((set.count_ones(), earlier));
            }
        }
        best.map(|(_, index)| index)
    }
}

/// Values in the form that they are compared in: the source, then the four others.
struct Folded {
    source: String,
    others: [String; 4],
}

impl Folded {
    fn of(utm: &Utm) -> Self {
        let fold = |value: &String| composed(value).to_lowercase();
        let others = [&utm.medium, &utm.campaign, &utm.term, &utm.content];
        Self { source: fold(&utm.source), others: others.map(fold) }
    }

    fn set(&self) -> Set {
        let bits = self.others.iter().enumerate().filter(|(_, value)| !value.is_empty());
        bits.fold(0, |set, (bit, _)| set | 1 << bit)
    }

    /// The values of a set. No value has a line end, so that no two sets of values are one key.
    fn key(&self, set: Set, key: &mut String) {
        key.clear();
        key.push_str(&self.source);
        for (bit, value) in self.others.iter().enumerate().filter(|(bit, _)| set & 1 << bit != 0) {
            key.push('\n');
            key.push(char::from(b'a' + u8::try_from(bit).unwrap_or_default()));
            key.push_str(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::address::Address;

    fn channel(utm: Utm) -> Channel {
        Channel {
            id: String::new(),
            name: String::new(),
            mailbox: Address::parse("info@company.ru").unwrap(),
            addresses: Vec::new(),
            utm,
            tags: Vec::new(),
        }
    }

    fn utm(values: [&str; 5]) -> Utm {
        let [source, medium, campaign, term, content] = values.map(str::to_owned);
        Utm { source, medium, campaign, term, content }
    }

    #[test]
    fn the_channel_that_sets_most_wins_then_the_first() {
        let channels = [
            ["yandex", "", "", "", ""],
            ["yandex", "cpc", "", "", ""],
            ["yandex", "", "Весна", "", ""],
            ["yandex", "cpc", "", "", ""],
            ["yandex", "cpc", "весна", "", "b"],
            ["", "cpc", "", "", ""],
            ["google", "cpc", "", "насосы", ""],
        ];
        let by_utm = ByUtm::new(&channels.map(|values| channel(utm(values))));
        let rows = [
            (["yandex", "organic", "", "", ""], Some(0)),
            (["YANDEX", "CPC", "", "", ""], Some(1)),
            (["yandex", "cpc", "весна", "", ""], Some(1)),
            (["yandex", "cpm", "ВЕСНА", "x", "y"], Some(2)),
            (["yandex", "cpc", "весна", "x", "b"], Some(4)),
            (["google", "cpc", "", "", ""], None),
            (["google", "cpc", "x", "НАСОСЫ", ""], Some(6)),
            (["bing", "cpc", "", "", ""], None),
            (["", "cpc", "", "", ""], None),
        ];
        for (values, expected) in rows {
            assert_eq!(by_utm.find(&utm(values)), expected, "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn the_index_finds_what_a_search_would(
            channels in prop::collection::vec(prop::array::uniform5("[ab]?"), 0..8),
            visit in prop::array::uniform5("[abAB]?"),
        ) {
            let text = |values: &[String; 5]| utm([0, 1, 2, 3, 4].map(|at| values[at].as_str()));
            let channels: Vec<Channel> = channels.iter().map(|values| channel(text(values))).collect();
            let list = |utm: &Utm| [&utm.source, &utm.medium, &utm.campaign, &utm.term, &utm.content].map(|of| of.to_lowercase());
            let wanted = list(&text(&visit));
            let fits = |of: &[String; 5]| !of[0].is_empty() && of.iter().zip(&wanted).all(|(of, has)| of.is_empty() || of == has);
            let count = |of: &[String; 5]| of.iter().filter(|value| !value.is_empty()).count();
            let fitting = channels.iter().map(|channel| list(&channel.utm)).enumerate().filter(|(_, of)| fits(of));
            let expected = fitting.max_by_key(|(index, of)| (count(of), std::cmp::Reverse(*index))).map(|(index, _)| index);
            prop_assert_eq!(ByUtm::new(&channels).find(&text(&visit)), expected);
        }
    }
}
