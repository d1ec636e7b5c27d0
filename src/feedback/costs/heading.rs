//! What headings of cost files mean, in the words of those who write such files, and whose file it is by them.

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// A day, or a period in one cell.
    Date,
    /// The first day of a period.
    From,
    /// Its last day.
    To,
    Provider,
    Channel,
    Source,
    Medium,
    Campaign,
    CampaignId,
    Term,
    Content,
    /// In units of the currency.
    Amount,
    /// In millionths.
    Micros,
    Currency,
    Clicks,
    Impressions,
    Vat,
}

/// What a heading means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heading {
    pub(super) field: Field,
    /// What only one of them writes.
    hint: Hint,
    /// Whether the amounts hold value added tax, if the heading says so.
    pub(super) has_vat: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hint {
    None,
    /// `segments.date`, `metrics.cost_micros`.
    Api,
    /// `Day`, `Currency code`: Google's own reports.
    Day,
    /// `CampaignId` and `CampaignName` with `Cost`.
    Named,
    /// `Cost`, which several have.
    Cost,
    /// `Расход`.
    Spent,
    /// `Expenses`.
    Expenses,
}

/// Who writes such files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Google Ads, by its API or by hand.
    GoogleAds,
    /// Yandex Direct.
    YandexDirect,
    /// The format in which Google Analytics takes costs.
    Ga4,
    /// The format in which Yandex Metrica takes expenses.
    Metrika,
    /// A person.
    Manual,
}

impl Origin {
    /// The provider that rows are of which name none.
    pub fn provider(self) -> &'static str {
        match self {
            Self::GoogleAds => "google_ads",
            Self::YandexDirect => "yandex_direct",
            Self::Ga4 => "ga4",
            Self::Metrika => "metrika",
            Self::Manual => "manual",
        }
    }

    /// `utm_source` and `utm_medium` of what it tells, where no column says so: advertising systems sell nothing else.
    pub(super) fn utm(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::GoogleAds => Some(("google", "cpc")),
            Self::YandexDirect => Some(("yandex", "cpc")),
            Self::Ga4 | Self::Metrika | Self::Manual => None,
        }
    }
}

/// Headings, for people.
pub(super) const KNOWN: &str = "date (or from and to), amount (or cost, expenses, metrics.cost_micros), currency, \
    provider, channel, utm_source, utm_medium, utm_campaign, campaign_id, utm_term, utm_content, clicks, impressions, vat";

/// What a heading means.
pub(super) fn meaning(plain: &str) -> Option<Heading> {
    use Field as F;
    let (field, hint) = match plain {
        "date" | "дата" => (F::Date, Hint::None),
        "day" | "день" => (F::Date, Hint::Day),
        "segmentsdate" => (F::Date, Hint::Api),
        "from" | "datefrom" | "startdate" | "датаначала" | "начало" => (F::From, Hint::None),
        "to" | "dateto" | "enddate" | "датаокончания" | "окончание" => (F::To, Hint::None),
        "provider" => (F::Provider, Hint::None),
        "channel" | "channelid" | "канал" => (F::Channel, Hint::None),
        "utmsource" | "source" | "источник" => (F::Source, Hint::None),
        "utmmedium" | "medium" => (F::Medium, Hint::None),
        "utmcampaign" | "campaign" => (F::Campaign, Hint::None),
        "campaignname" | "кампания" | "названиекампании" => (F::Campaign, Hint::Named),
        "utmid" => (F::CampaignId, Hint::None),
        "campaignid" | "idкампании" | "номеркампании" | "кампании" => {
            (F::CampaignId, Hint::Named)
        }
        "utmterm" | "term" => (F::Term, Hint::None),
        "utmcontent" | "content" => (F::Content, Hint::None),
        "amount" | "сумма" => (F::Amount, Hint::None),
        "cost" | "стоимость" => (F::Amount, Hint::Cost),
        "expenses" => (F::Amount, Hint::Expenses),
        "metricscostmicros" | "costmicros" => (F::Micros, Hint::Api),
        "currency" | "валюта" => (F::Currency, Hint::None),
        "currencycode" | "кодвалюты" => (F::Currency, Hint::Day),
        "customercurrencycode" => (F::Currency, Hint::Api),
        "clicks" | "клики" => (F::Clicks, Hint::None),
        "metricsclicks" => (F::Clicks, Hint::Api),
        "impressions" | "impr" | "показы" => (F::Impressions, Hint::None),
        "metricsimpressions" => (F::Impressions, Hint::Api),
        "vat" | "hasvat" | "includevat" | "ндс" => (F::Vat, Hint::None),
        _ => return spent(plain),
    };
    // Metrica asks for expenses without tax.
    let has_vat = (hint == Hint::Expenses).then_some(false);
    Some(Heading { field, hint, has_vat })
}

/// `Расход`, `Расходы`, `Расход (руб., с НДС)`: the heading in reports of Yandex Direct.
fn spent(plain: &str) -> Option<Heading> {
    let rest = plain.strip_prefix("расходы").or_else(|| plain.strip_prefix("расход"))?;
    let has_vat = match rest {
        "" | "руб" => None,
        "сндс" | "рубсндс" | "сучётомндс" | "сучетомндс" | "рубсучётомндс" | "рубсучетомндс" => {
            Some(true)
        }
        "безндс" | "руббезндс" | "безучётандс" | "безучетандс" => Some(false),
        _ => return None,
    };
    Some(Heading { field: Field::Amount, hint: Hint::Spent, has_vat })
}

/// Whose file it is.
pub(super) fn origin(columns: &[Heading]) -> Origin {
    let hinted = |hint| columns.iter().any(|column| column.hint == hint);
    let has = |field| columns.iter().any(|column| column.field == field);
    let is_named = hinted(Hint::Spent) || hinted(Hint::Cost) && hinted(Hint::Named);
    // Somebody may have added the channel to what these write, which is theirs all the same.
    if hinted(Hint::Api) {
        Origin::GoogleAds
    } else if hinted(Hint::Expenses) {
        Origin::Metrika
    } else if has(Field::Channel) {
        Origin::Manual
    } else if hinted(Hint::Cost) && has(Field::Source) {
        Origin::Ga4
    } else if hinted(Hint::Cost) && hinted(Hint::Day) {
        Origin::GoogleAds
    } else if is_named && !has(Field::Source) {
        Origin::YandexDirect
    } else {
        Origin::Manual
    }
}
