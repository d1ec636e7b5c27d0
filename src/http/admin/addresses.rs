//! `POST /v1/addresses`: an address for what has no browser: a signature, a page made by a server, a QR code.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use serde::{Deserialize, Serialize};
use tracing::error;
use utoipa::ToSchema;

use super::{
    super::{
        body::{self, JSON},
        problem::Problem,
    },
    Admin, bearer,
};
use crate::{
    channel::Utm,
    clock::Millis,
    issuing::{Order, OrderError},
    maillog::chain,
    store::Scope,
};

/// What an address is ordered for. What is left out is taken from the landing page and the referrer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"channel": "newsletter", "utm": {"source": "letter", "medium": "email", "campaign": "autumn"},
    "custom": {"manager": "17"}, "mailboxes": ["info@company.ru"]}))]
pub struct AddressOrder {
    /// Id of a channel.
    channel: Option<String>,
    /// UTM values; those of the channel if there are none.
    utm: Option<OrderedUtm>,
    /// URL of the first page of the visit.
    landing: Option<String>,
    /// URL of the page before that.
    referrer: Option<String>,
    /// Client ids of analytics systems by name.
    client: Option<BTreeMap<String, String>>,
    /// Values of your own.
    custom: Option<BTreeMap<String, String>>,
    /// Mailboxes to have the address of; the one that tokens stand for if there are none.
    mailboxes: Option<Vec<String>>,
}

/// UTM values.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderedUtm {
    source: Option<String>,
    medium: Option<String>,
    campaign: Option<String>,
    term: Option<String>,
    content: Option<String>,
}

/// An address that was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"token": "9gdkczyba0", "addresses": {"info@company.ru": "info+9gdkczyba0@company.ru"},
    "channel": "newsletter", "issued_at": "2026-11-22T04:26:10.344Z"}))]
pub struct OrderedAddress {
    /// What names it.
    #[schema(pattern = "^[0-9a-hjkmnp-tv-z]{10}$")]
    token: String,
    /// The address by mailbox, in the spelling of the order.
    addresses: BTreeMap<String, String>,
    /// Id of its channel.
    #[schema(required)]
    channel: Option<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    issued_at: String,
}

/// Have an address made
///
/// Each call makes a new one, which is never used again for anything else.
#[utoipa::path(
    post, path = "/v1/addresses", operation_id = "order_address", tag = "addresses",
    security(("token" = ["addresses"])),
    request_body(content((AddressOrder = "application/json"))),
    responses((status = 201, description = "The address", content((OrderedAddress = "application/json")))),
)]
pub async fn order(
    State(door): State<Arc<Admin>>,
    headers: HeaderMap,
    request: axum::extract::Request,
) -> Result<impl IntoResponse, Problem> {
    // Who may order is asked before anything else is said.
    bearer::demand(&door, &headers, Scope::Addresses).await?;
    let asked: AddressOrder = body::read(request, &JSON).await?;
    let issuer = door.issuer.load_full();
    let issuer =
        issuer.ok_or_else(|| Problem::not_found("addresses are not set up here: the config has no [dynamic]"))?;
    let issued = issuer.order(asked.into(), Millis::now()).await.map_err(refusal)?;
    let made = OrderedAddress {
        token: issued.token.to_string(),
        addresses: issued.addresses,
        channel: issued.channel,
        issued_at: issued.issued_at.to_string(),
    };
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, headers, serde_json::to_string(&made).unwrap_or_default()))
}

fn refusal(fault: OrderError) -> Problem {
    match fault {
        OrderError::Store(fault) => {
            error!("an address that was ordered could not be made: {}", chain(&fault));
            Problem::unavailable("the address cannot be kept")
        }
        wrong => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, wrong.to_string()),
    }
}

impl From<AddressOrder> for Order {
    fn from(asked: AddressOrder) -> Self {
        let OrderedUtm { source, medium, campaign, term, content } = asked.utm.unwrap_or_default();
        let [source, medium, campaign, term, content] =
            [source, medium, campaign, term, content].map(Option::unwrap_or_default);
        Self {
            channel: asked.channel,
            utm: Utm { source, medium, campaign, term, content },
            landing: asked.landing,
            referrer: asked.referrer,
            client: asked.client.unwrap_or_default(),
            custom: asked.custom.unwrap_or_default(),
            mailboxes: asked.mailboxes.unwrap_or_default(),
        }
    }
}
