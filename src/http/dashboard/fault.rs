//! Why a page is not shown, as the person who asked for it reads it.
//!
//! A handler gives back one of these; `gate` makes a page of it in the reader's language, or leaves the problem+json that a
//! program reads. What is wrong inside stands in the log alone.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use tracing::error;

use super::super::problem::Problem;
use crate::{language::Text, maillog::chain, store::StoreError};

/// Why a page is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody is logged in; the path leads back here afterwards.
    LogIn(String),
    /// The proxy has not said who asks, or is none that is believed.
    NoProxy,
    /// The proxy names somebody who may not come in.
    Stranger(String),
    /// Their role does not reach so far.
    Role,
    /// The request came from another site's page.
    Foreign,
    /// There is nothing under this path.
    Missing,
    /// What was sent is no form that we know.
    Unreadable,
    /// What was asked for makes no sense; the text says why.
    Wrong(Text),
    /// Too many attempts to log in.
    Often,
    /// Something of ours fails.
    Unavailable,
}

impl Fault {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::LogIn(_) => StatusCode::SEE_OTHER,
            Self::NoProxy | Self::Stranger(_) | Self::Role | Self::Foreign => StatusCode::FORBIDDEN,
            Self::Missing => StatusCode::NOT_FOUND,
            Self::Unreadable => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Wrong(_) => StatusCode::BAD_REQUEST,
            Self::Often => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What is wrong and what to do, for people.
    pub fn text(&self) -> Text {
        match self {
            Self::LogIn(_) => Text { en: "Log in first.", ru: "Сначала войдите." },
            Self::NoProxy => Text {
                en: "This dashboard is reached through the company's log-in page. Ask the administrator for its address.",
                ru: "Эта страница открывается через страницу входа компании. Спросите её адрес у администратора.",
            },
            Self::Stranger(_) => Text {
                en: "You may not come in here yet. An administrator lets you in: leadmilter user add NAME --role viewer",
                ru: "У вас пока нет доступа. Его даёт администратор: leadmilter user add ИМЯ --role viewer",
            },
            Self::Role => Text {
                en: "Your role does not allow this. Ask an administrator for it.",
                ru: "Ваша роль этого не позволяет. Обратитесь к администратору.",
            },
            Self::Foreign => Text {
                en: "This was sent from another site, so nothing was done. Open the page here and send it again.",
                ru: "Запрос пришёл с другого сайта, поэтому ничего не сделано. Откройте страницу здесь и повторите.",
            },
            Self::Missing => Text {
                en: "There is nothing here. It may have been deleted, or the address is mistyped.",
                ru: "Здесь ничего нет. Возможно, запись удалена или в адресе опечатка.",
            },
            Self::Unreadable => Text {
                en: "This form cannot be read. Open the page again and send it once more.",
                ru: "Форму не удалось прочитать. Откройте страницу заново и отправьте её ещё раз.",
            },
            Self::Wrong(text) => *text,
            Self::Often => Text {
                en: "Too many attempts. Wait a minute, then try again.",
                ru: "Слишком много попыток. Подождите минуту и попробуйте снова.",
            },
            Self::Unavailable => Text {
                en: "This does not work just now. The log says why; try again in a moment.",
                ru: "Сейчас это не работает. Причина записана в журнале; попробуйте чуть позже.",
            },
        }
    }
}

impl From<StoreError> for Fault {
    fn from(fault: StoreError) -> Self {
        if matches!(fault, StoreError::TooManyRows(_)) {
            return Self::Wrong(Text {
                en: "The report has too many rows. Ask for fewer days, dimensions or models, or filter it.",
                ru: "В отчёте слишком много строк. Уменьшите период, число измерений или моделей, либо добавьте фильтр.",
            });
        }
        error!("a page could not be made: {}", chain(&fault));
        Self::Unavailable
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        if let Self::LogIn(back) = &self {
            let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("back", back).finish();
            let to = if back == "/" { "/login".to_owned() } else { format!("/login?{query}") };
            let location = HeaderValue::from_str(&to).unwrap_or(HeaderValue::from_static("/login"));
            return (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
        }
        let mut response = Problem::new(self.status(), self.text().en).into_response();
        response.extensions_mut().insert(self);
        response
    }
}
