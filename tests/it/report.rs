//! The report engine over a real store: what counts, what is unknown, and how money and touches are shared out.

use jiff::civil::Date;
use leadmilter::{
    clock::Millis,
    config::{Config, parse},
    lead::{Kind, Touch},
    report::{Dimension, Metric, Query, Report, Reporter},
    store::{Commit, Mark, NewLead, Store, file_in},
};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::house;

const NOON: i64 = 1_795_608_000_000; // 2026-11-25T12:00:00Z
const DAY: i64 = 86_400_000;
const TODAY: Date = Date::constant(2026, 11, 26);

struct Office {
    folder: TempDir,
    store: Store,
    config: Config,
}

impl Office {
    fn new(settings: &str) -> Self {
        let (folder, store) = house::store();
        let text = format!(
            "timezone = \"Europe/Moscow\"\n[store]\nurl = \"sqlite:{}\"\n{settings}\n[[mailbox]]\naddress = \"info@company.ru\"\n\
             [[channel]]\nid = \"direct-ads\"\nmailbox = \"info@company.ru\"\nutm = {{ source = \"yandex\", medium = \"cpc\" }}\n",
            folder.path().display()
        );
        let config = parse(&text, "config.toml".as_ref(), folder.path()).unwrap().config;
        Self { folder, store, config }
    }

    async fn record(&self, new: NewLead) -> String {
        let recorded = self.store.record(new, Commit::Durable).await.unwrap().unwrap();
        assert!(!recorded.duplicate);
        recorded.lead.lead_id
    }

    fn sql(&self, sql: &str) {
        Connection::open(file_in(self.folder.path())).unwrap().execute_batch(sql).unwrap();
    }

    fn cost(&self, day: &str, provider: &str, source: &str, medium: &str, money: (&str, i64)) {
        let day = Date::constant(1970, 1, 1).until(day.parse::<Date>().unwrap()).unwrap().get_days();
        let (currency, amount) = money;
        self.sql(&format!(
            "INSERT INTO cost (day, provider, channel, source, medium, campaign, term, content, campaign_id, currency, amount,
                               imported_at)
             VALUES ({day}, '{provider}', '', '{source}', '{medium}', '', '', '', '', '{currency}', {amount}, 0)"
        ));
    }

    fn outcome(&self, lead: &str, status: &str, money: Option<(&str, i64)>, at: i64) {
        let (currency, amount) = money
            .map_or(("NULL".into(), "NULL".into()), |(currency, amount)| (format!("'{currency}'"), amount.to_string()));
        self.sql(&format!(
            "INSERT INTO outcome (lead, system, deal_id, status, amount, currency, occurred_at, recorded_at)
             SELECT sequence, 'crm', 'd1', '{status}', {amount}, {currency}, {at}, {at} FROM lead WHERE id = '{lead}'"
        ));
    }

    fn report(&self, pairs: &[(&str, &str)]) -> Report {
        let query = Query::read(pairs.iter().copied(), TODAY, self.config.reports.model).unwrap();
        let report = Reporter::new(&self.config).run(&query, Millis(NOON + DAY)).unwrap();
        // A link that says the same gets the same.
        let links: Vec<_> = query.pairs();
        let links = links.iter().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(Query::read(links, TODAY, self.config.reports.model).unwrap(), query);
        report
    }

    /// Rows as text: key, then numbers, unknown ones as a dash.
    fn rows(&self, pairs: &[(&str, &str)]) -> Vec<String> {
        let report = self.report(pairs);
        report.rows.iter().map(|row| line(&row.key, &row.numbers)).collect()
    }
}

fn line(key: &[Option<String>], numbers: &[Option<i128>]) -> String {
    let key = key.iter().map(|key| key.clone().unwrap_or_else(|| "-".into()));
    let numbers = numbers.iter().map(|number| number.map_or("-".into(), |number| number.to_string()));
    key.chain(numbers).collect::<Vec<_>>().join(" ")
}

/// A lead at a time, with touches of these sources so many days before.
fn lead(sender: &str, at: i64, touches: &[(&str, &str, i64)]) -> NewLead {
    let mut new = house::lead(sender, "info+m11@company.ru");
    (new.lead.received_at, new.lead.channel) = (Millis(at), None);
    (new.lead.attribution.source, new.lead.attribution.medium, new.lead.attribution.campaign) = (None, None, None);
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    new.lead.attribution.touches = touches
        .iter()
        .map(|(channel, source, days)| Touch {
            at: Millis(at - days * DAY),
            substitute: None,
            channel: text(channel),
            source: text(source),
            medium: None,
            campaign: None,
            term: None,
            content: None,
            landing_page: None,
            referrer: None,
        })
        .collect();
    new
}

