//! The report pages over the real daemon: the engine's own numbers, links that lead deeper, files, strangers' text.

use jiff::{Zoned, civil::Date, tz::TimeZone};
use leadmilter::{
    clock::Millis,
    language::Language,
    report::{Metric, Query, Report, Reporter, Wording, export},
    store::file_in,
};
use rusqlite::Connection;
use serde_json::Value;

use crate::{
    command,
    dashboard_house::{Browser, letter, open, text},
    http_house::{Answer, SITE, Web},
};

/// Text that means something to every program that might read it.
const HOSTILE: &str = "=1+1\u{202e}<script>alert(1)</script>\" onload='x' </td>";

fn today() -> Date {
    Zoned::now().with_time_zone(TimeZone::UTC).date()
}

/// Three letters to the billboard, one of them from a known sender; costs of it, and of something hostile; a deal.
fn seeded() -> Web {
    let web = open(SITE);
    let leads: Vec<Value> = [("ivan@client.test", "Pumps"), ("olga@other.test", "Pipes"), ("ivan@client.test", "More")]
        .map(|(from, subject)| letter(&web, from, subject))
        .into();
    let today = today();
    let long = "ы".repeat(10_000);
    let quoted = HOSTILE.replace('"', "\"\"");
    let costs = format!(
        "date,channel,utm_source,utm_campaign,amount\n{today},billboard-m11,,,300\n{today},,evil,\"{quoted}\",7.50\n\
         {today},,evil,{long},1\n"
    );
    std::fs::write(web.company.path("costs.csv"), costs).unwrap();
    let told = command::run(&web.company, &["costs", "import", "costs.csv"]);
    assert_eq!((told.code, told.err.as_str()), (0, ""), "{told:?}");
    let id = leads[0]["lead_id"].as_str().unwrap();
    let sql = format!(
        "INSERT INTO outcome (lead, system, deal_id, status, amount, currency, occurred_at, recorded_at)
         SELECT sequence, 'crm', 'd1', 'won', 1500000000, 'RUB', 1, 1 FROM lead WHERE id = '{id}'"
    );
    // As the store of an older version, or another intake, might have let it through.
    let deceiving = "UPDATE cost SET campaign = replace(campaign, '1+1', '1+1' || char(8238))";
    let store = Connection::open(file_in(&web.company.path("store"))).unwrap();
    store.execute_batch(&format!("{sql}; {deceiving}")).unwrap();
    web
}

fn report(web: &Web, pairs: &[(&str, &str)]) -> Report {
    let config = web.company.config();
    let query = Query::read(pairs.iter().copied(), today(), config.reports.model).unwrap();
    Reporter::new(&config).run(&query, Millis::now()).unwrap()
}

/// Cells of a page's first table with this caption: of its body, then of its foot.
fn cells(page: &Answer, caption: &str) -> Vec<Vec<String>> {
    let table = page.body.split("<table").find(|table| table.contains(&format!("<caption>{caption}"))).unwrap();
    let table = table.split("</table>").next().unwrap().split("<tbody>").nth(1).unwrap();
    let rows = table.split("<tr>").skip(1);
    let plain = |cell: &str| {
        let mut out = String::new();
        for part in cell.split('<').skip(1) {
            let (tag, text) = part.split_once('>').unwrap();
            if tag.starts_with("small") {
                break;
            }
            out.push_str(text);
        }
        out.trim().to_owned()
    };
    rows.map(|row| row.split("<td").skip(1).map(|cell| plain(&format!("<td{cell}"))).collect()).collect()
}

/// The same as the engine has them.
fn expected(report: &Report, wording: &Wording) -> Vec<Vec<String>> {
    let rows = report.rows.iter().chain([&report.total]);
    rows.map(|row| {
        let columns = report.query.columns.iter().zip(&row.numbers);
        columns.map(|(column, number)| wording.number(*number, column.metric.unit())).collect()
    })
    .collect()
}

/// The address of the first link whose text holds this.
fn link(page: &Answer, text: &str) -> String {
    let links = page.body.split("<a ").skip(1);
    let found = links.filter(|link| link.split("</a>").next().unwrap().contains(text));
    let href = found.map(|link| link.split("href=\"").nth(1).unwrap().split('"').next().unwrap());
    let href = href.into_iter().next().unwrap_or_else(|| panic!("no link {text:?}: {}", page.body));
    href.replace("&#38;", "&")
}

