//! The engine's reports are those of a slow and simple recomputation: every metric by every model, dimension and preset, in three
//! time zones with daylight saving.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, Weak},
};

use jiff::civil::{Date, date};
use leadmilter::{
    clock::Millis,
    config::Config,
    report::{Column, Compare, Dimension, Metric, Model, Period, Preset, Query, Report, Reporter},
};
use rusqlite::Connection;

use crate::{
    house::shared,
    slow::{
        books::{Books, Clocks},
        table,
    },
    year_house::{LAST, YearHouse},
};

/// Half an hour of daylight saving, and an hour in the north; of the south the summer is in the middle of the year's ends.
const ZONES: [&str; 3] = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"];

/// Sums that a report counted in parts has room for: of the rows by address, a twentieth or less.
const ROOM: usize = 300;

const YEAR: Period = Period { first: date(2025, 11, 27), last: LAST };

/// Every change of those zones' clocks in 2026 is in one of them.
const CHANGES: [Period; 2] = [
    Period { first: date(2026, 3, 1), last: date(2026, 4, 12) },
    Period { first: date(2026, 10, 1), last: date(2026, 11, 8) },
];

struct Scene {
    house: YearHouse,
    books: Books,
    clocks: BTreeMap<&'static str, Clocks>,
}

/// Fifteen hundred letters; of the costs a part, so that all of it is counted by hand in a moment.
fn scene() -> Arc<Scene> {
    static SCENE: Mutex<Weak<Scene>> = Mutex::new(Weak::new());
    shared(&SCENE, || {
        let house = YearHouse::new(1500, "");
        let conn = Connection::open(house.path("store/leads.db")).unwrap();
        conn.execute("DELETE FROM cost WHERE channel = '' AND provider <> 'correction' AND day % 8 <> 0", []).unwrap();
        // Some campaigns are told by their id alone.
        let by_id = "UPDATE cost SET campaign_id = campaign, campaign = ''
                     WHERE campaign IN ('yandex-0', 'google-9', 'old-80')";
        assert!(conn.execute(by_id, []).unwrap() > 50);
        let books = Books::read(&house.config());
        let clocks = ZONES.map(|zone| (zone, books.clocks(zone))).into();
        Scene { house, books, clocks }
    })
}

impl Scene {
    fn config(&self, zone: &str) -> Config {
        Config { timezone: zone.to_owned(), ..self.house.config() }
    }

    /// The engine's answer is the recomputed one, whole.
    fn agree(&self, reporter: &Reporter, zone: &str, query: &Query, today: Date) -> Report {
        let noon = today.at(12, 0, 0, 0).in_tz(zone).unwrap().timestamp();
        let engine = reporter.run(query, Millis(noon.as_millisecond())).unwrap();
        let in_parts = reporter.clone().with_room(ROOM, u32::MAX).run(query, Millis(noon.as_millisecond())).unwrap();
        let slow = table::report(&self.books, query, (zone, &self.clocks[zone]), today);
        let what = || format!("{zone} {:?}", query.pairs());
        for (place, (one, other)) in engine.rows.iter().zip(&slow.rows).enumerate() {
            assert_eq!(one, other, "row {place} of {}", what());
        }
        assert!(engine == slow, "{}\n{engine:#?}\n{slow:#?}", what());
        assert!(engine == in_parts, "{} in parts\n{engine:#?}\n{in_parts:#?}", what());
        engine
    }
}

/// Every metric by every model, as many as a report may have at once.
fn all_columns() -> Vec<Vec<Column>> {
    let metrics = Metric::ALL.chunks(9);
    let with = |metrics: &[Metric]| {
        let columns =
            metrics.iter().flat_map(|metric| Model::ALL.map(|model| Column { metric: *metric, model: Some(model) }));
        columns.collect()
    };
    metrics.map(with).collect()
}

fn query(period: Period, by: &[Dimension], columns: Vec<Column>) -> Query {
    Query { by: by.to_vec(), columns, limit: 100_000, ..Preset::Channels.query(period, Model::LastNonDirect) }
}

fn every_dimension(zone: &str) {
    let scene = scene();
    let reporter = Reporter::new(&scene.config(zone));
    for by in Dimension::ALL {
        for columns in all_columns() {
            let report = scene.agree(&reporter, zone, &query(YEAR, &[by], columns), date(2027, 1, 5));
            assert!(report.rows.len() > 1, "{by}");
        }
    }
}

#[test]
fn every_metric_by_every_dimension_and_model_in_berlin() {
    every_dimension(ZONES[0]);
}

#[test]
fn every_metric_by_every_dimension_and_model_in_new_york() {
    every_dimension(ZONES[1]);
}

#[test]
fn every_metric_by_every_dimension_and_model_on_lord_howe() {
    every_dimension(ZONES[2]);
}