#[tokio::test]
async fn leads_are_shared_out_by_the_model_and_sum_to_what_there_is() {
    let office = Office::new("");
    let path = [("ads", "yandex", 14), ("mail", "news", 7), ("", "(direct)", 0)];
    office.record(lead("ivan@client.example", NOON, &path)).await;
    office.record(lead("anna@client.example", NOON, &[("ads", "yandex", 0)])).await;
    office.record(lead("ivan@client.example", NOON, &[])).await;
    let rows = |model| office.rows(&[("metrics", "leads,unique,share,coverage"), ("by", "channel"), ("model", model)]);
    assert_eq!(
        rows("last_non_direct"),
        ["- 10000 0 333333 0", "ads 10000 10000 333333 1000000", "mail 10000 10000 333333 1000000"]
    );
    assert_eq!(rows("first"), ["ads 20000 20000 666667 1000000", "- 10000 0 333333 0"]);
    assert_eq!(rows("last"), ["- 20000 10000 666667 500000", "ads 10000 10000 333333 1000000"]);
    assert_eq!(
        rows("linear"),
        ["- 13334 3334 444467 250037", "ads 13333 13333 444433 1000000", "mail 3333 3333 111100 1000000"]
    );
    assert_eq!(rows("decay")[1..], ["ads 11429 11429 380967 1000000", "mail 2857 2857 95233 1000000"]);
    let models = office.report(&[("preset", "models")]);
    assert_eq!(line(&models.total.key, &models.total.numbers), "- 30000 30000 30000 30000 30000 30000");
}

#[tokio::test]
async fn a_report_sees_what_has_become_of_a_lead_since_the_last_one() {
    let office = Office::new("");
    let lead_id = office.record(lead("ivan@client.example", NOON, &[("ads", "yandex", 0)])).await;
    office.record(lead("ivan@client.example", NOON, &[("ads", "yandex", 0)])).await;
    let now = || office.rows(&[("metrics", "leads,unique,spam,others,qualified,deals,revenue"), ("by", "channel")]);
    assert_eq!(now(), ["ads 20000 10000 0 0 - - -"]);
    let mark = Mark {
        lead_id: lead_id.clone(),
        kind: Kind::Spam,
        reason: "spam".into(),
        counting: lead("a@b.example", 0, &[]).counting,
        host: "mx1".into(),
        subscribers: [].into(),
    };
    office.store.mark(mark).await.unwrap();
    assert_eq!(now(), ["ads 10000 10000 10000 10000 - - -"], "the next inquiry becomes the first");
    let heir = office.store.leads(&leadmilter::store::LeadFilter { limit: 1, ..Default::default() }).unwrap();
    office.outcome(&heir[0].lead_id, "won", Some(("RUB", 5_000_000)), NOON);
    assert_eq!(now(), ["ads 10000 10000 10000 10000 10000 10000 5000000"]);
    office.outcome(&heir[0].lead_id, "refund", Some(("RUB", 7_000_000)), NOON + 1);
    assert_eq!(now(), ["ads 10000 10000 10000 10000 10000 10000 -2000000"]);
    office.outcome(&heir[0].lead_id, "lost", None, NOON + 2);
    assert_eq!(now(), ["ads 10000 10000 10000 10000 10000 0 0"], "what was given back of no deal");
    office.outcome(&heir[0].lead_id, "refund", Some(("RUB", 5_000_000)), NOON + 2);
    assert_eq!(now(), ["ads 10000 10000 10000 10000 10000 0 0"], "nor behind its end");
    office.outcome(&heir[0].lead_id, "won", Some(("RUB", 3_000_000)), NOON + 3);
    assert_eq!(now(), ["ads 10000 10000 10000 10000 10000 10000 3000000"], "another sale");
    office.outcome(&heir[0].lead_id, "lost", None, NOON + 4);
    office.record(lead("anna@client.example", NOON, &[("ads", "yandex", 0)])).await;
    assert_eq!(now(), ["ads 20000 20000 10000 10000 10000 0 0"]);
    // A file that is gone, or that is of another store, is made anew.
    std::fs::remove_file(office.folder.path().join("reports.db")).unwrap();
    assert_eq!(now(), ["ads 20000 20000 10000 10000 10000 0 0"]);
    office.sql("UPDATE migration SET applied_at = applied_at - 1");
    assert_eq!(now(), ["ads 20000 20000 10000 10000 10000 0 0"]);
    // So is one that has gone on from an older copy of the store: another lead is at the last one's place.
    office.sql("UPDATE lead SET id = 'other', kind = kind WHERE sequence = (SELECT max(sequence) FROM lead)");
    office.sql("UPDATE event SET body = replace(body, '\"ads\"', '\"tv\"')");
    office.sql("DELETE FROM lead_change WHERE number = (SELECT max(number) FROM lead_change)");
    assert_eq!(now(), ["tv 20000 20000 10000 10000 10000 0 0"]);
    office.sql("DELETE FROM outcome; DELETE FROM delivery; DELETE FROM known; DELETE FROM lead WHERE kind = 6");
    assert_eq!(now(), ["tv 20000 20000 0 0 - - -"]);
}

