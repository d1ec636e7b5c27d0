//! What a report's page is asked for: the query that its URL says, and links to others like it.

use jiff::civil::Date;

use super::super::Params;
use crate::report::{Compare, Dimension, Filter, Model, Period, Preset, Query, Sort, SortBy};

/// Days that are shown one by one; of more, weeks are, then months.
const DAYS: u32 = 100;
const WEEKS: u32 = 800;

/// A report as its URL asks for it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Which report.
    pub preset: Preset,
    /// Where its page is.
    pub path: String,
    /// The whole query of the URL.
    pub params: Params,
    /// What it means.
    pub query: Query,
    /// The name of its period, if it has one: `30d`.
    pub period: Option<String>,
}

impl Asked {
    /// Reads a URL; an error says what of it makes no sense, in English.
    pub fn read(preset: Preset, params: Params, today: Date, model: Model) -> Result<Self, String> {
        let dates = dates(&params, today)?;
        let name = params.get("period").unwrap_or("30d").to_owned();
        let period = dates.map_or_else(|| name.clone(), |period| period.to_string());
        let has = |name| params.get(name).is_some();
        let parsed = Period::parse(&period, today)?;
        let mut pairs: Vec<(&str, &str)> = vec![("preset", preset.as_str()), ("period", &period)];
        if preset == Preset::Calendar && !has("by") {
            pairs.push(("by", unit_of_time(parsed).as_str()));
        }
        if matches!(preset, Preset::Calendar) && !has("compare") {
            pairs.push(("compare", "previous"));
        }
        for known in ["metrics", "by", "filter", "compare", "model", "sort", "limit"] {
            pairs.extend(params.all(known).map(|value| (known, value)));
        }
        let query = Query::read(pairs, today, model)?;
        let path = format!("/reports/{preset}");
        Ok(Self { preset, path, query, period: dates.is_none().then_some(name), params })
    }

    /// The same report but for these.
    pub fn href(&self, changes: &[(&str, Option<&str>)]) -> String {
        self.params.href(&self.path, changes)
    }

    /// The URL without what it says twice, if it does: a form sends the dates of a named period along with its name.
    pub fn canonical(&self, today: Date) -> Option<String> {
        let named = self.params.get("period").unwrap_or("30d");
        let says_dates = self.params.get("from").is_some() || self.params.get("to").is_some();
        if !says_dates {
            return None;
        }
        let is_named = Period::parse(named, today).is_ok_and(|period| period == self.query.period);
        let whole = self.query.period.to_string();
        let period = if is_named { named } else { whole.as_str() };
        Some(self.href(&[("from", None), ("to", None), ("period", Some(period))]))
    }

    /// The same report of what also fits `filter`, broken down by the next dimension.
    pub fn deeper(&self, filters: &[Filter]) -> String {
        let mut all = self.query.filters.clone();
        all.extend(filters.iter().filter(|filter| !self.query.filters.contains(filter)).cloned());
        let texts: Vec<String> = all.iter().map(Filter::to_text).collect();
        let from = filters.first().map_or(Dimension::Channel, |filter| filter.dimension);
        let by = next(from, &all);
        let stays = matches!(self.preset, Preset::Channels | Preset::Models | Preset::Funnel);
        let path = format!("/reports/{}", if stays { self.preset } else { Preset::Channels });
        let mut changes = vec![("by", Some(by.as_str())), ("sort", None), ("filter", None)];
        if !stays {
            changes.push(("metrics", None));
        }
        changes.extend(texts.iter().map(|text| ("filter", Some(text.as_str()))));
        self.params.href(&path, &changes)
    }

    /// The channels of some days, such as those of one row of a calendar.
    pub fn days(&self, period: Period) -> String {
        let period = period.to_string();
        let changes = [("by", None), ("sort", None), ("metrics", None), ("compare", None), ("period", Some(&*period))];
        self.params.href("/reports/channels", &changes)
    }