#[test]
fn pages_have_the_engines_numbers() {
    let web = seeded();
    let config = web.company.config();
    let mut vera = Browser::logged_in(&web, "vera");
    for (language, lang) in [(Language::En, "en"), (Language::Ru, "ru")] {
        let wording = Wording::new(&config, language);
        for (path, caption, pairs) in [
            ("channels", ["Channel", "Канал"], vec![("preset", "channels")]),
            (
                "channels?by=source,campaign",
                ["Source × Campaign", "Источник × Кампания"],
                vec![("by", "source,campaign")],
            ),
            (
                "calendar?period=7d",
                ["Day", "День"],
                vec![("preset", "calendar"), ("period", "7d"), ("compare", "previous")],
            ),
            ("senders", ["Sender", "Домен"], vec![("preset", "senders")]),
            ("addresses", ["Substitute", "Подменный"], vec![("preset", "addresses")]),
            ("models", ["Channel", "Канал"], vec![("preset", "models")]),
            ("funnel", ["Channel", "Канал"], vec![("preset", "funnel")]),
        ] {
            let with = if path.contains('?') { '&' } else { '?' };
            let page = vera.get(&format!("/reports/{path}{with}lang={lang}"));
            assert_eq!(page.status, 200, "{path}");
            let caption = caption[usize::from(lang == "ru")];
            assert_eq!(cells(&page, caption), expected(&report(&web, &pairs), &wording), "{path}");
        }
    }
    let page = vera.get("/?lang=en");
    let metrics = "leads,unique,cost,cpl,deals,conversion,revenue,profit,romi,drr,coverage";
    let all = report(&web, &[("metrics", metrics), ("by", "day"), ("compare", "previous")]);
    assert_eq!(cells(&page, "Day"), expected(&all, &Wording::new(&config, Language::En)));
    let told = text(&page);
    for tile in ["Leads 3 ↑ up (was 0)", "New 2 ", "Cost, RUB 308.50", "Revenue, RUB 1,500", "ROMI 386.2%"] {
        assert!(told.contains(tile), "{tile}: {told}");
    }
}

#[test]
fn hours_and_days_hold_every_lead() {
    let web = seeded();
    let page = Browser::logged_in(&web, "vera").get("/reports/heatmap?lang=en");
    let cells = cells(&page, "Day × Hour");
    let sum: u32 = cells.iter().flatten().map(|cell| cell.parse::<u32>().unwrap()).sum();
    assert_eq!((cells.len(), cells[0].len(), sum), (7, 24, 3));
    assert_eq!(page.body.matches("<g class=\"cell h").count(), 7 * 24);
}

#[test]
fn links_lead_deeper_and_to_the_letters() {
    let web = seeded();
    let mut vera = Browser::logged_in(&web, "vera");
    let page = vera.get("/reports/channels?lang=en");
    let deeper = link(&page, "Щит на М11");
    assert_eq!(deeper, "/reports/channels?lang=en&by=campaign&filter=channel%3Dbillboard-m11");
    let campaigns = vera.get(&deeper);
    assert_eq!(cells(&campaigns, "Campaign")[0][..3], ["3", "2", "1"]);
    assert!(text(&campaigns).contains("Channel: Щит на М11 ✕ remove: Channel"), "{}", text(&campaigns));
    assert_eq!(link(&campaigns, "remove: Channel"), "/reports/channels?lang=en&by=campaign");

    let letters = vera.get(&link(&page, "letters"));
    assert_eq!(letters.body.matches("<th scope=\"row\"").count(), 3, "{}", text(&letters));
    let day = vera.get("/reports/calendar?period=today&lang=en");
    let name = Language::En.day(today());
    let channels = link(&day, &name);
    assert_eq!(channels, format!("/reports/channels?lang=en&period={0}..{0}", today()));
    assert_eq!(cells(&vera.get(&channels), "Channel")[0][0], "3");

    let sorted = link(&page, "Cost, RUB");
    assert_eq!(sorted, "/reports/channels?lang=en&sort=-cost");
    let sorted = vera.get(&sorted);
    assert!(
        sorted
            .body
            .contains("class=\"number\" aria-sort=\"descending\"><a href=\"/reports/channels?lang=en&#38;sort=cost\">")
    );
    assert_eq!(vera.get("/reports").field("location"), "/reports/channels");
    let dates = vera.get("/reports/channels?period=30d&from=2026-01-01&to=2026-01-31&by=source");
    let plain = "/reports/channels?by=source&period=2026-01-01..2026-01-31";
    assert_eq!((dates.status, dates.field("location")), (303, plain));
}

