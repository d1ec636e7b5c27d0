//! One report in every form and both languages, and a hostile one that does nothing.

use std::{collections::BTreeMap, io::Cursor};

use calamine::{Data, Reader, Xlsx};
use serde_json::json;

use super::*;
use crate::{
    language::Language,
    model::Model,
    money::{Amount, Currency},
    report::{Column, Compare, Dimension, Filter, Metric, MoneyNote, Period, Preset, Query, Report, Row, Vat, Wording},
};

fn query(by: &[Dimension], columns: Vec<Column>) -> Query {
    let period = Period { first: jiff::civil::date(2026, 11, 1), last: jiff::civil::date(2026, 11, 26) };
    Query { columns, by: by.to_vec(), ..Preset::Channels.query(period, Model::LastNonDirect) }
}

fn columns() -> Vec<Column> {
    let mut columns: Vec<Column> =
        [Metric::Leads, Metric::Cost, Metric::Conversion, Metric::VisitToLetter].map(Column::from).into();
    columns.push(Column { metric: Metric::Leads, model: Some(Model::Linear) });
    columns
}

fn row(key: Option<&str>, numbers: [i128; 5], before: [i128; 5]) -> Row {
    let told = |numbers: [i128; 5]| numbers.map(|number| (number >= 0).then_some(number)).into();
    Row { key: vec![key.map(str::to_owned)], numbers: told(numbers), before: told(before), is_incomplete: false }
}

/// Two channels, one of them none, compared with the days before; -1 stands for what is not known.
fn report() -> Report {
    let usd: Currency = "USD".parse().unwrap();
    let mut query = query(&[Dimension::Channel], columns());
    query.compare = Some(Compare::Previous);
    query.filters = vec![Filter { dimension: Dimension::Tag, value: None }];
    Report {
        before: query.period.before(Compare::Previous),
        query,
        zone: "Europe/Moscow".into(),
        currency: Currency::RUB,
        rows: vec![
            row(
                Some("m11"),
                [12_340_000, 1_234_567_890_000, 125_000, 5_400, 12_345_000],
                [10_000_000, 0, -1, -1, 20_000],
            ),
            row(None, [10_000, -1, 0, 59, 3_333], [0, -1, -1, -1, -1]),
        ],
        total: Row {
            is_incomplete: true,
            key: Vec::new(),
            ..row(None, [12_350_000, 1_234_567_890_000, 124_899, 5_436, 12_348_333], [10_000_000, 0, -1, -1, 20_000])
        },
        left_out: 2,
        is_partial: true,
        money: MoneyNote {
            converted: BTreeMap::from([(usd, Amount(92_500_000))]),
            revenue_left_out: BTreeMap::from([("EUR".parse().unwrap(), Amount(-10_500_000))]),
            cost_left_out: BTreeMap::new(),
            cost_by_vat: BTreeMap::from([(Vat::Included, Amount(12_000_000)), (Vat::Excluded, Amount(500_000))]),
        },
    }
}

fn wording(language: Language) -> Wording {
    Wording::with_channels(language, [("m11", "Щит на М11"), ("other", "Other")])
}

/// Text without what only keeps lines from breaking.
fn plain(text: &str) -> String {
    text.replace('\u{a0}', " ")
}

#[test]
fn a_terminal_gets_a_table_with_what_it_is_about() {
    let text = plain(&text(&report(), &wording(Language::En), None));
    let expected = "\
Period: 2026-11-01..2026-11-26
Compared with: 2026-10-06..2026-10-31 (just before it)
Time zone: Europe/Moscow
Attribution model: Last non-direct touch
Currency: RUB
Only: Tag: (not set)

CHANNEL              LEADS          COST  CONVERSION  VISIT TO LETTER          LEADS: LINEAR
Щит на М11  1,234 (+23.4%)  1,234,567.89       12.5%            1.5 h  1,234.50 (+61,625.0%)
(not set)                1             —        0.0%             59 s                   0.33
Total       1,235 (+23.5%)  1,234,567.89       12.5%            1.5 h  1,234.83 (+61,641.7%)

Today is not over: its numbers will grow.
2 more rows are not shown.
Several currencies, converted to RUB by [reports] rates: 1 USD = 92.50 RUB.
Not in revenue, since [reports] rates has no rate: −10.50 EUR. What is reckoned from it is not known.
Costs are summed as they were told: 12.00 RUB with VAT, 0.50 RUB without VAT.";
    assert_eq!(text, expected);
}