#[test]
fn every_preset_by_every_model_around_every_change_of_the_clocks() {
    let scene = scene();
    for zone in ZONES {
        let reporter = Reporter::new(&scene.config(zone));
        for (period, compare) in CHANGES.into_iter().zip([Compare::Previous, Compare::Year]) {
            for preset in Preset::ALL {
                for model in Model::ALL {
                    let query = Query { compare: Some(compare), ..preset.query(period, model) };
                    scene.agree(&reporter, zone, &query, period.last);
                }
            }
        }
    }
}

#[test]
fn filters_orders_limits_and_several_dimensions() {
    let asked: &[&[(&str, &str)]] = &[
        &[("by", "none"), ("period", "2026-10")],
        &[("by", "channel,month,unique"), ("period", "2026-01-01..2026-06-30"), ("compare", "previous")],
        &[("by", "tag,source"), ("metrics", "leads,leads:linear,others,revenue:position,cost"), ("period", "2026-05")],
        &[("by", "campaign,term,content"), ("period", "2026-08"), ("model", "decay"), ("limit", "40")],
        &[
            ("by", "week"),
            ("period", "2026-02-04..2026-04-20"),
            ("compare", "previous"),
            ("metrics", "leads,cost,visits"),
        ],
        &[
            ("by", "month"),
            ("period", "2026-03-15..2026-11-20"),
            ("compare", "year"),
            ("metrics", "leads,clicks,profit"),
        ],
        &[("by", "hour"), ("period", "2026-10-04..2026-10-04"), ("compare", "previous"), ("metrics", "leads,visits")],
        &[("by", "day,source"), ("period", "2026-10-20..2026-11-05"), ("compare", "previous"), ("model", "linear")],
        &[("by", "source"), ("period", "2026-07"), ("sort", "-cost")],
        &[("by", "source,medium"), ("period", "2026-07"), ("sort", "medium"), ("limit", "5")],
        &[("by", "landing_page"), ("period", "2026-07"), ("sort", "unique"), ("metrics", "leads,unique,visits")],
        &[("by", "source"), ("filter", "tag=urgent"), ("filter", "tag=tender"), ("period", "2026-01-01..2026-09-30")],
        &[("by", "channel"), ("filter", "tag="), ("filter", "unique=new"), ("period", "2026-01-01..2026-09-30")],
        &[
            ("by", "month"),
            ("filter", "channel=channel-000"),
            ("filter", "channel="),
            ("period", "last-year"),
            ("model", "position"),
        ],
        &[
            ("by", "campaign"),
            ("filter", "source=yandex"),
            ("filter", "medium=cpc"),
            ("period", "2026-06"),
            ("compare", "previous"),
        ],
        &[
            ("by", "channel"),
            ("filter", "weekday=1"),
            ("filter", "weekday=7"),
            ("filter", "hour=09"),
            ("period", "2026-06"),
        ],
        &[("by", "day"), ("filter", "week=2026-10-26"), ("period", "2026-10")],
        &[
            ("by", "address"),
            ("filter", "sender_domain=gmail.com"),
            ("filter", "mailbox=info@company.example"),
            ("period", "all"),
        ],
        &[
            ("by", "source"),
            ("filter", "month=2026-04"),
            ("filter", "day=2026-05-02"),
            ("period", "2026-03-01..2026-05-31"),
        ],
        &[("preset", "funnel"), ("filter", "landing_page=https://company.example/pumps/0"), ("period", "2026-09")],
        &[("preset", "channels"), ("filter", "channel=nobody's"), ("period", "2026-09")],
        &[("preset", "channels"), ("metrics", "revenue:linear,leads:first"), ("period", "2026-01-01..2026-09-30")],
        &[("preset", "calendar"), ("period", "2024-01-05..2024-02-01"), ("compare", "previous")],
    ];
    all_agree(asked);
}

/// Most addresses and senders have one lead: which of them are shown is decided by their names.
#[test]
fn the_first_of_many_equals() {
    let asked: &[&[(&str, &str)]] = &[
        &[("by", "address"), ("limit", "25"), ("metrics", "leads,deals"), ("period", "all")],
        &[("by", "address"), ("limit", "900"), ("metrics", "deals,leads"), ("period", "all"), ("sort", "leads")],
        &[("by", "sender_domain"), ("limit", "30"), ("period", "all"), ("sort", "sender_domain")],
        &[("by", "sender_domain"), ("limit", "30"), ("period", "all"), ("sort", "-sender_domain")],
        &[
            ("by", "landing_page"),
            ("limit", "8"),
            ("period", "2026-07"),
            ("metrics", "leads,visits"),
            ("sort", "leads"),
        ],
        &[("by", "address,day"), ("limit", "50"), ("period", "2026-07"), ("compare", "previous")],
    ];
    all_agree(asked);
}

fn all_agree(asked: &[&[(&str, &str)]]) {
    let scene = scene();
    for zone in ZONES {
        let reporter = Reporter::new(&scene.config(zone));
        for pairs in asked {
            let query = Query::read(pairs.iter().copied(), LAST, Model::default()).unwrap();
            scene.agree(&reporter, zone, &query, LAST);
        }
    }
}