    /// The same report without one of its filters.
    pub fn without(&self, place: usize) -> String {
        let texts = self.query.filters.iter().enumerate().filter(|(other, _)| *other != place);
        let texts: Vec<String> = texts.map(|(_, filter)| filter.to_text()).collect();
        let mut changes = vec![("filter", None)];
        changes.extend(texts.iter().map(|text| ("filter", Some(text.as_str()))));
        self.href(&changes)
    }

    /// What the rows are sorted by, and whether the largest come first.
    pub fn sort(&self) -> Sort {
        let is_time = |by: &Dimension| by.of() == crate::report::Of::Time;
        let by_time = !self.query.by.is_empty() && self.query.by.iter().all(is_time);
        let default = if by_time {
            Sort { by: SortBy::Dimension(0), descending: false }
        } else {
            Sort { by: SortBy::Column(0), descending: true }
        };
        self.query.sort.unwrap_or(default)
    }

    /// The same report sorted by something of this name: the largest numbers first, names from the beginning, or the other way
    /// round if it is sorted so already.
    pub fn sorted(&self, by: SortBy, name: &str) -> String {
        let now = self.sort();
        let descending = if now.by == by { !now.descending } else { matches!(by, SortBy::Column(_)) };
        let text = if descending { format!("-{name}") } else { name.to_owned() };
        self.href(&[("sort", Some(&text))])
    }

    /// What the select of comparisons says.
    pub fn compare(&self) -> &'static str {
        match self.query.compare {
            None => "none",
            Some(Compare::Previous) => "previous",
            Some(Compare::Year) => "year",
        }
    }
}

/// The days that a form says, where they are not those of the period that it names.
fn dates(params: &Params, today: Date) -> Result<Option<Period>, String> {
    let date = |name| params.get(name).map(|text| Period::parse(text, today)).transpose();
    let (from, to) = (date("from")?, date("to")?);
    let Some(first) = from.or(to) else { return Ok(None) };
    let period = Period { first: first.first, last: to.map_or(today.max(first.first), |to| to.last) };
    if period.first > period.last {
        return Err(format!("the period begins on {}, after it ends on {}", period.first, period.last));
    }
    let named = params.get("period").unwrap_or("30d");
    Ok(Some(period).filter(|period| Period::parse(named, today).as_ref() != Ok(period)))
}

/// Days, weeks or months, so that a period is neither one dot nor a thousand.
pub fn unit_of_time(period: Period) -> Dimension {
    match period.days() {
        days if days <= DAYS => Dimension::Day,
        days if days <= WEEKS => Dimension::Week,
        _ => Dimension::Month,
    }
}

