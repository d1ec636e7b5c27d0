//! What a preset asks its receiver before the call itself: is the event there already, and what has to be known for it.
//!
//! Given what the templates know, gives back an answer, or the outcome of the whole attempt where none can be had.

use serde_json::{Map, Value as Json};

use super::{
    Verdict,
    answer::Judged,
    client::Failure,
    http::Http,
    memory,
    outcome::{Budget, Outcome},
    render::render,
};
use crate::preset::{self, Fetch};

impl Http {
    /// Asks whether the event is there already; an answer that cannot be had is one of the attempt.
    pub(super) async fn has_arrived(&self, known: &Map<String, Json>, budget: &Budget) -> Result<bool, Outcome> {
        let Some(lookup) = &self.preset.lookup else { return Ok(false) };
        let in_doubt = |mut outcome: Outcome| {
            outcome.judged.doubt = true;
            outcome.during("lookup")
        };
        let rendered =
            render(&lookup.request, &self.base, known).map_err(|wrong| in_doubt(Failure::from(wrong).into()))?;
        let called = self.send(rendered, None, budget).await.map_err(|failure| in_doubt(failure.into()))?;
        let outcome = self.judged(&lookup.request, known, &called);
        if outcome.judged.verdict != Verdict::Delivered {
            return Err(in_doubt(outcome));
        }
        let called = called.whole(&outcome).map_err(in_doubt)?;
        lookup.found.holds(&called.seen(known)).map_err(|wrong| in_doubt(wrong.into()))
    }

    pub(super) async fn fetched(
        &self,
        known: &Map<String, Json>,
        budget: &Budget,
    ) -> Result<Map<String, Json>, Outcome> {
        let mut fetched = Map::new();
        let context = preset::context(known);
        for fetch in &self.preset.fetches {
            if fetch.when.as_ref().map_or(Ok(true), |when| when.holds(&context))?
                && let Some(value) = self.fetch(fetch, known, budget).await?
            {
                fetched.insert(fetch.name.clone(), value);
            }
        }
        Ok(fetched)
    }

    async fn fetch(&self, fetch: &Fetch, known: &Map<String, Json>, budget: &Budget) -> Result<Option<Json>, Outcome> {
        let failed = |failed: Outcome| {
            // Nothing was sent that could have been stored.
            Outcome { judged: Judged { doubt: false, ..failed.judged }, ..failed }.during(&fetch.name)
        };
        let rendered =
            render(&fetch.request, &self.base, known).map_err(|wrong| failed(Failure::from(wrong).into()))?;
        let key = memory::key(&rendered);
        if let Some(value) = self.memory.get(&key) {
            return Ok(Some(value));
        }
        let called = self.send(rendered, None, budget).await.map_err(|failure| failed(failure.into()))?;
        let outcome = self.judged(&fetch.request, known, &called);
        if outcome.judged.verdict != Verdict::Delivered {
            return Err(failed(outcome));
        }
        let called = called.whole(&outcome).map_err(failed)?;
        let value = fetch.take.json(&called.seen(known)).map_err(|wrong| failed(wrong.into()))?;
        if let Some(value) = &value {
            self.memory.keep(key, value.clone());
        }
        Ok(value)
    }
}
