//! `leadmilter report` and `leads export`: what was asked for in every form, and a plain word where it cannot be had.

use std::fs;

use calamine::{Data, DataType, Reader, open_workbook};
use leadmilter::{
    clock::Millis,
    language::Language,
    report::{Dimension, Metric, Preset, Query, Report, Reporter, Wording, export},
    store::{AuditFilter, LeadFilter, Store},
};
use serde_json::{Value, json};

use crate::{
    command::Output,
    year_house::{LAST, YearHouse},
};

/// A year that takes a moment to make.
const LETTERS: u32 = 700;

fn house() -> std::sync::Arc<YearHouse> {
    YearHouse::shared(LETTERS)
}

/// The report that these pairs ask the engine for.
fn report(house: &YearHouse, pairs: &[(&str, &str)]) -> Report {
    let config = house.config();
    let query = Query::read(pairs.iter().copied(), LAST, config.reports.model).unwrap();
    Reporter::new(&config).run(&query, Millis::now()).unwrap()
}

fn ok(output: Output) -> String {
    assert_eq!((output.code, output.err.as_str()), (0, ""));
    output.out
}

/// Arguments, and the pairs that they stand for. The days are long over, so that no test depends on the clock.
type Asked = (&'static [&'static str], &'static [(&'static str, &'static str)]);

const ASKED: [Asked; 4] = [
    (&["--period", "2026-10"], &[("period", "2026-10")]),
    (
        &["models", "--period", "2026-01-01..2026-06-30", "--sort", "-leads:decay", "--limit", "7"],
        &[("preset", "models"), ("period", "2026-01-01..2026-06-30"), ("sort", "-leads:decay"), ("limit", "7")],
    ),
    (
        &[
            "--by",
            "source,medium",
            "--metrics",
            "leads,cost,cpl,romi,leads:first",
            "--compare",
            "previous",
            "--period",
            "2026-08",
            "--model",
            "linear",
        ],
        &[
            ("by", "source,medium"),
            ("metrics", "leads,cost,cpl,romi,leads:first"),
            ("compare", "previous"),
            ("period", "2026-08"),
            ("model", "linear"),
        ],
    ),
    (
        &[
            "calendar",
            "--filter",
            "tag=urgent",
            "--filter",
            "tag=tender",
            "--filter=medium=cpc",
            "--period",
            "2026-09",
            "--compare",
            "year",
        ],
        &[
            ("preset", "calendar"),
            ("filter", "tag=urgent"),
            ("filter", "tag=tender"),
            ("filter", "medium=cpc"),
            ("period", "2026-09"),
            ("compare", "year"),
        ],
    ),
];

#[test]
fn a_report_is_the_engine_s_in_every_form() {
    let house = house();
    for (arguments, pairs) in ASKED {
        let report = report(&house, pairs);
        assert!(report.rows.len() > 5, "{arguments:?}");
        let ask = |more: &[&str]| ok(house.run(&[&["report"], arguments, more].concat()));
        let (en, ru) = (Wording::new(&house.config(), Language::En), Wording::new(&house.config(), Language::Ru));
        assert_eq!(ask(&[]), format!("{}\n", export::text(&report, &en, None)));
        assert_eq!(ask(&["--lang", "ru"]), format!("{}\n", export::text(&report, &ru, None)));
        let lines: Vec<_> = export::lines(&report).iter().map(|line| serde_json::to_string(line).unwrap()).collect();
        assert_eq!(ask(&["--json"]), format!("{}\n", lines.join("\n")));
        let whole = serde_json::to_string(&export::whole(&report, Language::Ru)).unwrap();
        assert_eq!(ask(&["--json=report", "--lang", "ru"]), format!("{whole}\n"));
        assert_eq!(ask(&["--csv", "--lang", "ru"]).into_bytes(), export::csv(&report, &ru).unwrap());
        assert_eq!(ask(&["--csv", "--out", "report.csv"]), "");
        assert_eq!(fs::read(house.path("report.csv")).unwrap(), export::csv(&report, &en).unwrap());
        assert_eq!(ask(&["--xlsx", "report.xlsx"]), "");
        let book = fs::read(house.path("report.xlsx")).unwrap();
        assert!(book == export::xlsx(&report, &en).unwrap(), "{arguments:?}");
    }
}

