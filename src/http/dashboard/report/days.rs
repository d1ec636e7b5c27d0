//! Days, weeks, months and hours of a report's rows, as people read them.

use jiff::civil::Date;

use crate::{
    language::Language,
    report::{Dimension, Period, Wording},
    text::shown,
};

const ENGLISH: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const RUSSIAN: [&str; 12] = [
    "январь",
    "февраль",
    "март",
    "апрель",
    "май",
    "июнь",
    "июль",
    "август",
    "сентябрь",
    "октябрь",
    "ноябрь",
    "декабрь",
];

/// The value of a dimension, fit to be shown.
pub fn value(wording: &Wording, dimension: Dimension, value: Option<&str>) -> String {
    let day = || value.and_then(|text| text.parse::<Date>().ok());
    match dimension {
        Dimension::Day | Dimension::Week => day().map(|day| wording.language.day(day)),
        Dimension::Month => {
            value.and_then(|text| format!("{text}-01").parse().ok()).map(|day| month(wording.language, day))
        }
        _ => None,
    }
    .unwrap_or_else(|| shown(&wording.value(dimension, value)))
}

/// The same in little room: without the year of a day.
pub fn short(wording: &Wording, dimension: Dimension, text: Option<&str>) -> String {
    let whole = value(wording, dimension, text);
    match dimension {
        Dimension::Day | Dimension::Week => {
            whole.rsplit_once('\u{a0}').map_or(whole.clone(), |(day, _)| day.to_owned())
        }
        _ => whole,
    }
}

/// The first and the last day: `26 Oct 2026 – 25 Nov 2026`.
pub fn period(language: Language, period: Period) -> String {
    if period.first == period.last {
        return language.day(period.first);
    }
    format!("{} – {}", language.day(period.first), language.day(period.last))
}

/// The days of a row by a dimension of time.
pub fn of_row(dimension: Dimension, value: Option<&str>) -> Option<Period> {
    let first: Date = match dimension {
        Dimension::Month => format!("{}-01", value?).parse().ok()?,
        Dimension::Day | Dimension::Week => value?.parse().ok()?,
        _ => return None,
    };
    let last = match dimension {
        Dimension::Month => first.last_of_month(),
        Dimension::Week => first.checked_add(jiff::Span::new().days(6)).ok()?,
        _ => first,
    };
    Some(Period { first, last })
}

fn month(language: Language, day: Date) -> String {
    let names = match language {
        Language::En => ENGLISH,
        Language::Ru => RUSSIAN,
    };
    let name = usize::try_from(day.month()).ok().and_then(|month| names.get(month.checked_sub(1)?));
    format!("{}\u{a0}{}", name.copied().unwrap_or_default(), day.year())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_reads_as_people_write_it() {
        let [en, ru] = [Language::En, Language::Ru].map(|language| Wording::with_channels(language, []));
        let plain = |text: String| text.replace('\u{a0}', " ");
        assert_eq!(plain(value(&en, Dimension::Day, Some("2026-11-26"))), "26 Nov 2026");
        assert_eq!(plain(short(&ru, Dimension::Week, Some("2026-11-23"))), "23 нояб.");
        assert_eq!(plain(value(&ru, Dimension::Month, Some("2026-05"))), "май 2026");
        assert_eq!(value(&en, Dimension::Hour, Some("09")), "09:00");
        assert_eq!(value(&ru, Dimension::Term, None), "(не указано)");
        assert_eq!(value(&en, Dimension::Day, Some("\u{202e}x")), "\u{fffd}x");
    }

    #[test]
    fn a_row_of_time_has_its_days() {
        let days = |dimension, text| of_row(dimension, Some(text)).map(|period| period.to_string());
        assert_eq!(days(Dimension::Day, "2026-11-26").as_deref(), Some("2026-11-26..2026-11-26"));
        assert_eq!(days(Dimension::Week, "2026-11-23").as_deref(), Some("2026-11-23..2026-11-29"));
        assert_eq!(days(Dimension::Month, "2024-02").as_deref(), Some("2024-02-01..2024-02-29"));
        assert_eq!((days(Dimension::Hour, "09"), days(Dimension::Day, "x")), (None, None));
    }
}
