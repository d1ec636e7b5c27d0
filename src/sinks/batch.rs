//! One call for many events, for receivers that take files.
//!
//! Given events, leaves out those that are none for the receiver or whose line cannot be made, asks once for each note that a
//! former call left, and sends the rest as one file. What the receiver says of a file it says of every event in it.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::{
    Answer, Message, Verdict,
    client::Failure,
    http::Http,
    outcome::{Budget, Outcome},
    render::{render, render_file, render_line},
};
use crate::preset::Request;

impl Http {
    pub(super) async fn deliver_batch(&self, messages: &[Message<'_>]) -> Vec<Answer> {
        let budget = self.budget();
        let known: Vec<_> = messages.iter().map(|message| self.of_message(*message, &Map::new())).collect();
        let mut outcomes: Vec<Option<Outcome>> = messages.iter().map(|_| None).collect();
        let mut noted = BTreeMap::<&str, Vec<usize>>::new();
        let mut fresh = Vec::new();
        for (at, (message, known)) in messages.iter().zip(&known).enumerate() {
            match message.note {
                // What the receiver has taken already is not skipped because it grew too old meanwhile.
                Some(note) if self.preset.check.is_some() => noted.entry(note).or_default().push(at),
                _ => match self.skipped(known) {
                    Some(outcome) => tell(&mut outcomes, &[at], &outcome),
                    None => fresh.push(at),
                },
            }
        }
        for members in noted.values() {
            let outcome = self.check(members, &known, &budget).await;
            tell(&mut outcomes, members, &outcome);
        }
        if let Some(request) = &self.preset.request {
            let lines = lines(request, &mut fresh, &known, &mut outcomes);
            if !fresh.is_empty() {
                let outcome = self.upload(request, &fresh, &known, &lines, &budget).await;
                tell(&mut outcomes, &fresh, &outcome);
            }
        }
        let lost = || Outcome::misconfigured("event was left out of its batch");
        outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(lost).answer(&budget)).collect()
    }

    fn skipped(&self, known: &Map<String, Json>) -> Option<Outcome> {
        match self.skip_reason(known) {
            Ok(reason) => reason.map(|reason| Outcome::well(Verdict::Skipped { reason })),
            Err(wrong) => Some(wrong.into()),
        }
    }

    async fn check(&self, members: &[usize], known: &[Map<String, Json>], budget: &Budget) -> Outcome {
        let first = members.first().and_then(|at| known.get(*at));
        let (Some(check), Some(first)) = (&self.preset.check, first) else {
            return Outcome::misconfigured("the preset has no check");
        };
        match render(check, &self.base, first) {
            Ok(rendered) => self.call_rendered(check, rendered, first, budget).await.unwrap_or_else(|failed| failed),
            Err(wrong) => Failure::from(wrong).into(),
        }
    }

    async fn upload(
        &self,
        request: &Request,
        members: &[usize],
        known: &[Map<String, Json>],
        lines: &[Vec<String>],
        budget: &Budget,
    ) -> Outcome {
        let Some(first) = members.first().and_then(|at| known.get(*at)) else {
            return Outcome::misconfigured("the batch is empty");
        };
        match render_file(request, &self.base, first, lines) {
            Ok(rendered) => self.call_rendered(request, rendered, first, budget).await.unwrap_or_else(|failed| failed),
            Err(wrong) => Failure::from(wrong).into(),
        }
    }
}

/// The lines of the file; an event whose line cannot be made is taken out of `members`, and told so.
fn lines(
    request: &Request,
    members: &mut Vec<usize>,
    known: &[Map<String, Json>],
    outcomes: &mut [Option<Outcome>],
) -> Vec<Vec<String>> {
    let mut lines = Vec::with_capacity(members.len());
    members.retain(|at| match known.get(*at).map(|known| render_line(request, known)) {
        Some(Ok(line)) => {
            lines.push(line);
            true
        }
        Some(Err(wrong)) => {
            tell(outcomes, &[*at], &Failure::from(wrong).into());
            false
        }
        None => false,
    });
    lines
}

fn tell(outcomes: &mut [Option<Outcome>], members: &[usize], outcome: &Outcome) {
    for at in members {
        if let Some(slot) = outcomes.get_mut(*at) {
            *slot = Some(outcome.clone());
        }
    }
}