#[test]
fn a_workbook_has_the_numbers_of_the_report() {
    let house = house();
    let report = report(&house, &[("period", "2026-10"), ("metrics", "leads,revenue")]);
    ok(house.run(&["report", "--period", "2026-10", "--metrics", "leads,revenue", "--xlsx", "two.xlsx"]));
    let mut book: calamine::Xlsx<_> = open_workbook(house.path("two.xlsx")).unwrap();
    let sheet = book.worksheet_range("Report").unwrap();
    let told: Vec<_> = sheet.rows().skip(1).map(|row| (row[1].as_f64().unwrap(), row[2].as_f64().unwrap())).collect();
    let rows = report.rows.iter().chain([&report.total]);
    let float = |number: Option<i128>, unit: f64| number.unwrap() as f64 / unit;
    assert_eq!(told, rows.map(|row| (float(row.numbers[0], 1e4), float(row.numbers[1], 1e6))).collect::<Vec<_>>());
    assert_eq!(sheet.get((0, 1)), Some(&Data::String("Leads".into())));
}

#[test]
fn what_cannot_be_reported_is_said_in_one_line() {
    let house = house();
    let wrong = |arguments: &[&str]| {
        let output = house.run(&[&["report"], arguments].concat());
        assert_eq!((output.out.as_str(), output.err.lines().count()), ("", 1), "{arguments:?} {output:?}");
        (output.code, output.err)
    };
    for (arguments, expected) in [
        (&["chanels"][..], "leadmilter: \"chanels\" is no preset: known are channels, "),
        (&["--by", "sender"], "leadmilter: \"sender\" is no dimension: known are channel, "),
        (&["--metrics", "leads,rio"], "leadmilter: \"rio\" is no metric: known are leads, "),
        (&["--filter", "channel"], "leadmilter: filter: \"channel\" is no condition: write channel="),
        (&["--period", "30"], "leadmilter: \"30\" is no period: write today, "),
        (&["--compare", "month"], "leadmilter: \"month\" is nothing to compare with: known are previous, year"),
        (&["--model", "best"], "leadmilter: \"best\" is no attribution model: known are first, "),
        (&["--sort", "-cac", "--metrics", "leads"], "leadmilter: sort: \"cac\" is none of the report's columns"),
        (&["--limit", "0"], "leadmilter: limit: \"0\" is no number from 1 to 100000"),
    ] {
        let (code, err) = wrong(arguments);
        assert!(code == 64 && err.starts_with(expected), "{code} {err}");
    }
    let (code, err) = wrong(&["--csv", "--out", "no/such/folder.csv"]);
    assert_eq!(
        (code, err.trim()),
        (69, "leadmilter: cannot write no/such/folder.csv: No such file or directory (os error 2)")
    );
    for arguments in [["--csv", "--json"], ["--xlsx=a.xlsx", "--csv"], ["--xlsx=a.xlsx", "--out=b"]] {
        let output = house.run(&[&["report"], &arguments[..]].concat());
        assert!(output.code == 64 && output.err.contains("cannot be used with"), "{output:?}");
    }
    let empty = crate::company::Company::new("", "");
    let output = crate::command::run(&empty, &["report"]);
    assert_eq!((output.code, output.out.as_str()), (69, ""), "{output:?}");
    assert_eq!(output.err.lines().count(), 1, "{output:?}");
}

