//! What messages, resolutions and deliveries are called.

use crate::{
    language::Text,
    lead::{Confidence, Kind, Lead, Status},
    outcome::OutcomeStatus,
    store::{CircuitState, DeliveryState},
};

/// What a message is.
pub fn kind(kind: Kind) -> Text {
    match kind {
        Kind::Lead => Text { en: "Lead", ru: "Лид" },
        Kind::AutoReply => Text { en: "Auto-reply", ru: "Автоответ" },
        Kind::Bounce => Text { en: "Bounce", ru: "Отказ доставки" },
        Kind::Complaint => Text { en: "Complaint", ru: "Жалоба" },
        Kind::Receipt => Text { en: "Read receipt", ru: "Уведомление о прочтении" },
        Kind::List => Text { en: "Mailing list", ru: "Рассылка" },
        Kind::Spam => Text { en: "Spam", ru: "Спам" },
        Kind::Internal => Text { en: "Internal", ru: "Внутреннее" },
        Kind::Test => Text { en: "Test", ru: "Тест" },
    }
}

/// Where a lead stands among those of its sender, and how that looks.
pub fn standing(lead: &Lead) -> (Text, &'static str) {
    match (lead.kind, &lead.in_thread_of) {
        (Kind::Lead, Some(_)) => (Text { en: "Reply", ru: "Ответ" }, ""),
        (Kind::Lead, None) if lead.repeat.unique => (Text { en: "New", ru: "Новый" }, "good"),
        (Kind::Lead, None) if lead.repeat.counts() => (Text { en: "Repeat", ru: "Повторный" }, ""),
        (Kind::Lead, None) => (Text { en: "Not counted", ru: "Не учтён" }, "warn"),
        (Kind::Spam | Kind::Complaint, _) => (kind(lead.kind), "bad"),
        (other, _) => (kind(other), ""),
    }
}

/// What an address turned out to be.
pub fn status(status: Status) -> Text {
    match status {
        Status::Exact => Text { en: "The address names a visit", ru: "Адрес указывает на визит" },
        Status::Channel => {
            Text { en: "Static address of a channel", ru: "Постоянный адрес канала" }
        }
        Status::Late => Text { en: "Names a visit of long ago", ru: "Указывает на давний визит" },
        Status::Expired => {
            Text { en: "Named a visit that is deleted", ru: "Указывал на удалённый визит" }
        }
        Status::Leaked => Text { en: "A leaked address", ru: "Утёкший адрес" },
        Status::Unknown => Text { en: "No substitute led here", ru: "Не через подменный адрес" },
    }
}

/// How sure the attribution of the person is.
pub fn confidence(confidence: Confidence) -> Text {
    match confidence {
        Confidence::Exact => Text { en: "The address itself tells", ru: "По самому адресу" },
        Confidence::Thread => Text { en: "An earlier letter of the thread tells", ru: "По переписке" },
        Confidence::Sender => Text {
            en: "An earlier lead of the sender tells", ru: "По прежнему лиду отправителя"
        },
        Confidence::None => Text { en: "Nothing tells", ru: "Не определено" },
    }
}

/// How far a lead has come, and how that looks.
pub fn outcome(status: OutcomeStatus) -> (Text, &'static str) {
    match status {
        OutcomeStatus::New => (Text { en: "New", ru: "Новый" }, ""),
        OutcomeStatus::InProgress => (Text { en: "In progress", ru: "В работе" }, ""),
        OutcomeStatus::Qualified => (Text { en: "Qualified", ru: "Квалифицирован" }, "good"),
        OutcomeStatus::Won => (Text { en: "Won", ru: "Продажа" }, "good"),
        OutcomeStatus::Lost => (Text { en: "Lost", ru: "Отказ" }, "bad"),
        OutcomeStatus::Spam => (Text { en: "Spam", ru: "Спам" }, "bad"),
        OutcomeStatus::Refund => (Text { en: "Refund", ru: "Возврат" }, "warn"),
    }
}

/// Where a delivery stands, and how that looks.
pub fn delivery(state: DeliveryState) -> (Text, &'static str) {
    match state {
        DeliveryState::Pending => (Text { en: "Waiting", ru: "Ждёт" }, "warn"),
        DeliveryState::Delivered => (Text { en: "Delivered", ru: "Доставлено" }, "good"),
        DeliveryState::Dead => (Text { en: "Given up", ru: "Не доставлено" }, "bad"),
        DeliveryState::Skipped => (Text { en: "Not for this receiver", ru: "Не для этого получателя" }, ""),
    }
}

/// How a sink is called, and how that looks.
pub fn circuit(state: Option<CircuitState>) -> (Text, &'static str) {
    match state {
        None | Some(CircuitState::Resumed) => (Text { en: "As usual", ru: "Работает" }, "good"),
        Some(CircuitState::Suspended) => (Text { en: "Suspended", ru: "Приостановлен" }, "bad"),
        Some(CircuitState::Disabled) => (Text { en: "Paused", ru: "Отключён" }, "warn"),
    }
}
