//! Costs at the command line: taken in, listed, replaced, refused, deleted.

use std::fs;

use serde_json::{Value, json};

use crate::{
    command::{self, Output, run},
    company::Company,
};

const DIRECT: &str = "\"costs (2026-11-01 - 2026-11-02)\"\nDate\tCampaignId\tCampaignName\tImpressions\tClicks\tCost\n\
                      2026-11-01\t77\tpumps-msk\t100\t3\t12.34\n2026-11-02\t77\tpumps-msk\t50\t1\t5.66\nTotal rows: 2\n";

const METRIKA: &str = "Date,UTMSource,UTMMedium,UTMCampaign,UTMContent,Expenses,Currency,TrafficSource\n\
                       2026-11-01/2026-11-03,vk,social,осень,,100,RUB,ad\n2026-11-02,outdoor,offline,м11-весна,щит 3×6,7,USD,ad\n";

fn company(files: &[(&str, &str)]) -> Company {
    let company = Company::new("", "");
    for (name, text) in files {
        fs::write(company.path(name), text).unwrap();
    }
    company
}

fn ok(out: &str) -> Output {
    Output { code: 0, out: out.to_owned(), err: String::new() }
}

fn listed(company: &Company, options: &[&str]) -> Vec<Value> {
    run(company, &[&["costs", "list", "--json"], options].concat()).json()
}

/// Day, provider, campaign, amount and the channel that it belongs to.
fn short(rows: &[Value]) -> Vec<String> {
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or("-").to_owned();
    let keys = ["day", "provider", "campaign", "amount", "currency", "matched_channel"];
    rows.iter().map(|row| keys.map(|key| text(row, key)).join(" ")).collect()
}

#[test]
fn files_are_taken_in_and_listed_with_their_channels() {
    let company = company(&[("direct.tsv", DIRECT), ("metrika.csv", METRIKA)]);
    let dry = run(&company, &["costs", "import", "--dry-run", "direct.tsv", "metrika.csv"]);
    let would = "direct.tsv: 2 rows\nmetrika.csv: 2 rows; nobody reads TrafficSource\n\
                 6 rows from 2026-11-01 to 2026-11-03, 118.00 RUB, 7.00 USD: would be imported\n\
                 of a channel  3 rows\nof no channel 3 rows\n\
                 \x20             source vk, medium social, campaign осень: 3 rows\n";
    assert_eq!(dry, ok(would));
    assert_eq!(run(&company, &["costs", "list"]).code, 69, "a dry run makes no store");

    let done = run(&company, &["costs", "import", "direct.tsv", "metrika.csv"]);
    assert_eq!(
        done,
        ok(&would.replace("would be imported", "imported, 6 of them new, 0 in place of earlier ones, 0 known already"))
    );
    let rows = listed(&company, &[]);
    let expected = [
        "2026-11-01 metrika осень 33.34 RUB -",
        "2026-11-01 yandex_direct pumps-msk 12.34 RUB yandex-direct",
        "2026-11-02 metrika м11-весна 7.00 USD billboard-m11",
        "2026-11-02 metrika осень 33.33 RUB -",
        "2026-11-02 yandex_direct pumps-msk 5.66 RUB yandex-direct",
        "2026-11-03 metrika осень 33.33 RUB -",
    ];
    assert_eq!(short(&rows), expected);
    let whole = json!({"day": "2026-11-01", "provider": "yandex_direct", "channel": "", "source": "yandex",
        "medium": "cpc", "campaign": "pumps-msk", "term": "", "content": "", "campaign_id": "77", "currency": "RUB",
        "amount": "12.34", "has_vat": null, "clicks": 3, "impressions": 100, "imported_at": rows[1]["imported_at"],
        "matched_channel": "yandex-direct"});
    assert_eq!(rows[1], whole);

    for (options, wanted) in [
        (&["--unmatched"][..], [0, 3, 5].as_slice()),
        (&["--channel", "yandex-direct", "--from", "2026-11-02"], &[4]),
        (&["--provider", "metrika", "--to", "2026-11-02"], &[0, 2, 3]),
    ] {
        let wanted: Vec<_> = wanted.iter().map(|row| expected[*row]).collect();
        assert_eq!(short(&listed(&company, options)), wanted, "{options:?}");
    }
    let table = run(&company, &["costs", "list", "--from", "2026-11-02", "--to", "2026-11-02", "--unmatched"]);
    let lines = "DAY         PROVIDER  CHANNEL  SOURCE  MEDIUM  CAMPAIGN  CLICKS  AMOUNT     VAT\n\
                 2026-11-02  metrika   -        vk      social  осень     -       33.33 RUB  excluded\n";
    assert_eq!(table, ok(lines));
}

