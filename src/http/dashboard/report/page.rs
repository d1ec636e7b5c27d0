//! The page of a report: its form, its charts, its table, and what its reader must know.

use std::sync::Arc;

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};

use super::{
    super::{Dashboard, Fault, Frame, Params, Visitor, nav::Place, show},
    asked::Asked,
    days,
    engine::Answer,
    form::{self, Choice, Form},
    meaning::{self, Meaning},
    picture,
    table::{self, Table},
    words::{ReportWords, about},
};
use crate::{
    clock::Millis,
    report::{Dimension, Metric, Number, Preset, Report, Wording},
};

/// Rows of a page at first, and at most; files have all.
const ROWS: usize = 100;
const MOST: usize = 1000;

#[derive(Template)]
#[template(path = "report.html", config = "src/http/dashboard/askama.toml")]
struct ReportPage {
    frame: Frame,
    say: ReportWords,
    about: &'static str,
    form: Form,
    exports: Vec<Choice>,
    /// Markup of charts, escaped where it is made.
    pictures: Vec<String>,
    table: Option<Table>,
    hours: Option<Hours>,
    meanings: Vec<Meaning>,
    notes: Vec<String>,
    /// The same report with more rows, if some are left out.
    more: Option<String>,
    hints: Hints,
}

/// Hours by days of the week: the heat map in numbers.
struct Hours {
    caption: String,
    heads: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
}

/// What to do next, where something is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// There are no leads in these days.
    pub no_leads: bool,
    /// The same report of all time.
    pub all_time: String,
    /// No lead fits the filters; the report without them.
    pub no_fit: Option<String>,
    /// Costs are wanted and unknown.
    pub no_costs: bool,
    /// Visits are wanted and unknown.
    pub no_visits: bool,
}

#[derive(Template)]
#[template(path = "report_wrong.html", config = "src/http/dashboard/askama.toml")]
struct WrongPage {
    frame: Frame,
    say: ReportWords,
    reports: Vec<Choice>,
    wrong: String,
    start_again: String,
}

#[derive(Template)]
#[template(path = "report_later.html", config = "src/http/dashboard/askama.toml")]
struct LaterPage {
    frame: Frame,
    say: ReportWords,
    done: String,
    again: String,
}

/// Answers with the page of a report.
pub async fn page(door: Arc<Dashboard>, visitor: Visitor, preset: Preset, params: Params) -> Result<Response, Fault> {
    let now = Millis::now();
    let (today, language) = (door.reporter().today(now), visitor.language);
    let (wording, model) = {
        let intake = door.config();
        (Wording::new(&intake.config, language), intake.config.reports.model)
    };
    // A year of days and the hours of a week are shown whole.
    let is_whole = matches!(preset, Preset::Calendar | Preset::Heatmap);
    let is_short = params.get("limit").is_none() && !is_whole;
    let asked = match Asked::read(preset, params, today, model) {
        Ok(mut asked) => {
            asked.query.limit = if is_short { ROWS } else { asked.query.limit.min(MOST) };
            asked
        }
        Err(wrong) => return refusal(&door, &visitor, &format!("/reports/{preset}"), wrong),
    };
    if let Some(url) = asked.canonical(today) {
        return Ok(Redirect::to(&url).into_response());
    }
    let report = match door.count(vec![asked.query.clone()], now).await? {
        Answer::Reports(reports) => reports.into_iter().next().ok_or(Fault::Unavailable)?,
        Answer::Later(done, of) => return later(&door, &visitor, (done, of)),
    };
    let say = ReportWords::of(language);
    let hours = hours(&report, &wording, say);
    show(&ReportPage {
        frame: Frame::new(&door, &visitor, Place::Reports, preset.label().of(language)),
        about: about(preset, language),
        form: Form::new(&asked, today, &wording),
        exports: exports(&asked),
        pictures: picture::pictures(preset, &report, &wording),
        table: hours.is_none().then(|| Table::new(&asked, &report, &wording)),
        hours,
        meanings: meaning::meanings(&report, &wording),
        notes: wording.notes(&report),
        more: (report.left_out > 0 && is_short).then(|| asked.href(&[("limit", Some(&MOST.to_string()))])),
        hints: Hints::of(&report, &asked),
        say,
    })
}

/// What of a URL makes no sense.
pub fn refusal(door: &Dashboard, visitor: &Visitor, path: &str, wrong: String) -> Result<Response, Fault> {
    let say = ReportWords::of(visitor.language);
    let frame = Frame::new(door, visitor, Place::Reports, say.reports);
    let wrong = crate::text::shown(&wrong).chars().take(500).collect();
    let reports = form::reports(None, visitor.language);
    let page = show(&WrongPage { frame, say, reports, wrong, start_again: path.to_owned() })?;
    Ok((StatusCode::BAD_REQUEST, page).into_response())
}

/// How far the first counting is.
pub fn later(door: &Dashboard, visitor: &Visitor, (done, of): (u64, u64)) -> Result<Response, Fault> {
    let say = ReportWords::of(visitor.language);
    let number = |count: u64| visitor.language.number(count.into(), 0, 0);
    let done = if of > 0 { format!("{} / {}", number(done), number(of)) } else { String::new() };
    let frame = Frame::new(door, visitor, Place::Reports, say.reports);
    let again = visitor.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    let page = show(&LaterPage { frame, say, done, again })?;
    Ok((StatusCode::ACCEPTED, page).into_response())
}

impl Hints {
    /// Of a report.
    pub fn of(report: &Report, asked: &Asked) -> Self {
        let wants = |metric: Metric| report.query.columns.iter().any(|column| column.metric == metric);
        let is_unknown = |metric: Metric| wants(metric) && table::total(report, metric).is_none();
        let is_none = |number: &Number| number.is_none_or(|number| number == 0);
        let is_empty = report.rows.iter().all(|row| row.numbers.iter().all(is_none));
        let is_filtered = !report.query.filters.is_empty();
        let all_time = [("period", Some("all")), ("from", None), ("to", None)];
        Self {
            no_leads: is_empty && !is_filtered,
            all_time: asked.href(&all_time),
            no_fit: (is_empty && is_filtered).then(|| asked.href(&[("filter", None)])),
            no_costs: !is_empty && is_unknown(Metric::Cost) && report.query.by.iter().all(|by| by.has_costs()),
            no_visits: is_unknown(Metric::Visits) && report.query.by.iter().all(|by| by.has_visits()),
        }
    }
}

/// Links to the same report as a file.
fn exports(asked: &Asked) -> Vec<Choice> {
    let forms = [("csv", "CSV"), ("xlsx", "XLSX"), ("json", "JSON")];
    let link = |(ending, name): (&str, &str)| Choice {
        value: asked.params.href(&format!("{}.{ending}", asked.path), &[]),
        name: name.to_owned(),
        is_chosen: false,
    };
    forms.map(link).into()
}

fn hours(report: &Report, wording: &Wording, say: ReportWords) -> Option<Hours> {
    let unit = report.query.columns.first()?.metric.unit();
    let rows = picture::week(report)?.into_iter().zip(1..).map(|(hours, day)| {
        let name = days::value(wording, Dimension::Weekday, Some(&i32::to_string(&day)));
        (name, hours.into_iter().map(|number| wording.number(number, unit)).collect())
    });
    Some(Hours {
        caption: format!("{} × {}: {}", say.weekday, say.hour, days::period(wording.language, report.query.period)),
        heads: (0..24).map(|hour| format!("{hour:02}")).collect(),
        rows: rows.collect(),
    })
}