#[test]
fn help_and_metrics_list_all_there_is() {
    let house = house();
    let help = ok(house.run(&["report", "--help"]));
    let words = |heading: &str| -> Vec<String> {
        let (_, list) = help.split_once(&format!("\n{heading}:\n")).unwrap();
        let lines = list.lines().take_while(|line| !line.is_empty());
        let lines = lines.filter(|line| !line.starts_with("   "));
        lines.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
    };
    assert_eq!(words("Presets"), Preset::ALL.map(|preset| preset.as_str().to_owned()));
    assert_eq!(words("Dimensions"), Dimension::ALL.map(|dimension| dimension.as_str().to_owned()));
    let all: Vec<_> = Metric::ALL.iter().map(|metric| metric.as_str().to_owned()).collect();
    assert_eq!(words("Metrics"), all);
    let lines = house.run(&["report", "metrics", "--json", "--lang", "ru"]).json();
    assert_eq!(lines.iter().map(|line| line["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>(), all);
    assert_eq!(
        lines[0],
        json!({"name": "leads", "unit": "count", "better": "more", "label": "Лиды", "formula": "number of inquiries",
            "help": "Обращения, которые учитываются."})
    );
    let table = ok(house.run(&["report", "metrics"]));
    for entry in Metric::ALL.iter().map(|metric| metric.entry()) {
        let line = table.lines().find(|line| line.split_whitespace().next() == Some(entry.id));
        assert!(line.is_some_and(|line| line.ends_with(entry.formula)), "{}: {line:?}", entry.id);
        assert!(table.contains(&format!("\n{}: {}\n", entry.id, entry.help.en)), "{}", entry.id);
    }
}

#[test]
fn leads_are_exported_whole_and_their_export_is_noted() {
    let house = house();
    let store = Store::open_read(&house.path("store")).unwrap();
    let filter = LeadFilter { limit: 10_000, ..LeadFilter::default() };
    let leads = store.leads(&filter).unwrap();
    assert_eq!(leads.len(), LETTERS as usize);
    let told = house.run(&["leads", "export", "--kind", "all", "--json"]).json();
    assert_eq!(told, leads.iter().map(|lead| serde_json::to_value(lead).unwrap()).collect::<Vec<Value>>());
    assert_eq!(ok(house.run(&["leads", "export", "--kind", "all", "--lang", "ru", "--out", "leads.csv"])), "");
    let zone = jiff::tz::TimeZone::get("Europe/Moscow").unwrap();
    let lines = export::LeadLines::new(Language::Ru, zone);
    let expected = [lines.headings().unwrap(), lines.lines(&leads).unwrap()].concat();
    assert!(fs::read(house.path("leads.csv")).unwrap() == expected);
    // What the lines say, read by a reader that is not ours.
    let records = csv::ReaderBuilder::new().delimiter(b';').from_reader(&expected[3..]).into_records();
    let records: Vec<_> = records.map(Result::unwrap).collect();
    assert_eq!(records.len(), leads.len());
    let first = &leads[0];
    let subject = first.message.subject.clone().unwrap_or_default();
    assert_eq!([&records[0][1], &records[0][10]], [first.lead_id.as_str(), subject.as_str()]);
    let spam = house.run(&["leads", "export", "--kind", "spam", "--since", "2026-09-01", "--json"]).json();
    assert!(!spam.is_empty() && spam.iter().all(|lead| lead["kind"] == "spam"), "{}", spam.len());
    let noted = store.audit(&AuditFilter { limit: 10, ..AuditFilter::default() }).unwrap();
    let noted: Vec<_> = noted.iter().map(|noted| (noted.entry.did.as_str(), noted.entry.what.as_str())).collect();
    assert!(noted.contains(&("leads.exported", "kind spam, since 2026-09-01")), "{noted:?}");
    let output = house.run(&["leads", "export", "--out", "no/such/file.csv"]);
    assert_eq!(
        (output.code, output.err.as_str()),
        (69, "leadmilter: cannot write no/such/file.csv: No such file or directory (os error 2)\n")
    );
}