/// What a row is broken down by next: what is beneath its dimension, and not asked for already.
fn next(from: Dimension, filters: &[Filter]) -> Dimension {
    use Dimension as D;
    let beneath: &[D] = match from {
        D::Channel => &[D::Campaign, D::Term, D::Content],
        D::Source => &[D::Medium, D::Campaign, D::Term, D::Content],
        D::Medium => &[D::Source, D::Campaign, D::Term, D::Content],
        D::Campaign => &[D::Term, D::Content],
        D::Term => &[D::Content],
        D::Referrer => &[D::LandingPage],
        D::Mailbox => &[D::Address],
        _ => &[],
    };
    let rest = [D::Channel, D::Campaign, D::Term, D::Content, D::LandingPage, D::Source, D::Medium, D::SenderDomain];
    let is_free = |by: &D| *by != from && filters.iter().all(|filter| filter.dimension != *by);
    beneath.iter().chain(&rest).copied().find(is_free).unwrap_or(D::Day)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = Date::constant(2026, 11, 26);

    fn asked(preset: Preset, url: &str) -> Asked {
        Asked::read(preset, Params::parse(url.as_bytes()), TODAY, Model::Linear).unwrap()
    }

    #[test]
    fn a_url_says_all() {
        let asked = asked(Preset::Channels, "by=campaign&filter=channel%3Da%26b&compare=year&lang=ru&x=y&model=first");
        let query = &asked.query;
        assert_eq!(
            (query.by.as_slice(), query.model, asked.compare()),
            (&[Dimension::Campaign][..], Model::First, "year")
        );
        assert_eq!(query.filters, [Filter { dimension: Dimension::Channel, value: Some("a&b".into()) }]);
        assert_eq!((asked.period.as_deref(), query.period.to_string()), (Some("30d"), "2026-10-28..2026-11-26".into()));
        let read = |url: &str| Asked::read(Preset::Channels, Params::parse(url.as_bytes()), TODAY, Model::First).err();
        assert!(read("by=nonsense").unwrap().starts_with("\"nonsense\" is no dimension"));
        assert_eq!(
            read("from=2026-12-01&to=2026-11-26").unwrap(),
            "the period begins on 2026-12-01, after it ends on 2026-11-26"
        );
    }

    #[test]
    fn time_is_told_in_units_that_fit() {
        let by = |url: &str| asked(Preset::Calendar, url).query.by;
        assert_eq!(by("period=year"), [Dimension::Week]);
        assert_eq!(by("period=30d"), [Dimension::Day]);
        assert_eq!(by("period=all"), [Dimension::Month]);
        assert_eq!(by("period=all&by=day"), [Dimension::Day]);
    }

    #[test]
    fn dates_of_a_form_count_where_they_are_not_those_of_its_period() {
        let url = |text: &str| asked(Preset::Channels, text).canonical(TODAY);
        assert_eq!(url("period=7d"), None);
        assert_eq!(
            url("period=7d&from=2026-11-20&to=2026-11-26&model=last").as_deref(),
            Some("/reports/channels?model=last&period=7d")
        );
        assert_eq!(
            url("period=7d&from=2026-11-01&to=2026-11-26").as_deref(),
            Some("/reports/channels?period=2026-11-01..2026-11-26")
        );
        assert_eq!(asked(Preset::Channels, "to=2026-11-01").query.period.to_string(), "2026-11-01..2026-11-01");
    }

    #[test]
    fn a_row_leads_deeper_until_all_is_said() {
        let filter =
            |dimension, value: &str| Filter { dimension, value: (!value.is_empty()).then(|| value.to_owned()) };
        let channels = asked(Preset::Channels, "period=7d&sort=-cost&metrics=leads,cost");
        assert_eq!(
            channels.deeper(&[filter(Dimension::Channel, "щит & co")]),
            "/reports/channels?period=7d&metrics=leads%2Ccost&by=campaign&filter=channel%3D%D1%89%D0%B8%D1%82+%26+co"
        );
        let deep = asked(Preset::Channels, "filter=channel%3Da&filter=campaign%3Db&by=term");
        assert_eq!(
            deep.deeper(&[filter(Dimension::Term, "")]),
            "/reports/channels?by=content&filter=channel%3Da&filter=campaign%3Db&filter=term%3D"
        );
        let senders = asked(Preset::Senders, "metrics=spam");
        assert_eq!(
            senders.deeper(&[filter(Dimension::SenderDomain, "a.example")]),
            "/reports/channels?by=channel&filter=sender_domain%3Da.example"
        );
        assert_eq!(deep.without(0), "/reports/channels?by=term&filter=campaign%3Db");
    }

    #[test]
    fn a_heading_sorts_and_turns() {
        let plain = asked(Preset::Channels, "");
        assert_eq!(plain.sorted(SortBy::Column(0), "leads"), "/reports/channels?sort=leads");
        assert_eq!(plain.sorted(SortBy::Column(4), "cost"), "/reports/channels?sort=-cost");
        assert_eq!(plain.sorted(SortBy::Dimension(0), "channel"), "/reports/channels?sort=channel");
        let turned = asked(Preset::Channels, "sort=-cost");
        assert_eq!(turned.sorted(SortBy::Column(4), "cost"), "/reports/channels?sort=cost");
    }
}
