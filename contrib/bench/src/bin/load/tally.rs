//! What a run came to: messages, latencies, answers and faults, and their JSON.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value, json};

use super::{
    ended::{Ended, Verdict},
    histogram::Histogram,
};

/// Counts everything.
#[derive(Debug, Default)]
pub struct Tally {
    pub connections: u64,
    /// Connections that found the filter's backlog full and waited for room.
    pub backlog_full: u64,
    /// From the first MAIL to the last answer.
    pub took: Duration,
    messages: u64,
    tracked: u64,
    end_of_message: Histogram,
    message: Histogram,
    inserts: Option<(u32, u32)>,
    answers: BTreeMap<&'static str, u64>,
    faults: BTreeMap<String, u64>,
    expected_inserts: u32,
}

impl Tally {
    pub fn new(expected_inserts: u32) -> Self {
        Self { expected_inserts, ..Self::default() }
    }

    /// A message that was answered; `since` is how long ago it began.
    pub fn message(&mut self, ended: &Ended, since: Duration) {
        self.messages += 1;
        *self.answers.entry(name(ended.verdict)).or_default() += 1;
        self.message.add(since);
        if let Some(wait) = ended.end_of_message {
            self.end_of_message.add(wait);
        }
        if !ended.tracked {
            return;
        }
        self.tracked += 1;
        let (low, high) = self.inserts.unwrap_or((u32::MAX, 0));
        self.inserts = Some((low.min(ended.inserts), high.max(ended.inserts)));
        if self.expected_inserts > 0 && (ended.inserts < self.expected_inserts || !ended.has_id) {
            let id = if ended.has_id { "with" } else { "without" };
            self.fault(format!("a tracked message got {} new header fields, {id} X-Lead-Id", ended.inserts));
        }
    }

    /// A session that broke, or a message that did not get what was demanded.
    pub fn fault(&mut self, kind: String) {
        *self.faults.entry(kind).or_default() += 1;
    }

    pub fn faults(&self) -> u64 {
        self.faults.values().sum()
    }

    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// The faults in one line, the most frequent first; `None` without any.
    pub fn complaint(&self) -> Option<String> {
        let mut kinds: Vec<_> = self.faults.iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let told: Vec<_> = kinds.iter().take(3).map(|(kind, count)| format!("{count} × {kind}")).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    pub fn json(&self) -> Value {
        let seconds = self.took.as_secs_f64();
        let rate = if seconds > 0.0 { self.messages as f64 / seconds } else { 0.0 };
        let mut out = Map::new();
        out.insert("messages".to_owned(), json!(self.messages));
        out.insert("tracked".to_owned(), json!(self.tracked));
        out.insert("seconds".to_owned(), rounded(seconds, 1e6));
        out.insert("rate".to_owned(), rounded(rate, 1e2));
        for (key, histogram) in [("eom", &self.end_of_message), ("message", &self.message)] {
            for (part, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)] {
                let micros = histogram.quantile(share).map_or(Value::Null, |micros| rounded(micros, 1e1));
                out.insert(format!("{key}_{part}"), micros);
            }
            out.insert(format!("{key}_max"), rounded(histogram.longest(), 1e1));
        }
        let (low, high) = self.inserts.unwrap_or_default();
        out.insert("inserts_min".to_owned(), json!(low));
        out.insert("inserts_max".to_owned(), json!(high));
        out.insert("answers".to_owned(), json!(self.answers));
        out.insert("connections".to_owned(), json!(self.connections));
        out.insert("backlog_full".to_owned(), json!(self.backlog_full));
        out.insert("errors".to_owned(), json!(self.faults));
        Value::Object(out)
    }
}

fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Continue => "continue",
        Verdict::Accept => "accept",
        Verdict::Reject => "reject",
        Verdict::Tempfail => "tempfail",
        Verdict::Discard => "discard",
        Verdict::ReplyCode => "reply code",
    }
}

fn rounded(value: f64, parts: f64) -> Value {
    json!((value * parts).round() / parts)
}
