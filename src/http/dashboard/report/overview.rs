//! The first page: how the last days went, in tiles, as a line, and by channel.
//!
//! The engine is asked twice: for the days, whose total the tiles are, and for the channels.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};

use super::{
    super::{Dashboard, Fault, Frame, Params, Visitor, chart::spark, nav::Place, show},
    asked::Asked,
    engine::Answer,
    form::Form,
    meaning::{self, Meaning},
    page::{self, Hints},
    picture,
    table::{self, Cell, Table},
    words::ReportWords,
};
use crate::{
    clock::Millis,
    report::{Column, Dimension, Metric, Number, Preset, Query, Report, Unit, Wording},
};

/// Channels in the table.
const CHANNELS: usize = 20;

/// One of the currency, as money has it.
const UNIT: i128 = 1_000_000;

/// What the tiles show.
const TILES: [Metric; 11] = [
    Metric::Leads,
    Metric::Unique,
    Metric::Cost,
    Metric::Cpl,
    Metric::Deals,
    Metric::Conversion,
    Metric::Revenue,
    Metric::Profit,
    Metric::Romi,
    Metric::Drr,
    Metric::Coverage,
];

/// What the table shows.
const COLUMNS: [Metric; 9] = [
    Metric::Leads,
    Metric::Unique,
    Metric::Share,
    Metric::Cost,
    Metric::Cpl,
    Metric::Deals,
    Metric::Revenue,
    Metric::Romi,
    Metric::Drr,
];

#[derive(Template)]
#[template(path = "overview.html", config = "src/http/dashboard/askama.toml")]
struct OverviewPage {
    frame: Frame,
    say: ReportWords,
    form: Form,
    tiles: Vec<Tile>,
    /// Markup of a chart, escaped where it is made.
    picture: String,
    days: Table,
    channels: Table,
    all_days: String,
    all_channels: String,
    meanings: Vec<Meaning>,
    notes: Vec<String>,
    hints: Hints,
}

/// A number that matters.
struct Tile {
    name: String,
    cell: Cell,
    /// Markup of a small line.
    spark: String,
}

/// The page.
pub async fn page(State(door): State<Arc<Dashboard>>, visitor: Visitor, params: Params) -> Result<Response, Fault> {
    let now = Millis::now();
    let (today, language) = (door.reporter().today(now), visitor.language);
    let (wording, model) = {
        let intake = door.config();
        (Wording::new(&intake.config, language), intake.config.reports.model)
    };
    let asked = match Asked::read(Preset::Calendar, own(&params), today, model) {
        Ok(asked) => Asked { path: "/".to_owned(), ..asked },
        Err(wrong) => return page::refusal(&door, &visitor, "/", wrong),
    };
    if let Some(url) = asked.canonical(today) {
        return Ok(Redirect::to(&url).into_response());
    }
    let days = Query { columns: TILES.map(Column::from).into(), ..asked.query.clone() };
    let channels = Query {
        columns: COLUMNS.map(Column::from).into(),
        by: vec![Dimension::Channel],
        limit: CHANNELS,
        ..days.clone()
    };
    let mut reports = match door.count(vec![days, channels], now).await? {
        Answer::Reports(reports) => reports.into_iter(),
        Answer::Later(done, of) => return page::later(&door, &visitor, (done, of)),
    };
    let (days, channels) = reports.next().zip(reports.next()).ok_or(Fault::Unavailable)?;
    let say = ReportWords::of(language);
    let by_channel = Asked { preset: Preset::Channels, query: channels.query.clone(), ..asked.clone() };
    show(&OverviewPage {
        frame: Frame::new(&door, &visitor, Place::Overview, say.overview),
        form: Form::new(&asked, today, &wording),
        tiles: tiles(&days, &wording, say),
        picture: picture::series(&days, Metric::Leads, &wording).unwrap_or_default(),
        all_days: asked.params.href("/reports/calendar", &[]),
        all_channels: asked.params.href("/reports/channels", &[]),
        days: Table::new(&asked, &days, &wording).unsorted(),
        channels: Table::new(&by_channel, &channels, &wording).unsorted(),
        meanings: meaning::meanings(&days, &wording),
        notes: wording.notes(&days),
        hints: Hints::of(&days, &asked),
        say,
    })
}

/// What the first page lets one choose: the rest of its query is its own.
fn own(params: &Params) -> Params {
    let known = ["period", "from", "to", "compare", "model", "filter", "lang"];
    let pairs: Vec<_> = known.into_iter().flat_map(|name| params.all(name).map(move |value| (name, value))).collect();
    Params::of(&pairs)
}

fn tiles(report: &Report, wording: &Wording, say: ReportWords) -> Vec<Tile> {
    let number = |numbers: &[Number], place: usize| numbers.get(place).copied().flatten();
    let tile = |(place, metric): (usize, &Metric)| {
        let column = Column::from(*metric);
        let before = report.before.map(|_| number(&report.total.before, place));
        let line: Vec<_> = report.rows.iter().map(|row| number(&row.numbers, place)).collect();
        let name = table::heading(wording, column, report);
        Tile {
            spark: spark(&name, &line, metric.unit()),
            cell: rounded(*metric, number(&report.total.numbers, place), before, (wording, say)),
            name,
        }
    };
    TILES.iter().enumerate().map(tile).collect()
}

/// A number for a tile: of much money, the small coins are left to the table.
fn rounded(metric: Metric, now: Number, before: Option<Number>, (wording, say): (&Wording, ReportWords)) -> Cell {
    let mut cell = table::cell(metric, now, before, wording, say);
    let round = |number: Number| {
        let value = number.filter(|value| metric.unit() == Unit::Money && value.abs() >= 1_000 * UNIT)?;
        Some(wording.language.number(value, metric.unit().scale(), 0))
    };
    cell.text = round(now).unwrap_or(cell.text);
    if let Some(change) = &mut cell.change
        && let Some(was) = before.and_then(round)
    {
        change.was = was;
    }
    cell
}
