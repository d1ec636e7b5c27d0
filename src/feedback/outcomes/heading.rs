//! What headings of outcome files mean.

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    LeadId,
    MessageId,
    ExternalId,
    System,
    Sender,
    Status,
    Stage,
    Amount,
    Currency,
    OccurredAt,
    DealId,
}

impl Field {
    /// Its key in JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::LeadId => "lead_id",
            Self::MessageId => "message_id",
            Self::ExternalId => "external_id",
            Self::System => "system",
            Self::Sender => "sender",
            Self::Status => "status",
            Self::Stage => "stage",
            Self::Amount => "amount",
            Self::Currency => "currency",
            Self::OccurredAt => "occurred_at",
            Self::DealId => "deal_id",
        }
    }

    /// Whether it says which lead is meant.
    pub(super) fn names_lead(self) -> bool {
        matches!(self, Self::LeadId | Self::MessageId | Self::ExternalId | Self::Sender)
    }
}

/// Headings, for people.
pub(super) const KNOWN: &str = "lead_id, message_id, external_id, system, sender, status, stage, amount, currency, \
    occurred_at, deal_id";

/// What a heading means.
pub(super) fn meaning(plain: &str) -> Option<Field> {
    Some(match plain {
        "leadid" | "lead" => Field::LeadId,
        "messageid" => Field::MessageId,
        "externalid" => Field::ExternalId,
        "system" => Field::System,
        "sender" | "email" | "почта" => Field::Sender,
        "status" | "статус" => Field::Status,
        "stage" | "этап" => Field::Stage,
        "amount" | "сумма" => Field::Amount,
        "currency" | "валюта" => Field::Currency,
        "occurredat" | "date" | "дата" => Field::OccurredAt,
        "dealid" | "deal" => Field::DealId,
        _ => return None,
    })
}
