//! `POST /v1/outcomes`: what became of leads, from CRMs and whatever else closes deals.
//!
//! Who sends it shows a token, or signs the request after Standard Webhooks with a secret of the config.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, header},
    response::IntoResponse,
};
use serde::{Deserialize, Serialize};
use tracing::error;
use utoipa::ToSchema;

use super::{
    super::{body, problem::Problem},
    Admin, bearer,
    costs::{amount, number},
    rows,
};
use crate::{
    clock::Millis,
    feedback::{
        Signed,
        outcomes::{self, Bringer, Options},
    },
    maillog::chain,
    outcome::OutcomeStatus,
    store::{Commit, Scope},
};

/// What became of a lead. One of `lead_id`, `message_id`, `external_id` with `system`, and `sender` says which is meant.
#[derive(ToSchema, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the schema of a row, which `feedback` reads")]
#[schema(example = json!({"sender": "ivan@client.example", "external_id": "17", "system": "amocrm", "status": "won",
    "stage": "Paid", "amount": "1234.50", "currency": "RUB", "deal_id": "4711"}))]
pub struct OutcomeRow {
    /// The lead's id, as in `data.lead_id`
    lead_id: Option<String>,
    /// Message-ID of the lead's letter
    message_id: Option<String>,
    /// The id under which `system` knows the lead; beside one of the others, it is remembered
    #[schema(schema_with = number)]
    external_id: Option<String>,
    /// Who tells it: letters, digits, `.`, `_`, `-`
    system: Option<String>,
    /// A mail address: the newest lead that counts and came from it before `occurred_at`
    sender: Option<String>,
    /// How far it has come; spam also marks the lead
    #[schema(schema_with = status)]
    status: String,
    /// The system's own name of it, for people
    stage: Option<String>,
    /// A decimal number with a point; below zero, or of a refund, it is money that was given back
    #[schema(schema_with = amount)]
    amount: Option<String>,
    /// ISO 4217; the currency of reports if there is none
    currency: Option<String>,
    /// RFC 3339, or a day in the config's time zone; now if there is none
    occurred_at: Option<String>,
    /// The system's id of the deal; the lead itself is the deal if there is none
    #[schema(schema_with = number)]
    deal_id: Option<String>,
}

fn status() -> utoipa::openapi::Schema {
    let known = OutcomeStatus::ALL.map(OutcomeStatus::as_str);
    serde_json::from_value(serde_json::json!({ "type": "string", "enum": known })).unwrap_or_default()
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"recorded": 1, "unchanged": 0}))]
pub struct OutcomesTaken {
    /// Outcomes that were news; each is an event.
    recorded: u64,
    /// Outcomes that were known already.
    unchanged: u64,
}

/// Tell what became of leads
///
/// All outcomes, or none if one cannot be used; the answer says why of each. An outcome is known by lead, system, deal, status and
/// time: told again it changes nothing, with another stage or amount it is corrected.
#[utoipa::path(
    post, path = "/v1/outcomes", operation_id = "record_outcomes", tag = "outcomes",
    security(("token" = ["outcomes"]), ("signature" = [])),
    request_body(content((Vec<OutcomeRow> = "application/json"), (String = "text/csv"))),
    responses((status = 200, description = "They are recorded", content((OutcomesTaken = "application/json")))),
)]
pub async fn record(
    State(door): State<Arc<Admin>>,
    headers: HeaderMap,
    request: Request,
) -> Result<impl IntoResponse, Problem> {
    let (who, octets, is_table) = if headers.contains_key(SIGNATURE) && !headers.contains_key(header::AUTHORIZATION) {
        let (octets, is_table) = signed(&door, &headers, request).await?;
        ("webhook".to_owned(), octets, is_table)
    } else {
        let who = bearer::demand(&door, &headers, Scope::Outcomes).await?;
        let (octets, is_table) = body::octets(request, &body::ROWS).await?;
        (who, octets, is_table)
    };
    let intake = door.intake.load_full();
    let options = Options { format: rows::format(is_table), ..Options::default() };
    let config = Arc::clone(&intake);
    let told = rows::look(move || outcomes::read(&octets, &options, &config.config, &mut |_| {})).await?;
    if !told.refused.is_empty() {
        return Err(rows::refused(&told.refused));
    }
    let bringer = Bringer { who, what: "POST /v1/outcomes" };
    let done = outcomes::record(&door.store, &intake, told.outcomes, bringer, Commit::Durable).await.map_err(|e| {
        error!("outcomes were not recorded: {}", chain(&e));
        Problem::unavailable("the outcomes cannot be recorded")
    })?;
    let done = done.map_err(|refused| rows::refused(&refused))?;
    let taken = OutcomesTaken { recorded: done.recorded, unchanged: done.unchanged };
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, serde_json::to_string(&taken).unwrap_or_default()))
}

const SIGNATURE: &str = "webhook-signature";

/// The body of a request that a secret of the config has signed.
async fn signed(door: &Admin, headers: &HeaderMap, request: Request) -> Result<(Bytes, bool), Problem> {
    let refuse = |why: &str| bearer::unauthorized(why, "Bearer realm=\"leadmilter\"");
    let intake = door.intake.load_full();
    let secrets = &intake.config.outcomes.secrets;
    if secrets.is_empty() {
        return Err(refuse("signed requests are not set up here: the config has no outcomes.secret_file"));
    }
    let field = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (id, timestamp, signature) = (field("webhook-id"), field("webhook-timestamp"), field(SIGNATURE));
    let signed = Signed { id, timestamp, signature };
    signed.is_due(Millis::now()).map_err(refuse)?;
    let (octets, is_table) = body::octets(request, &body::ROWS).await?;
    if !signed.is_by(secrets, &octets) {
        return Err(refuse("no secret of the config has signed this: sign webhook-id, webhook-timestamp and the body"));
    }
    Ok((octets, is_table))
}