#[test]
fn reports_are_saved_as_files() {
    let web = seeded();
    let config = web.company.config();
    let mut vera = Browser::logged_in(&web, "vera");
    let page = vera.get("/reports/channels?by=campaign&compare=previous&lang=ru");
    let report = report(&web, &[("by", "campaign"), ("compare", "previous"), ("limit", "100000")]);
    let wording = Wording::new(&config, Language::Ru);
    for (name, media_type, octets) in [
        ("CSV", "text/csv; charset=utf-8", export::csv(&report, &wording).unwrap()),
        (
            "XLSX",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            export::xlsx(&report, &wording).unwrap(),
        ),
        ("JSON", "application/json", serde_json::to_vec(&export::whole(&report, Language::Ru)).unwrap()),
    ] {
        let path = link(&page, &format!(">{name}"));
        let file = vera.get(&path);
        let kept =
            format!("attachment; filename=\"leadmilter-channels-{}.{}\"", report.query.period, name.to_lowercase());
        let fields = ["content-type", "content-disposition", "cache-control"].map(|name| file.field(name));
        assert_eq!((file.status, fields), (200, [media_type, kept.as_str(), "no-store"]), "{path}");
        assert!(file.octets == octets, "{path}: {}", file.body);
    }
    assert_eq!(vera.get("/reports/channels.exe").status, 404);
    assert_eq!(vera.get("/reports/nothing").status, 404);
    let audit = text(&Browser::logged_in(&web, "anna").get("/audit?lang=en"));
    assert_eq!(audit.matches("leadmilter-channels-").count(), 3, "{audit}");
    let stranger = Browser::of(&web).get("/reports/channels.csv?by=campaign");
    assert_eq!(
        (stranger.status, stranger.field("location")),
        (303, "/login?back=%2Freports%2Fchannels.csv%3Fby%3Dcampaign")
    );
}

#[test]
fn strangers_text_is_text_in_reports() {
    let web = seeded();
    let mut vera = Browser::logged_in(&web, "vera");
    let asked: String = url::form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect();
    for path in [
        "/reports/channels?by=campaign&lang=en".to_owned(),
        "/reports/channels?by=source,campaign&lang=ru".to_owned(),
        format!("/reports/channels?filter=campaign%3D{asked}&by=term&lang=en"),
        format!("/?filter=channel%3D{asked}&lang=en"),
        format!("/reports/channels?by={asked}&lang=en"),
        format!("/reports/calendar?{asked}={asked}&period={asked}"),
        format!("/reports/senders?model={asked}"),
    ] {
        let page = vera.get(&path);
        assert!([200, 400].contains(&page.status), "{path}");
        // Fields that nobody sees send back what the URL said.
        let seen = page.body.split_once("<main").unwrap().1.lines();
        let content: String = seen.filter(|line| !line.starts_with("<input type=\"hidden\"")).collect();
        for never in ["<script>", " onload='", "\u{202e}", " style=", "<style", "</td> "] {
            assert!(!content.contains(never), "{path} {never}");
        }
    }
    let page = vera.get("/reports/channels?by=campaign&lang=en");
    let shown = "=1+1\u{fffd}&#60;script&#62;alert(1)&#60;/script&#62;&#34; onload=&#39;x&#39; &#60;/td&#62;";
    assert!(page.body.contains(&format!("title=\"{shown}\"><bdi>{shown}</bdi></a>")), "{}", page.body);
    // The link asks for what the store holds, not for what is shown.
    let deeper = link(&page, "=1+1");
    let rows = cells(&vera.get(&deeper), "Term");
    assert_eq!(rows[0][4], "7.50", "{rows:?}");
}

#[test]
fn nonsense_is_told_and_nothing_to_see_says_what_to_do() {
    let web = open(SITE);
    let mut vera = Browser::logged_in(&web, "vera");
    let wrong = vera.get("/reports/channels?by=planet&lang=en");
    let told = "Reports This address asks for something that does not exist. What is wrong: \"planet\" is no dimension: known are ";
    assert_eq!((wrong.status, text(&wrong).starts_with(told)), (400, true), "{}", text(&wrong));
    assert_eq!(vera.get("/?period=never").status, 400);
    for path in
        ["/", "/reports/channels", "/reports/calendar", "/reports/heatmap", "/reports/senders", "/reports/models"]
    {
        let page = vera.get(&format!("{path}?lang=en"));
        let told = text(&page);
        assert!(page.status == 200 && told.contains("No leads in these days. Look at all time"), "{path} {told}");
        assert!(vera.get(&format!("{path}?lang=ru")).body.contains("За эти дни лидов нет."), "{path}");
    }
    letter(&web, "ivan@client.test", "Pumps");
    let told = text(&vera.get("/reports/channels?lang=en"));
    assert!(told.contains("Nothing is known of costs in these days"), "{told}");
    let told = text(&vera.get("/reports/channels?filter=channel%3Dnewsletter&lang=en"));
    assert!(told.contains("No lead of these days fits the filters. Show the report without it"), "{told}");
    let funnel = text(&vera.get("/reports/funnel?lang=en"));
    assert_eq!(funnel.contains("Nothing is known of visits"), web.company.config().dynamic.is_none(), "{funnel}");
    let meaning = format!("{} {}", Metric::Romi.entry().label.en, Metric::Romi.entry().help.en);
    assert!(told.contains(&meaning), "{told}");
}
