//! What an address is, for a person: what the config says of it, and what the store knows of its token.

use super::Intake;
use crate::{
    address::Address,
    clock::Millis,
    resolve::{Explanation, Owner, Resolution},
    store::{StoreError, Visits},
    token::Verified,
    visit::{Known, Visit},
};

impl Intake {
    /// Says which rule resolves an address, and to what. Without visits a token is said to be ours, and no more.
    pub async fn explain(&self, text: &str, visits: Option<&Visits>, at: Millis) -> Result<Explanation, StoreError> {
        let explanation = self.table.explain(text);
        let (Some(verified), Some(visits)) = (self.token_in(text), visits) else { return Ok(explanation) };
        let token = verified.token;
        Ok(match visits.find(verified.claims, at).await? {
            Some(Known { visit: Some(visit), .. }) => Explanation {
                rule: format!("token {token} was shown {}", shown_in(&visit)),
                channel: visit.touchpoint.channel,
                ..explanation
            },
            Some(Known { issued_at, visit: None, .. }) => Explanation {
                resolution: "expired",
                rule: format!("token {token} was issued about {}, and its visit is deleted", issued_at.timestamp()),
                ..explanation
            },
            None => Explanation {
                resolution: "unknown",
                rule: format!("token {token} passes the check by chance and was never issued: not tracked"),
                ..explanation
            },
        })
    }

    /// The token in an address, in any spelling, or standing alone.
    pub fn token_in(&self, text: &str) -> Option<Verified> {
        let address = Address::from_path(text.as_bytes());
        match address.map(|address| self.table.resolve(&address)) {
            Some(Resolution::Visit(substitute)) => match substitute.owner {
                Owner::Visit(verified) => Some(verified),
                Owner::Channel(_) => None,
            },
            Some(_) => None,
            None => self.table.tokens()?.verify(text),
        }
    }
}

fn shown_in(visit: &Visit) -> String {
    let utm = &visit.touchpoint.utm;
    let source = match (utm.source.as_str(), utm.medium.as_str()) {
        ("", _) => String::new(),
        (source, "") => format!(", by {source}"),
        (source, medium) => format!(", by {source} / {medium}"),
    };
    format!("in the visit of {}{source}", visit.at.timestamp())
}
