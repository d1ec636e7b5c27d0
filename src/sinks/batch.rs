//! One call for many events, for receivers that take files.
//!
//! Given events, leaves out those that are none for the receiver, asks once for each note that a former call left, and sends the
//! rest as one file. What the receiver says of the file it says of each event in it.

use std::{collections::BTreeMap, time::Instant};

use serde_json::{Map, Value as Json};

use super::{
    Answer, Message, Verdict,
    client::Failure,
    http::{Http, Outcome},
    render::{render, render_batch},
};

impl Http {
    pub(super) async fn deliver_batch(&self, messages: &[Message<'_>]) -> Vec<Answer> {
        let begun = Instant::now();
        let known: Vec<_> = messages.iter().map(|message| self.of_message(*message, &Map::new())).collect();
        let mut outcomes: Vec<Option<Outcome>> = known.iter().map(|known| self.skipped(known)).collect();
        let mut noted = BTreeMap::<&str, Vec<usize>>::new();
        let mut fresh = Vec::new();
        for (at, message) in messages.iter().enumerate() {
            match (outcomes.get(at), message.note) {
                (Some(Some(_)), _) => {}
                (_, Some(note)) if self.preset.check.is_some() => noted.entry(note).or_default().push(at),
                _ => fresh.push(at),
            }
        }
        for members in noted.values() {
            let outcome = self.check(members, &known, begun).await;
            tell(&mut outcomes, members, &outcome);
        }
        if !fresh.is_empty() {
            let outcome = self.upload(&fresh, &known, begun).await;
            tell(&mut outcomes, &fresh, &outcome);
        }
        let lost = || Outcome::of(Verdict::Retry { floor: None }, Some("event was left out of its batch".to_owned()));
        outcomes.into_iter().map(|outcome| self.answer(outcome.unwrap_or_else(lost), begun)).collect()
    }

    fn skipped(&self, known: &Map<String, Json>) -> Option<Outcome> {
        match self.skip_reason(known) {
            Ok(reason) => reason.map(|reason| Outcome::of(Verdict::Skipped { reason }, None)),
            Err(wrong) => Some(wrong.into()),
        }
    }

    async fn check(&self, members: &[usize], known: &[Map<String, Json>], begun: Instant) -> Outcome {
        let first = members.first().and_then(|at| known.get(*at));
        let (Some(check), Some(first)) = (&self.preset.check, first) else {
            return Outcome::of(Verdict::Misconfigured, None);
        };
        match render(check, &self.base, first) {
            Ok(rendered) => {
                let called = self.call_rendered(check, rendered, first, begun + self.timeout()).await;
                called.unwrap_or_else(|failed| failed)
            }
            Err(wrong) => Failure::from(wrong).into(),
        }
    }

    async fn upload(&self, members: &[usize], known: &[Map<String, Json>], begun: Instant) -> Outcome {
        let rows: Vec<_> = members.iter().filter_map(|at| known.get(*at)).collect();
        let (Some(request), Some(first)) = (&self.preset.request, rows.first()) else {
            return Outcome::of(Verdict::Misconfigured, None);
        };
        match render_batch(request, &self.base, &rows) {
            Ok(rendered) => {
                let called = self.call_rendered(request, rendered, first, begun + self.timeout()).await;
                called.unwrap_or_else(|failed| failed)
            }
            Err(wrong) => Failure::from(wrong).into(),
        }
    }
}

fn tell(outcomes: &mut [Option<Outcome>], members: &[usize], outcome: &Outcome) {
    for at in members {
        if let Some(slot) = outcomes.get_mut(*at) {
            *slot = Some(outcome.clone());
        }
    }
}