#[test]
fn a_narrow_terminal_gets_the_columns_in_blocks() {
    let told = text(&report(), &wording(Language::Ru), Some(70));
    let blocks: Vec<_> = told.split("\n\n").collect();
    assert!(blocks[..3].iter().all(|block| block.lines().all(|line| line.chars().count() <= 70)), "{told}");
    assert_eq!(blocks.len(), 4, "{told}");
    assert_eq!(
        plain(blocks[1]),
        "КАНАЛ                    ЛИДЫ        РАСХОД  КОНВЕРСИЯ\n\
         Щит на М11    1 234 (+23,4 %)  1 234 567,89     12,5 %\n\
         (не указано)                1             —      0,0 %\n\
         Итого         1 235 (+23,5 %)  1 234 567,89     12,5 %"
    );
    assert!(blocks[2].starts_with("КАНАЛ") && blocks[2].contains("1,5\u{a0}ч"), "{told}");
    assert!(blocks[3].starts_with("Сегодня ещё не закончилось"), "{told}");
    // A width that no column fits into still shows each of them.
    assert_eq!(text(&report(), &wording(Language::Ru), Some(10)).split("\n\n").count(), 7);
}

#[test]
fn json_has_exact_numbers_and_all_notes() {
    let report = report();
    let whole = serde_json::to_string(&whole(&report, Language::Ru)).unwrap();
    assert!(whole.contains(r#""numbers":{"leads":1234,"cost":1234567.89,"conversion":0.125,"#), "{whole}");
    let expected = json!({
        "query": "metrics=leads%2Ccost%2Cconversion%2Cvisit_to_letter%2Cleads%3Alinear&by=channel&\
                  period=2026-11-01..2026-11-26&model=last_non_direct&filter=tag%3D&compare=previous&limit=1000",
        "period": {"first": "2026-11-01", "last": "2026-11-26"},
        "before": {"first": "2026-10-06", "last": "2026-10-31"},
        "zone": "Europe/Moscow",
        "currency": "RUB",
        "model": "last_non_direct",
        "is_partial": true,
        "columns": [
            {"name": "leads", "metric": "leads", "model": null, "unit": "count", "better": "more", "label": "Лиды",
             "formula": "number of inquiries"},
            {"name": "cost", "metric": "cost", "model": null, "unit": "money", "better": "neither", "label": "Расход",
             "formula": "sum of costs"},
            {"name": "conversion", "metric": "conversion", "model": null, "unit": "percent", "better": "more",
             "label": "Конверсия", "formula": "leads with a deal / leads"},
            {"name": "visit_to_letter", "metric": "visit_to_letter", "model": null, "unit": "seconds", "better": "less",
             "label": "От визита до письма", "formula": "sum of times / leads with a visit"},
            {"name": "leads:linear", "metric": "leads", "model": "linear", "unit": "count", "better": "more",
             "label": "Лиды", "formula": "number of inquiries"},
        ],
        "rows": [
            {"key": {"channel": "m11"},
             "numbers": {"leads": 1234, "cost": 1234567.89, "conversion": 0.125, "visit_to_letter": 5400,
                         "leads:linear": 1234.5},
             "before": {"leads": 1000, "cost": 0, "conversion": null, "visit_to_letter": null, "leads:linear": 2}},
            {"key": {"channel": null},
             "numbers": {"leads": 1, "cost": null, "conversion": 0, "visit_to_letter": 59, "leads:linear": 0.3333},
             "before": {"leads": 0, "cost": null, "conversion": null, "visit_to_letter": null, "leads:linear": null}},
        ],
        "total": {
            "key": {},
            "numbers": {"leads": 1235, "cost": 1234567.89, "conversion": 0.124899, "visit_to_letter": 5436,
                        "leads:linear": 1234.8333},
            "before": {"leads": 1000, "cost": 0, "conversion": null, "visit_to_letter": null, "leads:linear": 2},
            "is_incomplete": true,
        },
        "left_out": 2,
        "money": {"converted": {"USD": "92.50"}, "revenue_left_out": {"EUR": "-10.50"}, "cost_left_out": {},
            "cost_by_vat": {"included": "12.00", "excluded": "0.50"}},
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&whole).unwrap(), expected);
    let lines: Vec<_> = lines(&report).iter().map(|line| serde_json::to_value(line).unwrap()).collect();
    assert_eq!(lines, *expected["rows"].as_array().unwrap());
}

#[test]
fn csv_is_what_the_spreadsheets_of_each_language_open() {
    let text = |language| String::from_utf8(csv(&report(), &wording(language)).unwrap()).unwrap();
    assert_eq!(
        text(Language::En),
        "\u{feff}Channel,Leads,Leads (before),\"Leads (change, %)\",\"Cost, RUB\",\"Cost, RUB (before)\",\"Cost (change, %)\",\
         \"Conversion, %\",\"Conversion, % (before)\",\"Conversion (change, %)\",\"Visit to letter, s\",\
         \"Visit to letter, s (before)\",\"Visit to letter (change, %)\",Leads: Linear,Leads: Linear (before),\
         \"Leads: Linear (change, %)\"\r\n\
         Щит на М11,1234,1000,23.4,1234567.89,0,,12.5,,,5400,,,1234.5,2,61625\r\n\
         (not set),1,0,,,,,0,,,59,,,0.3333,,\r\n\
         Total,1235,1000,23.5,1234567.89,0,,12.4899,,,5436,,,1234.8333,2,61641.665\r\n"
    );
    let russian = text(Language::Ru);
    assert!(russian.starts_with("\u{feff}Канал;Лиды;Лиды (было);Лиды (изменение, %);Расход, RUB;"), "{russian}");
    assert!(russian.contains("\r\nЩит на М11;1234;1000;23,4;1234567,89;0;;12,5;;;5400;"), "{russian}");
}

#[test]
fn a_report_without_dimensions_is_its_total() {
    let mut report = report();
    report.query.by.clear();
    report.rows.truncate(1);
    let lines = |octets: Vec<u8>| String::from_utf8(octets).unwrap().lines().count();
    assert_eq!(lines(csv(&report, &wording(Language::En)).unwrap()), 2);
    let table = text(&report, &wording(Language::En), None);
    assert_eq!(table.split("\n\n").nth(1).unwrap().lines().count(), 2, "{table}");
    let (numbers, _) = sheets(&report, Language::En);
    assert_eq!((numbers.len(), numbers[1][0].clone()), (2, Data::String("Total".into())));
}

/// Cells of both sheets; none of them is a formula.
fn sheets(report: &Report, language: Language) -> (Vec<Vec<Data>>, Vec<Vec<Data>>) {
    let mut book = Xlsx::new(Cursor::new(xlsx(report, &wording(language)).unwrap())).unwrap();
    let names = book.sheet_names();
    let sheet = |book: &mut Xlsx<_>, name: &str| {
        assert!(book.worksheet_formula(name).unwrap().is_empty(), "{name}");
        book.worksheet_range(name).unwrap().rows().map(<[Data]>::to_vec).collect::<Vec<_>>()
    };
    let [first, second] = names.as_slice() else { panic!("{names:?}") };
    (sheet(&mut book, first), sheet(&mut book, second))
}

#[test]
fn a_workbook_has_typed_cells_and_a_sheet_about_itself() {
    let (numbers, about) = sheets(&report(), Language::Ru);
    let text = |text: &str| Data::String(text.to_owned());
    let (empty, float) = (Data::Empty, Data::Float);
    assert_eq!(numbers[0][..4], ["Канал", "Лиды", "Лиды (было)", "Лиды (изменение, %)"].map(text));
    assert_eq!(
        numbers[1],
        [
            text("Щит на М11"),
            float(1234.0),
            float(1000.0),
            float(0.234),
            float(1_234_567.89),
            float(0.0),
            empty.clone(),
            float(0.125),
            empty.clone(),
            empty.clone(),
            float(5400.0),
            empty.clone(),
            empty,
            float(1234.5),
            float(2.0),
            float(616.25)
        ]
    );
    assert_eq!((numbers.len(), &numbers[2][0], &numbers[3][0]), (4, &text("(не указано)"), &text("Итого")));
    assert_eq!(about[0], [text("Период"), text("2026-11-01..2026-11-26")]);
    let notes: Vec<_> = about.iter().filter(|line| line[0] == text("Примечание")).collect();
    assert_eq!(notes.len(), 5, "{about:?}");
    assert!(
        about.contains(&vec![text("Лиды"), text("Обращения, которые учитываются. number of inquiries")]),
        "{about:?}"
    );
}

#[test]
fn days_are_dates_in_a_workbook() {
    let mut report = report();
    report.query.by = vec![Dimension::Day];
    report.rows[0].key = vec![Some("2026-11-26".into())];
    let (numbers, _) = sheets(&report, Language::En);
    let Data::DateTime(day) = &numbers[1][0] else { panic!("{:?}", numbers[1][0]) };
    assert_eq!((day.as_f64(), &numbers[2][0]), (46_352.0, &Data::String("(not set)".into())));
}

/// Text that strangers may have written, and what a workbook makes of it.
fn hostile() -> Vec<(String, String)> {
    let same = [
        "=1+1",
        "@SUM(A1)",
        "+7 495",
        "-1",
        "\t=1",
        "=HYPERLINK(\"http://evil.example\",\"x\")",
        "'=1",
        "x;=1+1",
        "<script>alert(1)</script>",
        "]]>&amp;<![CDATA[",
        "\u{202e}gpj.exe",
        "שלום\u{200f}!",
        "_x0041_",
        "a\"b\",c",
        "＝1",
    ];
    let mut all: Vec<_> = same.into_iter().map(|text| (text.to_owned(), text.to_owned())).collect();
    all.push(("a\u{0}b\u{1}c\u{1b}[31m\u{fffe}\u{ffff}".into(), "abc[31m".into()));
    all.push(("я".repeat(40_000), "я".repeat(32_767)));
    all.push(("x".repeat(32_766) + "👩", "x".repeat(32_766)));
    all
}

fn hostile_report() -> Report {
    let mut report = report();
    report.query.by = vec![Dimension::Campaign];
    report.query.filters = vec![Filter { dimension: Dimension::Campaign, value: Some("=1+1\u{1b}[2J\u{202e}".into()) }];
    let numbers = report.rows[0].numbers.clone();
    let row = |(text, _): &(String, String)| Row {
        key: vec![Some(text.clone())],
        numbers: numbers.clone(),
        ..Row::default()
    };
    report.rows = hostile().iter().map(row).collect();
    report
}

#[test]
fn hostile_text_is_whole_and_no_formula_in_a_workbook() {
    let report = hostile_report();
    let (numbers, about) = sheets(&report, Language::En);
    let keys: Vec<_> = numbers[1..=report.rows.len()].iter().map(|line| line[0].to_string()).collect();
    assert_eq!(keys, hostile().into_iter().map(|(_, cell)| cell).collect::<Vec<_>>());
    assert!(about.iter().any(|line| line[1] == Data::String("Campaign: =1+1[2J\u{202e}".into())), "{about:?}");
}

#[test]
fn hostile_text_is_whole_and_no_formula_in_csv() {
    for (language, delimiter) in [(Language::En, b','), (Language::Ru, b';')] {
        let octets = csv(&hostile_report(), &wording(language)).unwrap();
        let read = |delimiter| {
            let mut reader = ::csv::ReaderBuilder::new();
            let reader = reader.delimiter(delimiter).flexible(true).has_headers(false).from_reader(&octets[3..]);
            reader.into_records().map(Result::unwrap).collect::<Vec<_>>()
        };
        let records = read(delimiter);
        let keys: Vec<_> = records[1..records.len() - 1].iter().map(|record| record[0].to_owned()).collect();
        assert_eq!(keys, hostile().iter().map(|(text, _)| guarded(text)).collect::<Vec<_>>());
        // Whatever a spreadsheet takes for the end of a field, no field begins a formula.
        for delimiter in [b',', b';', b'\t', b'|'] {
            for field in read(delimiter).iter().flatten() {
                let begins = field.trim_start().trim_start_matches('"').trim_start().chars().next();
                let is_number = field.replace(',', ".").parse::<f64>().is_ok();
                assert!(is_number || !begins.is_some_and(|char| "=+-@＝＋－＠".contains(char)), "{field:?}");
            }
        }
    }
}

#[test]
fn hostile_text_does_nothing_to_a_terminal_and_is_whole_in_json() {
    let report = hostile_report();
    let shown = text(&report, &wording(Language::En), None);
    let lines = shown.lines().count();
    assert!(!shown.contains(['\u{1b}', '\u{0}', '\u{202e}', '\t', '\r']));
    assert_eq!(lines, 6 + 1 + 1 + report.rows.len() + 1 + 1 + 5);
    let whole = serde_json::to_value(whole(&report, Language::En)).unwrap();
    let keys: Vec<_> = whole["rows"].as_array().unwrap().iter().map(|row| row["key"]["campaign"].clone()).collect();
    assert_eq!(keys, hostile().into_iter().map(|(text, _)| json!(text)).collect::<Vec<_>>());
}
