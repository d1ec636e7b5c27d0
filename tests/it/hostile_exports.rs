//! Exports of what strangers wrote to do harm: formulas, markup, text that runs backwards, thousands of characters. Whoever opens
//! them sees text, and all of it.

use std::{
    io::Write,
    process::{Command, Stdio},
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use calamine::{Data, Reader, open_workbook};
use leadmilter::{
    lead::{ChannelName, Touch},
    report::export::guarded,
    store::{Commit, Store},
};
use serde_json::Value;

use crate::{
    clients::clients,
    command,
    company::Company,
    house::{lead, shared},
};

/// What strangers write. Each stands in a lead of its own, wherever text can stand.
fn hostile() -> Vec<String> {
    let short = [
        "=1+1",
        "=HYPERLINK(\"http://evil.example\",\"x\")",
        "=cmd|' /C calc'!A0",
        "+7 495 000-00-00",
        "-2+3",
        "@SUM(A1:A9)",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        " \u{a0}=1+1",
        "\u{feff}=1+1",
        "\u{200f}=1+1",
        "＝1+1",
        "＋1",
        "－1",
        "＠x",
        "\"=1+1\"",
        "x;=1+1",
        "x,=1+1",
        "x\t=1+1",
        "x\",\"=1+1",
        "'=1+1",
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "]]><x/>&lt;&#61;",
        "_x003D_1+1",
        "invoice\u{202e}fdp.exe",
        "שלום עולם \u{200f}!",
        "\u{1b}[2J\u{1b}]0;title\u{7}",
        "\u{0}\u{1}\u{b}\u{ffff}x",
        "a\r\nb\nc",
    ];
    let mut all: Vec<String> = short.into_iter().map(str::to_owned).collect();
    all.push("=".repeat(10_000));
    all.push("Ы".repeat(10_000));
    all.push("👩\u{200d}👧".repeat(12_000));
    all
}

/// A store with one lead for each of them.
fn company() -> Arc<Company> {
    static COMPANY: Mutex<Weak<Company>> = Mutex::new(Weak::new());
    shared(&COMPANY, || {
        let company = Company::new("", "");
        let store = Store::open(&company.path("store")).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for (number, text) in hostile().into_iter().enumerate() {
            let mut new = lead(&format!("p{number}@client.test"), "info+m11@company.ru");
            let told = &mut new.lead;
            told.sender.name = Some(text.clone());
            told.sender.domain = Some(text.clone());
            told.message.subject = Some(text.clone());
            told.tags = vec![text.clone()];
            told.channel = Some(ChannelName { id: text.clone(), name: text.clone() });
            told.kind_reason = Some(text.clone());
            let all = Some(text.clone());
            told.attribution.touches = vec![Touch {
                at: told.received_at,
                substitute: all.clone(),
                channel: all.clone(),
                source: all.clone(),
                medium: all.clone(),
                campaign: all.clone(),
                term: all.clone(),
                content: all.clone(),
                landing_page: all.clone(),
                referrer: all,
            }];
            runtime.block_on(store.record(new, Commit::Durable)).unwrap().unwrap();
        }
        runtime.block_on(store.close(Duration::from_secs(10)));
        company
    })
}

const BY: [&str; 7] = ["channel", "source", "campaign", "landing_page", "referrer", "tag", "sender_domain"];

fn run(arguments: &[&str]) -> String {
    let output = command::run(&company(), arguments);
    assert_eq!((output.code, output.err.as_str()), (0, ""));
    output.out
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

/// Records of CSV as Python reads them, with its own reader.
fn by_python(csv: &str, delimiter: &str) -> Vec<Vec<String>> {
    let program = "import csv, io, json, sys\ncsv.field_size_limit(10**7)\n\
                   text = sys.stdin.buffer.read().decode('utf-8-sig')\n\
                   print(json.dumps(list(csv.reader(io.StringIO(text, newline=''), delimiter=sys.argv[1], strict=True))))";
    let mut python = Command::new(clients("python/bin/python"));
    python.args(["-B", "-c", program, delimiter]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let csv = csv.to_owned();
    let writing = std::thread::spawn(move || input.write_all(csv.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The same by the csv crate, which agrees.
fn records(csv: &str, delimiter: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new();
    let text = csv.strip_prefix('\u{feff}').unwrap();
    let reader = reader.has_headers(false).delimiter(delimiter.as_bytes()[0]).from_reader(text.as_bytes());
    let record = |record: Result<csv::StringRecord, _>| record.unwrap().iter().map(str::to_owned).collect();
    let records: Vec<Vec<String>> = reader.into_records().map(record).collect();
    assert_eq!(records, by_python(csv, delimiter));
    records
}

/// What a spreadsheet would compute, however it takes the file apart.
fn begins_a_formula(cell: &str) -> bool {
    let number = cell.replace(',', ".").parse::<f64>().is_ok();
    let begin =
        cell.trim_start_matches(|char: char| char.is_whitespace() || char == '"' || "\u{feff}\u{200f}".contains(char));
    !number && begin.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
}

/// No cell begins a formula, whatever a spreadsheet takes for the end of one.
fn assert_harmless(csv: &str) {
    for cell in csv.trim_start_matches('\u{feff}').split([',', ';', '\t', '|', '\n']) {
        assert!(!begins_a_formula(cell), "{:?}", cell.chars().take(60).collect::<String>());
        assert!(!cell.starts_with('\t') && !cell.starts_with("\"\t"));
    }
}

#[test]
fn reports_as_csv_are_whole_and_compute_nothing() {
    let _kept = company();
    for by in BY {
        for (lang, delimiter) in [("en", ","), ("ru", ";")] {
            let csv = run(&["report", "--by", by, "--metrics", "leads", "--csv", "--lang", lang]);
            let records = records(&csv, delimiter);
            let keys = records[1..records.len() - 1].iter().map(|record| record[0].clone()).collect();
            assert_eq!(sorted(keys), sorted(hostile().iter().map(|text| guarded(text)).collect()), "{by}");
            assert!(records.iter().skip(1).all(|record| record.len() == 2 && record[1].parse::<u32>().is_ok()));
            assert_harmless(&csv);
        }
    }
}

#[test]
fn leads_as_csv_are_whole_and_compute_nothing() {
    let _kept = company();
    let csv = run(&["leads", "export"]);
    let records = records(&csv, ",");
    let column = |name: &str| {
        let place = records[0].iter().position(|known| known == name).unwrap();
        records[1..].iter().map(|record| record[place].clone()).collect::<Vec<_>>()
    };
    let expected: Vec<_> = hostile().iter().rev().map(|text| guarded(text)).collect();
    for name in ["subject", "sender_name", "channel", "channel_name", "tags", "kind_reason"] {
        assert_eq!(column(name), expected, "{name}");
    }
    assert!(records.iter().all(|record| record.len() == records[0].len()));
    assert_harmless(&csv);
}

#[test]
fn workbooks_hold_text_and_no_formula() {
    let _kept = company();
    let fits = |text: &String| {
        let mut room = 32_767_usize;
        let said = text.chars().filter(|char| !matches!(char, '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{ffff}'));
        let fits = |char: &char| room.checked_sub(char.len_utf16()).map(|left| room = left).is_some();
        said.take_while(fits).collect::<String>()
    };
    let expected = sorted(hostile().iter().map(fits).collect());
    for by in BY {
        let file = company().path(format!("{by}.xlsx"));
        run(&["report", "--by", by, "--metrics", "leads", "--xlsx", file.to_str().unwrap()]);
        let mut book: calamine::Xlsx<_> = open_workbook(&file).unwrap();
        for name in book.sheet_names() {
            assert!(book.worksheet_formula(&name).unwrap().is_empty(), "{by} {name}");
        }
        let sheet = book.worksheet_range("Report").unwrap();
        let rows: Vec<_> = sheet.rows().skip(1).map(<[Data]>::to_vec).collect();
        let text = |cell: &Data| if let Data::String(text) = cell { text.clone() } else { panic!("{cell:?}") };
        assert_eq!(sorted(rows[..rows.len() - 1].iter().map(|row| text(&row[0])).collect()), expected, "{by}");
        assert!(rows.iter().all(|row| matches!(row[1], Data::Float(leads) if leads >= 1.0)), "{by}");
    }
}

#[test]
fn json_is_whole_and_a_terminal_obeys_nothing() {
    let _kept = company();
    for by in BY {
        let lines = run(&["report", "--by", by, "--metrics", "leads", "--json"]);
        let keys = lines.lines().map(|line| {
            let row: Value = serde_json::from_str(line).unwrap();
            row["key"][by].as_str().unwrap().to_owned()
        });
        assert_eq!(sorted(keys.collect()), sorted(hostile()), "{by}");
        let shown = run(&["report", "--by", by, "--metrics", "leads"]);
        assert!(!shown.contains(['\u{1b}', '\0', '\u{7}', '\r', '\t', '\u{202e}', '\u{feff}']), "{by}");
        // A table of one line for each, whatever is in it.
        let table = shown.split("\n\n").nth(1).unwrap();
        assert_eq!(table.lines().count(), hostile().len() + 2, "{by}");
    }
    let leads = run(&["leads", "export", "--json"]);
    let subjects = leads.lines().map(|line| {
        let lead: Value = serde_json::from_str(line).unwrap();
        lead["message"]["subject"].as_str().unwrap().to_owned()
    });
    assert_eq!(subjects.collect::<Vec<_>>(), hostile().into_iter().rev().collect::<Vec<_>>());
}
