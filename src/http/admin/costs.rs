//! `POST /v1/costs`: what advertising has cost, from programs.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Uri, header},
    response::IntoResponse,
};
use serde::Serialize;
use tracing::error;
use url::form_urlencoded;
use utoipa::ToSchema;

use super::{
    super::{body, problem::Problem},
    Admin, bearer, rows,
};
use crate::{
    channel::Utm,
    config::Config,
    feedback::costs::{self, Options, Summary},
    maillog::chain,
    store::{Imported, Scope},
};

/// What was spent on a place of advertising on a day, or in a period. Columns of Yandex Metrica, Google Ads, Yandex Direct and
/// Google Analytics are known under their own names, too; others are not read.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the schema of a row, which `feedback` reads")]
#[schema(example = json!({"date": "2026-11-01", "utm_source": "vk", "utm_medium": "social", "amount": "1234.50", "clicks": 17}))]
pub struct CostRow {
    /// `2026-11-01`, or two days with a slash between them
    date: Option<String>,
    /// First day, if it is a period
    from: Option<String>,
    /// Last day, which is included
    to: Option<String>,
    /// A decimal number with a point
    #[schema(schema_with = amount)]
    amount: Option<String>,
    /// ISO 4217
    currency: Option<String>,
    /// Who tells it: letters, digits, `.`, `_`, `-`
    provider: Option<String>,
    /// Id of a channel
    channel: Option<String>,
    utm_source: Option<String>,
    utm_medium: Option<String>,
    utm_campaign: Option<String>,
    utm_term: Option<String>,
    utm_content: Option<String>,
    /// The advertising system's id of the campaign
    #[schema(schema_with = number)]
    campaign_id: Option<String>,
    #[schema(schema_with = number)]
    clicks: Option<u64>,
    #[schema(schema_with = number)]
    impressions: Option<u64>,
    /// Whether the amount holds value added tax
    vat: Option<bool>,
}

/// A decimal number, as text or as a number.
pub fn amount() -> utoipa::openapi::Schema {
    of_types(&["string", "number", "null"])
}

/// A whole number, as a number or as text.
pub fn number() -> utoipa::openapi::Schema {
    of_types(&["string", "integer", "null"])
}

fn of_types(types: &[&str]) -> utoipa::openapi::Schema {
    serde_json::from_value(serde_json::json!({ "type": types })).unwrap_or_default()
}

/// What was taken in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"dry_run": false, "rows": 1, "days": 1, "from": "2026-11-01", "to": "2026-11-01",
    "sums": [{"currency": "RUB", "amount": "1234.50"}], "matched": 0, "unmatched": 1, "unmatched_places": [{"channel": "",
    "source": "vk", "medium": "social", "campaign": "", "term": "", "content": "", "rows": 1}], "unread": [], "added": 1,
    "replaced": 0, "unchanged": 0}))]
pub struct CostsTaken {
    /// Whether nothing was kept, because that was asked for.
    dry_run: bool,
    /// Rows, one for each day and place.
    rows: u64,
    /// Days that they are of.
    days: u64,
    /// The first of them.
    #[schema(required)]
    from: Option<String>,
    /// The last of them.
    #[schema(required)]
    to: Option<String>,
    /// Sum by currency.
    sums: Vec<CostSum>,
    /// Rows that belong to a channel.
    matched: u64,
    /// Rows that belong to none; they are kept.
    unmatched: u64,
    /// The places of those, at most twenty.
    unmatched_places: Vec<CostPlace>,
    /// Columns and keys that were not read.
    unread: Vec<String>,
    /// Rows that were not there before.
    added: u64,
    /// Rows that took the place of earlier ones.
    replaced: u64,
    /// Rows that were there before, and the same.
    unchanged: u64,
}

/// An amount and its currency.
#[derive(Debug, Serialize, ToSchema)]
pub struct CostSum {
    currency: String,
    amount: String,
}

/// A place that belongs to no channel.
#[derive(Debug, Serialize, ToSchema)]
pub struct CostPlace {
    /// The channel that it names, which the config has not.
    channel: String,
    source: String,
    medium: String,
    campaign: String,
    term: String,
    content: String,
    /// Rows of it.
    rows: u64,
}

