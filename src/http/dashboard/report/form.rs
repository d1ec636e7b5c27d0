//! What a report's page lets its reader choose: the period, the breakdown, the comparison, the model; and what is chosen.
//!
//! Named periods are links, dates are fields of a form, filters are chips with a link that takes them away.

use jiff::civil::Date;

use super::{super::period::MENU, asked::Asked, days, words::ReportWords};
use crate::{
    language::{Language, Text},
    report::{Column, Dimension, Metric, Model, Preset, Wording},
};

/// An entry of a menu, or a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What stands in the URL, or the whole of it.
    pub value: String,
    /// What people read.
    pub name: String,
    /// Whether it is the one.
    pub is_chosen: bool,
}

/// A condition, and the report without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    /// The dimension.
    pub name: &'static str,
    /// Its value, of any length.
    pub value: String,
    /// The report without it.
    pub href: String,
}

/// What is chosen, and what can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Where the form goes.
    pub path: String,
    /// The reports.
    pub reports: Vec<Choice>,
    /// Named periods.
    pub periods: Vec<Choice>,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// The period in words.
    pub days: String,
    /// The days that it is compared with, in words.
    pub before: Option<String>,
    /// Numbers to choose from, where a page shows one.
    pub metrics: Vec<Choice>,
    /// Dimensions to choose from.
    pub by: Vec<Choice>,
    /// What to compare with.
    pub compare: Vec<Choice>,
    /// Attribution models.
    pub models: Vec<Choice>,
    /// Fields that the form passes on.
    pub hidden: Vec<(String, String)>,
    /// Conditions.
    pub chips: Vec<Chip>,
}

impl Form {
    /// The form of a report.
    pub fn new(asked: &Asked, today: Date, wording: &Wording) -> Self {
        let (query, language) = (&asked.query, wording.language);
        let period = query.period;
        let before = query.compare.and_then(|compare| period.before(compare));
        let metrics = metrics(asked, language);
        let by = by(asked, language);
        let mut fields = vec!["from", "to", "compare", "model", "sort", "lang"];
        fields.extend(Some("by").filter(|_| !by.is_empty()));
        fields.extend(Some("metrics").filter(|_| !metrics.is_empty()));
        let compare = asked.compare();
        Self {
            path: asked.path.clone(),
            reports: reports(Some(asked), language),
            periods: periods(asked, language),
            from: period.first,
            to: period.last.min(today.max(period.first)),
            days: days::period(language, period),
            before: before.map(|before| days::period(language, before)),
            metrics,
            by,
            compare: COMPARE.iter().map(|(value, name)| choice(*value, name.of(language), *value == compare)).collect(),
            models: models(asked, language),
            hidden: asked.params.others(&fields),
            chips: chips(asked, wording),
        }
    }
}

impl Form {
    /// Its selects: name, label and entries.
    pub fn selects(&self, say: &ReportWords) -> Vec<(&'static str, &'static str, &[Choice])> {
        let all = [
            ("metrics", say.metric, &self.metrics),
            ("by", say.by, &self.by),
            ("compare", say.compare, &self.compare),
            ("model", say.model, &self.models),
        ];
        all.into_iter()
            .filter(|(.., choices)| !choices.is_empty())
            .map(|(name, label, choices)| (name, label, choices.as_slice()))
            .collect()
    }
}

const COMPARE: [(&str, Text); 3] = [
    ("none", Text { en: "nothing", ru: "ничем" }),
    ("previous", Text { en: "as many days before", ru: "столькими же днями до этого" }),
    ("year", Text { en: "the same days a year before", ru: "теми же днями год назад" }),
];

fn choice(value: impl Into<String>, name: impl Into<String>, is_chosen: bool) -> Choice {
    Choice { value: value.into(), name: name.into(), is_chosen }
}

/// Links to every report, of the same days, compared in the same way.
pub fn reports(asked: Option<&Asked>, language: Language) -> Vec<Choice> {
    let all = Preset::ALL.into_iter();
    all.map(|preset| {
        let path = format!("/reports/{preset}");
        let own = [("by", None), ("sort", None), ("metrics", None), ("limit", None)];
        let href = asked.map_or_else(|| path.clone(), |asked| asked.params.href(&path, &own));
        choice(href, preset.label().of(language), asked.is_some_and(|asked| asked.path == path))
    })
    .collect()
}

fn periods(asked: &Asked, language: Language) -> Vec<Choice> {
    let entry = |(name, text): &(&str, Text)| {
        let mut changes = vec![("period", Some(*name)), ("from", None), ("to", None)];
        if asked.preset == Preset::Calendar {
            changes.push(("by", None));
        }
        choice(asked.href(&changes), text.of(language), asked.period.as_deref() == Some(*name))
    };
    MENU.iter().map(entry).collect()
}