#[tokio::test]
async fn money_without_a_rate_is_told_apart_and_what_has_no_denominator_is_unknown() {
    let office = Office::new("[reports]\nrates = { USD = \"90\" }\noverhead = [\"salaries\"]");
    let one = office.record(lead("ivan@client.example", NOON, &[("direct-ads", "yandex", 0)])).await;
    let two = office.record(lead("anna@client.example", NOON, &[("billboard", "outdoor", 0)])).await;
    office.outcome(&one, "won", Some(("USD", 2_000_000)), NOON);
    office.outcome(&two, "won", Some(("EUR", 3_000_000)), NOON);
    office.cost("2026-11-25", "yandex", "yandex", "cpc", ("RUB", 60_000_000));
    office.cost("2026-11-25", "salaries", "yandex", "cpc", ("RUB", 30_000_000));
    office.cost("2026-11-25", "google", "google", "cpc", ("RUB", 10_000_000));
    office.cost("2026-11-25", "tv", "tv", "spot", ("CHF", 1_000_000));
    let metrics = "leads,cost,cpl,revenue,profit,roi,romi,drr,cac,average_deal,conversion";
    let report = office.report(&[("metrics", metrics), ("by", "channel")]);
    let rows: Vec<_> = report.rows.iter().map(|row| (line(&row.key, &row.numbers), row.is_incomplete)).collect();
    assert_eq!(rows, [
        ("billboard 10000 - - 0 - - - - - - 1000000".to_owned(), true),
        ("direct-ads 10000 60000000 60000000 180000000 90000000 1000000 2000000 333333 60000000 180000000 1000000".to_owned(), false),
        ("- 0 10000000 - 0 - - - - - - -".to_owned(), true),
    ]);
    assert_eq!(line(&report.total.key, &report.total.numbers), "- 20000 70000000 - 180000000 - - - - - - 1000000");
    assert_eq!(
        serde_json::to_value(&report.money).unwrap(),
        serde_json::json!({
            "converted": { "USD": "90.00" }, "revenue_left_out": { "EUR": "3.00" }, "cost_left_out": { "CHF": "1.00" },
            "cost_by_vat": { "unknown": "100.00" },
        })
    );
    // Costs are not known by landing page, nor of some leads alone.
    assert_eq!(office.rows(&[("metrics", "leads,cost"), ("by", "landing_page")]), ["- 20000 -"]);
    assert_eq!(office.rows(&[("metrics", "leads,cost"), ("by", "none"), ("filter", "unique=new")]), ["20000 -"]);
    assert_eq!(office.rows(&[("metrics", "leads,cost"), ("by", "none"), ("filter", "medium=cpc")]), ["0 70000000"]);
}

#[tokio::test]
async fn days_are_those_of_the_zone_and_stand_beside_those_before() {
    let office = Office::new("");
    // 21:00 UTC is midnight in Moscow.
    for (at, sender) in [(NOON + DAY * 3 / 8 - 1, "a"), (NOON + DAY * 3 / 8, "b"), (NOON - 2 * DAY, "c")] {
        office.record(lead(&format!("{sender}@client.example"), at, &[])).await;
    }
    let report = office.report(&[
        ("metrics", "leads"),
        ("by", "day"),
        ("period", "2026-11-25..2026-11-26"),
        ("compare", "previous"),
    ]);
    let rows: Vec<_> = report.rows.iter().map(|row| (line(&row.key, &row.numbers), row.before.clone())).collect();
    assert_eq!(rows, [("2026-11-25 10000".into(), vec![Some(10_000)]), ("2026-11-26 10000".into(), vec![Some(0)])]);
    assert_eq!((report.is_partial, report.total.before), (true, vec![Some(10_000)]));
    let hours = office.rows(&[("metrics", "leads"), ("by", "weekday,hour"), ("period", "2026-11-25..2026-11-26")]);
    assert_eq!(hours, ["3 23 10000", "4 00 10000"]);
    let weeks = office.report(&[("metrics", "leads"), ("by", "week"), ("period", "2026-11")]);
    let keys: Vec<_> = weeks.rows.iter().map(|row| weeks.value(row, Dimension::Week).unwrap()).collect();
    assert_eq!(keys, ["2026-10-26", "2026-11-02", "2026-11-09", "2026-11-16", "2026-11-23", "2026-11-30"]);
}

#[test]
fn every_metric_has_its_name_and_a_formula() {
    for metric in Metric::ALL {
        let entry = metric.entry();
        assert_eq!(entry.id.parse::<Metric>().as_ref(), Ok(metric));
        assert!(!entry.formula.is_empty() && !entry.help.en.is_empty() && !entry.help.ru.is_empty(), "{metric}");
    }
}