/// Of a channel that only another model gives a part of such a lead, no money is left out.
#[test]
fn what_is_left_out_is_that_of_the_querys_own_model() {
    let scene = scene();
    let reporter = Reporter::new(&scene.config("Europe/Berlin"));
    for number in 0..160 {
        let channel = format!("channel=channel-{number:03}");
        let asked = [("by", "channel"), ("period", "all"), ("filter", &channel), ("metrics", "revenue,revenue:linear")];
        let query = Query::read(asked, LAST, Model::default()).unwrap();
        scene.agree(&reporter, "Europe/Berlin", &query, LAST);
    }
}

#[test]
fn a_report_of_too_many_rows_is_refused() {
    let scene = scene();
    let reporter = Reporter::new(&scene.config("Europe/Berlin"));
    let query = query(YEAR, &[Dimension::Address], vec![Metric::Leads.into()]);
    let now = Millis(LAST.at(12, 0, 0, 0).in_tz("UTC").unwrap().timestamp().as_millisecond());
    let rows = reporter.run(&query, now).unwrap().rows.len();
    assert!(rows > 500, "{rows}");
    assert_eq!(reporter.clone().with_room(rows, 1).run(&query, now).unwrap().rows.len(), rows);
    let refused = reporter.with_room(100, 2).run(&query, now).unwrap_err().to_string();
    assert_eq!(refused, "the report has more than 200 rows: ask for fewer days, dimensions or models, or filter it");
}

/// What the comparison would be worth nothing without.
#[test]
fn the_year_has_what_is_hard_to_count() {
    let scene = scene();
    let reporter = Reporter::new(&scene.config("Europe/Berlin"));
    let metrics = "leads,cost,cpl,deals,revenue,average_deal,romi,drr,leads:linear";
    let channels =
        Query::read([("metrics", metrics), ("period", "2025-11-27..2026-11-26")], LAST, Model::default()).unwrap();
    let report = scene.agree(&reporter, "Europe/Berlin", &channels, LAST);
    let rows = || report.rows.iter().map(|row| row.numbers.as_slice());
    let has = |what: &str, is: &dyn Fn(&[Option<i128>]) -> bool| assert!(rows().any(is), "no row with {what}");
    has("a cost and no lead", &|row| row[0] == Some(0) && row[1] > Some(0) && row[2].is_none());
    has("leads and no cost", &|row| row[0] > Some(0) && row[1].is_none() && row[2].is_none());
    has("leads and no deal", &|row| row[0] > Some(0) && row[3] == Some(0) && row[5].is_none() && row[7].is_none());
    has("parts of leads", &|row| row[8].is_some_and(|leads| leads % 10_000 != 0));
    let days = Query::read(
        [("by", "day"), ("metrics", "revenue"), ("period", "2025-11-27..2026-11-26")],
        LAST,
        Model::default(),
    );
    let days = scene.agree(&reporter, "Europe/Berlin", &days.unwrap(), LAST);
    assert!(days.rows.iter().any(|row| row.numbers[0] < Some(0)), "no day with more refunds than revenue");
    let names = |money: &BTreeMap<leadmilter::money::Currency, _>| -> Vec<String> {
        money.keys().map(ToString::to_string).collect()
    };
    assert_eq!(names(&report.money.converted), ["EUR", "USD"]);
    let by_another = [("metrics", "revenue:linear"), ("period", "2025-11-27..2026-11-26")];
    let by_another = Query::read(by_another, LAST, Model::default()).unwrap();
    let by_another = scene.agree(&reporter, "Europe/Berlin", &by_another, LAST).money.revenue_left_out;
    assert_eq!(by_another, report.money.revenue_left_out);
    let left_out = &report.money;
    assert_eq!([left_out.revenue_left_out.len(), left_out.cost_left_out.len()], [1, 1], "{left_out:?}");
    assert!(report.total.is_incomplete && report.is_partial);
    // Of leads of Berlin's night some are in the hour that is there twice, and none in the one that is not there.
    let hours =
        Query::read([("by", "hour"), ("metrics", "leads,visits"), ("period", "2026-03-29")], LAST, Model::default());
    let hours = scene.agree(&reporter, "Europe/Berlin", &hours.unwrap(), LAST);
    assert_eq!((hours.rows.len(), hours.rows[2].numbers.as_slice()), (24, &[Some(0), Some(0)][..]));
    // A bill of a month is spread over its days to the kopeck.
    let spent = [("metrics", "cost"), ("filter", "channel=channel-160"), ("period", "2026-02")];
    let spent = Query::read(spent, LAST, Model::default()).unwrap();
    assert_eq!(scene.agree(&reporter, "Europe/Berlin", &spent, LAST).total.numbers, [Some(100_000_010_000)]);
}