/// A picture shows one number: the heat map lets its reader choose which.
fn metrics(asked: &Asked, language: Language) -> Vec<Choice> {
    if asked.preset != Preset::Heatmap {
        return Vec::new();
    }
    let first = asked.query.columns.first().map(|column| column.metric);
    let entry = |metric: Metric| choice(metric.as_str(), metric.entry().label.of(language), first == Some(metric));
    [Metric::Leads, Metric::Unique, Metric::Others, Metric::Spam, Metric::Revenue].map(entry).into()
}

fn by(asked: &Asked, language: Language) -> Vec<Choice> {
    use Dimension as D;
    let offered: &[D] = match asked.preset {
        Preset::Channels | Preset::Models | Preset::Funnel => &D::ALL,
        _ if asked.path == "/" => &[],
        Preset::Calendar => &[D::Day, D::Week, D::Month],
        Preset::Addresses => &[D::Address, D::Mailbox, D::Tag],
        Preset::Senders => &[D::SenderDomain, D::Unique],
        Preset::Heatmap => &[],
    };
    let chosen = match asked.query.by.as_slice() {
        [one] => Some(*one),
        _ => None,
    };
    let mut entries: Vec<_> =
        offered.iter().map(|by| choice(by.as_str(), by.label().of(language), chosen == Some(*by))).collect();
    // Links may ask for several, or for others.
    if !offered.is_empty() && !entries.iter().any(|entry| entry.is_chosen) {
        let names: Vec<_> = asked.query.by.iter().map(|by| by.label().of(language)).collect();
        let values: Vec<_> = asked.query.by.iter().map(|by| by.as_str()).collect();
        let value = if values.is_empty() { "none".to_owned() } else { values.join(",") };
        let name = if names.is_empty() { "—".to_owned() } else { names.join(" × ") };
        entries.insert(0, choice(value, name, true));
    }
    entries
}

/// Where every column has a model of its own, there is none to choose.
fn models(asked: &Asked, language: Language) -> Vec<Choice> {
    if asked.query.columns.iter().all(|column: &Column| column.model.is_some()) {
        return Vec::new();
    }
    let entry = |model: Model| choice(model.as_str(), model.label().of(language), asked.query.model == model);
    Model::ALL.map(entry).into()
}

fn chips(asked: &Asked, wording: &Wording) -> Vec<Chip> {
    let filters = asked.query.filters.iter().enumerate();
    filters
        .map(|(place, filter)| Chip {
            name: filter.dimension.label().of(wording.language),
            value: days::value(wording, filter.dimension, filter.value.as_deref()),
            href: asked.without(place),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{super::super::Params, *};

    const TODAY: Date = Date::constant(2026, 11, 26);

    fn form(preset: Preset, url: &str) -> Form {
        let asked = Asked::read(preset, Params::parse(url.as_bytes()), TODAY, Model::Linear).unwrap();
        Form::new(&asked, TODAY, &Wording::with_channels(Language::En, [("m11", "Billboard")]))
    }

    #[test]
    fn what_is_chosen_shows_and_can_be_taken_away() {
        let form = form(Preset::Channels, "period=7d&by=campaign&filter=channel%3Dm11&filter=term%3D&lang=en");
        let chosen = |choices: &[Choice]| {
            choices.iter().filter(|choice| choice.is_chosen).map(|choice| choice.value.clone()).collect::<Vec<_>>()
        };
        assert_eq!((chosen(&form.by), chosen(&form.compare)), (vec!["campaign".into()], vec!["none".to_owned()]));
        assert_eq!((chosen(&form.models), form.metrics), (vec!["linear".to_owned()], vec![]));
        let week = "/reports/channels?by=campaign&filter=channel%3Dm11&filter=term%3D&lang=en&period=7d";
        assert_eq!(chosen(&form.periods), [week]);
        let [channel, term] = form.chips.as_slice() else { panic!("{:?}", form.chips) };
        assert_eq!((channel.name, channel.value.as_str()), ("Channel", "Billboard"));
        assert_eq!(channel.href, "/reports/channels?period=7d&by=campaign&lang=en&filter=term%3D");
        assert_eq!((term.name, term.value.as_str()), ("Term", "(not set)"));
        let names: Vec<_> = form.hidden.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["period", "filter", "filter"]);
    }

    #[test]
    fn what_no_menu_has_stays_chosen() {
        let form = form(Preset::Channels, "by=day,hour&period=2026-10");
        assert_eq!(
            form.by.first().map(|choice| (choice.value.as_str(), choice.name.as_str())),
            Some(("day,hour", "Day × Hour"))
        );
        assert!(form.periods.iter().all(|choice| !choice.is_chosen));
        assert_eq!(form.days.replace('\u{a0}', " "), "1 Oct 2026 – 31 Oct 2026");
    }
}