#[test]
fn what_is_told_again_replaces_and_a_mistake_can_be_deleted() {
    let company = company(&[("direct.tsv", DIRECT), ("again.tsv", &DIRECT.replace("5.66", "6.66"))]);
    run(&company, &["costs", "import", "direct.tsv"]);
    let again = run(&company, &["costs", "import", "--json", "again.tsv"]);
    assert_eq!((again.code, again.err.as_str()), (0, ""));
    let report = json!({"dry_run": false,
        "files": [{"file": "again.tsv", "rows": 2, "refused": 0, "errors": [], "unread_columns": []}],
        "rows": 2, "days": 2, "from": "2026-11-01", "to": "2026-11-02", "sums": [{"currency": "RUB", "amount": "19.00"}],
        "matched": 2, "unmatched": 0, "unmatched_places": [], "added": 0, "replaced": 1, "unchanged": 1});
    assert_eq!(again.json(), [report]);
    let rows = [
        "2026-11-01 yandex_direct pumps-msk 12.34 RUB yandex-direct",
        "2026-11-02 yandex_direct pumps-msk 6.66 RUB yandex-direct",
    ];
    assert_eq!(short(&listed(&company, &[])), rows);

    // What a listing prints can be taken in again.
    let printed = run(&company, &["costs", "list", "--json"]).out;
    let before = listed(&company, &[]);
    assert_eq!(command::run_with(&company, &["costs", "import", "-"], printed.as_bytes()).code, 0);
    let plain =
        |rows: Vec<Value>| rows.into_iter().map(|mut row| (row["imported_at"].take(), row).1).collect::<Vec<_>>();
    assert_eq!(plain(listed(&company, &[])), plain(before));

    let delete = |provider| {
        run(&company, &["costs", "delete", "--provider", provider, "--from", "2026-11-02", "--to", "2026-11-30"])
    };
    assert_eq!(delete("google_ads"), ok("0 rows deleted\n"));
    assert_eq!(delete("yandex_direct"), ok("1 row deleted\n"));
    assert_eq!(short(&listed(&company, &[])), rows[..1]);

    let noted = run(&company, &["audit", "--json"]).json();
    let noted: Vec<_> =
        noted.iter().rev().map(|entry| json!([entry["did"], entry["what"], entry["details"]])).collect();
    let days = "2 rows from 2026-11-01 to 2026-11-02";
    let expected = [
        json!(["costs.imported", "direct.tsv", format!("{days}, 18.00 RUB")]),
        json!(["costs.imported", "again.tsv", format!("{days}, 19.00 RUB")]),
        json!(["costs.imported", "stdin", format!("{days}, 19.00 RUB")]),
        json!(["costs.deleted", "yandex_direct", "from 2026-11-02 to 2026-11-30"]),
    ];
    assert_eq!(noted, expected);
}

#[test]
fn one_row_that_cannot_be_used_keeps_every_file_out() {
    let bad =
        "date;channel;amount\n01.11.2026;billboard-m11;1,5\n02/11/2026;billboard-m11;1\n2026-11-03;x;\u{1b}[2J1\n";
    let company = company(&[("direct.tsv", DIRECT), ("bad.csv", bad)]);
    let err = "bad.csv:3: \"02/11/2026\" may be read in two ways: write 2026-11-22\n\
               bad.csv:4: \"[2J1\" is no amount: write digits with a point, such as 1234.50\n\
               leadmilter: nothing was imported: 2 rows refused\n";
    let refused = run(&company, &["costs", "import", "direct.tsv", "bad.csv"]);
    assert_eq!(refused, Output { code: 65, out: String::new(), err: err.to_owned() });
    let told = run(&company, &["costs", "import", "--json", "bad.csv"]);
    assert_eq!((told.code, told.err.as_str()), (65, "leadmilter: nothing was imported: 2 rows refused\n"));
    assert_eq!(told.json()[0]["files"][0]["errors"][1]["line"], 4);

    let many = format!("date,amount\n{}", "x,1\n".repeat(1100));
    let refused = command::run_with(&company, &["costs", "import", "-"], many.as_bytes());
    assert_eq!((refused.code, refused.err.lines().count()), (65, 1001));
    let last = "leadmilter: nothing was imported: 1100 rows refused, 100 of them not shown";
    assert_eq!(refused.err.lines().last(), Some(last));
    run(&company, &["costs", "import", "direct.tsv"]);
    assert_eq!(listed(&company, &[]).len(), 2);
}

#[test]
fn a_file_that_is_none_and_options_that_are_none_say_what_to_do() {
    let company = company(&[("empty.csv", ""), ("sums.csv", "amount\n90\n"), ("direct.tsv", DIRECT)]);
    let known = "Known columns: date (or from and to), amount (or cost, expenses, metrics.cost_micros), currency, \
                 provider, channel, utm_source, utm_medium, utm_campaign, campaign_id, utm_term, utm_content, clicks, \
                 impressions, vat";
    for (arguments, code, err) in [
        (&["empty.csv"][..], 65, "empty.csv: is empty".to_owned()),
        (&["sums.csv"], 65, format!("sums.csv: line 1: no column says of which day a cost is. {known}")),
        (&["none.csv"], 69, "none.csv cannot be read: No such file or directory (os error 2)".to_owned()),
        (&["direct.tsv", "--channel", "m12"], 64, "--channel: \"m12\" is no channel of the config".to_owned()),
        (
            &["direct.tsv", "--provider", "Ян"],
            64,
            "--provider: \"Ян\" is no name: write letters, digits, . _ -, at most 64".to_owned(),
        ),
        (
            &["sums.csv", "--from", "2026-11-30", "--to", "2026-11-01"],
            64,
            "--from: the period ends on 2026-11-01, before it begins on 2026-11-30".to_owned(),
        ),
    ] {
        let told = run(&company, &[&["costs", "import"], arguments].concat());
        assert_eq!(told, Output { code, out: String::new(), err: format!("leadmilter: {err}\n") }, "{arguments:?}");
    }
    assert_eq!(run(&company, &["costs", "import", "sums.csv", "--from", "yesterday", "--to", "2026-11-01"]).code, 64);
    let options = ["--from", "2026-11-01", "--to", "2026-11-30", "--channel", "newsletter", "--vat", "included"];
    assert_eq!(run(&company, &[&["costs", "import", "sums.csv"][..], &options].concat()).code, 0);
    let rows = listed(&company, &[]);
    assert_eq!((rows.len(), &rows[29]["amount"], &rows[29]["has_vat"]), (30, &json!("3.00"), &json!(true)));
    assert_eq!(rows[29]["matched_channel"], "newsletter");
}