/// Take in what advertising has cost
///
/// All rows, or none if one cannot be used; the answer says why of each. A row is known by day, provider, channel, UTM
/// values and campaign id: told again, it replaces. Rows of one request that are the same are summed.
#[utoipa::path(
    post, path = "/v1/costs", operation_id = "import_costs", tag = "costs", security(("token" = ["costs"])),
    params(
        ("provider" = Option<String>, Query, description = "Of rows that name none"),
        ("currency" = Option<String>, Query, description = "Of rows that name none"),
        ("channel" = Option<String>, Query, description = "Of rows that name none; a channel of the config"),
        ("from" = Option<String>, Query, description = "First day of rows that name none; goes with `to`"),
        ("to" = Option<String>, Query, description = "Last day of rows that name none"),
        ("vat" = Option<String>, Query, description = "`included` or `excluded`, where rows do not say so"),
        ("dry_run" = Option<String>, Query, description = "`true`: keep nothing, only say what would be kept"),
    ),
    request_body(content((Vec<CostRow> = "application/json"), (String = "text/csv"))),
    responses((status = 200, description = "They are kept", content((CostsTaken = "application/json")))),
)]
pub async fn import(
    State(door): State<Arc<Admin>>,
    headers: HeaderMap,
    request: Request,
) -> Result<impl IntoResponse, Problem> {
    let who = bearer::demand(&door, &headers, Scope::Costs).await?;
    let intake = door.intake.load_full();
    let asked = Asked::of(request.uri(), &intake.config).map_err(rows::wrong)?;
    let (octets, is_table) = body::octets(request, &body::ROWS).await?;
    let options = Options { format: rows::format(is_table), ..asked.options };
    let preview = rows::look(move || costs::preview(&octets, &options, &intake.config, &mut |_| {})).await?;
    if !preview.refused.is_empty() {
        return Err(rows::refused(&preview.refused));
    }
    let mut imported = Imported::default();
    if !asked.dry_run {
        let done = costs::import(&door.store, preview.costs, &preview.summary, who, "POST /v1/costs").await;
        imported = done.map_err(|e| {
            error!("costs were not kept: {}", chain(&e));
            Problem::unavailable("the costs cannot be kept")
        })?;
    }
    let taken = taken(preview.summary, preview.unread, asked.dry_run, imported);
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, serde_json::to_string(&taken).unwrap_or_default()))
}

fn taken(summary: Summary, unread: Vec<String>, dry_run: bool, imported: Imported) -> CostsTaken {
    let Summary { rows, days, from, to, sums, matched, unmatched, unmatched_places } = summary;
    let sum = |sum: costs::Sum| CostSum { currency: sum.currency.to_string(), amount: sum.amount.to_string() };
    let place = |of: costs::Place| {
        let Utm { source, medium, campaign, term, content } = of.utm;
        CostPlace { channel: of.channel, source, medium, campaign, term, content, rows: of.rows }
    };
    CostsTaken {
        dry_run,
        rows,
        days,
        from: from.map(|day| day.to_string()),
        to: to.map(|day| day.to_string()),
        sums: sums.into_iter().map(sum).collect(),
        matched,
        unmatched,
        unmatched_places: unmatched_places.into_iter().map(place).collect(),
        unread,
        added: imported.added,
        replaced: imported.replaced,
        unchanged: imported.unchanged,
    }
}

/// What the query says.
struct Asked {
    options: Options,
    dry_run: bool,
}

impl Asked {
    fn of(uri: &Uri, config: &Config) -> Result<Self, String> {
        let query = uri.query().unwrap_or_default().as_bytes();
        let value = |wanted: &str| {
            let found = form_urlencoded::parse(query).find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.into_owned()).filter(|value| !value.is_empty())
        };
        let choice = |name: &str, yes: &str, no: &str| match value(name) {
            None => Ok(None),
            Some(text) if text == yes => Ok(Some(true)),
            Some(text) if text == no => Ok(Some(false)),
            Some(_) => Err(format!("{name} is neither {yes} nor {no}")),
        };
        let mut options = Options { has_vat: choice("vat", "included", "excluded")?, ..Options::default() };
        if let Some(code) = value("currency") {
            options.currency = Some(code.parse().map_err(|why| format!("currency {why}"))?);
        }
        if let Some(name) = value("provider") {
            options = options.of_provider(&name).map_err(|why| format!("provider {why}"))?;
        }
        if let Some(id) = value("channel") {
            options = options.of_channel(&id, config).map_err(|why| format!("channel {why}"))?;
        }
        let day = |name: &str, text: String| text.parse().map_err(|why| format!("{name} {why}"));
        options = match (value("from"), value("to")) {
            (Some(from), Some(to)) => options.of_days(day("from", from)?, day("to", to)?)?,
            (None, None) => options,
            _ => return Err("from and to go together".to_owned()),
        };
        Ok(Self { options, dry_run: choice("dry_run", "true", "false")?.unwrap_or_default() })
    }
}
